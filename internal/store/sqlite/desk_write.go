package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// A deskWriter changes within one transaction. It implements
// [store.DeskWriter].
type deskWriter struct{ deskView }

// exec runs one statement.
func (w *deskWriter) exec(ctx context.Context, what, query string, args ...any) error {
	if _, err := w.tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("sqlite: writing %s: %w", what, err)
	}
	return nil
}

// PutPublished implements [store.DeskWriter]. Two processes of a desk may have
// fetched and verified the same entry.
func (w *deskWriter) PutPublished(ctx context.Context, p store.Published) error {
	return w.exec(ctx, "a statement", `INSERT INTO published (idx, text, signature, receipt) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (idx) DO NOTHING`,
		p.Index, blob(p.Text), blob(p.Signature), blob(p.Receipt))
}

// PutSeen implements [store.DeskWriter].
func (w *deskWriter) PutSeen(ctx context.Context, note []byte, freshAt int64) error {
	return w.exec(ctx, "the checkpoint", `INSERT OR REPLACE INTO seen (one, note, fresh_at_unix) VALUES (1, ?1, ?2)`,
		blob(note), freshAt)
}

// PutCursor implements [store.DeskWriter].
func (w *deskWriter) PutCursor(ctx context.Context, authority string, index int64) error {
	if err := w.exec(ctx, "a cursor", `INSERT INTO inbox_cursor (authority, idx) VALUES (?1, ?2)
		ON CONFLICT (authority) DO UPDATE SET idx = max(idx, excluded.idx)`, authority, index); err != nil {
		return err
	}
	return w.exec(ctx, "a cursor", `INSERT OR IGNORE INTO inbox_taken (authority, idx) VALUES (?1, ?2)`, authority, index)
}

// PutLetter implements [store.DeskWriter].
func (w *deskWriter) PutLetter(ctx context.Context, l store.Letter) error {
	return w.exec(ctx, "a message", `INSERT OR REPLACE INTO letter (`+letterColumns+`, sealed)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)`,
		l.ID, l.Case, l.From, l.To, l.Incoming, l.Act, l.Final, l.Lane, l.Suite, l.Seq, l.Digest, l.Index,
		l.AcceptedAt, l.BrokerStage, l.Verdict, l.Note, l.Body, l.OpenedAt, blob(l.Receipt), l.Code, blob(l.Sealed))
}

// PutLink implements [store.DeskWriter].
func (w *deskWriter) PutLink(ctx context.Context, from, to string) error {
	return w.exec(ctx, "a link", `INSERT OR IGNORE INTO case_link (case_id, refers_to) VALUES (?1, ?2)`, from, to)
}

// PutOrder implements [store.DeskWriter].
func (w *deskWriter) PutOrder(ctx context.Context, o store.Order) error {
	return w.exec(ctx, "the outbox", `INSERT INTO outbox (`+orderColumns+`)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
		ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, state = excluded.state, problem = excluded.problem,
			attempts = excluded.attempts, evidence = excluded.evidence`,
		o.ID, o.Case, o.From, o.To, o.Act, o.Final, o.Lane, o.NotAfter, blob(o.Body), o.CreatedAt, o.Sealed,
		o.State, o.Problem, o.Attempts, o.Evidence)
}

// PutVerdict implements [store.DeskWriter].
func (w *deskWriter) PutVerdict(ctx context.Context, v store.Verdict) error {
	return w.exec(ctx, "a verdict", `INSERT OR REPLACE INTO evidence_verdict (message_id, number, result, sha256, at_unix)
		VALUES (?1, ?2, ?3, ?4, ?5)`, v.Message, v.Number, v.Result, v.SHA256, v.At)
}

// DeleteOrder implements [store.DeskWriter].
func (w *deskWriter) DeleteOrder(ctx context.Context, id string) error {
	return w.exec(ctx, "the outbox", `DELETE FROM outbox WHERE id = ?1`, id)
}

// PutConfirmation implements [store.DeskWriter].
func (w *deskWriter) PutConfirmation(ctx context.Context, c store.Confirmation) error {
	return w.exec(ctx, "a receipt", `INSERT INTO confirmation (`+confirmationColumns+`)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
		ON CONFLICT (digest) DO UPDATE SET proof = excluded.proof, idx = excluded.idx`,
		c.Digest, c.Kind, c.Message, c.By, c.At, c.Own, blob(c.Text), blob(c.Signature), c.Proof, c.Index)
}

// DropConfirmation implements [store.DeskWriter].
func (w *deskWriter) DropConfirmation(ctx context.Context, digest string) error {
	return w.exec(ctx, "a receipt", `DELETE FROM confirmation WHERE digest = ?1 AND own AND idx < 0`, digest)
}

// PutDeadline implements [store.DeskWriter].
func (w *deskWriter) PutDeadline(ctx context.Context, d store.Deadline) error {
	return w.exec(ctx, "a deadline", `INSERT OR REPLACE INTO deadline (idx, case_id, clock, due, proof)
		VALUES (?1, ?2, ?3, ?4, ?5)`, d.Index, d.Case, d.Clock, d.Due, blob(d.Proof))
}

// PutClocks implements [store.DeskWriter].
func (w *deskWriter) PutClocks(ctx context.Context, c store.CaseRef, clocks []byte) error {
	return w.exec(ctx, "clocks", `INSERT OR REPLACE INTO case_clock (case_id, idx, clocks) VALUES (?1, ?2, ?3)`,
		c.ID, c.Index, blob(clocks))
}

// PutIncident implements [store.DeskWriter].
func (w *deskWriter) PutIncident(ctx context.Context, i store.Incident) error {
	return w.exec(ctx, "an incident", `INSERT INTO incident (at_unix, what, a, b, kind) VALUES (?1, ?2, ?3, ?4, ?5)`,
		i.At, i.What, blob(i.A), blob(i.B), i.Kind)
}

// Log implements [store.DeskWriter].
func (w *deskWriter) Log(ctx context.Context, before, after store.Head, entries []store.Entry) error {
	b := store.Batch{Before: before, After: after, Entries: entries}
	if err := b.Dense(); err != nil {
		return err
	}
	res, err := w.tx.ExecContext(ctx, `UPDATE log_head SET size = ?1, frontier = ?2 WHERE size = ?3 AND frontier = ?4`,
		after.Size, blob(after.Frontier), before.Size, blob(before.Frontier))
	if err != nil {
		return fmt.Errorf("sqlite: moving the head: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(store.ErrFenced, err)
	}
	for _, e := range entries {
		if err := w.exec(ctx, "the desk's log", `INSERT INTO log_entry (idx, leaf, leaf_hash, salt, body)
			VALUES (?1, ?2, ?3, ?4, ?5)`, e.Index, e.Leaf, e.LeafHash[:], e.Salt, e.Body); err != nil {
			return err
		}
	}
	return nil
}
