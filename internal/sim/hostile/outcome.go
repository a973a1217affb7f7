package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"millrace"
	"millrace/clean"
)

// stageOf makes the stage of a step.
func stageOf(step string) (millrace.Stage, error) {
	r, err := clean.Single(step)
	if err != nil {
		return nil, err
	}
	return r.Stages()[0], nil
}

// outcome runs a stage on a document and gives a hash of all that came of it.
func outcome(ctx context.Context, stage millrace.Stage, d *millrace.Document) ([sha256.Size]byte, error) {
	verdict, failed := stage.Process(ctx, d)
	signals := make([]string, len(d.Signals))
	for i, v := range d.Signals {
		signals[i] = fmt.Sprint(v) // JSON knows no NaN
	}
	data, err := json.Marshal([]any{[]byte(d.Text), []byte(d.Title), d.Code, d.Edits, d.Lang, d.Script, d.LangSure, d.Charset, d.Extract, signals,
		fmt.Sprint(verdict, failed)})
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("hash what %s made: %w", stage.Name(), err)
	}
	return sha256.Sum256(data), nil
}
