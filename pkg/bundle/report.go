package bundle

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/entraide/entraide/pkg/verify"
)

// A Verdict is what a bundle proves.
type Verdict string

// The verdicts, from the best to the worst.
const (
	// Proven: everything is authentic and complete, stands in one history of the
	// log, and a quorum of witnesses vouches for it.
	Proven Verdict = "proven"
	// Authentic: everything is authentic and complete. Something that Proven
	// demands rests on one party's word, as the reasons say: that others were
	// shown the same log, on the broker's; what was erased, on the authority's
	// that erased it.
	Authentic Verdict = "authentic"
	// Incomplete: what is there is authentic, and something is missing.
	Incomplete Verdict = "incomplete"
	// Misbehaviour: something is evidence against somebody. It comes with an
	// error that is [verify.ErrMisbehaviour].
	Misbehaviour Verdict = "misbehaviour"
)

// Verdicts are all verdicts, from the best to the worst.
func Verdicts() []Verdict { return []Verdict{Proven, Authentic, Incomplete, Misbehaviour} }

// Codes of reasons, besides those of [verify.Codes], which come with the
// verdict [Misbehaviour]. Values are named in braces.
const (
	// ReasonProven: nothing is wanting.
	ReasonProven = "proven"
	// ReasonUnlinked: {count} checkpoints are not shown to be of one history.
	ReasonUnlinked = "unlinked-checkpoints"
	// ReasonMissing: {count} messages that others refer to are not there.
	ReasonMissing = "missing-messages"
	// ReasonNoOpening: the message that opened the case is not there.
	ReasonNoOpening = "no-opening-message"
	// ReasonStage: after entry {index} the broker gives the stage {broker}, and
	// {derived} follows.
	ReasonStage = "stage-differs"
	// ReasonEmpty: there is no message.
	ReasonEmpty = "no-message"
	// ReasonUnwitnessed: for {count} of {total} messages no quorum vouches.
	ReasonUnwitnessed = "not-witnessed"
	// ReasonErased: on {date}, on the basis {basis}, {officer} of {by} erased
	// {count} messages.
	ReasonErased = "erased-lawfully"
)

// ReasonCodes are all codes of reasons.
func ReasonCodes() []string {
	codes := slices.Sorted(maps.Keys(reasonTexts))
	for _, c := range verify.Codes() {
		codes = append(codes, string(c))
	}
	return codes
}

// reasonTexts say the reasons in English; %s are the values in the order of
// their names.
var reasonTexts = map[string]string{
	ReasonProven:      "every message is signed by its sender, stands in one history of the log, and is vouched for by a quorum of witnesses",
	ReasonUnlinked:    "%s checkpoints are not shown to belong to one history of the log",
	ReasonMissing:     "%s messages that others refer to are not in the bundle",
	ReasonNoOpening:   "the message that opened the case is not in the bundle",
	ReasonStage:       "the broker gives the stage as %s, and from the bundle it is %s, after entry %s: receipts are missing",
	ReasonEmpty:       "there is no message in the bundle",
	ReasonUnwitnessed: "no quorum of witnesses vouches for %s of %s messages",
	ReasonErased:      "erased lawfully, basis %q, by %s: %s messages, on %s, by the officer %s; their digests and places in the log remain",
}

// A Reason is why a verdict is what it is. The code and the values do not
// change between versions.
type Reason struct {
	Code   string            `json:"code"`
	Text   string            `json:"text"` // in English
	Values map[string]string `json:"values,omitempty"`
}

// newReason makes a reason from pairs of names and values, in the order of the
// names.
func newReason(code string, pairs ...any) Reason {
	r := Reason{Code: code}
	var values []any
	for i := 0; i+1 < len(pairs); i += 2 {
		if r.Values == nil {
			r.Values = map[string]string{}
		}
		value := fmt.Sprint(pairs[i+1])
		r.Values[fmt.Sprint(pairs[i])], values = value, append(values, value)
	}
	r.Text = fmt.Sprintf(reasonTexts[code], values...)
	return r
}

// accusation is the reason of the verdict [Misbehaviour].
func accusation(err error) Reason {
	r := Reason{Text: err.Error(), Values: map[string]string{"detail": err.Error()}}
	if f, ok := errors.AsType[*verify.Finding](err); ok {
		r.Code = string(f.Code)
	}
	return r
}

// A Report is a verdict with its reasons.
type Report struct {
	Verdict Verdict  `json:"verdict"`
	Reasons []Reason `json:"reasons"`
	Case    string   `json:"case"`
	Stage   string   `json:"stage"` // derived from the signed messages
	Log     string   `json:"log"`
	Size    int64    `json:"size"` // entries that the bundle's checkpoint covers
	// Made and By are when and by whom the bundle was made, by their own word.
	Made     string `json:"made"`
	By       string `json:"by"`
	Messages []Line `json:"messages"`
	// Erased is the record of the erasure of the case by a party to it, and nil
	// where there is none.
	Erased *Erased `json:"erased,omitempty"`
	// Confirmations and Deadlines count what was verified of each.
	Confirmations int `json:"confirmations"`
	Deadlines     int `json:"deadlines"`
}

// A Line is a verified message.
type Line struct {
	Index     int64  `json:"index"`
	ID        string `json:"id"`
	From      string `json:"from"`
	To        string `json:"to"`
	Act       string `json:"act"`
	Digest    string `json:"digest"`
	Logged    string `json:"logged"`             // RFC 3339, the broker's claim
	Cosigned  string `json:"cosigned,omitempty"` // RFC 3339, when the newest of the witnesses had seen it
	Witnessed bool   `json:"witnessed"`
	// Erased says that only its place in the log and the record of its erasure
	// are left.
	Erased bool `json:"erased,omitempty"`
}

// An Erased is a verified record of erasure.
type Erased struct {
	At       string `json:"at"` // RFC 3339
	By       string `json:"by"` // authority
	Officer  string `json:"officer"`
	Basis    string `json:"basis"`
	Messages int    `json:"messages"`
	Entries  int    `json:"entries"` // of receipts and deadlines
}

// reason adds a reason.
func (r *Report) reason(code string, pairs ...any) {
	r.Reasons = append(r.Reasons, newReason(code, pairs...))
}
