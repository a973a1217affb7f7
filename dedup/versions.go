package dedup

import (
	"crypto/sha256"
	"encoding/binary"

	"millrace"
)

// Values of Options.Versions.
const (
	VersionsNewest = "newest"
	VersionsFirst  = "first"
	VersionsAll    = "all"
)

// page is a hash of what the versions of a page have in common; 0 is none. Two pages with one hash, which is
// unlikely below billions, are at worst not found to be duplicates of each other.
type page uint64

func pageOf(d *millrace.Document) page { return hashPage(millrace.VersionKey(d.Page.Source, d.URLKey)) }

func hashPage(key string) page {
	if key == "" {
		return 0
	}
	h := sha256.Sum256([]byte(key))
	return page(binary.LittleEndian.Uint64(h[:]))
}

func (p page) key() (key [16]byte) {
	binary.LittleEndian.PutUint64(key[:], uint64(p))
	return key
}

// version reports whether ord is a version of page p.
func (x *Index) version(ord uint32, p page) bool { return p != 0 && x.kept.at(ord).page == p }

// setNewest makes ord the newest version of its page.
func (x *Index) setNewest(offset int64, ord uint32) {
	x.steps.newest(offset, ord)
	x.putNewest(ord)
}

func (x *Index) putNewest(ord uint32) {
	x.byPage.set(ord)
	delete(x.withdrawn, x.kept.at(ord).page)
}

// replaced reports whether the kept document id, which is ord, is no longer in the corpus: a newer version stands
// in its place, or the page was withdrawn. If it comes again, the page is what it was before.
func (x *Index) replaced(ord uint32, id millrace.ID) bool {
	e := x.kept.at(ord)
	if e.page == 0 || e.id != id {
		return false
	}
	if _, gone := x.withdrawn[e.page]; gone {
		return true
	}
	newest, _ := x.byPage.find(e.page.key())
	return x.opt.Versions == VersionsNewest && newest != ord
}

// first finds the version of a page that no other may follow.
func (x *Index) first(p page) (ord uint32, ok bool) {
	if _, gone := x.withdrawn[p]; gone || x.opt.Versions != VersionsFirst {
		return 0, false
	}
	return x.byPage.find(p.key())
}

// Observe implements millrace.Observer: a page that is withdrawn may come back as it was.
func (x *Index) Observe(d *millrace.Document) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.observe(d.Position.Offset, millrace.VersionKey(d.Page.Source, d.URLKey), d.Verdict.Reason)
}

func (x *Index) observe(offset int64, key string, reason millrace.Reason) {
	p := hashPage(key)
	if _, ok := x.byPage.find(p.key()); ok && (millrace.Verdict{Reason: reason}).Withdraws() {
		x.steps.withdrawn(offset, p)
		x.withdrawn[p] = struct{}{}
	}
}
