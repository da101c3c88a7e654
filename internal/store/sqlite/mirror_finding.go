package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// PutFinding keeps a finding that does not follow from the entries, once.
func (db *Mirror) PutFinding(ctx context.Context, f store.Finding) error {
	values, err := findingValues(f)
	if err != nil {
		return err
	}
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, putFinding+` WHERE NOT EXISTS (SELECT 1 FROM finding WHERE key = ?10)`, values...)
		return err
	})
}

const putFinding = `INSERT INTO finding (code, grave, idx, case_id, who, text, evidence, at_unix, derived, key, said) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11`

func findingValues(f store.Finding) ([]any, error) {
	said := ""
	if f.Said.Name != "" {
		text, err := json.Marshal(f.Said)
		if err != nil {
			return nil, fmt.Errorf("sqlite: writing a finding: %w", err)
		}
		said = string(text)
	}
	return []any{f.Code, f.Grave, f.Index, f.Case, f.Who, f.Text, f.Evidence, f.At, f.Derived, f.Key, said}, nil
}

// Rekey gives findings that were kept before there were keys theirs.
func (db *Mirror) Rekey(ctx context.Context, key func(store.Finding) string) error {
	old, _, err := db.findings(ctx, `f.key = ''`, 0, -1)
	if err != nil || len(old) == 0 {
		return err
	}
	return db.write(ctx, func(tx *sql.Tx) error {
		for _, f := range old {
			if _, err := tx.ExecContext(ctx, `UPDATE finding SET key = ?1 WHERE key = '' AND code = ?2 AND text = ?3`, key(f), f.Code, f.Text); err != nil {
				return fmt.Errorf("sqlite: naming findings: %w", err)
			}
		}
		return nil
	})
}

// A FindingFilter says which findings a list holds. Empty members do not filter.
type FindingFilter struct {
	Key, Code, State, Case string
	Grave                  bool   // only evidence of misbehaviour
	Entry                  *int64 // index
}

// lastState is the state that the newest remark has given a finding f, and stateOf
// the state that it has.
const (
	lastState = `(SELECT r.state FROM remark r WHERE r.finding = f.key ORDER BY r.number DESC LIMIT 1)`
	stateOf   = `coalesce(` + lastState + `, 'open')`
)

// Findings returns the findings of a filter from an id on, limit at most, with the
// id to go on from.
func (db *Mirror) Findings(ctx context.Context, filter FindingFilter, from int64, limit int) (found []store.Finding, next int64, err error) {
	where, args := `1`, []any{}
	for _, c := range []struct{ column, value string }{{"f.key", filter.Key}, {"f.code", filter.Code}, {"f.case_id", filter.Case}, {stateOf, filter.State}} {
		if c.value != "" {
			args = append(args, c.value)
			where += fmt.Sprintf(` AND %s = ?%d`, c.column, len(args)+2)
		}
	}
	if filter.Grave {
		where += ` AND f.grave`
	}
	if filter.Entry != nil {
		args = append(args, *filter.Entry)
		where += fmt.Sprintf(` AND f.idx = ?%d`, len(args)+2)
	}
	return db.findings(ctx, where, from, limit, args...)
}

// findings returns those of a condition; a limit of -1 is none.
func (db *Mirror) findings(ctx context.Context, where string, from int64, limit int, args ...any) (found []store.Finding, next int64, err error) {
	next = from
	err = scan(ctx, db.reader, func(r *sql.Rows) error {
		var (
			f    store.Finding
			said string
		)
		err := r.Scan(&next, &f.Code, &f.Grave, &f.Index, &f.Case, &f.Who, &f.Text, &f.Evidence, &f.At, &f.Derived, &f.Key, &said, &f.State)
		if err == nil && said != "" {
			err = json.Unmarshal([]byte(said), &f.Said)
		}
		found, next = append(found, f), next+1
		return err
	}, `SELECT f.id, f.code, f.grave, f.idx, f.case_id, f.who, f.text, f.evidence, f.at_unix, f.derived, f.key, f.said, coalesce(`+lastState+`, '')
		FROM finding f WHERE f.id >= ?1 AND `+where+` ORDER BY f.id LIMIT ?2`, append([]any{from, limit}, args...)...)
	return found, next, err
}

