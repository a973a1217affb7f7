package crawl

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"millrace"
	"millrace/crawl/consent"
	"millrace/internal/durable"
	"millrace/internal/warc"
)

const (
	maxFile    = 1 << 30 // bytes of an archive file, but for the records of one capture
	groupPages = 256
	groupBytes = 16 << 20 // of bodies
	groupWait  = 25 * time.Millisecond
	siteSync   = time.Second
	maxPackers = 8 // goroutines that compress; each holds a compressor of about a megabyte
)

// archiver writes captures to the archive, a group at a time: one fsync makes a group durable. Pages
// and the files that are about a site (robots.txt and its like) go into sequences of their own: the
// second is for audit, and nobody waits for it.
type archiver struct {
	policy   consent.Policy
	log      *slog.Logger
	disk     *durable.Disk
	pages    sequence
	site     sequence
	encoders []warc.Encoder
	unsynced bool // the site files have been written to since they were synced

	unwritten atomic.Int64  // captures on their way: a kill of the process loses them
	wrote     chan struct{} // a word now and then that there are fewer
}

// newArchiver goes on with the pages at file number seq.
func newArchiver(o *Options, seq int64) *archiver {
	folder, info := filepath.Join(o.Dir, "warc"), warcInfo(o.Agent)
	return &archiver{
		policy:   o.ConsentPolicy,
		log:      o.Log,
		disk:     o.Disk,
		pages:    sequence{disk: o.Disk, worker: o.Worker, folder: folder, prefix: pagesPrefix(o.Worker), info: info, full: maxFile, next: seq},
		site:     sequence{disk: o.Disk, worker: o.Worker, folder: filepath.Join(folder, "site"), prefix: fmt.Sprintf("site-%d", o.Worker), info: info, full: maxFile},
		encoders: make([]warc.Encoder, min(runtime.GOMAXPROCS(0), maxPackers)),
		wrote:    make(chan struct{}, 1),
	}
}

// stored is a capture that is durable.
type stored struct {
	*capture
	doc  *millrace.Document // nil: a revisit that publishes nothing
	next int64              // position behind it
}

// group is what one fsync made durable, or why it did not.
type group struct {
	done []stored
	site []*capture // written, and durable within siteSync
	err  error
}

// run writes what comes in until in is closed. After an error it takes no more in than it must, and
// reports it with each group. ctx only ends what can be left to the next run.
func (a *archiver) run(ctx context.Context, in <-chan *capture, out chan<- group) {
	defer close(out)
	old, failed := a.begin(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { a.reindex(ctx, old) })
	tick := time.NewTimer(siteSync)
	defer tick.Stop()
	ticking := true
	for {
		select {
		case c, ok := <-in:
			if !ok {
				if err := a.close(); failed == nil {
					failed = err
				}
				if failed != nil {
					out <- group{err: failed}
				}
				return
			}
			g := group{err: failed}
			if failed == nil {
				g = a.collect(c, in)
				failed = g.err
			}
			out <- g
			if a.unsynced && !ticking {
				tick.Reset(siteSync)
				ticking = true
			}
		case <-tick.C:
			ticking = false
			if failed == nil {
				failed = a.syncSite()
			}
		}
	}
}

// begin finds out where the site files go on, and which files have no index.
func (a *archiver) begin(ctx context.Context) (old []warcFile, err error) {
	if err := a.disk.Mkdir("crawl.site", a.site.folder); err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	files, err := listFiles(a.site.folder, a.site.prefix)
	if err != nil {
		return nil, err
	}
	if n := len(files); n > 0 {
		a.site.next = files[n-1].seq + 1
	}
	pages, err := a.pages.unindexed()
	if err != nil {
		return nil, err
	}
	site, err := a.site.unindexed()
	if err == nil {
		if err = a.mend(ctx, site); ctx.Err() != nil {
			err = nil // the crawl had nothing to do; the next run mends them
		}
	}
	return append(pages, site...), err
}

