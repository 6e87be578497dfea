package snapshot

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidahq/bida/internal/ledger"
	"github.com/bidahq/bida/internal/problem"
	"github.com/bidahq/bida/internal/reception"
	"github.com/bidahq/bida/internal/store"
	"github.com/bidahq/bida/internal/store/memory"
	"github.com/bidahq/bida/internal/store/sqlite"
)

const engine = "engine 1"

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// plant fills every text of a row, however deep, with one that says where it stands.
func plant(v reflect.Value, where string) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon))
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(`{"x":"` + where + `","list":["` + where + `"],"in":{"x":"` + where + `"}}`))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		plant(v.Elem(), where)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				at := where + "." + f.Name
				if f.Anonymous {
					at = where
				}
				plant(v.Field(i), at+";")
			}
		}
	case v.Kind() == reflect.String:
		v.SetString(where)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes([]byte(`"` + where + `"`))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		plant(v.Index(0), where)
	case v.Kind() == reflect.Array: // a digest
		sum := sha256.Sum256([]byte(where))
		reflect.Copy(v, reflect.ValueOf(sum[:v.Len()]))
	case v.CanInt():
		v.SetInt(1)
	}
}

// planted is a group with a row of every kind, whose texts say where they stand.
func planted() *ledger.Group {
	g := &ledger.Group{First: 1, Last: 1, At: noon, Nonce: "planted.Nonce;"}
	v := reflect.ValueOf(g).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Type.Kind() != reflect.Slice || f.Type.Elem().Kind() != reflect.Struct:
		case slices.Contains([]string{"DeliveryEdits", "FactEnds", "AssignmentEnds", "DocumentEnds", "ReplyUpdates"}, f.Name): // of rows that exist
		default:
			rows := reflect.MakeSlice(f.Type, 1, 1)
			plant(rows.Index(0), "planted."+f.Name)
			v.Field(i).Set(rows)
		}
	}
	g.Conversations[0].Status = "open"
	g.Attempts[0].Account = g.Deliveries[0].Account
	g.Outcomes[0].ID = g.Messages[0].Decision.Outcomes
	g.Facts[0].ToPosition, g.Assignments[0].ToPosition, g.Documents[0].To = 0, 0, 0
	for _, fact := range []string{ledger.FactPresence, ledger.FactSocket, "planted-name"} {
		row := g.Facts[0]
		row.Name, row.Key = fact, "planted-key"
		row.Value = json.RawMessage(`{"value":"away","reason":"planted.Facts.Reason;","about":"app 1","remote":"planted.Facts.Remote;"}`)
		g.Facts = append(g.Facts, row)
	}
	for _, kind := range []string{"account", "inbox", "filter", "maintenance", "switch", "team", "client"} {
		g.Documents = append(g.Documents, ledger.DocumentRow{Kind: kind, Name: "n", From: 1, Spec: json.RawMessage(
			`{"title":"t","alias":"planted.Spec;","number":"planted.Spec;","position":"planted.Spec;","state_reason":"planted.Spec;","reason":"planted.Spec;","email":"planted.Spec;",
"routing":{"idle_prompt_text":"planted.Spec;"},"extensions":[{"reason":"planted.Spec;"}],"match":{"keywords":["planted.Spec;"],"senders":{"block":["planted.Spec;"]},"expression":"planted.Spec;"},
"announcement":{"zh":"planted.Spec;","en":"planted.Spec;"}}`)})
	}
	return g
}

// forbidden are the beginnings of what must not leave the house. What is planted and not here are ids, codes, names of accounts and the like.
var forbidden = []string{
	"Messages.Text", "Messages.Data", "Messages.SenderID", "Messages.Contact;", "Messages.ReplyDetail", "Keys.", "Contacts.", "Conversations.Contact;",
	"Attempts.Error", "Audit.", "Logins.PasswordHash", "Tokens.Label", "Tokens.Hash", "BrowserSessions.", "Clients.", "Refusals.SenderID", "Refusals.Field", "Refusals.Detail", "Revisions.Request",
	"Uploads.", "Files.", "Visitors.", "Ratings.", "Jobs.", "Nonce", "Revisions.Reason", "Revisions.Changes", "Facts.Value", "Facts.Reason", "Facts.Remote", "Documents.Spec", "Spec",
}

