package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// Upload implements [store.Reader].
func (v *view) Upload(ctx context.Context, authority, manifest string) (store.Upload, error) {
	return store.One(list(ctx, v, "an upload", func(r *sql.Rows, u *store.Upload) error {
		return r.Scan(&u.Authority, &u.Manifest, &u.Recipient, &u.Bytes, &u.At)
	}, `SELECT authority, manifest, recipient, bytes, at_unix FROM evidence_upload WHERE manifest = ?2 AND authority = ?1`, authority, manifest))
}

// Kept implements [store.Reader].
func (v *view) Kept(ctx context.Context, from, to string) (k store.Kept, err error) {
	return store.One(list(ctx, v, "uploads", func(r *sql.Rows, k *store.Kept) error { return r.Scan(&k.From, &k.To) },
		`SELECT (SELECT coalesce(sum(bytes), 0) FROM evidence_upload WHERE authority = ?1),
			(SELECT coalesce(sum(bytes), 0) FROM evidence_upload WHERE recipient = ?2)`, from, to))
}

// Uses implements [store.Reader].
func (v *view) Uses(ctx context.Context, messageID string) ([]store.Use, error) {
	return list(ctx, v, "evidence", func(r *sql.Rows, u *store.Use) error { return r.Scan(&u.Message, &u.Manifest, &u.DroppedBy) },
		`SELECT message_id, manifest, dropped_by FROM evidence_use WHERE message_id = ?1 ORDER BY manifest`, messageID)
}

// Delivered implements [store.Reader].
func (v *view) Delivered(ctx context.Context, before int64, limit int) ([]string, error) {
	return list(ctx, v, "delivered evidence", func(r *sql.Rows, id *string) error { return r.Scan(id) },
		`SELECT DISTINCT m.id FROM evidence_use u JOIN message m ON m.id = u.message_id
		WHERE u.dropped_by = 0 AND m.accepted_at_unix < ?1
			AND EXISTS (SELECT 1 FROM receipt r WHERE r.message_id = m.id AND r.kind = 'delivered')
			AND NOT EXISTS (SELECT 1 FROM legal_hold h WHERE h.case_id = m.case_id)
		ORDER BY m.id LIMIT ?2`, before, limit)
}

// IsKept implements [store.Reader].
func (v *view) IsKept(ctx context.Context, manifest string) (bool, error) {
	return store.One(list(ctx, v, "uploads", func(r *sql.Rows, kept *bool) error { return r.Scan(kept) },
		`SELECT EXISTS (SELECT 1 FROM evidence_upload WHERE manifest = ?1)
			OR EXISTS (SELECT 1 FROM evidence_use WHERE manifest = ?1 AND dropped_by = 0)`, manifest))
}

// SaveUpload implements [store.Broker].
func (db *DB) SaveUpload(ctx context.Context, u store.Upload) error {
	return db.save(ctx, "an upload", `
		INSERT INTO evidence_upload (authority, manifest, recipient, bytes, at_unix) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (manifest, authority) DO UPDATE SET at_unix = excluded.at_unix`, u.Authority, u.Manifest, u.Recipient, u.Bytes, u.At)
}

// SweepUploads implements [store.Broker].
func (db *DB) SweepUploads(ctx context.Context, before int64, remove func(string) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sqlite: sweeping uploads: %w", err)
	}
	defer tx.Rollback()
	gone, err := list(ctx, &view{tx}, "old uploads", func(r *sql.Rows, m *string) error { return r.Scan(m) },
		`DELETE FROM evidence_upload WHERE at_unix < ?1 AND NOT EXISTS (SELECT 1 FROM evidence_use u
			WHERE u.manifest = evidence_upload.manifest AND u.dropped_by = 0) RETURNING manifest`, before)
	if err != nil {
		return err
	}
	if err := store.RemoveUnkept(ctx, &view{tx}, gone, remove); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlite: sweeping uploads: %w", err)
	}
	return nil
}

// use notes the evidence of messages.
func (w *writer) use(ctx context.Context, b store.Batch) error {
	return each(ctx, w, "evidence", `INSERT OR REPLACE INTO evidence_use (message_id, manifest, dropped_by) VALUES (?1, ?2, ?3)`,
		b.Uses, func(u store.Use) []any { return []any{u.Message, u.Manifest, u.DroppedBy} })
}
