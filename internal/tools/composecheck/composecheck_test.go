// Package composecheck loads docker-compose.yml as Docker would, without Docker, and holds it
// against the properties with which internal/sim/kafka runs a real broker. What comes in is those
// two files; what goes out is a test result. It lies in a nested module because compose-go would
// bring more into the main go.mod than all of millrace needs.
package composecheck

import (
	"bufio"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

const (
	composeFile = "../../../docker-compose.yml"
	simKafka    = "../../sim/kafka/"
)

// simOnly are properties of the test broker that a broker for real work must not have, or has in
// another form: each with its reason.
var simOnly = map[string]string{
	"listener.security.protocol.map":               "compose has a listener more, for the host",
	"inter.broker.listener.name":                   "the same",
	"broker.session.timeout.ms":                    "tests kill the broker every few seconds",
	"broker.heartbeat.interval.ms":                 "the same",
	"offsets.topic.num.partitions":                 "small for a test machine",
	"transaction.state.log.num.partitions":         "the same",
	"share.coordinator.state.topic.num.partitions": "the same",
	"log.cleaner.dedupe.buffer.size":               "the same",
	"num.network.threads":                          "the same",
	"num.io.threads":                               "the same",
}

// load reads the compose file with the given profiles.
func load(t *testing.T, file string, profiles ...string) (*types.Project, error) {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{file}, cli.WithProfiles(profiles), cli.WithInterpolation(true))
	if err != nil {
		t.Fatal(err)
	}
	return o.LoadProject(t.Context())
}

func mustLoad(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	p, err := load(t, composeFile, profiles...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// env gives a service's environment; a variable without a value is an error.
func env(t *testing.T, s types.ServiceConfig) map[string]string {
	t.Helper()
	out := map[string]string{}
	for k, v := range s.Environment {
		if v == nil {
			t.Errorf("%s: %s has no value", s.Name, k)
			continue
		}
		out[k] = *v
	}
	return out
}

// variable turns a property into the image's variable: dots to _, _ to __, - to ___.
func variable(property string) string {
	return "KAFKA_" + strings.ToUpper(strings.NewReplacer(".", "_", "_", "__", "-", "___").Replace(property))
}

// properties reads a server.properties file.
func properties(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), "="); ok && !strings.HasPrefix(k, "#") {
			out[k] = v
		}
	}
	return out
}

func TestServices(t *testing.T) {
	if got, want := slices.Sorted(maps.Keys(mustLoad(t).Services)), []string{"kafka"}; !slices.Equal(got, want) {
		t.Errorf("without a profile: services %v, want %v", got, want)
	}
	all := slices.Sorted(maps.Keys(mustLoad(t, "cluster").Services))
	if want := []string{"kafka", "kafka-1", "kafka-2", "kafka-3"}; !slices.Equal(all, want) {
		t.Errorf("profile cluster: services %v, want %v", all, want)
	}
}

func TestSamePropertiesAsTheTests(t *testing.T) {
	sim := properties(t, simKafka+"server.properties")
	for name := range simOnly {
		if _, ok := sim[name]; !ok {
			t.Errorf("simOnly names %s, which server.properties does not have", name)
		}
	}
	single := env(t, mustLoad(t).Services["kafka"])
	for name, want := range sim {
		if _, ok := simOnly[name]; ok {
			continue
		}
		if got := single[variable(name)]; got != want {
			t.Errorf("%s = %q, but the tests run with %s=%s", variable(name), got, name, want)
		}
	}
}

