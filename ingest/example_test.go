package ingest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"millrace"
	"millrace/ingest"
)

func ExampleReadInputs() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "notes.jsonl")
	if err := os.WriteFile(file, []byte(`{"id":1,"body":"A note.","stars":3}`+"\n{broken\n"), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	err = ingest.ReadInputs(context.Background(), []ingest.Input{{Glob: file, TextField: "body"}}, func(d *millrace.Document) error {
		if d.Verdict.Kept() {
			fmt.Println(d.DisplayID(), d.Text, d.Meta)
		} else {
			fmt.Printf("%s: %q\n", d.Verdict.Reason, d.Page.Body)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 A note. {"stars":3}
	// failed.decode: "{broken"
}
