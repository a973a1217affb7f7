package cli

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"millrace/internal/config"
)

// deployed are the commands of the compose file and of the manifests. $(POD_INDEX) is what Kubernetes puts there.
func deployed(t *testing.T) (commands [][]string) {
	t.Helper()
	var compose struct {
		Services map[string]struct {
			Command []string `yaml:"command"`
		} `yaml:"services"`
	}
	// This library takes a key beside a merged one for a duplicate.
	if err := yaml.UnmarshalWithOptions(read(t, "../../docker-compose.yml"), &compose, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	for _, s := range compose.Services {
		if s.Command != nil {
			commands = append(commands, s.Command)
		}
	}
	for doc := range bytes.SplitSeq(read(t, "../../docs/deploy/kubernetes.yaml"), []byte("\n---\n")) {
		var set struct {
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct {
							Args []string `yaml:"args"`
						} `yaml:"containers"`
					} `yaml:"spec"`
				} `yaml:"template"`
			} `yaml:"spec"`
		}
		if err := yaml.Unmarshal(doc, &set); err != nil {
			t.Fatal(err)
		}
		for _, c := range set.Spec.Template.Spec.Containers {
			commands = append(commands, strings.Split(strings.ReplaceAll(strings.Join(c.Args, "\n"), "$(POD_INDEX)", "0"), "\n"))
		}
	}
	return commands
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// taken reports whether this millrace takes the command: its flags, its arguments, and the part of the line.
func taken(args []string) error {
	a := &App{}
	c, rest, err := a.root().Find(args)
	if err == nil {
		err = c.ParseFlags(rest)
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	if err != nil {
		return err
	}
	o := runOptions{belt: c.Flag("belt").Value.String(), worker: c.Flag("worker").Value.String()}
	_, err = o.part()
	return err
}

// Every command of the compose file and the manifests is one that this millrace takes.
func TestDeployedCommands(t *testing.T) {
	commands := deployed(t)
	if len(commands) != 5+3 {
		t.Fatalf("%d commands: %v", len(commands), commands)
	}
	for _, args := range commands {
		if err := taken(args); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	for _, wrong := range []string{"run --bolt mill", "run --belt grind", "run --belt clean --worker 2/2", "run --belt mill --worker 0/2", "run --metrics x", "run a b"} {
		if taken(strings.Fields(wrong)) == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// Their configurations are ones that it reads, and say nothing of who crawls.
func TestDeployedConfigurations(t *testing.T) {
	m := regexp.MustCompile(`(?s)  pipeline.yaml: \|\n(.+?)\n---\n`).FindSubmatch(read(t, "../../docs/deploy/kubernetes.yaml"))
	if m == nil {
		t.Fatal("no configuration in the manifests")
	}
	for name, text := range map[string][]byte{"docs/deploy/pipeline.yaml": read(t, "../../docs/deploy/pipeline.yaml"), "kubernetes.yaml": bytes.ReplaceAll(m[1], []byte("\n    "), []byte("\n"))} {
		c, err := config.Parse(name, bytes.TrimSpace(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.Dir != "/corpus" || !strings.HasPrefix(c.Log, "kafka://") || len(c.Crawl.Seeds) > 0 || c.Agent.Contact != "" {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
