package convention_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/schemas"
)

// A change is a document that differs from a good one in one place.
type change struct {
	at, how string
	doc     []byte
}

// remove leaves a member or an item out; it is not a JSON value.
type remove struct{}

// changes returns documents that differ from doc in one place, in one of the ways
// that alternatives lists: at every place, or at one of as many as every says.
func changes(t *testing.T, doc []byte, every int) []change {
	t.Helper()
	root := tree(t, doc)
	var out []change
	turn, texts := 0, map[string]int{}
	// set puts a value in the place of another and writes the whole document.
	visit(root, "", func(any) {}, func(at string, old any, set func(any)) {
		turn++
		if turn%every != 0 {
			return
		}
		leaf := inText.FindStringSubmatch(at)
		if leaf != nil && texts[leaf[1]] > 2 {
			return // free texts are alike wherever they are
		}
		if leaf != nil {
			texts[leaf[1]]++
		}
		for how, v := range alternatives(old, turn) {
			set(v)
			out = append(out, change{at: at, how: how, doc: text(t, dropped(root))})
		}
		set(old)
	})
	return out
}

// inText matches the members of a free text.
var inText = regexp.MustCompile(`/(lang|text|authentic|method|translator)$`)

// visit calls f for every value inside v, and for v itself if it is in
// something, with a function that replaces it.
func visit(v any, at string, set func(any), f func(string, any, func(any))) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			visit(v[name], at+"/"+name, func(x any) { v[name] = x }, f)
		}
	case []any:
		for i := range v {
			visit(v[i], at+"/"+strconv.Itoa(i), func(x any) { v[i] = x }, f)
		}
	}
	f(at, v, set)
}

// dropped returns a copy of v without what is to be removed.
func dropped(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			if _, gone := x.(remove); !gone {
				out[name] = dropped(x)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, x := range v {
			if _, gone := x.(remove); !gone {
				out = append(out, dropped(x))
			}
		}
		return out
	}
	return v
}

// otherValues change any value; otherTexts and otherNumbers replace texts and
// numbers.
var (
	otherValues = map[string]any{
		"null": nil, "empty text": "", "empty list": []any{}, "empty object": map[string]any{},
		"zero": json.Number("0"), "one": json.Number("1"), "true": true, "false": false, "other text": "x",
	}
	otherNumbers = map[string]any{
		"two": json.Number("2"), "fifty-nine": json.Number("59"), "sixty": json.Number("60"), "minus one": json.Number("-1"), "many": json.Number("100000"),
	}
	otherTexts = map[string]any{
		"line end": "a\nb", "control character": "a\u0007b", "blank": " ", "long text": strings.Repeat("é", 301), "longer text": strings.Repeat("x", 1001),
		"no time": "2026-02-30T00:00:00Z", "leap second": "2026-06-30T23:59:60Z", "fraction": "2026-01-01T00:00:00.5Z",
		"offset": "2026-01-01T00:00:00+00:00", "lower-case time": "2026-01-01t00:00:00z", "hour 24": "2026-01-01T24:00:00Z", "hour of one digit": "2026-01-01T8:00:00Z",
		"language": "fr", "language in capitals": "FR", "script": "zh-Hans", "language spelt out": "arabic", "underscore": "zh_Hans",
		"party": "QZ", "authority": "QZ.mla", "capital authority": "QZ.MLA", "measure": "T06", "preservation": "T01", "extension": "T02",
		"id": strings.Repeat("0", 32), "digest": strings.Repeat("a", 64), "capital digest": strings.Repeat("A", 64),
		"ip": "192.0.2.300", "IPv6": "2001:db8::1", "IP with zone": "fe80::1%eth0", "IP with zeros": "192.0.02.1", "IP range": "192.0.2.0/24",
		"ground": "21B_SOVEREIGNTY_SECURITY_ORDRE_PUBLIC_ESSENTIAL", "no ground": "08_NO_DUAL_CRIMINALITY", "fiscal": "FISCAL",
		"refused": "refused", "accepted": "accepted", "partly": "partly", "postponed": "postponed", "required": "required", "serious": "SERIOUS",
		"emergency": "E0_EMERGENCY", "routine": "R0_ROUTINE", "no notice": "CONFIDENTIAL_NO_USER_NOTICE", "open": "OPEN_TO_EXECUTION",
		"status": "extension", "new": "new", "ok": "ok", "executed": "executed", "refusal": "refusal", "related": "related",
	}
)

// stride spreads the other texts over the places: each gets one of sixteen, and
// its neighbour the next ones; of the other values each gets every second. All
// of them at every place agree too, but take long.
const stride = 16

