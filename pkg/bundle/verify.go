package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// A check is a verification under way.
type check struct {
	*Reader
	trust       verify.Trust
	directory   *directory.Directory
	newest      translog.Checkpoint
	checkpoints map[translog.Checkpoint]bool
	claims      []claim
	sights      []sight
	events      []event
	digests     map[string]bool
	indices     map[int64]string // digests by place in the log
	after       map[string]bool  // digests that messages refer to
	report      Report
	opening     message.ID // message that opened the case
	strayed     bool       // the stage that follows is not the one that the broker gives
}

// An event is something that moved the case, at its place in the log.
type event struct {
	workflow.Event
	index   int64
	message message.ID // that the event is, or is about
	from    string     // sender of a message
	stage   string     // the broker's claim; empty for a receipt
}

// Verify checks everything in the bundle: the directory, every message and
// receipt with its place in the log, that all of it stands in one history, and
// that the stage of the case follows from the messages. It consults no clock
// and no network.
//
// An error that is [verify.ErrMisbehaviour] is evidence, and the report says so;
// one that wraps [ErrBundle] says that the file is no bundle, and there is no
// verdict.
func (b *Reader) Verify(ctx context.Context, trust verify.Trust) (Report, error) {
	c := &check{
		Reader: b, trust: trust, checkpoints: map[translog.Checkpoint]bool{}, digests: map[string]bool{}, after: map[string]bool{},
		indices: map[int64]string{}, report: Report{
			Case: b.Manifest.Case, Log: trust.Origin, Made: b.Manifest.Made, By: b.Manifest.By, Reasons: []Reason{}, Messages: []Line{},
		},
	}
	if b.Manifest.Origin != trust.Origin {
		return c.report, fmt.Errorf("bundle: it is of the log %s, and the one believed is %s", b.Manifest.Origin, trust.Origin)
	}
	for _, step := range []func() error{
		func() error { return c.readDirectory(ctx) },
		c.readCheckpoint, c.readItems, c.readErasure, c.oneHistory, c.dated, c.derive,
	} {
		err := step()
		if errors.Is(err, verify.ErrMisbehaviour) {
			c.report.Verdict, c.report.Reasons = Misbehaviour, []Reason{accusation(err)}
		}
		if err != nil {
			return c.report, err
		}
	}
	c.judge()
	return c.report, nil
}

// readDirectory verifies the directory's statements.
func (c *check) readDirectory(ctx context.Context) error {
	data, err := c.named(DirectoryFile)
	if err != nil || data == nil {
		return errors.Join(err, fmt.Errorf("%w: %s is missing", ErrBundle, DirectoryFile))
	}
	var all wire.Statements
	if err := strictjson.Unmarshal(data, MaxFileBytes, &all); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBundle, DirectoryFile, err)
	}
	page := func(context.Context, int64) (wire.Statements, error) { return wire.Statements{Items: all.Items}, nil }
	c.directory, err = c.trust.Follow(ctx, directory.New(c.trust.Anchor), page, nil)
	return err
}

// readCheckpoint verifies the checkpoint that holds everything together.
func (c *check) readCheckpoint() error {
	data, err := c.named(CheckpointFile)
	if err != nil || data == nil {
		return err
	}
	c.newest, err = c.trust.Checkpoint(data)
	c.report.Size = c.newest.Size
	c.checkpoints[c.newest] = true
	return err
}

