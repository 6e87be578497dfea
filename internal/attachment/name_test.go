package attachment

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/ledger"
)

func jsonNumber(n int64) string { return strconv.FormatInt(n, 10) }

func TestNamesAreMadeSafe(t *testing.T) {
	long := strings.Repeat("长", 100) // 300 bytes
	for given, want := range map[string]string{
		"发票.pdf":                            "发票.pdf",
		"../../etc/passwd":                  "passwd",
		`C:\Users\王\照片.jpg`:                 "照片.jpg",
		`a\b/c.txt`:                         "c.txt",
		"dir/":                              "file",
		"":                                  "file",
		".":                                 "file",
		"..":                                "file",
		" . . ":                             "file",
		"\u200b\u202e":                      "file",
		".htaccess":                         "htaccess",
		"name. ":                            "name",
		"a\x00b\r\nc\x1b[31m.txt":           "ab c[31m.txt",
		"invoice\u202egpj.exe":              "invoicegpj.exe",
		"zero\u200bwidth\u200d\ufeff.txt":   "zerowidth.txt",
		"isolate\u2066\u2069.txt":           "isolate.txt",
		"soft\u00adhyphen.txt":              "softhyphen.txt",
		"filler\u3164\u115f\u2800.txt":      "filler .txt",
		"wide\u3000and\u00a0narrow\u2028x":  "wide and narrow x",
		`what?is:this"<b>|*.txt`:            "what_is_this__b___.txt",
		"con":                               "_con",
		"CON.txt":                           "_CON.txt",
		"nul.tar.gz":                        "_nul.tar.gz",
		"com1":                              "_com1",
		"Lpt\u00b9.txt":                     "_Lpt\u00b9.txt",
		"aux .txt":                          "_aux .txt",
		"COM10.txt":                         "COM10.txt",
		"console.txt":                       "console.txt",
		"CONIN$":                            "_CONIN$",
		"bad\xffutf8.txt":                   "badutf8.txt",
		long + ".pdf":                       strings.Repeat("长", 65) + ".pdf", // 196 bytes leave room for 65
		long:                                strings.Repeat("长", 66),
		"x." + strings.Repeat("y", 300):     "x." + strings.Repeat("y", 198),
		strings.Repeat("a", 195) + " .docx": strings.Repeat("a", 195) + ".docx",
		"family👩\u200d👩\u200d👧.png":         "family👩👩👧.png",
		"archive.tar.gz":                    "archive.tar.gz",
		"javascript:alert(1)":               "javascript_alert(1)",
		"<script>alert(1)</script>.html":    "script_.html",
	} {
		if got := CleanName(given); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a.txt", "con . ", "../..", "\u202e.x", strings.Repeat("长", 99) + "." + strings.Repeat("e", 30), "_con", "a." + strings.Repeat(" ", 250) + "b", "nul\u200b.txt"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, given string) {
		name := CleanName(given)
		switch {
		case name == "" || len(name) > maxName || !utf8.ValidString(name):
			t.Fatalf("%q became %q", given, name)
		case strings.ContainsAny(name, `/\<>:"|?*`), strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
			t.Fatalf("%q became %q", given, name)
		case strings.Trim(name, ". ") != name, reserved(name):
			t.Fatalf("%q became %q", given, name)
		case CleanName(name) != name:
			t.Fatalf("%q became %q, and that %q", given, name, CleanName(name))
		}
	})
}

