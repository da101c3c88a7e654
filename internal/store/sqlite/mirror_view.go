package sqlite

import (
	"context"
	"database/sql"

	"github.com/entraide/entraide/internal/store"
)

// A View is which entries of a mirror are looked at. The zero view has all.
type View struct {
	// Size leaves out the entries from this index on, and those that an entry before
	// it says to be erased, whether they are kept or not: everybody who was shown the
	// same exchanges sees the same of it, whenever they were shown them. 0 leaves out
	// nothing.
	Size int64
}

func (v View) whole() bool { return v.Size == 0 }

// covered is the condition that an entry, by its name in a query of which ?1 is the
// size, is in the view. The plus keeps the order of an index.
func covered(name string) string {
	return `+` + name + `.idx < ?1 AND NOT EXISTS (SELECT 1 FROM entry x WHERE x.kind = 'erasure' AND x.seq = ` + name + `.idx AND x.idx < ?1)`
}

// entries is the view in the place of the table. A receipt whose message is not in
// it is about no case.
func (v View) entries() string {
	orphaned := `e.kind = 'receipt' AND NOT EXISTS (SELECT 1 FROM entry m WHERE m.kind = 'message' AND m.ref = e.ref AND ` + covered("m") + `)`
	return `(SELECT e.idx, e.kind, e.at_unix, e.sender, e.recipient, CASE WHEN ` + orphaned + ` THEN '' ELSE e.case_id END AS case_id,
		e.act, e.lane, e.stage, e.code, e.seq, e.ref, e.digest FROM entry e WHERE ` + covered("e") + `)`
}

// ErasedBetween reports whether an entry of an index in [from, to) was erased and is
// not in the view.
func (db *Mirror) ErasedBetween(ctx context.Context, v View, from, to int64) (bool, error) {
	found := false
	err := scan(ctx, db.reader, func(*sql.Rows) error { found = true; return nil }, `SELECT 1 FROM entry e WHERE e.kind = 'erasure'
		AND e.seq >= ?2 AND e.seq < ?3 AND (e.idx < ?1 OR NOT EXISTS (SELECT 1 FROM entry k WHERE k.idx = e.seq)) LIMIT 1`, v.Size, from, to)
	return found, err
}

// HasMessage reports whether the view has a message of an id.
func (db *Mirror) HasMessage(ctx context.Context, v View, id string) (bool, error) {
	query, args := `SELECT 1 FROM entry m WHERE m.kind = 'message' AND m.ref = ?2`, []any{v.Size, id}
	if !v.whole() {
		query += ` AND ` + covered("m")
	}
	found := false
	err := scan(ctx, db.reader, func(*sql.Rows) error { found = true; return nil }, query+` LIMIT 1`, args...)
	return found, err
}

// Limits calls fn with every deadline of a view that passed: of which pair, in which
// lane, and how many seconds after the opening of the case it was due.
func (db *Mirror) Limits(ctx context.Context, v View, fn func(from, to, lane, clock string, seconds int64)) error {
	of, args := func(string) string { return `1` }, []any{}
	if !v.whole() {
		of, args = covered, append(args, v.Size)
	}
	return scan(ctx, db.reader, func(r *sql.Rows) error {
		var from, to, lane, clock string
		var seconds int64
		if err := r.Scan(&from, &to, &lane, &clock, &seconds); err != nil {
			return err
		}
		fn(from, to, lane, clock, seconds)
		return nil
	}, `SELECT d.sender, d.recipient, m.lane, d.act, d.seq - m.at_unix FROM entry d JOIN entry m ON m.idx =
		(SELECT min(o.idx) FROM entry o WHERE o.case_id = d.case_id AND o.case_id <> '' AND o.kind = 'message' AND `+of("o")+`)
		WHERE d.kind = 'deadline' AND `+of("d"), args...)
}

// A Span is the entries of a view whose time is in [From, To), in Unix seconds.
type Span struct {
	View
	From, To int64
}

// spanned calls fn with each row of a query over the entries of a span.
func (db *Mirror) spanned(ctx context.Context, s Span, fn func(*sql.Rows) error, columns, where string) error {
	return scan(ctx, db.reader, fn, `SELECT `+columns+` FROM entry e WHERE `+covered("e")+` AND e.at_unix >= ?2 AND e.at_unix < ?3 AND `+where, s.Size, s.From, s.To)
}

