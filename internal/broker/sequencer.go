package broker

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

const (
	// queueLength bounds what waits for a turn; beyond it callers are told to
	// come back.
	queueLength = 4096
	// maxTurn and maxTurnBytes bound one commit.
	maxTurn      = 512
	maxTurnBytes = 16 << 20
	// signingLength bounds the commits that wait for their checkpoint.
	signingLength = 64
)

// A proposal is something that wants to enter the log.
type proposal interface {
	// wants names what the proposal needs to read.
	wants(*wants)
	// kind names it for the meter.
	kind() string
	// size is what it adds to a commit, in bytes.
	size() int
	// apply adds the proposal to the turn and returns the index of its entry.
	// An entry that stood already is a repeat. A *problem.Error is a refusal,
	// and nothing but its rejection entry may have been added then; any other
	// error fails the whole turn.
	apply(t *turn) (index int64, repeat bool, err error)
}

// An item is a proposal and whoever waits for its outcome.
type item struct {
	proposal
	done chan outcome // of length 1
}

// An outcome is the entry a proposal became, with its receipt, or why not.
type outcome struct {
	index   int64
	repeat  bool
	receipt []byte // empty for a repeat: its receipt is that of the first time
	err     error
}

// propose queues p and waits for the outcome. It returns as soon as ctx ends,
// but what was queued may still be committed: the caller must repeat it, not
// replace it.
func (b *Broker) propose(ctx context.Context, p proposal) (outcome, error) {
	if failure := b.failure.Load(); failure != nil {
		return outcome{}, failure
	}
	it := &item{proposal: p, done: make(chan outcome, 1)}
	select {
	case b.queue <- it:
	default:
		return outcome{}, problem.New(problem.Overloaded, "", "Too many submissions are waiting.")
	}
	select {
	case out := <-it.done:
		return out, out.err
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	case <-b.stopped.Done():
		return outcome{}, problem.New(problem.Overloaded, "", "The broker is stopping.")
	}
}

// sequence is the one place where the log grows. Each turn takes everything
// that waits, up to a bound, and commits it at once; while it commits, the
// next turn gathers. An idle broker commits a single submission immediately.
func (b *Broker) sequence(ctx context.Context) {
	defer close(b.signing)
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-b.queue:
			b.take(gather(first, b.queue))
		}
	}
}

// gather returns first and what else waits, within the bounds of a turn.
func gather(first *item, queue <-chan *item) []*item {
	items, bytes := []*item{first}, first.size()
	for len(items) < maxTurn && bytes < maxTurnBytes {
		select {
		case it := <-queue:
			items, bytes = append(items, it), bytes+it.size()
		default:
			return items
		}
	}
	return items
}

// take commits one turn. Refusals are answered after the commit that logs
// them; acceptances when the signer has signed for them. The commit is never
// cancelled half-way.
func (b *Broker) take(items []*item) {
	ctx := context.Background()
	defer prometheus.NewTimer(b.meter.turn).ObserveDuration()
	b.meter.items.Observe(float64(len(items)))
	var (
		growth *translog.Growth
		dir    *directory.Directory
		salted []translog.Salted
		outs   []outcome
	)
	err := b.Store.Write(ctx, func(w store.Writer) error {
		t, err := newTurn(ctx, b, w)
		if err != nil {
			return err
		}
		if outs, err = t.applyAll(ctx, w, items); err != nil {
			return err
		}
		growth, err = t.commit(ctx, w)
		dir, salted = t.dir, t.salted
		return err
	})
	if err != nil {
		b.Log.Error("turn failed", "items", len(items), "err", err)
		for _, it := range items {
			it.done <- outcome{err: fmt.Errorf("committing: %w", err)}
		}
		return
	}
	b.advance(dir)
	b.answer(items, outs, growth, salted)
}

// applyAll reads what the items want and applies them in order.
func (t *turn) applyAll(ctx context.Context, r store.Reader, items []*item) ([]outcome, error) {
	var w wants
	for _, it := range items {
		it.wants(&w)
	}
	if err := t.load(ctx, r, w); err != nil {
		return nil, err
	}
	outs := make([]outcome, len(items))
	for i, it := range items {
		index, repeat, err := it.apply(t)
		if err != nil {
			if _, refused := refusalOf(err); !refused {
				return nil, err
			}
		}
		outs[i] = outcome{index: index, repeat: repeat, err: err}
	}
	return outs, nil
}

// answer tells those who were refused, or who repeated themselves, and hands
// the others to the signer.
func (b *Broker) answer(items []*item, outs []outcome, growth *translog.Growth, salted []translog.Salted) {
	var waiting []waiter
	for i, out := range outs {
		b.count(items[i].proposal, out)
		if out.err != nil || out.repeat {
			items[i].done <- out
			continue
		}
		waiting = append(waiting, waiter{
			index: out.index, entry: salted[out.index-growth.Before.Size()], done: items[i].done,
		})
	}
	if growth != nil {
		b.signing <- &signingJob{growth: growth, waiting: waiting}
	}
}

// count tells the meter what became of a proposal.
func (b *Broker) count(p proposal, out outcome) {
	if out.err != nil {
		b.meter.refused.WithLabelValues(string(problem.CodeOf(out.err))).Inc()
		return
	}
	if !out.repeat {
		b.meter.accepted.WithLabelValues(p.kind()).Inc()
	}
}
