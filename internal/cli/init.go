package cli

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"millrace/internal/atomicfile"
	"millrace/internal/config"
	"millrace/internal/term"
)

//go:embed pipeline.yaml.tmpl
var pipelineTemplate string

// initOptions fill the template. Every value is quoted there.
type initOptions struct {
	Dir, Contact, Purpose        string
	Seeds                        []string
	SeedsFile                    string
	AllowAddr                    []string
	In                           []string
	TextField, IDField, URLField string
	print                        bool
	force                        bool
	Examples                     bool
	Consent                      string
}

func (a *App) initCommand() *cobra.Command {
	o := initOptions{}
	c := &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented pipeline.yaml with every key",
		Long: `Write a commented pipeline.yaml (or FILE) with every key and its default. With --seed, --seeds-file
or --in the file is ready to run; without them it holds examples in comments.` + exitHelp,
		Example: `  millrace init --in 'texts/*.jsonl' --text-field body --id-field doc_id
  millrace init --seed https://docs.example.org/ --contact mailto:me@example.org`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.runInit(o, append(args, "pipeline.yaml")[0]) },
	}
	f := c.Flags()
	f.StringSliceVar(&o.Seeds, "seed", nil, "URL to start crawling at (repeatable)")
	f.StringVar(&o.SeedsFile, "seeds-file", "", "file with one URL a line")
	f.StringSliceVar(&o.AllowAddr, "allow-addr", nil, "private address that may be fetched, with its port: 10.0.0.7:80 (repeatable)")
	f.StringVar(&o.Contact, "contact", "", "address that site owners can complain to, as mailto: or https:")
	f.StringVar(&o.Purpose, "purpose", "training corpus", "what the crawl is for; sent with every request")
	f.StringArrayVar(&o.In, "in", nil, "file, folder, glob, https:// URL, @list of URLs or - to ingest (repeatable)")
	f.StringVar(&o.TextField, "text-field", "text", "field or column with the text")
	f.StringVar(&o.IDField, "id-field", "id", "field or column with your id")
	f.StringVar(&o.URLField, "url-field", "url", "field or column with the URL")
	f.StringVar(&o.Consent, "consent", "not_said", "what is known about consent for the files: yes, no, not_said")
	f.BoolVar(&o.print, "print", false, "print instead of writing")
	f.BoolVar(&o.force, "force", false, "replace an existing file")
	return c
}

func (a *App) runInit(o initOptions, path string) error {
	o.Dir = a.dir
	if o.Dir == "" {
		o.Dir = "./corpus"
	}
	if err := a.askContact(&o); err != nil {
		return err
	}
	o.Examples = len(o.Seeds) == 0 && o.SeedsFile == "" && len(o.In) == 0
	var b bytes.Buffer
	t := template.Must(template.New("pipeline").Funcs(template.FuncMap{"q": quoteYAML}).Parse(pipelineTemplate))
	if err := t.Execute(&b, o); err != nil {
		return err
	}
	if _, err := config.Parse(path, b.Bytes()); err != nil {
		return err
	}
	if o.print {
		_, err := a.Stdout.Write(b.Bytes())
		return err
	}
	write := atomicfile.Create
	if o.force {
		write = atomicfile.Write
	}
	if err := write(path, b.Bytes()); errors.Is(err, fs.ErrExist) {
		return &Error{Exit: Usage, Err: fmt.Errorf("%s exists", path), Means: "it was left as it is", Try: "millrace init --force, or another FILE"}
	} else if err != nil {
		return err
	}
	next := "millrace run " + path
	if o.Contact == "" && (len(o.Seeds) > 0 || o.SeedsFile != "") {
		a.say("A crawl of other people's hosts needs agent.contact: fill it in.")
	}
	if o.Examples {
		next = "edit " + path + ", then " + next
	}
	a.say("Wrote %s. Next: %s", path, next)
	if _, err := os.Stat(o.Dir); err == nil {
		a.say("%s exists already: run goes on with it.", o.Dir)
	}
	return nil
}

// askContact settles who crawls and why, where there is something to crawl. It asks on a terminal only; a
// script gives --contact, or fills the file in before run asks for it.
func (a *App) askContact(o *initOptions) error {
	in, ok := a.Stdin.(*os.File)
	if crawls := len(o.Seeds) > 0 || o.SeedsFile != ""; crawls && o.Contact == "" && ok && term.Is(in) {
		lines := bufio.NewScanner(io.LimitReader(in, 4<<10))
		for _, q := range []struct {
			text string
			to   *string
		}{{"Contact for site owners, mailto: or https:, sent with every request", &o.Contact}, {"Purpose of the crawl, sent too", &o.Purpose}} {
			fmt.Fprintf(a.Stderr, "%s [%s]: ", q.text, *q.to)
			if !lines.Scan() {
				break
			}
			if s := strings.TrimSpace(lines.Text()); s != "" {
				*q.to = s
			}
		}
	}
	if o.Contact == "" {
		return nil
	}
	if err := (config.Agent{Contact: o.Contact}).CheckContact(); err != nil {
		return &Error{Exit: Usage, Err: err, Means: "nothing was written", Try: "--contact mailto:you@example.org"}
	}
	return nil
}

// quoteYAML writes s as a single-quoted scalar, whatever is in it.
func quoteYAML(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, s)
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
