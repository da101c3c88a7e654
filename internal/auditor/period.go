package auditor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/workflow"
)

// TypPeriod is the type of a report on a period, and of the signature over it.
const TypPeriod = "entraide/period-report/1"

// A PeriodQuery says what a report is about, and what it rests on.
type PeriodQuery struct {
	// From and To are the first and the last day, such as 2026-03-31, in UTC.
	From, To string
	// Checkpoint is the signed note that the report rests on. Without it, it is the one
	// of Size that this mirror has taken; without that too, the newest.
	Checkpoint []byte
	Size       int64
	// Remarks adds what only this mirror has: what its own looks have brought up, and
	// the states and remarks that people here have given findings. Another mirror
	// makes another report then.
	Remarks bool
}

// A PeriodReport is what a log says of a period. Without remarks it follows from the
// checkpoint, the period and the scope alone: every mirror with that scope makes the
// same, at any time later.
type PeriodReport struct {
	Typ    string `json:"typ"`
	Origin string `json:"origin"`
	From   string `json:"from"` // day
	To     string `json:"to"`   // day, which is still part of it
	Scope  string `json:"scope"`
	Ground Ground `json:"ground"`
	Method Method `json:"method"`

	Days  []DayFigure `json:"days"`  // messages, and cases that were opened
	Lanes []Figure    `json:"lanes"` // the cases that were opened in the period, by lane
	Pairs []Figure    `json:"pairs"` // and by pair of parties too
	// Overdue has the deadlines that passed in the period, of whatever case.
	Overdue    []Overdue        `json:"overdue"`
	Rejections []Count          `json:"rejections"` // by code
	Entries    []Count          `json:"entries"`    // by kind
	Statements []StatementEntry `json:"statements"` // of the directory: admissions, changes of keys and standing
	Counts     []CodeCount      `json:"finding_counts"`
	// Findings are those about entries of the period, 1000 of a code at most.
	Findings []PeriodFinding `json:"findings"`
	Own      *Own            `json:"own,omitempty"`
}

// A Ground is the checkpoint that a report rests on.
type Ground struct {
	Note      string     `json:"note"` // signed, in full
	Size      int64      `json:"size"`
	Root      string     `json:"root"` // hex
	Witnesses []Attested `json:"witnesses"`
	Witnessed bool       `json:"witnessed"` // the policy of the log has a quorum, and it is met
}

// An Attested is a witness that vouches for a checkpoint.
type Attested struct {
	Name string `json:"name"`
	At   string `json:"at"` // RFC 3339, by the witness's clock
}

// A Method says what a report was made from, and by which rules.
type Method struct {
	Known     int64 `json:"known"`  // entries of those that the checkpoint covers
	Erased    int64 `json:"erased"` // entries that are left out because they were erased
	Tolerance int64 `json:"tolerance_seconds"`
	Grace     int64 `json:"grace_seconds"`
	Remarks   bool  `json:"remarks"`
}

// A DayFigure is what came on a day in a lane.
type DayFigure struct {
	Day      string `json:"day"`
	Lane     string `json:"lane"`
	Messages int64  `json:"messages"`
	Opened   int64  `json:"opened"` // cases
}

// An Overdue counts the deadlines of a pair of parties that passed.
type Overdue struct {
	Requesting string `json:"requesting"`
	Requested  string `json:"requested"`
	Clock      string `json:"clock"`
	Count      int64  `json:"count"`
}

// A Count counts something by name.
type Count struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// A StatementEntry is a directory statement that was logged.
type StatementEntry struct {
	Index   int64  `json:"index"`
	Time    string `json:"time"`
	Subject string `json:"subject"`
	Number  int64  `json:"number"`
	Signer  string `json:"signer"`
	Digest  string `json:"digest"`
	// Typ and Changes are of its text, which a book has that has asked the broker: the
	// members that are not what they were in the statement of that type before, such as
	// certificates.pq-6. Key says that one of them is a key.
	Typ     string   `json:"typ,omitempty"`
	Changes []string `json:"changes,omitempty"`
	Key     bool     `json:"key,omitempty"`
}

// A CodeCount counts the findings of a code.
type CodeCount struct {
	Code  string `json:"code"`
	Grave bool   `json:"grave"`
	Count int64  `json:"count"`
}

// A PeriodFinding is a finding about an entry of the period. State is there with
// remarks only.
type PeriodFinding struct {
	Key   string `json:"key"`
	Code  string `json:"code"`
	Grave bool   `json:"grave"`
	Index int64  `json:"index"`
	Time  string `json:"time"` // that the entry claims, or the one before it
	Case  string `json:"case,omitempty"`
	Who   string `json:"who"`
	Text  string `json:"text"`
	State string `json:"state,omitempty"`

	Said store.Saying `json:"-"` // what the text says, as data
}

