package convention_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestEveryActHasAKind checks that any act of the procedure can be sent, and
// that kinds travel with no others.
func TestEveryActHasAKind(t *testing.T) {
	t.Parallel()
	acts := workflow.Procedure().Acts()
	for _, act := range acts {
		if !slices.ContainsFunc(convention.Kinds(), func(k convention.KindInfo) bool { return slices.Contains(k.Acts, string(act)) }) {
			t.Errorf("no kind travels with the act %s", act)
		}
	}
	for _, k := range convention.Kinds() {
		if len(k.Acts) == 0 || convention.Label("kind", k.Kind, "ar") == k.Kind || k.Version != 1 {
			t.Errorf("%+v is not complete", k)
		}
		for _, act := range acts {
			if got := convention.MayTravel(k.Kind, string(act)); got != slices.Contains(k.Acts, string(act)) {
				t.Errorf("MayTravel(%s, %s) = %v", k.Kind, act, got)
			}
		}
		for _, act := range k.Acts {
			if !slices.Contains(acts, workflow.Act(act)) {
				t.Errorf("%s travels with %s, which is no act of a message", k.Kind, act)
			}
		}
	}
	if convention.MayTravel("no-such-kind", "request") || convention.MayTravel("request", "delivered") {
		t.Error("MayTravel allows what there is not")
	}
}

// TestCorpusHasKinds checks that the corpus has a document of every kind.
func TestCorpusHasKinds(t *testing.T) {
	t.Parallel()
	inCorpus := map[string]bool{}
	for _, doc := range corpus(t) {
		body, err := convention.ParseBody(doc)
		if err != nil {
			t.Fatal(err)
		}
		inCorpus[body.Kind()] = true
	}
	for _, k := range convention.Kinds() {
		if !inCorpus[k.Kind] {
			t.Errorf("the corpus has no %s", k.Kind)
		}
	}
}

// TestCorpusCoversTypes checks that every member of every type occurs in the
// corpus, so that the differential test reaches it.
func TestCorpusCoversTypes(t *testing.T) {
	t.Parallel()
	names := regexp.MustCompile(`"([a-z0-9_]+)": ?[{\["0-9tf]`)
	have := map[string]bool{}
	for _, doc := range corpus(t) {
		for _, m := range names.FindAllSubmatch(doc, -1) {
			have[string(m[1])] = true
		}
	}
	var missing []string
	for _, k := range convention.Kinds() {
		members(tree(t, schemaFile(t, k.Kind)), func(name string) {
			if !have[name] {
				missing = append(missing, k.Kind+": "+name)
			}
		})
	}
	if len(missing) > 0 {
		t.Errorf("members that the corpus lacks: %v", missing)
	}
}

// members calls f for the names in every "properties" of a schema.
func members(v any, f func(string)) {
	switch v := v.(type) {
	case map[string]any:
		if properties, ok := v["properties"].(map[string]any); ok {
			for name := range properties {
				f(name)
			}
		}
		for _, x := range v {
			members(x, f)
		}
	case []any:
		for _, x := range v {
			members(x, f)
		}
	}
}