// alternatives are the ways in which a value is changed, by name. turn counts
// the places.
func alternatives(old any, turn int) map[string]any {
	out := map[string]any{"left out": remove{}}
	for i, how := range slices.Sorted(maps.Keys(otherValues)) {
		if (i+turn)%2 == 0 {
			out[how] = otherValues[how]
		}
	}
	switch old := old.(type) {
	case map[string]any:
		more := maps.Clone(old)
		more["unexpected"] = "x"
		out["with an unknown member"] = more
	case []any:
		out["an item twice"] = append(slices.Clone(old), old[0])
		out["two hundred items and one"] = slices.Repeat(old[:1], 201)
	case string:
		for i, how := range slices.Sorted(maps.Keys(otherTexts)) {
			if (i+turn)%stride == 0 {
				out[how] = otherTexts[how]
			}
		}
		out["other case"] = swapCase(old)
		out["space behind"] = old + " "
	case json.Number:
		maps.Copy(out, otherNumbers)
		out["as text"] = old.String()
	}
	return out
}

// swapCase changes the case of all letters.
func swapCase(s string) string {
	if upper := strings.ToUpper(s); upper != s {
		return upper
	}
	return strings.ToLower(s)
}

// beyondSchema are sentences of rules that a JSON Schema cannot express or, for
// unknown languages, does not know.
var beyondSchema = []string{
	"The two parties are the same.",
	"The end is not after the beginning.",
	"The period is shorter than this measure's least duration.",
	"The items are not numbered from 1 in their order.",
	"The package belongs to a measure that is not among the results.",
	"There are two texts in one language.",
	"The list names the same thing twice.",
	"The value is not a language tag such as ar or zh-Hans.",
	"The measure names a subject that the request does not list.",
	"The check digits of the identifier are wrong; it was probably mistyped.",
}

// TestTypesAgreeWithSchemas holds the Go types against the JSON Schemas: both
// accept the corpus, and both give the same verdict on every document that
// differs from one of the corpus in one place.
func TestTypesAgreeWithSchemas(t *testing.T) {
	t.Parallel()
	all := compile(t)
	docs := corpus(t)
	var total verdicts
	t.Cleanup(func() {
		refused, accepted, beyond := total.refused.Load(), total.accepted.Load(), total.beyond.Load()
		t.Logf("%d good documents, %d changed in one place: %d refused by both, %d accepted by both, %d refused by rules beyond a schema",
			len(docs), refused+accepted+beyond, refused, accepted, beyond)
		if refused < 3000 || accepted < 1000 {
			t.Error("too few documents were compared")
		}
	})
	for name, doc := range docs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := convention.ParseBody(doc); err != nil {
				t.Errorf("ParseBody: %v", err)
			}
			if err := conforms(t, all, doc); err != nil {
				t.Errorf("schema: %v", err)
			}
			if strings.HasPrefix(name, "case ") || strings.HasSuffix(name, " small") {
				return // good is enough; the others are changed
			}
			every := 1
			if strings.HasSuffix(name, " full") {
				every = 5 // the common block is in each of them
			}
			for _, c := range changes(t, doc, every) {
				total.compare(t, all, c)
			}
		})
	}
}

// verdicts counts what became of changed documents.
type verdicts struct{ refused, accepted, beyond atomic.Int64 }

// compare asks both sides about a changed document.
func (v *verdicts) compare(t *testing.T, all map[string]*jsonschema.Schema, c change) {
	t.Helper()
	_, ours := convention.ParseBody(c.doc)
	theirs := conforms(t, all, c.doc)
	switch {
	case ours == nil && theirs == nil:
		v.accepted.Add(1)
	case ours != nil && theirs != nil:
		v.refused.Add(1)
	case ours != nil && isBeyondSchema(ours):
		v.beyond.Add(1)
	default:
		t.Errorf("%s at %s:\n  types:  %v\n  schema: %v", c.how, c.at, ours, theirs)
	}
	if code := problem.CodeOf(ours); code == problem.Internal {
		t.Errorf("%s at %s: %v", c.how, c.at, ours)
	}
}

// isBeyondSchema reports whether a rule that no schema has refused a document.
func isBeyondSchema(err error) bool {
	return slices.ContainsFunc(beyondSchema, func(s string) bool { return strings.HasSuffix(err.Error(), s) })
}

// TestSchemaFiles checks that the published schemas are those of the types, and
// that there is one for every kind and no other.
func TestSchemaFiles(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(schemas.FS, "bodies/*.json")
	if err != nil || len(files) != len(convention.Kinds()) {
		t.Errorf("%d files for %d kinds, %v", len(files), len(convention.Kinds()), err)
	}
	for _, k := range convention.Kinds() {
		want, err := convention.Schema(k.Kind)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := schemas.FS.ReadFile(k.File); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the types say (%v); run go generate ./...", k.File, err)
		}
	}
	if schema, err := convention.Schema("novel"); schema != nil || err != nil {
		t.Errorf("a kind that does not exist has the schema %s, %v", schema, err)
	}
}
