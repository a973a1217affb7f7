package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
)

// figure is how many rows the demo kept. The site is made of the documentation of Go and of the modules
// in go.sum, so that another Go or go.sum is another site.
type figure struct {
	Go    string `json:"go"`
	GoSum string `json:"go_sum"`
	Kept  int64  `json:"kept"`
}

// tolerance is how far the number may be off: what is kept of near-duplicates depends on the order in
// which the crawl met them.
const tolerance = 0.02

// errOther says that the stored figure is of another site.
var errOther = errors.New("not compared")

func newFigure(goSum string, kept int64) (figure, error) {
	sum, err := os.ReadFile(goSum)
	if err != nil {
		return figure{}, err
	}
	h := sha256.Sum256(sum)
	return figure{Go: runtime.Version(), GoSum: hex.EncodeToString(h[:8]), Kept: kept}, nil
}

// compare holds f against the stored figure.
func (f figure) compare(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var want figure
	if err := json.Unmarshal(raw, &want); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if want.Go != f.Go || want.GoSum != f.GoSum {
		return fmt.Errorf("%d rows kept; the stored %d are of %s and go.sum %s, this is %s and %s: %w",
			f.Kept, want.Kept, want.Go, want.GoSum, f.Go, f.GoSum, errOther)
	}
	if math.Abs(float64(f.Kept-want.Kept)) > tolerance*float64(want.Kept) {
		return fmt.Errorf("%d rows kept, stored are %d: more than %g apart", f.Kept, want.Kept, tolerance)
	}
	return nil
}

func (f figure) store(file string) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}
