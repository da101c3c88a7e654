package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// A LogFilter says which entries of the desk's own log are asked for. Empty members
// do not filter.
type LogFilter struct {
	By    string    // officer; "desk" for the program itself
	Case  string    // or what else the entry names
	What  string    // a part of what was done, in any case
	Since time.Time // of the first
	Until time.Time // before which to stop
}

// Takes reports whether the filter lets an entry through.
func (f LogFilter) Takes(e LogEntry) bool {
	return (f.By == "" || e.By == f.By) && strings.Contains(e.Detail, f.Case) &&
		strings.Contains(strings.ToLower(e.What), strings.ToLower(f.What)) &&
		!e.At.Before(f.Since) && (f.Until.IsZero() || e.At.Before(f.Until))
}

// FindLog returns entries of the desk's own log that a filter lets through, the
// newest first, limit at most, and the index before which the rest begins; 0 if
// there is no rest. before is where to begin, 0 for the newest entry. A national
// auditor may.
func (d *Desk) FindLog(ctx context.Context, o Officer, f LogFilter, before int64, limit int) (found []LogEntry, next int64, err error) {
	if err := o.Require(NationalAuditor); err != nil {
		return nil, 0, err
	}
	if before < 0 || limit < 1 {
		return nil, 0, problem.New(problem.InvalidValue, "before", "It is no place in this log.")
	}
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		head, err := r.Head(ctx)
		if err != nil {
			return err
		}
		if before == 0 || before > head.Size {
			before = head.Size
		}
		for before > 0 {
			entries, err := r.Entries(ctx, max(0, before-auditPage), before)
			if err != nil {
				return err
			}
			if len(entries) == 0 {
				return fmt.Errorf("%w: entries before %d are missing", ErrAudit, before)
			}
			for _, e := range slices.Backward(entries) {
				entry, err := logEntry(e)
				if err != nil {
					return err
				}
				if !f.Takes(entry) {
					continue
				}
				if len(found) == limit {
					next = e.Index + 1
					return nil
				}
				found = append(found, entry)
			}
			before = entries[0].Index
		}
		return nil
	})
	return found, next, err
}

// ExportEntries is FindLog for a file that leaves the desk: it notes who took it.
func (d *Desk) ExportEntries(ctx context.Context, o Officer, f LogFilter, limit int) ([]LogEntry, error) {
	found, _, err := d.FindLog(ctx, o, f, 0, limit)
	if err != nil {
		return nil, err
	}
	return found, d.db.Write(ctx, func(w store.DeskWriter) error {
		return d.Record(ctx, w, o.ID, recordExported, fmt.Sprintf("%d entries as a table", len(found)))
	})
}

// logEntry reads a stored entry.
func logEntry(e store.Entry) (LogEntry, error) {
	entry, err := translog.ParseEntry(e.Body)
	if err != nil || entry.Operator == nil {
		return LogEntry{}, fmt.Errorf("%w: at entry %d", ErrAudit, e.Index)
	}
	at, err := time.Parse(time.RFC3339, entry.Time)
	f := entry.Operator
	return LogEntry{Index: e.Index, At: at, By: f.By, What: f.What, Detail: f.Detail}, err
}

// A LogVerdict is what was found of the desk's own log.
type LogVerdict struct {
	Size       int64    `json:"size"`       // entries that were verified
	Checkpoint string   `json:"checkpoint"` // signed with the desk's log key
	Anchors    []Anchor `json:"anchors"`    // in the broker's log, the oldest first
	Wrong      string   `json:"wrong"`      // why the log does not hold together; empty if it does
}

// recordVerified is what the desk's own log says of its verification.
const recordVerified = "own log verified"

// VerifyLog verifies the desk's own log as [Desk.AuditVerify] does, and notes who
// did. That it does not hold together is a verdict, not an error. A national
// auditor may.
func (d *Desk) VerifyLog(ctx context.Context, o Officer) (v LogVerdict, err error) {
	if err := o.Require(NationalAuditor); err != nil {
		return v, err
	}
	signed, err := d.AuditVerify(ctx)
	if err != nil && !errors.Is(err, ErrAudit) {
		return v, err
	}
	v.Checkpoint = string(signed)
	if err != nil {
		v.Wrong = err.Error()
	} else if _, text, ok := strings.Cut(v.Checkpoint, "\n"); ok {
		if _, err := fmt.Sscan(text, &v.Size); err != nil {
			return v, fmt.Errorf("reading the checkpoint: %w", err)
		}
	}
	if v.Anchors, err = d.Anchors(ctx); err != nil {
		return v, err
	}
	detail := fmt.Sprintf("%d entries", v.Size)
	if v.Wrong != "" {
		detail = "altered"
	}
	err = d.db.Write(ctx, func(w store.DeskWriter) error { return d.Record(ctx, w, o.ID, recordVerified, detail) })
	if err != nil && v.Wrong != "" { // it may be too broken for another entry
		d.Log.Error("the own log takes no entry", "err", err)
		return v, nil
	}
	return v, err
}
