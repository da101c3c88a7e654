package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/entraide/entraide/internal/store"
)

// Assignment implements [store.WorkReader].
func (v *deskView) Assignment(ctx context.Context, caseID string) (store.Assignment, error) {
	a, err := one(list(ctx, &v.view, "an assignment", func(r *sql.Rows, a *store.Assignment) error {
		return r.Scan(&a.Case, &a.Officer, &a.Team)
	}, `SELECT case_id, officer, team FROM case_work WHERE case_id = ?1`, caseID))
	if errors.Is(err, store.ErrNotFound) {
		return store.Assignment{Case: caseID}, nil
	}
	return a, err
}

// Tags implements [store.WorkReader].
func (v *deskView) Tags(ctx context.Context, caseID string) ([]string, error) {
	return list(ctx, &v.view, "tags", scanID, `SELECT tag FROM case_tag WHERE case_id = ?1 ORDER BY tag`, caseID)
}

// AllTags implements [store.WorkReader].
func (v *deskView) AllTags(ctx context.Context) ([]string, error) {
	return list(ctx, &v.view, "tags", scanID, `SELECT DISTINCT tag FROM case_tag ORDER BY tag`)
}

// Notes implements [store.WorkReader].
func (v *deskView) Notes(ctx context.Context, caseID string) ([]store.Note, error) {
	return list(ctx, &v.view, "notes", func(r *sql.Rows, n *store.Note) error {
		return r.Scan(&n.ID, &n.Case, &n.Officer, &n.OfficerName, &n.At, &n.Text)
	}, `SELECT id, case_id, officer, officer_name, at_unix, text FROM case_note WHERE case_id = ?1 ORDER BY id`, caseID)
}

// NamedReaders implements [store.WorkReader].
func (v *deskView) NamedReaders(ctx context.Context, caseID string) ([]string, error) {
	return list(ctx, &v.view, "readers", scanID, `SELECT officer FROM case_reader WHERE case_id = ?1 ORDER BY officer`, caseID)
}

// MayRead implements [store.WorkReader].
func (v *deskView) MayRead(ctx context.Context, caseID, officer string) (bool, error) {
	return one(list(ctx, &v.view, "readers", func(r *sql.Rows, may *bool) error { return r.Scan(may) },
		`SELECT EXISTS (SELECT 1 FROM (SELECT ? AS case_id, 1 AS sealed) l WHERE `+readable("l")+`)`, caseID, officer, officer, officer))
}

func scanSight(r *sql.Rows, s *store.Sight) error {
	return r.Scan(&s.Message, &s.Officer, &s.OfficerName, &s.At)
}

// SeenBy implements [store.WorkReader].
func (v *deskView) SeenBy(ctx context.Context, messageID string) ([]store.Sight, error) {
	return list(ctx, &v.view, "who saw a message", scanSight,
		`SELECT message_id, officer, officer_name, at_unix FROM letter_seen WHERE message_id = ?1 ORDER BY at_unix, officer`, messageID)
}

// ConditionsAccepted implements [store.WorkReader].
func (v *deskView) ConditionsAccepted(ctx context.Context, messageID string) (store.Sight, error) {
	return one(list(ctx, &v.view, "who accepted conditions", scanSight,
		`SELECT message_id, officer, officer_name, at_unix FROM condition_accepted WHERE message_id = ?1`, messageID))
}

// Members implements [store.WorkReader].
func (v *deskView) Members(ctx context.Context, team string) ([]string, error) {
	return list(ctx, &v.view, "a team", scanID, `SELECT officer FROM team_member WHERE team = ?1 ORDER BY officer`, team)
}

// Teams implements [store.WorkReader].
func (v *deskView) Teams(ctx context.Context) ([]string, error) {
	return list(ctx, &v.view, "teams", scanID, `SELECT DISTINCT team FROM team_member ORDER BY team`)
}

// Views implements [store.WorkReader].
func (v *deskView) Views(ctx context.Context, owner string) ([]store.SavedView, error) {
	return list(ctx, &v.view, "views", func(r *sql.Rows, s *store.SavedView) error { return r.Scan(&s.Owner, &s.Name, &s.Filter) },
		`SELECT owner, name, filter FROM saved_view WHERE owner IN ('', ?1) ORDER BY owner, name`, owner)
}

