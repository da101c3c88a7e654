package desksql

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/entraide/entraide/internal/store"
)

// Assignment implements [store.WorkReader].
func (v *Reader) Assignment(ctx context.Context, caseID string) (store.Assignment, error) {
	a, err := store.One(list(ctx, v, "an assignment", func(r *sql.Rows, a *store.Assignment) error {
		return r.Scan(&a.Case, &a.Officer, &a.Team)
	}, `SELECT case_id, officer, team FROM case_work WHERE case_id = ?1`, caseID))
	if errors.Is(err, store.ErrNotFound) {
		return store.Assignment{Case: caseID}, nil
	}
	return a, err
}

// Tags implements [store.WorkReader].
func (v *Reader) Tags(ctx context.Context, caseID string) ([]string, error) {
	return list(ctx, v, "tags", scanID, `SELECT tag FROM case_tag WHERE case_id = ?1 ORDER BY tag`, caseID)
}

// AllTags implements [store.WorkReader].
func (v *Reader) AllTags(ctx context.Context) ([]string, error) {
	return list(ctx, v, "tags", scanID, `SELECT DISTINCT tag FROM case_tag ORDER BY tag`)
}

// Notes implements [store.WorkReader].
func (v *Reader) Notes(ctx context.Context, caseID string) ([]store.Note, error) {
	return list(ctx, v, "notes", func(r *sql.Rows, n *store.Note) error {
		return r.Scan(&n.ID, &n.Case, &n.Officer, &n.OfficerName, &n.At, &n.Text)
	}, `SELECT id, case_id, officer, officer_name, at_unix, text FROM case_note WHERE case_id = ?1 ORDER BY id`, caseID)
}

// NamedReaders implements [store.WorkReader].
func (v *Reader) NamedReaders(ctx context.Context, caseID string) ([]string, error) {
	return list(ctx, v, "readers", scanID, `SELECT officer FROM case_reader WHERE case_id = ?1 ORDER BY officer`, caseID)
}

// MayRead implements [store.WorkReader].
func (v *Reader) MayRead(ctx context.Context, caseID, officer string) (bool, error) {
	return store.One(list(ctx, v, "readers", func(r *sql.Rows, may *bool) error { return r.Scan(may) },
		`SELECT EXISTS (SELECT 1 FROM (SELECT ? AS case_id, 1 AS sealed) l WHERE `+readable("l")+`)`, caseID, officer, officer, officer))
}

func scanSight(r *sql.Rows, s *store.Sight) error {
	return r.Scan(&s.Message, &s.Officer, &s.OfficerName, &s.At)
}

// SeenBy implements [store.WorkReader].
func (v *Reader) SeenBy(ctx context.Context, messageID string) ([]store.Sight, error) {
	return list(ctx, v, "who saw a message", scanSight,
		`SELECT message_id, officer, officer_name, at_unix FROM letter_seen WHERE message_id = ?1 ORDER BY at_unix, officer`, messageID)
}

// ConditionsAccepted implements [store.WorkReader].
func (v *Reader) ConditionsAccepted(ctx context.Context, messageID string) (store.Sight, error) {
	return store.One(list(ctx, v, "who accepted conditions", scanSight,
		`SELECT message_id, officer, officer_name, at_unix FROM condition_accepted WHERE message_id = ?1`, messageID))
}

// Members implements [store.WorkReader].
func (v *Reader) Members(ctx context.Context, team string) ([]string, error) {
	return list(ctx, v, "a team", scanID, `SELECT officer FROM team_member WHERE team = ?1 ORDER BY officer`, team)
}

// Teams implements [store.WorkReader].
func (v *Reader) Teams(ctx context.Context) ([]string, error) {
	return list(ctx, v, "teams", scanID, `SELECT DISTINCT team FROM team_member ORDER BY team`)
}

// Views implements [store.WorkReader].
func (v *Reader) Views(ctx context.Context, owner string) ([]store.SavedView, error) {
	return list(ctx, v, "views", func(r *sql.Rows, s *store.SavedView) error { return r.Scan(&s.Owner, &s.Name, &s.Filter) },
		`SELECT owner, name, filter FROM saved_view WHERE owner IN ('', ?1) ORDER BY owner, name`, owner)
}

// LinesBetween implements [store.WorkReader].
func (v *Reader) LinesBetween(ctx context.Context, from, to, after int64, limit int) ([]store.TimedLine, error) {
	return list(ctx, v, "cases", func(r *sql.Rows, l *store.TimedLine) error {
		var types string
		err := r.Scan(append(lineFields(&l.Line, &types), &l.AcknowledgedAt, &l.AnsweredAt)...)
		l.Types = strings.Fields(types)
		return err
	}, `SELECT `+lineColumns+`,
			coalesce((SELECT min(accepted_at_unix) FROM letter m WHERE m.case_id = l.case_id AND m.act = 'acknowledge'), 0),
			coalesce((SELECT min(accepted_at_unix) FROM letter m WHERE m.case_id = l.case_id AND m.act IN ('decide', 'deliver')), 0)
		FROM case_line l WHERE l.opened_at_unix >= ?1 AND l.opened_at_unix < ?2 AND l.idx > ?3
		ORDER BY l.idx LIMIT ?4`, from, to, after, limit)
}

