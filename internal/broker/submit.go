package broker

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/workflow"
)

// idleAfter is how long the requesting State must have been silent before the
// requested State may close an answered case (protocol section 4).
const idleAfter = 365 * 24 * time.Hour

// An Acceptance is the outcome of something that was taken.
type Acceptance struct {
	Index   int64
	Repeat  bool   // the same bytes had been accepted before
	Receipt []byte // tlog-proof, the same bytes for a repeat
}

// Submit accepts a message in its wire form from one of the callers'
// authorities and returns the receipt of its log entry. The checks are those
// of protocol section 2.5, in that order; the first that fails is the answer,
// a *problem.Error, and is logged by its code.
//
// Submitting the same bytes again, at any later time, returns the first
// receipt. An error that is no *problem.Error leaves the outcome open: submit
// the same bytes again.
func (b *Broker) Submit(ctx context.Context, callers []directory.Authority, wire []byte) (Acceptance, error) {
	m, err := message.Parse(wire)
	if err != nil {
		return Acceptance{}, b.refuse(ctx, callers, "", err)
	}
	caller, ok := among(callers, m.Core.From.Authority)
	if !ok {
		return Acceptance{}, b.refuse(ctx, callers, m.Digest(), problem.New(problem.Forbidden, "core.from.authority",
			"The connection does not belong to the authority that the message names as its sender."))
	}
	s := &submission{message: m, from: caller.Statement.ID}
	repeat, err := b.isRepeat(ctx, m)
	if err != nil {
		return Acceptance{}, err
	}
	if !repeat {
		if err := b.trusted(); err != nil {
			return Acceptance{}, err
		}
		if err := b.examine(ctx, s); err != nil {
			return Acceptance{}, b.refuse(ctx, callers, m.Digest(), err)
		}
		if s.late = m.CheckPayload(s.dir); s.late == nil {
			s.late = b.checkEvidence(ctx, m)
		}
		if _, refused := refusalOf(s.late); s.late != nil && !refused {
			return Acceptance{}, s.late
		}
	}
	out, err := b.propose(ctx, s)
	if err != nil {
		return Acceptance{}, b.withUnseen(ctx, m, err)
	}
	return b.acceptance(ctx, out)
}

// examine checks the message against the directory, once more if another
// broker has published something since.
func (b *Broker) examine(ctx context.Context, s *submission) error {
	s.dir = b.dir.Load()
	refusal := s.check(s.dir, b.Now())
	if refusal == nil {
		return nil
	}
	moved, err := b.Refresh(ctx)
	if err != nil {
		return err
	}
	if !moved {
		return refusal
	}
	s.dir = b.dir.Load()
	return s.check(s.dir, b.Now())
}

// acceptance completes an outcome with the receipt of a repeat.
func (b *Broker) acceptance(ctx context.Context, out outcome) (Acceptance, error) {
	a := Acceptance{Index: out.index, Repeat: out.repeat, Receipt: out.receipt}
	if !out.repeat {
		return a, nil
	}
	if err := b.covered(ctx, out.index); err != nil {
		return Acceptance{}, err
	}
	receipt, err := b.receiptOf(ctx, out.index)
	a.Receipt = receipt
	return a, err
}

// covered makes sure that a checkpoint covers the entry: the first submission
// may still wait for its signature, or a broker may have died before signing.
func (b *Broker) covered(ctx context.Context, index int64) error {
	if b.latestCP.Load() > index {
		return nil
	}
	return b.signHead(ctx)
}

// isRepeat reports whether exactly this message has been accepted before. It
// is asked before the time is looked at, so that a retry after a long outage
// gets its receipt (protocol section 2.5).
func (b *Broker) isRepeat(ctx context.Context, m *message.Message) (repeat bool, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		known, err := r.Messages(ctx, []string{string(m.Core.ID)})
		if err != nil {
			return err
		}
		first, ok := known[string(m.Core.ID)]
		repeat = ok && same(first, m)
		return nil
	})
	return repeat, err
}

// same reports whether m is, byte for byte, the accepted message.
func same(known store.Message, m *message.Message) bool {
	return known.Digest == m.Digest() && bytes.Equal(known.Signature, m.Signature) && m.CheckDigest() == nil
}

// among finds an authority among the caller's.
func among(callers []directory.Authority, id string) (directory.Authority, bool) {
	i := slices.IndexFunc(callers, func(a directory.Authority) bool { return a.Statement.ID == id })
	if i < 0 {
		return directory.Authority{}, false
	}
	return callers[i], true
}

