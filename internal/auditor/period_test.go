package auditor_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// another is a second mirror of the log, of an auditor who looks some minutes after
// the beginning and is shown all but the entries of some indices.
func (r *reading) another(at int, without ...int64) *reading {
	r.t.Helper()
	o := &reading{testLog: r.testLog, from: r.from, withheld: map[int]bool{}, private: maps.Clone(r.private)}
	for _, index := range without {
		delete(o.private, index)
	}
	o.m, o.home = o.mirror(auditor.Directory(o.from))
	var err error
	o.b, err = auditor.OpenBook(r.t.Context(), o.home)
	r.must(err)
	r.t.Cleanup(func() { o.b.Close() })
	o.read(at)
	return o
}

// report makes a report of the days of the story.
func (r *reading) report(q auditor.PeriodQuery) []byte {
	r.t.Helper()
	q.From, q.To = "2026-03-01", "2026-03-31"
	p, err := r.b.Period(r.t.Context(), q)
	r.must(err)
	text, err := json.MarshalIndent(p, "", " ")
	r.must(err)
	return text
}

// faulty is the story with faults of several kinds, a case that goes on in another
// period, and an entry that is erased.
func faulty() []translog.Entry {
	e := story()
	e[3].Message.Stage = "decided"
	e[8].Message.Seq = 4
	return append(e,
		message(604, "8", "d", "request", "QO>QN", 1, "open"),
		receipt(605, "8", "QN"),
		receipt(606, "9", "QP"), // before its message
		message(607, "9", "e", "request", "QO>QP", 1, "open"),
		message(60*24*40, "7", "e", "acknowledge", "QP>QO", 1, "acknowledged"),
		translog.Entry{Kind: translog.KindErasure, Time: after(60*24*40 + 1), Erasure: &translog.ErasureFact{Index: 10, Basis: "rule", By: "x"}},
	)
}

// TestPeriodTheSame makes a report again: a second time, from a mirror that was made
// later and looked at other times, after remarks, and after the log went on. It is the
// same byte for byte.
func TestPeriodTheSame(t *testing.T) {
	t.Parallel()
	r := newReading(t)
	all := faulty()
	r.read(500, all[:5]...)
	r.read(610, all[5:14]...)
	first := r.report(auditor.PeriodQuery{})
	same := func(name string, text []byte) {
		t.Helper()
		if !bytes.Equal(first, text) {
			t.Errorf("%s: another report:\n%s\n---\n%s", name, first, text)
		}
	}
	same("again", r.report(auditor.PeriodQuery{}))
	r.derive(611)
	_, err := r.b.Remark(t.Context(), "stage-differs-3", "closed", "So it was.", "A. Inspector", begun)
	r.must(err)
	same("after a remark", r.report(auditor.PeriodQuery{Size: 14}))
	same("another mirror", r.another(800).report(auditor.PeriodQuery{}))

	r.read(60*24*41, all[14:]...)
	r.derive(60 * 24 * 41)
	same("after the log went on", r.report(auditor.PeriodQuery{Size: 14}))
	if text := r.report(auditor.PeriodQuery{}); bytes.Equal(first, text) {
		t.Error("the newest checkpoint makes the report of an old one")
	}
	var made auditor.PeriodReport
	r.must(json.Unmarshal(first, &made))
	later := r.another(60 * 24 * 50)
	same("a mirror of the larger log, with the checkpoint", later.report(auditor.PeriodQuery{Checkpoint: []byte(made.Ground.Note)}))
	if _, err := later.b.Period(t.Context(), auditor.PeriodQuery{From: "2026-03-01", To: "2026-03-31", Size: 14}); problem.CodeOf(err) != problem.InvalidValue {
		t.Errorf("of a checkpoint that was never seen: %v", err)
	}

	// Message 10 was erased before the newest checkpoint. Who was shown it then and who
	// never was say the same.
	whole := r.report(auditor.PeriodQuery{})
	if late := r.another(60*24*50, 10).report(auditor.PeriodQuery{}); !bytes.Equal(whole, late) {
		t.Errorf("after an erasure:\n%s\n---\n%s", whole, late)
	}
	r.must(json.Unmarshal(whole, &made))
	if made.Method.Erased != 1 || made.Method.Known != 15 {
		t.Errorf("%+v", made.Method)
	}
}

