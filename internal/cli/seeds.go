package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"millrace/crawl"
	"millrace/internal/config"
	"millrace/internal/term"
)

// maxSeedLine is how much of a line is looked at. A longer one is no URL.
const maxSeedLine = 16 << 10

// badSeed is a line of the seed file that is no URL.
type badSeed struct {
	file string
	line int
	err  error
}

func (b badSeed) String() string {
	why := b.err.Error()
	return fmt.Sprintf("%s:%d: not crawled: %s", b.file, b.line, why[:min(len(why), 200)])
}

// readSeeds joins the seeds in the list and in the file, in order, without repeats. A broken line of the file
// stops nothing; one in the list is a mistake in the configuration, which the crawler will refuse.
func readSeeds(c config.Crawl) (seeds []string, bad []badSeed, err error) {
	seeds = slices.Clone(c.Seeds)
	if c.SeedsFile != "" {
		f, err := os.Open(c.SeedsFile)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		var listed []string
		if listed, bad, err = readSeedFile(f, c.SeedsFile); err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", c.SeedsFile, err)
		}
		seeds = append(seeds, listed...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(seeds, func(s string) bool {
		dup := seen[s]
		seen[s] = true
		return dup
	}), bad, nil
}

// readSeedFile reads a URL a line; empty lines and those that begin with # say nothing.
func readSeedFile(r io.Reader, name string) (seeds []string, bad []badSeed, err error) {
	br := bufio.NewReaderSize(r, maxSeedLine)
	for number := 1; ; number++ {
		line, err := br.ReadSlice('\n')
		tooLong := errors.Is(err, bufio.ErrBufferFull)
		text := strings.TrimSpace(strings.TrimPrefix(string(line), "\ufeff"))
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = br.ReadSlice('\n')
		}
		if err != nil && err != io.EOF {
			return nil, nil, err
		}
		switch _, _, parse := crawl.Canonical(text); {
		case text == "" || text[0] == '#':
		case tooLong:
			bad = append(bad, badSeed{name, number, errors.New("the line is too long for a URL")})
		case parse != nil:
			bad = append(bad, badSeed{name, number, parse})
		default:
			seeds = append(seeds, text)
		}
		if err == io.EOF {
			return seeds, bad, nil
		}
	}
}

// nameBadSeeds says which lines of the seed file are passed over.
func (a *App) nameBadSeeds(c *corpus) {
	for _, b := range c.badSeeds {
		a.say("%s", term.Safe(b.String()))
	}
}
