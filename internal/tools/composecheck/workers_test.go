package composecheck

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

const pipelineFile = "../../../docs/deploy/pipeline.yaml"

// value finds `key: value` at the start of a line of pipeline.yaml.
func value(t *testing.T, key string) string {
	t.Helper()
	b, err := os.ReadFile(pipelineFile)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + key + `: (\S+)$`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("%s has no %s", pipelineFile, key)
	}
	return string(m[1])
}

// workers are the services that run millrace.
func workers(t *testing.T) map[string]types.ServiceConfig {
	t.Helper()
	out := map[string]types.ServiceConfig{}
	for name, s := range mustLoad(t, "workers").Services {
		if s.Build != nil {
			out[name] = s
		}
	}
	return out
}

func TestEachBeltHasItsServices(t *testing.T) {
	if got, want := slices.Sorted(maps.Keys(workers(t))), []string{"clean-0", "clean-1", "crawl-0", "crawl-1", "mill"}; !slices.Equal(got, want) {
		t.Fatalf("services %v, want %v", got, want)
	}
	for name, s := range workers(t) {
		part := "--belt mill"
		if belt, i, ok := strings.Cut(name, "-"); ok {
			part = fmt.Sprintf("--belt %s --worker %s/2", belt, i)
		}
		if got, want := strings.Join(s.Command, " "), "run "+part+" --metrics 0.0.0.0:9464 /etc/millrace/pipeline.yaml"; got != want {
			t.Errorf("%s: command %s, want %s", name, got, want)
		}
	}
}

func TestWorkersAreConfined(t *testing.T) {
	drain, err := time.ParseDuration(value(t, "drain"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range workers(t) {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.Privileged || len(s.Ports) > 0 {
			t.Errorf("%s: read only %v, dropped %v, privileged %v, ports %v", name, s.ReadOnly, s.CapDrop, s.Privileged, s.Ports)
		}
		if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) < drain+5*time.Second {
			t.Errorf("%s: killed after %v, and may drain for %s", name, s.StopGracePeriod, drain)
		}
		if len(s.Volumes) != 1 || s.Volumes[0].Source != "corpus" || s.Volumes[0].Target != value(t, "dir") {
			t.Errorf("%s: volumes %v, the configuration says dir: %s", name, s.Volumes, value(t, "dir"))
		}
		if len(s.Configs) != 1 || !slices.Contains(s.Command, s.Configs[0].Target) {
			t.Errorf("%s: configs %v, command %v", name, s.Configs, s.Command)
		}
		if d, ok := s.DependsOn["kafka"]; !ok || d.Condition != types.ServiceConditionHealthy {
			t.Errorf("%s: starts before the broker: %v", name, s.DependsOn)
		}
	}
}

// The workers find the broker by the address that it gives to others in its network.
func TestLogIsTheBroker(t *testing.T) {
	addr, ok := strings.CutPrefix(value(t, "log"), "kafka://")
	listeners := env(t, mustLoad(t).Services["kafka"])["KAFKA_ADVERTISED_LISTENERS"]
	if !ok || !slices.Contains(strings.Split(listeners, ","), "INTERNAL://"+addr) {
		t.Errorf("log %s, the broker advertises %s", addr, listeners)
	}
}

func TestPrometheusAsksEachPart(t *testing.T) {
	p := mustLoad(t, "workers", "metrics")
	s := p.Services["prometheus"]
	if len(s.Ports) != 1 || s.Ports[0].HostIP != "127.0.0.1" {
		t.Errorf("ports %v: want one, on loopback", s.Ports)
	}
	b, err := os.ReadFile(p.Configs["prometheus"].File)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`targets: \[(.+)\]`).FindSubmatch(b)
	if m == nil {
		t.Fatal("no targets")
	}
	got := strings.Split(string(m[1]), ", ")
	slices.Sort(got)
	var want []string
	for name := range workers(t) {
		want = append(want, name+":9464")
	}
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("targets %v, want %v", got, want)
	}
}

// The image is built from this module's own Go, and does not run as root.
func TestImage(t *testing.T) {
	b, err := os.ReadFile("../../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	for _, want := range []string{"ARG GO_VERSION=" + string(version[1]) + "\n", "CGO_ENABLED=0", "FROM scratch\n", "USER 65532:65532\n", `ENTRYPOINT ["/millrace"]`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the Dockerfile has no %q", want)
		}
	}
}