// An Own is what only one mirror has.
type Own struct {
	// Findings are those of the period that rest on this mirror's own looks at the log:
	// a fork or a rewind that it saw, an entry that came into the log between two looks
	// that its time contradicts.
	Findings []Finding `json:"findings"`
	// Remarks are those on any finding of the report, in order.
	Remarks []Remark `json:"remarks"`
	Last    string   `json:"last_remark"` // hash of the newest in the book, which holds all
	Looks   int64    `json:"looks"`       // checkpoints that were taken in the period
}

// ErrUnread says that the book does not have all entries that a report rests on.
var ErrUnread = errors.New("auditor: the broker has not been asked yet for all entries that the report rests on")

// Period makes a report. It needs no lock on the mirror.
//
// The error is a *problem.Error with the field from, to, size or checkpoint where
// one is at fault; [ErrUnread]; and evidence that is [verify.ErrMisbehaviour] if the
// mirrored log does not extend the checkpoint.
func (b *Book) Period(ctx context.Context, q PeriodQuery) (PeriodReport, error) {
	p := &period{Book: b, query: q, pairs: map[pairLane]*tallied{}, opened: map[[2]string]int64{}, found: map[string]*CodeCount{}}
	if err := p.days(); err != nil {
		return PeriodReport{}, err
	}
	if err := p.ground(ctx); err != nil {
		return PeriodReport{}, err
	}
	if err := b.db.Settle(ctx); err != nil {
		return PeriodReport{}, err
	}
	rules := DefaultRules()
	d := &derivation{
		Book: b, w: p, view: p.span.View, rules: rules, most: math.MaxInt64, now: time.Unix(0, 0),
		limits: map[limitKey]int64{}, counts: map[string]int64{},
	}
	if err := d.prepare(ctx); err != nil {
		return PeriodReport{}, err
	}
	if d.scope != "" && d.looked < p.span.Size {
		return PeriodReport{}, ErrUnread
	}
	d.looked = p.span.Size
	if err := d.run(ctx); err != nil {
		return PeriodReport{}, err
	}
	p.report.Scope = d.sum.Scope
	p.report.Method = Method{Tolerance: int64(rules.Tolerance.Seconds()), Grace: grace, Remarks: q.Remarks}
	for _, step := range []func(context.Context) error{p.known, p.figures, p.tallies, p.findings, p.own} {
		if err := step(ctx); err != nil {
			return PeriodReport{}, err
		}
	}
	return p.report, nil
}

// A pairLane is a pair of parties and a lane; of all pairs, the lane alone.
type pairLane struct{ requesting, requested, lane string }

// A tallied is what is known of the cases of a pair in a lane.
type tallied struct {
	Figure
	acknowledged, answered []int64
}

// A period is a report that is being made. It is the sink of its derivation.
type period struct {
	*Book
	query  PeriodQuery
	span   sqlite.Span
	report PeriodReport
	pairs  map[pairLane]*tallied
	opened map[[2]string]int64 // by day and lane
	found  map[string]*CodeCount
}

// days reads the period.
func (p *period) days() error {
	var ends [2]time.Time
	for i, end := range []struct{ name, day string }{{"from", p.query.From}, {"to", p.query.To}} {
		day, err := time.Parse(time.DateOnly, end.day)
		if err != nil || day.Format(time.DateOnly) != end.day {
			return problem.New(problem.InvalidValue, end.name, "This is not a day such as 2026-03-31.")
		}
		ends[i] = day
	}
	if ends[1].Before(ends[0]) {
		return problem.New(problem.InvalidValue, "to", "The last day is before the first.")
	}
	p.span.From, p.span.To = ends[0].Unix(), ends[1].AddDate(0, 0, 1).Unix()
	p.report.Typ, p.report.From, p.report.To = TypPeriod, p.query.From, p.query.To
	return nil
}

// ground finds the checkpoint, and holds it against the mirror.
func (p *period) ground(ctx context.Context) error {
	broker, err := readBroker(p.home)
	if err != nil {
		return err
	}
	trust, err := verify.NewTrust(broker)
	if err != nil {
		return err
	}
	newest, err := os.ReadFile(filepath.Join(p.home, checkpoint))
	if err != nil {
		return problem.Wrap(problem.InvalidValue, "checkpoint", "This mirror has no checkpoint yet.", err)
	}
	head, err := trust.Checkpoint(newest)
	if err != nil {
		return err
	}
	note, err := p.note(ctx, newest, head)
	if err != nil {
		return err
	}
	rests, err := trust.Checkpoint(note)
	switch {
	case err != nil:
		return err
	case p.query.Size != 0 && p.query.Size != rests.Size:
		return problem.New(problem.InvalidValue, "size", "The checkpoint is of another size.")
	case rests.Size > head.Size:
		return problem.New(problem.InvalidValue, "checkpoint", "The mirror has not come so far: synchronise first.")
	}
	if err := trust.Extends(ctx, rests, head, Directory(p.home)); err != nil {
		return err
	}
	p.report.Origin, p.span.Size = trust.Origin, rests.Size
	p.report.Ground = Ground{Note: string(note), Size: rests.Size, Root: fmt.Sprintf("%x", rests.Root[:]), Witnesses: []Attested{}}
	if trust.Policy() == nil {
		return nil
	}
	open, err := trust.Policy().Open(note, trust.Origin, trust.Keys()...)
	if err != nil {
		return err
	}
	p.report.Ground.Witnessed = open.Witnessed
	for _, c := range open.By {
		p.report.Ground.Witnesses = append(p.report.Ground.Witnesses, Attested{c.Key.Name(), c.At.UTC().Format(time.RFC3339)})
	}
	return nil
}

