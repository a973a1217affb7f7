// Package deploycheck decodes the Kubernetes manifests of docs/deploy strictly into the types of the Kubernetes API, and
// holds their parts against each other. What comes in is that file, what goes out is a test result. It lies in a
// nested module because these types would bring more into the main go.mod than all of millrace needs.
package deploycheck

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const manifests = "../../../docs/deploy/kubernetes.yaml"

// all is what the file holds, by kind.
type all struct {
	spaces   []corev1.Namespace
	configs  []corev1.ConfigMap
	claims   []corev1.PersistentVolumeClaim
	services []corev1.Service
	sets     []appsv1.StatefulSet
}

// decode reads the documents of a file. A field that the API does not have is an error.
func decode(raw string) (a all, err error) {
	for i, doc := range strings.Split(raw, "\n---\n") {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
			return a, err
		}
		switch head.APIVersion + " " + head.Kind {
		case "v1 Namespace":
			err = add(doc, &a.spaces)
		case "v1 ConfigMap":
			err = add(doc, &a.configs)
		case "v1 PersistentVolumeClaim":
			err = add(doc, &a.claims)
		case "v1 Service":
			err = add(doc, &a.services)
		case "apps/v1 StatefulSet":
			err = add(doc, &a.sets)
		default:
			err = fmt.Errorf("%s %s is not known here", head.APIVersion, head.Kind)
		}
		if err != nil {
			return a, fmt.Errorf("document %d: %w", i, err)
		}
	}
	return a, nil
}

func add[T any](doc string, to *[]T) error {
	var v T
	if err := yaml.UnmarshalStrict([]byte(doc), &v); err != nil {
		return err
	}
	*to = append(*to, v)
	return nil
}