// readItems verifies messages, receipts and deadlines, one at a time.
func (c *check) readItems() error {
	for _, f := range c.Manifest.Files {
		kind, _, _ := strings.Cut(f.Name, "/")
		read := map[string]func([]byte, File) error{
			"messages": c.readMessage, "confirmations": c.readConfirmation, "deadlines": c.readDeadline,
		}[kind]
		if read == nil || kind == "messages" && strings.HasSuffix(f.Name, ".tlog-proof") {
			continue
		}
		data, err := c.read(f)
		if err == nil {
			err = read(data, f)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

func (c *check) readMessage(data []byte, f File) error {
	m, err := message.Parse(data)
	if err != nil {
		return fmt.Errorf("%w: it is not a message: %w", ErrBundle, err)
	}
	proof, err := c.named(strings.TrimSuffix(f.Name, ".mla.json") + ".tlog-proof")
	if err != nil {
		return err
	}
	a, err := c.trust.Message(m, proof, c.directory)
	if err != nil {
		return err
	}
	if string(m.Core.Case) != c.Manifest.Case || c.digests[m.Digest()] {
		return fmt.Errorf("%w: the message is of another case, or is there twice", ErrBundle)
	}
	c.note(a)
	c.digests[m.Digest()], c.indices[a.Index] = true, m.Digest()
	for _, d := range m.Core.After {
		c.after[string(d)] = true
	}
	if workflow.Procedure().Opens(m.Core.Act) {
		c.opening = m.Core.ID
	}
	c.events = append(c.events, event{
		index: a.Index, message: m.Core.ID, from: m.Core.From.Authority, stage: a.Stage,
		Event: workflow.Event{Act: m.Core.Act, Lane: m.Core.Lane, Final: m.Core.Final},
	})
	c.report.Messages = append(c.report.Messages, Line{
		Index: a.Index, ID: string(m.Core.ID), From: m.Core.From.Authority, To: m.Core.To.Authority, Act: string(m.Core.Act),
		Digest: m.Digest(), Logged: a.At.Format(time.RFC3339), Cosigned: newestOf(a.Cosigned), Witnessed: a.Witnessed,
	})
	return nil
}

// newestOf returns when the newest of the witnesses cosigned; empty for none.
func newestOf(by []translog.Cosignature) string {
	if len(by) == 0 {
		return ""
	}
	newest := slices.MaxFunc(by, func(a, b translog.Cosignature) int { return a.At.Compare(b.At) })
	return newest.At.UTC().Format(time.RFC3339)
}

func (c *check) readConfirmation(data []byte, _ File) error {
	var in Confirmation
	if err := strictjson.Unmarshal(data, MaxFileBytes, &in); err != nil {
		return fmt.Errorf("%w: it is not a receipt: %w", ErrBundle, err)
	}
	r, a, err := c.trust.Delivery(in.Signed, []byte(in.Proof), c.directory)
	if err != nil {
		return err
	}
	if string(r.Case) != c.Manifest.Case {
		return fmt.Errorf("%w: the receipt is of another case", ErrBundle)
	}
	c.note(a)
	c.report.Confirmations++
	c.events = append(c.events, event{index: a.Index, message: r.ID, Event: workflow.Event{Act: workflow.Delivered}})
	return nil
}

func (c *check) readDeadline(data []byte, _ File) error {
	d, a, err := c.trust.Deadline(data)
	if err != nil {
		return err
	}
	if d.Case != c.Manifest.Case {
		return fmt.Errorf("%w: the deadline is of another case", ErrBundle)
	}
	c.note(a)
	c.report.Deadlines++
	return nil
}

// oneHistory checks that every checkpoint is extended by the bundle's own.
func (c *check) oneHistory() error {
	var links Links
	data, err := c.named(ConsistencyFile)
	if err != nil {
		return err
	}
	if data != nil {
		if err := strictjson.Unmarshal(data, MaxFileBytes, &links); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrBundle, ConsistencyFile, err)
		}
	}
	unlinked := 0
	roots := map[int64]translog.Hash{}
	for cp := range c.checkpoints {
		if root, ok := roots[cp.Size]; ok && root != cp.Root {
			return verify.Misbehaviour(verify.TwoHistories, fmt.Sprintf("the log has signed two trees of %d entries", cp.Size), nil)
		}
		roots[cp.Size] = cp.Root
		if !c.linked(cp, links) {
			unlinked++
		}
	}
	if unlinked > 0 {
		c.report.reason(ReasonUnlinked, "count", unlinked)
	}
	return nil
}

// linked reports whether the bundle proves that its checkpoint extends cp.
func (c *check) linked(cp translog.Checkpoint, links Links) bool {
	if cp == c.newest {
		return true
	}
	i := slices.IndexFunc(links.Items, func(l Consistency) bool { return l.Size == cp.Size })
	if i < 0 || cp.Size > c.newest.Size {
		return false
	}
	proof, err := translog.ParseHashes(links.Items[i].Proof)
	return err == nil && translog.CheckConsistency(cp, c.newest, proof) == nil
}

// derive computes the stage of the case and holds the broker's claims against
// it. Where messages are missing, what can be derived is less.
func (c *check) derive() error {
	if missing := c.missing(); missing > 0 {
		c.report.reason(ReasonMissing, "count", missing)
	}
	if c.opening == "" {
		c.report.reason(ReasonNoOpening)
		return nil
	}
	if c.missing() > 0 {
		return nil
	}
	var events []workflow.Event
	for _, e := range c.inOrder() {
		events = append(events, e.Event)
		state, err := workflow.Procedure().Derive(events)
		if err != nil {
			return verify.Misbehaviour(verify.ActNotAllowed, fmt.Sprintf("the broker accepted a message that the procedure does not allow, entry %d", e.index), err)
		}
		c.report.Stage = string(state.Stage)
		if e.stage != "" && e.stage != c.report.Stage {
			c.report.reason(ReasonStage, "broker", e.stage, "derived", c.report.Stage, "index", e.index)
			c.strayed = true
		}
	}
	return nil
}

// inOrder returns what moved the case in the order of the log: its messages,
// and the receipts of the first.
func (c *check) inOrder() []event {
	slices.SortStableFunc(c.events, func(a, b event) int { return cmp.Compare(a.index, b.index) })
	first := c.events[slices.IndexFunc(c.events, func(e event) bool { return e.message == c.opening && e.from != "" })]
	var moved []event
	for _, e := range c.events {
		e.Actor = workflow.Requested
		if e.from == first.from {
			e.Actor = workflow.Requesting
		}
		if e.Act == workflow.Delivered {
			e.Lane = first.Lane
			if e.message != first.message {
				continue
			}
		}
		moved = append(moved, e)
	}
	return moved
}

// missing counts the messages that others refer to and that are not there.
func (c *check) missing() int {
	n := 0
	for d := range c.after {
		if !c.digests[d] {
			n++
		}
	}
	return n
}

// judge gives the verdict on what has passed every check.
func (c *check) judge() {
	r := &c.report
	switch {
	case len(r.Messages) == 0:
		r.Verdict = Incomplete
		r.reason(ReasonEmpty)
		return
	case c.opening == "" || c.strayed || c.missing() > 0:
		r.Verdict = Incomplete
		return
	}
	unwitnessed := 0
	for _, m := range r.Messages {
		if !m.Witnessed && !m.Erased {
			unwitnessed++
		}
	}
	if unwitnessed > 0 {
		r.reason(ReasonUnwitnessed, "count", unwitnessed, "total", len(r.Messages))
	}
	r.Verdict = Authentic
	if len(r.Reasons) == 0 {
		r.Verdict = Proven
		r.reason(ReasonProven)
	}
}
