package desksql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/entraide/entraide/internal/store"
)

// IndexVersion implements [store.LineReader].
func (v *Reader) IndexVersion(ctx context.Context) (version int64, err error) {
	return store.One(list(ctx, v, "the index", func(r *sql.Rows, n *int64) error { return r.Scan(n) }, `SELECT version FROM index_version`))
}

const lineColumns = `l.case_id, l.idx, l.incoming, l.stage, l.lane, l.urgency, l.own, l.counterpart, l.reference, l.types,
	l.sealed, l.closed, l.owed, l.due_at_unix, l.due_clock, l.unread, l.opened_at_unix, l.moved_at_unix, l.ended_at_unix,
	l.derived_at_unix, l.again_at_unix`

// lineFields are the places of lineColumns; types are split afterwards.
func lineFields(l *store.Line, types *string) []any {
	return []any{
		&l.Case, &l.Index, &l.Incoming, &l.Stage, &l.Lane, &l.Urgency, &l.Own, &l.Counterpart, &l.Reference, types,
		&l.Sealed, &l.Closed, &l.Owed, &l.DueAt, &l.DueClock, &l.Unread, &l.OpenedAt, &l.MovedAt, &l.EndedAt,
		&l.DerivedAt, &l.AgainAt,
	}
}

// Line implements [store.LineReader].
func (v *Reader) Line(ctx context.Context, caseID string) (store.Line, error) {
	return store.One(list(ctx, v, "a case", func(r *sql.Rows, l *store.Line) error {
		var types string
		err := r.Scan(lineFields(l, &types)...)
		l.Types = strings.Fields(types)
		return err
	}, `SELECT `+lineColumns+` FROM case_line l WHERE l.case_id = ?1`, caseID))
}

// Lines implements [store.LineReader]. What is shown of a case besides its line is
// read only of the cases of the page.
func (v *Reader) Lines(ctx context.Context, f store.LineFilter) ([]store.Listed, error) {
	where, args := lineConditions(f)
	order := map[string]string{
		store.ByDue: "l.due_at_unix, l.idx", store.ByUrgency: "l.urgency DESC, l.idx DESC",
	}[f.Sort]
	if order == "" {
		order = "l.idx DESC"
	}
	inner := order
	if f.Officer != "" || f.Team != "" || f.Tag != "" {
		inner = strings.ReplaceAll(order, "l.", "+l.") // few cases: they are sorted, not looked for in order
	}
	args = append(args, f.Limit)
	return list(ctx, v, "cases", scanListed, `SELECT `+lineColumns+`, coalesce(w.officer, ''), coalesce(w.team, ''),
			coalesce((SELECT string_agg(tag, '
') FROM (SELECT tag FROM case_tag g WHERE g.case_id = l.case_id ORDER BY tag) g), '')
		FROM (SELECT l.case_id AS place FROM case_line l LEFT JOIN case_work w ON w.case_id = l.case_id
			WHERE `+where+` ORDER BY `+inner+` LIMIT ?) x
		CROSS JOIN case_line l ON l.case_id = x.place LEFT JOIN case_work w ON w.case_id = l.case_id ORDER BY `+order, args...)
}

func scanListed(r *sql.Rows, l *store.Listed) error {
	var types, tags string
	if err := r.Scan(append(lineFields(&l.Line, &types), &l.Officer, &l.Team, &tags)...); err != nil {
		return err
	}
	l.Types = strings.Fields(types)
	if tags != "" {
		l.Tags = strings.Split(tags, "\n")
	}
	return nil
}

// CountLines implements [store.LineReader].
func (v *Reader) CountLines(ctx context.Context, f store.LineFilter, most int) (int, error) {
	where, args := lineConditions(f)
	return store.One(list(ctx, v, "cases", func(r *sql.Rows, n *int) error { return r.Scan(n) },
		`SELECT count(*) FROM (SELECT 1 FROM case_line l LEFT JOIN case_work w ON w.case_id = l.case_id WHERE `+where+` LIMIT ?) x`,
		append(args, most)...))
}

