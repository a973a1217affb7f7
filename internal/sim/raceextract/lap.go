package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"millrace/clean/charset"
	"millrace/clean/extract"
	"millrace/internal/sim"
)

// lap is ours: EXTRACTOR FOLDER OUT SECONDS. It begins at bytes in memory; the charset is found, as the others do.
func lap(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("raceextract: a lap has four arguments, not %d", len(args))
	}
	take := extract.HTML
	if args[0] == "best" {
		take = extract.Best
	}
	names, err := filepath.Glob(filepath.Join(args[1], "*.html"))
	if err != nil {
		return err
	}
	slices.Sort(names)
	var pages [][]byte
	bytes := 0
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		pages = append(pages, data)
		bytes += len(data)
	}
	seconds, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return err
	}
	texts := map[string]string{}
	rounds := 0
	began, used := sim.CPU(), 0.0
	for rounds == 0 || used < seconds {
		for i, data := range pages {
			p := take(charset.Decode(data, "", true).Text)
			if rounds == 0 {
				texts[strings.TrimSuffix(filepath.Base(names[i]), ".html")] = p.Text
			}
		}
		rounds++
		used = sim.CPU() - began
	}
	data, err := json.Marshal(texts)
	if err != nil {
		return err
	}
	if err := os.WriteFile(args[2], data, 0o644); err != nil {
		return err
	}
	n := float64(rounds) / used
	return json.NewEncoder(os.Stdout).Encode(speed{Pages: n * float64(len(pages)), MB: n * float64(bytes) / 1e6})
}
