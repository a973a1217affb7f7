package trainer

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTensorsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z."\\é<]{0,9}`), 0, 5, rapid.ID).Draw(t, "names")
		var ts []Tensor
		for _, n := range names {
			shape := rapid.SliceOfN(rapid.IntRange(0, 40), 0, 3).Draw(t, "shape")
			size, _ := elements(shape, 1<<20)
			x := Tensor{Name: n, Shape: shape, Data: make([]float32, size)}
			for i := range x.Data {
				x.Data[i] = float32(i) + rapid.Float32().Draw(t, "first")
				if i > 3 {
					break
				}
			}
			ts = append(ts, x)
		}
		var b bytes.Buffer
		if err := writeTensors(&b, ts); err != nil {
			t.Fatal(err)
		}
		got, err := readTensors(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(ts) || restore(got, ts) != nil || digestSorted(got) != digestSorted(ts) {
			t.Fatalf("wrote %v, read %v", ts, got)
		}
	})
}

func digestSorted(ts []Tensor) string {
	ts = slices.Clone(ts)
	slices.SortFunc(ts, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	return digest(ts)
}

// file builds a safetensors file by hand.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestReadTensorsRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":         nil,
		"endless":       binary.LittleEndian.AppendUint64(nil, math.MaxUint64),
		"no JSON":       file("{", 0),
		"another type":  file(`{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}`, 2),
		"overlap":       file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
		"hole":          file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8),
		"rest":          file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8),
		"too short":     file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4),
		"wrong shape":   file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4),
		"negative":      file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[4,0]}}`, 4),
		"overflow":      file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		"same name":     file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8),
		"huge offsets":  file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[9223372036854775807,9223372036854775807]}}`, 0),
		"offsets wrap":  file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-9223372036854775808,-9223372036854775804]}}`, 4),
		"not a tensor":  file(`{"a":7}`, 0),
		"not an object": file(`[1]`, 0),
	} {
		if ts, err := readTensors(bytes.NewReader(b), int64(len(b))); err == nil {
			t.Errorf("%s: read %v", name, ts)
		}
	}
}

// FuzzReadTensors: any bytes are read or refused, and what is read is written to the same numbers.
func FuzzReadTensors(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}`, 8))
	f.Add(file(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}} `, 4))
	f.Add(file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))
	f.Fuzz(func(t *testing.T, b []byte) {
		ts, err := readTensors(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := writeTensors(&out, ts); err != nil {
			t.Fatal(err)
		}
		again, err := readTensors(&out, int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if digest(again) != digest(ts) {
			t.Fatal("written and read again, the numbers differ")
		}
	})
}

// FuzzParseVersions: any bytes are versions in order, or refused.
func FuzzParseVersions(f *testing.F) {
	f.Add([]byte(`{"step":0,"docs":1,"train":9}` + "\n" + `{"step":10,"docs":1,"train":9,"final":true}` + "\n" + `{"st`))
	f.Add([]byte(`{"step":5}` + "\n" + `{"step":5}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		vs, whole, err := parseVersions(b)
		if err != nil {
			return
		}
		if whole > len(b) || (whole > 0 && b[whole-1] != '\n') {
			t.Fatalf("%d of %d bytes are whole lines", whole, len(b))
		}
		for i := 1; i < len(vs); i++ {
			if vs[i].Step <= vs[i-1].Step || vs[i].Train < vs[i-1].Train {
				t.Fatalf("version %d: %+v after %+v", i, vs[i], vs[i-1])
			}
		}
	})
}
