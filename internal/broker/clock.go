package broker

import (
	"context"
	"errors"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/workflow"
)

// Names and states of clocks.
const (
	clockDelivery        = "delivery"
	clockAcknowledgement = "acknowledgement"
	clockAnswer          = "answer"

	clockRunning = "running"
	clockMet     = "met"
	clockPassed  = "passed"
)

// A Lane gives the time limits of one lane, counted from the acceptance of
// the request. They are policy, not law: a passed deadline is logged and told
// to both sides, and decides nothing.
type Lane struct {
	Delivery        time.Duration `toml:"delivery"`
	Acknowledgement time.Duration `toml:"acknowledgement"`
	Answer          time.Duration `toml:"answer"`
}

// Clocks are the time limits by lane, and by pair of parties ("QM>QN") where
// two States have agreed on others.
type Clocks struct {
	Lanes map[string]Lane            `toml:"lanes"`
	Pairs map[string]map[string]Lane `toml:"pairs"`
}

// DefaultClocks returns the limits of an installation that sets none.
func DefaultClocks() Clocks {
	const day = 24 * time.Hour
	return Clocks{Lanes: map[string]Lane{
		string(workflow.Emergency): {Delivery: 15 * time.Minute, Acknowledgement: time.Hour, Answer: 8 * time.Hour},
		string(workflow.Urgent):    {Delivery: time.Hour, Acknowledgement: 4 * time.Hour, Answer: 72 * time.Hour},
		string(workflow.Routine):   {Delivery: day, Acknowledgement: 7 * day, Answer: 30 * day},
	}}
}

// start returns the clocks of a new case. Information given of one's own
// accord needs no answer, so only its delivery is timed.
func (k Clocks) start(c store.Case, now time.Time) []store.Clock {
	lane := k.lane(c)
	clocks := []store.Clock{clock(c, clockDelivery, now.Add(lane.Delivery))}
	if workflow.Act(c.Opening) == workflow.Inform {
		return clocks
	}
	return append(clocks,
		clock(c, clockAcknowledgement, now.Add(lane.Acknowledgement)),
		clock(c, clockAnswer, now.Add(lane.Answer)))
}

func clock(c store.Case, name string, due time.Time) store.Clock {
	return store.Clock{Case: c.ID, Name: name, Due: due.Unix(), State: clockRunning}
}

// lane returns the limits of a case: those of its pair, else of its lane.
func (k Clocks) lane(c store.Case) Lane {
	pair := directory.PartyOf(c.Requesting) + ">" + directory.PartyOf(c.Requested)
	if lane, ok := k.Pairs[pair][c.Lane]; ok {
		return lane
	}
	return k.Lanes[c.Lane]
}

// met reports whether a case at the stage has met the clock.
func met(name, stage string) bool {
	table := workflow.Procedure()
	switch name {
	case clockDelivery:
		return table.Reached(workflow.Stage(stage), "delivered")
	case clockAcknowledgement:
		return table.Reached(workflow.Stage(stage), "acknowledged")
	default:
		return table.Reached(workflow.Stage(stage), "decided")
	}
}

// clockTick is the longest time between two looks at the clocks; another
// broker may have started one that is due sooner.
const clockTick = 15 * time.Second

// watchClocks logs deadlines as they pass, and signs what a broker that died
// has left unsigned.
func (b *Broker) watchClocks(ctx context.Context) {
	wake, stop := b.wakes.subscribe()
	defer stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-timer.C:
		}
		wait, err := b.passDeadlines(ctx)
		if err != nil && ctx.Err() == nil {
			b.Log.Error("clocks not read", "err", err)
		}
		if err := b.signOrphans(ctx); err != nil && ctx.Err() == nil {
			b.Log.Error("orphaned entries not signed", "err", err)
		}
		timer.Reset(wait)
	}
}

// passDeadlines logs what is due and returns how long to wait for the next.
func (b *Broker) passDeadlines(ctx context.Context) (time.Duration, error) {
	var due []store.Clock
	next := b.Now().Add(clockTick).Unix()
	err := b.Store.Read(ctx, func(r store.Reader) (err error) {
		if due, err = r.DueClocks(ctx, b.Now().Unix(), maxTurn); err != nil {
			return err
		}
		first, err := r.NextClock(ctx)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		next = min(next, first)
		return err
	})
	if err != nil {
		return clockTick, err
	}
	for _, c := range due {
		if _, err := b.propose(ctx, &deadline{clock: c}); err != nil {
			return clockTick, err
		}
	}
	return max(time.Unix(next, 0).Sub(b.Now()), time.Second), nil
}

// orphanAge is how long a committed entry may wait for its checkpoint before
// another broker's death is assumed.
const orphanAge = 5 * time.Second

// signOrphans signs the head if it has stood unsigned for a while.
func (b *Broker) signOrphans(ctx context.Context) error {
	var orphaned bool
	err := b.Store.Read(ctx, func(r store.Reader) error {
		head, err := r.Head(ctx)
		if err != nil {
			return err
		}
		_, err = r.Checkpoint(ctx, head.Size)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		newest, err := r.Entry(ctx, head.Size-1)
		if err != nil {
			return err
		}
		entry, err := translog.ParseEntry(newest.Body)
		if err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339, entry.Time)
		orphaned = b.Now().Sub(at) > orphanAge
		return err
	})
	if err != nil || !orphaned {
		return err
	}
	return b.signHead(ctx)
}

// A deadline is a passed clock on its way into the log.
type deadline struct{ clock store.Clock }

func (d *deadline) wants(w *wants) { w.cases = append(w.cases, d.clock.Case) }
func (*deadline) kind() string     { return "deadline" }

func (*deadline) size() int { return 0 }

// apply logs the deadline unless the case has met it, or another broker has
// logged it, in the meantime.
func (d *deadline) apply(t *turn) (int64, bool, error) {
	c := t.cases[d.clock.Case]
	for i, running := range t.running[c.ID] {
		if running.Name != d.clock.Name || running.State != clockRunning {
			continue
		}
		index, err := t.append(translog.Entry{
			Kind: translog.KindDeadline,
			Deadline: &translog.DeadlineFact{
				Case: c.ID, Clock: running.Name, Due: time.Unix(running.Due, 0).UTC().Format(time.RFC3339),
				From: c.Requesting, To: c.Requested,
			},
		})
		if err != nil {
			return 0, false, err
		}
		t.running[c.ID][i].State = clockPassed
		for _, a := range []string{c.Requesting, c.Requested} {
			t.batch.Inbox = append(t.batch.Inbox, store.InboxItem{Authority: a, Index: index, Kind: kindDeadline, Ref: c.ID})
		}
		t.setCase(c)
		return index, false, nil
	}
	return 0, true, nil
}
