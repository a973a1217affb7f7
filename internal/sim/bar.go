package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Bar is the one JSON line in which a proof says whether it holds, and by which figures.
type Bar struct {
	Type    string         `json:"type"`
	Name    string         `json:"name"`
	Holds   bool           `json:"holds"`
	Figures map[string]any `json:"figures"`
	Beside  map[string]any `json:"beside"`
	Seconds float64        `json:"seconds"`
}

// Prove runs a proof in a temporary folder, prints its bar and gives the exit code. The folder is kept
// for a look where the proof fails.
func Prove(name string, proof func(dir string, b *Bar) error) int {
	began := time.Now()
	b := &Bar{Type: "bar", Name: name, Figures: map[string]any{}, Beside: map[string]any{}}
	dir, err := os.MkdirTemp("", "millrace-"+name+"-")
	if err == nil {
		err = proof(dir, b)
	}
	if err != nil {
		b.Figures["error"] = err.Error()
		fmt.Fprintf(os.Stderr, "%s: %v\n(its files are in %s)\n", name, err, dir)
	} else {
		err = os.RemoveAll(dir)
	}
	b.Holds, b.Seconds = err == nil, time.Since(began).Seconds()
	line, err := json.Marshal(b)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	fmt.Println(string(line))
	if !b.Holds {
		return 1
	}
	return 0
}
