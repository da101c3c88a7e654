package broker

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// anchorPause is the shortest time between two anchors of one authority.
const anchorPause = time.Minute

// AnchorLog logs the head of the log that an authority's desk keeps of its own, a
// checkpoint signed with the key that comes with it. The broker knows nothing of
// what is in that log, and does not judge whether it extends the one before: it
// answers with the newest anchor before this one, and the desk does. The head
// that is the newest already is a repeat.
func (b *Broker) AnchorLog(ctx context.Context, authority string, a wire.Anchor) (wire.Anchored, bool, error) {
	key, err := translog.ParseVerifier(a.Key)
	if err != nil {
		return wire.Anchored{}, false, problem.New(problem.InvalidValue, "key", "This is not a verifier key (c2sp.org/signed-note).")
	}
	head, err := translog.OpenCheckpoint([]byte(a.Checkpoint), key.Name(), key)
	if err != nil {
		return wire.Anchored{}, false, problem.New(problem.BadSignature, "checkpoint", "The checkpoint is not signed with this key.")
	}
	p := &anchoring{fact: translog.AnchorFact{Authority: authority, Key: a.Key, Size: head.Size, Root: hex.EncodeToString(head.Root[:])}}
	out, err := b.propose(ctx, p)
	if err != nil {
		return wire.Anchored{}, false, err
	}
	accepted, err := b.acceptance(ctx, out)
	answer := wire.Anchored{Receipt: string(accepted.Receipt)}
	if err == nil && p.before.index >= 0 {
		var receipt []byte
		receipt, err = b.receiptOf(ctx, p.before.index)
		answer.Previous = string(receipt)
	}
	return answer, accepted.Repeat, err
}

// An anchor is the newest that the log has of an authority.
type anchor struct {
	index int64 // -1 if there is none
	fact  translog.AnchorFact
	at    time.Time
}

// readAnchor reads an authority's newest anchor.
func readAnchor(ctx context.Context, r store.Reader, authority string) (anchor, error) {
	newest, err := r.Latest(ctx, string(translog.KindAnchor))
	if err != nil {
		return anchor{}, err
	}
	index, ok := newest[authority]
	if !ok {
		return anchor{index: -1}, nil
	}
	e, err := readEntry(ctx, r, index)
	if err != nil {
		return anchor{}, err
	}
	at, err := time.Parse(time.RFC3339, e.Time)
	return anchor{index: index, fact: *e.Anchor, at: at}, err
}

// An anchoring is the head of a desk's own log on its way into the log.
type anchoring struct {
	fact   translog.AnchorFact
	before anchor // set by apply
}

func (a *anchoring) wants(w *wants) { w.anchors = append(w.anchors, a.fact.Authority) }
func (*anchoring) kind() string     { return string(translog.KindAnchor) }
func (*anchoring) size() int        { return 0 }

func (a *anchoring) apply(t *turn) (int64, bool, error) {
	a.before = t.anchors[a.fact.Authority]
	switch {
	case a.before.index >= 0 && a.before.fact == a.fact:
		return a.before.index, true, nil
	case a.before.index >= 0 && t.now.Sub(a.before.at) < anchorPause:
		return 0, false, problem.New(problem.RateLimited, "", "This desk has anchored its log less than a minute ago.")
	}
	index, err := t.append(translog.Entry{Kind: translog.KindAnchor, Anchor: &a.fact})
	t.anchors[a.fact.Authority] = anchor{index: index, fact: a.fact, at: t.now}
	return index, false, err
}