// TallyOf counts entries of a span by kind, and its refusals by code.
func (db *Mirror) TallyOf(ctx context.Context, s Span) (kinds, refusals []store.Tally, err error) {
	into := func(list *[]store.Tally) func(*sql.Rows) error {
		return func(r *sql.Rows) error {
			var t store.Tally
			err := r.Scan(&t.Name, &t.Count)
			*list = append(*list, t)
			return err
		}
	}
	if err := db.spanned(ctx, s, into(&kinds), `e.kind, count(*)`, `1 GROUP BY 1 ORDER BY 1`); err != nil {
		return nil, nil, err
	}
	err = db.spanned(ctx, s, into(&refusals), `e.code, count(*)`, `e.kind = 'rejection' GROUP BY 1 ORDER BY 1`)
	return kinds, refusals, err
}

// MessagesOf calls fn with how many messages of a span there were on a day in a
// lane, by day and lane.
func (db *Mirror) MessagesOf(ctx context.Context, s Span, fn func(day, lane string, count int64)) error {
	return db.spanned(ctx, s, func(r *sql.Rows) error {
		var day, lane string
		var count int64
		err := r.Scan(&day, &lane, &count)
		fn(day, lane, count)
		return err
	}, `date(e.at_unix, 'unixepoch'), e.lane, count(*)`, `e.kind = 'message' GROUP BY 1, 2 ORDER BY 1, 2`)
}

// OverdueOf calls fn with how many deadlines of a span passed, by the parties that
// ask and are asked, and by clock.
func (db *Mirror) OverdueOf(ctx context.Context, s Span, fn func(requesting, requested, clock string, count int64)) error {
	return db.spanned(ctx, s, func(r *sql.Rows) error {
		var requesting, requested, clock string
		var count int64
		err := r.Scan(&requesting, &requested, &clock, &count)
		fn(requesting, requested, clock, count)
		return err
	}, `substr(e.sender, 1, instr(e.sender, '.') - 1), substr(e.recipient, 1, instr(e.recipient, '.') - 1), e.act, count(*)`,
		`e.kind = 'deadline' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`)
}

// StatementsOf returns the entries of a span that are of directory statements, by
// index.
func (db *Mirror) StatementsOf(ctx context.Context, s Span) (list []store.AuditEntry, err error) {
	err = db.spanned(ctx, s, func(r *sql.Rows) error {
		e := store.AuditEntry{Kind: "statement"}
		err := r.Scan(&e.Index, &e.At, &e.Sender, &e.Code, &e.Seq, &e.Digest)
		list = append(list, e)
		return err
	}, `e.idx, e.at_unix, e.sender, e.code, e.seq, e.digest`, `e.kind = 'statement' ORDER BY e.idx`)
	return list, err
}

// Known counts the entries of a view.
func (db *Mirror) Known(ctx context.Context, v View) (n int64, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&n) }, `SELECT count(*) FROM entry e WHERE `+covered("e"), v.Size)
	return n, err
}

// ErasedIn counts the entries that the view leaves out because one of it says that
// they were erased.
func (db *Mirror) ErasedIn(ctx context.Context, v View) (n int64, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&n) }, `SELECT count(DISTINCT e.seq) FROM entry e WHERE e.kind = 'erasure' AND e.idx < ?1 AND e.seq < ?1`, v.Size)
	return n, err
}

// TimeAt returns the time of the newest entry of a view up to an index, in Unix
// seconds; 0 if there is none.
func (db *Mirror) TimeAt(ctx context.Context, v View, index int64) (at int64, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&at) },
		`SELECT e.at_unix FROM entry e WHERE e.idx <= ?2 AND `+covered("e")+` ORDER BY e.idx DESC LIMIT 1`, v.Size, index)
	return at, err
}

// NoteOf returns the signed note of the checkpoint of a size, "" if it is not known.
func (db *Mirror) NoteOf(ctx context.Context, size int64) (note string, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&note) }, `SELECT note FROM look WHERE size = ?1`, size)
	return note, err
}
