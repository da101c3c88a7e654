package auditor

import (
	"context"
	"fmt"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/workflow"
)

// A matter is a case that is being derived.
type matter struct {
	store.Matter
	state           workflow.State
	opener          string           // id of the opening message
	messages        map[string]bool  // ids
	passed          map[string]bool  // clocks
	met             map[string]int64 // clocks: seconds after opening
	requestingMoved int64            // Unix seconds
}

// idle is the silence of the requesting authority after which the requested may
// close an answered case, in seconds (protocol section 4).
const idle = 365 * 24 * 60 * 60

// clocks are the goals of the procedure: the stage by which a deadline is met,
// and when a case reached it.
var clocks = []struct {
	name    string
	goal    workflow.Stage
	reached func(*store.Matter) *int64
}{
	{"delivery", workflow.StageDelivered, func(m *store.Matter) *int64 { return &m.Delivered }},
	{"acknowledgement", workflow.StageAcknowledged, func(m *store.Matter) *int64 { return &m.Acknowledged }},
	{"answer", workflow.StageDecided, func(m *store.Matter) *int64 { return &m.Answered }},
}

// cases derives every case, one at a time.
func (d *derivation) cases(ctx context.Context) error {
	var m *matter
	end := func() error {
		if m == nil {
			return nil
		}
		return d.conclude(ctx, m)
	}
	err := d.db.Each(ctx, d.view, sqlite.ByCase, func(e store.AuditEntry) error {
		if m == nil || m.Case != e.Case {
			if err := end(); err != nil {
				return err
			}
			m = &matter{
				messages: map[string]bool{}, passed: map[string]bool{}, met: map[string]int64{},
				Matter: store.Matter{Case: e.Case, First: e.Index, OpenedAt: e.At, Delivered: -1, Acknowledged: -1, Answered: -1},
			}
		}
		m.Last, m.MovedAt = e.Index, e.At
		switch translog.Kind(e.Kind) {
		case translog.KindMessage:
			return d.message(ctx, m, e)
		case translog.KindReceipt:
			return d.receipt(ctx, m, e)
		case translog.KindDeadline:
			return d.deadline(ctx, m, e)
		default: // says nothing about a case
			return nil
		}
	})
	if err != nil {
		return err
	}
	return end()
}

// message moves a case on, and holds the broker's stage against what follows.
func (d *derivation) message(ctx context.Context, m *matter, e store.AuditEntry) error {
	m.Messages++
	m.messages[e.Ref] = true
	event := workflow.Event{Act: workflow.Act(e.Act), Actor: workflow.Requested, Lane: workflow.Lane(e.Lane), Idle: e.At-m.requestingMoved > idle}
	if workflow.Procedure().Opens(event.Act) && m.opener == "" {
		m.opener, m.Requesting, m.Requested, m.Lane, m.Opening, m.OpenedAt = e.Ref, e.Sender, e.Recipient, e.Lane, e.Act, e.At
	}
	if m.opener == "" {
		return d.begun(ctx, m, e)
	}
	if e.Sender == m.Requesting {
		event.Actor, m.requestingMoved = workflow.Requesting, e.At
	}
	next, err := workflow.Procedure().Next(m.state, event)
	if err != nil {
		m.adopt(e)
		return d.judge(ctx, said(store.Finding{Code: FindAct, Grave: true, Index: e.Index, Case: e.Case}, "act",
			"Entry", e.Index, "Act", e.Act, "By", e.Sender, cause, err))
	}
	if string(next.Stage) != e.Stage { // perhaps it was the last delivery, which the entry does not say
		event.Final = true
		if last, err := workflow.Procedure().Next(m.state, event); err == nil {
			next = last
		}
	}
	m.state = next
	m.reach(e.At)
	if string(next.Stage) == e.Stage {
		return nil
	}
	m.adopt(e)
	return d.judge(ctx, said(store.Finding{Code: FindStage, Grave: true, Index: e.Index, Case: e.Case}, "stage",
		"Entry", e.Index, "Stage", e.Stage, "Follows", next.Stage))
}

// begun takes a message of a case whose opening is not among the entries.
func (d *derivation) begun(ctx context.Context, m *matter, e store.AuditEntry) error {
	first := m.Requesting == ""
	m.Requesting, m.Requested, m.Lane, m.Stage = e.Sender, e.Recipient, e.Lane, e.Stage
	if !first {
		return nil
	}
	if erased, err := d.db.ErasedBetween(ctx, d.view, 0, e.Index); err != nil || erased {
		return err
	}
	return d.judge(ctx, said(store.Finding{Code: FindOrphan, Grave: true, Index: e.Index, Case: e.Case}, "no_opening", "Entry", e.Index))
}