func (a *archiver) close() error {
	err := a.pages.close()
	if err2 := a.site.close(); err == nil {
		err = err2
	}
	return err
}

// collect writes captures as they come, and after groupWait makes them durable with one fsync. What is
// written outlives a kill of the process, what is synced a loss of power too.
func (a *archiver) collect(first *capture, in <-chan *capture) (g group) {
	timer := time.NewTimer(groupWait)
	defer timer.Stop()
	size := 0
	for c, ok := first, true; ok; {
		batch := gather(c, in)
		if err := a.write(batch, &g); err != nil {
			return group{err: err}
		}
		a.unwritten.Add(-int64(len(batch)))
		select {
		case a.wrote <- struct{}{}:
		default:
		}
		for _, c := range batch {
			size += len(c.answer.body)
		}
		if len(g.done)+len(g.site) >= groupPages || size >= groupBytes {
			break
		}
		select {
		case c, ok = <-in:
		case <-timer.C:
			ok = false
		}
	}
	if len(g.done) > 0 {
		if err := a.pages.w.Sync("crawl.pages.sync"); err != nil {
			return group{err: err}
		}
		if err := a.disk.Acknowledge("crawl.stored", a.pages.folder, g.done[len(g.done)-1].next); err != nil {
			return group{err: err}
		}
	}
	return g
}

// gather takes what is there.
func gather(first *capture, in <-chan *capture) []*capture {
	batch, size := []*capture{first}, len(first.answer.body)
	for len(batch) < groupPages && size < groupBytes {
		select {
		case c, ok := <-in:
			if !ok {
				return batch
			}
			batch = append(batch, c)
			size += len(c.answer.body)
		default:
			return batch
		}
	}
	return batch
}

func (a *archiver) write(batch []*capture, g *group) error {
	for i, p := range a.pack(batch) {
		c := batch[i]
		if p.err != nil {
			return fmt.Errorf("archive %s: %w", c.task.addr.fetch, p.err)
		}
		s := &a.pages
		if c.site {
			s = &a.site
		}
		at, err := s.append(&p)
		if err != nil {
			return fmt.Errorf("archive %s: %w", c.task.addr.fetch, err)
		}
		if c.site {
			a.unsynced = true
			g.site = append(g.site, c)
			continue
		}
		if p.doc != nil {
			locate(p.doc, s.file, at, p.first)
		}
		g.done = append(g.done, stored{capture: c, doc: p.doc, next: s.file.position(s.w.Offset())})
	}
	return nil
}

// syncSite makes the site files durable. Nobody waits for that: what they hold stands in the frontier's log.
func (a *archiver) syncSite() error {
	if !a.unsynced {
		return nil
	}
	a.unsynced = false
	return a.site.w.Sync("crawl.site.sync")
}

// pack is a capture as it goes into the archive.
type pack struct {
	members []byte     // of its records, the one that answers a claim first
	first   int64      // bytes of that
	entry   warc.Entry // for the index; its place is not known yet
	doc     *millrace.Document
	err     error
}

// pack makes the records of a batch, on several processors.
func (a *archiver) pack(batch []*capture) []pack {
	packs := make([]pack, len(batch))
	var next atomic.Int64
	var workers sync.WaitGroup
	for i := range min(len(a.encoders), len(batch)) {
		workers.Go(func() {
			for k := next.Add(1) - 1; k < int64(len(batch)); k = next.Add(1) - 1 {
				packs[k] = packOf(batch[k], &a.encoders[i], a.policy)
			}
		})
	}
	workers.Wait()
	return packs
}

