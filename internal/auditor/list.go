package auditor

import (
	"context"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/pkg/translog"
)

// A Filter says which entries or cases a list holds. Empty members do not
// filter; Party is one of either side.
type Filter = sqlite.MirrorFilter

// A Listed entry is one of a list, by what it is asked for. Body is empty once
// the entry is erased.
type Listed struct {
	store.AuditEntry
	Entry translog.Entry
}

// Listed returns entries of index < before, the newest first, limit at most.
func (b *Book) Listed(ctx context.Context, f Filter, before int64, limit int) ([]Listed, error) {
	rows, err := b.db.Entries(ctx, f, before, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Listed, len(rows))
	for i, row := range rows {
		list[i].AuditEntry = row
		if row.Body == nil {
			continue
		}
		if list[i].Entry, err = translog.ParseEntry(row.Body); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// A Matter is a case as it follows from its entries.
type Matter = store.Matter

// Cases returns cases as they were last derived, whose newest entry has an index
// < before, the newest first, limit at most.
func (b *Book) Cases(ctx context.Context, f Filter, before int64, limit int) ([]store.Matter, error) {
	return b.db.Matters(ctx, f, before, limit)
}

// An Overview is the state of a log at a glance.
type Overview struct {
	Statistics
	Findings map[string]int64 `json:"findings"` // by code
	States   map[string]int64 `json:"states"`   // findings by state
	Grave    int64            `json:"grave"`    // findings that are evidence of misbehaviour and not closed
	Days     map[string]int64 `json:"days"`     // messages by day of the broker's clock
	Looks    []store.Look     `json:"looks"`    // the newest checkpoints that were taken
}

// mostLooks bounds the looks of an overview.
const mostLooks = 100

// Overview returns the state of the log as it was last derived.
func (b *Book) Overview(ctx context.Context) (Overview, error) {
	var o Overview
	var err error
	if o.Statistics, err = b.Statistics(ctx, ""); err != nil {
		return o, err
	}
	found, err := b.db.FindingCounts(ctx)
	if err != nil {
		return o, err
	}
	o.Findings, o.States = map[string]int64{}, map[string]int64{}
	for _, c := range found {
		o.Findings[c.Code] += c.Count
		o.States[c.State] += c.Count
		if c.Grave && c.State != StateClosed {
			o.Grave += c.Count
		}
	}
	days, err := b.db.Tallies(ctx, "day")
	if err != nil {
		return o, err
	}
	o.Days = counted(days)
	if o.Looks, err = b.db.Looks(ctx); len(o.Looks) > mostLooks {
		o.Looks = o.Looks[len(o.Looks)-mostLooks:]
	}
	return o, err
}

// counted is a list of counts by name.
func counted(tallies []store.Tally) map[string]int64 {
	counts := map[string]int64{}
	for _, t := range tallies {
		counts[t.Name] = t.Count
	}
	return counts
}
