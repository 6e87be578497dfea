package filter

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
)

func TestKeywordFilesAreReadInTheEncodingsThatPeopleHave(t *testing.T) {
	want := []string{"加微信", "免费领取", "ＶＸ"}
	file := "# 广告\r\n 加微信 \n\n免费领取\nＶＸ\nvx\n加微信"
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file     string
		encoding Encoding
	}{"plain": {file, UTF8}, "with a byte order mark": {"\ufeff" + file, UTF8}, "GBK": {gbk, GB18030}} {
		words, encoding, err := ReadWords([]byte(c.file))
		if err != nil || encoding != c.encoding || !slices.Equal(words, want) {
			t.Errorf("%s: %q, %s, %v", name, words, encoding, err)
		}
	}
}

func TestKeywordFilesThatCannotBeReadSayWhy(t *testing.T) {
	for file, line := range map[string]int{
		"\xff\xfea\x00":                        0,
		"a\x00b":                               0,
		"\xff\xff\xff":                         0,
		"好\n" + strings.Repeat("长", 65):        2,
		"好\n\n\u200b":                          3,
		strings.Repeat("词\n", 3) + "a\x01\x00": 0,
	} {
		words, _, err := ReadWords([]byte(file))
		var f *LineFault
		if !errors.As(err, &f) || f.Line != line || f.EN == "" || f.ZH == "" {
			t.Errorf("%q: %q, %v", file, words, err)
		}
	}
}

func FuzzReadWords(f *testing.F) {
	f.Add([]byte("加微信\nabc\n"))
	f.Add([]byte("\ufeffa\r\nb"))
	f.Add([]byte{0xbc, 0xd3, 0xce, 0xa2})
	f.Fuzz(func(t *testing.T, file []byte) {
		words, encoding, err := ReadWords(file)
		var fault *LineFault
		if err != nil {
			if !errors.As(err, &fault) || words != nil {
				t.Fatalf("%v %q", err, words)
			}
			return
		}
		seen := map[string]bool{}
		for _, w := range words {
			if CheckKeyword(w) != nil || seen[Plain(w)] {
				t.Fatalf("%q from %s is no keyword, or there twice", w, encoding)
			}
			seen[Plain(w)] = true
		}
	})
}
