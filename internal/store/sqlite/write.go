package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// A writer appends within one transaction. It implements [store.Writer].
type writer struct {
	view
	appended bool
}

// Append implements [store.Writer].
func (w *writer) Append(ctx context.Context, b store.Batch) error {
	if w.appended {
		return errors.New("sqlite: a batch has been appended already")
	}
	if err := b.Dense(); err != nil {
		return err
	}
	res, err := w.tx.ExecContext(ctx, `UPDATE log_head SET size = ?1, frontier = ?2, touched = touched + 1
		WHERE size = ?3 AND frontier = ?4`, b.After.Size, store.Blob(b.After.Frontier), b.Before.Size, store.Blob(b.Before.Frontier))
	if err != nil {
		return fmt.Errorf("sqlite: moving the head: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(store.ErrFenced, err)
	}
	w.appended = true
	for _, insert := range []func(context.Context, store.Batch) error{
		w.insertLog, w.insertMessages, w.insertCases, w.insertReceipts, w.insertInbox, w.use, w.hold, w.insertLatest, w.erase,
	} {
		if err := insert(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// each runs one prepared statement for every item.
func each[T any](ctx context.Context, w *writer, what, query string, items []T, args func(T) []any) error {
	if len(items) == 0 {
		return nil
	}
	stmt, err := w.tx.PrepareContext(ctx, query)
	if err != nil {
		return fmt.Errorf("sqlite: inserting %s: %w", what, err)
	}
	defer func() { _ = stmt.Close() }() // it ends with the transaction in any case
	for _, item := range items {
		if _, err := stmt.ExecContext(ctx, args(item)...); err != nil {
			return fmt.Errorf("sqlite: inserting %s: %w", what, err)
		}
	}
	return nil
}

func (w *writer) insertLog(ctx context.Context, b store.Batch) error {
	if err := each(ctx, w, "entries", `INSERT INTO log_entry (idx, leaf, leaf_hash, salt, body) VALUES (?1, ?2, ?3, ?4, ?5)`,
		b.Entries, func(e store.Entry) []any { return []any{e.Index, e.Leaf, e.LeafHash[:], e.Salt, e.Body} }); err != nil {
		return err
	}
	return each(ctx, w, "nodes", `INSERT INTO log_node (level, idx, hash) VALUES (?1, ?2, ?3)`,
		b.Nodes, func(n store.Node) []any { return []any{n.Level, n.Index, n.Hash[:]} })
}

func (w *writer) insertMessages(ctx context.Context, b store.Batch) error {
	return each(ctx, w, "messages", `INSERT INTO message (id, case_id, sender, recipient, act, lane, stage, seq, digest,
		header, signature, payload, idx, accepted_at_unix)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)`,
		b.Messages, func(m store.Message) []any {
			return []any{
				m.ID, m.Case, m.From, m.To, m.Act, m.Lane, m.Stage, m.Seq, m.Digest,
				store.Blob(m.Header), store.Blob(m.Signature), store.Blob(m.Payload), m.Index, m.AcceptedAt,
			}
		})
}

func (w *writer) insertCases(ctx context.Context, b store.Batch) error {
	if err := each(ctx, w, "cases", `INSERT OR REPLACE INTO case_state (id, requesting, requested, opening, lane, stage,
		handed, opened_at_unix, last_by_requesting_unix, idx) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
		b.Cases, func(c store.Case) []any {
			return []any{
				c.ID, c.Requesting, c.Requested, c.Opening, c.Lane, c.Stage, c.Handed, c.OpenedAt, c.LastByRequesting, c.Index,
			}
		}); err != nil {
		return err
	}
	if err := each(ctx, w, "pairs", `INSERT OR REPLACE INTO pair_head (sender, recipient, seq, digest)
		VALUES (?1, ?2, ?3, ?4)`, b.Heads, func(h store.PairHead) []any { return []any{h.From, h.To, h.Seq, h.Digest} }); err != nil {
		return err
	}
	return each(ctx, w, "clocks", `INSERT OR REPLACE INTO clock (case_id, name, due_unix, state) VALUES (?1, ?2, ?3, ?4)`,
		b.Clocks, func(c store.Clock) []any { return []any{c.Case, c.Name, c.Due, c.State} })
}

func (w *writer) insertReceipts(ctx context.Context, b store.Batch) error {
	if err := each(ctx, w, "receipts", `INSERT INTO receipt (digest, kind, message_id, case_id, authority, text, signature, idx)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`, b.Receipts, func(r store.Receipt) []any {
		return []any{r.Digest, r.Kind, r.Message, r.Case, r.By, store.Blob(r.Text), store.Blob(r.Signature), r.Index}
	}); err != nil {
		return err
	}
	return each(ctx, w, "statements", `INSERT INTO statement (idx, digest, subject, number, text, signature)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6)`, b.Statements, func(s store.Statement) []any {
		return []any{s.Index, s.Digest, s.Subject, s.Number, store.Blob(s.Text), store.Blob(s.Signature)}
	})
}

func (w *writer) insertInbox(ctx context.Context, b store.Batch) error {
	return each(ctx, w, "inbox items", `INSERT INTO inbox (authority, idx, kind, ref) VALUES (?1, ?2, ?3, ?4)`,
		b.Inbox, func(i store.InboxItem) []any { return []any{i.Authority, i.Index, i.Kind, i.Ref} })
}

func (w *writer) insertLatest(ctx context.Context, b store.Batch) error {
	return each(ctx, w, "the newest entries", `INSERT OR REPLACE INTO log_latest (kind, subject, idx) VALUES (?1, ?2, ?3)`,
		b.Latest, func(l store.Latest) []any { return []any{l.Kind, l.Subject, l.Index} })
}

// hold places and lifts legal holds.
func (w *writer) hold(ctx context.Context, b store.Batch) error {
	if err := each(ctx, w, "holds", `INSERT OR REPLACE INTO legal_hold (case_id, basis, placed_by, since_unix) VALUES (?1, ?2, ?3, ?4)`,
		b.Holds, func(h store.Hold) []any { return []any{h.Case, h.Basis, h.By, h.Since} }); err != nil {
		return err
	}
	return each(ctx, w, "holds", `DELETE FROM legal_hold WHERE case_id = ?1 AND basis = ''`, b.Holds, func(h store.Hold) []any { return []any{h.Case} })
}

// erase destroys the private halves of entries and the rows of cases.
func (w *writer) erase(ctx context.Context, b store.Batch) error {
	if err := each(ctx, w, "erasures", `UPDATE log_entry SET salt = NULL, body = NULL, erased_by = ?2 WHERE idx = ?1`,
		b.Erased, func(e store.Erased) []any { return []any{e.Index, e.By} }); err != nil {
		return err
	}
	for _, query := range []string{
		`UPDATE evidence_upload SET at_unix = 0 WHERE manifest IN (SELECT u.manifest FROM evidence_use u
			JOIN message m ON m.id = u.message_id WHERE m.case_id = ?1)`,
		`DELETE FROM evidence_use WHERE message_id IN (SELECT id FROM message WHERE case_id = ?1)`,
		`DELETE FROM inbox WHERE ref = ?1 OR ref IN (SELECT id FROM message WHERE case_id = ?1)`,
		`DELETE FROM receipt WHERE case_id = ?1`,
		`DELETE FROM message WHERE case_id = ?1`,
		`DELETE FROM clock WHERE case_id = ?1`,
		`DELETE FROM case_state WHERE id = ?1`,
	} {
		if err := each(ctx, w, "erasures", query, b.ErasedCases, func(id string) []any { return []any{id} }); err != nil {
			return err
		}
	}
	return nil
}
