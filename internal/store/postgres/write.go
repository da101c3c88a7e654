package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/lib/pq"

	"github.com/entraide/entraide/internal/store"
)

// A writer appends within one transaction. It implements [store.Writer].
type writer struct {
	view
	appended bool
	batch    store.Batch
}

// Append implements [store.Writer].
func (w *writer) Append(ctx context.Context, b store.Batch) error {
	if w.appended {
		return errors.New("postgres: a batch has been appended already")
	}
	if err := b.Dense(); err != nil {
		return err
	}
	res, err := w.tx.ExecContext(ctx, `UPDATE log_head SET size = $1, frontier = $2, touched = touched + 1
		WHERE size = $3 AND frontier = $4`, b.After.Size, blob(b.After.Frontier), b.Before.Size, blob(b.Before.Frontier))
	if err != nil {
		return fmt.Errorf("postgres: moving the head: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(store.ErrFenced, err)
	}
	w.appended, w.batch = true, b
	for _, insert := range []func(context.Context, store.Batch) error{
		w.insertLog, w.insertMessages, w.insertCases, w.insertReceipts, w.insertInbox,
	} {
		if err := insert(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// blob keeps an empty value from becoming NULL.
func blob(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// insert runs one statement that inserts all rows at once, a column to each
// parameter.
func (w *writer) insert(ctx context.Context, what string, rows int, query string, columns ...any) error {
	if rows == 0 {
		return nil
	}
	for i, c := range columns {
		columns[i] = pq.Array(c)
	}
	if _, err := w.tx.ExecContext(ctx, query, columns...); err != nil {
		return fmt.Errorf("postgres: inserting %s: %w", what, err)
	}
	return nil
}

// column picks one value of every row.
func column[T, V any](rows []T, pick func(T) V) []V {
	values := make([]V, len(rows))
	for i, row := range rows {
		values[i] = pick(row)
	}
	return values
}

func (w *writer) insertLog(ctx context.Context, b store.Batch) error {
	if err := w.insert(ctx, "entries", len(b.Entries), `
		INSERT INTO log_entry (idx, leaf, leaf_hash, salt, body)
		SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[])`,
		column(b.Entries, func(e store.Entry) int64 { return e.Index }),
		column(b.Entries, func(e store.Entry) []byte { return e.Leaf }),
		column(b.Entries, func(e store.Entry) []byte { return e.LeafHash[:] }),
		column(b.Entries, func(e store.Entry) []byte { return e.Salt }),
		column(b.Entries, func(e store.Entry) []byte { return e.Body })); err != nil {
		return err
	}
	return w.insert(ctx, "nodes", len(b.Nodes), `
		INSERT INTO log_node (level, idx, hash) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`,
		column(b.Nodes, func(n store.Node) int64 { return int64(n.Level) }),
		column(b.Nodes, func(n store.Node) int64 { return n.Index }),
		column(b.Nodes, func(n store.Node) []byte { return n.Hash[:] }))
}

func (w *writer) insertMessages(ctx context.Context, b store.Batch) error {
	m := b.Messages
	return w.insert(ctx, "messages", len(m), `
		INSERT INTO message (id, case_id, sender, recipient, act, lane, stage, seq, digest, header, signature, payload,
			idx, accepted_at_unix)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
			$8::bigint[], $9::text[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bigint[], $14::bigint[])`,
		column(m, func(m store.Message) string { return m.ID }),
		column(m, func(m store.Message) string { return m.Case }),
		column(m, func(m store.Message) string { return m.From }),
		column(m, func(m store.Message) string { return m.To }),
		column(m, func(m store.Message) string { return m.Act }),
		column(m, func(m store.Message) string { return m.Lane }),
		column(m, func(m store.Message) string { return m.Stage }),
		column(m, func(m store.Message) int64 { return m.Seq }),
		column(m, func(m store.Message) string { return m.Digest }),
		column(m, func(m store.Message) []byte { return blob(m.Header) }),
		column(m, func(m store.Message) []byte { return blob(m.Signature) }),
		column(m, func(m store.Message) []byte { return blob(m.Payload) }),
		column(m, func(m store.Message) int64 { return m.Index }),
		column(m, func(m store.Message) int64 { return m.AcceptedAt }))
}

func (w *writer) insertCases(ctx context.Context, b store.Batch) error {
	c := b.Cases
	if err := w.insert(ctx, "cases", len(c), `
		INSERT INTO case_state (id, requesting, requested, opening, lane, stage, handed, opened_at_unix,
			last_by_requesting_unix, idx)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
			$8::bigint[], $9::bigint[], $10::bigint[])
		ON CONFLICT (id) DO UPDATE SET stage = EXCLUDED.stage, handed = EXCLUDED.handed,
			last_by_requesting_unix = EXCLUDED.last_by_requesting_unix, idx = EXCLUDED.idx`,
		column(c, func(c store.Case) string { return c.ID }),
		column(c, func(c store.Case) string { return c.Requesting }),
		column(c, func(c store.Case) string { return c.Requested }),
		column(c, func(c store.Case) string { return c.Opening }),
		column(c, func(c store.Case) string { return c.Lane }),
		column(c, func(c store.Case) string { return c.Stage }),
		column(c, func(c store.Case) bool { return c.Handed }),
		column(c, func(c store.Case) int64 { return c.OpenedAt }),
		column(c, func(c store.Case) int64 { return c.LastByRequesting }),
		column(c, func(c store.Case) int64 { return c.Index })); err != nil {
		return err
	}
	if err := w.insert(ctx, "pairs", len(b.Heads), `
		INSERT INTO pair_head (sender, recipient, seq, digest)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
		ON CONFLICT (sender, recipient) DO UPDATE SET seq = EXCLUDED.seq, digest = EXCLUDED.digest`,
		column(b.Heads, func(h store.PairHead) string { return h.From }),
		column(b.Heads, func(h store.PairHead) string { return h.To }),
		column(b.Heads, func(h store.PairHead) int64 { return h.Seq }),
		column(b.Heads, func(h store.PairHead) string { return h.Digest })); err != nil {
		return err
	}
	return w.insert(ctx, "clocks", len(b.Clocks), `
		INSERT INTO clock (case_id, name, due_unix, state)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
		ON CONFLICT (case_id, name) DO UPDATE SET due_unix = EXCLUDED.due_unix, state = EXCLUDED.state`,
		column(b.Clocks, func(c store.Clock) string { return c.Case }),
		column(b.Clocks, func(c store.Clock) string { return c.Name }),
		column(b.Clocks, func(c store.Clock) int64 { return c.Due }),
		column(b.Clocks, func(c store.Clock) string { return c.State }))
}

func (w *writer) insertReceipts(ctx context.Context, b store.Batch) error {
	r := b.Receipts
	if err := w.insert(ctx, "receipts", len(r), `
		INSERT INTO receipt (digest, kind, message_id, case_id, authority, text, signature, idx)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[])`,
		column(r, func(r store.Receipt) string { return r.Digest }),
		column(r, func(r store.Receipt) string { return r.Kind }),
		column(r, func(r store.Receipt) string { return r.Message }),
		column(r, func(r store.Receipt) string { return r.Case }),
		column(r, func(r store.Receipt) string { return r.By }),
		column(r, func(r store.Receipt) []byte { return blob(r.Text) }),
		column(r, func(r store.Receipt) []byte { return blob(r.Signature) }),
		column(r, func(r store.Receipt) int64 { return r.Index })); err != nil {
		return err
	}
	s := b.Statements
	return w.insert(ctx, "statements", len(s), `
		INSERT INTO statement (idx, digest, subject, number, text, signature)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[])`,
		column(s, func(s store.Statement) int64 { return s.Index }),
		column(s, func(s store.Statement) string { return s.Digest }),
		column(s, func(s store.Statement) string { return s.Subject }),
		column(s, func(s store.Statement) int64 { return s.Number }),
		column(s, func(s store.Statement) []byte { return blob(s.Text) }),
		column(s, func(s store.Statement) []byte { return blob(s.Signature) }))
}

func (w *writer) insertInbox(ctx context.Context, b store.Batch) error {
	return w.insert(ctx, "inbox items", len(b.Inbox), `
		INSERT INTO inbox (authority, idx, kind, ref)
		SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])`,
		column(b.Inbox, func(i store.InboxItem) string { return i.Authority }),
		column(b.Inbox, func(i store.InboxItem) int64 { return i.Index }),
		column(b.Inbox, func(i store.InboxItem) string { return i.Kind }),
		column(b.Inbox, func(i store.InboxItem) string { return i.Ref }))
}
