package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/entraide/entraide/internal/store"
)

//go:embed mirrormigrations/*.sql
var mirrorMigrations embed.FS

// A Mirror is the database of an auditor's mirror: the entries that the auditor
// has been shown, and what follows from them. One process has it open for
// writing; others may read.
type Mirror struct {
	writer *sql.DB // one connection
	reader *sql.DB
}

// OpenMirror opens the database file, making it (mode 0600) and bringing its
// schema up to date as needed.
func OpenMirror(ctx context.Context, path string) (*Mirror, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlite: opening the file: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("sqlite: opening the file: %w", err)
	}
	db := &Mirror{}
	if db.writer, err = connect(path, "immediate", 1); err != nil {
		return nil, err
	}
	if db.reader, err = connect(path, "deferred", readers); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := migrate(ctx, db.writer, mirrorMigrations, "mirrormigrations"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close releases the database.
func (db *Mirror) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// write runs fn in one transaction.
func (db *Mirror) write(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := db.writer.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("sqlite: beginning to write: %w", err)
	}
	defer tx.Rollback() // does nothing after the commit
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlite: committing: %w", err)
	}
	return nil
}

// scan calls fn for each row of a query.
func scan(ctx context.Context, db *sql.DB, fn func(*sql.Rows) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("sqlite: reading the mirror: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sqlite: reading the mirror: %w", err)
	}
	return nil
}

const auditColumns = `idx, kind, at_unix, sender, recipient, case_id, act, lane, stage, code, seq, ref, digest`

