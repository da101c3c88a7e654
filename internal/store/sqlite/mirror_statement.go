package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// PutStatement keeps a directory statement, once.
func (db *Mirror) PutStatement(ctx context.Context, s store.MirrorStatement) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO statement (idx, subject, text, signature) VALUES (?1, ?2, ?3, ?4)`,
			s.Index, s.Subject, s.Text, s.Signature); err != nil {
			return fmt.Errorf("sqlite: keeping a statement: %w", err)
		}
		return nil
	})
}

// Statements returns the statements about a subject, or with none all, by index.
func (db *Mirror) Statements(ctx context.Context, subject string) (list []store.MirrorStatement, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error {
		var s store.MirrorStatement
		err := r.Scan(&s.Index, &s.Subject, &s.Text, &s.Signature)
		list = append(list, s)
		return err
	}, `SELECT idx, subject, text, signature FROM statement WHERE ?1 IN ('', subject) ORDER BY idx`, subject)
	return list, err
}

// CasesOf counts the cases of the last derivation that were opened in [from, to), in
// Unix seconds, and how many of them are closed: those that a party asked, or that it
// was asked.
func (db *Mirror) CasesOf(ctx context.Context, party string, asked bool, from, to int64) (cases, closed int64, err error) {
	column := `requesting_party`
	if asked {
		column = `requested_party`
	}
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&cases, &closed) }, `SELECT count(*), coalesce(sum(stage = 'closed'), 0)
		FROM matter WHERE `+column+` = ?1 AND opened_at_unix >= ?2 AND opened_at_unix < ?3`, party, from, to)
	return cases, closed, err
}