// TestPeriodFigures looks at what a report says.
func TestPeriodFigures(t *testing.T) {
	t.Parallel()
	r := newReading(t)
	r.read(60*24*41, faulty()[:14]...)
	r.derive(60 * 24 * 41)
	p, err := r.b.Period(t.Context(), auditor.PeriodQuery{From: "2026-03-02", To: "2026-03-02"})
	r.must(err)
	if p.Typ != auditor.TypPeriod || p.Scope != "all" || p.Ground.Size != 14 || p.Method.Known != 14 || !strings.HasPrefix(p.Ground.Note, origin+"\n14\n") {
		t.Errorf("%+v", p)
	}
	if len(p.Days) != 1 || p.Days[0] != (auditor.DayFigure{Day: "2026-03-02", Lane: "urgent", Messages: 7, Opened: 4}) {
		t.Errorf("days: %+v", p.Days)
	}
	if len(p.Lanes) != 1 || p.Lanes[0].Cases != 4 || p.Lanes[0].Acknowledged != 1 || *p.Lanes[0].AcknowledgedP90 != 30*60 || len(p.Pairs) != 3 || p.Pairs[0].Requested != "QN" || p.Pairs[0].Cases != 2 {
		t.Errorf("cases: %+v, %+v", p.Lanes, p.Pairs)
	}
	for what, pair := range map[string][2]string{
		"overdue":  {fmt.Sprint(p.Overdue), "[{QM QN acknowledgement 1}]"},
		"refusals": {fmt.Sprint(p.Rejections), "[{bad-signature 1}]"},
		"findings": {fmt.Sprint(p.Counts), "[{message-without-entry true 1} {receipt-mismatch true 1} {stage-differs true 1}]"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, not %s", what, pair[0], pair[1])
		}
	}
	if len(p.Statements) != 1 || p.Statements[0].Subject != "QM.mla" || len(p.Findings) != 3 || p.Own != nil {
		t.Errorf("%+v, %+v", p.Statements, p.Findings)
	}
	// The day after has nothing; it is a report all the same.
	p, err = r.b.Period(t.Context(), auditor.PeriodQuery{From: "2026-03-03", To: "2026-03-04"})
	if err != nil || len(p.Days)+len(p.Pairs)+len(p.Findings)+len(p.Overdue) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	// With remarks, what only this mirror has is added.
	_, err = r.b.Remark(t.Context(), "receipt-mismatch-12", "explained", "A test.", "A. Inspector", begun)
	r.must(err)
	p, err = r.b.Period(t.Context(), auditor.PeriodQuery{From: "2026-03-02", To: "2026-04-30", Remarks: true})
	r.must(err)
	if p.Own == nil || len(p.Own.Remarks) != 1 || p.Own.Last != p.Own.Remarks[0].Hash || p.Own.Looks != 1 || p.Findings[1].State != "explained" || p.Findings[0].State != "open" {
		t.Errorf("%+v, %+v", p.Own, p.Findings)
	}
}

// TestPeriodRefused asks for reports that cannot be made.
func TestPeriodRefused(t *testing.T) {
	t.Parallel()
	r := newReading(t)
	if _, err := r.b.Period(t.Context(), auditor.PeriodQuery{From: "2026-03-01", To: "2026-03-31"}); problem.CodeOf(err) != problem.InvalidValue {
		t.Errorf("before the first look: %v", err)
	}
	r.read(605, story()...)
	note, err := os.ReadFile(filepath.Join(r.from, "checkpoint"))
	r.must(err)
	for _, tt := range []struct {
		q     auditor.PeriodQuery
		field string
	}{
		{auditor.PeriodQuery{From: "2026-03-01", To: "2026-02-31"}, "to"},
		{auditor.PeriodQuery{From: "2026-3-1", To: "2026-03-31"}, "from"},
		{auditor.PeriodQuery{From: "2026-03-02", To: "2026-03-01"}, "to"},
		{auditor.PeriodQuery{From: "2026-03-01", To: "2026-03-31", Size: 3}, "size"},
		{auditor.PeriodQuery{From: "2026-03-01", To: "2026-03-31", Size: 3, Checkpoint: note}, "size"},
	} {
		_, err := r.b.Period(t.Context(), tt.q)
		if p, ok := errors.AsType[*problem.Error](err); !ok || p.Field != tt.field {
			t.Errorf("%+v: %v", tt.q, err)
		}
	}
	// A signed checkpoint of another history is evidence, and no ground for a report.
	f := r.fork(5)
	f.grow(3, "other")
	other := t.TempDir()
	f.publish(other)
	forged, err := os.ReadFile(filepath.Join(other, "checkpoint"))
	r.must(err)
	if _, err := r.b.Period(t.Context(), auditor.PeriodQuery{From: "2026-03-01", To: "2026-03-31", Checkpoint: forged}); !errors.Is(err, verify.ErrMisbehaviour) {
		t.Errorf("on a fork: %v", err)
	}
	// What was not read from the broker yet is not reported on.
	r.grow(3, "unread")
	r.publish(r.from)
	_, err = auditor.Look(t.Context(), r.m, r.b, begun.Add(700*time.Minute))
	r.must(err)
	if _, err := r.b.Period(t.Context(), auditor.PeriodQuery{From: "2026-03-01", To: "2026-03-31"}); !errors.Is(err, auditor.ErrUnread) {
		t.Errorf("unread entries: %v", err)
	}
}
