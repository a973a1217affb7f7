package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"millrace/clean"
	"millrace/internal/atomicfile"
)

// A filter in Python, to begin with. NAME is the step's.
const (
	pythonStage = `"""Step NAME of a recipe: a document a line on standard input, a verdict a line on standard output."""
import json
import sys


def judge(document):
    words = document["text"].split()
    loud = sum(w.isupper() for w in words) / max(len(words), 1)
    return {"keep": loud <= 0.5, "reason": "loud", "value": loud, "limit": 0.5}


if __name__ == "__main__":
    rest = []
    while block := sys.stdin.buffer.read1(65536):  # what is there, often several lines
        *lines, last = block.split(b"\n")
        for line in lines:
            document = json.loads(b"".join(rest) + line)
            print(json.dumps({"id": document["id"], **judge(document)}))
            rest = []
        rest.append(last)
        sys.stdout.flush()  # before it waits for more
`
	pythonTest = `"""python3 -m unittest test_FILE"""
import unittest

import FILE


class Judge(unittest.TestCase):
    def test_kept(self):
        self.assertTrue(FILE.judge({"text": "The mill stands at the end of the lane."})["keep"])

    def test_dropped(self):
        self.assertFalse(FILE.judge({"text": "BUY NOW, ALL OF IT"})["keep"])


if __name__ == "__main__":
    unittest.main()
`
)

func (a *App) newStageCommand() *cobra.Command {
	python := false
	c := &cobra.Command{
		Use: "new-stage NAME", Short: "Write a filter of your own to begin with, and its test", Args: exactArgs(1, "a NAME of small letters, digits and hyphens"),
		RunE: func(_ *cobra.Command, args []string) error { return a.runNewStage(args[0], python) },
	}
	c.Flags().BoolVar(&python, "python", false, "in Python")
	return c
}

func (a *App) runNewStage(name string, python bool) error {
	if !clean.IsStepName(name) {
		return &Error{Exit: Usage, Err: fmt.Errorf("%q is no name of a step: want small letters, digits and hyphens", name), Means: "nothing was written", Try: "millrace clean new-stage --python shouting"}
	}
	if !python {
		return &Error{Exit: Usage, Err: errors.New("in which language?"), Means: "nothing was written", Try: "--python; a step in Go is made with app.With"}
	}
	file := strings.ReplaceAll(name, "-", "_")
	for path, text := range map[string]string{file + ".py": pythonStage, "test_" + file + ".py": pythonTest} {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "NAME", name), "FILE", file)
		err := atomicfile.Create(path, []byte(text))
		if errors.Is(err, fs.ErrExist) {
			return &Error{Exit: Usage, Err: fmt.Errorf("%s is there already", path), Means: "it was left as it is", Try: "another name"}
		}
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(a.Stdout, "%s.py and test_%s.py are written. In a recipe beside them:\n\n  - {step: process, name: %s, run: [python3, %s.py]}\n\nand its test: python3 -m unittest test_%s\n", file, file, name, file, file)
	return nil
}
