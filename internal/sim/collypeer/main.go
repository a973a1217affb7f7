// Command collypeer is plain colly, set up as its documentation recommends: asynchronous, robots.txt obeyed,
// links from OnHTML. It crawls the hosts of its seeds and keeps nothing. millrace is raced against it.
package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gocolly/colly/v2"
)

func main() {
	seeds := flag.String("seeds", "", "file with a URL a line")
	parallel := flag.Int("parallel", 64, "requests at once")
	delay := flag.Duration("delay", 0, "pause between the requests to a host, of which there is then one at a time")
	flag.Parse()
	pages, err := crawl(*seeds, *parallel, *delay)
	if err != nil {
		fmt.Fprintf(os.Stderr, "collypeer: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("{\"type\":\"summary\",\"pages\":%d}\n", pages)
}

func crawl(file string, parallel int, delay time.Duration) (pages int64, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	seeds := strings.Fields(string(data))
	c := colly.NewCollector(colly.Async(true), colly.UserAgent("millbot/1.0"))
	c.IgnoreRobotsTxt = false // which is not the default
	if err := limit(c, seeds, parallel, delay); err != nil {
		return 0, err
	}
	var got atomic.Int64
	c.OnHTML("a[href]", func(e *colly.HTMLElement) { _ = e.Request.Visit(e.Attr("href")) }) // known, or forbidden
	c.OnResponse(func(*colly.Response) { got.Add(1) })
	for _, s := range seeds {
		if err := c.Visit(s); err != nil {
			fmt.Fprintf(os.Stderr, "collypeer: %s: %v\n", s, err)
		}
	}
	c.Wait()
	return got.Load(), nil
}

// limit sets one rule for all hosts, or, where there is a delay, one rule a host: a rule is what colly keeps
// a delay for, and all hosts that it matches share it.
func limit(c *colly.Collector, seeds []string, parallel int, delay time.Duration) error {
	if delay == 0 {
		return c.Limit(&colly.LimitRule{DomainGlob: "*", Parallelism: parallel})
	}
	for _, s := range seeds {
		u, err := url.Parse(s)
		if err != nil {
			return err
		}
		if err := c.Limit(&colly.LimitRule{DomainGlob: u.Host, Parallelism: 1, Delay: delay}); err != nil {
			return err
		}
	}
	return nil
}