func read(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(manifests)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func load(t *testing.T) all {
	t.Helper()
	a, err := decode(read(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.spaces) != 1 || len(a.configs) != 1 || len(a.claims) != 1 || len(a.services) != 3 || len(a.sets) != 3 {
		t.Fatalf("%d namespaces, %d configmaps, %d claims, %d services, %d sets", len(a.spaces), len(a.configs), len(a.claims), len(a.services), len(a.sets))
	}
	return a
}

func TestWorkersAndMill(t *testing.T) {
	a := load(t)
	seen := map[string]int32{}
	for _, s := range a.sets {
		c := s.Spec.Template.Spec.Containers[0]
		belt := c.Args[2]
		want := fmt.Sprintf("run --belt %s --worker $(POD_INDEX)/%d --metrics 0.0.0.0:9464 /etc/millrace/pipeline.yaml", s.Name, *s.Spec.Replicas)
		if belt == "mill" {
			want = "run --belt mill --metrics 0.0.0.0:9464 /etc/millrace/pipeline.yaml"
		} else if len(c.Env) != 1 || c.Env[0].Name != "POD_INDEX" || c.Env[0].ValueFrom.FieldRef.FieldPath != "metadata.labels['apps.kubernetes.io/pod-index']" {
			t.Errorf("%s: the ordinal does not come from its label: %+v", s.Name, c.Env)
		}
		if got := strings.Join(c.Args, " "); got != want || belt != s.Name {
			t.Errorf("%s: args %s, want %s", s.Name, got, want)
		}
		if s.Spec.PodManagementPolicy != appsv1.ParallelPodManagement {
			t.Errorf("%s: workers start one after the other", s.Name)
		}
		seen[s.Name] = *s.Spec.Replicas
	}
	if seen["crawl"] < 1 || seen["crawl"] != seen["clean"] || seen["mill"] != 1 {
		t.Errorf("%v: want as many that clean as crawl, and one mill", seen)
	}
}

func TestPods(t *testing.T) {
	a := load(t)
	drain := regexp.MustCompile(`(?m)^drain: (\S+)$`).FindStringSubmatch(a.configs[0].Data["pipeline.yaml"])
	if drain == nil {
		t.Fatal("the configuration has no drain")
	}
	grace, err := time.ParseDuration(drain[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range a.sets {
		pod, c := s.Spec.Template, s.Spec.Template.Spec.Containers[0]
		for k, v := range s.Spec.Selector.MatchLabels {
			if pod.Labels[k] != v {
				t.Errorf("%s: the selector does not find its pods", s.Name)
			}
		}
		i := slices.IndexFunc(a.services, func(x corev1.Service) bool { return x.Name == s.Spec.ServiceName })
		if i < 0 || a.services[i].Spec.ClusterIP != corev1.ClusterIPNone || a.services[i].Spec.Selector["belt"] != pod.Labels["belt"] {
			t.Errorf("%s: no headless service of its own", s.Name)
		}
		if time.Duration(*pod.Spec.TerminationGracePeriodSeconds)*time.Second < grace+5*time.Second {
			t.Errorf("%s: killed after %d s, and may drain for %s", s.Name, *pod.Spec.TerminationGracePeriodSeconds, grace)
		}
		if len(c.Ports) != 1 || c.Ports[0].Name != "metrics" || !slices.Contains(c.Args, fmt.Sprintf("0.0.0.0:%d", c.Ports[0].ContainerPort)) {
			t.Errorf("%s: port %+v is not where it listens", s.Name, c.Ports)
		}
		for path, p := range map[string]*corev1.Probe{"/livez": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
			if p == nil || p.HTTPGet == nil || p.HTTPGet.Path != path || p.HTTPGet.Port.StrVal != "metrics" {
				t.Errorf("%s: probe %s: %+v", s.Name, path, p)
			}
		}
		if port := pod.Annotations["prometheus.io/port"]; port != fmt.Sprint(c.Ports[0].ContainerPort) || pod.Annotations["prometheus.io/path"] != "/metrics" {
			t.Errorf("%s: annotations %v", s.Name, pod.Annotations)
		}
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().Cmp(*c.Resources.Requests.Memory()) < 0 {
			t.Errorf("%s: resources %+v", s.Name, c.Resources)
		}
		if p, x := pod.Spec.SecurityContext, c.SecurityContext; !*p.RunAsNonRoot || *p.RunAsUser != user(t) || !*x.ReadOnlyRootFilesystem || *x.AllowPrivilegeEscalation || !slices.Equal(x.Capabilities.Drop, []corev1.Capability{"ALL"}) {
			t.Errorf("%s: security contexts %+v, %+v", s.Name, p, x)
		}
		checkVolumes(t, a, s.Name, pod.Spec)
	}
}

// checkVolumes wants each mount to be of a volume, and each volume to be of something in the file.
func checkVolumes(t *testing.T, a all, name string, pod corev1.PodSpec) {
	at := map[string]string{}
	for _, m := range pod.Containers[0].VolumeMounts {
		at[m.Name] = m.MountPath
	}
	for _, v := range pod.Volumes {
		if at[v.Name] == "" {
			t.Errorf("%s: volume %s is not mounted", name, v.Name)
		}
		switch {
		case v.PersistentVolumeClaim != nil:
			if c := a.claims[0]; v.PersistentVolumeClaim.ClaimName != c.Name || !slices.Equal(c.Spec.AccessModes, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}) {
				t.Errorf("%s: the corpus is on claim %+v", name, v.PersistentVolumeClaim)
			}
			if !strings.Contains(a.configs[0].Data["pipeline.yaml"], "dir: "+at[v.Name]+"\n") {
				t.Errorf("%s: the corpus is mounted on %s, and the configuration says another dir", name, at[v.Name])
			}
		case v.ConfigMap != nil && v.ConfigMap.Name != a.configs[0].Name:
			t.Errorf("%s: no configmap %s", name, v.ConfigMap.Name)
		}
		delete(at, v.Name)
	}
	if len(at) > 0 {
		t.Errorf("%s: mounted, but no volumes: %v", name, at)
	}
}

// user is the one that the image runs as.
func user(t *testing.T) (id int64) {
	t.Helper()
	b, err := os.ReadFile("../../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^USER (\d+):`).FindSubmatch(b)
	if m == nil {
		t.Fatal("the image runs as root, or as a name that Kubernetes cannot check")
	}
	if _, err := fmt.Sscan(string(m[1]), &id); err != nil || id == 0 {
		t.Fatalf("user %s, %v", m[1], err)
	}
	return id
}

func TestNamespace(t *testing.T) {
	a := load(t)
	space := a.spaces[0].Name
	for name, in := range map[string]string{"config": a.configs[0].Namespace, "claim": a.claims[0].Namespace, "service": a.services[0].Namespace,
		"crawl": a.sets[0].Namespace, "clean": a.sets[1].Namespace, "mill": a.sets[2].Namespace} {
		if in != space {
			t.Errorf("%s is in namespace %q", name, in)
		}
	}
}

// TestDecodeRefuses shows that a mistake in the file would be seen.
func TestDecodeRefuses(t *testing.T) {
	right := read(t)
	for name, edit := range map[string][2]string{
		"misspelt key":   {"readinessProbe:", "readynessProbe:"},
		"wrong place":    {"  replicas: 4", "replicas: 4"},
		"not a number":   {"periodSeconds: 30", "periodSeconds: thirty"},
		"a quantity":     {"storage: 1Ti", "storage: 1Tx"},
		"key twice":      {"  replicas: 4\n", "  replicas: 4\n  replicas: 5\n"},
		"unknown object": {"kind: StatefulSet", "kind: StatefullSet"},
	} {
		wrong := strings.Replace(right, edit[0], edit[1], 1)
		if wrong == right {
			t.Fatalf("%s: %q is not in the file", name, edit[0])
		}
		if _, err := decode(wrong); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}
