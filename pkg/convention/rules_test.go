package convention_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// put returns doc with the value at a JSON pointer replaced, added, or, where
// the value is "-", left out.
func put(t *testing.T, doc []byte, pointer, value string) []byte {
	t.Helper()
	root := tree(t, doc)
	names := strings.Split(pointer, "/")[1:]
	at := root
	for i, name := range names {
		last := i == len(names)-1
		switch v := at.(type) {
		case map[string]any:
			switch {
			case !last:
				at = v[name]
			case value == "-":
				v[name] = remove{}
			default:
				v[name] = json.RawMessage(value)
			}
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n >= len(v) {
				t.Fatalf("%s: no such place", pointer)
			}
			switch {
			case !last:
				at = v[n]
			case value == "-":
				v[n] = remove{}
			default:
				v[n] = json.RawMessage(value)
			}
		default:
			t.Fatalf("%s: no such place", pointer)
		}
	}
	return text(t, dropped(root))
}

// TestRules breaks each rule in exactly one way. alone says that no schema can
// express the rule; otherwise the schema must refuse the document as well.
func TestRules(t *testing.T) {
	t.Parallel()
	all := compile(t)
	docs := corpus(t)
	for _, tt := range []struct {
		name, doc, at, value string
		field                string // where the fault is reported
		alone                bool
	}{
		{name: "mla_intended false", doc: "request-small", at: "/measures/0/preservation/mla_intended", value: `false`, field: "/measures/0/preservation/mla_intended"},
		{name: "mla_intended missing", doc: "request-small", at: "/measures/0/preservation/mla_intended", value: `-`, field: "/measures/0/preservation/mla_intended"},
		{name: "preservation asked for 59 days", doc: "request-full", at: "/measures/0/preservation/duration_days", value: `59`, field: "/measures/0/preservation/duration_days"},
		{name: "preserved for a second less than 60 days", doc: "preserved-full", at: "/items/0/until", value: `"2026-05-15T09:29:59Z"`, field: "/items/0/until", alone: true},
		{name: "preserved without an end", doc: "preserved-full", at: "/items/0/until", value: `-`, field: "/items/0/until"},
		{name: "notice to the user without a date", doc: "preserved-full", at: "/items/1/user_notice_on", value: `-`, field: "/items/1/user_notice_on"},
		{name: "date of a notice that is not due", doc: "preserved-full", at: "/items/0/user_notice_on", value: `"2026-06-30T00:00:00Z"`, field: "/items/0/user_notice_on"},
		{name: "preservation refused for lack of dual criminality", doc: "decision-full", at: "/items/1/grounds", value: `["08_NO_DUAL_CRIMINALITY"]`, field: "/items/1/grounds"},
		{name: "preservation refused for form", doc: "decision-full", at: "/items/1/grounds", value: `["21A_FORM"]`, field: "/items/1/grounds"},
		{name: "refused for bank secrecy alone", doc: "decision-full", at: "/items/0/grounds", value: `["BANK_SECRECY","FISCAL"]`, field: "/items/0/grounds"},
		{name: "refused without grounds", doc: "decision-full", at: "/items/0/grounds", value: `-`, field: "/items/0/grounds"},
		{name: "refused without reasons", doc: "decision-full", at: "/items/0/reasons", value: `-`, field: "/items/0/reasons"},
		{name: "refused without consultation", doc: "decision-full", at: "/items/0/consultation", value: `-`, field: "/items/0/consultation"},
		{name: "postponed without review", doc: "decision-full", at: "/items/2/review", value: `-`, field: "/items/2/review"},
		{name: "postponed without consultation", doc: "decision-full", at: "/items/2/consultation", value: `-`, field: "/items/2/consultation"},
		{name: "extended without a new end", doc: "decision-full", at: "/items/3/until", value: `-`, field: "/items/3/until"},
		{name: "end of what is not extended", doc: "decision-full", at: "/items/4/until", value: `"2026-06-30T00:00:00Z"`, field: "/items/4/until"},
		{name: "grounds for accepting", doc: "decision-full", at: "/items/4/grounds", value: `["21A_FORM"]`, field: "/items/4/grounds"},
		{name: "one measure decided twice", doc: "decision-full", at: "/items/1/measure", value: `1`, field: "/items", alone: true},
		{name: "unknown ground", doc: "decision-full", at: "/items/0/grounds/0", value: `"POLITICAL"`, field: "/items/0/grounds"},

		{name: "emergency without explanation", doc: "request-emergency", at: "/urgency_reason/text", value: `-`, field: "/urgency_reason/text"},
		{name: "no notice without an end", doc: "request-full", at: "/no_notice_until", value: `-`, field: "/no_notice_until"},
		{name: "end of a ban that is not asked", doc: "request-small", at: "/no_notice_until", value: `"2026-06-30T00:00:00Z"`, field: "/no_notice_until"},
		{name: "narrative that does not bind", doc: "request-full", at: "/narrative/authentic", value: `false`, field: "/narrative/authentic"},
		{name: "narrative without its mark", doc: "request-full", at: "/narrative/authentic", value: `-`, field: "/narrative/authentic"},
		{name: "to itself", doc: "request-full", at: "/requested", value: `"QM"`, field: "/requested", alone: true},
		{name: "no measures", doc: "request-full", at: "/measures", value: `[]`, field: "/measures"},
		{name: "measures not numbered", doc: "request-follow-up", at: "/measures/1/number", value: `3`, field: "/measures", alone: true},
		{name: "measure without its content", doc: "request-follow-up", at: "/measures/1/disclosure", value: `-`, field: "/measures/1/disclosure"},
		{name: "unknown type of measure", doc: "request-full", at: "/measures/0/type", value: `"T99"`, field: "/measures/0/type"},
		{name: "stored data without proceeding", doc: "request-follow-up", at: "/proceeding", value: `-`, field: "/proceeding"},
		{name: "stored data without purpose", doc: "request-follow-up", at: "/purpose", value: `-`, field: "/purpose"},
		{name: "stored data without reference", doc: "request-follow-up", at: "/references/0/relation", value: `"related"`, field: "/references"},
		{name: "period without end", doc: "request-follow-up", at: "/measures/0/stored_data/data/0/to", value: `-`, field: "/measures/0/stored_data/data/0/to"},
		{name: "period backwards", doc: "request-follow-up", at: "/measures/0/stored_data/data/0/to", value: `"2026-02-01T00:00:00Z"`, field: "/measures/0/stored_data/data/0/to", alone: true},
		{name: "no period", doc: "request-follow-up", at: "/measures/0/stored_data/data/1", value: `{"category":"subscriber","ip":"192.0.2.44"}`, field: "/measures/0/stored_data/data/1/from"},
		{name: "extension without reference", doc: "request-extension", at: "/references/0/relation", value: `"related"`, field: "/references"},
		{name: "extension called new", doc: "request-extension", at: "/status", value: `"new"`, field: "/status"},
		{name: "new called extension", doc: "request-full", at: "/status", value: `"extension"`, field: "/status"},
		{name: "extension backwards", doc: "request-extension", at: "/measures/0/extension/until", value: `"2026-05-15T09:30:00Z"`, field: "/measures/0/extension/until", alone: true},
		{name: "reference to nothing", doc: "request-extension", at: "/references/0", value: `{"relation":"extends"}`, field: "/references/0/case"},
		{name: "serious crime without penalty", doc: "request-full", at: "/offences/2/max_penalty_months", value: `-`, field: "/offences/2/max_penalty_months"},
		{name: "data nowhere", doc: "request-small", at: "/measures/0/preservation/data/0/object", value: `-`, field: "/measures/0/preservation/data/0/ip"},
		{name: "port without address", doc: "request-small", at: "/measures/0/preservation/data/0/port", value: `443`, field: "/measures/0/preservation/data/0/port"},
		{name: "unregistered language", doc: "request-small", at: "/narrative/lang", value: `"xx"`, field: "/narrative/lang", alone: true},
		{name: "obsolete language", doc: "request-small", at: "/narrative/lang", value: `"iw"`, field: "/narrative/lang", alone: true},
		{name: "translation into the same language", doc: "request-full", at: "/narrative/translations/0/lang", value: `"ar"`, field: "/narrative/translations", alone: true},
		{name: "machine translation as certified", doc: "request-full", at: "/narrative/translations/0/method", value: `"automatic"`, field: "/narrative/translations/0/method"},

		{name: "refusal contemplated without grounds", doc: "consultation-full", at: "/grounds", value: `-`, field: "/grounds"},
		{name: "declined without reason", doc: "condition-answer-full", at: "/answers/1/reason", value: `-`, field: "/answers/1/reason"},
		{name: "answer given twice", doc: "answers-full", at: "/answers/1/number", value: `1`, field: "/answers", alone: true},
		{name: "questions not numbered", doc: "question-full", at: "/questions/1/number", value: `1`, field: "/questions", alone: true},
		{name: "conditions not numbered", doc: "condition-offer-full", at: "/conditions/0/number", value: `2`, field: "/conditions", alone: true},
		{name: "conditions on information not numbered", doc: "information-full", at: "/conditions/0/number", value: `2`, field: "/conditions", alone: true},
		{name: "partly without what is outstanding", doc: "delivery-full", at: "/results/1/outstanding", value: `-`, field: "/results/1/outstanding"},
		{name: "not executed without reasons", doc: "delivery-nothing", at: "/results/0/reasons", value: `-`, field: "/results/0/reasons"},
		{name: "packages not numbered", doc: "delivery-full", at: "/packages/2/number", value: `4`, field: "/packages", alone: true},
		{name: "package of no result", doc: "delivery-full", at: "/packages/2/measure", value: `9`, field: "/packages/2/measure", alone: true},
		{name: "delivered conditions not numbered", doc: "delivery-full", at: "/conditions/0/number", value: `9`, field: "/conditions", alone: true},
		{name: "custody backwards", doc: "delivery-full", at: "/packages/0/custody/1/at", value: `"2026-03-01T00:00:00Z"`, field: "/packages/0/custody/1/at", alone: true},
		{name: "mismatch without a word", doc: "receipt-of-evidence-full", at: "/packages/1/note", value: `-`, field: "/packages/1/note"},
		{name: "withheld for lack of dual criminality", doc: "traffic-disclosure-full", at: "/withheld/ground", value: `"08_NO_DUAL_CRIMINALITY"`, field: "/withheld/ground"},
		{name: "failure with an unknown code", doc: "failure-full", at: "/code", value: `"plaintext follows"`, field: "/code"},

		{name: "empty list", doc: "closure-full", at: "/duties", value: `[]`, field: "/duties"},
		{name: "empty text", doc: "acknowledgement-full", at: "/officer", value: `""`, field: "/officer"},
		{name: "unknown kind", doc: "closure-full", at: "/kind", value: `"closing"`, field: "/kind"},
		{name: "no kind", doc: "closure-full", at: "/kind", value: `-`, field: "/kind"},
		{name: "later version", doc: "closure-full", at: "/version", value: `2`, field: "/version"},
		{name: "no version", doc: "closure-full", at: "/version", value: `-`, field: "/version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bad := put(t, docs[tt.doc], tt.at, tt.value)
			body, err := convention.ParseBody(bad)
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || body != nil {
				t.Fatalf("ParseBody = %v, %v; want a *problem.Error", body, err)
			}
			if p.Code != problem.InvalidValue || p.Field != tt.field {
				t.Errorf("ParseBody: %s at %q (%s), want invalid-value at %q", p.Code, p.Field, p.Detail, tt.field)
			}
			if err := conforms(t, all, bad); (err == nil) != tt.alone {
				t.Errorf("schema: %v, want a refusal: %v", err, !tt.alone)
			}
		})
	}
}

// TestLimits checks what is just allowed.
func TestLimits(t *testing.T) {
	t.Parallel()
	docs := corpus(t)
	for _, tt := range []struct{ name, doc, at, value string }{
		{"preserved for exactly 60 days", "preserved-full", "/items/0/until", `"2026-05-15T09:30:00Z"`},
		{"preservation asked for 60 days", "request-full", "/measures/0/preservation/duration_days", `60`},
		{"preservation refused on sovereignty", "decision-full", "/items/1/grounds", `["21B_SOVEREIGNTY_SECURITY_ORDRE_PUBLIC_ESSENTIAL"]`},
		{"dual criminality elsewhere", "decision-full", "/items/5/grounds", `["08_NO_DUAL_CRIMINALITY"]`},
		{"Chinese in traditional script", "request-small", "/narrative/lang", `"zh-Hant"`},
		{"Spanish of Latin America", "request-small", "/narrative/lang", `"es-419"`},
		{"lines in a free text", "request-small", "/narrative/text", `"a\n\tb"`},
		{"bidirectional isolates", "request-small", "/narrative/text", `"\u2067abc\u2069"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := convention.ParseBody(put(t, docs[tt.doc], tt.at, tt.value)); err != nil {
				t.Error(err)
			}
		})
	}
}
