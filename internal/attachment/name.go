package attachment

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of names, in bytes: what every file system takes, with room for what a browser adds to a second copy.
const (
	maxName      = 200
	maxExtension = 20
)

// unnamed is the name of a file of whose name nothing is left.
const unnamed = "file"

// CleanName makes a name that can be shown and saved anywhere: the last part of a path, without characters that are invisible, turn the direction of
// the text around ("gpj.exe" shown as "exe.jpg") or mean something to a shell or a file system, not reserved by Windows, and not too long.
// A clean name stays as it is.
func CleanName(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Join(strings.Fields(strings.Map(harmless, name)), " ")
	name = trim(name)
	if reserved(name) {
		name = "_" + name
	}
	return shorten(name)
}

// harmless maps a character to what may be in a name; -1 leaves it out.
func harmless(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return -1
	case r == '\u2800': // a Braille pattern without dots
		return ' '
	case r == utf8.RuneError, strings.ContainsRune(`<>:"|?*`, r):
		return '_'
	}
	return r
}

// trim takes away what hides a file or what Windows takes away by itself.
func trim(name string) string { return strings.Trim(name, ". ") }

// reserved says whether Windows takes the name for a device, whatever its extension.
func reserved(name string) bool {
	stem, _, _ := strings.Cut(name, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, device := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(stem, device); ok && utf8.RuneCountInString(n) == 1 && strings.ContainsAny(n, "0123456789¹²³") {
			return true
		}
	}
	return false
}

// shorten cuts the stem of a name that is too long, between characters, and keeps the extension.
func shorten(name string) string {
	if len(name) > maxName {
		ext := path.Ext(name)
		if len(ext) > maxExtension {
			ext = ""
		}
		stem := name[:maxName-len(ext)]
		for len(stem) > 0 && !utf8.ValidString(stem) {
			stem = stem[:len(stem)-1]
		}
		name = trim(stem) + ext
	}
	if name == "" {
		return unnamed
	}
	return name
}

// extension is the extension of a clean name in lower case, without the dot.
func extension(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }
