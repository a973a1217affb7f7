package warc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// plainRecord is a record as others write them: uncompressed, with the length stated and the line ends of end.
func plainRecord(n int, body string, length int, end string) string {
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: resource\r\nWARC-Target-URI: http://h/%d\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s%s", n, length, body, end)
}

// sound makes a plain file of n sound records.
func sound(n int) (out []string) {
	for i := range n {
		body := fmt.Sprintf("the words of page %d\r\n", i)
		out = append(out, plainRecord(i, body, len(body), "\r\n\r\n"))
	}
	return out
}

// targets names the records of sound.
func targets(ns ...int) (out []string) {
	for _, n := range ns {
		out = append(out, fmt.Sprintf("http://h/%d", n))
	}
	return out
}

// zstdFile compresses each part as a frame of its own, behind a dictionary where there is one.
func zstdFile(t *testing.T, dict []byte, packDict bool, parts ...string) string {
	t.Helper()
	options := []zstd.EOption{zstd.WithEncoderConcurrency(1)}
	var out []byte
	if dict != nil {
		options = append(options, zstd.WithEncoderDict(dict))
		if packDict {
			z, err := zstd.NewWriter(nil)
			if err != nil {
				t.Fatal(err)
			}
			dict = z.EncodeAll(dict, nil)
		}
		out = binary.LittleEndian.AppendUint32(out, zstdDictionary)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(dict)))
		out = append(out, dict...)
	}
	z, err := zstd.NewWriter(nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		out = z.EncodeAll([]byte(p), out)
	}
	return string(out)
}