// LinesEnded implements [store.WorkReader].
func (v *Reader) LinesEnded(ctx context.Context, by, after int64, limit int) ([]store.Line, error) {
	return list(ctx, v, "cases", func(r *sql.Rows, l *store.Line) error {
		var types string
		err := r.Scan(lineFields(l, &types)...)
		l.Types = strings.Fields(types)
		return err
	}, `SELECT `+lineColumns+` FROM case_line l WHERE l.closed = 1 AND l.ended_at_unix <= ?1 AND l.idx > ?2 ORDER BY l.idx LIMIT ?3`, by, after, limit)
}

// Decisions implements [store.WorkReader].
func (v *Reader) Decisions(ctx context.Context, from, to, after int64, limit int) ([]store.DecidedLetter, error) {
	return list(ctx, v, "decisions", func(r *sql.Rows, d *store.DecidedLetter) error {
		return r.Scan(&d.Case, &d.Index, &d.At, &d.Incoming, &d.Body)
	}, `SELECT case_id, idx, accepted_at_unix, incoming, body FROM letter
		WHERE act = 'decide' AND (accepted_at_unix, idx) > (?1, ?3) AND accepted_at_unix < ?2 AND body IS NOT NULL
		ORDER BY accepted_at_unix, idx LIMIT ?4`, from, to, after, limit)
}

// PutAssignment implements [store.WorkWriter].
func (w *Writer) PutAssignment(ctx context.Context, a store.Assignment) error {
	return w.put(ctx, "an assignment", "case_work", "case_id", "officer, team", a.Case, a.Officer, a.Team)
}

// PutTag implements [store.WorkWriter].
func (w *Writer) PutTag(ctx context.Context, caseID, tag string) error {
	return w.exec(ctx, "a tag", `INSERT INTO case_tag (tag, case_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, tag, caseID)
}

// DeleteTag implements [store.WorkWriter].
func (w *Writer) DeleteTag(ctx context.Context, caseID, tag string) error {
	return w.exec(ctx, "a tag", `DELETE FROM case_tag WHERE tag = ?1 AND case_id = ?2`, tag, caseID)
}

// PutNote implements [store.WorkWriter].
func (w *Writer) PutNote(ctx context.Context, n store.Note) (int64, error) {
	var id int64
	err := w.row(ctx, "a note", []any{&id}, `INSERT INTO case_note (case_id, officer, officer_name, at_unix, text)
		VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id`, n.Case, n.Officer, n.OfficerName, n.At, n.Text)
	return id, err
}

// PutNamedReader implements [store.WorkWriter].
func (w *Writer) PutNamedReader(ctx context.Context, caseID, officer string) error {
	return w.exec(ctx, "a reader", `INSERT INTO case_reader (case_id, officer) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, caseID, officer)
}

// DeleteNamedReader implements [store.WorkWriter].
func (w *Writer) DeleteNamedReader(ctx context.Context, caseID, officer string) error {
	return w.exec(ctx, "a reader", `DELETE FROM case_reader WHERE case_id = ?1 AND officer = ?2`, caseID, officer)
}

// PutSight implements [store.WorkWriter].
func (w *Writer) PutSight(ctx context.Context, s store.Sight) error {
	return w.exec(ctx, "who saw a message", `INSERT INTO letter_seen (message_id, officer, officer_name, at_unix) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING`,
		s.Message, s.Officer, s.OfficerName, s.At)
}

// PutConditionsAccepted implements [store.WorkWriter].
func (w *Writer) PutConditionsAccepted(ctx context.Context, s store.Sight) error {
	return w.exec(ctx, "who accepted conditions", `INSERT INTO condition_accepted (message_id, officer, officer_name, at_unix)
		VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING`, s.Message, s.Officer, s.OfficerName, s.At)
}

// PutMember implements [store.WorkWriter].
func (w *Writer) PutMember(ctx context.Context, team, officer string) error {
	return w.exec(ctx, "a team", `INSERT INTO team_member (team, officer) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, team, officer)
}

// DeleteMember implements [store.WorkWriter].
func (w *Writer) DeleteMember(ctx context.Context, team, officer string) error {
	return w.exec(ctx, "a team", `DELETE FROM team_member WHERE team = ?1 AND officer = ?2`, team, officer)
}

// RenameTeam implements [store.WorkWriter].
func (w *Writer) RenameTeam(ctx context.Context, team, name string) error {
	if err := w.exec(ctx, "a team", `UPDATE team_member SET team = ?2 WHERE team = ?1`, team, name); err != nil {
		return err
	}
	return w.exec(ctx, "a team", `UPDATE case_work SET team = ?2 WHERE team = ?1`, team, name)
}

// DeleteTeam implements [store.WorkWriter].
func (w *Writer) DeleteTeam(ctx context.Context, team string) error {
	if err := w.exec(ctx, "a team", `DELETE FROM team_member WHERE team = ?1`, team); err != nil {
		return err
	}
	return w.exec(ctx, "a team", `UPDATE case_work SET team = '' WHERE team = ?1`, team)
}

// PutView implements [store.WorkWriter].
func (w *Writer) PutView(ctx context.Context, s store.SavedView) error {
	return w.put(ctx, "a view", "saved_view", "owner, name", "filter", s.Owner, s.Name, store.Blob(s.Filter))
}

// DeleteView implements [store.WorkWriter].
func (w *Writer) DeleteView(ctx context.Context, owner, name string) error {
	return w.exec(ctx, "a view", `DELETE FROM saved_view WHERE owner = ?1 AND name = ?2`, owner, name)
}