// TestMarshal checks that every document of the corpus is written back to the
// same content.
func TestMarshal(t *testing.T) {
	t.Parallel()
	for name, doc := range corpus(t) {
		body, err := convention.ParseBody(doc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		written, err := convention.Marshal(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tree(t, doc), tree(t, written)); diff != "" {
			t.Errorf("%s changes when written back (-read +written):\n%s", name, diff)
		}
	}
}

// TestCheckConstructed checks bodies that were made in Go rather than read.
func TestCheckConstructed(t *testing.T) {
	t.Parallel()
	good := func() *convention.Notice {
		return &convention.Notice{
			Head: convention.HeadOf("notice"), Topic: "other",
			Text: convention.Text{Lang: "en", Text: "x", Authentic: true},
		}
	}
	if _, err := convention.Marshal(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*convention.Notice){
		"no head":             func(n *convention.Notice) { n.Head = convention.Head{} },
		"another kind's head": func(n *convention.Notice) { n.Head = convention.HeadOf("closure") },
		"unknown kind":        func(n *convention.Notice) { n.Head = convention.HeadOf("nothing") },
		"no text":             func(n *convention.Notice) { n.Text.Text = "" },
		"not in form C":       func(n *convention.Notice) { n.Text.Text = "e\u0301" },
		"invalid UTF-8":       func(n *convention.Notice) { n.Text.Text = "\xff" },
	} {
		n := good()
		spoil(n)
		data, err := convention.Marshal(n)
		if _, ok := errors.AsType[*problem.Error](err); !ok {
			t.Errorf("%s: Marshal = %s, %v", name, data, err)
		}
	}
	a := &convention.Acknowledgement{
		Head: convention.HeadOf("acknowledgement"), Reference: "1", Unit: "u", Contact: convention.Contact{Role: "officer", Name: "n"},
		NextStep: convention.Text{Lang: "en", Text: "x"}, Expected: convention.Time{Time: time.Unix(0, 1)},
	}
	if data, err := convention.Marshal(a); err == nil {
		t.Errorf("a fraction of a second is written: %s", data)
	}
	a.Expected = convention.At(time.Date(2026, 3, 16, 9, 40, 0, 5, time.FixedZone("", 3600)))
	data, err := convention.Marshal(a)
	if err != nil || !strings.Contains(string(data), `"expected":"2026-03-16T08:40:00Z"`) {
		t.Errorf("Marshal = %s, %v", data, err)
	}
}

// TestParseRefuses checks that the parser's refusals keep their codes, and
// repeat no value.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const secret = "MARKED PLAINTEXT"
	for _, tt := range []struct {
		name, doc string
		code      problem.Code
		field     string
	}{
		{"nothing", ``, problem.MalformedJSON, ""},
		{"cut off", `{"kind":"closure"`, problem.MalformedJSON, ""},
		{"not an object", `[]`, problem.InvalidValue, ""},
		{"duplicate member", `{"kind":"closure","k\u0069nd":"notice"}`, problem.DuplicateMember, "/kind"},
		{"unknown member", `{"kind":"closure","version":1,"outcome":"executed","more":"` + secret + `"}`, problem.UnknownMember, "/more"},
		{"null", `{"kind":"closure","version":1,"outcome":null}`, problem.InvalidValue, "/outcome"},
		{"kind of another type", `{"kind":1,"version":1}`, problem.InvalidValue, "/kind"},
		{"too large", `{"kind":"` + strings.Repeat("x", convention.MaxBodyBytes) + `"}`, problem.TooLarge, ""},
		{"value not allowed", `{"kind":"closure","version":1,"outcome":"` + secret + `"}`, problem.InvalidValue, "/outcome"},
		{"not a time", `{"kind":"status-report","version":1,"state":"received","expected":"` + secret + `"}`, problem.InvalidValue, "/expected"},
	} {
		_, err := convention.ParseBody([]byte(tt.doc))
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Code != tt.code || p.Field != tt.field {
			t.Errorf("%s: ParseBody = %v, want %s at %q", tt.name, err, tt.code, tt.field)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the refusal repeats a value: %v", tt.name, err)
		}
	}
}

// TestSummary checks that a summary is one line without free text.
func TestSummary(t *testing.T) {
	t.Parallel()
	for name, doc := range corpus(t) {
		body, err := convention.ParseBody(doc)
		if err != nil {
			t.Fatal(err)
		}
		s := convention.Summary(body)
		if s == "" || strings.ContainsAny(s, "\n\t{}%") || len(s) > 400 {
			t.Errorf("%s: summary %q", name, s)
		}
	}
	for name, want := range map[string]string{
		"request-extension":       "QM asks QN for extension of a preservation (QM-2026-0311/2, urgent, data about to be lost)",
		"acknowledgement-full":    "Acknowledged as NCD-26-1187 by Northmark Cyber Desk, next step expected by 16 March 2026 13:30 UTC",
		"preserved-full":          "Data preserved until 15 May 2026 09:30 UTC (NCD-26-1187)",
		"traffic-disclosure-full": "Traffic data lead to Servicios Brisa Digital S.A. in QT (NCD-26-1187)",
		"closure-full":            "Closed: executed, 1 obligation remaining",
		"failure-full":            "A message could not be opened: bad-framing",
	} {
		body, err := convention.ParseBody(corpus(t)[name])
		if err != nil {
			t.Fatal(err)
		}
		if got := convention.Summary(body); got != want {
			t.Errorf("%s: summary %q, want %q", name, got, want)
		}
	}
}

