package desksql

import (
	"context"
	"database/sql"

	"github.com/entraide/entraide/internal/store"
)

// CaseHolds implements [store.DeskReader].
func (v *Reader) CaseHolds(ctx context.Context) ([]store.Hold, error) {
	return list(ctx, v, "legal holds", func(r *sql.Rows, h *store.Hold) error {
		return r.Scan(&h.Case, &h.Basis, &h.By, &h.Since)
	}, `SELECT case_id, basis, by_whom, since_unix FROM case_hold ORDER BY since_unix, case_id`)
}

// CaseHold implements [store.DeskReader].
func (v *Reader) CaseHold(ctx context.Context, caseID string) (store.Hold, error) {
	return store.One(list(ctx, v, "a legal hold", func(r *sql.Rows, h *store.Hold) error {
		return r.Scan(&h.Case, &h.Basis, &h.By, &h.Since)
	}, `SELECT case_id, basis, by_whom, since_unix FROM case_hold WHERE case_id = ?1`, caseID))
}

// CaseErasure implements [store.DeskReader].
func (v *Reader) CaseErasure(ctx context.Context, caseID string) (store.CaseErasure, error) {
	return store.One(list(ctx, v, "an erasure", func(r *sql.Rows, e *store.CaseErasure) error {
		return r.Scan(&e.Case, &e.At, &e.By, &e.Officer, &e.Basis, &e.Record, &e.Signature)
	}, `SELECT case_id, at_unix, authority, officer, basis, record, signature FROM case_erasure WHERE case_id = ?1`, caseID))
}

// PutCaseHold implements [store.DeskWriter].
func (w *Writer) PutCaseHold(ctx context.Context, h store.Hold) error {
	return w.exec(ctx, "a legal hold", `INSERT INTO case_hold (case_id, basis, by_whom, since_unix) VALUES (?1, ?2, ?3, ?4)`,
		h.Case, h.Basis, h.By, h.Since)
}

// DeleteCaseHold implements [store.DeskWriter].
func (w *Writer) DeleteCaseHold(ctx context.Context, caseID string) error {
	return w.exec(ctx, "a legal hold", `DELETE FROM case_hold WHERE case_id = ?1`, caseID)
}

// EraseCase implements [store.DeskWriter].
func (w *Writer) EraseCase(ctx context.Context, e store.CaseErasure, left store.Remains) error {
	nothing := []byte{}
	if err := w.all(ctx, "an erasure", []statement{
		{`DELETE FROM outbox WHERE case_id = ?1`, []any{e.Case}},
		{`DELETE FROM evidence_verdict WHERE message_id IN (SELECT id FROM letter WHERE case_id = ?1)`, []any{e.Case}},
		{`DELETE FROM receipt_wait WHERE message_id IN (SELECT id FROM letter WHERE case_id = ?1)`, []any{e.Case}},
		{`UPDATE letter SET verdict = 'erased', note = '', body = NULL, sealed = ?2, receipt = ?2, code = '' WHERE case_id = ?1`, []any{e.Case, nothing}},
		{`UPDATE confirmation SET proof = NULL WHERE message_id IN (SELECT id FROM letter WHERE case_id = ?1)`, []any{e.Case}},
		{`UPDATE deadline SET proof = ?2 WHERE case_id = ?1`, []any{e.Case, nothing}},
	}); err != nil {
		return err
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