// lineConditions are the conditions of a filter. Only what is asked for becomes
// a condition, so that the one that narrows most finds its index; half of all cases
// are in or open, so that an index on that serves only where nothing narrows more.
func lineConditions(f store.LineFilter) (string, []any) {
	where, args := []string{"1 = 1"}, []any{}
	also := func(asked bool, condition string, values ...any) {
		if asked {
			where, args = append(where, condition), append(args, values...)
		}
	}
	wide := "l."
	if f.Sort == store.ByDue || f.Unread || f.Officer != "" || f.Team != "" || f.Tag != "" || f.Counterpart != "" {
		wide = "+l." // keeps the planner from using an index
	}
	also(f.Direction == "in", wide+"incoming = 1")
	also(f.Direction == "out", wide+"incoming = 0")
	also(f.State == "open", wide+"closed = 0")
	also(f.State == "closed", wide+"closed = 1")
	also(f.Stage != "", "l.stage = ?", f.Stage)
	also(f.Lane != "", "l.lane = ?", f.Lane)
	also(f.Own != "", "l.own = ?", f.Own)
	also(f.Counterpart != "", "l.counterpart = ?", f.Counterpart)
	also(f.Type != "", "EXISTS (SELECT 1 FROM case_type t WHERE t.type = ? AND t.case_id = l.case_id)", f.Type)
	also(f.Owed != "", "l.owed IN (?, 'both')", f.Owed)
	also(f.Unread, "l.unread > 0")
	also(f.Unassigned, "coalesce(w.officer, '') = '' AND coalesce(w.team, '') = ''")
	also(f.Officer != "", `l.case_id IN (SELECT case_id FROM case_work WHERE officer = ? AND officer <> ''
		UNION SELECT t.case_id FROM team_member m JOIN case_work t ON t.team = m.team AND t.team <> '' WHERE m.officer = ?)`, f.Officer, f.Officer)
	also(f.Team != "", "l.case_id IN (SELECT case_id FROM case_work WHERE team = ? AND team <> '')", f.Team)
	also(f.Tag != "", "l.case_id IN (SELECT case_id FROM case_tag WHERE tag = ?)", f.Tag)
	also(f.DueFrom > 0, "l.due_at_unix >= ?", f.DueFrom)
	also(f.DueBefore > 0, "l.due_at_unix > 0 AND l.due_at_unix < ?", f.DueBefore)
	also(f.Since > 0, "l.moved_at_unix >= ?", f.Since)
	also(f.OpenedFrom > 0, "l.opened_at_unix >= ?", f.OpenedFrom)
	also(f.OpenedTo > 0, "l.opened_at_unix < ?", f.OpenedTo)
	also(f.Reader != "", readable("l"), f.Reader, f.Reader, f.Reader)
	begun := f.After != store.LineCursor{}
	switch f.Sort {
	case store.ByDue:
		also(true, "l.due_at_unix > 0")
		also(begun, "(l.due_at_unix, l.idx) > (?, ?)", f.After.Key, f.After.Index)
	case store.ByUrgency:
		also(begun, "(l.urgency, l.idx) < (?, ?)", f.After.Key, f.After.Index)
	default:
		also(begun, "l.idx < ?", f.After.Index)
	}
	return strings.Join(where, " AND "), args
}

// readable is the condition that an officer, named three times in the arguments,
// may read a case of the table: it is not sealed, or the officer is named for it,
// assigned to it, or in the team that is.
func readable(table string) string {
	return fmt.Sprintf(`(%[1]s.sealed = 0
		OR EXISTS (SELECT 1 FROM case_reader p WHERE p.case_id = %[1]s.case_id AND p.officer = ?)
		OR EXISTS (SELECT 1 FROM case_work p WHERE p.case_id = %[1]s.case_id AND p.officer = ?)
		OR EXISTS (SELECT 1 FROM case_work p JOIN team_member m ON m.team = p.team WHERE p.case_id = %[1]s.case_id AND m.officer = ?))`, table)
}

func scanID(r *sql.Rows, id *string) error { return r.Scan(id) }

// LinesDue implements [store.LineReader].
func (v *Reader) LinesDue(ctx context.Context, at int64, limit int) ([]string, error) {
	return list(ctx, v, "cases", scanID,
		`SELECT case_id FROM case_line WHERE again_at_unix > 0 AND again_at_unix <= ?1 ORDER BY again_at_unix LIMIT ?2`, at, limit)
}

// CaseIDs implements [store.LineReader].
func (v *Reader) CaseIDs(ctx context.Context, after string, limit int) ([]string, error) {
	return list(ctx, v, "cases", scanID,
		`SELECT DISTINCT case_id FROM letter WHERE case_id > ?1 ORDER BY case_id LIMIT ?2`, after, limit)
}

// LineIDs implements [store.LineReader].
func (v *Reader) LineIDs(ctx context.Context, after string, limit int) ([]string, error) {
	return list(ctx, v, "cases", scanID,
		`SELECT case_id FROM case_line WHERE case_id > ?1 ORDER BY case_id LIMIT ?2`, after, limit)
}

// Refers implements [store.LineReader].
func (v *Reader) Refers(ctx context.Context, caseID string) ([]string, error) {
	return list(ctx, v, "links", scanID,
		`SELECT refers_to FROM case_link WHERE case_id = ?1 ORDER BY refers_to`, caseID)
}

// PutIndexVersion implements [store.LineWriter].
func (w *Writer) PutIndexVersion(ctx context.Context, version int64) error {
	return w.exec(ctx, "the index", `UPDATE index_version SET version = ?1`, version)
}

// PutLine implements [store.LineWriter].
func (w *Writer) PutLine(ctx context.Context, l store.Line) error {
	return errors.Join(
		w.exec(ctx, "a case", `DELETE FROM case_line WHERE case_id = ?1`, l.Case),
		w.exec(ctx, "a case", `INSERT INTO case_line (case_id, idx, incoming, stage, lane, urgency, own, counterpart, reference, types,
			sealed, closed, owed, due_at_unix, due_clock, unread, opened_at_unix, moved_at_unix, ended_at_unix, derived_at_unix, again_at_unix)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)`,
			l.Case, l.Index, l.Incoming, l.Stage, l.Lane, l.Urgency, l.Own, l.Counterpart, l.Reference, strings.Join(l.Types, " "),
			l.Sealed, l.Closed, l.Owed, l.DueAt, l.DueClock, l.Unread, l.OpenedAt, l.MovedAt, l.EndedAt, l.DerivedAt, l.AgainAt),
		w.putTypes(ctx, l),
	)
}

func (w *Writer) putTypes(ctx context.Context, l store.Line) error {
	for _, t := range l.Types {
		if err := w.exec(ctx, "a case", `INSERT INTO case_type (type, case_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING`, t, l.Case); err != nil {
			return err
		}
	}
	return nil
}

// DeleteLine implements [store.LineWriter].
func (w *Writer) DeleteLine(ctx context.Context, caseID string) error {
	return w.exec(ctx, "a case", `DELETE FROM case_line WHERE case_id = ?1`, caseID)
}