// Keep stores entries; those that are there already stay. What an entry says to
// be erased loses its private half.
func (db *Mirror) Keep(ctx context.Context, entries []store.AuditEntry) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT OR IGNORE INTO entry (`+auditColumns+`, salt, body)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)`)
		if err != nil {
			return fmt.Errorf("sqlite: keeping entries: %w", err)
		}
		defer insert.Close()
		concern, err := tx.PrepareContext(ctx, `INSERT OR IGNORE INTO concern (party, idx, kind) VALUES (?1, ?2, ?3)`)
		if err != nil {
			return fmt.Errorf("sqlite: keeping entries: %w", err)
		}
		defer concern.Close()
		for _, e := range entries {
			if _, err := insert.ExecContext(ctx, e.Index, e.Kind, e.At, e.Sender, e.Recipient, e.Case, e.Act, e.Lane, e.Stage,
				e.Code, e.Seq, e.Ref, e.Digest, e.Salt, e.Body); err != nil {
				return fmt.Errorf("sqlite: keeping entry %d: %w", e.Index, err)
			}
			for _, party := range e.Parties {
				if _, err := concern.ExecContext(ctx, party, e.Index, e.Kind); err != nil {
					return fmt.Errorf("sqlite: keeping entry %d: %w", e.Index, err)
				}
			}
		}
		return nil
	})
}

// Settle gives receipts the case of their message, if it stands before them, and takes the private halves
// of what was erased out of the tables and the files.
func (db *Mirror) Settle(ctx context.Context) error {
	var erased int64
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO concern (party, idx, kind)
			SELECT substr(who, 1, instr(who, '.') - 1), idx, 'receipt' FROM (
				SELECT m.sender AS who, e.idx AS idx FROM entry e JOIN entry m ON m.kind = 'message' AND m.ref = e.ref AND m.idx < e.idx
				WHERE e.kind = 'receipt' AND e.case_id = ''
				UNION ALL
				SELECT m.recipient, e.idx FROM entry e JOIN entry m ON m.kind = 'message' AND m.ref = e.ref AND m.idx < e.idx
				WHERE e.kind = 'receipt' AND e.case_id = '')`); err != nil {
			return fmt.Errorf("sqlite: settling entries: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE entry SET (case_id, lane, sender, recipient) =
			(SELECT m.case_id, m.lane, m.sender, m.recipient FROM entry m WHERE m.kind = 'message' AND m.ref = entry.ref AND m.idx < entry.idx)
			WHERE kind = 'receipt' AND case_id = '' AND EXISTS (SELECT 1 FROM entry m WHERE m.kind = 'message' AND m.ref = entry.ref AND m.idx < entry.idx)`); err != nil {
			return fmt.Errorf("sqlite: settling entries: %w", err)
		}
		res, err := tx.ExecContext(ctx, `UPDATE entry SET salt = NULL, body = NULL
			WHERE body IS NOT NULL AND idx IN (SELECT seq FROM entry WHERE kind = 'erasure')`)
		if err != nil {
			return fmt.Errorf("sqlite: settling entries: %w", err)
		}
		erased, err = res.RowsAffected()
		return err
	})
	if err != nil || erased == 0 {
		return err
	}
	return purge(ctx, db.writer)
}

// Orders of entries.
const (
	ByIndex = `ORDER BY idx`
	// ByCase leaves out what is about no case.
	ByCase = `WHERE case_id <> '' ORDER BY case_id, idx`
	// ByPair has messages only, of each sender to each recipient by number.
	ByPair = `WHERE kind = 'message' ORDER BY sender, recipient, seq, idx`
)

// Each calls fn with every entry of a view, without its private half, in one of the
// orders.
func (db *Mirror) Each(ctx context.Context, v View, order string, fn func(store.AuditEntry) error) error {
	from, args := `entry`, []any{}
	if !v.whole() {
		from, args = v.entries(), append(args, v.Size)
	}
	return scan(ctx, db.reader, func(r *sql.Rows) error {
		var e store.AuditEntry
		if err := r.Scan(&e.Index, &e.Kind, &e.At, &e.Sender, &e.Recipient, &e.Case, &e.Act, &e.Lane, &e.Stage, &e.Code, &e.Seq, &e.Ref, &e.Digest); err != nil {
			return err
		}
		return fn(e)
	}, `SELECT `+auditColumns+` FROM `+from+` `+order, args...)
}

// Erased reports whether an entry says that the one of an index was erased.
func (db *Mirror) Erased(ctx context.Context, index int64) (bool, error) {
	found := false
	err := scan(ctx, db.reader, func(*sql.Rows) error { found = true; return nil },
		`SELECT 1 FROM entry WHERE kind = 'erasure' AND seq = ?1 LIMIT 1`, index)
	return found, err
}

// Count returns how many entries are kept.
func (db *Mirror) Count(ctx context.Context) (n int64, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&n) }, `SELECT count(*) FROM entry`)
	return n, err
}

// PutLook notes a checkpoint; one of a size that is known only moves on when it
// was last seen, and takes a note with more signatures.
func (db *Mirror) PutLook(ctx context.Context, l store.Look) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO look (size, at_unix, cosigned, seen_unix, note) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (size) DO UPDATE SET seen_unix = excluded.seen_unix,
				note = CASE WHEN length(excluded.note) > length(note) THEN excluded.note ELSE note END`, l.Size, l.At, l.Cosigned, l.Seen, l.Note)
		return err
	})
}

// Looks returns the checkpoints that were noted, by size.
func (db *Mirror) Looks(ctx context.Context) (looks []store.Look, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error {
		var l store.Look
		defer func() { looks = append(looks, l) }()
		return r.Scan(&l.Size, &l.At, &l.Cosigned, &l.Seen)
	}, `SELECT size, at_unix, cosigned, seen_unix FROM look ORDER BY size`)
	return looks, err
}

// FirstLook returns when the first checkpoint was noted, in Unix seconds; 0 if none
// was.
func (db *Mirror) FirstLook(ctx context.Context) (at int64, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&at) }, `SELECT at_unix FROM look ORDER BY size LIMIT 1`)
	return at, err
}

// ErasedBy returns the index of the entry that says the one of an index to be
// erased; -1 if there is none.
func (db *Mirror) ErasedBy(ctx context.Context, index int64) (by int64, err error) {
	by = -1
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&by) },
		`SELECT idx FROM entry WHERE kind = 'erasure' AND seq = ?1 ORDER BY idx LIMIT 1`, index)
	return by, err
}

// Mark returns a note of the mirror's own, "" if there is none.
func (db *Mirror) Mark(ctx context.Context, name string) (value string, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&value) }, `SELECT value FROM mark WHERE name = ?1`, name)
	return value, err
}