func export(t testing.TB, source ledger.Extractor, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := NewExporter(source).Export(context.Background(), &out, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func usual() Options {
	return Options{Since: noon.Add(-Usual), At: noon, Zone: time.FixedZone("Local", 8*3600), Program: "1.2.3", Engine: engine}
}

// unpack is what a file says, as text.
func unpack(t testing.TB, file []byte) string {
	t.Helper()
	_, packed, _ := bytes.Cut(file[:len(file)-trailerLength], []byte("\n"))
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func eachStore(t *testing.T, check func(t *testing.T, s store.Store)) {
	t.Run("memory", func(t *testing.T) { check(t, memory.New()) })
	t.Run("sqlite", func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		check(t, s)
	})
}

func TestNoTextAndNoSecretIsInASnapshot(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		g := planted()
		if err := s.Commit(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		text := unpack(t, export(t, s, usual()))
		for _, where := range forbidden {
			if at := strings.Index(text, "planted."+where); at >= 0 {
				t.Errorf("the snapshot tells %s: %s", where, text[max(0, at-200):min(len(text), at+100)])
			}
		}
		for name, secret := range map[string][]byte{"the token's hash": g.Tokens[0].Hash[:], "the session's": g.BrowserSessions[0].Hash[:], "the visitor's": g.Visitors[0].Hash[:]} {
			if strings.Contains(text, base64.StdEncoding.EncodeToString(secret)) || strings.Contains(text, hex.EncodeToString(secret)) {
				t.Errorf("the snapshot tells %s", name)
			}
		}
		// That the test can find something: what is kept of each table is there.
		for _, where := range []string{"Messages.Author", "Messages.Decision;.Cause", "Deliveries.Account", "Attempts.Connection", "Facts.Subject", "Decisions.Code", "Tokens.Account",
			"Logins.Account", "Refusals.Code", "Quarantine.Rule", "Hits.Rule", "Revisions.By", "Outcomes.Content", "Assignments.Account", "Conversations.Owner", "Documents.Kind"} {
			if !strings.Contains(text, "planted."+where) {
				t.Errorf("the snapshot should tell %s", where)
			}
		}
	})
}

func TestPseudonymsAreTheSameWithinAFileAndOthersInTheNext(t *testing.T) {
	s := memory.New()
	g := planted()
	g.Messages[0].Contact, g.Messages[0].SenderID, g.Conversations[0].Contact = "zhang-san", "", "zhang-san"
	if err := s.Commit(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for range 2 {
		c := &cover{key: []byte(fmt.Sprint(len(seen)))}
		seen = append(seen, c.pseudonym("zhang-san"))
		if c.pseudonym("") != "" || c.pseudonym("zhang-san") != seen[len(seen)-1] || c.pseudonym("li-si") == seen[len(seen)-1] {
			t.Errorf("pseudonyms: %v", seen)
		}
	}
	if seen[0] == seen[1] {
		t.Error("two files have the same pseudonyms")
	}
	one, two := unpack(t, export(t, s, usual())), unpack(t, export(t, s, usual()))
	if strings.Contains(one, "zhang-san") || one == two {
		t.Errorf("the contact's id is told, or the key is not new: %s", one)
	}
}

// small is a company that can be opened.
func small(t testing.TB) *memory.Store {
	t.Helper()
	s := memory.New()
	g := &ledger.Group{
		First: 1, Last: 3, At: noon.Add(-time.Hour), Nonce: "n",
		Documents: []ledger.DocumentRow{{Kind: "account", Name: "admin", Spec: json.RawMessage(`{"title":"管理员","roles":["admin"]}`), From: 1}},
		Revisions: []ledger.RevisionRow{{Revision: 1, Position: 1, At: noon.Add(-time.Hour), By: "system", Source: "start"}},
		Logins:    []ledger.LoginRow{{Account: "admin", PasswordHash: "$argon2id$secret", UpdatedAt: noon.Add(-time.Hour), UpdatedBy: "system"}},
		Tokens:    []ledger.TokenRow{{ID: "t1", Account: "admin", Hash: [32]byte{1}}, {ID: "t2", Account: "admin", Hash: [32]byte{2}}},
	}
	if err := s.Commit(context.Background(), g); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsReadIsWhatWasWritten(t *testing.T) {
	o := usual()
	o.Failures = []reception.Failure{{Component: "disk", Origin: reception.Origin{Position: 2, At: noon, By: "system", Source: "watch", Cause: "disk"}}}
	s, err := Open(t.Context(), bytes.NewReader(export(t, small(t), o)), engine)
	if err != nil {
		t.Fatal(err)
	}
	v := s.View()
	if v.Position != 3 || v.Policy.Revision() != 1 || !reflect.DeepEqual(v.Failures(), o.Failures) || !s.Head.At.Equal(noon) || s.Head.Program != "1.2.3" {
		t.Errorf("got position %d, revision %d, %v, %+v", v.Position, v.Policy.Revision(), v.Failures(), s.Head)
	}
	if _, offset := noon.In(s.Head.Location()).Zone(); offset != 8*3600 {
		t.Errorf("the zone of a machine that does not tell its name: %v", s.Head.Location())
	}
	if login, ok := s.Login("admin"); !ok || login.PasswordHash != "yes" {
		t.Errorf("the login is %+v", login)
	}
	if tokens, err := s.Records.TokensOf(t.Context(), "admin"); err != nil || len(tokens) != 2 {
		t.Errorf("the tokens are %+v, %v", tokens, err)
	}
	if began, err := s.Records.Began(t.Context()); err != nil || !began.Equal(noon.Add(-time.Hour)) {
		t.Errorf("the records begin at %v, %v", began, err)
	}
}

// seal makes a file of a content.
func seal(content []byte) []byte {
	var file bytes.Buffer
	fmt.Fprintf(&file, "%s%d\n", magic, Version)
	pack := gzip.NewWriter(&file)
	_, _ = pack.Write(content)
	_ = pack.Close()
	sum := sha256.Sum256(file.Bytes())
	fmt.Fprintf(&file, trailer, hex.EncodeToString(sum[:]), int64(file.Len()))
	return file.Bytes()
}

func refused(t *testing.T, what string, file io.ReadSeeker, code string) {
	t.Helper()
	s, err := Open(t.Context(), file, engine)
	p := problem.As(err)
	if p == nil || p.Code != code || s != nil {
		t.Errorf("%s: got %v, want %s", what, err, code)
		return
	}
	if p.En == "" || p.Zh == "" || p.Kind == problem.Limited || p.Kind == problem.Internal {
		t.Errorf("%s: %+v", what, p)
	}
}

func TestAFileThatIsNotWholeOrAlteredIsRefused(t *testing.T) {
	file := export(t, small(t), usual())
	for n := range file {
		_, err := Open(t.Context(), bytes.NewReader(file[:n]), engine)
		if p := problem.As(err); p == nil || p.Code != "snapshot.truncated" {
			t.Fatalf("the first %d of %d bytes: %v", n, len(file), err)
		}
	}
	for n := range file {
		spoilt := bytes.Clone(file)
		spoilt[n] ^= 0x10
		if _, err := Open(t.Context(), bytes.NewReader(spoilt), engine); problem.As(err) == nil {
			t.Fatalf("byte %d of %d altered: %v", n, len(file), err)
		}
	}
	altered := bytes.Clone(file)
	altered[len(altered)/2] ^= 1
	refused(t, "altered in the middle", bytes.NewReader(altered), "snapshot.altered")
	refused(t, "something at the end", bytes.NewReader(append(bytes.Clone(file), "more"...)), "snapshot.truncated")
}

// huge is a file that says it is very long.
type huge struct{ *bytes.Reader }

func (h huge) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return MaxFile + 1, nil
	}
	return h.Reader.Seek(offset, whence)
}

func TestAFileThatCannotBeRightIsRefusedWithItsReason(t *testing.T) {
	content := unpack(t, export(t, small(t), usual()))
	replaced := func(old, new string) io.ReadSeeker {
		t.Helper()
		if !strings.Contains(content, old) {
			t.Fatalf("%q is not in %s", old, content)
		}
		return bytes.NewReader(seal([]byte(strings.Replace(content, old, new, 1))))
	}
	file := export(t, small(t), usual())
	if _, err := Open(t.Context(), bytes.NewReader(seal([]byte(content))), engine); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	for what, test := range map[string]struct {
		file io.ReadSeeker
		code string
	}{
		"empty":                      {bytes.NewReader(nil), "snapshot.truncated"},
		"something else":             {strings.NewReader("PK\x03\x04 an archive of another kind\n"), "snapshot.not_one"},
		"a newer form":               {bytes.NewReader(bytes.Replace(file, []byte("snapshot 1\n"), []byte("snapshot 3\n"), 1)), "snapshot.newer"},
		"enormous":                   {huge{bytes.NewReader(file)}, "snapshot.too_large"},
		"another engine":             {replaced(`"engine":"engine 1"`, `"engine":"engine 0"`), "snapshot.engine"},
		"no content":                 {bytes.NewReader(seal(nil)), "snapshot.truncated"},
		"no end":                     {replaced(`{"end":{"rows":`, `{"other":{"rows":`), "snapshot.content"},
		"cut at a line, and sealed":  {bytes.NewReader(seal([]byte(content[:strings.Index(content, `{"end"`)]))), "snapshot.truncated"},
		"a row less":                 {replaced(`["t2","admin"`, `["t1","admin"`), "snapshot.content"},
		"another count":              {replaced(`{"end":{"rows":`, `{"end":{"rows":1`), "snapshot.content"},
		"something after the end":    {bytes.NewReader(seal([]byte(content + "[]\n"))), "snapshot.content"},
		"other columns":              {replaced(`"columns":["kind",`, `"columns":["sort",`), "snapshot.content"},
		"another table":              {replaced(`{"table":"tokens"`, `{"table":"secrets"`), "snapshot.content"},
		"a value too many":           {replaced(`["t2","admin",`, `["t2","admin","more",`), "snapshot.content"},
		"a value too few":            {replaced(`["t2","admin",`, `["t2",`), "snapshot.content"},
		"a document that is no JSON": {replaced(`{\"roles\"`, `{\"roles`), "snapshot.content"},
		"a policy that is none":      {replaced(`[\"admin\"]`, `[\"none\"]`), "snapshot.content"},
		"an unknown field":           {replaced(`"position":3`, `"position":3,"more":1`), "snapshot.content"},
		"a zone that is none":        {replaced(`"zone":"+08:00"`, `"zone":"Nowhere/Land"`), "snapshot.content"},
		"another position":           {replaced(`"position":3`, `"position":4`), "snapshot.content"},
		"a bomb of one line":         {bytes.NewReader(seal(bytes.Repeat([]byte(" "), maxLine+1))), "snapshot.content"},
	} {
		refused(t, what, test.file, test.code)
	}
}

func TestMoreThanIsReadIsRefused(t *testing.T) {
	file := export(t, small(t), usual())
	content := unpack(t, file)
	bomb := seal([]byte(strings.Replace(content, `{"end"`, strings.Repeat(`{"table":"marks","columns":["first","last","at"]}`+strings.Repeat(" ", 1000)+"\n", 5000)+`{"end"`, 1)))
	if len(bomb) > 100<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	rows := strings.Count(content, "\n[")
	for what, test := range map[string]struct {
		file []byte
		most bounds
		code string
	}{
		"as much as is read":     {file, bounds{int64(len(content)), rows}, ""},
		"a byte more":            {file, bounds{int64(len(content)) - 1, rows}, "snapshot.unpacks_too_large"},
		"a row more":             {file, bounds{int64(len(content)), rows - 1}, "snapshot.too_many_rows"},
		"a bomb":                 {bomb, bounds{1 << 20, maxRows}, "snapshot.unpacks_too_large"},
		"the same, if it may be": {bomb, bounds{maxUnpacked, maxRows}, ""},
	} {
		_, err := open(t.Context(), bytes.NewReader(test.file), engine, test.most)
		if p := problem.As(err); (p == nil) != (test.code == "") || p != nil && p.Code != test.code {
			t.Errorf("%s: got %v, want %q", what, err, test.code)
		}
	}
}

// failing gives the head and then fails.
type failing struct {
	head ledger.ExtractHead
	then error
	wait chan struct{}
}

func (f *failing) Extract(_ context.Context, _ time.Time, take func(*ledger.Extract) error) error {
	if f.wait != nil {
		f.wait <- struct{}{}
		<-f.wait
	}
	if err := take(&ledger.Extract{Head: &f.head}); err != nil {
		return err
	}
	return f.then
}

func TestAnExportThatBreaksOffIsNoSnapshot(t *testing.T) {
	broken := errors.New("the disk is gone")
	var out bytes.Buffer
	if err := NewExporter(&failing{then: broken}).Export(t.Context(), &out, usual()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if out.Len() > 0 {
		refused(t, "what was written", bytes.NewReader(out.Bytes()), "snapshot.truncated")
	}
}

func TestWhatCannotBeExportedIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	for what, test := range map[string]struct {
		source ledger.Extractor
		change func(o *Options)
		code   string
	}{
		"too much":         {&failing{head: ledger.ExtractHead{Messages: maxMessages + 1}}, func(*Options) {}, "snapshot.too_much"},
		"since the future": {small(t), func(o *Options) { o.Since = o.At.Add(time.Second) }, "snapshot.since_in_the_future"},
	} {
		o := usual()
		test.change(&o)
		var out bytes.Buffer
		err := NewExporter(test.source).Export(t.Context(), &out, o)
		if p := problem.As(err); p == nil || p.Code != test.code || p.Field != "/since" || out.Len() > 0 {
			t.Errorf("%s: got %v, and %d bytes", what, err, out.Len())
		}
	}
}

func TestOneSnapshotIsMadeAtATime(t *testing.T) {
	source := &failing{wait: make(chan struct{})}
	x := NewExporter(source)
	done := make(chan error)
	go func() { done <- x.Export(t.Context(), io.Discard, usual()) }()
	<-source.wait
	if p := problem.As(x.Export(t.Context(), io.Discard, usual())); p == nil || p.Code != "snapshot.busy" {
		t.Errorf("the second: %v", p)
	}
	source.wait <- struct{}{}
	if err := <-done; err != nil {
		t.Errorf("the first: %v", err)
	}
}

func TestTheLinesOfAFileAreShortEnoughToBeReadOneByOne(t *testing.T) {
	lines := bufio.NewScanner(strings.NewReader(unpack(t, export(t, small(t), usual()))))
	kinds := map[byte]int{}
	for lines.Scan() {
		if !json.Valid(lines.Bytes()) {
			t.Errorf("no JSON: %s", lines.Text())
		}
		kinds[lines.Bytes()[0]]++
	}
	if kinds['['] == 0 || kinds['{'] < 3 || len(kinds) != 2 {
		t.Errorf("the lines begin with %v", kinds)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(export(f, small(f), usual()))
	f.Add([]byte(magic + "1\n"))
	f.Add([]byte(magic + "2\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := Open(context.Background(), bytes.NewReader(file), engine)
		if (s == nil) == (err == nil) || err != nil && problem.As(err) == nil {
			t.Errorf("got %v, %v", s, err)
		}
	})
}

func FuzzContent(f *testing.F) {
	content := unpack(f, export(f, small(f), usual()))
	f.Add([]byte(content))
	f.Add([]byte(strings.Replace(content, `["t2","admin"`, `["t1","admin"`, 1)))
	f.Add([]byte(`{"snapshot":null}` + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := Open(context.Background(), bytes.NewReader(seal(content)), engine)
		if (s == nil) == (err == nil) || err != nil && problem.As(err) == nil {
			t.Errorf("got %v, %v", s, err)
		}
		if s != nil && s.View().Policy == nil {
			t.Error("a snapshot without a policy")
		}
	})
}
