package words

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// rules are the tables that the words of every text are looked up in.
type rules struct {
	exceptions table       // a chunk to the lengths of its parts
	bits       [256]uint64 // one for some bytes and the length of each exception
	class      [256]byte   // of each byte
	joins      [256]byte   // by its first byte, the length of the longest exception that is made of words by join
}

// Classes of bytes.
const (
	others  = iota // of ASCII
	letters        // of ASCII
	spaces         // of ASCII
	marks          // that are cut off a word whatever stands before them
	ends           // the same, and end a sentence
	stops          // the full stop
	wides          // part of a character that is not of ASCII
)

// theRules holds contractions, abbreviations and emoticons, as spaCy 3.8 has them for English. Each entry with an
// apostrophe stands there with ’ too.
var theRules = sync.OnceValue(func() *rules {
	r := &rules{exceptions: table{}}
	r.exceptions.contractions()
	r.exceptions.negations()
	r.exceptions.whole()
	for s := range r.exceptions {
		h := rareHash(s)
		r.bits[h>>6] |= 1 << (h & 63)
		if prefixLen(s) > 0 || suffixLen(s) > 0 {
			r.joins[s[0]] = max(r.joins[s[0]], byte(len(s)))
		}
	}
	for c := range byte(utf8.RuneSelf) {
		switch {
		case letter(c):
			r.class[c] = letters
		case space(string(rune(c)), 0) > 0:
			r.class[c] = spaces
		case strings.IndexByte(",;:", c) >= 0:
			r.class[c] = marks
		case c == '!', c == '?':
			r.class[c] = ends
		case c == '.':
			r.class[c] = stops
		}
	}
	for c := utf8.RuneSelf; c < len(r.class); c++ {
		r.class[c] = wides
	}
	return r
})

func rareHash(s string) int {
	return (int(s[0])*37 + int(s[len(s)-1])*101 + int(s[len(s)/2])*2039 + len(s)*811) & (1<<14 - 1)
}

// rare reports whether s may be an exception. It is not for most of what is asked for.
func (r *rules) rare(s string) bool {
	if len(s) == 0 || len(s) > maxException {
		return false
	}
	h := rareHash(s)
	return r.bits[h>>6]&(1<<(h&63)) != 0
}

type table map[string][]int

// add enters the chunk that the parts make.
func (e table) add(parts ...string) {
	for _, apostrophe := range [...]string{"'", "’"} {
		lens := make([]int, len(parts))
		var s string
		for i, p := range parts {
			p = strings.ReplaceAll(p, "'", apostrophe)
			lens[i] = len(p)
			s += p
		}
		e[s] = lens
	}
}

// both adds the parts and the same with a capital first letter.
func (e table) both(first string, rest ...string) {
	e.add(append([]string{first}, rest...)...)
	e.add(append([]string{strings.ToUpper(first[:1]) + first[1:]}, rest...)...)
}

// short adds an ending with and without its apostrophe.
func (e table) short(words, first string, rest ...string) {
	for w := range strings.FieldsSeq(words) {
		e.both(w, append([]string{first}, rest...)...)
		bare := []string{strings.ReplaceAll(first, "'", "")}
		for _, r := range rest {
			bare = append(bare, strings.ReplaceAll(r, "'", ""))
		}
		e.both(w, bare...)
	}
}

// contractions are pronouns and question words with a short verb.
func (e table) contractions() {
	const (
		pronouns  = "i you he she it we they"
		questions = "who what when where why how there that this these those"
		singular  = "who what when where why how there that this"   // the ones with 's
		plural    = "who what when where why how there these those" // the ones with 're and 've
	)
	e.short("i", "'m")
	e.short("i", "'m", "a")
	for _, words := range [...]string{pronouns, questions} {
		e.short(words, "'ll")
		e.short(words, "'ll", "'ve")
		e.short(words, "'d")
		e.short(words, "'d", "'ve")
	}
	e.short("i you we they "+plural, "'ve")
	e.short("you we they "+plural, "'re")
	e.short("he she it "+singular, "'s")
	e.add("y'", "all")
	e.add("y", "all")
	e.both("how", "'d", "'y")
	e.short("not", "'ve")
	e.both("can", "not")
	e.both("gon", "na")
	e.both("got", "ta")
	e.both("let", "'s")
	e.both("c'm", "on")
	for h := 1; h <= 12; h++ {
		for _, half := range [...]string{"a.m.", "am", "p.m.", "pm"} {
			e.add(strconv.Itoa(h), half)
		}
	}
	for _, unit := range [...]string{"c", "f", "k", "C", "F", "K"} {
		e.add("°", unit, ".")
	}
}

// negations are verbs with n't.
func (e table) negations() {
	const verbs = "ca could do does did had may might must need ought sha should wo would"
	e.short(verbs, "n't")
	e.short(verbs, "n't", "'ve")
	e.short("ai are is was were have has dare", "n't")
	e.short("could might must should would", "'ve")
	// These are words in their own right.
	for w := range strings.FieldsSeq("ill its hell shell shed were well whore") {
		delete(e, w)
		delete(e, strings.ToUpper(w[:1])+w[1:])
	}
}

// whole are chunks that are kept in one piece.
func (e table) whole() {
	for w := range strings.FieldsSeq(`' '' 'S 's 're 'd 'll 'em 'nuff em ll nuff 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout
		ma'am Ma'am o'clock O'clock and/or w/o C++ \") \n \t — <space>
		a.m. p.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont.
		Mr. Mrs. Ms. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. Mt.
		Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky.
		La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept.
		Tenn. Va. Wash. Wis. ä. ö. ü.`) {
		e.add(w)
	}
	e.add("‘S")
	e.add("‘s")
	for c := 'a'; c <= 'z'; c++ {
		e.add(string(c) + ".")
	}
	for w := range strings.FieldsSeq("doin goin nothin nuthin ol somethin lovin havin") {
		for _, end := range [...]string{"", "'"} {
			e.both(w + end)
		}
	}
	for w := range strings.FieldsSeq(`:) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8
		;) ;-) (; (-; :( :-( :(( :-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O
		:-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^
		>.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333
		</3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>`) {
		e.add(w)
	}
}
