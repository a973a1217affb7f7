package crawl

import (
	"slices"
	"strings"
)

// keyOf is a fetch form with what commonly varies without changing the page taken off: the dot behind the
// host, escapes without need and the case of the others, the order of parameters, parameters that track a
// visitor and those that name his session. A URL and its fetch form have one key, and a key is its own.
func keyOf(fetch string) string {
	origin := originOf(fetch)
	path, query, _ := strings.Cut(fetch[len(origin):], "?")
	host := withoutDot(origin)
	tidied := stripPathSession(tidyEscapes(path))
	if len(host) == len(origin) && tidied == path && len(origin)+len(path) == len(fetch) {
		return fetch
	}
	var b strings.Builder
	b.Grow(len(fetch))
	b.WriteString(host)
	b.WriteString(tidied)
	sep := byte('?')
	for _, pair := range tidyQuery(query) {
		b.WriteByte(sep)
		b.WriteString(pair)
		sep = '&'
	}
	return b.String()
}

// withoutDot takes the dot off that makes a host name absolute: "http://h.example.:81".
func withoutDot(origin string) string {
	end := len(origin)
	if i := strings.LastIndexByte(origin, ':'); i > len("https:") && !strings.HasSuffix(origin, "]") {
		end = i
	}
	if end < 2 || origin[end-1] != '.' || origin[end-2] == '.' || origin[end-2] == '/' {
		return origin
	}
	return origin[:end-1] + origin[end:]
}

// tidyQuery lists the parameters that a key has, in the order of their names; equal names keep theirs.
func tidyQuery(query string) []string {
	if query == "" {
		return nil
	}
	pairs := strings.Split(query, "&")
	kept := pairs[:0]
	for _, p := range pairs {
		p = tidyEscapes(p)
		if name, value, _ := strings.Cut(p, "="); p != "" && !isTracking(strings.ToLower(name), value) {
			kept = append(kept, p)
		}
	}
	slices.SortStableFunc(kept, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	return kept
}

// isTracking reports whether a parameter, its name in lower case, names the visitor or the way he came.
// The names are those that the makers document; a page never depends on one.
func isTracking(name, value string) bool {
	switch name {
	case "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "_ga", "_gl", "srsltid", // Google Ads, Analytics, Merchant Center
		"fbclid", "igshid", "igsh", // Meta
		"msclkid", "yclid", "ysclid", "twclid", "ttclid", "li_fat_id", "epik", // Microsoft, Yandex, X, TikTok, LinkedIn, Pinterest
		"mc_cid", "mc_eid", "mkt_tok", "vero_id", "oly_anon_id", "oly_enc_id", // Mailchimp, Marketo, Vero, Omeda
		"_hsenc", "_hsmi", "__hssc", "__hstc", "__hsfp", "hsctatracking", // HubSpot
		"pk_campaign", "pk_kwd", "pk_source", "pk_medium", "pk_content", "mtm_campaign", "mtm_keyword", "mtm_source", "mtm_medium", "mtm_content", // Matomo
		"phpsessid", "jsessionid", "cfid", "cftoken", "oscsid", "zenid": // PHP, Servlets, ColdFusion, osCommerce, Zen Cart
		return true
	case "sid", "sess", "session", "sessionid", "session_id", "s": // where the value is no number or word of the site's
		return isRandom(value)
	}
	return strings.HasPrefix(name, "utm_") || strings.HasPrefix(name, "aspsessionid")
}

// isRandom reports whether a value looks like a session's: 20 or more letters and digits, with both among them.
func isRandom(s string) bool {
	letters, digits := 0, 0
	for _, c := range []byte(s) {
		switch {
		case isLetter(c):
			letters++
		case isDigit(c):
			digits++
		default:
			return false
		}
	}
	return letters+digits >= 20 && letters > 0 && digits > 0
}

// stripPathSession cuts ";jsessionid=…" off the segments of a path (Servlet specification, section 7.1.3).
func stripPathSession(path string) string {
	const name = ";jsessionid="
	for from := 0; ; {
		i := strings.IndexByte(path[from:], ';')
		if i < 0 {
			return path
		}
		i += from
		rest := path[i+1:]
		if len(path)-i < len(name) || !strings.EqualFold(path[i:i+len(name)], name) || isDots(path[strings.LastIndexByte(path[:i], '/')+1:i]) {
			from = i + 1
			continue
		}
		if j := strings.IndexAny(rest, "/;"); j >= 0 {
			path = path[:i] + rest[j:]
		} else {
			path = path[:i]
		}
		from = i
	}
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

// tidyEscapes decodes the escapes of unreserved characters and writes the others in upper case. A text with
// a broken escape stays as it is: what stands behind it could become one.
func tidyEscapes(s string) string {
	first := strings.IndexByte(s, '%')
	if first < 0 {
		return s
	}
	b := append(make([]byte, 0, len(s)), s[:first]...)
	for i := first; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return s
		}
		if c := unhex(s[i+1])<<4 | unhex(s[i+2]); isUnreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upper(s[i+1]), upper(s[i+2]))
		}
		i += 2
	}
	return string(b)
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

func isUnreserved(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~'
}