// note is the signed note that the report rests on.
func (p *period) note(ctx context.Context, newest []byte, head translog.Checkpoint) ([]byte, error) {
	if p.query.Checkpoint != nil {
		return p.query.Checkpoint, nil
	}
	size := cmp.Or(p.query.Size, head.Size)
	note, err := p.db.NoteOf(ctx, size)
	switch {
	case err != nil:
		return nil, err
	case note != "":
		return []byte(note), nil
	case size == head.Size:
		return newest, nil
	}
	return nil, problem.New(problem.InvalidValue, "size", "This mirror has not taken a checkpoint of that size: give the signed checkpoint itself, which the report has that is to be made again.")
}

// Matter takes a case of the derivation.
func (p *period) Matter(_ context.Context, m store.Matter) error {
	if m.OpenedAt < p.span.From || m.OpenedAt >= p.span.To {
		return nil
	}
	if m.Opening != "" {
		p.opened[[2]string{time.Unix(m.OpenedAt, 0).UTC().Format(time.DateOnly), m.Lane}]++
	}
	pair := pairLane{directory.PartyOf(m.Requesting), directory.PartyOf(m.Requested), m.Lane}
	for _, key := range []pairLane{pair, {lane: m.Lane}} {
		t := p.pairs[key]
		if t == nil {
			t = &tallied{Figure: Figure{Requesting: key.requesting, Requested: key.requested, Lane: key.lane, Stages: map[string]int64{}}}
			p.pairs[key] = t
		}
		t.Cases++
		t.Messages += m.Messages
		t.Overdue += m.Overdue
		t.Stages[m.Stage]++
		if m.Acknowledged >= 0 {
			t.acknowledged = append(t.acknowledged, m.Acknowledged)
		}
		if m.Answered >= 0 {
			t.answered = append(t.answered, m.Answered)
		}
	}
	return nil
}

// Finding takes a finding of the derivation.
func (p *period) Finding(ctx context.Context, f store.Finding) error {
	at, err := p.db.TimeAt(ctx, p.span.View, f.Index)
	if err != nil || at < p.span.From || at >= p.span.To {
		return err
	}
	c := p.found[f.Code]
	if c == nil {
		c = &CodeCount{Code: f.Code, Grave: f.Grave}
		p.found[f.Code] = c
	}
	if c.Count++; c.Count <= mostOfACode {
		p.report.Findings = append(p.report.Findings, PeriodFinding{
			Key: f.Key, Code: f.Code, Grave: f.Grave, Index: f.Index, Time: stamp(at), Case: f.Case, Who: f.Who, Text: f.Text, Said: f.Said,
		})
	}
	return nil
}

func (p *period) known(ctx context.Context) (err error) {
	if p.report.Method.Known, err = p.db.Known(ctx, p.span.View); err != nil {
		return err
	}
	p.report.Method.Erased, err = p.db.ErasedIn(ctx, p.span.View)
	return err
}

// figures sums up the cases of the period.
func (p *period) figures(ctx context.Context) error {
	p.report.Lanes, p.report.Pairs, p.report.Days = []Figure{}, []Figure{}, []DayFigure{}
	for _, key := range slices.SortedFunc(maps.Keys(p.pairs), func(a, b pairLane) int {
		return cmp.Or(cmp.Compare(a.requesting, b.requesting), cmp.Compare(a.requested, b.requested), cmp.Compare(laneRank(a.lane), laneRank(b.lane)), cmp.Compare(a.lane, b.lane))
	}) {
		t := p.pairs[key]
		t.Acknowledged, t.Answered = int64(len(t.acknowledged)), int64(len(t.answered))
		t.AcknowledgedP50, t.AcknowledgedP90 = percentiles(t.acknowledged)
		t.AnsweredP50, t.AnsweredP90 = percentiles(t.answered)
		if key.requesting == "" && key.requested == "" {
			p.report.Lanes = append(p.report.Lanes, t.Figure)
		} else {
			p.report.Pairs = append(p.report.Pairs, t.Figure)
		}
	}
	messages := map[[2]string]int64{}
	if err := p.db.MessagesOf(ctx, p.span, func(day, lane string, count int64) { messages[[2]string{day, lane}] = count }); err != nil {
		return err
	}
	for key := range p.opened {
		messages[key] += 0 // a case may be dated otherwise than its message
	}
	for _, key := range slices.SortedFunc(maps.Keys(messages), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(laneRank(a[1]), laneRank(b[1])), cmp.Compare(a[1], b[1]))
	}) {
		p.report.Days = append(p.report.Days, DayFigure{Day: key[0], Lane: key[1], Messages: messages[key], Opened: p.opened[key]})
	}
	return nil
}

