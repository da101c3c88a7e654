package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// A Message is a message as commands and pages show it.
type Message struct {
	ID      string `json:"id"`
	Case    string `json:"case"`
	From    string `json:"from"`
	To      string `json:"to"`
	Act     string `json:"act"`
	Digest  string `json:"digest"`
	Created string `json:"created"` // when the broker accepted it, RFC 3339
	Index   int64  `json:"index"`   // of its entry in the broker's log
	Verdict string `json:"verdict"` // authentic, waiting, or a problem code
	Kind    string `json:"kind,omitempty"`
	Summary string `json:"summary,omitempty"`
	Suite   string `json:"suite,omitempty"`
	Note    string `json:"note,omitempty"`
	// KeyNote is what became known later of the keys; the verdict stays that of the
	// message's time.
	KeyNote  string `json:"key_note,omitempty"`
	Incoming bool   `json:"incoming"`
	Receipts []Seen `json:"receipts,omitempty"`
	// Reference and CheckCode of a request, for paper: see [Desk.Confirm].
	Reference string `json:"reference,omitempty"`
	CheckCode string `json:"check_code,omitempty"`
}

// A Seen is a delivery or opening receipt.
type Seen struct {
	Kind  string `json:"kind"`
	By    string `json:"by"`
	At    string `json:"at"`    // RFC 3339
	Index int64  `json:"index"` // of its entry in the broker's log; -1 while it has none
}

// A Case is a case with everything that has happened in it.
type Case struct {
	Case       string       `json:"case"`
	Stage      string       `json:"stage"`
	Lane       string       `json:"lane"`
	Requesting string       `json:"requesting"`
	Requested  string       `json:"requested"`
	Role       string       `json:"role"` // of this desk: requesting or requested
	Measures   []Measure    `json:"measures"`
	Together   string       `json:"together"` // how the measures stand together
	Dates      []Date       `json:"dates"`
	Conditions []Condition  `json:"conditions"`
	Missing    []Missing    `json:"missing"`
	Misplaced  []Misplaced  `json:"misplaced"`
	Clocks     []wire.Clock `json:"clocks"`
	Owed       Owed         `json:"owed"`
	Acts       []string     `json:"acts"` // that this desk may perform now
	Events     []Message    `json:"events"`
	Deadlines  []Passed     `json:"deadlines"`
	// Hold is the legal hold on the case, and Erased how it was erased; nil if
	// there is none, or it was not.
	Hold   *HoldInfo `json:"hold,omitempty"`
	Erased *Erased   `json:"erased,omitempty"`
	// ClassicalSecrecy says that the case has no protection against quantum
	// computers.
	ClassicalSecrecy bool `json:"classical_secrecy"`
}

// A Measure is a measure of a request and how it stands.
type Measure struct {
	Number   int64  `json:"number"`
	Type     string `json:"type"`
	Workflow string `json:"workflow"`
	State    string `json:"state"` // a row of the code list workflow-state
	// Owed is the authority that is to act; both, or empty where nobody is.
	Owed  string `json:"owed"`
	Ended bool   `json:"ended"`
	// Next are the messages by which this desk can move it on.
	Next []string `json:"next"`
}

// A Date is a date of the substance of a case, which both sides compute alike.
type Date struct {
	Clock   string   `json:"clock"`             // a row of the code list clock
	Measure int64    `json:"measure,omitempty"` // 0 for the whole case
	Owed    string   `json:"owed,omitempty"`    // authority
	Due     string   `json:"due"`               // RFC 3339
	State   string   `json:"state"`             // running, warned, held, met, passed or expired
	Warn    []string `json:"warn,omitempty"`    // RFC 3339
}

// A Condition is one that was offered or binds.
type Condition struct {
	Number  int64  `json:"number"`
	Type    string `json:"type"`
	Text    string `json:"text"`
	Until   string `json:"until,omitempty"` // RFC 3339
	Binding bool   `json:"binding"`
	Message string `json:"message"` // digest of the message that set it
}

// A Missing is a question that waits for its answer.
type Missing struct {
	Number    int64  `json:"number"`
	Measure   int64  `json:"measure,omitempty"`
	Text      string `json:"text"`
	Necessary bool   `json:"necessary"`
	By        string `json:"by"`      // authority that is to answer
	Message   string `json:"message"` // digest of the message that asked
}

// A Misplaced is a message that had no effect on a measure, as where messages
// crossed.
type Misplaced struct {
	Message string `json:"message"` // digest
	Measure int64  `json:"measure"`
	Reason  string `json:"reason"`
}

// Owed says whose turn it is, and with which acts.
type Owed struct {
	By   string   `json:"by"`
	Acts []string `json:"acts"`
}

