package desksql

import (
	"context"
	"database/sql"

	"github.com/entraide/entraide/internal/store"
)

// What a desk holds the broker, and its own log, against.

// Mailbox implements [store.DeskReader].
func (v *Reader) Mailbox(ctx context.Context, authority string) (store.Mailbox, error) {
	return store.One(list(ctx, v, "a mailbox", func(r *sql.Rows, m *store.Mailbox) error {
		return r.Scan(&m.Authority, &m.Items, &m.Size, &m.Proof)
	}, `SELECT authority, items, size, proof FROM mailbox WHERE authority = ?1`, authority))
}

// Taken implements [store.DeskReader].
func (v *Reader) Taken(ctx context.Context, authority string, from, to int64) (int64, error) {
	return store.One(list(ctx, v, "items taken", func(r *sql.Rows, n *int64) error { return r.Scan(n) },
		`SELECT count(*) FROM inbox_taken WHERE authority = ?1 AND idx >= ?2 AND idx < ?3`, authority, from, to))
}

// PutMailbox implements [store.DeskWriter].
func (w *Writer) PutMailbox(ctx context.Context, m store.Mailbox) error {
	if err := w.put(ctx, "a mailbox", "mailbox", "authority", "items, size, proof",
		m.Authority, m.Items, m.Size, store.Blob(m.Proof)); err != nil {
		return err
	}
	return w.exec(ctx, "items taken", `DELETE FROM inbox_taken WHERE authority = ?1 AND idx < ?2`, m.Authority, m.Size)
}

// Anchors implements [store.DeskReader].
func (v *Reader) Anchors(ctx context.Context) ([]store.Anchor, error) {
	return list(ctx, v, "anchors", func(r *sql.Rows, a *store.Anchor) error {
		var root []byte
		err := r.Scan(&a.Index, &a.Size, &root, &a.Proof)
		copy(a.Root[:], root)
		return err
	}, `SELECT idx, size, root, proof FROM log_anchor ORDER BY idx`)
}

// PutAnchor implements [store.DeskWriter].
func (w *Writer) PutAnchor(ctx context.Context, a store.Anchor) error {
	return w.put(ctx, "an anchor", "log_anchor", "idx", "size, root, proof",
		a.Index, a.Size, a.Root[:], store.Blob(a.Proof))
}

// Waits implements [store.DeskReader].
func (v *Reader) Waits(ctx context.Context, limit int) ([]store.Wait, error) {
	return list(ctx, v, "waiting receipts", func(r *sql.Rows, w *store.Wait) error {
		return r.Scan(&w.Message, &w.Since)
	}, `SELECT message_id, since_unix FROM receipt_wait ORDER BY since_unix, message_id LIMIT ?1`, limit)
}

// PutWait implements [store.DeskWriter].
func (w *Writer) PutWait(ctx context.Context, wait store.Wait) error {
	return w.exec(ctx, "a waiting receipt", `INSERT INTO receipt_wait (message_id, since_unix) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, wait.Message, wait.Since)
}

// DeleteWait implements [store.DeskWriter].
func (w *Writer) DeleteWait(ctx context.Context, messageID string) error {
	return w.exec(ctx, "a waiting receipt", `DELETE FROM receipt_wait WHERE message_id = ?1`, messageID)
}
