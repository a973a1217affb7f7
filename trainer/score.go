package trainer

import (
	"math"
	"math/rand/v2"
)

// Score is the bits per byte that the model needs for the first limit bytes of text: the higher,
// the odder. An empty text scores 0.
func (g *GPT) Score(text string, limit int) float64 {
	if len(text) > limit {
		text = text[:limit]
	}
	if text == "" {
		return 0
	}
	// The end of the document before starts this one.
	tokens := append([]uint16{endOfDocument}, appendTokens(nil, text)...)
	tokens = tokens[:len(tokens)-1]
	a, length := g.parts[0].arena, g.c.Context
	var s Scores
	for at := 0; at+1 < len(tokens); at += length {
		n := min(length, len(tokens)-1-at)
		s.add(a.pass(g.params, tokens[at:at+n+1], 1, n, 0, false))
	}
	return s.ByteLoss / math.Ln2 / float64(s.ByteCount)
}

// temperature below 1 makes a small model's text less random.
const temperature = 0.8

// Generate continues prompt by up to n bytes and stops at the end of the document. The result may
// be any bytes: escape it before it is shown.
func (g *GPT) Generate(prompt string, n int, seed uint64) string {
	tokens := append([]uint16{endOfDocument}, appendTokens(nil, prompt)...)
	tokens = tokens[:len(tokens)-1]
	a, w := g.parts[0].arena, g.c.Width
	r := rand.New(rand.NewPCG(seed, 0))
	var out []byte
	for range n {
		seen := tokens[max(0, len(tokens)-g.c.Context):]
		a.forward(g.params, seen, 1, len(seen), 0)
		a.linear(a.logits[:g.c.Vocab], a.out[(len(seen)-1)*w:], g.params.head, nil, 1, w, g.c.Vocab)
		next := draw(a.logits[:g.c.Vocab], r.Float64())
		if next == endOfDocument {
			break
		}
		tokens = append(tokens, next)
		out = append(out, byte(next))
	}
	return string(out)
}

// draw picks a token with the probability that its logit gives; at is uniform in [0, 1).
func draw(logits []float32, at float64) uint16 {
	peak := logits[0]
	for _, v := range logits {
		peak = max(peak, v)
	}
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v-peak) / temperature)
	}
	at *= sum
	last := 0
	for i, v := range logits {
		e := math.Exp(float64(v-peak) / temperature)
		if e == 0 {
			continue
		}
		last = i
		if at -= e; at < 0 {
			break
		}
	}
	return uint16(last)
}