// adopt goes on from what the broker gives, so that one finding does not bring
// others.
func (m *matter) adopt(e store.AuditEntry) {
	m.state.Stage = workflow.Stage(e.Stage)
	if m.state.Opening == "" {
		m.state.Opening, m.state.Lane = workflow.Act(m.Opening), workflow.Lane(m.Lane)
	}
	m.reach(e.At)
}

// reach notes what the case has reached. One that is withdrawn or closed meets
// every clock, and answers nothing.
func (m *matter) reach(at int64) {
	m.Stage = string(m.state.Stage)
	over := workflow.Procedure().Reached(m.state.Stage, workflow.StageWithdrawn)
	for _, c := range clocks {
		if !workflow.Procedure().Reached(m.state.Stage, c.goal) {
			continue
		}
		if _, ok := m.met[c.name]; !ok {
			m.met[c.name] = at - m.OpenedAt
		}
		if reached := c.reached(&m.Matter); *reached < 0 && !over {
			*reached = at - m.OpenedAt
		}
	}
}

// receipt takes a receipt of delivery or opening; that of the first message
// moves the case.
func (d *derivation) receipt(ctx context.Context, m *matter, e store.AuditEntry) error {
	wrong := store.Finding{Code: FindReceipt, Grave: true, Index: e.Index, Case: e.Case}
	switch {
	case !m.messages[e.Ref]:
		return d.find(ctx, said(wrong, "receipt_early", "Entry", e.Index, "Message", e.Ref))
	case e.Code != e.Recipient:
		return d.find(ctx, said(wrong, "receipt_by_another", "Entry", e.Index, "By", e.Code, "Recipient", e.Recipient))
	case e.Ref != m.opener:
		return nil
	}
	next, err := workflow.Procedure().Next(m.state, workflow.Event{Act: workflow.Delivered, Actor: workflow.Requested, Lane: m.state.Lane})
	if err != nil {
		return d.judge(ctx, said(store.Finding{Code: FindAct, Grave: true, Index: e.Index, Case: e.Case, Text: fmt.Sprintf("entry %d: %v", e.Index, err)},
			"delivery", "Entry", e.Index, cause, err))
	}
	m.state = next
	m.reach(e.At)
	return nil
}

// deadline judges a deadline that the broker says has passed.
func (d *derivation) deadline(ctx context.Context, m *matter, e store.AuditEntry) error {
	m.Overdue++
	m.passed[e.Act] = true
	wrong := store.Finding{Code: FindDeadlineWrong, Grave: true, Index: e.Index, Case: e.Case}
	switch {
	case m.opener == "":
		return nil
	case e.Sender != m.Requesting || e.Recipient != m.Requested:
		return d.judge(ctx, said(wrong, "deadline_parties", "Entry", e.Index, "From", e.Sender, "To", e.Recipient))
	case e.At < e.Seq-int64(d.rules.Tolerance.Seconds()):
		return d.judge(ctx, said(wrong, "deadline_early", "Entry", e.Index, "At", stamp(e.At), "Due", stamp(e.Seq)))
	}
	if met, ok := m.met[e.Act]; ok && m.OpenedAt+met <= e.Seq {
		return d.judge(ctx, said(wrong, "deadline_met", "Entry", e.Index, "Clock", e.Act, "Met", stamp(m.OpenedAt+met)))
	}
	return nil
}

// grace is how late the broker may be in noting a deadline, in seconds: it may
// have been at rest.
const grace = 60 * 60

// conclude writes a case, after looking for deadlines that must have passed.
func (d *derivation) conclude(ctx context.Context, m *matter) error {
	d.sum.Cases++
	for _, c := range clocks {
		key := limitKey{directory.PartyOf(m.Requesting), directory.PartyOf(m.Requested), m.Lane, c.name}
		limit, known := d.limits[key]
		met, ok := m.met[c.name]
		late := met > limit+grace || !ok && d.latest > m.OpenedAt+limit+grace
		if !known || !late || m.passed[c.name] || m.opener == "" || workflow.Act(m.Opening) == workflow.Inform && c.goal != workflow.StageDelivered {
			continue
		}
		if err := d.judge(ctx, said(store.Finding{Code: FindDeadlineMissing, Index: m.First, Case: m.Case, Aspect: c.name}, "deadline_missing",
			"Clock", c.name, "Due", stamp(m.OpenedAt+limit))); err != nil {
			return err
		}
	}
	return d.w.Matter(ctx, m.Matter)
}

// judge keeps a finding that only somebody can make who has seen all entries of
// the case.
func (d *derivation) judge(ctx context.Context, f store.Finding) error {
	if d.scope == "" {
		return nil
	}
	return d.find(ctx, f)
}
