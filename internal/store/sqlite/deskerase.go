package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// CaseHolds implements [store.DeskReader].
func (v *deskView) CaseHolds(ctx context.Context) ([]store.Hold, error) {
	return list(ctx, &v.view, "legal holds", func(r *sql.Rows, h *store.Hold) error {
		return r.Scan(&h.Case, &h.Basis, &h.By, &h.Since)
	}, `SELECT case_id, basis, by_whom, since_unix FROM case_hold ORDER BY since_unix, case_id`)
}

// CaseHold implements [store.DeskReader].
func (v *deskView) CaseHold(ctx context.Context, caseID string) (store.Hold, error) {
	return one(list(ctx, &v.view, "a legal hold", func(r *sql.Rows, h *store.Hold) error {
		return r.Scan(&h.Case, &h.Basis, &h.By, &h.Since)
	}, `SELECT case_id, basis, by_whom, since_unix FROM case_hold WHERE case_id = ?1`, caseID))
}

// CaseErasure implements [store.DeskReader].
func (v *deskView) CaseErasure(ctx context.Context, caseID string) (store.CaseErasure, error) {
	return one(list(ctx, &v.view, "an erasure", func(r *sql.Rows, e *store.CaseErasure) error {
		return r.Scan(&e.Case, &e.At, &e.By, &e.Officer, &e.Basis, &e.Record, &e.Signature)
	}, `SELECT case_id, at_unix, authority, officer, basis, record, signature FROM case_erasure WHERE case_id = ?1`, caseID))
}

// PutCaseHold implements [store.DeskWriter].
func (w *deskWriter) PutCaseHold(ctx context.Context, h store.Hold) error {
	return w.exec(ctx, "a legal hold", `INSERT INTO case_hold (case_id, basis, by_whom, since_unix) VALUES (?1, ?2, ?3, ?4)`,
		h.Case, h.Basis, h.By, h.Since)
}

// DeleteCaseHold implements [store.DeskWriter].
func (w *deskWriter) DeleteCaseHold(ctx context.Context, caseID string) error {
	return w.exec(ctx, "a legal hold", `DELETE FROM case_hold WHERE case_id = ?1`, caseID)
}

// EraseCase implements [store.DeskWriter].
func (w *deskWriter) EraseCase(ctx context.Context, e store.CaseErasure, left store.Remains) error {
	for _, query := range []string{
		`DELETE FROM outbox WHERE case_id = ?1`,
		`DELETE FROM evidence_verdict WHERE message_id IN (SELECT id FROM letter WHERE case_id = ?1)`,
		`DELETE FROM receipt_wait WHERE message_id IN (SELECT id FROM letter WHERE case_id = ?1)`,
		`UPDATE letter SET verdict = 'erased', note = '', body = NULL, sealed = x'', receipt = x'', code = '' WHERE case_id = ?1`,
		`UPDATE confirmation SET proof = NULL WHERE message_id IN (SELECT id FROM letter WHERE case_id = ?1)`,
		`UPDATE deadline SET proof = x'' WHERE case_id = ?1`,
	} {
		if err := w.exec(ctx, "an erasure", query, e.Case); err != nil {
			return err
		}
	}
	for query, proofs := range map[string]map[int64][]byte{
		`UPDATE letter SET receipt = ?2 WHERE idx = ?1`:     left.Letters,
		`UPDATE confirmation SET proof = ?2 WHERE idx = ?1`: left.Confirmations,
		`UPDATE deadline SET proof = ?2 WHERE idx = ?1`:     left.Deadlines,
	} {
		for index, proof := range proofs {
			if err := w.exec(ctx, "an erasure", query, index, proof); err != nil {
				return err
			}
		}
	}
	return w.exec(ctx, "an erasure", `INSERT INTO case_erasure (case_id, at_unix, authority, officer, basis, record, signature)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`, e.Case, e.At, e.By, e.Officer, e.Basis, e.Record, e.Signature)
}

// Purge implements [store.Desk]. VACUUM writes the database anew from what is in
// its tables, and the checkpoint empties the write-ahead log.
func (db *Desk) Purge(ctx context.Context) error { return purge(ctx, db.writer) }

// purge removes from the files of a database what is no longer in its tables.
func purge(ctx context.Context, writer *sql.DB) error {
	if _, err := writer.ExecContext(ctx, `VACUUM`); err != nil {
		return fmt.Errorf("sqlite: writing the database anew: %w", err)
	}
	var busy, frames, moved int
	if err := writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("sqlite: emptying the write-ahead log: %w", err)
	}
	if busy != 0 {
		return fmt.Errorf("%w: somebody is reading; repeat it when the database is quiet", store.ErrResidue)
	}
	return nil
}
