package desksql

import (
	"context"
	"database/sql"
	"math"

	"github.com/entraide/entraide/internal/store"
)

// FindText implements [store.TextReader].
func (v *Reader) FindText(ctx context.Context, q store.TextQuery) ([]store.TextHit, error) {
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	where, args := v.engine.Holds(q.Phrases)
	where += " AND t.rowid < ?"
	args = append(args, before)
	if q.Reader != "" {
		where += " AND " + readable("c")
		args = append(args, q.Reader, q.Reader, q.Reader)
	}
	if q.Case != "" {
		where += " AND c.case_id = ?"
		args = append(args, q.Case)
	}
	if v.engine.BeforeSearch != "" {
		if _, err := v.tx.ExecContext(ctx, v.engine.BeforeSearch); err != nil {
			return nil, v.failed("texts", err)
		}
	}
	return list(ctx, v, "texts", func(r *sql.Rows, h *store.TextHit) error { return r.Scan(&h.Place, &h.Case, &h.Message) },
		`SELECT t.rowid, c.case_id, coalesce(l.id, '') FROM letter_text t
			LEFT JOIN letter l ON l.idx = t.rowid
			LEFT JOIN case_note n ON n.id = -t.rowid
			CROSS JOIN case_line c ON c.case_id = coalesce(l.case_id, n.case_id)
		WHERE `+where+` ORDER BY t.rowid DESC LIMIT ?`, append(args, q.Limit)...)
}

// PutText implements [store.TextWriter].
func (w *Writer) PutText(ctx context.Context, place int64, words string) error {
	if err := w.exec(ctx, "a text", `DELETE FROM letter_text WHERE rowid = ?1`, place); err != nil || words == "" {
		return err
	}
	return w.exec(ctx, "a text", `INSERT INTO letter_text (rowid, words) VALUES (?1, ?2)`, place, words)
}

// ForgetCase implements [store.TextWriter].
func (w *Writer) ForgetCase(ctx context.Context, caseID string) error {
	return w.all(ctx, "what is forgotten of a case", []statement{
		{`DELETE FROM letter_text WHERE rowid IN (SELECT idx FROM letter WHERE case_id = ?1 UNION SELECT -id FROM case_note WHERE case_id = ?1)`, []any{caseID}},
		{`DELETE FROM case_note WHERE case_id = ?1`, []any{caseID}},
		{`DELETE FROM case_tag WHERE case_id = ?1`, []any{caseID}},
		{`DELETE FROM case_work WHERE case_id = ?1`, []any{caseID}},
		{`UPDATE draft_version SET body = ?2 WHERE draft_id IN (` + draftsOf + `)`, []any{caseID, []byte("{}")}},
		{`UPDATE draft_event SET comment = '' WHERE draft_id IN (` + draftsOf + `)`, []any{caseID}},
		{`UPDATE release SET comment = '' WHERE draft_id IN (` + draftsOf + `)`, []any{caseID}},
		{`UPDATE draft SET title = '', evidence = ?2, state = CASE state WHEN 'sent' THEN 'sent' ELSE 'discarded' END WHERE id IN (` + draftsOf + `)`, []any{caseID, []byte("[]")}},
	})
}