// refuse logs a refusal that came before the sequencer, by its code, and
// returns it. An error that is not a refusal is returned as it is.
func (b *Broker) refuse(ctx context.Context, callers []directory.Authority, digest string, err error) error {
	refusal, ok := refusalOf(err)
	if !ok {
		return err
	}
	_, err = b.propose(ctx, &rejection{by: callers[0].Statement.ID, digest: digest, refusal: refusal})
	return err
}

// A rejection is a refusal on its way into the log.
type rejection struct {
	by, digest string
	refusal    *problem.Error
}

func (*rejection) wants(*wants) {}
func (*rejection) kind() string { return "rejection" }

func (*rejection) size() int { return 0 }

func (r *rejection) apply(t *turn) (int64, bool, error) {
	return 0, false, t.reject(r.by, r.digest, r.refusal)
}

// A submission is a message on its way into the log.
type submission struct {
	message *message.Message
	from    string
	dir     *directory.Directory // that the message was checked against; nil for a repeat
	late    error                // what is wrong with payload or evidence: said only after identity and order
}

// check makes the checks that need no more than the message, the directory
// and the time, up to the signature.
func (s *submission) check(d *directory.Directory, now time.Time) error {
	if err := s.message.CheckParties(d, now); err != nil {
		return err
	}
	if err := s.message.CheckTime(now); err != nil {
		return err
	}
	return s.message.CheckSignature(d)
}

func (s *submission) wants(w *wants) {
	c := s.message.Core
	w.messages = append(w.messages, string(c.ID))
	w.cases = append(w.cases, string(c.Case))
	w.heads = append(w.heads, s.pair())
}

func (*submission) kind() string { return "message" }

func (s *submission) size() int {
	return len(s.message.HeaderText) + len(s.message.Signature) + len(s.message.Payload)
}

func (s *submission) pair() store.Pair {
	return store.Pair{From: s.message.Core.From.Authority, To: s.message.Core.To.Authority}
}

// apply makes the checks that depend on what was accepted before.
func (s *submission) apply(t *turn) (int64, bool, error) {
	if known, ok := t.messages[string(s.message.Core.ID)]; ok {
		if same(known, s.message) {
			return known.Index, true, nil
		}
		return 0, false, t.reject(s.from, s.message.Digest(), problem.New(problem.DuplicateMessage, "core.id",
			"Another message was accepted under this id; it stays."))
	}
	state, c, err := s.admit(t)
	if refusal, ok := refusalOf(err); ok {
		return 0, false, t.reject(s.from, s.message.Digest(), refusal)
	}
	if err != nil {
		return 0, false, err
	}
	return s.enter(t, state, c)
}

// admit decides whether the message may enter and returns its case, as it was
// and its procedure, as it will be.
func (s *submission) admit(t *turn) (workflow.State, store.Case, error) {
	none := workflow.State{}
	if s.dir == nil || s.dir.Size() != t.dir.Size() {
		// The directory has moved since the message was checked.
		if err := s.check(t.dir, t.now); err != nil {
			return none, store.Case{}, err
		}
	}
	if err := s.inSequence(t); err != nil {
		return none, store.Case{}, err
	}
	if s.late != nil {
		return none, store.Case{}, s.late
	}
	return s.advance(t)
}

// inSequence checks the sender's number and its link to the previous message.
func (s *submission) inSequence(t *turn) error {
	c, head := s.message.Core, t.heads[s.pair()]
	switch {
	case c.Seq != head.Seq+1:
		return problem.Newf(problem.SequenceGap, "core.seq", "The next number to this recipient is %d.", head.Seq+1)
	case c.Prev != head.Digest:
		return problem.New(problem.SequenceGap, "core.prev", "This is not the digest of the previous accepted message to this recipient.")
	}
	return nil
}