// laneRank orders lanes by urgency; what is none comes last.
func laneRank(lane string) int {
	lanes := workflow.Procedure().Lanes()
	if i := slices.Index(lanes, workflow.Lane(lane)); i >= 0 {
		return i
	}
	return len(lanes)
}

// percentiles are the median and the 90th: the smallest values that 50 and 90 of a
// hundred do not exceed.
func percentiles(values []int64) (p50, p90 *int64) {
	n := len(values)
	if n == 0 {
		return nil, nil
	}
	slices.Sort(values)
	return &values[(n+1)/2-1], &values[(9*n+9)/10-1]
}

// tallies counts entries of the period.
func (p *period) tallies(ctx context.Context) error {
	kinds, refusals, err := p.db.TallyOf(ctx, p.span)
	if err != nil {
		return err
	}
	p.report.Entries, p.report.Rejections = countsOf(kinds), countsOf(refusals)
	p.report.Overdue = []Overdue{}
	if err := p.db.OverdueOf(ctx, p.span, func(requesting, requested, clock string, count int64) {
		p.report.Overdue = append(p.report.Overdue, Overdue{requesting, requested, clock, count})
	}); err != nil {
		return err
	}
	return p.statements(ctx)
}

func countsOf(tallies []store.Tally) []Count {
	counts := make([]Count, len(tallies))
	for i, t := range tallies {
		counts[i] = Count(t)
	}
	return counts
}

// findings puts the findings of the period in order.
func (p *period) findings(context.Context) error {
	p.report.Counts = []CodeCount{}
	for _, code := range slices.Sorted(maps.Keys(p.found)) {
		p.report.Counts = append(p.report.Counts, *p.found[code])
	}
	if p.report.Findings == nil {
		p.report.Findings = []PeriodFinding{}
	}
	slices.SortFunc(p.report.Findings, func(a, b PeriodFinding) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Key, b.Key))
	})
	return nil
}

// own adds what only this mirror has.
func (p *period) own(ctx context.Context) error {
	if !p.query.Remarks {
		return nil
	}
	last, err := p.CheckRemarks(ctx)
	if err != nil {
		return err
	}
	own := &Own{Findings: []Finding{}, Remarks: []Remark{}, Last: last.Hash}
	states, about := map[string]string{}, map[string]bool{}
	for _, f := range p.report.Findings {
		about[f.Key] = true
	}
	if err := p.EachFinding(ctx, func(f Finding) error {
		states[f.Key] = f.State
		mine, err := p.mine(ctx, f)
		if mine && !about[f.Key] {
			f.Remarks = nil // they come by number
			if f.Evidence != "" {
				f.Evidence = filepath.Base(f.Evidence)
			}
			about[f.Key], own.Findings = true, append(own.Findings, f)
		}
		return err
	}); err != nil {
		return err
	}
	for i, f := range p.report.Findings {
		p.report.Findings[i].State = cmp.Or(states[f.Key], StateOpen)
	}
	remarks, err := p.Remarks(ctx, "")
	if err != nil {
		return err
	}
	for _, r := range remarks {
		if about[r.Finding] {
			own.Remarks = append(own.Remarks, r)
		}
	}
	looks, err := p.db.Looks(ctx)
	for _, l := range looks {
		if l.At >= p.span.From && l.At < p.span.To {
			own.Looks++
		}
	}
	p.report.Own = own
	return err
}

// mine reports whether a finding rests on this mirror's own looks, and is of the
// period: by the time of its entry, or else by when it was found.
func (p *period) mine(ctx context.Context, f Finding) (bool, error) {
	if !slices.Contains(OwnCodes(), f.Code) || f.Index >= p.span.Size {
		return false, nil
	}
	found, err := time.Parse(time.RFC3339, f.Found)
	at := found.Unix()
	if err == nil && f.Index >= 0 {
		at, err = p.db.TimeAt(ctx, p.span.View, f.Index)
	}
	return at >= p.span.From && at < p.span.To, err
}
