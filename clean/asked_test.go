package clean

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"millrace"
)

// TestMain makes this binary a program that judges: it answers with the document's text, where that is JSON, and else with what
// it was asked.
func TestMain(m *testing.M) {
	if os.Getenv("MILLRACE_JUDGES") == "" {
		os.Exit(m.Run())
	}
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		var d struct{ Text string }
		if json.Unmarshal([]byte(line), &d) != nil {
			os.Exit(1)
		}
		switch {
		case strings.HasPrefix(d.Text, "{"), strings.HasPrefix(d.Text, "no JSON"):
			fmt.Println(d.Text)
		default:
			answer, _ := json.Marshal(map[string]any{"keep": true, "text": strings.TrimSpace(line)})
			fmt.Printf("%s\n", answer)
		}
	}
}

// judges gives the stage of a recipe that asks this binary.
func judges(t *testing.T) []millrace.Stage {
	t.Setenv("MILLRACE_JUDGES", "1")
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	exe, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(exe)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse("judges", []byte("steps:\n  - {step: process, name: judge, run: ["+string(quoted)+"]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	stages := r.Stages()
	t.Cleanup(func() { End(stages) })
	return stages
}

func TestAnswers(t *testing.T) {
	s := judges(t)[0]
	long := strings.Repeat("x", 200)
	for _, tt := range []struct {
		answer string
		want   millrace.Verdict
		text   string // afterwards; "" is as it was
		err    string
	}{
		{answer: `{"keep":true}`},
		{answer: `{"keep":true,"id":"7","unknown":[1]}`},
		{answer: `{"keep":true,"text":"rewritten"}`, text: "rewritten"},
		{answer: `{"keep":false}`, want: millrace.Verdict{Reason: millrace.RuleProcess, Stage: "judge"}},
		{answer: `{"keep":false,"reason":"loud","value":0.75,"limit":0.5}`, want: millrace.Verdict{Reason: millrace.RuleProcess, Stage: "judge", Signal: "loud", Value: 0.75, Limit: 0.5}},
		{answer: `{"keep":false,"reason":"` + long + `"}`, want: millrace.Verdict{Reason: millrace.RuleProcess, Stage: "judge", Signal: long[:100]}},
		{answer: `{"error":"not today"}`, err: "judge: not today"},
		{answer: `{}`, err: `an answer without "keep"`},
		{answer: `{"keep":"yes"}`, err: "cannot unmarshal"},
		{answer: `{"keep":true,"id":"8"}`, err: `an answer about "8", and not about "7"`},
		{answer: `no JSON`, err: `answer "no JSON"`},
	} {
		d := &millrace.Document{UserID: "7", Text: tt.answer}
		v, err := s.Process(t.Context(), d)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || errors.Is(err, millrace.ErrStop) {
				t.Errorf("%.60s: %v, want %q", tt.answer, err, tt.err)
			}
			continue
		}
		if err != nil || v != tt.want {
			t.Errorf("%.60s: %+v, %v, want %+v", tt.answer, v, err, tt.want)
		}
		if tt.text == "" {
			tt.text = tt.answer
		}
		if d.Text != tt.text || (len(d.Edits) > 0) != (d.Text != tt.answer) {
			t.Errorf("%.60s: text %q, edits %v", tt.answer, d.Text, d.Edits)
		}
	}
}

// The line that a program gets, whatever the document holds.
func TestQuestion(t *testing.T) {
	s := newAskedStage(step{kind: kind{name: "judge"}, asked: &asked{args: []string{"x"}}}, []string{"words", "share", "none", "far"})
	d := &millrace.Document{Text: "a \"b\"\n\xff\u2028</script>", Title: "T", Lang: "en", Signals: millrace.Signals{12, 0.25, float32(math.NaN()), float32(math.Inf(1))}}
	d.Page.URL = "https://a.example/?a=1&b=2"
	want := `{"id":"é","lang":"en","signals":{"share":0.25,"words":12},"text":"a \"b\"\n` + "\ufffd\u2028" + `</script>","title":"T","url":"https://a.example/?a=1&b=2"}`
	for range 2 {
		line := s.question(nil, "é", d)
		var got, wanted map[string]any
		if err := errors.Join(json.Unmarshal(line, &got), json.Unmarshal([]byte(want), &wanted)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(wanted) || strings.Contains(string(line), "\n") {
			t.Errorf("%s, want %s", line, want)
		}
		d = &millrace.Document{Signals: millrace.Signals{float32(math.NaN())}}
		want = `{"id":"é","text":""}`
		s.signals = []string{"none"}
	}
}

// Each of many documents at once has its own answer.
func TestManyDocuments(t *testing.T) {
	stages := judges(t)
	atOnce := Begin(stages, 2, 8)
	if atOnce != 16 || Begin(nil, 3, 8) != 3 {
		t.Errorf("%d at once", atOnce)
	}
	var wg sync.WaitGroup
	for k := range atOnce {
		wg.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf("%d-%d", k, i)
				d := &millrace.Document{UserID: id, Text: "of " + id}
				v, err := stages[0].Process(t.Context(), d)
				if want := `{"id":"` + id + `","text":"of ` + id + `"}`; err != nil || !v.Kept() || d.Text != want {
					t.Errorf("%s: %q, %v, %v", id, d.Text, v, err)
				}
			}
		})
	}
	wg.Wait()
}

// A line that was not asked for ends the belt.
func TestOneTooMany(t *testing.T) {
	s := judges(t)[0]
	var err error
	for range 1000 { // until the second line is there when nobody has asked
		if _, err = s.Process(t.Context(), &millrace.Document{UserID: "7", Text: "{\"keep\":true,\"id\":\"7\"}\n{\"keep\":true,\"id\":\"7\"}"}); err != nil {
			break
		}
	}
	if !errors.Is(err, millrace.ErrStop) {
		t.Error(err)
	}
}