// FindingCounts counts the findings by code and state.
func (db *Mirror) FindingCounts(ctx context.Context) (counts []store.FindingCount, err error) {
	err = scan(ctx, db.reader, func(r *sql.Rows) error {
		var c store.FindingCount
		err := r.Scan(&c.Code, &c.State, &c.Grave, &c.Count)
		counts = append(counts, c)
		return err
	}, `SELECT f.code, `+stateOf+` AS state, max(f.grave), count(*) FROM finding f GROUP BY f.code, state ORDER BY f.code, state`)
	return counts, err
}

const remarkColumns = `number, finding, about, state, comment, by, at_unix, previous, hash`

// markRemarks is the note that holds the hash of the last remark.
const markRemarks = "remarks"

// PutRemark adds a remark behind the last, after checking those before it, and
// returns it with its place. It returns [store.ErrRemarks].
func (db *Mirror) PutRemark(ctx context.Context, r store.Remark) (store.Remark, error) {
	err := db.write(ctx, func(tx *sql.Tx) error {
		last, err := checkRemarks(ctx, tx)
		if err != nil {
			return err
		}
		r.Number, r.Previous = last.Number+1, last.Hash
		if r.Hash, err = r.Sum(); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO remark (`+remarkColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
			r.Number, r.Finding, r.About, r.State, r.Comment, r.By, r.At, r.Previous, r.Hash); err != nil {
			return fmt.Errorf("sqlite: keeping a remark: %w", err)
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO mark (name, value) VALUES (?1, ?2)`, markRemarks, r.Hash)
		return err
	})
	return r, err
}

// CheckRemarks reads all remarks and returns the last; one of number 0 is none. It
// returns [store.ErrRemarks] with the place of what was altered or taken out.
func (db *Mirror) CheckRemarks(ctx context.Context) (last store.Remark, err error) {
	tx, err := db.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return last, fmt.Errorf("sqlite: reading the mirror: %w", err)
	}
	defer tx.Rollback() // nothing was written
	return checkRemarks(ctx, tx)
}

// A queryer is a transaction or a pool.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func checkRemarks(ctx context.Context, db queryer) (last store.Remark, err error) {
	if err := eachRemark(ctx, db, func(r store.Remark) error {
		sum, err := r.Sum()
		if err != nil {
			return err
		}
		if r.Number != last.Number+1 {
			return fmt.Errorf("%w: number %d", store.ErrRemarks, last.Number+1)
		}
		if r.Previous != last.Hash || r.Hash != sum {
			return fmt.Errorf("%w: number %d", store.ErrRemarks, r.Number)
		}
		last = r
		return nil
	}, ``); err != nil {
		return last, err
	}
	var head string
	if err := db.QueryRowContext(ctx, `SELECT value FROM mark WHERE name = ?1`, markRemarks).Scan(&head); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return last, fmt.Errorf("sqlite: reading the mirror: %w", err)
	}
	if head != last.Hash {
		return last, fmt.Errorf("%w: behind number %d", store.ErrRemarks, last.Number)
	}
	return last, nil
}

// Remarks returns the remarks on a finding, or with none all, the oldest first.
func (db *Mirror) Remarks(ctx context.Context, finding string) (list []store.Remark, err error) {
	err = eachRemark(ctx, db.reader, func(r store.Remark) error { list = append(list, r); return nil }, finding)
	return list, err
}

func eachRemark(ctx context.Context, db queryer, fn func(store.Remark) error, finding string) error {
	rows, err := db.QueryContext(ctx, `SELECT `+remarkColumns+` FROM remark WHERE ?1 IN ('', finding) ORDER BY number`, finding)
	if err != nil {
		return fmt.Errorf("sqlite: reading remarks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r store.Remark
		if err := rows.Scan(&r.Number, &r.Finding, &r.About, &r.State, &r.Comment, &r.By, &r.At, &r.Previous, &r.Hash); err != nil {
			return fmt.Errorf("sqlite: reading remarks: %w", err)
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sqlite: reading remarks: %w", err)
	}
	return nil
}