func TestSameVersionAsTheTests(t *testing.T) {
	pom, err := os.ReadFile(simKafka + "pom.xml")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<kafka\.version>(.+)</kafka\.version>`).FindSubmatch(pom)
	if m == nil {
		t.Fatal("pom.xml names no kafka.version")
	}
	for name, s := range mustLoad(t, "cluster").Services {
		if want := "apache/kafka:" + string(m[1]); s.Image != want {
			t.Errorf("%s: image %s, want %s as in pom.xml", name, s.Image, want)
		}
	}
}

func TestEachBroker(t *testing.T) {
	ports, volumes, nodes := map[string]string{}, map[string]string{}, map[string]string{}
	once := func(seen map[string]string, key, service string) {
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s share %s", service, other, key)
		}
		seen[key] = service
	}
	for name, s := range mustLoad(t, "cluster").Services {
		e := env(t, s)
		once(nodes, e["CLUSTER_ID"]+" node "+e["KAFKA_NODE_ID"], name)
		if voter := e["KAFKA_NODE_ID"] + "@" + s.Hostname + ":9093"; !slices.Contains(strings.Split(e["KAFKA_CONTROLLER_QUORUM_VOTERS"], ","), voter) {
			t.Errorf("%s: %s is not among the voters %s", name, voter, e["KAFKA_CONTROLLER_QUORUM_VOTERS"])
		}
		if len(s.Ports) != 1 || s.Ports[0].HostIP != "127.0.0.1" {
			t.Fatalf("%s: ports %v: want one, on 127.0.0.1 only, as there is no password", name, s.Ports)
		}
		once(ports, s.Ports[0].Published, name)
		// A client on the host is sent on to the advertised address: it must be the published port.
		if addr := "EXTERNAL://localhost:" + s.Ports[0].Published; !strings.HasSuffix(e["KAFKA_ADVERTISED_LISTENERS"], addr) {
			t.Errorf("%s: advertises %s, published is %s", name, e["KAFKA_ADVERTISED_LISTENERS"], addr)
		}
		if len(s.Volumes) != 1 || s.Volumes[0].Type != types.VolumeTypeVolume || s.Volumes[0].Target != e["KAFKA_LOG_DIRS"] {
			t.Fatalf("%s: volumes %v: want one named volume on KAFKA_LOG_DIRS=%s", name, s.Volumes, e["KAFKA_LOG_DIRS"])
		}
		once(volumes, s.Volumes[0].Source, name)
		if s.HealthCheck == nil || !slices.Contains(s.HealthCheck.Test, "localhost:"+s.Ports[0].Published) {
			t.Errorf("%s: the health check does not ask localhost:%s", name, s.Ports[0].Published)
		}
	}
}

func TestClusterSurvivesOneBroker(t *testing.T) {
	for name, s := range mustLoad(t, "cluster").Services {
		if !slices.Contains(s.Profiles, "cluster") {
			continue
		}
		e := env(t, s)
		if e["KAFKA_DEFAULT_REPLICATION_FACTOR"] != "3" || e["KAFKA_MIN_INSYNC_REPLICAS"] != "2" {
			t.Errorf("%s: replication %s, in sync %s: want 3 and 2", name, e["KAFKA_DEFAULT_REPLICATION_FACTOR"], e["KAFKA_MIN_INSYNC_REPLICAS"])
		}
		if v, ok := e["KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR"]; ok {
			t.Errorf("%s: KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=%s belongs to a single broker", name, v)
		}
	}
}

// TestLoaderRefuses shows that a mistake in the file would be seen.
func TestLoaderRefuses(t *testing.T) {
	right, err := os.ReadFile(composeFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"misspelt key":   {"healthcheck:", "healthchek:"},
		"unknown anchor": {"<<: *kafka", "<<: *kafk"},
		"not a number":   {"retries: 12", "retries: twelve"},
		"unknown volume": {`volumes: ["kafka:/`, `volumes: ["kafak:/`},
	} {
		wrong := strings.Replace(string(right), edit[0], edit[1], 1)
		if wrong == string(right) {
			t.Fatalf("%s: %q is not in the file", name, edit[0])
		}
		file := t.TempDir() + "/docker-compose.yml"
		if err := os.WriteFile(file, []byte(wrong), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, file); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}