// A Passed is a deadline that passed.
type Passed struct {
	Clock string `json:"clock"`
	Due   string `json:"due"`
	Index int64  `json:"index"`
}

// Verdicts of a [Message] besides "authentic" and the codes of what is wrong.
const (
	VerdictWaiting = store.OrderWaiting  // not accepted by the broker yet
	VerdictErased  = store.VerdictErased // lawfully erased; the proof is kept
)

// viewOf shows a stored message.
func viewOf(l store.Letter) Message {
	m := Message{
		ID: l.ID, Case: l.Case, From: l.From, To: l.To, Act: l.Act, Digest: l.Digest, Created: rfc3339(l.AcceptedAt),
		Index: l.Index, Verdict: l.Verdict, Suite: l.Suite, Note: l.Note, Incoming: l.Incoming,
	}
	if body := bodyOf(l); body != nil {
		m.Kind, m.Summary = body.Kind(), convention.Summary(body)
	}
	if l.Code != "" {
		m.Reference, m.CheckCode = message.Reference(message.ID(l.ID)), l.Code
	}
	return m
}

func rfc3339(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// A derived case is what follows from its signed messages.
type derived struct {
	state            workflow.State
	requesting       string
	requested        string
	lastByRequesting int64 // Unix seconds
}

// derive computes a case from its messages and the receipts of its first.
func derive(ctx context.Context, r store.DeskReader, letters []store.Letter) (derived, error) {
	var c derived
	var events []workflow.Event
	for _, l := range letters {
		act := workflow.Act(l.Act)
		if workflow.Procedure().Opens(act) {
			c.requesting, c.requested = l.From, l.To
			confirmed, err := r.Confirmations(ctx, l.ID)
			if err != nil {
				return c, err
			}
			if len(confirmed) > 0 {
				events = append(events, workflow.Event{Act: workflow.Delivered, Actor: workflow.Requested, Lane: workflow.Lane(l.Lane)})
			}
		}
		e := workflow.Event{Act: act, Actor: workflow.Requested, Lane: workflow.Lane(l.Lane), Final: l.Final}
		if l.From == c.requesting {
			e.Actor, c.lastByRequesting = workflow.Requesting, l.AcceptedAt
		}
		events = append(events, e)
	}
	var err error
	c.state, err = workflow.Procedure().Derive(events)
	return c, err
}

// Case returns one case, or a *problem.Error.
func (d *Desk) Case(ctx context.Context, id string) (Case, error) {
	out := Case{Case: id, Events: []Message{}, Deadlines: []Passed{}}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		letters, err := r.Letters(ctx, id)
		if err != nil {
			return err
		}
		if len(letters) == 0 {
			return problem.New(problem.NotFound, "case", "This desk has no such case.")
		}
		c, err := derive(ctx, r, letters)
		if err != nil {
			return fmt.Errorf("the case cannot be derived from its messages: %w", err)
		}
		out.Stage, out.Lane = string(c.state.Stage), string(c.state.Lane)
		out.Requesting, out.Requested = c.requesting, c.requested
		out.Role, out.Owed = string(workflow.Requesting), owedIn(c)
		if letters[0].Incoming {
			out.Role = string(workflow.Requested)
		}
		out.Acts = []string{}
		for _, act := range workflow.Procedure().Allowed(c.state, workflow.Actor(out.Role)) {
			out.Acts = append(out.Acts, string(act))
		}
		stands, err := substance(ctx, r, id, letters, d.now())
		if err != nil {
			return err
		}
		out.stand(stands, d.now())
		if err := out.fill(ctx, r, letters); err != nil {
			return err
		}
		for i := range out.Events {
			if err := d.annotate(ctx, r, &out.Events[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// fill adds the events of a case with their receipts, and its clocks.
func (c *Case) fill(ctx context.Context, r store.DeskReader, letters []store.Letter) error {
	for _, l := range letters {
		m := viewOf(l)
		confirmed, err := r.Confirmations(ctx, l.ID)
		if err != nil {
			return err
		}
		for _, s := range confirmed {
			m.Receipts = append(m.Receipts, Seen{Kind: s.Kind, By: s.By, At: rfc3339(s.At), Index: s.Index})
		}
		if l.Verdict == store.VerdictErased {
			m.Note = noteErased(ctx, r, l.Case)
		}
		c.Events = append(c.Events, m)
		c.ClassicalSecrecy = c.ClassicalSecrecy || l.Suite != "pq-6"
	}
	var err error
	if c.Erased, err = erasedOf(ctx, r, c.Case); err != nil {
		return err
	}
	hold, err := r.CaseHold(ctx, c.Case)
	if err == nil {
		c.Hold = &HoldInfo{Basis: hold.Basis, By: hold.By, Since: rfc3339(hold.Since)}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if c.Clocks, err = clocksOf(ctx, r, c.Case); err != nil {
		return err
	}
	passed, err := r.Deadlines(ctx, c.Case)
	for _, p := range passed {
		c.Deadlines = append(c.Deadlines, Passed{Clock: p.Clock, Due: p.Due, Index: p.Index})
	}
	return err
}

// owedIn says whose turn it is: the requested side's until it has answered,
// then the requesting side's to close.
func owedIn(c derived) Owed {
	actor, by := workflow.Requested, c.requested
	switch {
	case c.state.Stage == workflow.StageClosed:
		return Owed{Acts: []string{}}
	case c.state.Stage == workflow.StageAnswered, c.state.Stage == workflow.StageWithdrawn, c.state.Opening == workflow.Inform:
		actor, by = workflow.Requesting, c.requesting
	}
	owed := Owed{By: by, Acts: []string{}}
	for _, act := range workflow.Procedure().Allowed(c.state, actor) {
		owed.Acts = append(owed.Acts, string(act))
	}
	return owed
}

// Messages lists all messages in log order, and those that wait behind them.
func (d *Desk) Messages(ctx context.Context) ([]Message, error) {
	all := []Message{}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		for after := int64(-1); ; {
			letters, err := r.AllLetters(ctx, after, page)
			if err != nil {
				return err
			}
			for _, l := range letters {
				m := viewOf(l)
				if l.Verdict == store.VerdictErased {
					m.Note = noteErased(ctx, r, l.Case)
				}
				if err := d.annotate(ctx, r, &m); err != nil {
					return err
				}
				all, after = append(all, m), l.Index
			}
			if len(letters) < page {
				break
			}
		}
		for _, state := range []string{store.OrderWaiting, store.OrderRefused} {
			orders, err := r.Orders(ctx, state)
			if err != nil {
				return err
			}
			for _, o := range orders {
				all = append(all, pending(o))
			}
		}
		return nil
	})
	return all, err
}

// pending shows a message that has not been accepted.
func pending(o store.Order) Message {
	m := Message{
		ID: o.ID, Case: o.Case, From: o.From, To: o.To, Act: o.Act, Created: rfc3339(o.CreatedAt), Index: -1, Verdict: o.State,
	}
	if p, err := readProblem(o.Problem); err == nil && o.State == store.OrderRefused {
		m.Verdict, m.Note = string(p.Code), p.Error()
	}
	return m
}

// letter reads a message of the case file. The error is a *problem.Error if
// there is none.
func (d *Desk) letter(ctx context.Context, id string) (l store.Letter, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) (err error) {
		l, err = r.Letter(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return problem.New(problem.NotFound, "id", "This desk has no such message.")
		}
		if err == nil && l.Verdict == store.VerdictErased {
			return refuseErased(ctx, r, l.Case)
		}
		return err
	})
	return l, err
}

// Message returns one message of the case file, or a *problem.Error.
func (d *Desk) Message(ctx context.Context, id string) (Message, error) {
	l, err := d.letter(ctx, id)
	if err != nil {
		return Message{}, err
	}
	return viewOf(l), nil
}

// Body returns the content of a message as JSON, and tells its sender, once,
// that an officer of the recipient has opened it. What waits for its conditions to
// be accepted is refused.
func (d *Desk) Body(ctx context.Context, id string) ([]byte, error) {
	if err := d.refusePending(ctx, id); err != nil {
		return nil, err
	}
	l, err := d.letter(ctx, id)
	if err != nil {
		return nil, err
	}
	if l.Body == nil {
		return nil, problem.New(problem.Code(l.Verdict), "payload", "The message could not be opened when it arrived.")
	}
	if !l.Incoming || l.OpenedAt > 0 {
		return l.Body, nil
	}
	return l.Body, d.markOpened(ctx, l)
}

// markOpened signs the opening receipt.
func (d *Desk) markOpened(ctx context.Context, l store.Letter) error {
	m, err := message.Parse(l.Sealed)
	if err != nil {
		return err
	}
	key, err := d.keys.Key(keyring.NameOf(l.To, m.Core.Suite))
	if err != nil {
		return err
	}
	receipt, err := message.SignReceipt(message.Receipt{
		Kind: message.Opened, Message: message.Digest(l.Digest), ID: m.Core.ID, Case: m.Core.Case, By: l.To, At: message.At(d.now()),
	}, key)
	if err != nil {
		return err
	}
	l.OpenedAt = d.now().Unix()
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := w.PutLetter(ctx, l); err != nil {
			return err
		}
		if err := w.PutConfirmation(ctx, ownConfirmation(receipt, message.Opened, l, l.OpenedAt)); err != nil {
			return err
		}
		return d.record(ctx, w, "message opened by an officer", l.ID)
	})
}
