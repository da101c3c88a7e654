package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// messageOf returns an accepted message to one of its parties.
func messageOf(ctx context.Context, r store.Reader, callers []directory.Authority, id string) (store.Message, error) {
	row, err := r.Message(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !party(callers, row.From, row.To) {
		return row, problem.New(problem.NotFound, "id", "No such message was sent by or to this authority.")
	}
	return row, err
}

// Message returns an accepted message with its receipt to one of its parties.
func (b *Broker) Message(ctx context.Context, callers []directory.Authority, id string) (wire.Delivery, error) {
	var d wire.Delivery
	err := b.Store.Read(ctx, func(r store.Reader) error {
		row, err := messageOf(ctx, r, callers, id)
		if err != nil {
			return err
		}
		m := message.Message{HeaderText: string(row.Header), Signature: row.Signature, Payload: row.Payload}
		if d.Message, err = m.Wire(); err != nil {
			return err
		}
		receipt, err := readReceipt(ctx, r, row.Index)
		d.Receipt = string(receipt)
		return unsigned(err)
	})
	return d, err
}

// party reports whether one of the callers is one of the two authorities.
func party(callers []directory.Authority, from, to string) bool {
	return slices.ContainsFunc(callers, func(a directory.Authority) bool {
		return a.Statement.ID == from || a.Statement.ID == to
	})
}

// unsigned turns the absence of a covering checkpoint into a refusal: the
// entry is committed, and its checkpoint is a moment away.
func unsigned(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return problem.Wrap(problem.Overloaded, "", "The entry is not covered by a checkpoint yet.", err)
	}
	return err
}

// Inbox returns what the log holds for the authority behind a cursor, as far
// as it is covered by a signed checkpoint, and the newest statement of how many
// items that is altogether.
func (b *Broker) Inbox(ctx context.Context, authority string, after int64, limit int) (wire.Inbox, error) {
	in := wire.Inbox{Items: []wire.InboxItem{}}
	b.stateMailbox(ctx, authority)
	err := b.Store.Read(ctx, func(r store.Reader) error {
		cp, err := r.LatestCheckpoint(ctx)
		if err != nil {
			return unsigned(err)
		}
		stated, err := mailboxReceipt(ctx, r, authority, cp.Size)
		if err != nil {
			return err
		}
		in.Mailbox = string(stated)
		rows, err := r.Inbox(ctx, authority, after, limit+1)
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(i store.InboxItem) bool { return i.Index >= cp.Size })
		in.More = len(rows) > limit
		for _, row := range rows[:min(limit, len(rows))] {
			item, err := inboxItem(ctx, r, row)
			if err != nil {
				return err
			}
			in.Items = append(in.Items, item)
		}
		return nil
	})
	return in, err
}

// inboxItem completes an item with what its kind carries.
func inboxItem(ctx context.Context, r store.Reader, row store.InboxItem) (wire.InboxItem, error) {
	item := wire.InboxItem{Index: row.Index, Kind: row.Kind, Ref: row.Ref}
	if row.Kind == kindMessage {
		return item, nil
	}
	if row.Kind == kindReceipt {
		receipt, err := r.Receipt(ctx, row.Index)
		if err != nil {
			return item, fmt.Errorf("reading receipt %d: %w", row.Index, err)
		}
		item.Signed = &message.SignedReceipt{Receipt: string(receipt.Text), Signature: receipt.Signature}
	}
	proof, err := readReceipt(ctx, r, row.Index)
	item.Receipt = string(proof)
	return item, err
}

// Newest returns the index of the newest item addressed to the authority that
// a checkpoint covers, or the cursor if nothing lies behind it.
func (b *Broker) Newest(ctx context.Context, authority string, after int64) (int64, error) {
	err := b.Store.Read(ctx, func(r store.Reader) error {
		cp, err := r.LatestCheckpoint(ctx)
		if err != nil {
			return unsigned(err)
		}
		rows, err := r.Inbox(ctx, authority, after, wire.MaxPage)
		for _, row := range rows {
			if row.Index < cp.Size {
				after = max(after, row.Index)
			}
		}
		return err
	})
	return after, err
}

// Subscribe returns a channel that receives, coalesced, whenever the log or
// its checkpoint may have moved, and a function that ends it.
func (b *Broker) Subscribe() (<-chan struct{}, func()) { return b.wakes.subscribe() }

// Stopped is closed when the broker begins to stop.
func (b *Broker) Stopped() <-chan struct{} { return b.stopped.Done() }

