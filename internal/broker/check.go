package broker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/internal/parts"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/workflow"
)

// ErrInconsistent is wrapped by every finding of [Check].
var ErrInconsistent = errors.New("the database does not agree with its log")

// A Report says what [Check] has read and found in order.
type Report struct {
	Entries    int64  `json:"entries"`
	Messages   int64  `json:"messages"`
	Cases      int64  `json:"cases"`
	Receipts   int64  `json:"receipts"`
	Statements int64  `json:"statements"`
	Evidence   int64  `json:"evidence"` // pieces of it that are kept
	Erased     int64  `json:"erased"`
	Signed     int64  `json:"signed"`
	Root       string `json:"root"`
}

// Checked names what a database is checked against.
type Checked struct {
	Origin string
	Keys   []note.Verifier // of the log
	Anchor string
	Guard  []byte // the last checkpoint ever signed
	Parts  parts.Store
	// Copy says that it is a copy of the database alone, to be looked at without
	// the guard and the sealed evidence.
	Copy bool
}

// Check verifies the whole database: every leaf against its private half,
// every tile hash, the frontier, the newest checkpoint and the guard; every
// message, receipt and statement against its entry and its signatures; every
// case against the acts that made it. It changes nothing and holds one page of
// the log in memory.
//
// The error wraps [ErrInconsistent] with the first finding and its place.
func Check(ctx context.Context, s store.Broker, against Checked) (Report, error) {
	c := &checker{Checked: against, dir: directory.New(against.Anchor), tree: translog.NewTree(), latest: map[latestKey]int64{}}
	err := s.Read(ctx, func(r store.Reader) error {
		for _, step := range []func(context.Context, store.Reader) error{c.count, c.entries, c.counts, c.newest, c.checkpoints} {
			if err := step(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	return c.report, err
}

// A checker is one run of Check.
type checker struct {
	Checked
	dir    *directory.Directory
	tree   *translog.Tree
	inbox  int64 // items that the entries stand for
	latest map[latestKey]int64
	stored store.Counts // at the beginning
	report Report
}

const checkPage = 256

// entries walks the log from its beginning.
func (c *checker) entries(ctx context.Context, r store.Reader) error {
	head, err := r.Head(ctx)
	if err != nil {
		return err
	}
	for from := int64(0); from < head.Size; from += checkPage {
		to := min(from+checkPage, head.Size)
		leaves, err := r.Leaves(ctx, from, to)
		if errors.Is(err, store.ErrNotFound) {
			return missing(ctx, r, from, to)
		}
		if err != nil {
			return err
		}
		stored, err := r.Hashes(ctx, 0, from, to)
		if err != nil {
			return finding("hashes of entries %d to %d are missing: %v", from, to, err)
		}
		hashes := make([]translog.Hash, len(leaves))
		for i, leaf := range leaves {
			hashes[i] = translog.LeafHash(leaf)
			if hashes[i] != stored[i] {
				return finding("entry %d: its leaf does not have the stored hash", from+int64(i))
			}
			if err := c.entry(ctx, r, from+int64(i), leaf); err != nil {
				return err
			}
		}
		if err := c.grow(ctx, r, hashes); err != nil {
			return err
		}
	}
	c.report.Entries = head.Size
	if !bytes.Equal(c.tree.Frontier(), head.Frontier) {
		return finding("the head of the log is not that of its entries")
	}
	return nil
}

// missing finds the first entry of a page that is not there.
func missing(ctx context.Context, r store.Reader, from, to int64) error {
	for i := from; i < to; i++ {
		_, err := r.Leaves(ctx, i, i+1)
		if errors.Is(err, store.ErrNotFound) {
			return finding("entry %d is missing", i)
		}
		if err != nil {
			return err
		}
	}
	return finding("entries %d to %d are not in their places", from, to)
}

// grow adds a page to the tree and compares the completed subtrees.
func (c *checker) grow(ctx context.Context, r store.Reader, hashes []translog.Hash) error {
	growth, err := c.tree.Append(hashes)
	if err != nil {
		return err
	}
	for _, n := range growth.Nodes {
		stored, err := r.Hashes(ctx, n.Level, n.Index, n.Index+1)
		if err != nil || stored[0] != n.Hash {
			return finding("the tile hash at level %d, index %d is wrong", n.Level, n.Index)
		}
	}
	c.tree = growth.After
	return nil
}

// entry checks one entry and what it is about.
func (c *checker) entry(ctx context.Context, r store.Reader, index int64, leaf []byte) error {
	e, err := r.Entry(ctx, index)
	if err != nil {
		return finding("entry %d is missing: %v", index, err)
	}
	if len(e.Salt) == 0 || e.ErasedBy != 0 {
		return c.erased(ctx, r, e)
	}
	if len(e.Salt) != len(translog.Salted{}.Salt) ||
		!bytes.Equal(translog.Salted{Salt: [32]byte(e.Salt), Body: e.Body}.Leaf(), leaf) {
		return finding("entry %d: its private half is not the one that its leaf commits to", index)
	}
	entry, err := translog.ParseEntry(e.Body)
	if err != nil {
		return finding("entry %d is not an entry: %v", index, err)
	}
	if subject, ok := subjectOf(entry); ok {
		c.latest[latestKey{entry.Kind, subject}] = index
	}
	switch entry.Kind {
	case translog.KindMessage:
		err = c.message(ctx, r, index, entry)
	case translog.KindReceipt:
		err = c.receipt(ctx, r, index, *entry.Receipt)
	case translog.KindStatement:
		err = c.statement(ctx, r, index, *entry.Statement)
	case translog.KindErasure:
		err = erases(ctx, r, index, *entry.Erasure)
	case translog.KindMailbox:
		err = c.mailbox(ctx, r, *entry.Mailbox)
	case translog.KindDeadline:
		err = c.deadline(ctx, r, index, *entry.Deadline)
	default: // entries of the other kinds stand for themselves
	}
	if err != nil {
		return finding("entry %d: %v", index, err)
	}
	return nil
}

// message checks a message against its entry, the directory and its case.
func (c *checker) message(ctx context.Context, r store.Reader, index int64, entry translog.Entry) error {
	c.report.Messages++
	f := *entry.Message
	row, err := r.Message(ctx, f.ID)
	if err != nil {
		return fmt.Errorf("its message is missing: %w", err)
	}
	stored := message.Message{HeaderText: string(row.Header), Signature: row.Signature, Payload: row.Payload}
	wire, err := stored.Wire()
	if err != nil {
		return err
	}
	m, err := message.Parse(wire)
	if err != nil {
		return fmt.Errorf("its message does not parse: %w", err)
	}
	if row.Index != index || m.Digest() != f.Digest || row.Digest != f.Digest || string(m.Core.ID) != f.ID ||
		row.From != f.From || row.To != f.To || row.Case != f.Case || row.Stage != f.Stage || row.Seq != f.Seq ||
		row.Act != f.Act || row.Lane != f.Lane || unixText(row.AcceptedAt) != entry.Time {
		return errors.New("its message is another one")
	}
	for _, check := range []func() error{
		func() error { return m.CheckParties(c.dir, m.Core.Created.Time) },
		func() error { return m.CheckSignature(c.dir) },
		func() error { return m.CheckPayload(c.dir) },
	} {
		if err := check(); err != nil {
			return fmt.Errorf("its message is not valid: %w", err)
		}
	}
	if err := c.inboxItem(ctx, r, store.InboxItem{Authority: f.To, Index: index, Kind: kindMessage, Ref: f.ID}); err != nil {
		return err
	}
	if err := c.pairHead(ctx, r, row); err != nil {
		return err
	}
	if err := c.evidence(ctx, r, m); err != nil {
		return err
	}
	if workflow.Procedure().Opens(workflow.Act(f.Act)) {
		return c.caseOf(ctx, r, row)
	}
	return nil
}

// caseOf derives the stage of a case from its messages and receipts and
// compares it with the stored one.
func (c *checker) caseOf(ctx context.Context, r store.Reader, first store.Message) error {
	c.report.Cases++
	cases, err := r.Cases(ctx, []string{first.Case})
	if err != nil {
		return err
	}
	stored, ok := cases[first.Case]
	if !ok || stored.Requesting != first.From || stored.Requested != first.To {
		return errors.New("its case is missing or between others")
	}
	events, newest, err := eventsOf(ctx, r, stored)
	if err != nil {
		return err
	}
	received, err := r.ReceiptsOf(ctx, first.ID)
	if err != nil {
		return err
	}
	if len(received) > 0 {
		events = append(events, workflow.Event{Act: workflow.Delivered, Actor: workflow.Requested, Lane: workflow.Lane(stored.Lane)})
	}
	derived, err := workflow.Procedure().Derive(events)
	if err != nil {
		return fmt.Errorf("deriving the stage of its case: %w", err)
	}
	if string(derived.Stage) != stored.Stage || derived.Handed != stored.Handed {
		return fmt.Errorf("its case is stored as %s (handed over: %t) and follows as %s (%t)", stored.Stage, stored.Handed, derived.Stage, derived.Handed)
	}
	if stored.Opening != first.Act || stored.Lane != first.Lane || stored.OpenedAt != first.AcceptedAt ||
		stored.LastByRequesting != newest.byRequesting || stored.Index < newest.index {
		return errors.New("its case is stored with another beginning or another newest message")
	}
	return runs(ctx, r, stored)
}

// A latest says where the newest messages of a case are.
type latest struct {
	index        int64 // of the newest message
	byRequesting int64 // when the requesting authority's newest was accepted
}

// eventsOf reads the acts of a case, and where its newest messages are.
func eventsOf(ctx context.Context, r store.Reader, c store.Case) (events []workflow.Event, newest latest, err error) {
	for after := int64(-1); ; {
		page, err := r.CaseMessages(ctx, c.ID, after, checkPage)
		if err != nil {
			return nil, newest, err
		}
		for _, row := range page {
			newest.index = row.Index
			actor := workflow.Requested
			if row.From == c.Requesting {
				actor, newest.byRequesting = workflow.Requesting, row.AcceptedAt
			}
			final, err := finalOf(row.Header)
			if err != nil {
				return nil, newest, err
			}
			events = append(events, workflow.Event{Act: workflow.Act(row.Act), Actor: actor, Lane: workflow.Lane(c.Lane), Final: final})
			after = row.Index
		}
		if len(page) < checkPage {
			return events, newest, nil
		}
	}
}

// finalOf reads from a header whether its message ends the deliveries.
func finalOf(header []byte) (bool, error) {
	var h struct{ Core string }
	if err := json.Unmarshal(header, &h); err != nil {
		return false, fmt.Errorf("reading a header: %w", err)
	}
	var core struct{ Final bool }
	if err := json.Unmarshal([]byte(h.Core), &core); err != nil {
		return false, fmt.Errorf("reading a core: %w", err)
	}
	return core.Final, nil
}

// receipt checks a delivery or opening receipt against its entry.
func (c *checker) receipt(ctx context.Context, r store.Reader, index int64, f translog.ReceiptFact) error {
	c.report.Receipts++
	row, err := r.Receipt(ctx, index)
	if err != nil {
		return fmt.Errorf("its receipt is missing: %w", err)
	}
	signed := message.SignedReceipt{Receipt: string(row.Text), Signature: row.Signature}
	m, err := r.Messages(ctx, []string{f.Message})
	if err != nil {
		return err
	}
	about := m[f.Message]
	if row.Digest != f.Digest || signed.Digest() != f.Digest || row.Kind != f.Kind || row.Message != f.Message || row.By != f.By ||
		row.Case != about.Case {
		return errors.New("its receipt is another one")
	}
	if err := c.inboxItem(ctx, r, store.InboxItem{Authority: about.From, Index: index, Kind: kindReceipt, Ref: f.Message}); err != nil {
		return err
	}
	by, err := c.dir.Authority(f.By)
	if err != nil {
		return err
	}
	if err := signed.Verify(by); err != nil {
		return fmt.Errorf("its receipt: %w", err)
	}
	return nil
}

// statement checks a directory statement against its entry and goes on with
// the directory that has it.
func (c *checker) statement(ctx context.Context, r store.Reader, index int64, f translog.StatementFact) error {
	c.report.Statements++
	rows, err := r.Statements(ctx, index-1, 1)
	if err != nil {
		return err
	}
	if len(rows) == 0 || rows[0].Index != index {
		return errors.New("its statement is missing")
	}
	sum := sha256.Sum256(rows[0].Text)
	if hex.EncodeToString(sum[:]) != f.Digest || rows[0].Digest != f.Digest || rows[0].Subject != f.Subject || rows[0].Number != f.Number {
		return errors.New("its statement is another one")
	}
	c.dir, err = c.dir.Apply(directory.Signed{Statement: string(rows[0].Text), Signature: rows[0].Signature}, index)
	return err
}

// count counts the rows.
func (c *checker) count(ctx context.Context, r store.Reader) (err error) {
	c.stored, err = r.Counts(ctx)
	return err
}

// counts finds rows that no entry of the log stands for.
func (c *checker) counts(context.Context, store.Reader) error {
	logged := store.Counts{
		Messages: c.report.Messages, Cases: c.report.Cases, Receipts: c.report.Receipts, Statements: c.report.Statements, Inbox: c.inbox, Erased: c.report.Erased,
	}
	if c.stored != logged {
		return finding("it holds %+v, and the log stands for %+v", c.stored, logged)
	}
	return nil
}

// checkpoints holds every checkpoint, signed and witnessed, and the guard
// against the tree.
func (c *checker) checkpoints(ctx context.Context, r store.Reader) error {
	latest, err := r.LatestCheckpoint(ctx)
	if err != nil {
		return finding("it has no checkpoint: %v", err)
	}
	if !c.Copy {
		if _, err := c.checkpoint(ctx, r, "signer guard", c.Guard); err != nil {
			return err
		}
	}
	if err := c.series(ctx, r, "checkpoint", r.Checkpoint); err != nil {
		return err
	}
	if err := c.series(ctx, r, "witnessed checkpoint", r.Witnessed); err != nil {
		return err
	}
	c.report.Signed = latest.Size
	root := c.tree.Root()
	c.report.Root = hex.EncodeToString(root[:])
	return nil
}

// series holds a series of stored checkpoints, with their cosignatures, against
// the tree; next returns the first of at least a size.
func (c *checker) series(ctx context.Context, r store.Reader, what string, next func(context.Context, int64) (store.Checkpoint, error)) error {
	for least := int64(0); ; {
		cp, err := next(ctx, least)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s of %d entries", what, cp.Size)
		signed, err := c.checkpoint(ctx, r, name, cp.Note)
		if err != nil {
			return err
		}
		if signed.Size != cp.Size {
			return finding("the %s is of another size, %d", name, signed.Size)
		}
		if err := cosignatures(ctx, r, name, signed); err != nil {
			return err
		}
		least = cp.Size + 1
	}
}

// checkpoint holds one signed checkpoint against the tree.
func (c *checker) checkpoint(ctx context.Context, r store.Reader, name string, signed []byte) (translog.Checkpoint, error) {
	cp, err := translog.OpenCheckpoint(signed, c.Origin, c.Keys...)
	if err != nil {
		return cp, finding("the %s is not signed by the log: %v", name, err)
	}
	if cp.Size > c.tree.Size() {
		return cp, finding("the %s has %d entries, the database %d", name, cp.Size, c.tree.Size())
	}
	proof, err := translog.ProveConsistency(ctx, cp.Size, c.tree.Size(), readHashes(r))
	if err != nil {
		return cp, finding("the %s cannot be proved: %v", name, err)
	}
	whole := translog.Checkpoint{Origin: c.Origin, Size: c.tree.Size(), Root: c.tree.Root()}
	if err := translog.CheckConsistency(cp, whole, proof); err != nil {
		return cp, finding("the %s signed another tree: %v", name, err)
	}
	return cp, nil
}

func finding(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInconsistent}, args...)...)
}

// Export writes the public log of a database, as far as it is signed, to a
// directory and returns its size in entries.
func Export(ctx context.Context, s store.Broker, dir, origin string, keys translog.LogKeys) (size int64, err error) {
	err = s.Read(ctx, func(r store.Reader) error {
		latest, err := r.LatestCheckpoint(ctx)
		if err != nil {
			return fmt.Errorf("finding the newest checkpoint: %w", err)
		}
		cp, err := translog.OpenCheckpoint(latest.Note, origin, keys.Verifiers()...)
		if err != nil {
			return err
		}
		size = cp.Size
		return translog.Export(ctx, dir, translog.Source{
			Checkpoint: latest.Note, Size: cp.Size, VerifierKey: keys.Newest(), Hashes: readHashes(r), Leaves: r.Leaves,
		})
	})
	return size, err
}
