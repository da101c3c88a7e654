package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/filelock"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// errBusy says that another process of this desk is moving the mail.
var errBusy = errors.New("another process of this desk is at work")

const (
	// pollEvery is how often a serving desk looks without being woken.
	pollEvery = 30 * time.Second
	// maintainEvery is how often a serving desk looks after its keys.
	maintainEvery = time.Hour
	// backoffMost bounds the wait between attempts to reach the broker.
	backoffMost = time.Minute
)

// Sync makes one pass over everything that waits: the directory and the log,
// the inbox of every authority, the outbox, and receipts. What has to wait for
// the broker stays and is no error but for the reason returned.
//
// An error that wraps [verify.ErrMisbehaviour] means that the log was forked:
// nothing is trusted any more until an auditor has looked at the incident.
func (d *Desk) Sync(ctx context.Context) error {
	lock, err := d.claim()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // it ends with the process in any case
	if err := d.halted(ctx); err != nil {
		return err
	}
	lacking := error(nil)
	for _, step := range []func(context.Context) error{
		// A desk that is locked out can have learnt of the party's new key from a file.
		d.settle, d.adoptParty, d.followLog, d.compareDaily, d.adoptParty,
		func(ctx context.Context) (err error) {
			lacking, err = d.pumpInboxes(ctx)
			return err
		},
		d.pumpOutbox, d.pumpConfirmations, d.pumpReceipts, d.readClocks, d.refreshLines, d.anchorLog,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return lacking
}

// pumpInboxes takes what waits for every authority. Lacking says for which of them
// it must stay with the broker, because a key is not here: that keeps nobody else's
// mail waiting.
func (d *Desk) pumpInboxes(ctx context.Context) (lacking, err error) {
	authorities, err := d.Authorities()
	if err != nil {
		return nil, err
	}
	for _, authority := range authorities {
		if _, err := d.Directory().Authority(authority); err != nil {
			continue // not admitted yet
		}
		err := d.pumpInbox(ctx, authority)
		if errors.Is(err, ErrNoKey) {
			lacking = errors.Join(lacking, fmt.Errorf("what waits for %s cannot be opened and stays with the broker: %w", authority, lackingKey(err)))
			continue
		}
		if err != nil {
			return lacking, err
		}
	}
	return lacking, nil
}

// Checkpoint returns the text of the newest checkpoint that the desk has
// verified (c2sp.org/tlog-checkpoint).
func (d *Desk) Checkpoint(ctx context.Context) (text string, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		seen, _, err := r.Seen(ctx)
		text = textOf(seen)
		return err
	})
	return text, err
}

// textOf returns what is signed of a stored checkpoint; databases of old hold
// no more than that.
func textOf(seen []byte) string {
	text, _, signed := strings.Cut(string(seen), "\n\n")
	if signed {
		text += "\n"
	}
	return text
}

// claim takes the lock of whoever moves this desk's mail.
func (d *Desk) claim() (*filelock.Lock, error) {
	lock, err := filelock.Try(filepath.Join(d.home, pumpLock))
	if errors.Is(err, filelock.ErrHeld) {
		return nil, errBusy
	}
	if err != nil {
		return nil, fmt.Errorf("claiming the mail: %w", err)
	}
	return lock, nil
}

// Run synchronises until ctx ends: when the broker announces something, and
// every so often without. It waits longer and longer while the broker cannot
// be reached.
func (d *Desk) Run(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	d.listen(ctx, wake)
	go d.runUploads(ctx)
	go d.runFetches(ctx)
	maintained := time.Time{}
	for wait := time.Duration(0); ; {
		err := d.Sync(ctx)
		switch {
		case errors.Is(err, verify.ErrMisbehaviour):
			return err
		case err == nil, errors.Is(err, errBusy):
			wait = 0
			if now := d.now(); now.Sub(maintained) >= maintainEvery {
				maintained = now
				if err := d.Maintain(ctx); err != nil {
					d.Log.Warn("looking after the keys", "err", err)
				}
			}
		case ctx.Err() == nil:
			d.Log.Warn("synchronising", "err", err)
			wait = min(backoffMost, max(time.Second, 2*wait))
		}
		timer := time.NewTimer(pollEvery)
		if wait > 0 {
			timer.Reset(jittered(wait))
		}
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-wake:
		}
		timer.Stop()
	}
}

