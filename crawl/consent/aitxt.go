package consent

import (
	"strings"
	"time"

	"millrace"
	"millrace/crawl/robots"
)

// aiTxtFile is an ai.txt as Spawning describes it.
type aiTxtFile struct {
	file *robots.File
	at   time.Time
}

// parseAITxt reads an ai.txt in Spawning's form: nothing but comments, User-Agent, Allow and Disallow
// lines, with rules. Two other things go by the same name; they give nil.
func parseAITxt(body []byte, at time.Time) *aiTxtFile {
	agents, rules := 0, 0
	for line := range strings.Lines(string(body)) {
		line, _, _ = strings.Cut(strings.TrimPrefix(line, "\ufeff"), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "user-agent":
			agents++
		case "allow", "disallow":
			rules++
		default:
			return nil
		}
	}
	if agents == 0 || rules == 0 {
		return nil
	}
	return &aiTxtFile{file: robots.Parse(body), at: at}
}

// aiTxtStatements reads the site's ai.txt. Its rules name kinds of files ("*.html"), so that a page of HTML whose
// path has no ending is taken for one with it.
func (s *Site) aiTxtStatements(c *collector, in Input) {
	if s == nil || s.aiTxt == nil {
		return
	}
	urls := []string{in.URL}
	if path := robots.Path(in.URL); in.Head != nil && !strings.Contains(path[strings.LastIndexByte(path, '/'):], ".") {
		path, _, _ = strings.Cut(path, "?")
		urls = append(urls, path+".html", path+".htm")
	}
	for _, u := range urls {
		if ok, rule, _, _ := s.aiTxt.file.Allowed(in.Token, u); !ok {
			c.add(millrace.Statement{Source: "file:ai.txt", Raw: rule, Value: millrace.No, At: s.aiTxt.at})
			return
		}
	}
}