// LinesBetween implements [store.WorkReader].
func (v *deskView) LinesBetween(ctx context.Context, from, to, after int64, limit int) ([]store.TimedLine, error) {
	return list(ctx, &v.view, "cases", func(r *sql.Rows, l *store.TimedLine) error {
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
func (v *deskView) LinesEnded(ctx context.Context, by, after int64, limit int) ([]store.Line, error) {
	return list(ctx, &v.view, "cases", func(r *sql.Rows, l *store.Line) error {
		var types string
		err := r.Scan(lineFields(l, &types)...)
		l.Types = strings.Fields(types)
		return err
	}, `SELECT `+lineColumns+` FROM case_line l WHERE l.closed = 1 AND l.ended_at_unix <= ?1 AND l.idx > ?2 ORDER BY l.idx LIMIT ?3`, by, after, limit)
}

// Decisions implements [store.WorkReader].
func (v *deskView) Decisions(ctx context.Context, from, to, after int64, limit int) ([]store.DecidedLetter, error) {
	return list(ctx, &v.view, "decisions", func(r *sql.Rows, d *store.DecidedLetter) error {
		return r.Scan(&d.Case, &d.Index, &d.At, &d.Incoming, &d.Body)
	}, `SELECT case_id, idx, accepted_at_unix, incoming, body FROM letter
		WHERE act = 'decide' AND (accepted_at_unix, idx) > (?1, ?3) AND accepted_at_unix < ?2 AND body IS NOT NULL
		ORDER BY accepted_at_unix, idx LIMIT ?4`, from, to, after, limit)
}

// PutAssignment implements [store.WorkWriter].
func (w *deskWriter) PutAssignment(ctx context.Context, a store.Assignment) error {
	return w.exec(ctx, "an assignment", `INSERT OR REPLACE INTO case_work (case_id, officer, team) VALUES (?1, ?2, ?3)`, a.Case, a.Officer, a.Team)
}

// PutTag implements [store.WorkWriter].
func (w *deskWriter) PutTag(ctx context.Context, caseID, tag string) error {
	return w.exec(ctx, "a tag", `INSERT OR IGNORE INTO case_tag (tag, case_id) VALUES (?1, ?2)`, tag, caseID)
}

// DeleteTag implements [store.WorkWriter].
func (w *deskWriter) DeleteTag(ctx context.Context, caseID, tag string) error {
	return w.exec(ctx, "a tag", `DELETE FROM case_tag WHERE tag = ?1 AND case_id = ?2`, tag, caseID)
}

// PutNote implements [store.WorkWriter].
func (w *deskWriter) PutNote(ctx context.Context, n store.Note) (int64, error) {
	res, err := w.tx.ExecContext(ctx, `INSERT INTO case_note (case_id, officer, officer_name, at_unix, text) VALUES (?1, ?2, ?3, ?4, ?5)`,
		n.Case, n.Officer, n.OfficerName, n.At, n.Text)
	if err != nil {
		return 0, fmt.Errorf("sqlite: writing a note: %w", err)
	}
	return res.LastInsertId()
}

// PutNamedReader implements [store.WorkWriter].
func (w *deskWriter) PutNamedReader(ctx context.Context, caseID, officer string) error {
	return w.exec(ctx, "a reader", `INSERT OR IGNORE INTO case_reader (case_id, officer) VALUES (?1, ?2)`, caseID, officer)
}

// DeleteNamedReader implements [store.WorkWriter].
func (w *deskWriter) DeleteNamedReader(ctx context.Context, caseID, officer string) error {
	return w.exec(ctx, "a reader", `DELETE FROM case_reader WHERE case_id = ?1 AND officer = ?2`, caseID, officer)
}

// PutSight implements [store.WorkWriter].
func (w *deskWriter) PutSight(ctx context.Context, s store.Sight) error {
	return w.exec(ctx, "who saw a message", `INSERT OR IGNORE INTO letter_seen (message_id, officer, officer_name, at_unix) VALUES (?1, ?2, ?3, ?4)`,
		s.Message, s.Officer, s.OfficerName, s.At)
}

// PutConditionsAccepted implements [store.WorkWriter].
func (w *deskWriter) PutConditionsAccepted(ctx context.Context, s store.Sight) error {
	return w.exec(ctx, "who accepted conditions", `INSERT OR IGNORE INTO condition_accepted (message_id, officer, officer_name, at_unix)
		VALUES (?1, ?2, ?3, ?4)`, s.Message, s.Officer, s.OfficerName, s.At)
}

// PutMember implements [store.WorkWriter].
func (w *deskWriter) PutMember(ctx context.Context, team, officer string) error {
	return w.exec(ctx, "a team", `INSERT OR IGNORE INTO team_member (team, officer) VALUES (?1, ?2)`, team, officer)
}

// DeleteMember implements [store.WorkWriter].
func (w *deskWriter) DeleteMember(ctx context.Context, team, officer string) error {
	return w.exec(ctx, "a team", `DELETE FROM team_member WHERE team = ?1 AND officer = ?2`, team, officer)
}

// RenameTeam implements [store.WorkWriter].
func (w *deskWriter) RenameTeam(ctx context.Context, team, name string) error {
	if err := w.exec(ctx, "a team", `UPDATE team_member SET team = ?2 WHERE team = ?1`, team, name); err != nil {
		return err
	}
	return w.exec(ctx, "a team", `UPDATE case_work SET team = ?2 WHERE team = ?1`, team, name)
}

// DeleteTeam implements [store.WorkWriter].
func (w *deskWriter) DeleteTeam(ctx context.Context, team string) error {
	if err := w.exec(ctx, "a team", `DELETE FROM team_member WHERE team = ?1`, team); err != nil {
		return err
	}
	return w.exec(ctx, "a team", `UPDATE case_work SET team = '' WHERE team = ?1`, team)
}

// PutView implements [store.WorkWriter].
func (w *deskWriter) PutView(ctx context.Context, s store.SavedView) error {
	return w.exec(ctx, "a view", `INSERT OR REPLACE INTO saved_view (owner, name, filter) VALUES (?1, ?2, ?3)`, s.Owner, s.Name, blob(s.Filter))
}

// DeleteView implements [store.WorkWriter].
func (w *deskWriter) DeleteView(ctx context.Context, owner, name string) error {
	return w.exec(ctx, "a view", `DELETE FROM saved_view WHERE owner = ?1 AND name = ?2`, owner, name)
}