// jittered spreads waits out, so that many desks do not come back at once.
func jittered(wait time.Duration) time.Duration {
	return wait/2 + rand.N(wait) //nolint:gosec // nothing depends on it being unpredictable
}

// listen keeps an event stream for every authority and wakes the desk.
func (d *Desk) listen(ctx context.Context, wake chan<- struct{}) {
	authorities, err := d.Authorities()
	if err != nil {
		d.Log.Warn("reading the authorities", "err", err)
		return
	}
	ring := func() {
		select {
		case wake <- struct{}{}:
		default: // it is about to look anyway
		}
	}
	for _, authority := range authorities {
		go func() {
			for wait := time.Second; ctx.Err() == nil; wait = min(backoffMost, 2*wait) {
				var after int64
				if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
					after, err = r.Cursor(ctx, authority)
					return err
				}); err == nil {
					err = d.client.Events(ctx, authority, after, func() { wait = time.Second; ring() })
					d.Log.Debug("event stream ended", "err", err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(jittered(wait)):
				}
			}
		}()
	}
}

// Reached returns when the broker last answered this process with a checkpoint
// that it has signed; the zero time for not yet.
func (d *Desk) Reached() time.Time {
	if at := d.reached.Load(); at > 0 {
		return time.Unix(at, 0).UTC()
	}
	return time.Time{}
}

// followLog fetches the newest checkpoint, checks that it extends what the
// desk has seen, and brings the directory up to date.
func (d *Desk) followLog(ctx context.Context) error {
	checkpoint, signed, err := d.fetchCheckpoint(ctx)
	if err != nil {
		return err
	}
	d.reached.Store(d.now().Unix())
	if err := d.observe(ctx, checkpoint, signed); err != nil {
		return err
	}
	if err := d.proveSnapshot(ctx); err != nil {
		return err
	}
	d.cosign(ctx, checkpoint, signed)
	if err := d.freshen(ctx, signed); err != nil {
		return err
	}
	return d.followDirectory(ctx)
}

// fetchCheckpoint fetches the broker's newest checkpoint and verifies its
// signature.
func (d *Desk) fetchCheckpoint(ctx context.Context) (checkpoint translog.Checkpoint, signed []byte, err error) {
	if signed, err = d.client.Fetch(ctx, "checkpoint"); err != nil {
		return checkpoint, nil, fmt.Errorf("%w: %w", errLater, err)
	}
	if checkpoint, err = d.trust.Checkpoint(signed); err != nil {
		return checkpoint, nil, d.incident(ctx, err, signed, nil)
	}
	return checkpoint, signed, nil
}

// observe checks a verified checkpoint that the broker has shown against the
// newest that the desk has seen, and keeps the larger. evidence is the text that
// carried it: the signed checkpoint, or a receipt.
func (d *Desk) observe(ctx context.Context, checkpoint translog.Checkpoint, evidence []byte) error {
	seen, last, err := d.agrees(ctx, checkpoint, evidence)
	if err != nil {
		return err
	}
	signed := signedIn(evidence)
	if checkpoint.Size > seen.Size {
		last = signed
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		before, err := freshAt(ctx, w)
		if err != nil {
			return err
		}
		return w.PutSeen(ctx, last, d.vouchedAt(signed, before).Unix())
	})
}

// agrees checks that a verified checkpoint and the newest that the desk has seen
// are of one history, and returns the latter and its text. Two histories are an
// incident.
func (d *Desk) agrees(ctx context.Context, checkpoint translog.Checkpoint, evidence []byte) (seen translog.Checkpoint, last []byte, err error) {
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		last, _, err = r.Seen(ctx)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}); err != nil {
		return seen, nil, err
	}
	if last != nil {
		if seen, err = translog.ParseCheckpoint(textOf(last)); err != nil {
			return seen, nil, fmt.Errorf("the stored checkpoint is damaged: %w", err)
		}
	}
	err = d.trust.Extends(ctx, seen, checkpoint, d.client.Fetch)
	if errors.Is(err, verify.ErrMisbehaviour) {
		d.proveFork(ctx, seen, checkpoint, last, evidence)
		return seen, nil, d.incident(ctx, fmt.Errorf("%w: %w", errFork, err), last, evidence)
	}
	if err != nil {
		return seen, nil, fmt.Errorf("%w: %w", errLater, err)
	}
	return seen, last, nil
}