// PutMark keeps a note.
func (db *Mirror) PutMark(ctx context.Context, name, value string) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO mark (name, value) VALUES (?1, ?2)`, name, value)
		return err
	})
}

// Figures returns the figures of all pairs, or of those with a party.
func (db *Mirror) Figures(ctx context.Context, party string) (figures []store.Figure, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error {
		f := store.Figure{}
		var stages string
		err := r.Scan(&f.Requesting, &f.Requested, &f.Lane, &f.Cases, &f.Messages, &stages, &f.Overdue, &f.Acknowledged,
			&f.AcknowledgedP50, &f.AcknowledgedP90, &f.Answered, &f.AnsweredP50, &f.AnsweredP90)
		if err == nil {
			err = json.Unmarshal([]byte(stages), &f.Stages)
		}
		figures = append(figures, f)
		return err
	}, `SELECT requesting, requested, lane, cases, messages, stages, overdue, acknowledged, coalesce(acknowledged_p50, -1),
		coalesce(acknowledged_p90, -1), answered, coalesce(answered_p50, -1), coalesce(answered_p90, -1)
		FROM figure WHERE ?1 IN ('', requesting, requested) ORDER BY requesting, requested, lane`, party)
	return figures, err
}

// Tallies returns what was counted under a heading: kind, code or statement.
func (db *Mirror) Tallies(ctx context.Context, what string) (tallies []store.Tally, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error {
		var t store.Tally
		defer func() { tallies = append(tallies, t) }()
		return r.Scan(&t.Name, &t.Count)
	}, `SELECT name, count FROM tally WHERE what = ?1 ORDER BY name`, what)
	return tallies, err
}

// A MirrorFilter says which entries or cases a list holds. Empty members do not
// filter; Party is one of either side.
type MirrorFilter struct {
	Kind, Code, Case, Stage, Lane, Party string
	Ref                                  string // of messages: their id
	Since, Until                         int64  // of entries: Unix seconds of the first, and of what comes after the last
	Requesting, Requested                string // of cases: parties
	Overdue                              bool   // cases in which a deadline has passed
	// AcknowledgedOver and AnsweredOver hold cases for which that took longer, in
	// seconds.
	AcknowledgedOver, AnsweredOver int64
}

// Entries lists entries of index < before, the newest first, limit at most.
func (db *Mirror) Entries(ctx context.Context, f MirrorFilter, before int64, limit int) ([]store.AuditEntry, error) {
	if f.Since == 0 && f.Until == 0 {
		return db.entries(ctx, f, 0, before, limit)
	}
	if f.Until == 0 {
		f.Until = math.MaxInt64
	}
	from, to, derived, err := db.span(ctx, f)
	if err != nil {
		return nil, err
	}
	list, err := db.entries(ctx, f, max(from, derived), before, limit)
	if err != nil || len(list) == limit {
		return list, err
	}
	older, err := db.entries(ctx, f, from, min(before, to, derived), limit-len(list))
	return append(list, older...), err
}

// span bounds the indices of entries of a time by the days of the last derivation,
// which had seen the entries before the index derived: of these, none outside of
// [from, to) is of that time.
func (db *Mirror) span(ctx context.Context, f MirrorFilter) (from, to, derived int64, err error) {
	day := func(unix int64) string {
		return time.Unix(min(unix, lastDay), 0).UTC().Format(time.DateOnly)
	}
	err = scan(ctx, db.reader, func(r *sql.Rows) error { return r.Scan(&from, &to, &derived) }, `SELECT
		coalesce((SELECT min(count) FROM tally WHERE what = 'day.first' AND name >= ?1), 0),
		coalesce((SELECT max(count) + 1 FROM tally WHERE what = 'day.last' AND name <= ?2), 0),
		coalesce((SELECT max(count) + 1 FROM tally WHERE what = 'day.last'), 0)`, day(f.Since), day(f.Until))
	return from, to, derived, err
}

// lastDay is the end of the year 9999.
const lastDay = 253402300799

// entries lists entries of index from and more, and < before.
func (db *Mirror) entries(ctx context.Context, f MirrorFilter, least, before int64, limit int) (list []store.AuditEntry, err error) {
	from, args := `entry e WHERE e.idx < ?1 AND e.idx >= ?3`, []any{before, limit, least}
	order := `e.idx`
	switch {
	case f.Party != "" && f.Code != "":
		args = append(args, f.Party)
		from += ` AND EXISTS (SELECT 1 FROM concern k WHERE k.party = ?4 AND k.idx = e.idx)`
	case f.Party != "":
		args, order = append(args, f.Party, f.Kind), `k.idx`
		from = `concern k CROSS JOIN entry e ON e.idx = k.idx WHERE k.party = ?4 AND ?5 IN ('', k.kind) AND k.idx < ?1 AND k.idx >= ?3`
		if f.Kind != "" {
			from = `concern k INDEXED BY concern_kind CROSS JOIN entry e ON e.idx = k.idx WHERE k.party = ?4 AND k.kind = ?5 AND k.idx < ?1 AND k.idx >= ?3`
		}
	}
	for _, c := range []struct{ column, value string }{
		{"kind", f.Kind}, {"code", f.Code}, {"case_id", f.Case}, {"stage", f.Stage}, {"lane", f.Lane}, {"ref", f.Ref},
	} {
		if c.value != "" {
			args = append(args, c.value)
			from += fmt.Sprintf(` AND e.%s = ?%d`, c.column, len(args))
		}
	}
	if f.Case != "" {
		from += ` AND e.case_id <> ''` // the index is of these
	}
	if f.Ref != "" {
		from += ` AND e.kind = 'message'` // so is this one
	}
	if f.Until != 0 {
		args = append(args, f.Since, f.Until)
		from += fmt.Sprintf(` AND e.at_unix >= ?%d AND e.at_unix < ?%d`, len(args)-1, len(args))
	}
	err = scan(ctx, db.reader, func(r *sql.Rows) error {
		var e store.AuditEntry
		err := r.Scan(&e.Index, &e.Kind, &e.At, &e.Sender, &e.Recipient, &e.Case, &e.Act, &e.Lane, &e.Stage, &e.Code, &e.Seq, &e.Ref, &e.Digest, &e.Salt, &e.Body)
		list = append(list, e)
		return err
	}, `SELECT e.idx, e.kind, e.at_unix, e.sender, e.recipient, e.case_id, e.act, e.lane, e.stage, e.code, e.seq, e.ref, e.digest, e.salt, e.body
		FROM `+from+` ORDER BY `+order+` DESC LIMIT ?2`, args...)
	return list, err
}

// Matters lists cases whose newest entry has an index < before, the newest
// first, limit at most. Kind and Code do not filter.
func (db *Mirror) Matters(ctx context.Context, f MirrorFilter, before int64, limit int) (list []store.Matter, err error) {
	where, args := `last_idx < ?1`, []any{before, limit}
	for _, c := range []struct{ condition, value string }{
		{"case_id = ?%d", f.Case}, {"stage = ?%d", f.Stage}, {"lane = ?%d", f.Lane}, {"?%[1]d IN (requesting_party, requested_party)", f.Party},
		{"requesting_party = ?%d", f.Requesting}, {"requested_party = ?%d", f.Requested},
	} {
		if c.value != "" {
			args = append(args, c.value)
			where += ` AND ` + fmt.Sprintf(c.condition, len(args))
		}
	}
	if f.Overdue {
		where += ` AND overdue > 0`
	}
	for column, over := range map[string]int64{"acknowledged_secs": f.AcknowledgedOver, "answered_secs": f.AnsweredOver} {
		if over > 0 {
			args = append(args, over)
			where += fmt.Sprintf(` AND %s > ?%d`, column, len(args))
		}
	}
	err = scan(ctx, db.reader, func(r *sql.Rows) error {
		var m store.Matter
		err := r.Scan(&m.Case, &m.Requesting, &m.Requested, &m.Lane, &m.Opening, &m.Stage, &m.First, &m.Last, &m.OpenedAt, &m.MovedAt,
			&m.Delivered, &m.Acknowledged, &m.Answered, &m.Messages, &m.Overdue)
		list = append(list, m)
		return err
	}, `SELECT case_id, requesting, requested, lane, opening, stage, first_idx, last_idx, opened_at_unix, moved_at_unix, coalesce(delivered_secs, -1),
		coalesce(acknowledged_secs, -1), coalesce(answered_secs, -1), messages, overdue FROM matter WHERE `+where+` ORDER BY last_idx DESC LIMIT ?2`, args...)
	return list, err
}
