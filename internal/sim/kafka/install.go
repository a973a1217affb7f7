package kafka

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

//go:embed pom.xml
var pom []byte

// minJava is the oldest Java that Kafka 4 runs on.
const minJava = 17

// Missing says why no broker can run on this machine, or "".
func Missing(ctx context.Context) string {
	if err := checkJava(ctx); err != nil {
		return err.Error()
	}
	home, err := libs()
	if err != nil {
		return err.Error()
	}
	if _, err := os.Stat(home); err == nil {
		return ""
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "no mvn found: install Maven 3.6 or newer"
	}
	return ""
}

// Install copies Kafka's jars into the cache folder, once, and returns that folder.
func Install(ctx context.Context) (string, error) {
	home, err := libs()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(home); err == nil {
		return home, nil
	}
	if why := Missing(ctx); why != "" {
		return "", fmt.Errorf("install Kafka: %s", why)
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return "", fmt.Errorf("install Kafka: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(home), ".new-")
	if err != nil {
		return "", fmt.Errorf("install Kafka: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := copyJars(ctx, tmp); err != nil {
		return "", err
	}
	// Two installs at once are waste, not harm: the first rename wins and the folders are equal.
	if err := os.Rename(filepath.Join(tmp, "jars"), home); err != nil {
		if _, there := os.Stat(home); there != nil {
			return "", fmt.Errorf("install Kafka: %w", err)
		}
	}
	return home, nil
}

// copyJars lets Maven resolve pom.xml into tmp/jars.
func copyJars(ctx context.Context, tmp string) error {
	file := filepath.Join(tmp, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return fmt.Errorf("install Kafka: %w", err)
	}
	jars := filepath.Join(tmp, "jars")
	mvn := exec.CommandContext(ctx, "mvn", "-B", "-q", "-f", file, "-Dstyle.color=never",
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+jars)
	if said, err := mvn.CombinedOutput(); err != nil {
		return fmt.Errorf("install Kafka: mvn dependency:copy-dependencies: %w\n%s", err, said)
	}
	if found, _ := filepath.Glob(filepath.Join(jars, "kafka_2.13-*.jar")); len(found) != 1 {
		return fmt.Errorf("install Kafka: Maven ran, but left %d kafka_2.13 jars in %s", len(found), jars)
	}
	return nil
}

// libs is where the jars lie: a folder named by pom.xml, so that another version is another folder.
func libs() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(cache, "millrace", "kafka", fmt.Sprintf("%x", sha256.Sum256(pom))[:12]), nil
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// checkJava asks the java on PATH for its version.
func checkJava(ctx context.Context) error {
	if _, err := exec.LookPath("java"); err != nil {
		return fmt.Errorf("no java found: install a Java %d runtime or newer", minJava)
	}
	said, err := exec.CommandContext(ctx, "java", "-version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("java -version: %w", err)
	}
	m := javaVersion.FindSubmatch(said)
	if m == nil {
		return fmt.Errorf("java -version says %q: want Java %d or newer", said, minJava)
	}
	if major, err := strconv.Atoi(string(m[1])); err != nil || major < minJava {
		return fmt.Errorf("found Java %s: want %d or newer", m[1], minJava)
	}
	return nil
}
