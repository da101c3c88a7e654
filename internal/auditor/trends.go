package auditor

import (
	"context"
	"strings"
)

// Trends are what the figures of a log are over time, and by lane, as they were
// last derived.
type Trends struct {
	Messages     []DayCount      `json:"messages"`   // by day and lane
	Statements   []DayCount      `json:"statements"` // by day: admissions, changes of keys and standing
	Acknowledged map[string]Took `json:"acknowledged"`
	Answered     map[string]Took `json:"answered"`
}

// A DayCount counts entries of a day of the broker's clock, in UTC.
type DayCount struct {
	Day   string `json:"day"`            // 2006-01-02
	Lane  string `json:"lane,omitempty"` // of messages
	Count int64  `json:"count"`
}

// Took says how long something took in a lane, over all pairs: how many cases
// reached it, and how many seconds after their opening half of them had, and nine
// of ten.
type Took struct {
	Cases  int64 `json:"cases"`
	Median int64 `json:"median"`
	Ninety int64 `json:"p90"`
}

// Trends returns the figures of the last derivation over time and by lane.
func (b *Book) Trends(ctx context.Context) (t Trends, err error) {
	for what, into := range map[string]*[]DayCount{"day.lane": &t.Messages, "day.statement": &t.Statements} {
		tallies, err := b.db.Tallies(ctx, what)
		if err != nil {
			return t, err
		}
		for _, one := range tallies {
			day, lane, _ := strings.Cut(one.Name, " ")
			*into = append(*into, DayCount{day, lane, one.Count})
		}
	}
	if t.Acknowledged, err = b.took(ctx, "acknowledged"); err != nil {
		return t, err
	}
	t.Answered, err = b.took(ctx, "answered")
	return t, err
}

// took reads how long something took, by lane.
func (b *Book) took(ctx context.Context, what string) (map[string]Took, error) {
	lanes := map[string]Took{}
	for of, set := range map[string]func(*Took, int64){
		".cases": func(t *Took, n int64) { t.Cases = n },
		".p50":   func(t *Took, n int64) { t.Median = n },
		".p90":   func(t *Took, n int64) { t.Ninety = n },
	} {
		tallies, err := b.db.Tallies(ctx, what+of)
		if err != nil {
			return nil, err
		}
		for _, one := range tallies {
			t := lanes[one.Name]
			set(&t, one.Count)
			lanes[one.Name] = t
		}
	}
	return lanes, nil
}
