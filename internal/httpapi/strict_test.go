package httpapi

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bidahq/bida/internal/intake"
	"github.com/bidahq/bida/internal/problem"
)

func TestStrictJSONNamesThePlaceOfWhatIsWrong(t *testing.T) {
	deep := strings.Repeat("[", deepest+2) + strings.Repeat("]", deepest+2)
	for _, test := range []struct {
		name, body, field string
		kind              problem.Kind
	}{
		{"nothing", ``, "", problem.Malformed},
		{"white space", " \n", "", problem.Malformed},
		{"no end", `{"text":"a"`, "", problem.Malformed},
		{"no end of a text", `{"text":"a`, "/text", problem.Malformed},
		{"no value", `{"text":}`, "/text", problem.Malformed},
		{"no colon", `{"text" "a"}`, "/text", problem.Malformed},
		{"a comma at the end", `{"text":"a",}`, "", problem.Malformed},
		{"a comma at the end of a list", `[1,]`, "", problem.Malformed},
		{"two commas", `[1,,2]`, "/1", problem.Malformed},
		{"a name without quotes", `{text:"a"}`, "", problem.Malformed},
		{"single quotes", `{'text':'a'}`, "", problem.Malformed},
		{"a comment", `{"text":"a"} // more`, "", problem.Malformed},
		{"two values", `{"text":"a"}{"text":"b"}`, "", problem.Malformed},
		{"a bad number", `{"n":01}`, "/n", problem.Malformed},
		{"a word", `{"n":nil}`, "/n", problem.Malformed},
		{"a byte order mark", "\ufeff{}", "", problem.Malformed},
		{"a line break in a text", "{\"text\":\"a\nb\"}", "/text", problem.Malformed},
		{"an unknown escape", `{"text":"\x"}`, "/text", problem.Malformed},
		{"half an escape", `{"text":"\u12"}`, "/text", problem.Malformed},
		{"an escape at the end", `{"text":"\`, "/text", problem.Malformed},
		{"invalid UTF-8", "{\"contact\":{\"name\":\"\xff\"}}", "/contact/name", problem.Malformed},
		{"half of a character", "{\"text\":\"\xe4\xbd\"}", "/text", problem.Malformed},
		{"a surrogate as UTF-8", "{\"text\":\"\xed\xa0\x80\"}", "/text", problem.Malformed},
		{"a lone high surrogate", `{"text":"\ud83d"}`, "/text", problem.Malformed},
		{"a high surrogate and something else", `{"text":"\ud83dx"}`, "/text", problem.Malformed},
		{"two high surrogates", `{"text":"\ud83d\ud83d"}`, "/text", problem.Malformed},
		{"a lone low surrogate", `{"list":["ok","\ude00"]}`, "/list/1", problem.Malformed},
		{"U+0000", `{"text":"a\u0000"}`, "/text", problem.Malformed},
		{"invalid UTF-8 in a name", "{\"\xff\":1}", "", problem.Malformed},
		{"a member twice", `{"a":{"id":1,"id":2}}`, "/a/id", problem.Malformed},
		{"a member twice, once escaped", `{"id":1,"\u0069d":2}`, "/id", problem.Malformed},
		{"a name with a slash", "{\"a/b~c\":\"\xff\"}", "/a~1b~0c", problem.Malformed},
		{"too deep", deep, strings.Repeat("/0", deepest+1), problem.Malformed},
		{"an unknown member", `{"contact":{"id":"k","phone":"1"}}`, "/contact/phone", problem.Invalid},
		{"an unknown member at the top", `{"txt":"a"}`, "/txt", problem.Invalid},
		{"another case", `{"Text":"a"}`, "/Text", problem.Invalid},
	} {
		known := knownMember
		if test.kind == problem.Malformed {
			known = nil
		}
		err := checkJSON([]byte(test.body), "x.y", known)
		p := problem.As(err)
		if p == nil || p.Kind != test.kind || p.Field != test.field || p.Code != "x.y" || p.Zh == "" {
			t.Errorf("%s: refused with %v, want kind %d at %q", test.name, err, test.kind, test.field)
		}
	}
}

func TestStrictJSONTakesEverythingElse(t *testing.T) {
	for _, body := range []string{
		`{}`, ` [ ] `, `null`, `-1.5e+3`, `"\ud83d\ude00 \" \\ \/ \b\f\n\r\t \u4f60"`, "{\"a\" : [ true , false , {\"b\":\"你好😀\"} ]\n}", `{"a":{"id":1},"b":{"id":2}}`, `"\ufffd"`,
	} {
		if err := checkJSON([]byte(body), "x.y", nil); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// FuzzCheckJSON compares with encoding/json: what is let through is JSON, and means the same to it.
func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"b\u0041",null],"c":{}}`, `"\ud83d\ude00"`, "{\"a\":\"\xff\"}", `[1,]`, `{"a":1,"a":2}`, `{"a":"\u0000"}`, ` 1 2`, `"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		err := checkJSON(body, "x.y", nil)
		valid := json.Valid(body)
		if err == nil && (!valid || !utf8.Valid(body)) {
			t.Fatalf("%q was let through", body)
		}
		if err != nil {
			if valid && strings.Contains(problem.As(err).En, "is not JSON") {
				t.Fatalf("%q is JSON, refused with %v", body, err)
			}
			return
		}
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return // a number that no type holds
		}
		if again, _ := json.Marshal(v); bytes.Contains(again, []byte("\ufffd")) && !bytes.Contains(body, []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`)) {
			t.Fatalf("%q was read as %q", body, again)
		}
	})
}

// FuzzDecodeMessage looks for bodies of which something else is read than they say.
func FuzzDecodeMessage(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","contact":{"id":"k","name":"王"},"kind":"group","conversation":"c1","text":"你好😀","attachments":[{"a":{"b":1}}],"sent_at":"2026-11-23T09:00:00Z"}`,
		`{"id":"1","contact":null,"text":null}`, `{"id":1}`, `{"contact":"k"}`, `[]`, `"x"`, `{"id":"1","ID":"2"}`, "{\"id\":\"1\",\"text\":\"\xff\"}", `{"id":"1","text":"\udc00"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeMessage(body)
		if err != nil {
			if p := problem.As(err); p == nil || p.Code != codeIntakeInvalid {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		var members map[string]json.RawMessage
		if string(bytes.TrimSpace(body)) == "null" {
			return
		}
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatalf("%q was read as a message: %v", body, err)
		}
		for name, value := range map[string]string{"id": r.ID, "text": r.Text, "kind": r.Kind, "conversation": r.Conversation, "sent_at": r.SentAt} {
			var want string
			if raw, ok := members[name]; ok {
				if err := json.Unmarshal(raw, &want); err != nil {
					t.Fatalf("%q: %s is %q, which is no text", body, name, raw)
				}
			}
			if value != want || !utf8.ValidString(value) || strings.Contains(value, "\x00") {
				t.Fatalf("%q: %s was read as %q", body, name, value)
			}
		}
		if len(members) > 7 {
			t.Fatalf("%q has members that nobody knows", body)
		}
		_ = intake.CheckReply(r.ID, r.Text, r.Attachments)
	})
}
