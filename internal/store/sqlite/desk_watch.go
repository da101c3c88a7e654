package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// Asked implements [store.DeskReader].
func (v *deskView) Asked(ctx context.Context, what, digest string) (known bool, err error) {
	if err := v.tx.QueryRowContext(ctx, `SELECT count(*) > 0 FROM asked WHERE what = ?1 AND digest = ?2`, what, digest).Scan(&known); err != nil {
		return false, fmt.Errorf("sqlite: reading what was asked for: %w", err)
	}
	return known, nil
}

// Compared implements [store.DeskReader].
func (v *deskView) Compared(ctx context.Context) (at int64, err error) {
	err = v.tx.QueryRowContext(ctx, `SELECT at_unix FROM directory_compared`).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("sqlite: reading when the directory was compared: %w", err)
	}
	return at, nil
}

// PutAsked implements [store.DeskWriter].
func (w *deskWriter) PutAsked(ctx context.Context, what, digest string, at int64) error {
	return w.exec(ctx, "what was asked for", `INSERT OR IGNORE INTO asked (digest, what, at_unix) VALUES (?1, ?2, ?3)`, digest, what, at)
}

// PutCompared implements [store.DeskWriter].
func (w *deskWriter) PutCompared(ctx context.Context, at int64) error {
	return w.exec(ctx, "the time of the comparison", `INSERT OR REPLACE INTO directory_compared (one, at_unix) VALUES (1, ?1)`, at)
}

// Settle implements [store.DeskWriter].
func (w *deskWriter) Settle(ctx context.Context, i store.Incident) error {
	res, err := w.tx.ExecContext(ctx, `UPDATE incident SET settled = ?2, settled_by = ?3, settled_at_unix = ?4 WHERE id = ?1`,
		i.ID, i.Settled, i.SettledBy, i.SettledAt)
	if err != nil {
		return fmt.Errorf("sqlite: settling an incident: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(store.ErrNotFound, err)
	}
	return nil
}

// Snapshot implements [store.DeskReader].
func (v *deskView) Snapshot(ctx context.Context) (store.Snapshot, error) {
	return one(list(ctx, &v.view, "the snapshot", func(r *sql.Rows, s *store.Snapshot) error { return r.Scan(&s.Note, &s.By, &s.Expires) },
		`SELECT note, signed_by, expires_unix FROM snapshot`))
}

// PutSnapshot implements [store.DeskWriter].
func (w *deskWriter) PutSnapshot(ctx context.Context, s store.Snapshot) error {
	return w.exec(ctx, "the snapshot", `INSERT OR REPLACE INTO snapshot (one, note, signed_by, expires_unix) VALUES (1, ?1, ?2, ?3)`,
		blob(s.Note), s.By, s.Expires)
}

// DropSnapshot implements [store.DeskWriter].
func (w *deskWriter) DropSnapshot(ctx context.Context) error {
	return w.exec(ctx, "the snapshot", `DELETE FROM snapshot`)
}
