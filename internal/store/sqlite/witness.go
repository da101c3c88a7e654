package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// SaveCosignature implements [store.Broker].
func (db *DB) SaveCosignature(ctx context.Context, c store.Cosignature) error {
	return db.save(ctx, "a cosignature", `
		INSERT INTO log_cosignature (size, witness, line) VALUES (?1, ?2, ?3)
		ON CONFLICT (size, witness) DO UPDATE SET line = excluded.line`, c.Size, c.Witness, c.Line)
}

// SaveWitnessed implements [store.Broker].
func (db *DB) SaveWitnessed(ctx context.Context, size int64, note []byte) error {
	return db.save(ctx, "a witnessed checkpoint", `
		INSERT INTO log_witnessed (size, note) VALUES (?1, ?2) ON CONFLICT (size) DO NOTHING`, size, note)
}

// save runs one statement on its own.
func (db *DB) save(ctx context.Context, what, statement string, args ...any) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	if _, err := db.writer.ExecContext(context.WithoutCancel(ctx), statement, args...); err != nil {
		return fmt.Errorf("sqlite: saving %s: %w", what, err)
	}
	return nil
}

// Latest implements [store.Reader].
func (v *view) Latest(ctx context.Context, kind string) (map[string]int64, error) {
	all, err := list(ctx, v, "the newest entries", func(r *sql.Rows, l *store.Latest) error {
		return r.Scan(&l.Subject, &l.Index)
	}, `SELECT subject, idx FROM log_latest WHERE kind = ?1`, kind)
	newest := make(map[string]int64, len(all))
	for _, l := range all {
		newest[l.Subject] = l.Index
	}
	return newest, err
}

// InboxCount implements [store.Reader].
func (v *view) InboxCount(ctx context.Context, authority string, from, to int64) (int64, error) {
	return store.One(list(ctx, v, "the number of items", func(r *sql.Rows, n *int64) error { return r.Scan(n) },
		`SELECT count(*) FROM inbox WHERE authority = ?1 AND idx >= ?2 AND idx < ?3`, authority, from, to))
}

// LatestWitnessed implements [store.Reader].
func (v *view) LatestWitnessed(ctx context.Context) (store.Checkpoint, error) {
	return store.One(list(ctx, v, "the newest witnessed checkpoint", scanCheckpoint,
		`SELECT size, note FROM log_witnessed ORDER BY size DESC LIMIT 1`))
}

// Backup implements [store.Broker]. VACUUM INTO writes what is in the tables, and
// no free page.
func (db *DB) Backup(ctx context.Context, path string) error {
	return db.save(ctx, "a copy of the database", `VACUUM INTO ?1`, path)
}
