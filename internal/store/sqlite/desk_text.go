package sqlite

import (
	"context"
	"database/sql"
	"math"

	"github.com/entraide/entraide/internal/store"
)

// FindText implements [store.TextReader].
func (v *deskView) FindText(ctx context.Context, q store.TextQuery) ([]store.TextHit, error) {
	before := q.Before
	if before == 0 {
		before = math.MaxInt64
	}
	where, args := "", []any{q.Match, before}
	if q.Reader != "" {
		where = " AND " + readable("c")
		args = append(args, q.Reader, q.Reader, q.Reader)
	}
	if q.Case != "" {
		where += " AND c.case_id = ?"
		args = append(args, q.Case)
	}
	return list(ctx, &v.view, "texts", func(r *sql.Rows, h *store.TextHit) error { return r.Scan(&h.Place, &h.Case, &h.Message) },
		`SELECT t.rowid, c.case_id, coalesce(l.id, '') FROM letter_text t
			LEFT JOIN letter l ON l.idx = t.rowid
			LEFT JOIN case_note n ON n.id = -t.rowid
			CROSS JOIN case_line c ON c.case_id = coalesce(l.case_id, n.case_id)
		WHERE t.words MATCH ? AND t.rowid < ?`+where+` ORDER BY t.rowid DESC LIMIT ?`, append(args, q.Limit)...)
}

// PutText implements [store.TextWriter].
func (w *deskWriter) PutText(ctx context.Context, place int64, words string) error {
	if err := w.exec(ctx, "a text", `DELETE FROM letter_text WHERE rowid = ?1`, place); err != nil || words == "" {
		return err
	}
	return w.exec(ctx, "a text", `INSERT INTO letter_text (rowid, words) VALUES (?1, ?2)`, place, words)
}

// ForgetCase implements [store.TextWriter].
func (w *deskWriter) ForgetCase(ctx context.Context, caseID string) error {
	for _, query := range []string{
		`DELETE FROM letter_text WHERE rowid IN (SELECT idx FROM letter WHERE case_id = ?1 UNION SELECT -id FROM case_note WHERE case_id = ?1)`,
		`DELETE FROM case_note WHERE case_id = ?1`,
		`DELETE FROM case_tag WHERE case_id = ?1`,
		`DELETE FROM case_work WHERE case_id = ?1`,
		`UPDATE draft_version SET body = x'7b7d' WHERE draft_id IN (` + draftsOf + `)`,
		`UPDATE draft_event SET comment = '' WHERE draft_id IN (` + draftsOf + `)`,
		`UPDATE release SET comment = '' WHERE draft_id IN (` + draftsOf + `)`,
		`UPDATE draft SET title = '', evidence = x'5b5d', state = CASE state WHEN 'sent' THEN 'sent' ELSE 'discarded' END WHERE id IN (` + draftsOf + `)`,
	} {
		if err := w.exec(ctx, "what is forgotten of a case", query, caseID); err != nil {
			return err
		}
	}
	return nil
}
