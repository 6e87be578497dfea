package filter

import (
	"strings"
	"unicode"
)

// invisible characters are left out of the plain form: they split a word without changing how it looks.
func invisible(r rune) bool {
	switch r {
	case '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufe0e', '\ufe0f', '\ufeff':
		return true
	}
	return false
}

// plainRune is the plain form of one character; keep is false for one that is left out.
func plainRune(r rune) (plain rune, keep bool) {
	switch {
	case r < 0x80:
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r, true
	case r >= 0x3400 && r <= 0x9fff: // by far the most frequent ones of Chinese text
		return r, true
	case r == 0x3000:
		return ' ', true
	case r >= 0xff01 && r <= 0xff5e:
		return plainRune(r - 0xfee0)
	case invisible(r):
		return 0, false
	}
	return unicode.ToLower(r), true
}

// Plain is the form of a text in which keywords and senders are compared. See the package comment.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if p, keep := plainRune(r); keep {
			return p
		}
		return -1
	}, s)
}