func dictionary(t *testing.T) []byte {
	t.Helper()
	var samples [][]byte
	for i := range 200 {
		samples = append(samples, []byte(strings.Join(sound(i%7+3), "")))
	}
	d, err := zstd.BuildDict(zstd.BuildDictOptions{ID: 7, Contents: samples, History: samples[0], Offsets: [3]int{1, 4, 8}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestShapes: files as other writers make them, sound and not. No good record is lost.
func TestShapes(t *testing.T) {
	s := sound(4)
	whole := strings.Join(s, "")
	dict := dictionary(t)
	long := plainRecord(9, strings.Repeat("a long page ", 20_000), 240_000, "\r\n\r\n")
	broken := []byte(gzipped(whole))
	broken[len(broken)/2] ^= 0x55
	frames := zstdFile(t, nil, false, s...)
	tests := []struct {
		name, data string
		want       []string // records, and damages by the beginning of their text
	}{
		{"plain", whole, targets(0, 1, 2, 3)},
		{"version 0.17", strings.ReplaceAll(whole, "WARC/1.0", "WARC/0.17"), targets(0, 1, 2, 3)},
		{"line ends of Unix", strings.ReplaceAll(strings.ReplaceAll(whole, "\r\n", "\n"), "Content-Length: 21", "Content-Length: 20"), targets(0, 1, 2, 3)},
		{"one line end between records", strings.ReplaceAll(whole, "\r\n\r\nWARC/", "\r\nWARC/"), targets(0, 1, 2, 3)},
		{"no line end between records", strings.ReplaceAll(whole, "\r\n\r\nWARC/", "WARC/"), targets(0, 1, 2, 3)},
		{"many line ends between records", strings.ReplaceAll(whole, "\r\n\r\nWARC/", strings.Repeat("\r\n", 9)+"WARC/"), targets(0, 1, 2, 3)},
		{"no line end at the end", strings.TrimRight(whole, "\r\n") + "\r\n", targets(0, 1, 2, 3)},
		{"gzip, no line ends", gzipped(strings.TrimSuffix(s[0], "\r\n\r\n")) + gzipped(s[1]), targets(0, 1)},
		{"a member of two gzip members' worth", gzipped(s[0]+s[1]) + gzipped(s[2]) + gzipped(s[3]), targets(0, 1, 2, 3)},
		{"compressed as a whole", gzipped(whole), targets(0, 1, 2, 3)},
		{"compressed as a whole, no line ends", gzipped(strings.ReplaceAll(whole, "\r\n\r\nWARC/", "WARC/")), targets(0, 1, 2, 3)},
		{"compressed as a whole, one record damaged", gzipped(s[0], strings.Replace(s[1], "Content-Length", "Content-Lenght", 1), s[2]), []string{"http://h/0", "damage 0: no valid Content-Length (byte 1", "http://h/2"}},
		{"compressed as a whole, the first record damaged", gzipped(strings.Replace(s[0], "Content-Length", "Content-Lenght", 1), s[1], s[2]), append([]string{"damage 0: no valid Content-Length"}, targets(1, 2)...)},
		{"compressed as a whole, the first length too large", gzipped(strings.Replace(s[0], "Content-Length: 21", "Content-Length: 999", 1), s[1], s[2]) + gzipped(s[3]), append([]string{"damage 0: the block is shorter"}, targets(1, 2, 3)...)},
		{"compressed as a whole, bytes behind the last record", gzipped(whole, "what is this?"), append(targets(0, 1, 2, 3), "damage 0: neither")},
		{"compressed as a whole, the tail lost", gzipped(whole, long)[:len(gzipped(whole, long))-60], []string{"http://h/0", "http://h/1", "http://h/2", "http://h/3", "damage 0: the file ends"}},
		{"zstd, a frame a record", frames, targets(0, 1, 2, 3)},
		{"zstd as a whole", zstdFile(t, nil, false, whole), targets(0, 1, 2, 3)},
		{"zstd with a dictionary", zstdFile(t, dict, false, s...), targets(0, 1, 2, 3)},
		{"zstd with a compressed dictionary", zstdFile(t, dict, true, s...), targets(0, 1, 2, 3)},
		{"zstd that lacks its dictionary", zstdFile(t, dict, false, s...)[8+len(dict):], []string{"damage 0: damaged zstd frame"}},
		{"zstd with half a dictionary", zstdFile(t, dict, false, s...)[:20], []string{"damage 0: the file ends"}},
		{"zstd, the tail lost", frames[:len(frames)-5], append(targets(0, 1, 2), "damage 0: the file ends")},
		{"nothing compressed", zstdFile(t, nil, false, ""), nil},
		{"length too small", s[0] + strings.Replace(s[1], "Content-Length: 21", "Content-Length: 9", 1) + s[2] + s[3],
			append(targets(0), fmt.Sprintf("damage %d: the record does not end where", len(s[0])), "http://h/2", "http://h/3")},
		{"length into the next record", s[0] + strings.Replace(s[1], "Content-Length: 21", "Content-Length: 99", 1) + s[2] + s[3],
			append(targets(0), fmt.Sprintf("damage %d: the record does not end where", len(s[0])), "http://h/2", "http://h/3")},
		{"length beyond the file", s[0] + strings.Replace(s[1], "Content-Length: 21", "Content-Length: 99999", 1) + s[2] + s[3],
			append(targets(0), fmt.Sprintf("damage %d: the file ends", len(s[0])), "http://h/2", "http://h/3")},
		{"length with the line ends", s[0] + strings.Replace(s[1], "Content-Length: 21", "Content-Length: 25", 1) + s[2], targets(0, 1, 2)},
		{"no length", s[0] + strings.Replace(s[1], "Content-Length: 21\r\n", "", 1) + s[2], append(targets(0), fmt.Sprintf("damage %d: no valid", len(s[0])), "http://h/2")},
		{"no version", s[0] + s[1][8:] + s[2], append(targets(0), fmt.Sprintf("damage %d: neither", len(s[0])+2), "http://h/2")},
		{"bytes between records", s[0] + "what is this?\r\n" + s[1], append(targets(0), fmt.Sprintf("damage %d: neither", len(s[0])), "http://h/1")},
		{"members behind a plain record", s[0] + gzipped(s[1]) + s[2], targets(0, 1, 2)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := all(t, strings.NewReader(tt.data), 1<<20)
			ok := len(got) == len(tt.want)
			for i := 0; ok && i < len(got); i++ {
				ok = strings.HasPrefix(got[i], tt.want[i])
			}
			if !ok {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	if got := all(t, bytes.NewReader(broken), 1<<20); len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "damage 0: damaged gzip") {
		t.Errorf("a damaged whole: %q", got)
	}
}

// TestSharedRecordsAreFoundAgain: At and Size lead to the record in what the file inflates to.
func TestSharedRecordsAreFoundAgain(t *testing.T) {
	s := sound(5)
	whole := strings.Join(s, "")
	for name, data := range map[string]string{
		"gzip":            gzipped(whole),
		"gzip in members": gzipped(s[0]) + gzipped(s[1]+s[2]) + gzipped(s[3]+s[4]),
		"zstd":            zstdFile(t, dictionary(t), false, s...),
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(strings.NewReader(data), 1<<20)
			shared := 0
			for i := range 5 {
				rec, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !rec.Shared {
					continue
				}
				shared++
				again, err := NewReader(strings.NewReader(whole[rec.At:rec.At+rec.Size]), 1<<20).Next()
				if err != nil || again.TargetURI() != fmt.Sprintf("http://h/%d", i) || !bytes.Equal(again.Block, rec.Block) {
					t.Errorf("record %d at %d: %+v, %v", i, rec.At, again, err)
				}
				if _, err := ReadAt(strings.NewReader(data), rec.Offset, int64(len(data)), 1<<20); err == nil && name != "zstd" {
					t.Errorf("record %d is found by its offset", i)
				}
			}
			if _, err := r.Next(); err != io.EOF || shared < 4 {
				t.Errorf("%d shared records, %v", shared, err)
			}
		})
	}
}
