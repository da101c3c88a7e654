package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
)

// What the broker keeps beside the log, so that it need not read the log to
// answer: each row follows from entries, and is held against them here.

// unixText writes a time as entries do.
func unixText(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// inboxItem checks that what an entry is about waits for its addressee.
func (c *checker) inboxItem(ctx context.Context, r store.Reader, want store.InboxItem) error {
	c.inbox++
	items, err := r.Inbox(ctx, want.Authority, want.Index-1, 1)
	if err != nil {
		return err
	}
	if len(items) != 1 || items[0] != want {
		return fmt.Errorf("it does not wait in the inbox of %s", want.Authority)
	}
	return nil
}

// pairHead checks the newest number between two authorities against a message
// between them: it is this message's, or that of a later one.
func (c *checker) pairHead(ctx context.Context, r store.Reader, m store.Message) error {
	pair := store.Pair{From: m.From, To: m.To}
	heads, err := r.Heads(ctx, []store.Pair{pair})
	if err != nil {
		return err
	}
	later, err := r.Sent(ctx, pair, m.Seq, 1)
	if err != nil {
		return err
	}
	head := heads[pair]
	gone := head.Seq > m.Seq && len(later) == 0 && c.stored.Erased == 0 // a later one may have been erased
	if head.Seq < m.Seq || head.Seq == m.Seq && (head.Digest != m.Digest || len(later) > 0) || gone {
		return fmt.Errorf("the newest message from %s to %s is stored as number %d", pair.From, pair.To, head.Seq)
	}
	return nil
}

// runs checks that the clocks of a case are there, and that none runs that its
// stage has met.
func runs(ctx context.Context, r store.Reader, c store.Case) error {
	stored, err := r.Clocks(ctx, []string{c.ID})
	if err != nil {
		return err
	}
	clocks := stored[c.ID]
	if want := len(DefaultClocks().start(c, time.Time{})); len(clocks) != want {
		return fmt.Errorf("its case has %d clocks, and not %d", len(clocks), want)
	}
	for _, k := range clocks {
		if k.State != clockPassed && (k.State == clockMet) != met(k.Name, c.Stage) {
			return fmt.Errorf("the clock %q of its case is stored as %s at the stage %s", k.Name, k.State, c.Stage)
		}
	}
	return nil
}

// deadline checks the clock that an entry says has passed.
func (c *checker) deadline(ctx context.Context, r store.Reader, index int64, f translog.DeadlineFact) error {
	for _, authority := range []string{f.From, f.To} {
		if err := c.inboxItem(ctx, r, store.InboxItem{Authority: authority, Index: index, Kind: kindDeadline, Ref: f.Case}); err != nil {
			return err
		}
	}
	stored, err := r.Clocks(ctx, []string{f.Case})
	if err != nil {
		return err
	}
	for _, k := range stored[f.Case] {
		if k.Name == f.Clock && k.State == clockPassed && unixText(k.Due) == f.Due {
			return nil
		}
	}
	return errors.New("the clock that it says has passed is stored otherwise")
}

// cosignatures checks that the cosignatures of a checkpoint are those of their
// witnesses.
func cosignatures(ctx context.Context, r store.Reader, name string, cp translog.Checkpoint) error {
	all, err := r.Cosignatures(ctx, cp.Size)
	if err != nil {
		return err
	}
	for _, c := range all {
		key, err := translog.ParseWitnessKey(c.Witness)
		if err == nil {
			_, err = translog.ReadCosignature(cp, c.Line, key)
		}
		if err != nil {
			return finding("a cosignature of the %s is not that of its witness %q: %v", name, c.Witness, err)
		}
	}
	return nil
}

// evidence checks that what a message names is kept whole, or was dropped by an
// entry that says so.
func (c *checker) evidence(ctx context.Context, r store.Reader, m *message.Message) error {
	stored, err := r.Uses(ctx, string(m.Core.ID))
	if err != nil {
		return err
	}
	droppedBy := map[string]int64{}
	for _, u := range stored {
		droppedBy[u.Manifest] = u.DroppedBy
	}
	for i, ref := range m.Header.Evidence {
		by, ok := droppedBy[string(ref.SHA256)]
		switch {
		case !ok:
			err = errors.New("nothing says that it is kept")
		case by != 0:
			err = wasDropped(ctx, r, m, by)
		case !c.Copy:
			err = c.kept(ctx, r, m, ref)
		}
		if err != nil {
			return fmt.Errorf("evidence %d of its message: %w", i+1, err)
		}
	}
	if len(stored) > len(m.Header.Evidence) {
		return errors.New("its message is said to have more evidence than it names")
	}
	return nil
}

// wasDropped checks that an entry says that the evidence of a message is no
// longer kept.
func wasDropped(ctx context.Context, r store.Reader, m *message.Message, by int64) error {
	e, err := r.Entry(ctx, by)
	if err != nil {
		return fmt.Errorf("no entry says that it was dropped: %w", err)
	}
	entry, err := translog.ParseEntry(e.Body)
	if err != nil || entry.Operator == nil || entry.Operator.What != evidenceDropped || entry.Operator.Detail != m.Digest() {
		return fmt.Errorf("entry %d does not say that it was dropped", by)
	}
	return nil
}

// kept reads the evidence of a message from its beginning to its end.
func (c *checker) kept(ctx context.Context, r store.Reader, m *message.Message, ref message.EvidenceRef) error {
	c.report.Evidence++
	manifest := string(ref.SHA256)
	u, err := r.Upload(ctx, m.Core.From.Authority, manifest)
	if err != nil || u.Bytes != ref.Size || u.Recipient != m.Core.To.Authority {
		return errors.New("its upload is missing or another")
	}
	parted, err := readManifest(ctx, c.Parts, manifest, ref.Size)
	if err != nil {
		return fmt.Errorf("its list of parts: %w", err)
	}
	if parted.SHA256() != manifest {
		return errors.New("its list of parts is another")
	}
	for i, digest := range parted.Digests {
		part, err := c.Parts.Open(ctx, manifest, digest)
		if err != nil {
			return fmt.Errorf("part %d, %s: %w", i+1, digest, err)
		}
		if err := errors.Join(parted.Check(i, part), part.Close()); err != nil {
			return err
		}
	}
	return nil
}

// erased checks that an entry without its private half was erased lawfully: the
// log has an entry that says so of this one.
func (c *checker) erased(ctx context.Context, r store.Reader, e store.Entry) error {
	c.report.Erased++
	if len(e.Salt)+len(e.Body) > 0 {
		return finding("entry %d is marked as erased, and is there", e.Index)
	}
	by, err := r.Entry(ctx, e.ErasedBy)
	if err != nil || e.ErasedBy <= e.Index {
		return finding("entry %d has lost its private half, and no entry says why", e.Index)
	}
	entry, err := translog.ParseEntry(by.Body)
	if err != nil || entry.Erasure == nil || entry.Erasure.Index != e.Index {
		return finding("entry %d has lost its private half, and entry %d does not say why", e.Index, e.ErasedBy)
	}
	return nil
}

// erases checks that the entry that an entry says was erased is.
func erases(ctx context.Context, r store.Reader, index int64, f translog.ErasureFact) error {
	e, err := r.Entry(ctx, f.Index)
	if err != nil {
		return err
	}
	if e.ErasedBy != index {
		return fmt.Errorf("it says that entry %d was erased, which it was not by this one", f.Index)
	}
	return nil
}

// newest checks the newest entries of those kinds that are found without reading
// the log.
func (c *checker) newest(ctx context.Context, r store.Reader) error {
	for _, kind := range []translog.Kind{translog.KindMailbox, translog.KindAnchor, translog.KindConfiguration, translog.KindBackup} {
		stored, err := r.Latest(ctx, string(kind))
		if err != nil {
			return err
		}
		for key, index := range c.latest {
			if key.kind == kind && stored[key.subject] != index {
				return finding("entry %d is the newest %s entry about %q, and entry %d is stored as that", index, kind, key.subject, stored[key.subject])
			}
			if key.kind == kind {
				delete(stored, key.subject)
			}
		}
		for subject, index := range stored {
			return finding("entry %d is stored as the newest %s entry about %q, which the log has none of", index, kind, subject)
		}
	}
	return nil
}

// mailbox checks a statement of how many items an authority was sent; those that
// were erased since are in it and not in the database.
func (c *checker) mailbox(ctx context.Context, r store.Reader, f translog.MailboxFact) error {
	n, err := r.InboxCount(ctx, f.Authority, 0, f.Size)
	if err != nil {
		return err
	}
	if n > f.Items || n < f.Items && c.stored.Erased == 0 {
		return fmt.Errorf("it says that %s was sent %d items before entry %d, and there are %d", f.Authority, f.Items, f.Size, n)
	}
	return nil
}
