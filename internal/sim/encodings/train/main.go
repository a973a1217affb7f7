// Command train makes clean/charset/model.bin, the statistics of the detector of encodings, of texts that packages
// carry (internal/sim/texts). The same packages give the same file, byte for byte.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"millrace/clean/charset/lm"
	"millrace/internal/sim/encodings"
)

func main() {
	out := flag.String("out", "clean/charset/model.bin", "the file to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := train(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func train(ctx context.Context, out string) error {
	split, err := encodings.Texts(ctx)
	if err != nil {
		return err
	}
	m, err := lm.Train(split.Train)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		return err
	}
	for _, code := range lm.Codes() {
		n := 0
		for _, p := range split.Train[code] {
			n += len(p)
		}
		fmt.Printf("%-8s %8d bytes of text\n", code, n)
	}
	fmt.Printf("%s: %d bytes\n", out, file.Len())
	return os.WriteFile(out, file.Bytes(), 0o644)
}