func TestWhatAFileIsIsSeenInItsBytes(t *testing.T) {
	b := newBench(t)
	webp := func(chunk string, rest ...byte) []byte {
		file := append([]byte("RIFF\x00\x00\x00\x00WEBP"+chunk), rest...)
		return append(file, make([]byte, 64)...)
	}
	gif := append([]byte("GIF89a\x0a\x00\x14\x00\x00\x00\x00"), 0x3b)
	bomb := picture(t, 1, 1)
	binary.BigEndian.PutUint32(bomb[16:], 60_000)
	binary.BigEndian.PutUint32(bomb[20:], 60_000)
	for _, c := range []struct {
		what, name, claimed string
		content             []byte
		kind                string
		width, height       int
	}{
		{"a picture", "a.png", "", picture(t, 7, 9), "image/png", 7, 9},
		{"a picture that is called a page", "a.html", "text/html", picture(t, 7, 9), "image/png", 7, 9},
		{"a page that is called a picture", "a.png", "image/png", []byte("<html><script>alert(1)</script>"), "text/html", 0, 0},
		{"a drawing", "a.svg", "image/svg+xml", []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "image/svg+xml", 0, 0},
		{"a drawing without a head", "a.svg", "", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "image/svg+xml", 0, 0},
		{"a drawing that is called a picture", "a.png", "image/png", []byte(`<svg onload="alert(1)"/>`), "text/plain", 0, 0},
		{"a page that begins like a picture", "a.png", "image/png", []byte("\x89PNG\x0d\x0a\x1a\x0a<script>alert(1)</script>"), unspecific, 0, 0},
		{"a page that begins like a photo", "a.jpg", "image/jpeg", []byte("\xff\xd8\xff<script>alert(1)</script>"), unspecific, 0, 0},
		{"a picture that unfolds into gigabytes", "a.png", "image/png", bomb, unspecific, 0, 0},
		{"an animation", "a.gif", "", gif, "image/gif", 10, 20},
		{"WebP with loss", "a.webp", "", webp("VP8 ", 0, 0, 0, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01), "image/webp", 640, 480},
		{"WebP without loss", "a.webp", "", webp("VP8L", 0, 0, 0, 0, 0x2f, 0x7f, 0xc2, 0x77, 0x00), "image/webp", 640, 480},
		{"WebP with more", "a.webp", "", webp("VP8X", 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0x02, 0, 0xdf, 0x01, 0), "image/webp", 640, 480},
		{"WebP of no kind", "a.webp", "", webp("VP8?"), unspecific, 0, 0},
		{"text", "a.txt", "text/html", []byte("您好"), "text/plain", 0, 0},
		{"a table", "a.csv", "", []byte("a,b\n1,2\n"), "text/csv", 0, 0},
		{"a document", "a.docx", "", []byte("PK\x03\x04rest"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document", 0, 0},
		{"an archive", "a.zip", "", []byte("PK\x03\x04rest"), "application/zip", 0, 0},
		{"a portable document", "a.pdf", "", []byte("%PDF-1.7"), "application/pdf", 0, 0},
		{"a recording", "a.xyz", "audio/amr", []byte("\x00\x01\x02"), "audio/amr", 0, 0},
		{"unknown bytes that are called a page", "a.xyz", "text/html; charset=utf-8", []byte("\x00\x01\x02"), unspecific, 0, 0},
		{"unknown bytes that are called nonsense", "a.xyz", "no type at all\"", []byte("\x00\x01\x02"), unspecific, 0, 0},
	} {
		u, err := b.Upload(t.Context(), an, c.name, c.claimed, int64(len(c.content)), strings.NewReader(string(c.content)))
		if err != nil || u.Type != c.kind || u.Width != c.width || u.Height != c.height {
			t.Errorf("%s: got %q %dx%d, %v; want %q %dx%d", c.what, u.Type, u.Width, u.Height, err, c.kind, c.width, c.height)
		}
	}
}

func TestProgramsAreNotTaken(t *testing.T) {
	b := newBench(t)
	for name, content := range map[string]string{
		"发票.pdf.exe": "anything", "a.EXE": "x", "a.lnk": "x", "a.js": "WScript.Shell", "photo.jpg": "MZ\x90\x00\x03\x00\x00\x00", "a": "\x7fELF\x02\x01",
		"mac": "\xcf\xfa\xed\xfe\x07", "invoice\u202efdp.exe": "x", "a.exe . ": "x", "x.exe\x00.png": "PK\x03\x04", "a.Scr": "x",
	} {
		if name == "x.exe\x00.png" { // the name that is kept ends in .png
			b.must(an, name, []byte(content))
			continue
		}
		if _, err := b.upload(an, name, []byte(content)); err == nil || !strings.Contains(err.Error(), "attachment.program") {
			t.Errorf("%q was taken: %v", name, err)
		}
	}
	for name, content := range map[string]string{"MZ.txt": "MZ is how a text may begin", "a.zip": "PK\x03\x04", "a.py": "print(1)", "exe": "x"} {
		b.must(an, name, []byte(content))
	}
}

func FuzzAttachmentsOfAMessage(f *testing.F) {
	for _, s := range []string{"", "null", "[]", `{"zh":"通知"}`, `[{"digest":"ab","name":"a","type":"b","size":1}]`, `[1]`, `[{"size":-1}]`, " [", `[{}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data string) {
		list, err := Of(&ledger.MessageRow{Data: json.RawMessage(data)})
		if err != nil && list != nil {
			t.Fatalf("%q gave %v and %v", data, list, err)
		}
	})
}

func FuzzKinds(f *testing.F) {
	for _, s := range []string{"\x89PNG\r\n\x1a\n", "GIF89a", "\xff\xd8\xff\xe0", "RIFF\x00\x00\x00\x00WEBPVP8X\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x02\x00\xdf\x01\x00"} {
		f.Add([]byte(s), "a.png", "image/png")
	}
	f.Fuzz(func(t *testing.T, content []byte, name, claimed string) {
		head := content[:min(len(content), headLength)]
		kind, width, height, err := kindOf(head, CleanName(name), claimed, strings.NewReader(string(content)))
		if err != nil || kind == "" || (width > 0) != (height > 0) || width > 0 && pictures[kind] == nil {
			t.Fatalf("%q %d %d %v", kind, width, height, err)
		}
	})
}
