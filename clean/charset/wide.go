package charset

import "golang.org/x/text/encoding/unicode"

// wideBytes is how much of a body is looked at for UTF-16.
const wideBytes = 4096

// wide recognises UTF-16 without a mark. Of text in most languages, spaces and markup included, a good part of every
// second byte is zero, and none of the others. Where it is not so, as in Russian or Chinese, there are still bytes that
// no text in another encoding has, and then the cheaper reading is right.
func wide(body []byte) string {
	head := body[:min(len(body), wideBytes)&^1]
	if len(head) < 16 {
		return ""
	}
	var zero [2]int
	controls := 0
	for i, c := range head {
		switch {
		case c == 0:
			zero[i&1]++
			controls++
		case c < ' ' && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1B:
			controls++
		}
	}
	enough := len(head) / 2 / 5
	switch {
	case zero[1] > enough && zero[0]*20 <= zero[1]:
		return "utf-16le"
	case zero[0] > enough && zero[1]*20 <= zero[0]:
		return "utf-16be"
	case controls*128 < len(head):
		return ""
	}
	return newDetector().wide(head[:min(len(head), 512)])
}

// wide compares UTF-16, in both orders, with what else the bytes could be.
func (d *detector) wide(head []byte) string {
	_, least := d.best(head)
	least = min(least, d.textCost(string(head)))
	name := ""
	for _, order := range []struct {
		name string
		end  unicode.Endianness
	}{{"utf-16le", unicode.LittleEndian}, {"utf-16be", unicode.BigEndian}} {
		if cost := d.textCost(textOf(head, unicode.UTF16(order.end, unicode.IgnoreBOM))); cost < least {
			name, least = order.name, cost
		}
	}
	return name
}