// signedIn returns the signed checkpoint that a text is or carries.
func signedIn(evidence []byte) []byte {
	if r, err := translog.ParseReceipt(evidence); err == nil {
		return r.Checkpoint
	}
	if i, err := translog.ParseInclusion(evidence); err == nil {
		return i.Checkpoint
	}
	return evidence
}

// followDirectory fetches and verifies new statements.
func (d *Desk) followDirectory(ctx context.Context) error {
	if err := d.readDirectory(ctx); err != nil { // what another process has fetched
		return err
	}
	var served []wire.Statement
	page := func(ctx context.Context, after int64) (wire.Statements, error) {
		all, err := d.client.Statements(ctx, after)
		served = all.Items
		return all, err
	}
	dir, err := d.trust.Follow(ctx, d.Directory(), page, func(s wire.Statement, next *directory.Directory) error {
		return d.db.Write(ctx, func(w store.DeskWriter) error {
			if err := w.PutPublished(ctx, store.Published{
				Index: s.Index, Text: []byte(s.Statement), Signature: s.Signature, Receipt: []byte(s.Receipt),
			}); err != nil {
				return err
			}
			if err := d.record(ctx, w, "directory statement taken", fmt.Sprint(s.Index)); err != nil {
				return err
			}
			return d.watch(ctx, w, s, next)
		})
	})
	d.mu.Lock()
	d.dir = dir
	d.mu.Unlock()
	if errors.Is(err, verify.ErrMisbehaviour) {
		return d.incident(ctx, err, firstFrom(served, dir.Size()), nil)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errLater, err)
	}
	return nil
}

// pumpConfirmations hands our own receipts to the broker.
func (d *Desk) pumpConfirmations(ctx context.Context) error {
	var unsent []store.Confirmation
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		unsent, err = r.Unsent(ctx)
		return err
	}); err != nil {
		return err
	}
	for _, c := range unsent {
		signed := message.SignedReceipt{Receipt: string(c.Text), Signature: c.Signature}
		proof, err := d.client.Acknowledge(ctx, signed)
		if outdated(err) {
			if c, err = d.signAnew(ctx, c); err != nil {
				return err
			}
			signed = message.SignedReceipt{Receipt: string(c.Text), Signature: c.Signature}
			proof, err = d.client.Acknowledge(ctx, signed)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errLater, err)
		}
		_, a, err := d.trust.Delivery(signed, []byte(proof), d.Directory())
		if err != nil {
			return d.incident(ctx, err, c.Text, []byte(proof))
		}
		c.Proof, c.Index = []byte(proof), a.Index
		if err := d.db.Write(ctx, func(w store.DeskWriter) error {
			if err := w.PutConfirmation(ctx, c); err != nil {
				return err
			}
			return d.record(ctx, w, "receipt logged by the broker", c.Kind+" "+c.Message)
		}); err != nil {
			return err
		}
	}
	return nil
}

// page bounds what is read of the case file at a time.
const page = 256

// readClocks asks the broker for the clocks of cases that have moved since
// they were last asked for.
func (d *Desk) readClocks(ctx context.Context) error {
	for {
		var moved []store.CaseRef
		if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
			moved, err = r.Stale(ctx, page)
			return err
		}); err != nil {
			return err
		}
		for _, c := range moved {
			known, err := d.client.Case(ctx, c.ID, c.Index)
			if err != nil {
				return fmt.Errorf("%w: %w", errLater, err)
			}
			clocks, err := json.Marshal(known.Clocks)
			if err != nil {
				return err
			}
			if err := d.db.Write(ctx, func(w store.DeskWriter) error { return w.PutClocks(ctx, c, clocks) }); err != nil {
				return err
			}
		}
		if len(moved) < page {
			return nil
		}
	}
}

// clocksOf returns what the broker last said of a case's clocks.
func clocksOf(ctx context.Context, r store.DeskReader, id string) ([]wire.Clock, error) {
	clocks := []wire.Clock{}
	data, err := r.Clocks(ctx, id)
	if err != nil || len(data) == 0 {
		return clocks, err
	}
	return clocks, json.Unmarshal(data, &clocks)
}
