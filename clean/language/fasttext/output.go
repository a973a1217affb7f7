package fasttext

import (
	"cmp"
	"math"
	"slices"
)

// Label is a label with its probability.
type Label struct {
	Name string // such as __label__de
	P    float32
}

// Predict gives the k likeliest labels of a text, the first one first. Line ends in it are spaces.
func (m *Model) Predict(text string, k int) []Label {
	rows := m.rows(text)
	if len(rows) == 0 {
		return nil
	}
	hidden := make([]float32, m.dim)
	for _, row := range rows {
		m.input.add(hidden, row)
	}
	for i := range hidden {
		hidden[i] *= 1 / float32(len(rows))
	}
	p := m.probabilities(hidden)
	list := make([]Label, len(p))
	for i := range p {
		list[i] = Label{m.labels[i], p[i]}
	}
	slices.SortStableFunc(list, func(a, b Label) int { return cmp.Compare(b.P, a.P) })
	return list[:min(max(k, 0), len(list))]
}

func (m *Model) probabilities(hidden []float32) []float32 {
	p := make([]float32, len(m.labels))
	if m.loss == lossTree {
		m.climb(hidden, p)
		return p
	}
	top := float32(math.Inf(-1))
	for i := range p {
		p[i] = m.output.dot(hidden, int64(i))
		top = max(top, p[i])
	}
	sum := float32(0)
	for i := range p {
		if m.loss == lossEach {
			p[i] = coarse(p[i])
			continue
		}
		p[i] = float32(math.Exp(float64(p[i] - top)))
		sum += p[i]
	}
	if m.loss == lossSoftmax {
		for i := range p {
			p[i] /= sum
		}
	}
	return p
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

// coarse is the sigmoid that fastText looks up in a table of 512 steps between -8 and 8; what it prints is 1e-5 more.
func coarse(x float32) float32 {
	const reach, steps = 8, 512
	switch {
	case x < -reach:
		return 0
	case x > reach:
		return 1
	}
	i := int((x + reach) * steps / reach / 2)
	return sigmoid(float32(i)*2*reach/steps - reach)
}

// node is an inner node or, without children, a leaf of the tree of labels.
type node struct {
	left, right int32
	count       int64
}

// unbuilt is the count of an inner node before it has its children: more than any label's.
const unbuilt = 1e15

// huffman builds the tree of labels. The labels stand in the order of their counts, the largest first.
func huffman(counts []int64) []node {
	n := len(counts)
	tree := make([]node, 2*n-1)
	for i := range tree {
		tree[i] = node{-1, -1, unbuilt}
		if i < n {
			tree[i].count = counts[i]
		}
	}
	leaf, inner := n-1, n
	for i := n; i < len(tree); i++ {
		var two [2]int
		for j := range two {
			if leaf >= 0 && tree[leaf].count < tree[inner].count {
				two[j] = leaf
				leaf--
			} else {
				two[j] = inner
				inner++
			}
		}
		tree[i] = node{int32(two[0]), int32(two[1]), tree[two[0]].count + tree[two[1]].count}
	}
	return tree
}

// climb gives each label the product of the chances on its way from the root.
func (m *Model) climb(hidden, p []float32) {
	type step struct {
		at    int32
		score float64
	}
	todo := []step{{int32(len(m.tree) - 1), 0}}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		t := m.tree[s.at]
		if t.left < 0 {
			p[s.at] = float32(math.Exp(s.score))
			continue
		}
		f := float64(sigmoid(m.output.dot(hidden, int64(s.at)-int64(len(m.labels)))))
		const tiny = 1e-5 // as fastText adds it
		todo = append(todo, step{t.left, s.score + math.Log(1-f+tiny)}, step{t.right, s.score + math.Log(f+tiny)})
	}
}
