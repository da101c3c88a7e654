package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// A writer reads and appends within one transaction, which holds the head row.
// It implements [store.Writer].
type writer struct {
	view
	turn     turn
	head     store.Head // when the transaction began
	appended bool
	first    [32]byte // leaf hash of the first entry appended
}

// Head implements [store.Reader]. It was read when its row was locked.
func (w *writer) Head(ctx context.Context) (store.Head, error) {
	if w.appended {
		return w.view.Head(ctx)
	}
	return w.head, nil
}

// Append implements [store.Writer].
func (w *writer) Append(ctx context.Context, b store.Batch) error {
	if w.appended {
		return errors.New("postgres: a batch has been appended already")
	}
	if err := b.Dense(); err != nil {
		return err
	}
	if b.Before.Size != w.head.Size || string(b.Before.Frontier) != string(w.head.Frontier) {
		return store.ErrFenced
	}
	w.appended, w.first = true, b.Entries[0].LeafHash
	for _, insert := range []func(context.Context, store.Batch) error{
		w.insertLog, w.insertMessages, w.insertCases, w.insertReceipts, w.use, w.hold, w.insertLatest, w.erase,
	} {
		if err := insert(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// insert runs one statement for all items, whose columns are arrays.
func insert[T any](ctx context.Context, w *writer, what, query string, items []T, columns func([]T) []any) error {
	if len(items) == 0 {
		return nil
	}
	if _, err := w.tx.ExecContext(ctx, query, columns(items)...); err != nil {
		return fmt.Errorf("postgres: inserting %s: %w", what, err)
	}
	return nil
}

func (w *writer) insertLog(ctx context.Context, b store.Batch) error {
	if _, err := w.tx.ExecContext(ctx, `WITH head AS (UPDATE log_head SET size = $1, frontier = $2, touched = touched + 1),
		told AS (SELECT `+announce+`)
		INSERT INTO log_entry (idx, leaf, leaf_hash, salt, body)
		SELECT e.* FROM told, unnest($3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[]) AS e`,
		b.After.Size, store.Blob(b.After.Frontier),
		integers(b.Entries, func(e store.Entry) int64 { return e.Index }),
		blobs(b.Entries, func(e store.Entry) []byte { return e.Leaf }),
		blobs(b.Entries, func(e store.Entry) []byte { return e.LeafHash[:] }),
		optional(b.Entries, func(e store.Entry) []byte { return e.Salt }),
		optional(b.Entries, func(e store.Entry) []byte { return e.Body }),
	); err != nil {
		return fmt.Errorf("postgres: inserting entries: %w", err)
	}
	return insert(ctx, w, "nodes", `INSERT INTO log_node (level, idx, hash)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`, b.Nodes, func(n []store.Node) []any {
		return []any{
			integers(n, func(n store.Node) int64 { return int64(n.Level) }),
			integers(n, func(n store.Node) int64 { return n.Index }),
			blobs(n, func(n store.Node) []byte { return n.Hash[:] }),
		}
	})
}

func (w *writer) insertMessages(ctx context.Context, b store.Batch) error {
	return insert(ctx, w, "messages", `INSERT INTO message (id, case_id, sender, recipient, act, lane, stage, digest, seq, idx,
		accepted_at_unix, header, signature, payload)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
			$9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[], $13::bytea[], $14::bytea[])`,
		b.Messages, func(m []store.Message) []any {
			return []any{
				texts(m, func(m store.Message) string { return m.ID }),
				texts(m, func(m store.Message) string { return m.Case }),
				texts(m, func(m store.Message) string { return m.From }),
				texts(m, func(m store.Message) string { return m.To }),
				texts(m, func(m store.Message) string { return m.Act }),
				texts(m, func(m store.Message) string { return m.Lane }),
				texts(m, func(m store.Message) string { return m.Stage }),
				texts(m, func(m store.Message) string { return m.Digest }),
				integers(m, func(m store.Message) int64 { return m.Seq }),
				integers(m, func(m store.Message) int64 { return m.Index }),
				integers(m, func(m store.Message) int64 { return m.AcceptedAt }),
				blobs(m, func(m store.Message) []byte { return m.Header }),
				blobs(m, func(m store.Message) []byte { return m.Signature }),
				blobs(m, func(m store.Message) []byte { return m.Payload }),
			}
		})
}

func (w *writer) insertCases(ctx context.Context, b store.Batch) error {
	if err := insert(ctx, w, "cases", `INSERT INTO case_state (id, requesting, requested, opening, lane, stage, handed,
		opened_at_unix, last_by_requesting_unix, idx)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
			$8::bigint[], $9::bigint[], $10::bigint[])
		ON CONFLICT (id) DO UPDATE SET requesting = excluded.requesting, requested = excluded.requested,
			opening = excluded.opening, lane = excluded.lane, stage = excluded.stage, handed = excluded.handed,
			opened_at_unix = excluded.opened_at_unix, last_by_requesting_unix = excluded.last_by_requesting_unix,
			idx = excluded.idx`, b.Cases, func(c []store.Case) []any {
		return []any{
			texts(c, func(c store.Case) string { return c.ID }),
			texts(c, func(c store.Case) string { return c.Requesting }),
			texts(c, func(c store.Case) string { return c.Requested }),
			texts(c, func(c store.Case) string { return c.Opening }),
			texts(c, func(c store.Case) string { return c.Lane }),
			texts(c, func(c store.Case) string { return c.Stage }),
			booleans(c, func(c store.Case) bool { return c.Handed }),
			integers(c, func(c store.Case) int64 { return c.OpenedAt }),
			integers(c, func(c store.Case) int64 { return c.LastByRequesting }),
			integers(c, func(c store.Case) int64 { return c.Index }),
		}
	}); err != nil {
		return err
	}
	if err := insert(ctx, w, "pairs", `INSERT INTO pair_head (sender, recipient, seq, digest)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
		ON CONFLICT (sender, recipient) DO UPDATE SET seq = excluded.seq, digest = excluded.digest`,
		b.Heads, func(h []store.PairHead) []any {
			return []any{
				texts(h, func(h store.PairHead) string { return h.From }),
				texts(h, func(h store.PairHead) string { return h.To }),
				integers(h, func(h store.PairHead) int64 { return h.Seq }),
				texts(h, func(h store.PairHead) string { return h.Digest }),
			}
		}); err != nil {
		return err
	}
	return w.insertClocks(ctx, b.Clocks)
}

func (w *writer) insertClocks(ctx context.Context, clocks []store.Clock) error {
	return insert(ctx, w, "clocks", `INSERT INTO clock (case_id, name, due_unix, state)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
		ON CONFLICT (case_id, name) DO UPDATE SET due_unix = excluded.due_unix, state = excluded.state`,
		clocks, func(c []store.Clock) []any {
			return []any{
				texts(c, func(c store.Clock) string { return c.Case }),
				texts(c, func(c store.Clock) string { return c.Name }),
				integers(c, func(c store.Clock) int64 { return c.Due }),
				texts(c, func(c store.Clock) string { return c.State }),
			}
		})
}

func (w *writer) insertReceipts(ctx context.Context, b store.Batch) error {
	if err := insert(ctx, w, "receipts", `INSERT INTO receipt (digest, kind, message_id, case_id, authority, text, signature, idx)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[])`,
		b.Receipts, func(r []store.Receipt) []any {
			return []any{
				texts(r, func(r store.Receipt) string { return r.Digest }),
				texts(r, func(r store.Receipt) string { return r.Kind }),
				texts(r, func(r store.Receipt) string { return r.Message }),
				texts(r, func(r store.Receipt) string { return r.Case }),
				texts(r, func(r store.Receipt) string { return r.By }),
				blobs(r, func(r store.Receipt) []byte { return r.Text }),
				blobs(r, func(r store.Receipt) []byte { return r.Signature }),
				integers(r, func(r store.Receipt) int64 { return r.Index }),
			}
		}); err != nil {
		return err
	}
	if err := insert(ctx, w, "statements", `INSERT INTO statement (idx, digest, subject, number, text, signature)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[])`,
		b.Statements, func(s []store.Statement) []any {
			return []any{
				integers(s, func(s store.Statement) int64 { return s.Index }),
				texts(s, func(s store.Statement) string { return s.Digest }),
				texts(s, func(s store.Statement) string { return s.Subject }),
				integers(s, func(s store.Statement) int64 { return s.Number }),
				blobs(s, func(s store.Statement) []byte { return s.Text }),
				blobs(s, func(s store.Statement) []byte { return s.Signature }),
			}
		}); err != nil {
		return err
	}
	return insert(ctx, w, "inbox items", `INSERT INTO inbox (authority, idx, kind, ref)
		SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])`, b.Inbox, func(i []store.InboxItem) []any {
		return []any{
			texts(i, func(i store.InboxItem) string { return i.Authority }),
			integers(i, func(i store.InboxItem) int64 { return i.Index }),
			texts(i, func(i store.InboxItem) string { return i.Kind }),
			texts(i, func(i store.InboxItem) string { return i.Ref }),
		}
	})
}

func (w *writer) insertLatest(ctx context.Context, b store.Batch) error {
	return insert(ctx, w, "the newest entries", `INSERT INTO log_latest (kind, subject, idx)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
		ON CONFLICT (kind, subject) DO UPDATE SET idx = excluded.idx`, b.Latest, func(l []store.Latest) []any {
		return []any{
			texts(l, func(l store.Latest) string { return l.Kind }),
			texts(l, func(l store.Latest) string { return l.Subject }),
			integers(l, func(l store.Latest) int64 { return l.Index }),
		}
	})
}

// hold places and lifts legal holds.
func (w *writer) hold(ctx context.Context, b store.Batch) error {
	return insert(ctx, w, "holds", `WITH h AS (
			SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS h (case_id, basis, placed_by, since_unix)),
		lifted AS (DELETE FROM legal_hold USING h WHERE legal_hold.case_id = h.case_id AND h.basis = '')
		INSERT INTO legal_hold (case_id, basis, placed_by, since_unix) SELECT * FROM h WHERE basis <> ''
		ON CONFLICT (case_id) DO UPDATE SET basis = excluded.basis, placed_by = excluded.placed_by, since_unix = excluded.since_unix`,
		b.Holds, func(h []store.Hold) []any {
			return []any{
				texts(h, func(h store.Hold) string { return h.Case }),
				texts(h, func(h store.Hold) string { return h.Basis }),
				texts(h, func(h store.Hold) string { return h.By }),
				integers(h, func(h store.Hold) int64 { return h.Since }),
			}
		})
}

// erase destroys the private halves of entries and the rows of cases.
func (w *writer) erase(ctx context.Context, b store.Batch) error {
	if err := insert(ctx, w, "erasures", `UPDATE log_entry SET salt = NULL, body = NULL, erased_by = e.by
		FROM unnest($1::bigint[], $2::bigint[]) AS e (idx, by) WHERE log_entry.idx = e.idx`,
		b.Erased, func(e []store.Erased) []any {
			return []any{
				integers(e, func(e store.Erased) int64 { return e.Index }), integers(e, func(e store.Erased) int64 { return e.By }),
			}
		}); err != nil {
		return err
	}
	for _, query := range []string{
		`UPDATE evidence_upload SET at_unix = 0 WHERE manifest IN (SELECT u.manifest FROM evidence_use u
			JOIN message m ON m.id = u.message_id WHERE m.case_id = ANY ($1::text[]))`,
		`DELETE FROM evidence_use WHERE message_id IN (SELECT id FROM message WHERE case_id = ANY ($1::text[]))`,
		`DELETE FROM inbox WHERE ref = ANY ($1::text[]) OR ref IN (SELECT id FROM message WHERE case_id = ANY ($1::text[]))`,
		`DELETE FROM receipt WHERE case_id = ANY ($1::text[])`,
		`DELETE FROM message WHERE case_id = ANY ($1::text[])`,
		`DELETE FROM clock WHERE case_id = ANY ($1::text[])`,
		`DELETE FROM case_state WHERE id = ANY ($1::text[])`,
	} {
		if err := insert(ctx, w, "erasures", query, b.ErasedCases, func(ids []string) []any { return []any{keys(ids)} }); err != nil {
			return err
		}
	}
	return nil
}
