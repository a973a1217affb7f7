package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"slices"

	"millrace/internal/sim"
)

// Verdict is what the judge says of a corpus, as far as it is of use here.
type Verdict struct {
	OK      bool
	Inputs  int
	Commits int
	Rows    int
	Rejects int
	Failed  int
	Reasons map[string]int
	Gaps    int64
	Orphans int
	Ordered string
	Content string
	IDs     string
	Parts   []struct {
		Commit int64
		Name   string
		Rows   int
		Digest string
	}
	Faults []struct{ Kind, What string }
	More   int `json:"more_faults"`
}

// judge lets the judge look at the line's corpus, and then `millrace check`. A fault is an error.
func (l *line) judge(ctx context.Context) (*Verdict, error) {
	args := append([]string{"-corpus", l.corpus, "-digests", l.corpus + ".rows"}, l.w.Input...)
	cmd := exec.CommandContext(ctx, l.w.Judge, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var v Verdict
	if decode := json.Unmarshal(out, &v); decode != nil {
		return nil, fmt.Errorf("the judge of %s: %w: %s", l.name, errors.Join(err, decode), stderr.Bytes())
	}
	if !v.OK {
		return &v, fmt.Errorf("the judge finds %d faults in %s, the first: %s: %s", len(v.Faults)+v.More, l.name, v.Faults[0].Kind, v.Faults[0].What)
	}
	return &v, sim.Check(ctx, l.corpus)
}

// sameShards wants the same files: commit by commit the same names but for the first offset, which counts the
// copies that a mill has ignored, and the same rows with the same columns but for Position.
func sameShards(a, b *Verdict) error {
	if a.Content != b.Content {
		return errors.New("the rows are not the same, or not in the same order")
	}
	if len(a.Parts) != len(b.Parts) {
		return fmt.Errorf("%d files here, %d there", len(a.Parts), len(b.Parts))
	}
	for i, x := range a.Parts {
		y := b.Parts[i]
		if x.Commit != y.Commit || path.Dir(x.Name) != path.Dir(y.Name) || x.Rows != y.Rows || x.Digest != y.Digest {
			return fmt.Errorf("file %d is %s with %d rows here, and %s with %d rows there, or has other rows", i, x.Name, x.Rows, y.Name, y.Rows)
		}
	}
	return nil
}

// sameFiles wants files with the same names, which carry the first offset and the SHA-256.
func sameFiles(a, b *Verdict) error {
	names := func(v *Verdict) (all []string) {
		for _, p := range v.Parts {
			all = append(all, p.Name)
		}
		return all
	}
	if !slices.Equal(names(a), names(b)) || len(a.Parts) == 0 {
		return fmt.Errorf("%d files here, %d there, and they are not the same", len(a.Parts), len(b.Parts))
	}
	return nil
}
