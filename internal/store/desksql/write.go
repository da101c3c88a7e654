package desksql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/entraide/entraide/internal/store"
)

// A Writer changes within one transaction. It implements [store.DeskWriter].
type Writer struct{ Reader }

// NewWriter returns a writer of a transaction that is alone.
func NewWriter(tx *sql.Tx, e *Engine) *Writer { return &Writer{Reader{tx, e}} }

var _ store.DeskWriter = (*Writer)(nil)

// exec runs one statement.
func (w *Writer) exec(ctx context.Context, what, query string, args ...any) error {
	_, err := w.changed(ctx, what, query, args...)
	return err
}

// changed runs one statement and says how many rows it changed.
func (w *Writer) changed(ctx context.Context, what, query string, args ...any) (int64, error) {
	res, err := w.tx.ExecContext(ctx, w.engine.Spell(query), plain(args)...)
	if err != nil {
		return 0, fmt.Errorf("%s: writing %s: %w", w.engine.Name, what, err)
	}
	return res.RowsAffected()
}

// A statement is SQL with its arguments.
type statement struct {
	text string
	args []any
}

// all runs statements one after another.
func (w *Writer) all(ctx context.Context, what string, statements []statement) error {
	for _, s := range statements {
		if err := w.exec(ctx, what, s.text, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// put writes a row of the columns that are its key and the others, in the place of
// that with the same key.
func (w *Writer) put(ctx context.Context, what, table, key, others string, args ...any) error {
	columns := key + ", " + others
	var values, sets []string
	for i := range strings.Split(columns, ", ") {
		values = append(values, fmt.Sprint("?", i+1))
	}
	for c := range strings.SplitSeq(others, ", ") {
		sets = append(sets, c+" = excluded."+c)
	}
	return w.exec(ctx, what, fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s`,
		table, columns, strings.Join(values, ", "), key, strings.Join(sets, ", ")), args...)
}

// PutPublished implements [store.DeskWriter]. Two processes of a desk may have
// fetched and verified the same entry.
func (w *Writer) PutPublished(ctx context.Context, p store.Published) error {
	return w.exec(ctx, "a statement", `INSERT INTO published (idx, text, signature, receipt) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (idx) DO NOTHING`,
		p.Index, store.Blob(p.Text), store.Blob(p.Signature), store.Blob(p.Receipt))
}

// PutSeen implements [store.DeskWriter].
func (w *Writer) PutSeen(ctx context.Context, note []byte, freshAt int64) error {
	return w.put(ctx, "the checkpoint", "seen", "one", "note, fresh_at_unix", 1, store.Blob(note), freshAt)
}

// PutCursor implements [store.DeskWriter].
func (w *Writer) PutCursor(ctx context.Context, authority string, index int64) error {
	if err := w.exec(ctx, "a cursor", `INSERT INTO inbox_cursor (authority, idx) VALUES (?1, ?2)
		ON CONFLICT (authority) DO UPDATE SET idx = excluded.idx WHERE excluded.idx > inbox_cursor.idx`, authority, index); err != nil {
		return err
	}
	return w.exec(ctx, "a cursor", `INSERT INTO inbox_taken (authority, idx) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, authority, index)
}

// PutLetter implements [store.DeskWriter].
func (w *Writer) PutLetter(ctx context.Context, l store.Letter) error {
	return w.put(ctx, "a message", "letter", "id", letterOthers+", sealed",
		l.ID, l.Case, l.From, l.To, l.Incoming, l.Act, l.Final, l.Lane, l.Suite, l.Seq, l.Digest, l.Index,
		l.AcceptedAt, l.BrokerStage, l.Verdict, l.Note, l.Body, l.OpenedAt, store.Blob(l.Receipt), l.Code, store.Blob(l.Sealed))
}

// PutLink implements [store.DeskWriter].
func (w *Writer) PutLink(ctx context.Context, from, to string) error {
	return w.exec(ctx, "a link", `INSERT INTO case_link (case_id, refers_to) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, from, to)
}

// PutOrder implements [store.DeskWriter].
func (w *Writer) PutOrder(ctx context.Context, o store.Order) error {
	return w.exec(ctx, "the outbox", `INSERT INTO outbox (`+orderColumns+`)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
		ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, state = excluded.state, problem = excluded.problem,
			attempts = excluded.attempts, evidence = excluded.evidence`,
		o.ID, o.Case, o.From, o.To, o.Act, o.Final, o.Lane, o.NotAfter, store.Blob(o.Body), o.CreatedAt, o.Sealed,
		o.State, o.Problem, o.Attempts, o.Evidence)
}

// PutVerdict implements [store.DeskWriter].
func (w *Writer) PutVerdict(ctx context.Context, v store.Verdict) error {
	return w.put(ctx, "a verdict", "evidence_verdict", "message_id, number", "result, sha256, at_unix", v.Message, v.Number, v.Result, v.SHA256, v.At)
}

// DeleteOrder implements [store.DeskWriter].
func (w *Writer) DeleteOrder(ctx context.Context, id string) error {
	return w.exec(ctx, "the outbox", `DELETE FROM outbox WHERE id = ?1`, id)
}

// PutConfirmation implements [store.DeskWriter].
func (w *Writer) PutConfirmation(ctx context.Context, c store.Confirmation) error {
	return w.exec(ctx, "a receipt", `INSERT INTO confirmation (`+confirmationColumns+`)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
		ON CONFLICT (digest) DO UPDATE SET proof = excluded.proof, idx = excluded.idx`,
		c.Digest, c.Kind, c.Message, c.By, c.At, c.Own, store.Blob(c.Text), store.Blob(c.Signature), c.Proof, c.Index)
}

// DropConfirmation implements [store.DeskWriter].
func (w *Writer) DropConfirmation(ctx context.Context, digest string) error {
	return w.exec(ctx, "a receipt", `DELETE FROM confirmation WHERE digest = ?1 AND own = 1 AND idx < 0`, digest)
}

// PutDeadline implements [store.DeskWriter].
func (w *Writer) PutDeadline(ctx context.Context, d store.Deadline) error {
	return w.put(ctx, "a deadline", "deadline", "idx", "case_id, clock, due, proof", d.Index, d.Case, d.Clock, d.Due, store.Blob(d.Proof))
}

// PutClocks implements [store.DeskWriter].
func (w *Writer) PutClocks(ctx context.Context, c store.CaseRef, clocks []byte) error {
	return w.put(ctx, "clocks", "case_clock", "case_id", "idx, clocks",
		c.ID, c.Index, store.Blob(clocks))
}

// PutIncident implements [store.DeskWriter].
func (w *Writer) PutIncident(ctx context.Context, i store.Incident) error {
	return w.exec(ctx, "an incident", `INSERT INTO incident (at_unix, what, a, b, kind) VALUES (?1, ?2, ?3, ?4, ?5)`,
		i.At, i.What, store.Blob(i.A), store.Blob(i.B), i.Kind)
}

// Log implements [store.DeskWriter].
func (w *Writer) Log(ctx context.Context, before, after store.Head, entries []store.Entry) error {
	b := store.Batch{Before: before, After: after, Entries: entries}
	if err := b.Dense(); err != nil {
		return err
	}
	n, err := w.changed(ctx, "the head", `UPDATE log_head SET size = ?1, frontier = ?2 WHERE size = ?3 AND frontier = ?4`,
		after.Size, store.Blob(after.Frontier), before.Size, store.Blob(before.Frontier))
	if err != nil || n != 1 {
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