// Sent returns the authority's accepted messages to another, by number.
func (b *Broker) Sent(ctx context.Context, from, to string, after int64, limit int) (wire.Sent, error) {
	sent := wire.Sent{Items: []wire.SentItem{}}
	err := b.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.Sent(ctx, store.Pair{From: from, To: to}, after, limit+1)
		if err != nil {
			return err
		}
		sent.More = len(rows) > limit
		for _, m := range rows[:min(limit, len(rows))] {
			sent.Items = append(sent.Items, wire.SentItem{ID: m.ID, Case: m.Case, Seq: m.Seq, Digest: m.Digest, Index: m.Index})
		}
		return nil
	})
	return sent, err
}

// Case returns what the broker knows of a case to one of its parties.
func (b *Broker) Case(ctx context.Context, callers []directory.Authority, id string, after int64, limit int) (wire.Case, error) {
	out := wire.Case{Clocks: []wire.Clock{}, Messages: []wire.CaseItem{}}
	err := b.Store.Read(ctx, func(r store.Reader) error {
		cases, err := r.Cases(ctx, []string{id})
		if err != nil {
			return err
		}
		c, ok := cases[id]
		if !ok || !party(callers, c.Requesting, c.Requested) {
			return problem.New(problem.NotFound, "id", "The authority has no such case.")
		}
		out.Case, out.Requesting, out.Requested = c.ID, c.Requesting, c.Requested
		out.Opening, out.Lane, out.Stage, out.Opened = c.Opening, c.Lane, c.Stage, rfc3339(c.OpenedAt)
		clocks, err := r.Clocks(ctx, []string{id})
		if err != nil {
			return err
		}
		for _, k := range clocks[id] {
			out.Clocks = append(out.Clocks, wire.Clock{Name: k.Name, Due: rfc3339(k.Due), State: k.State})
		}
		rows, err := r.CaseMessages(ctx, id, after, limit+1)
		if err != nil {
			return err
		}
		out.More = len(rows) > limit
		for _, m := range rows[:min(limit, len(rows))] {
			out.Messages = append(out.Messages, wire.CaseItem{
				ID: m.ID, From: m.From, To: m.To, Act: m.Act, Stage: m.Stage, Digest: m.Digest, Index: m.Index,
			})
		}
		return nil
	})
	return out, err
}

func rfc3339(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// Statements returns directory statements with their receipts, in log order.
func (b *Broker) Statements(ctx context.Context, after int64, limit int) (wire.Statements, error) {
	out := wire.Statements{Items: []wire.Statement{}}
	err := b.Store.Read(ctx, func(r store.Reader) error {
		cp, err := r.LatestCheckpoint(ctx)
		if err != nil {
			return unsigned(err)
		}
		rows, err := r.Statements(ctx, after, limit+1)
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(s store.Statement) bool { return s.Index >= cp.Size })
		out.More = len(rows) > limit
		for _, s := range rows[:min(limit, len(rows))] {
			receipt, err := readReceipt(ctx, r, s.Index)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, wire.Statement{
				Index: s.Index, Statement: string(s.Text), Signature: s.Signature, Receipt: string(receipt),
			})
		}
		return nil
	})
	return out, err
}

// Checkpoint returns the newest signed checkpoint, with the cosignatures that
// it has got so far.
func (b *Broker) Checkpoint(ctx context.Context) (note []byte, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		cp, err := r.LatestCheckpoint(ctx)
		if err != nil {
			return unsigned(err)
		}
		note, err = cosigned(ctx, r, cp)
		return err
	})
	return note, err
}

// Tile returns the bytes at a path of the log: tile/<L>/<N>[.p/<W>] or
// tile/entries/<N>[.p/<W>] (c2sp.org/tlog-tiles). Nothing beyond the newest
// signed checkpoint is served.
func (b *Broker) Tile(ctx context.Context, path string) (tile []byte, err error) {
	p, err := translog.ParsePath(path)
	if err != nil {
		return nil, problem.New(problem.NotFound, "path", "This is not the path of a tile.")
	}
	err = b.Store.Read(ctx, func(r store.Reader) error {
		cp, err := r.LatestCheckpoint(ctx)
		if err != nil {
			return unsigned(err)
		}
		if !p.Within(cp.Size) {
			return problem.New(problem.NotFound, "path", "The log has no such tile yet.")
		}
		if p.Entries {
			leaves, err := r.Leaves(ctx, p.From(), p.To())
			tile = translog.Bundle(leaves)
			return err
		}
		hashes, err := r.Hashes(ctx, p.Level, p.From(), p.To())
		for _, h := range hashes {
			tile = append(tile, h[:]...)
		}
		return err
	})
	return tile, err
}
