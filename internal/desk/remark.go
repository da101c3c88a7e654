package desk

import (
	"regexp"
	"strings"

	"github.com/entraide/entraide/pkg/problem"
)

// The sentences that [Message.Note] and [Message.KeyNote] hold. They are kept in
// English, as the desk knew them; [ReadRemark] takes them apart for pages.
const (
	remarkMissing   = "messages %d to %d of this sender have not arrived"
	remarkMisfit    = "its act does not fit the case: "
	remarkStage     = "the broker holds the case %s, this desk %s"
	remarkRelearned = "learned again from the broker"
	remarkErased    = "erased lawfully on %s by %s, basis: %s"
	remarkNoRecord  = "erased, and no record says on what basis"
	remarkSigner    = "the key that signed this was later revoked as compromised: in other hands perhaps since %s"
	remarkReader    = "the key that this is sealed to was later revoked as compromised: others may have read it since %s"
)

// A Remark is what an officer should know of a message, besides its verdict.
type Remark struct {
	// Code says which remark it is; "" for one that this version does not know.
	Code string
	// Values are what it is about, by name.
	Values map[string]string
	// Problem is the code of the refusal that it tells of, if any.
	Problem problem.Code
	// Text is the remark in English.
	Text string
}

// remarkForms are the remarks with the names of what they are about.
var remarkForms = []struct {
	code, form string
	names      []string
}{
	{"missing", remarkMissing, []string{"First", "Last"}},
	{"misfit", remarkMisfit + "%s", []string{"Why"}},
	{"stage", remarkStage, []string{"Broker", "Here"}},
	{"relearned", remarkRelearned, nil},
	{"erased", remarkErased, []string{"Time", "By", "Basis"}},
	{"erased_unknown", remarkNoRecord, nil},
	{"signer", remarkSigner, []string{"Time"}},
	{"reader", remarkReader, []string{"Time"}},
}

// ReadRemark takes a note of a message apart.
func ReadRemark(note string) Remark {
	r := Remark{Text: note, Values: map[string]string{}}
	for _, f := range remarkForms {
		pattern := strings.NewReplacer("%d", "([0-9]+)", "%s", "(.+?)").Replace(regexp.QuoteMeta(f.form))
		found := regexp.MustCompile("(?s)^" + pattern + "$").FindStringSubmatch(note)
		if found == nil {
			continue
		}
		r.Code = f.code
		for i, name := range f.names {
			r.Values[name] = found[i+1]
		}
		note = r.Values["Why"]
		break
	}
	// A refusal begins with its code: see [problem.Error].
	if first, _, _ := strings.Cut(note, " "); problem.Code(strings.TrimSuffix(first, ":")).Valid() {
		r.Problem = problem.Code(strings.TrimSuffix(first, ":"))
	}
	return r
}
