package auditor

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/translog"
)

// Rules are what an auditor tolerates.
type Rules struct {
	// Tolerance is how far an entry's time may stand from what is provable.
	Tolerance time.Duration
	// Silence is how long there may be no fresh checkpoint.
	Silence time.Duration
}

// DefaultRules are those of an auditor who sets none. The broker itself takes
// messages within five minutes of their making.
func DefaultRules() Rules { return Rules{Tolerance: 5 * time.Minute, Silence: 24 * time.Hour} }

// mostOfACode bounds the findings of one code that are kept; more are counted.
const mostOfACode = 1000

// A Summary says what was derived, and from what.
type Summary struct {
	Origin   string           `json:"origin"`
	Size     int64            `json:"size"`    // entries that the checkpoint covers
	Root     string           `json:"root"`    // of its tree, hex
	Entries  int64            `json:"entries"` // that the book holds
	Cases    int64            `json:"cases"`
	Scope    string           `json:"scope"` // all, a party, or "files" where the broker was never asked
	Findings map[string]int64 `json:"findings"`
	Grave    int64            `json:"grave"` // findings that are evidence of misbehaviour
}

// Derive derives every case anew from the entries of the book, holds what the
// broker claims against it, and keeps cases, figures and findings. What needs
// all entries to be seen is judged only where the broker was asked for them. It
// holds one case in memory.
func (b *Book) Derive(ctx context.Context, m *Mirror, rules Rules, now time.Time) (Summary, error) {
	trusted, err := m.trusted()
	if err != nil {
		return Summary{}, err
	}
	if err := b.db.Settle(ctx); err != nil {
		return Summary{}, err
	}
	d := &derivation{
		Book: b, rules: rules, now: now, most: mostOfACode, limits: map[limitKey]int64{}, counts: map[string]int64{},
		sum: Summary{Origin: trusted.Origin, Size: trusted.Size, Root: fmt.Sprintf("%x", trusted.Root[:])},
	}
	if err := d.prepare(ctx); err != nil {
		return Summary{}, err
	}
	if d.looks, err = b.db.Looks(ctx); err != nil {
		return Summary{}, err
	}
	err = b.db.Derive(ctx, func(w *sqlite.Derivation) error {
		d.w = w
		return d.run(ctx)
	})
	if err != nil {
		return Summary{}, err
	}
	d.sum.Findings = d.counts
	if err := d.others(ctx); err != nil {
		return Summary{}, err
	}
	return d.sum, b.db.PutMark(ctx, markCheckpoint, m.state.Trusted)
}

// A limitKey is a clock of a pair in a lane.
type limitKey struct{ from, to, lane, clock string }

// A sink takes what is derived.
type sink interface {
	Matter(ctx context.Context, m store.Matter) error
	Finding(ctx context.Context, f store.Finding) error
}

// A derivation is one under way.
type derivation struct {
	*Book
	w      sink
	view   sqlite.View
	rules  Rules
	most   int64 // findings of one code
	now    time.Time
	scope  string
	looked int64
	looks  []store.Look
	limits map[limitKey]int64 // seconds after opening
	counts map[string]int64
	latest int64 // newest time that an entry claims
	sum    Summary
}

// run derives.
func (d *derivation) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{d.times, d.cases, d.numbers, d.silence} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare reads what is needed besides the entries.
func (d *derivation) prepare(ctx context.Context) (err error) {
	if d.scope, err = d.db.Mark(ctx, markScope); err != nil {
		return err
	}
	d.sum.Scope = scopeName(d.scope)
	looked, err := d.db.Mark(ctx, markLooked)
	if err != nil {
		return err
	}
	if looked != "" {
		if d.looked, err = strconv.ParseInt(looked, 10, 64); err != nil {
			return fmt.Errorf("auditor: the book is damaged: %w", err)
		}
	}
	return d.db.Limits(ctx, d.view, func(from, to, lane, clock string, seconds int64) {
		key := limitKey{directory.PartyOf(from), directory.PartyOf(to), lane, clock}
		d.limits[key] = max(d.limits[key], seconds)
	})
}

// find keeps a finding.
func (d *derivation) find(ctx context.Context, f store.Finding) (err error) {
	if f.Who == "" {
		f.Who = whoBroker
	}
	if f.Grave {
		d.sum.Grave++
	}
	if d.counts[f.Code]++; d.counts[f.Code] > d.most {
		return nil
	}
	if f.Text == "" {
		if f.Text, err = english(f.Said); err != nil {
			return err
		}
	}
	f.At = d.now.Unix()
	f.Key = keyOf(f)
	return d.w.Finding(ctx, f)
}

// others adds the findings that do not follow from entries.
func (d *derivation) others(ctx context.Context) error {
	for next := int64(0); ; {
		found, after, err := d.db.Findings(ctx, FindingFilter{}, next, mostOfACode)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, f := range found {
			if !f.Derived {
				d.counts[f.Code]++
				if f.Grave {
					d.sum.Grave++
				}
			}
		}
		next = after
	}
}

