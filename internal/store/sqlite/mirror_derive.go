package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// A Derivation writes anew what follows from the entries of a mirror. Readers
// see the old or the new.
type Derivation struct {
	tx              *sql.Tx
	matter, finding *sql.Stmt
}

// Derive replaces matters, findings, figures and tallies by what fn writes; it
// sums up figures and tallies itself.
func (db *Mirror) Derive(ctx context.Context, fn func(*Derivation) error) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		for _, query := range []string{`DELETE FROM matter`, `DELETE FROM finding WHERE derived`, `DELETE FROM figure`, `DELETE FROM tally`} {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				return fmt.Errorf("sqlite: deriving: %w", err)
			}
		}
		d := &Derivation{tx: tx}
		if err := d.prepare(ctx); err != nil {
			return err
		}
		defer d.matter.Close()
		defer d.finding.Close()
		if err := fn(d); err != nil {
			return err
		}
		for _, query := range sums {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				return fmt.Errorf("sqlite: summing up: %w", err)
			}
		}
		return nil
	})
}

func (d *Derivation) prepare(ctx context.Context) (err error) {
	if d.matter, err = d.tx.PrepareContext(ctx, `INSERT INTO matter (case_id, requesting, requested, requesting_party, requested_party, lane,
		opening, stage, first_idx, last_idx, opened_at_unix, moved_at_unix, delivered_secs, acknowledged_secs, answered_secs, messages, overdue)
		VALUES (?1, ?2, ?3, substr(?2, 1, instr(?2, '.') - 1), substr(?3, 1, instr(?3, '.') - 1), ?4, ?5, ?6, ?7, ?8, ?9, ?10,
		nullif(?11, -1), nullif(?12, -1), nullif(?13, -1), ?14, ?15)`); err != nil {
		return fmt.Errorf("sqlite: deriving: %w", err)
	}
	if d.finding, err = d.tx.PrepareContext(ctx, putFinding); err != nil {
		return fmt.Errorf("sqlite: deriving: %w", err)
	}
	return nil
}

// Matter writes a case.
func (d *Derivation) Matter(ctx context.Context, m store.Matter) error {
	_, err := d.matter.ExecContext(ctx, m.Case, m.Requesting, m.Requested, m.Lane, m.Opening, m.Stage, m.First, m.Last, m.OpenedAt, m.MovedAt,
		m.Delivered, m.Acknowledged, m.Answered, m.Messages, m.Overdue)
	if err != nil {
		return fmt.Errorf("sqlite: writing a case: %w", err)
	}
	return nil
}

// Finding writes a finding.
func (d *Derivation) Finding(ctx context.Context, f store.Finding) error {
	f.Derived = true
	values, err := findingValues(f)
	if err != nil {
		return err
	}
	if _, err := d.finding.ExecContext(ctx, values...); err != nil {
		return fmt.Errorf("sqlite: writing a finding: %w", err)
	}
	return nil
}

// sums make figures and tallies. The nth percentile is the smallest value that
// n of a hundred do not exceed.
var sums = []string{
	`INSERT INTO tally (what, name, count) SELECT 'kind', kind, count(*) FROM entry GROUP BY kind`,
	`INSERT INTO tally (what, name, count) SELECT 'code', code, count(*) FROM entry WHERE kind = 'rejection' GROUP BY code`,
	`INSERT INTO tally (what, name, count) SELECT 'statement', code, count(*) FROM entry WHERE kind = 'statement' GROUP BY code`,
	`INSERT INTO tally (what, name, count) SELECT 'day', date(at_unix, 'unixepoch'), count(*) FROM entry WHERE kind = 'message' GROUP BY 2`,
	`INSERT INTO figure (requesting, requested, lane, cases, messages, stages, overdue, acknowledged, answered)
		SELECT requesting_party, requested_party, lane, sum(n), sum(messages), json_group_object(stage, n), sum(overdue), sum(acknowledged), sum(answered) FROM (
			SELECT requesting_party, requested_party, lane, stage, count(*) AS n, sum(messages) AS messages, sum(overdue) AS overdue,
				count(acknowledged_secs) AS acknowledged, count(answered_secs) AS answered
			FROM matter GROUP BY requesting_party, requested_party, lane, stage)
		GROUP BY requesting_party, requested_party, lane`,
	percentile("acknowledged"), percentile("answered"),
	`INSERT INTO tally (what, name, count) SELECT 'day.lane', date(at_unix, 'unixepoch') || ' ' || lane, count(*) FROM entry WHERE kind = 'message' GROUP BY 2`,
	`INSERT INTO tally (what, name, count) SELECT 'day.statement', date(at_unix, 'unixepoch'), count(*) FROM entry WHERE kind = 'statement' GROUP BY 2`,
	`INSERT INTO tally (what, name, count) WITH d AS MATERIALIZED (
			SELECT date(at_unix, 'unixepoch') AS day, min(idx) AS first, max(idx) AS last FROM entry GROUP BY 1)
		SELECT 'day.first', day, first FROM d UNION ALL SELECT 'day.last', day, last FROM d`,
	lanes("acknowledged"), lanes("answered"),
}

// lanes counts, for each lane, the cases that reached something, and how many
// seconds half of them took, and nine of ten.
func lanes(what string) string {
	return `INSERT INTO tally (what, name, count) WITH ranked AS MATERIALIZED (
		SELECT lane, ` + what + `_secs AS secs, row_number() OVER (PARTITION BY lane ORDER BY ` + what + `_secs) AS place,
			count(*) OVER (PARTITION BY lane) AS n FROM matter WHERE ` + what + `_secs IS NOT NULL)
	SELECT '` + what + `.cases', lane, count(*) FROM ranked GROUP BY lane
	UNION ALL SELECT '` + what + `.p50', lane, secs FROM ranked WHERE place = (n + 1) / 2
	UNION ALL SELECT '` + what + `.p90', lane, secs FROM ranked WHERE place = (9 * n + 9) / 10`
}

func percentile(what string) string {
	return `WITH ranked AS (
		SELECT requesting_party, requested_party, lane, ` + what + `_secs AS secs,
			row_number() OVER (PARTITION BY requesting_party, requested_party, lane ORDER BY ` + what + `_secs) AS place,
			count(*) OVER (PARTITION BY requesting_party, requested_party, lane) AS n
		FROM matter WHERE ` + what + `_secs IS NOT NULL)
	UPDATE figure SET ` + what + `_p50 = r.p50, ` + what + `_p90 = r.p90 FROM (
		SELECT requesting_party, requested_party, lane, max(CASE WHEN place = (n + 1) / 2 THEN secs END) AS p50,
			max(CASE WHEN place = (9 * n + 9) / 10 THEN secs END) AS p90
		FROM ranked GROUP BY requesting_party, requested_party, lane) r
	WHERE figure.requesting = r.requesting_party AND figure.requested = r.requested_party AND figure.lane = r.lane`
}
