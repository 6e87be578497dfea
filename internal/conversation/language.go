package conversation

import (
	"strings"
	"unicode"
)

const (
	// fewLetters is how many letters of Latin words make a text English: who writes Chinese writes "OK" and "hi" too.
	fewLetters = 4
	// languageLook is how many bytes of a text are looked at: what every message costs.
	languageLook = 256
)

// languageOf tells Chinese from English by how a text is written: one Chinese character makes it Chinese; else, where it has no other script, some words of
// Latin letters make it English. "" where neither can be said, as of a number or a face. What has digits or signs of addresses in it, such as the number of an
// order, is no word.
func languageOf(text string) string {
	letters, word, odd, dot := 0, 0, false, false
	end := func() {
		if !odd {
			letters += word
		}
		word, odd, dot = 0, false, false
	}
	for _, r := range text[:min(len(text), languageLook)] {
		switch {
		case r < 0x80 && r|0x20 >= 'a' && r|0x20 <= 'z':
			word++
			odd = odd || dot
		case r == '.':
			dot = word > 0
		case r >= '0' && r <= '9' || r < 0x80 && strings.ContainsRune(`@_/\=&%#`, r):
			odd = true
		case unicode.IsSpace(r):
			end()
		case unicode.Is(unicode.Han, r):
			return "zh"
		case unicode.IsLetter(r):
			return ""
		}
	}
	end()
	if letters >= fewLetters {
		return "en"
	}
	return ""
}
