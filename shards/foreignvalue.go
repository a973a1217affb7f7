package shards

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// jsonValue is what a value means, as something that JSON can hold; nil where there is nothing.
func jsonValue(t parquet.Type, v parquet.Value) any {
	var logical any
	if l := t.LogicalType(); l != nil {
		logical = l.Value
	}
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		return jsonNumber(logical, int64(v.Int32()), uint64(v.Uint32()))
	case parquet.Int64:
		return jsonNumber(logical, v.Int64(), v.Uint64())
	case parquet.Int96: // what older writers have for a time: nanoseconds of the day, and the Julian day
		w := v.Int96()
		return time.Unix((int64(int32(w[2]))-2440588)*86400, int64(uint64(w[1])<<32|uint64(w[0]))).UTC().Format(time.RFC3339Nano)
	case parquet.Float:
		return finite(float64(v.Float()), v.Float())
	case parquet.Double:
		return finite(v.Double(), v.Double())
	}
	b := v.ByteArray()
	switch l := logical.(type) {
	case *format.DecimalType:
		return decimal(bigEndian(b), l.Scale)
	case *format.UUIDType:
		if len(b) != 16 {
			return nil
		}
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	case *format.StringType:
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	if utf8.Valid(b) {
		return string(b)
	}
	return nil
}

// finite leaves out what JSON cannot write.
func finite(f float64, v any) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return v
}

// jsonNumber is an integer, or what an integer stands for.
func jsonNumber(logical any, n int64, u uint64) any {
	switch t := logical.(type) {
	case *format.DateType:
		return time.Unix(0, 0).UTC().AddDate(0, 0, int(n)).Format(time.DateOnly)
	case *format.TimestampType:
		return instant(n, t.Unit.Value)
	case *format.DecimalType:
		return decimal(big.NewInt(n), t.Scale)
	case *format.IntType:
		if !t.IsSigned {
			return u
		}
	}
	return n
}

func instant(n int64, unit format.TimeUnitValue) any {
	t := time.Unix(0, n)
	switch unit.(type) {
	case *format.MilliSeconds:
		t = time.UnixMilli(n)
	case *format.MicroSeconds:
		t = time.UnixMicro(n)
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// decimal writes n / 10^scale.
func decimal(n *big.Int, scale int32) any {
	if scale < 0 || scale > 100 || n.BitLen() > 512 {
		return nil
	}
	s := new(big.Int).Abs(n).String()
	if pad := int(scale) + 1 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	if scale > 0 {
		s = s[:len(s)-int(scale)] + "." + s[len(s)-int(scale):]
	}
	if n.Sign() < 0 {
		s = "-" + s
	}
	return s
}

// bigEndian reads a number in two's complement.
func bigEndian(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}
