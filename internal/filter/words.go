package filter

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Encoding is how a keyword file was written.
type Encoding string

// The encodings that are read.
const (
	UTF8    Encoding = "UTF-8"
	GB18030 Encoding = "GB18030" // and GBK and GB 2312, which are parts of it
)

// LineFault is what is wrong with a line of a keyword file.
type LineFault struct {
	Line int // from 1; 0 for the file as a whole
	*Fault
}

// Error implements error.
func (f *LineFault) Error() string {
	if f.Line == 0 {
		return f.EN
	}
	return fmt.Sprintf("line %d: %s", f.Line, f.EN)
}

// ReadWords reads a keyword file: one keyword a line, spaces around it do not count, empty lines and lines that begin with # are left out, and so is a keyword
// that was there before. UTF-8 is read with or without a byte order mark; what is no UTF-8 is read as GB18030 (of which GBK is a part), and refused if it
// is not that either. The error is a *LineFault: the first thing that is wrong.
func ReadWords(file []byte) (words []string, encoding Encoding, err error) {
	text, encoding, err := Decode(file)
	if err != nil {
		return nil, "", err
	}
	seen := map[string]bool{}
	line := 0
	for word := range strings.Lines(text) {
		line++
		word = strings.TrimSpace(word)
		if word == "" || word[0] == '#' || seen[Plain(word)] {
			continue
		}
		if f, ok := CheckKeyword(word).(*Fault); ok { // it returns nothing else
			return nil, "", &LineFault{line, f}
		}
		if len(words) == MaxKeywords {
			return nil, "", &LineFault{line, &Fault{fmt.Sprintf("a rule has at most %d keywords", MaxKeywords), fmt.Sprintf("一条规则最多 %d 个关键词", MaxKeywords)}}
		}
		seen[Plain(word)] = true
		words = append(words, word)
	}
	return words, encoding, nil
}

// Decode makes text of a file that is UTF-8, with or without a byte order mark, or else GB18030, and says which. The error is a *LineFault.
func Decode(file []byte) (string, Encoding, error) {
	whole := func(en, zh string) error { return &LineFault{0, &Fault{en, zh}} }
	if bytes.HasPrefix(file, []byte("\xff\xfe")) || bytes.HasPrefix(file, []byte("\xfe\xff")) {
		return "", "", whole("this file is UTF-16; save it as UTF-8", "文件编码是 UTF-16，请另存为 UTF-8")
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if bytes.IndexByte(file, 0) >= 0 {
		return "", "", whole("this is not a text file", "这不是文本文件")
	}
	if utf8.Valid(file) {
		return string(file), UTF8, nil
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(file)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return "", "", whole("this file is neither UTF-8 nor GBK; save it as UTF-8", "文件编码既不是 UTF-8 也不是 GBK，请另存为 UTF-8")
	}
	return string(text), GB18030, nil
}
