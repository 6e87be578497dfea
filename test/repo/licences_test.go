package repo

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// permitted lists the licences under which others' code may be linked into the program, by phrases that all occur in the
// text (lower case, single spaces).
var permitted = []struct {
	name    string
	phrases []string
}{
	{"Apache-2.0", []string{"apache license", "version 2.0"}},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy", "to deal in the software without restriction"}},
	{"ISC", []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"}},
	{"ISC", []string{"permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted"}},
	{"BSD", []string{"redistributions of source code must retain", "redistributions in binary form must reproduce"}},
	{"Unicode-3.0", []string{"unicode license v3"}},
	{"Unicode-DFS-2016", []string{"unicode, inc. license agreement"}},
	{"Zlib", []string{"this software is provided 'as-is'", "altered source versions must be plainly marked as such"}},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}},
	{"public domain", []string{"has been dedicated to the public domain by the authors"}},
	{"CC0-1.0", []string{"cc0 1.0 universal"}},
	{"BSL-1.0", []string{"boost software license - version 1.0"}},
}

// reviewed lists files, by module path and name, that a person has read because their text alone does not tell.
var reviewed = map[string]string{
	"modernc.org/sqlite/LICENSE-3RD-PARTY.md": "a collection; of what it says is linked, all is MIT, BSD or public domain (the Mozilla text in it names the GNU ones)",
	"modernc.org/memory/LICENSE-LOGO":         "where a picture came from; it is not linked",
}

var (
	spaces  = regexp.MustCompile(`\s+`)
	gnu     = regexp.MustCompile(`gnu (affero |lesser |library )?general public licen[cs]e`)
	refused = regexp.MustCompile(`server side public licen[cs]e|business source licen[cs]e|commons clause|elastic licen[cs]e`)
	notices = regexp.MustCompile(`(?i)^(un)?licen[cs]e|^copying|-licen[cs]e(\.|$)`)
)

// recognise names the licence of a text. The second result says whether it may be linked; an unknown text may not.
func recognise(text string) (name string, allowed bool) {
	text = strings.TrimLeft(spaces.ReplaceAllString(strings.ToLower(text), " "), " #*=-")
	// The Mozilla licence names the GNU ones as those it can be combined with, so it goes first.
	if strings.HasPrefix(text, "mozilla public license version 2.0") || strings.HasPrefix(text, "mozilla public license, version 2.0") {
		return "MPL-2.0", true
	}
	if found := gnu.FindString(text); found != "" {
		return found, false
	}
	if found := refused.FindString(text); found != "" {
		return found, false
	}
next:
	for _, licence := range permitted {
		for _, phrase := range licence.phrases {
			if !strings.Contains(text, phrase) {
				continue next
			}
		}
		return licence.name, true
	}
	return "unknown", false
}

// checkLicences wants at least one licence file, and a permitted licence in each. Keys are file names.
func checkLicences(module string, files map[string]string) []string {
	if len(files) == 0 {
		return []string{module + " has no licence file: it may not be linked"}
	}
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if licence, ok := recognise(files[name]); !ok {
			faults = append(faults, fmt.Sprintf("%s: the licence in %s is not a permitted one: %s", module, name, licence))
		}
	}
	return faults
}

// linked finds the modules that end up in a program or library of ours, and where their source is. Tools and test
// dependencies are not among them.
func linked(t *testing.T) map[string]string {
	t.Helper()
	command := exec.Command("go", "list", "-deps", "-json=ImportPath,Module", "./...")
	command.Dir = root(t)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	type listedModule struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Dir string }
	}
	modules := map[string]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath string
			Module     *listedModule
		}
		if err := decoder.Decode(&pkg); err == io.EOF {
			return modules
		} else if err != nil {
			t.Fatal(err)
		}
		if pkg.Module == nil || pkg.Module.Main {
			continue
		}
		dir := pkg.Module.Dir
		if pkg.Module.Replace != nil {
			dir = pkg.Module.Replace.Dir
		}
		modules[pkg.Module.Path+"@"+pkg.Module.Version] = dir
	}
}

func TestEveryLinkedModuleHasAPermittedLicence(t *testing.T) {
	for module, dir := range linked(t) {
		if dir == "" {
			t.Errorf("%s is not in the module cache", module)
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, entry := range entries {
			path, _, _ := strings.Cut(module, "@")
			if !entry.Type().IsRegular() || !notices.MatchString(entry.Name()) || reviewed[path+"/"+entry.Name()] != "" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				t.Fatal(err)
			}
			files[entry.Name()] = string(text)
		}
		report(t, checkLicences(module, files))
	}
}

func TestOurOwnLicenceIsApache(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := recognise(string(text)); name != "Apache-2.0" {
		t.Errorf("LICENSE is recognised as %s", name)
	}
}

func TestTheRuleAboutLicencesKnowsThem(t *testing.T) {
	const bsd = "Redistributions of source code must retain the above.\nRedistributions in binary form must reproduce it."
	tests := []struct {
		text, name string
		allowed    bool
	}{
		{"Apache License\n   Version 2.0, January 2004", "Apache-2.0", true},
		{"MIT License\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy of it, to deal\nin the Software without restriction,", "MIT", true},
		{bsd, "BSD", true},
		{"# Mozilla Public License Version 2.0\n 1.12. means the GNU General Public License, Version 2.0", "MPL-2.0", true},
		{"UNICODE LICENSE V3", "Unicode-3.0", true},
		{"GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007", "gnu general public license", false},
		{"GNU AFFERO GENERAL PUBLIC LICENSE", "gnu affero general public license", false},
		{"GNU Lesser General Public License", "gnu lesser general public license", false},
		{bsd + " Some files are under the GNU General Public License.", "gnu general public license", false},
		{"\"Commons Clause\" Condition. Apache License Version 2.0", "commons clause", false},
		{"All rights reserved.", "unknown", false},
		{"", "unknown", false},
	}
	for _, test := range tests {
		name, allowed := recognise(test.text)
		if name != test.name || allowed != test.allowed {
			t.Errorf("recognise(%q) = %s, %t; want %s, %t", test.text, name, allowed, test.name, test.allowed)
		}
	}
	expect(t, checkLicences("example.com/a@v1.0.0", nil), "has no licence file")
	expect(t, checkLicences("example.com/a@v1.0.0", map[string]string{"LICENSE": bsd}))
	expect(t, checkLicences("example.com/a@v1.0.0", map[string]string{"LICENSE": bsd, "COPYING": "GNU General Public License"}), "COPYING")
}
