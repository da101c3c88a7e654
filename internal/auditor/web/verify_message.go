package web

import (
	"context"
	"errors"
	"html/template"
	"math"
	"os"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/internal/report"
	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// text2html is a text in a page.
func text2html(text string) template.HTML {
	return template.HTML(template.HTMLEscapeString(text)) //nolint:gosec // escaped
}

// verdictKinds are the colours of the verdicts on bundles.
var verdictKinds = map[bundle.Verdict]string{bundle.Proven: "ok", bundle.Authentic: "ok", bundle.Incomplete: "warn", bundle.Misbehaviour: "bad"}

// bundle verifies a case bundle, and holds every receipt in it against the mirror.
func (j *judge) bundle(u upload) (verdict, error) {
	l := j.c.L
	v := verdict{Command: j.command("verify", u.name), Entry: -1}
	f, err := os.Open(u.path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	b, err := bundle.Open(f, u.size)
	if err != nil {
		return j.failed(v, "bundle_form", err), nil
	}
	j.passed(&v, "bundle_form")
	r, err := b.Verify(j.c.Context(), j.trust)
	if r.Verdict == "" {
		return j.failed(v, "bundle_log", err), nil
	}
	v.Kind, v.Word, v.Say = verdictKinds[r.Verdict], l.T("report.verdict."+string(r.Verdict)), l.T("report.means."+string(r.Verdict))
	v.Reasons = report.Sentences(l, r)
	v.Facts = []page.Pair{
		{Term: l.T("report.case"), Value: locale.V(r.Case)},
		{Term: l.T("report.stage"), Value: text2html(label(j.c, "stage", r.Stage))},
		{Term: l.T("report.messages"), Value: text2html(l.Number(int64(len(r.Messages))))},
		{Term: l.T("report.confirmations"), Value: text2html(l.Number(int64(r.Confirmations)))},
		{Term: l.T("report.deadlines"), Value: text2html(l.Number(int64(r.Deadlines)))},
		{Term: l.T("report.log"), Value: locale.V(r.Log)},
		{Term: l.T("report.size"), Value: text2html(l.Number(r.Size))},
	}
	if r.Verdict == bundle.Misbehaviour {
		v.Detail = err.Error()
		v.Steps = append(v.Steps, step{"bad", l.T("auditor.step_bundle_log")})
		return v, nil
	}
	j.passed(&v, "bundle_log")
	behind := 0
	err = b.Receipts(func(text []byte) error {
		_, _, err := j.book.Hold(j.c.Context(), text)
		if errors.Is(err, auditor.ErrBehind) {
			behind++
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return j.failed(v, "mirror", err), nil
	case behind > 0:
		v.Steps = append(v.Steps, step{"plain", l.T("auditor.step_mirror_behind")})
	default:
		j.passed(&v, "mirror")
	}
	return v, nil
}

// message verifies a message with the receipt and the directory beside it; alone,
// it only looks for its entry in the book.
func (j *judge) message(u upload) (verdict, error) {
	v := verdict{Command: j.command("verify", u.name), Entry: -1}
	text, err := u.read()
	if err != nil {
		return v, err
	}
	m, err := message.Parse(text)
	if err != nil {
		return j.failed(v, "message_form", err), nil
	}
	j.passed(&v, "message_form")
	v.Facts = []page.Pair{
		{Term: j.c.L.T("report.from"), Value: locale.V(m.Core.From.Authority)}, {Term: j.c.L.T("report.to"), Value: locale.V(m.Core.To.Authority)},
		{Term: j.c.L.T("report.act"), Value: text2html(label(j.c, "act", string(m.Core.Act)))},
		{Term: j.c.L.T("report.case"), Value: locale.V(string(m.Core.Case))}, {Term: j.c.L.T("report.digest"), Value: locale.V(m.Digest())},
	}
	receipt, one := j.first(isReceipt)
	statements, two := j.first(isDirectory)
	if !one || !two {
		return j.alone(v, m)
	}
	proof, err := receipt.read()
	if err != nil {
		return v, err
	}
	known, err := statements.read()
	if err != nil {
		return v, err
	}
	return j.beside(v, m, proof, known)
}

// beside verifies a message with what proves it.
func (j *judge) beside(v verdict, m *message.Message, proof, known []byte) (verdict, error) {
	var all wire.Statements
	if err := strictjson.Unmarshal(known, otherBytes, &all); err != nil {
		return j.failed(v, "directory", err), nil
	}
	page := func(context.Context, int64) (wire.Statements, error) { return wire.Statements{Items: all.Items}, nil }
	dir, err := j.trust.Follow(j.c.Context(), directory.New(j.trust.Anchor), page, nil)
	if err != nil {
		return j.failed(v, "directory", err), nil
	}
	j.passed(&v, "directory")
	accepted, err := j.trust.Message(m, proof, dir)
	if err != nil {
		return j.failed(v, "message_log", err), nil
	}
	j.passed(&v, "message_log")
	v.Entry = accepted.Index
	v.Kind, v.Word, v.Say = "ok", j.c.L.T("report.verdict.authentic"), j.c.L.T("auditor.verdict_message", "From", locale.Value(m.Core.From.Authority),
		"To", locale.Value(m.Core.To.Authority), "Time", j.c.L.DateTime(accepted.At, time.UTC))
	switch _, _, err := j.book.Hold(j.c.Context(), proof); {
	case errors.Is(err, auditor.ErrBehind):
		v.Steps = append(v.Steps, step{"plain", j.c.L.T("auditor.step_mirror_behind")})
	case errors.Is(err, verify.ErrMisbehaviour):
		return j.failed(v, "mirror", err), nil
	case err != nil:
		return v, err
	default:
		j.passed(&v, "mirror")
	}
	return v, nil
}

// alone looks for the entry of a message in the book: the log then has exactly
// these bytes, and what the signature is worth is not said.
func (j *judge) alone(v verdict, m *message.Message) (verdict, error) {
	v.Command = ""
	v.Steps = append(v.Steps, step{"plain", j.c.L.T("auditor.step_beside")})
	list, err := j.book.Listed(j.c.Context(), auditor.Filter{Ref: string(m.Core.ID)}, math.MaxInt64, 1)
	if err != nil {
		return v, err
	}
	if len(list) == 0 || list[0].Digest != m.Digest() {
		v.Kind, v.Word, v.Say = "warn", j.c.L.T("auditor.verdict_unknown"), j.c.L.T("auditor.verdict_unknown_text")
		return v, nil
	}
	j.passed(&v, "book")
	v.Entry = list[0].Index
	v.Kind, v.Word, v.Say = "ok", j.c.L.T("auditor.verdict_logged"), j.c.L.T("auditor.verdict_logged_alone")
	return v, nil
}