// packOf makes the records of c. A crash may cut between them: the first is whole by itself.
func packOf(c *capture, enc *warc.Encoder, policy consent.Policy) (p pack) {
	header, block := c.record()
	if p.members, p.err = enc.Append(make([]byte, 0, len(block)/2+2048), header, block); p.err != nil {
		return p
	}
	p.first = int64(len(p.members))
	rec := &warc.Record{Header: header, Block: block}
	p.entry, _ = warc.NewEntry(rec, "")
	if c.site {
		return p
	}
	c.visit.digest = rec.Get("WARC-Payload-Digest")
	if published(rec) {
		if p.doc, p.err = document(rec, policy); p.err != nil {
			return p
		}
	}
	id := rec.Get("WARC-Record-ID")
	if header, block, ok := c.request(id); ok {
		if p.members, p.err = enc.Append(p.members, header, block); p.err != nil {
			return p
		}
	}
	header, block = c.metadata(id, rec.Get(fieldSHA256))
	p.members, p.err = enc.Append(p.members, header, block)
	return p
}

// sequence is a row of archive files, of which the last is being written.
type sequence struct {
	disk           *durable.Disk
	worker         int
	folder, prefix string
	info           []byte // block of each file's first record
	full           int64  // bytes of a file that is not to grow any more
	next           int64  // number of the next file
	file           warcFile
	f              *durable.File
	w              *warc.Writer
	index          *warc.Index
}

// append writes a pack to the file at hand, and returns where it begins there.
func (s *sequence) append(p *pack) (int64, error) {
	if s.f == nil || s.w.Offset() >= s.full {
		if err := s.rotate(); err != nil {
			return 0, err
		}
	}
	at, err := s.w.AppendMembers(p.members)
	if err != nil {
		return 0, err
	}
	p.entry.Filename = s.file.name
	p.entry.SetPlace(at, p.first)
	return at, s.index.Add(&p.entry)
}

// close ends the file at hand, if there is one, and writes its index.
func (s *sequence) close() error {
	if s.f == nil {
		return nil
	}
	err := s.w.Sync("crawl.rotate.sync")
	if err2 := s.f.Close(); err == nil && err2 != nil {
		err = fmt.Errorf("close archive file: %w", err2)
	}
	s.f = nil
	if err != nil {
		s.index.Close()
		return err
	}
	return s.index.Write(warc.IndexPath(s.file.path))
}

// rotate opens the next file. The name is taken exclusively, so that a process that should be dead
// writes a file of its own.
func (s *sequence) rotate() error {
	if err := s.close(); err != nil {
		return err
	}
	if s.next >= 1e8 {
		return fmt.Errorf("no number left after %d files", s.next)
	}
	var run [4]byte
	rand.Read(run[:])
	name := fmt.Sprintf("%s-%08d-%s.warc.gz", s.prefix, s.next, hex.EncodeToString(run[:]))
	path := filepath.Join(s.folder, name)
	f, err := s.disk.Open("crawl.rotate", path, os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("create archive file: %w", err)
	}
	if err := s.disk.SyncDir("crawl.rotate.folder", s.folder); err != nil {
		f.Close()
		return fmt.Errorf("create archive file: %w", err)
	}
	s.f, s.w, s.file = f, warc.NewWriter(f, 0), warcFile{worker: s.worker, seq: s.next, name: name, path: path}
	s.index = warc.NewIndex(s.disk, s.folder)
	s.next++
	_, _, err = s.w.Append([]millrace.Field{
		{Name: "WARC-Type", Value: "warcinfo"},
		{Name: "WARC-Record-ID", Value: warc.RecordID(name)},
		{Name: "WARC-Date", Value: time.Now().UTC().Format(dateFormat)},
		{Name: "WARC-Filename", Value: name},
		{Name: "Content-Type", Value: "application/warc-fields"},
	}, s.info)
	return err
}

// warcInfo is the block of a file's first record.
func warcInfo(a Agent) []byte {
	f := fields{{Name: "software", Value: "millrace"}, {Name: "format", Value: "WARC File Format 1.1"},
		{Name: "conformsTo", Value: "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"},
		{Name: "robots", Value: "RFC 9309"}, {Name: "http-header-user-agent", Value: a.UserAgent()}}
	f.add("http-header-from", a.From())
	f.add("operator", a.Contact)
	f.add("description", "header lines in the order of their names, bodies without content encoding")
	return warc.FormatFields(f)
}