// advance finds the case and asks the procedure whether the act is allowed.
func (s *submission) advance(t *turn) (workflow.State, store.Case, error) {
	core := s.message.Core
	c, known := t.cases[string(core.Case)]
	event := workflow.Event{Act: core.Act, Actor: workflow.Requesting, Lane: core.Lane, Final: core.Final}
	if !known {
		c = store.Case{
			ID: string(core.Case), Requesting: core.From.Authority, Requested: core.To.Authority,
			Opening: string(core.Act), Lane: string(core.Lane), OpenedAt: t.now.Unix(),
		}
		state, err := workflow.Procedure().Next(workflow.State{}, event)
		return state, c, err
	}
	switch {
	case core.From.Authority == c.Requesting && core.To.Authority == c.Requested:
	case core.From.Authority == c.Requested && core.To.Authority == c.Requesting:
		event.Actor = workflow.Requested
	default:
		return workflow.State{}, c, problem.New(problem.NotFound, "core.case", "The two authorities have no such case with each other.")
	}
	if string(core.Lane) != c.Lane {
		return workflow.State{}, c, problem.Newf(problem.InvalidValue, "core.lane", "The lane of this case is %s.", c.Lane)
	}
	event.Idle = t.now.Unix()-c.LastByRequesting >= int64(idleAfter/time.Second)
	state, err := workflow.Procedure().Next(stateOf(c), event)
	return state, c, err
}

// stateOf is the procedure's view of a case.
func stateOf(c store.Case) workflow.State {
	return workflow.State{
		Stage: workflow.Stage(c.Stage), Opening: workflow.Act(c.Opening), Lane: workflow.Lane(c.Lane), Handed: c.Handed,
	}
}

// enter adds the admitted message to the turn.
func (s *submission) enter(t *turn, state workflow.State, c store.Case) (int64, bool, error) {
	m, core := s.message, s.message.Core
	index, err := t.append(translog.Entry{
		Kind: translog.KindMessage,
		Message: &translog.MessageFact{
			Digest: m.Digest(), ID: string(core.ID), Case: string(core.Case),
			From: core.From.Authority, To: core.To.Authority, Act: string(core.Act), Lane: string(core.Lane),
			Seq: core.Seq, Stage: string(state.Stage),
		},
	})
	if err != nil {
		return 0, false, err
	}
	row := store.Message{
		ID: string(core.ID), Case: string(core.Case), From: core.From.Authority, To: core.To.Authority,
		Act: string(core.Act), Lane: string(core.Lane), Stage: string(state.Stage), Seq: core.Seq,
		Digest: m.Digest(), Header: []byte(m.HeaderText), Signature: m.Signature, Payload: m.Payload,
		PayloadSize: int64(len(m.Payload)), Index: index, AcceptedAt: t.now.Unix(),
	}
	t.messages[row.ID] = row
	t.batch.Messages = append(t.batch.Messages, row)
	t.batch.Inbox = append(t.batch.Inbox, store.InboxItem{Authority: row.To, Index: index, Kind: kindMessage, Ref: row.ID})
	for _, ref := range m.Header.Evidence {
		t.batch.Uses = append(t.batch.Uses, store.Use{Message: row.ID, Manifest: string(ref.SHA256)})
	}
	t.setHead(store.PairHead{Pair: s.pair(), Seq: core.Seq, Digest: m.Digest()})
	if c.Stage == "" {
		t.running[c.ID] = t.clocks.start(c, t.now)
	}
	if row.From == c.Requesting {
		c.LastByRequesting = t.now.Unix()
	}
	c.Stage, c.Handed, c.Index = string(state.Stage), state.Handed, index
	t.setCase(c)
	return index, false, nil
}

// withUnseen adds to a refused act what its sender had not seen yet: the
// counterpart's messages of the case after the newest that the sender names.
func (b *Broker) withUnseen(ctx context.Context, m *message.Message, err error) error {
	refusal, ok := refusalOf(err)
	if !ok || refusal.Code != problem.ActNotAllowed {
		return err
	}
	told := *refusal
	readErr := b.Store.Read(ctx, func(r store.Reader) error {
		all, err := r.CaseMessages(ctx, string(m.Core.Case), -1, caseMessages)
		if err != nil {
			return err
		}
		told.Unseen = unseen(all, m)
		return nil
	})
	if readErr != nil {
		b.Log.Warn("unseen messages not read", "err", readErr)
	}
	return &told
}

// unseen lists the digests of the counterpart's messages behind the newest
// message that m names as processed.
func unseen(all []store.Message, m *message.Message) (digests []string) {
	for _, known := range all {
		switch {
		case slices.Contains(m.Core.After, message.Digest(known.Digest)):
			digests = nil
		case known.From != m.Core.From.Authority:
			digests = append(digests, known.Digest)
		}
	}
	return digests
}

// caseMessages bounds what is read of one case at a time.
const caseMessages = 1024
