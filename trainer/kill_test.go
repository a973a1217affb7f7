package trainer

import (
	"bufio"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const killDir = "MILLRACE_TRAINER_KILL_DIR"

func killOptions(dir string) Options {
	c := small()
	c.Steps, c.CheckpointEvery, c.EvalEvery = 80, 3, 10
	return Options{Config: c, Docs: &list{docs: corpus(8, 80)}, Out: dir, Resume: true}
}

// TestKill9 starts a process that trains, kills it at moments that nobody chose, and compares the
// end with an undisturbed run.
func TestKill9(t *testing.T) {
	if dir := os.Getenv(killDir); dir != "" {
		o := killOptions(dir)
		o.Pace = 3 * time.Millisecond
		o.OnStep = func(StepEvent) { os.Stdout.WriteString("step\n") }
		if _, err := Train(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	kills := 0
	for range 8 {
		kills += killOnce(t, exe, dir, time.Duration(r.IntN(60))*time.Millisecond)
	}
	if kills == 0 {
		t.Error("no process was killed while it trained")
	}
	got, want := train(t, killOptions(dir)), train(t, killOptions(t.TempDir()))
	if got.ParamSHA256 != want.ParamSHA256 || got.FirstLoss != want.FirstLoss || got.LastLoss != want.LastLoss {
		t.Errorf("killed %d times: %s, undisturbed %s", kills, got.ParamSHA256, want.ParamSHA256)
	}
}

// killOnce lets a child train, kills it some time after its first step, and reports 1 if it had
// work left.
func killOnce(t *testing.T, exe, dir string, after time.Duration) int {
	t.Helper()
	cmd := exec.Command(exe, "-test.run=^TestKill9$")
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "step" {
		t.Logf("child: %s", lines.Text())
	}
	time.Sleep(after)
	cmd.Process.Kill() // it may have ended by itself
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "--- FAIL") {
			t.Errorf("the child failed: %s", lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		return 1
	}
	return 0
}