// times holds the time of every entry against those of its neighbours and the
// looks between which it came into the log, and looks for what is not shown.
func (d *derivation) times(ctx context.Context) error {
	next, look, tolerance := int64(0), 0, int64(d.rules.Tolerance.Seconds())
	err := d.db.Each(ctx, d.view, sqlite.ByIndex, func(e store.AuditEntry) error {
		d.sum.Entries++
		if err := d.missing(ctx, next, e.Index); err != nil {
			return err
		}
		next = e.Index + 1
		if e.Kind == string(translog.KindReceipt) && e.Case == "" {
			if err := d.orphan(ctx, e); err != nil {
				return err
			}
		}
		if e.At < d.latest-tolerance {
			if err := d.find(ctx, said(store.Finding{Code: FindBackwards, Grave: true, Index: e.Index, Case: e.Case}, "backwards",
				"Entry", e.Index, "Claims", stamp(e.At), "Before", stamp(d.latest))); err != nil {
				return err
			}
		}
		d.latest = max(d.latest, e.At)
		for look < len(d.looks) && d.looks[look].Size <= e.Index {
			look++
		}
		return d.dated(ctx, e, look)
	})
	if err != nil {
		return err
	}
	return d.missing(ctx, next, d.looked)
}

func stamp(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// dated holds an entry against the first look that covers it, and the one
// before.
func (d *derivation) dated(ctx context.Context, e store.AuditEntry, look int) error {
	tolerance := int64(d.rules.Tolerance.Seconds())
	f := store.Finding{Code: FindDated, Grave: true, Index: e.Index, Case: e.Case}
	switch {
	case look < len(d.looks) && e.At > d.looks[look].At+tolerance:
		return d.find(ctx, said(f, "dated_ahead", "Entry", e.Index, "Claims", stamp(e.At), "Seen", stamp(d.looks[look].At)))
	case look > 0 && e.At < d.looks[look-1].At-tolerance:
		return d.find(ctx, said(f, "dated_back", "Entry", e.Index, "Claims", stamp(e.At), "Seen", stamp(d.looks[look-1].At)))
	}
	return nil
}

// missing looks among the entries from one index to another, none of which is
// kept, for those that no entry says to be erased.
func (d *derivation) missing(ctx context.Context, from, to int64) error {
	if d.scope != markAll {
		return nil
	}
	for i := from; i < min(to, d.looked); i++ {
		erased, err := d.db.Erased(ctx, i)
		if err != nil {
			return err
		}
		if erased {
			continue
		}
		if err := d.find(ctx, said(store.Finding{Code: FindWithheld, Grave: true, Index: i}, "withheld", "Entry", i)); err != nil {
			return err
		}
	}
	return nil
}

// orphan judges a receipt whose message is not among the entries.
func (d *derivation) orphan(ctx context.Context, e store.AuditEntry) error {
	if d.scope == "" {
		return nil
	}
	later, err := d.db.HasMessage(ctx, d.view, e.Ref)
	if err != nil {
		return err
	}
	if later {
		return d.find(ctx, said(store.Finding{Code: FindReceipt, Grave: true, Index: e.Index}, "receipt_early", "Entry", e.Index, "Message", e.Ref))
	}
	if erased, err := d.db.ErasedBetween(ctx, d.view, 0, e.Index); err != nil || erased {
		return err
	}
	return d.find(ctx, said(store.Finding{Code: FindOrphan, Grave: true, Index: e.Index}, "receipt_of_nothing", "Entry", e.Index, "By", e.Code, "Message", e.Ref))
}

// numbers follows the numbers of every sender's messages to every recipient.
func (d *derivation) numbers(ctx context.Context) error {
	if d.scope == "" {
		return nil
	}
	var last store.AuditEntry
	return d.db.Each(ctx, d.view, sqlite.ByPair, func(e store.AuditEntry) error {
		if e.Sender != last.Sender || e.Recipient != last.Recipient {
			last = store.AuditEntry{Sender: e.Sender, Recipient: e.Recipient, Index: -1}
		}
		before := last
		last = e
		switch {
		case e.Seq == before.Seq || e.Index < before.Index:
			return d.find(ctx, said(store.Finding{Code: FindOrder, Grave: true, Index: e.Index, Case: e.Case}, "order", "Number", e.Seq,
				"From", e.Sender, "To", e.Recipient, "Entry", e.Index, "Earlier", before.Seq, "Other", before.Index))
		case e.Seq == before.Seq+1:
			return nil
		}
		if erased, err := d.db.ErasedBetween(ctx, d.view, before.Index+1, e.Index); err != nil || erased {
			return err
		}
		return d.find(ctx, said(store.Finding{Code: FindSequence, Grave: true, Index: e.Index, Case: e.Case}, "sequence",
			"From", e.Sender, "To", e.Recipient, "Missing", before.Seq+1, "Number", e.Seq, "Entry", e.Index))
	})
}

// silence says if there has been no fresh checkpoint for too long: by the newest
// cosignature, or else by when the mirror last reached the log.
func (d *derivation) silence(ctx context.Context) error {
	if len(d.looks) == 0 {
		return nil
	}
	fresh := d.looks[len(d.looks)-1].Seen
	if d.now.Sub(time.Unix(fresh, 0)) <= d.rules.Silence {
		return nil
	}
	return d.find(ctx, said(store.Finding{Code: FindSilence, Index: -1}, "silence", "Since", stamp(fresh)))
}
