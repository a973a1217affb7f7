package crawl

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const day = 24 * time.Hour

// TestChangeRateFormula holds the estimator against Cho and Garcia-Molina's, of which it is the
// extension to irregular visits.
func TestChangeRateFormula(t *testing.T) {
	for n := 1; n <= maxVisits; n++ {
		for x := range n + 1 {
			var v history
			for i := range n {
				v = v.add(time.Hour, i < x)
			}
			want := -math.Log((float64(n-x)+0.5)/(float64(n)+0.5)) / 3600
			if got := changeRate(v.list()); math.Abs(got-want) > 1e-5*want {
				t.Fatalf("%d of %d: %g, want %g", x, n, got, want)
			}
		}
	}
}

// TestChangeRateMeetsItsBars simulates pages that change at known rates, visited when the crawler
// would visit them.
func TestChangeRateMeetsItsBars(t *testing.T) {
	t.Parallel()
	const urls = 1000
	for _, every := range []time.Duration{time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 3 * day, 7 * day, 14 * day, 30 * day, 60 * day, 90 * day} {
		r := rand.New(rand.NewPCG(12, uint64(every)))
		rate := 1 / every.Seconds()
		mean, off := map[int]float64{}, map[int][]float64{}
		for range urls {
			var v history
			for n := 1; n <= 40; n++ {
				gap := v.nextGap(time.Hour, 90*day)
				v = v.add(gap, r.Float64() < -math.Expm1(-rate*gap.Seconds()))
				if n == 10 || n == 40 {
					got := changeRate(v.list()) / rate
					mean[n] += got / urls
					off[n] = append(off[n], math.Abs(got-1))
				}
			}
		}
		median := func(n int) float64 { slices.Sort(off[n]); return off[n][urls/2] }
		t.Logf("a change every %v: after 10 visits mean %.3f of the truth, median error %.0f %%; after 40 %.3f, %.0f %%",
			every, mean[10], 100*median(10), mean[40], 100*median(40))
		if math.Abs(mean[10]-1) > 0.10 || math.Abs(mean[40]-1) > 0.10 || median(10) > 0.40 || median(40) > 0.25 {
			t.Errorf("a change every %v: a bar is missed", every)
		}
	}
}

// TestChangeRateOfIrregularVisits looks at visits that nobody has chosen: postponed for weeks, or early.
func TestChangeRateOfIrregularVisits(t *testing.T) {
	t.Parallel()
	const urls = 1000
	r := rand.New(rand.NewPCG(12, 0))
	rate, mean := 1/(3*day).Seconds(), 0.0
	for range urls {
		var v history
		for range 10 {
			gap := time.Duration((0.2 + 2.8*r.Float64()) * float64(3*day))
			v = v.add(gap, r.Float64() < -math.Expm1(-rate*gap.Seconds()))
		}
		mean += changeRate(v.list()) / rate / urls
	}
	if math.Abs(mean-1) > 0.10 {
		t.Errorf("mean %.3f of the truth", mean)
	}
}

// TestHistoryLaws: whatever happened, the rate is finite, the score changes its sign there, and the
// gap keeps its bounds.
func TestHistoryLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v history
		var want []spell
		for range rapid.IntRange(0, 80).Draw(t, "n") {
			gap := rapid.Int64Range(1, 1<<33).Draw(t, "gap")
			changed := rapid.Bool().Draw(t, "changed")
			v = v.add(time.Duration(gap)*time.Second, changed)
			want = append(want, spell{float64(gap), changed})
		}
		want = want[max(len(want)-maxVisits, 0):]
		if got := v.list(); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		rate := changeRate(want)
		if (rate == 0) != (changes(want) == 0) || math.IsNaN(rate) || math.IsInf(rate, 0) || rate < 0 {
			t.Fatalf("rate %g of %v", rate, want)
		}
		if rate > 0 && (correctedScore(want, rate*0.999) < 0 || correctedScore(want, rate*1.001) > 0) {
			t.Fatalf("%g is not where the score of %v is 0", rate, want)
		}
		if gap := v.nextGap(time.Hour, 90*day); gap < time.Hour || gap > 90*day {
			t.Fatalf("next after %v", gap)
		}
	})
}

// FuzzHistory: what stands in a damaged log does no harm.
func FuzzHistory(f *testing.F) {
	f.Add("")
	f.Add("\x02\x03\xff")
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	f.Add("\x00\x01\x00\x01")
	f.Fuzz(func(t *testing.T, s string) {
		if gap := history(s).nextGap(time.Hour, 90*day); gap < time.Hour || gap > 90*day {
			t.Errorf("next after %v", gap)
		}
		history(s).add(time.Hour, true)
	})
}
