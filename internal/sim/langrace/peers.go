package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// run asks every detector about the set.
func (s *set) run(ctx context.Context, python string) error {
	s.names = map[string]answers{ours: s.identify()}
	if python == "" {
		return fmt.Errorf("no -python: make race-lang gives one with the other detectors")
	}
	var in bytes.Buffer
	for _, t := range s.texts {
		line, err := json.Marshal(t.text)
		if err != nil {
			return err
		}
		in.Write(append(line, '\n'))
	}
	for _, name := range []string{peer, "py3langid", "cld2"} {
		cmd := exec.CommandContext(ctx, python, "race/lang.py", name)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(in.Bytes()), os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("ask %s: %w", name, err)
		}
		var a answers
		if err := json.Unmarshal(out, &a); err != nil {
			return fmt.Errorf("answers of %s: %w", name, err)
		}
		if len(a.Labels) != len(s.texts) {
			return fmt.Errorf("%s answers %d of %d texts", name, len(a.Labels), len(s.texts))
		}
		s.names[name] = a
	}
	return nil
}
