package trainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"millrace"
)

// list is a corpus; only the first visible documents are committed.
type list struct {
	docs    []Doc
	at      int
	visible func() int
}

func (l *list) Next(ctx context.Context) (Doc, error) {
	if err := ctx.Err(); err != nil {
		return Doc{}, err
	}
	n := len(l.docs)
	if l.visible != nil {
		n = min(n, l.visible())
	}
	if l.at >= n {
		return Doc{}, io.EOF
	}
	l.at++
	return l.docs[l.at-1], nil
}

// corpus makes n documents of words; clusters have two members each.
func corpus(seed uint64, n int) []Doc {
	r := rand.New(rand.NewPCG(seed, 0))
	words := strings.Fields("the mill turns water into flour and the race brings water to the wheel that turns the mill stone")
	docs := make([]Doc, n)
	for i := range docs {
		var b strings.Builder
		for range 20 + r.IntN(30) {
			b.WriteString(words[r.IntN(len(words))])
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d.", i)
		docs[i] = Doc{
			Offset: int64(3 * i), Text: b.String(),
			ID:      millrace.NewID(fmt.Sprint(i), [32]byte{}),
			Cluster: millrace.NewID(fmt.Sprint(seed, i/2), [32]byte{}),
		}
	}
	return docs
}

func small() Config {
	c := tiny(true)
	c.Context, c.Batch, c.Shards = 16, 4, 2
	c.Steps, c.EvalEvery, c.CheckpointEvery, c.LR, c.MinLR = 60, 15, 7, 5e-3, 5e-4
	return c
}

func train(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Train(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTrainLearns(t *testing.T) {
	c := small()
	c.Width, c.Steps, c.EvalEvery, c.LR = 16, 300, 50, 2e-2
	var steps, evals int
	dir := t.TempDir()
	r := train(t, Options{
		Config: c, Docs: &list{docs: corpus(1, 200)}, Out: dir,
		OnStep: func(e StepEvent) {
			steps++
			if e.Step != steps || e.Tokens != int64(steps*c.Batch*c.Context) || e.LR <= 0 || e.GradNorm <= 0 {
				t.Errorf("step %d: %+v", steps, e)
			}
		},
		OnEval: func(e Eval) { evals++ },
	})
	if steps != c.Steps || evals != c.Steps/c.EvalEvery || r.Steps != c.Steps {
		t.Errorf("%d steps, %d evals, result %d steps", steps, evals, r.Steps)
	}
	if r.ValTokens == 0 || r.ValBitsPerByte >= r.Order0 || r.LastLoss >= r.FirstLoss-1 {
		t.Errorf("did not learn: %+v", r)
	}
	if r.Order2 >= r.Order1 || r.Order1 >= r.Order0 {
		t.Errorf("baselines: %v %v %v", r.Order0, r.Order1, r.Order2)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 4 { // two checkpoints, LATEST, the feed log
		t.Errorf("in the folder: %v %v", left, err)
	}
	if _, err := Train(context.Background(), Options{Config: c, Docs: &list{docs: corpus(1, 200)}, Out: dir}); err == nil {
		t.Error("a second run without Resume started over a model")
	}
	again := train(t, Options{Config: c, Docs: &list{docs: corpus(1, 200)}, Out: dir, Resume: true})
	if again.ParamSHA256 != r.ParamSHA256 || again.ValLoss != r.ValLoss || again.FirstLoss != r.FirstLoss || len(again.Evals) != len(r.Evals) {
		t.Errorf("resumed when done: %+v, first %+v", again, r)
	}
	g, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if got := digest(g.State().Params); got != r.ParamSHA256 {
		t.Errorf("loaded parameters %s, want %s", got, r.ParamSHA256)
	}
	if usual, odd := g.Score("the mill turns the wheel", 99), g.Score("ZQ#\x01%%~~QZ", 99); usual >= odd {
		t.Errorf("usual text scores %v, odd text %v", usual, odd)
	}
	if a, b := g.Generate("the ", 20, 1), g.Generate("the ", 20, 1); a != b {
		t.Errorf("one seed, two texts: %q and %q", a, b)
	}
}

var errKilled = errors.New("killed")

// killed is a model that ends the run before a step, leaving no trace, as kill -9 would.
type killed struct {
	*GPT
	at int
}

func (k killed) Step(ctx context.Context, s Step) (StepResult, error) {
	if s.Index >= k.at {
		return StepResult{}, errKilled
	}
	return k.GPT.Step(ctx, s)
}

// TestResumeExact kills a run over a growing corpus at random steps. The end is the same as that
// of an undisturbed run over the same versions.
func TestResumeExact(t *testing.T) {
	c := small()
	docs := corpus(2, 300)
	r := rand.New(rand.NewPCG(4, 4))
	for round := range 3 {
		dir := t.TempDir()
		calls := 0
		grow := func() int { calls++; return 20 + calls } // differs from life to life
		var got Result
		for lives := 0; ; lives++ {
			if lives > 200 {
				t.Fatal("the run makes no headway")
			}
			kill := r.IntN(c.Steps * 3 / 2)
			var err error
			got, err = Train(context.Background(), Options{
				Config: c, Docs: &list{docs: docs, visible: grow}, Out: dir, Resume: true, Follow: true,
				Model: func(c Config) (Model, error) {
					g, err := NewGPT(c)
					return killed{g, kill}, err
				},
			})
			if err == nil {
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			litter(t, dir, r)
		}
		clean := t.TempDir()
		log, err := os.ReadFile(filepath.Join(dir, feedLogName))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(clean, feedLogName), log, 0o644); err != nil {
			t.Fatal(err)
		}
		want := train(t, Options{Config: c, Docs: &list{docs: docs}, Out: clean, Follow: true})
		if got.ParamSHA256 != want.ParamSHA256 || got.ValLoss != want.ValLoss || got.FirstLoss != want.FirstLoss {
			t.Errorf("round %d: killed %s, undisturbed %s", round, got.ParamSHA256, want.ParamSHA256)
		}
		if n := strings.Count(string(log), "\n"); n != c.Steps/pollEvery {
			t.Errorf("%d versions in the log, want %d", n, c.Steps/pollEvery)
		}
	}
}

// litter leaves what a kill can leave: half a line, half a checkpoint, and a whole one that
// LATEST does not name.
func litter(t *testing.T, dir string, r *rand.Rand) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, feedLogName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(`{"step":9`[:r.IntN(9)]); err != nil {
		t.Fatal(err)
	}
	m, path, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, tempPrefix+"x")
	whole := filepath.Join(dir, checkpointName(m.Step+7))
	for _, d := range []string{half, whole} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(path, paramsName), filepath.Join(d, paramsName)); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
}

func TestCancelSaves(t *testing.T) {
	c := small()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Train(ctx, Options{Config: c, Docs: &list{docs: corpus(1, 50)}, Out: dir, OnStep: func(e StepEvent) {
		if e.Step == 10 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if m, _, err := load(dir); err != nil || m.Step != 10 {
		t.Errorf("checkpoint of step %d, %v; want 10", m.Step, err)
	}
	got := train(t, Options{Config: c, Docs: &list{docs: corpus(1, 50)}, Out: dir, Resume: true})
	want := train(t, Options{Config: c, Docs: &list{docs: corpus(1, 50)}, Out: t.TempDir()})
	if got.ParamSHA256 != want.ParamSHA256 {
		t.Error("cancelled and resumed is not undisturbed")
	}
}

// TestFollowEndsWhenDry: documents come for 20 seconds, then none. The run ends 30 seconds later.
func TestFollowEndsWhenDry(t *testing.T) {
	c := small()
	c.Steps, c.CheckpointEvery, c.EvalEvery = 0, 100, 100
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		visible := func() int { return min(10, int(time.Since(start)/(2*time.Second))) }
		r := train(t, Options{
			Config: c, Docs: &list{docs: corpus(1, 50), visible: visible}, Out: dir,
			Follow: true, StopAfterIdle: 30 * time.Second, Pace: 200 * time.Millisecond,
		})
		// A look at the corpus every 10 steps, that is every 2 seconds.
		if took := time.Since(start); took < 50*time.Second || took > 55*time.Second || r.Docs != 10 {
			t.Errorf("ended after %v with %d documents", took, r.Docs)
		}
		if want := 240; r.Steps < want-20 || r.Steps > want+20 {
			t.Errorf("%d steps, want about %d", r.Steps, want)
		}
	})
}

func TestTrainRefuses(t *testing.T) {
	good := corpus(1, 50)
	dir := t.TempDir()
	c := small()
	c.Steps = 20
	train(t, Options{Config: c, Docs: &list{docs: good}, Out: dir})
	changed := append([]Doc(nil), good...)
	changed[3].Text = ""
	other := c
	other.LR = 1e-4
	damaged := t.TempDir()
	train(t, Options{Config: c, Docs: &list{docs: good}, Out: damaged})
	flip(t, filepath.Join(damaged, checkpointName(c.Steps), momentsName))
	for name, x := range map[string]struct {
		o    Options
		want error
	}{
		"another text":     {Options{Config: c, Docs: &list{docs: changed}, Out: dir, Resume: true}, ErrChanged},
		"fewer documents":  {Options{Config: c, Docs: &list{docs: good[:9]}, Out: dir, Resume: true}, ErrChanged},
		"other settings":   {Options{Config: other, Docs: &list{docs: good}, Out: dir, Resume: true}, nil},
		"damage":           {Options{Config: c, Docs: &list{docs: good}, Out: damaged, Resume: true}, millrace.ErrIntegrity},
		"no text":          {Options{Config: c, Docs: &list{}, Out: t.TempDir()}, ErrTooLittle},
		"dry at once":      {Options{Config: c, Docs: &list{docs: []Doc{{Text: "x"}}}, Out: t.TempDir(), Follow: true, StopAfterIdle: time.Millisecond}, ErrTooLittle},
		"no configuration": {Options{Docs: &list{docs: good}, Out: t.TempDir()}, nil},
		"no permission":    {Options{Config: c, Docs: &list{docs: good}, Out: filepath.Join(dir, latestName, "x")}, nil},
	} {
		_, err := Train(context.Background(), x.o)
		if err == nil || (x.want != nil && !errors.Is(err, x.want)) {
			t.Errorf("%s: error %v, want %v", name, err, x.want)
		}
	}
}

func flip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDiverged: a loss that is no number ends the run instead of the model.
func TestDiverged(t *testing.T) {
	c := small()
	g := newTestGPT(t, c)
	g.params.token[0] = float32(1e38)
	g.params.normGain[0] = float32(1e38)
	_, err := g.Step(context.Background(), Step{LR: 1, Batch: Batch{Rows: 1, Len: 2, Tokens: []uint16{0, 1, 0}}})
	if !errors.Is(err, errDiverged) {
		t.Errorf("error %v, want %v", err, errDiverged)
	}
}
