package trainer

import "math"

// ByteBaselines counts byte models of order 0, 1 and 2 on train and returns their bits per byte
// on val: what a model has to beat.
func ByteBaselines(train, val []byte) (order0, order1, order2 float64) {
	v := appendTokens(nil, string(val))
	return baselines(appendTokens(nil, string(train)), Batch{Rows: 1, Len: len(v) - 1, Tokens: v})
}

// baselines scores the bytes among b's targets. As for the model, what stands before a row is
// not seen.
func baselines(train []uint16, b Batch) (order0, order1, order2 float64) {
	if b.Rows == 0 {
		return 0, 0, 0
	}
	var counts [3]counter
	for k := range counts {
		counts[k] = count(train, k)
	}
	var bits [3]float64
	n := 0
	for r := range b.Rows {
		row := b.Tokens[r*(b.Len+1) : (r+1)*(b.Len+1)]
		for i := 1; i < len(row); i++ {
			x := row[i]
			if x >= endOfDocument {
				continue
			}
			n++
			p := 1.0 / vocabulary
			for k := range counts {
				if i >= k {
					p = counts[k].mix(row[i-k:i], x, p)
				}
				bits[k] -= math.Log2(p)
			}
		}
	}
	return ratio(bits[0], n), ratio(bits[1], n), ratio(bits[2], n)
}

// counter has, for each context of k tokens that occurs, how often each token follows.
type counter [][]uint32

func count(tokens []uint16, k int) counter {
	size := 1
	for range k {
		size *= vocabulary
	}
	c := make(counter, size)
	for i := k; i < len(tokens); i++ {
		at := index(tokens[i-k : i])
		if c[at] == nil {
			c[at] = make([]uint32, vocabulary)
		}
		c[at][tokens[i]]++
	}
	return c
}

func index(context []uint16) int {
	at := 0
	for _, t := range context {
		at = at*vocabulary + int(t)
	}
	return at
}

// mix interpolates the share of x after context with the probability of the next lower order, as
// Witten and Bell: a context weighs its occurrences against the number of its different followers.
func (c counter) mix(context []uint16, x uint16, lower float64) float64 {
	row := c[index(context)]
	if row == nil {
		return lower
	}
	var total, kinds float64
	for _, n := range row {
		total += float64(n)
		if n > 0 {
			kinds++
		}
	}
	return (float64(row[x]) + kinds*lower) / (total + kinds)
}
