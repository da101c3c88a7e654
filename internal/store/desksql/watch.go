package desksql

import (
	"context"
	"database/sql"
	"errors"

	"github.com/entraide/entraide/internal/store"
)

// Asked implements [store.DeskReader].
func (v *Reader) Asked(ctx context.Context, what, digest string) (known bool, err error) {
	err = v.row(ctx, "what was asked for", []any{&known}, `SELECT count(*) > 0 FROM asked WHERE what = ?1 AND digest = ?2`, what, digest)
	return known, err
}

// Compared implements [store.DeskReader].
func (v *Reader) Compared(ctx context.Context) (at int64, err error) {
	err = v.row(ctx, "when the directory was compared", []any{&at}, `SELECT at_unix FROM directory_compared`)
	return at, unless(err, store.ErrNotFound)
}

// PutAsked implements [store.DeskWriter].
func (w *Writer) PutAsked(ctx context.Context, what, digest string, at int64) error {
	return w.exec(ctx, "what was asked for", `INSERT INTO asked (digest, what, at_unix) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`, digest, what, at)
}

// PutCompared implements [store.DeskWriter].
func (w *Writer) PutCompared(ctx context.Context, at int64) error {
	return w.put(ctx, "the time of the comparison", "directory_compared", "one", "at_unix", 1, at)
}

// Settle implements [store.DeskWriter].
func (w *Writer) Settle(ctx context.Context, i store.Incident) error {
	n, err := w.changed(ctx, "an incident", `UPDATE incident SET settled = ?2, settled_by = ?3, settled_at_unix = ?4 WHERE id = ?1`,
		i.ID, i.Settled, i.SettledBy, i.SettledAt)
	if err != nil || n != 1 {
		return errors.Join(store.ErrNotFound, err)
	}
	return nil
}

// Snapshot implements [store.DeskReader].
func (v *Reader) Snapshot(ctx context.Context) (store.Snapshot, error) {
	return store.One(list(ctx, v, "the snapshot", func(r *sql.Rows, s *store.Snapshot) error { return r.Scan(&s.Note, &s.By, &s.Expires) },
		`SELECT note, signed_by, expires_unix FROM snapshot`))
}

// PutSnapshot implements [store.DeskWriter].
func (w *Writer) PutSnapshot(ctx context.Context, s store.Snapshot) error {
	return w.put(ctx, "the snapshot", "snapshot", "one", "note, signed_by, expires_unix",
		1, store.Blob(s.Note), s.By, s.Expires)
}

// DropSnapshot implements [store.DeskWriter].
func (w *Writer) DropSnapshot(ctx context.Context) error {
	return w.exec(ctx, "the snapshot", `DELETE FROM snapshot`)
}
