package fasttext

import "strings"

// end is the word at the end of each text.
const end = "</s>"

// hash is 32-bit FNV-1a over bytes that are taken as signed.
func hash(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h ^= uint32(int32(int8(s[i])))
		h *= 16777619
	}
	return h
}

// rows lists the rows of the input matrix that a text stands for: its words, their n-grams of characters, and its n-grams of words.
func (m *Model) rows(text string) []int64 {
	var rows []int64
	var hashes []int32
	each := func(word string) {
		id, known := m.words[word]
		if !known && strings.HasPrefix(word, "__label__") {
			return
		}
		if known {
			rows = append(rows, int64(id))
		}
		if m.maxn > 0 && word != end {
			rows = m.subwords(rows, "<"+word+">")
		}
		hashes = append(hashes, int32(hash(word)))
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r <= ' ' && strings.ContainsRune(" \n\r\t\v\f\x00", r) }) {
		each(word)
	}
	each(end)
	for i, first := range hashes {
		h := uint64(int64(first))
		for _, next := range hashes[i+1 : min(len(hashes), max(i+m.wordNgrams, i+1))] {
			h = h*116049371 + uint64(int64(next))
			if m.buckets > 0 {
				rows = m.bucket(rows, int32(h%uint64(m.buckets)))
			}
		}
	}
	return rows
}

// subwords adds the n-grams of characters of a word in its brackets.
func (m *Model) subwords(rows []int64, word string) []int64 {
	inside := func(i int) bool { return i < len(word) && word[i]&0xc0 == 0x80 }
	for i := range len(word) {
		if inside(i) {
			continue
		}
		for j, n := i, 1; j < len(word) && n <= m.maxn; n++ {
			for j++; inside(j); j++ {
			}
			if n >= m.minn && (n > 1 || i > 0 && j < len(word)) && m.buckets > 0 {
				rows = m.bucket(rows, int32(hash(word[i:j])%m.buckets))
			}
		}
	}
	return rows
}

// bucket adds the row of an n-gram's hash, where it was not pruned.
func (m *Model) bucket(rows []int64, id int32) []int64 {
	if m.pruned != nil {
		to, ok := m.pruned[id]
		if !ok {
			return rows
		}
		id = to
	}
	return append(rows, int64(m.wordCount)+int64(id))
}
