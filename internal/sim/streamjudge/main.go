// Command streamjudge says whether a corpus is what its input files ask for, after whatever has happened to the
// processes that made it. It reads files only, and shares no code with millrace: a judge that did would share its
// mistakes. In come the corpus folder and the JSONL files; out goes one JSON line, and exit 0 if nothing is wrong.
//
// It wants each input Position (a file and a line that is not blank) in exactly one row of data/ or rejects/, made of
// the bytes of that line; no ID twice in data/; a commit log without a hole, each entry naming the checksum of the
// one before; Positions that never go down; rows, gaps and tallies that add up; every checksum right (files, and
// the Merkle roots over rows); no file named twice; and for each dropped twin a kept row before it that it does resemble.
//
// Read in this order: main.go, judge.go (the order of work), log.go (the commit log), table.go (Parquet), rows.go
// (rows of one commit), input.go (the input files), twins.go (duplicates).
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	corpus := flag.String("corpus", "", "the corpus folder")
	threshold := flag.Float64("threshold", 0.8, "similarity from which a text is a near-duplicate")
	digests := flag.String("digests", "", "write the digest of each row to this file, in order, with its Position")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "streamjudge -corpus DIR INPUT.jsonl ...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *corpus == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(4)
	}
	r, err := judge(*corpus, flag.Args(), *threshold)
	if err == nil && *digests != "" {
		err = r.writeDigests(*digests)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "streamjudge:", err)
		os.Exit(1)
	}
	line, err := json.Marshal(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, "streamjudge:", err)
		os.Exit(1)
	}
	fmt.Println(string(line))
	if !r.OK {
		os.Exit(7)
	}
}
