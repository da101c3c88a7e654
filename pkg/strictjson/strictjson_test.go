package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/pkg/strictjson"
)

// document has one member of each shape that signed objects use.
type document struct {
	Name  string            `json:"name"`
	Count int64             `json:"count"`
	Flag  bool              `json:"flag"`
	Data  []byte            `json:"data"`
	List  []string          `json:"list"`
	Map   map[string]string `json:"map"`
	Inner *document         `json:"inner"`
	Raw   json.RawMessage   `json:"raw"`
	At    time.Time         `json:"at,omitzero"`
	Stamp stamp             `json:"stamp,omitzero"`
}

// stamp is a text whose own rules refuse it with a sentence of their own.
type stamp string

func (s *stamp) UnmarshalText(text []byte) error {
	if string(text) != "ok" {
		return &strictjson.Error{Kind: strictjson.Value, Pointer: "/deep", Detail: "Only ok will do."}
	}
	*s = stamp(text)
	return nil
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	const limit = 4096
	nested := func(n int) string {
		return `{"raw":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for _, tt := range []struct {
		name, data string
		kind       strictjson.Kind // "" means accepted
		pointer    string
	}{
		{name: "empty object", data: `{}`},
		{name: "white space around it", data: " \r\n\t{} \n"},
		{name: "every member", data: `{"name":"é","count":-1,"flag":true,"data":"AAE=","list":["a"],"map":{"k":"v"},"inner":{"name":"x"},"raw":{"any":[1,"2",false]},"at":"2026-03-16T07:40:00Z","stamp":"ok"}`},
		{name: "escapes", data: `{"name":"\u00e9\n\ud83d\ude00"}`},

		{name: "no document", data: ``, kind: strictjson.Syntax},
		{name: "white space only", data: " \n", kind: strictjson.Syntax},
		{name: "cut off", data: `{"name":"x"`, kind: strictjson.Syntax},
		{name: "trailing text", data: `{}x`, kind: strictjson.Syntax},
		{name: "second document", data: `{} {}`, kind: strictjson.Syntax},
		{name: "trailing NUL", data: "{}\x00", kind: strictjson.Syntax},
		{name: "trailing comma", data: `{"name":"x",}`, kind: strictjson.Syntax},
		{name: "comment", data: `{/**/}`, kind: strictjson.Syntax},
		{name: "byte-order mark", data: "\ufeff{}", kind: strictjson.Syntax},
		{name: "UTF-16", data: "{\x00}\x00", kind: strictjson.Syntax},
		{name: "single quotes", data: `{'name':'x'}`, kind: strictjson.Syntax},
		{name: "control character", data: "{\"name\":\"a\x01\"}", kind: strictjson.Syntax, pointer: "/name"},
		{name: "NaN", data: `{"raw":NaN}`, kind: strictjson.Syntax, pointer: "/raw"},

		{name: "invalid UTF-8", data: "{\"name\":\"\xff\"}", kind: strictjson.Syntax, pointer: "/name"},
		{name: "invalid UTF-8 in a name", data: "{\"\xff\":1}", kind: strictjson.Syntax},
		{name: "overlong UTF-8", data: "{\"name\":\"\xc0\xaf\"}", kind: strictjson.Syntax, pointer: "/name"},
		{name: "surrogate in UTF-8", data: "{\"name\":\"\xed\xa0\x80\"}", kind: strictjson.Syntax, pointer: "/name"},
		{name: "lone high surrogate", data: `{"name":"\ud800"}`, kind: strictjson.Syntax, pointer: "/name"},
		{name: "lone low surrogate", data: `{"name":"\udc00x"}`, kind: strictjson.Syntax, pointer: "/name"},
		{name: "surrogates in the wrong order", data: `{"name":"\udc00\ud800"}`, kind: strictjson.Syntax, pointer: "/name"},
		{name: "lone surrogate in a raw member", data: `{"raw":["\ud800"]}`, kind: strictjson.Syntax, pointer: "/raw/0"},

		{name: "not in form C", data: "{\"name\":\"e\u0301\"}", kind: strictjson.Value, pointer: "/name"},
		{name: "not in form C, escaped", data: `{"name":"e\u0301"}`, kind: strictjson.Value, pointer: "/name"},
		{name: "not in form C, Arabic", data: "{\"list\":[\"ok\",\"\u0627\u0653\"]}", kind: strictjson.Value, pointer: "/list/1"},
		{name: "not in form C, name", data: "{\"map\":{\"e\u0301\":\"\"}}", kind: strictjson.Value, pointer: "/map/e\u0301"},
		{name: "not in form C, raw", data: "{\"raw\":[\"e\u0301\"]}", kind: strictjson.Value, pointer: "/raw/0"},

		{name: "duplicate", data: `{"name":"a","name":"a"}`, kind: strictjson.Duplicate, pointer: "/name"},
		{name: "duplicate by escape", data: `{"name":"a","n\u0061me":"b"}`, kind: strictjson.Duplicate, pointer: "/name"},
		{name: "duplicate in a map", data: `{"map":{"k":"a","k":"b"}}`, kind: strictjson.Duplicate, pointer: "/map/k"},
		{name: "duplicate deep in a raw member", data: `{"raw":[{"a":1,"\u0061":2}]}`, kind: strictjson.Duplicate, pointer: "/raw/0/a"},
		{name: "duplicate of an unknown member", data: `{"raw":{"x":1,"x":1}}`, kind: strictjson.Duplicate, pointer: "/raw/x"},

		{name: "unknown", data: `{"other":1}`, kind: strictjson.Unknown, pointer: "/other"},
		{name: "unknown inside", data: `{"inner":{"other":1}}`, kind: strictjson.Unknown, pointer: "/inner/other"},
		{name: "other case", data: `{"Name":"x"}`, kind: strictjson.Unknown, pointer: "/Name"},
		{name: "other case beside the right one", data: `{"name":"x","NAME":"y"}`, kind: strictjson.Unknown, pointer: "/NAME"},
		{name: "Kelvin sign for k", data: "{\"\u212a\":1}", kind: strictjson.Value, pointer: "/\u212a"},
		{name: "empty name", data: `{"":1}`, kind: strictjson.Unknown, pointer: "/"},
		{name: "Go name of the field", data: `{"Count":1}`, kind: strictjson.Unknown, pointer: "/Count"},

		{name: "largest integer", data: `{"count":9007199254740991}`},
		{name: "smallest integer", data: `{"count":-9007199254740991}`},
		{name: "one above", data: `{"count":9007199254740992}`, kind: strictjson.Value, pointer: "/count"},
		{name: "2^53+1", data: `{"count":9007199254740993}`, kind: strictjson.Value, pointer: "/count"},
		{name: "one below", data: `{"count":-9007199254740992}`, kind: strictjson.Value, pointer: "/count"},
		{name: "2^64", data: `{"raw":18446744073709551616}`, kind: strictjson.Value, pointer: "/raw"},
		{name: "exponent", data: `{"count":1e3}`, kind: strictjson.Value, pointer: "/count"},
		{name: "fraction", data: `{"count":1.0}`, kind: strictjson.Value, pointer: "/count"},
		{name: "negative zero", data: `{"count":-0}`, kind: strictjson.Value, pointer: "/count"},
		{name: "fraction in a raw member", data: `{"raw":{"a":[0.5]}}`, kind: strictjson.Value, pointer: "/raw/a/0"},
		{name: "leading zero", data: `{"count":01}`, kind: strictjson.Syntax},
		{name: "plus sign", data: `{"count":+1}`, kind: strictjson.Syntax, pointer: "/count"},

		{name: "null", data: `null`, kind: strictjson.Value},
		{name: "null member", data: `{"name":null}`, kind: strictjson.Value, pointer: "/name"},
		{name: "null pointer", data: `{"inner":null}`, kind: strictjson.Value, pointer: "/inner"},
		{name: "null in a raw member", data: `{"raw":[null]}`, kind: strictjson.Value, pointer: "/raw/0"},

		{name: "number for text", data: `{"name":1}`, kind: strictjson.Value, pointer: "/name"},
		{name: "text for number", data: `{"count":"1"}`, kind: strictjson.Value, pointer: "/count"},
		{name: "array for the document", data: `[]`, kind: strictjson.Value},
		{name: "text for a list", data: `{"list":"a"}`, kind: strictjson.Value, pointer: "/list"},
		{name: "bad time", data: `{"at":"yesterday"}`, kind: strictjson.Value, pointer: "/at"},
		{name: "a type's own refusal", data: `{"inner":{"stamp":"no"}}`, kind: strictjson.Value, pointer: "/inner/stamp/deep"},

		{name: "base64 without padding", data: `{"data":"AAE"}`, kind: strictjson.Value, pointer: "/data"},
		{name: "base64 with stray bits", data: `{"data":"AAF="}`, kind: strictjson.Value, pointer: "/data"},
		{name: "base64 for URLs", data: `{"data":"__8="}`, kind: strictjson.Value, pointer: "/data"},
		{name: "base64 with a line end", data: `{"data":"AA\nE="}`, kind: strictjson.Value, pointer: "/data"},
		{name: "number for base64", data: `{"data":1}`, kind: strictjson.Value, pointer: "/data"},

		{name: "as deep as allowed", data: nested(strictjson.MaxDepth - 1)},
		{name: "one deeper", data: nested(strictjson.MaxDepth), kind: strictjson.Syntax},
		{name: "very deep", data: strings.Repeat("[", limit), kind: strictjson.Syntax},
		{name: "at the limit", data: `{}` + strings.Repeat(" ", limit-2)},
		{name: "one byte over", data: `{}` + strings.Repeat(" ", limit-1), kind: strictjson.TooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got document
			err := strictjson.Unmarshal([]byte(tt.data), limit, &got)
			if tt.kind == "" {
				if err != nil {
					t.Fatalf("Unmarshal: %v", err)
				}
				return
			}
			e, ok := errors.AsType[*strictjson.Error](err)
			if !ok {
				t.Fatalf("Unmarshal = %v, want an *Error", err)
			}
			if e.Kind != tt.kind || e.Pointer != tt.pointer {
				t.Errorf("Unmarshal = %s at %q, want %s at %q", e.Kind, e.Pointer, tt.kind, tt.pointer)
			}
			if !strings.HasSuffix(e.Detail, ".") {
				t.Errorf("detail %q is not a sentence", e.Detail)
			}
		})
	}
}

// TestErrorKeepsValues checks that an error repeats no value of the document
// and is of bounded size.
func TestErrorKeepsValues(t *testing.T) {
	t.Parallel()
	const secret = "MARKED-PLAINTEXT"
	for _, data := range []string{
		`{"count":"` + secret + `"}`, `{"at":"` + secret + `"}`, `{"data":"` + secret + `"}`,
		`{"name":"` + secret + `"`, `{"name":"e\u0301` + secret + `"}`, `{"raw":` + secret + `}`, `{"stamp":"` + secret + `"}`,
	} {
		err := strictjson.Unmarshal([]byte(data), 1000, &document{})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", data, err)
		}
	}
	long := `{"` + strings.Repeat("é", 500) + `":1}`
	err := strictjson.Unmarshal([]byte(long), 4096, &document{})
	if err == nil || len(err.Error()) > 400 || !utf8.ValidString(err.Error()) {
		t.Errorf("long name: %v", err)
	}
}

func TestMarshal(t *testing.T) {
	t.Parallel()
	got, err := strictjson.Marshal(document{
		Name: "<é> & \u2028", Count: 7, Data: []byte{0, 1}, Map: map[string]string{"b": "2", "a": "1"},
		Inner: &document{Raw: json.RawMessage(" {\"z\" : [ 1 ] }"), Inner: &document{Raw: json.RawMessage("1")}}, Raw: json.RawMessage(`"x"`),
	})
	if err == nil {
		t.Fatalf("Marshal wrote a null: %s", got)
	}
	type small struct {
		Z     string            `json:"z"`
		A     int               `json:"a"`
		Map   map[string]string `json:"map"`
		List  []string          `json:"list"`
		Empty string            `json:"empty,omitempty"`
		Raw   json.RawMessage   `json:"raw"`
	}
	got, err = strictjson.Marshal(small{Z: "<é> & /", Map: map[string]string{"b": "2", "a": "1"}, Raw: json.RawMessage(" {\"z\" : [ 1 ] }")})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"z":"<é> & /","a":0,"map":{"a":"1","b":"2"},"list":[],"raw":{"z":[1]}}`; string(got) != want {
		t.Errorf("Marshal = %s, want %s", got, want)
	}
}

// TestMarshalRefuses checks that nothing is written that would not be read.
func TestMarshalRefuses(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"form D":        map[string]string{"a": "e\u0301"},
		"invalid UTF-8": "\xff",
		"fraction":      1.5,
		"too large":     int64(1 << 53),
		"null":          map[string]any{"a": nil},
		"raw duplicate": json.RawMessage(`{"a":1,"a":1}`),
		"not JSON":      json.RawMessage(`{`),
		"no JSON type":  make(chan int),
	} {
		got, err := strictjson.Marshal(v)
		if _, ok := errors.AsType[*strictjson.Error](err); !ok {
			t.Errorf("%s: Marshal = %s, %v; want an *Error", name, got, err)
		}
	}
}

// FuzzUnmarshal checks that what parses is written back to a document that
// means the same, and that this document is written in only one way.
func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"name":"é","count":-1,"flag":true,"data":"AAE=","list":["a"],"map":{"k":"v"},"raw":{"any":[1,"2",false]}}`))
	f.Add([]byte(`{"a":1,"\u0061":2}`))
	f.Add([]byte(`["\ud800","e\u0301",1.0,-0,null,9007199254740993]`))
	f.Add([]byte("\ufeff{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 20
		var first, second any
		if strictjson.Unmarshal(data, limit, &first) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted what encoding/json refuses: %q", data)
		}
		written, err := strictjson.Marshal(first)
		if err != nil {
			t.Fatalf("%q parses but cannot be written: %v", data, err)
		}
		if err := strictjson.Unmarshal(written, limit, &second); err != nil {
			t.Fatalf("%q is written as %q, which does not parse: %v", data, written, err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("%q changes when written back (-first +second):\n%s", data, diff)
		}
		again, err := strictjson.Marshal(second)
		if err != nil || string(again) != string(written) {
			t.Errorf("%q is written as %q and then as %q, %v", data, written, again, err)
		}
	})
}