// TestMeasures checks the accessors of a request.
func TestMeasures(t *testing.T) {
	t.Parallel()
	docs := corpus(t)
	for name, want := range map[string]struct {
		types []string
		lane  string
	}{
		"request-follow-up": {[]string{"T06", "T04"}, "routine"},
		"request-full":      {[]string{"T01"}, "urgent"},
		"request-emergency": {[]string{"T01"}, "emergency"},
		"closure-full":      {nil, ""},
	} {
		body, err := convention.ParseBody(docs[name])
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for _, m := range convention.Measures(body) {
			types = append(types, m.Type)
		}
		lane := ""
		if r, ok := body.(*convention.Request); ok {
			lane = r.Lane()
		}
		if !slices.Equal(types, want.types) || lane != want.lane {
			t.Errorf("%s: measures %v in lane %q, want %v in %q", name, types, lane, want.types, want.lane)
		}
	}
}

// TestCodes checks that the code lists are complete and unambiguous, and that
// every label exists in every language.
func TestCodes(t *testing.T) {
	t.Parallel()
	lists, rows := convention.Lists(), 0
	if len(lists) < 40 {
		t.Fatalf("%d code lists", len(lists))
	}
	whole := func(labels map[string]string) bool {
		return !slices.ContainsFunc(convention.Languages, func(lang string) bool { return strings.TrimSpace(labels[lang]) == "" }) &&
			len(labels) == len(convention.Languages)
	}
	for _, list := range lists {
		seen := map[string]bool{}
		if len(list.Codes) == 0 || !whole(list.Titles) {
			t.Errorf("%s is empty or has no title in some language", list.Name)
		}
		for _, c := range list.Codes {
			rows++
			if c.Code == "" || !whole(c.Labels) || c.Source == "" || seen[c.Code] {
				t.Errorf("%s: %+v", list.Name, c)
			}
			if c.Verified && c.Provision == "" {
				t.Errorf("%s: %s: nothing is verified", list.Name, c.Code)
			}
			seen[c.Code] = true
		}
	}
	if convention.Codes("no-such-list") != nil {
		t.Error("Codes invents a list")
	}
	t.Logf("%d lists, %d codes in %d languages", len(lists), rows, len(convention.Languages))
}

// TestText checks the choice of a translation.
func TestText(t *testing.T) {
	t.Parallel()
	text := convention.Text{Lang: "ar", Text: "نص", Translations: []convention.Translation{{Lang: "en", Text: "text"}}}
	for lang, want := range map[string]string{"ar": "نص", "en": "text", "fr": "نص"} {
		if got := text.In(lang); got != want {
			t.Errorf("In(%s) = %q, want %q", lang, got, want)
		}
	}
}

// TestTime checks that a time has one spelling.
func TestTime(t *testing.T) {
	t.Parallel()
	var at convention.Time
	if err := json.Unmarshal([]byte(`"2026-03-16T08:40:00Z"`), &at); err != nil || at.String() != "2026-03-16T08:40:00Z" {
		t.Errorf("%v, %v", at, err)
	}
	for _, bad := range []string{
		`"2026-03-16T8:40:00Z"`, `"2026-03-16T08:40:00.5Z"`, `"2026-03-16T08:40:00,5Z"`, `"2026-03-16T08:40:00+00:00"`, `"2026-03-16t08:40:00z"`, `"2026-03-16"`,
		`"2026-02-29T00:00:00Z"`, `"2026-06-30T23:59:60Z"`, `""`, `0`,
	} {
		if err := json.Unmarshal([]byte(bad), &at); err == nil {
			t.Errorf("%s is read as %v", bad, at)
		}
	}
}

// FuzzParseBody checks that what is accepted is written back to the same
// content.
func FuzzParseBody(f *testing.F) {
	for _, k := range convention.Kinds() {
		f.Add([]byte(`{"kind":"` + k.Kind + `","version":1}`))
	}
	f.Add([]byte(`{"kind":"closure","version":1,"outcome":"executed","duties":[{"lang":"en","text":"x","authentic":true}]}`))
	f.Add([]byte(`{"kind":"status-report","version":1,"state":"received","done":[1,2],"expected":"2026-03-16T08:40:00Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := convention.ParseBody(data)
		if err != nil {
			if _, ok := errors.AsType[*problem.Error](err); !ok || problem.CodeOf(err) == problem.Internal {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		written, err := convention.Marshal(body)
		if err != nil {
			t.Fatalf("%q is accepted but cannot be written: %v", data, err)
		}
		var before, after any
		if json.Unmarshal(data, &before) != nil || json.Unmarshal(written, &after) != nil {
			t.Fatalf("%q is accepted but is no JSON", data)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%q changes when written back:\n%s", data, diff)
		}
	})
}
