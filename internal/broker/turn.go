package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// A turn is one commit in preparation: what the proposals of a batch need to
// know, read once, and what they add. It lives inside one Write.
type turn struct {
	now       time.Time
	dir       *directory.Directory
	clocks    Clocks
	tree      *translog.Tree
	salted    []translog.Salted // private halves of this turn's entries
	messages  map[string]store.Message
	cases     map[string]store.Case
	heads     map[store.Pair]store.PairHead
	receipts  map[string]store.Receipt
	latest    map[latestKey]int64      // newest entries by kind and subject, as far as they were asked for
	running   map[string][]store.Clock // by case
	mailboxes map[string]mailbox       // by authority
	anchors   map[string]anchor        // by authority
	holds     map[string]store.Hold
	about     map[string][]int64  // entries of the cases that are to be erased
	touched   map[string]bool     // cases that changed
	moved     map[store.Pair]bool // pairs that changed
	noted     map[latestKey]bool  // newest entries that changed
	batch     store.Batch
}

// wants collects what the proposals of a turn ask to have read.
type wants struct {
	messages, cases, receipts []string
	latest                    []translog.Kind
	mailboxes, anchors        []string // authorities
	heads                     []store.Pair
	erased                    []string // cases
}

// newTurn reads the head of the log and the directory as of now.
func newTurn(ctx context.Context, b *Broker, w store.Reader) (*turn, error) {
	head, err := w.Head(ctx)
	if err != nil {
		return nil, err
	}
	tree, err := translog.ParseTree(head.Size, head.Frontier)
	if err != nil {
		return nil, fmt.Errorf("broker: reading the head of the log: %w", err)
	}
	dir, err := follow(ctx, w, b.dir.Load())
	if err != nil {
		return nil, err
	}
	return &turn{
		now: b.Now().UTC().Truncate(time.Second), dir: dir, clocks: b.Clocks, tree: tree,
		latest: map[latestKey]int64{}, noted: map[latestKey]bool{}, touched: map[string]bool{}, moved: map[store.Pair]bool{},
		batch: store.Batch{Before: head, After: head},
	}, nil
}

// load reads what the proposals want, each kind in one query.
func (t *turn) load(ctx context.Context, r store.Reader, w wants) (err error) {
	if t.messages, err = r.Messages(ctx, w.messages); err != nil {
		return err
	}
	if t.cases, err = r.Cases(ctx, w.cases); err != nil {
		return err
	}
	if t.heads, err = r.Heads(ctx, w.heads); err != nil {
		return err
	}
	if t.receipts, err = r.Receipts(ctx, w.receipts); err != nil {
		return err
	}
	if t.running, err = r.Clocks(ctx, w.cases); err != nil {
		return err
	}
	for _, kind := range w.latest {
		newest, err := r.Latest(ctx, string(kind))
		if err != nil {
			return err
		}
		for subject, index := range newest {
			t.latest[latestKey{kind, subject}] = index
		}
	}
	t.mailboxes = map[string]mailbox{}
	for _, authority := range w.mailboxes {
		if t.mailboxes[authority], err = readMailbox(ctx, r, authority, t.batch.Before.Size); err != nil {
			return err
		}
	}
	t.anchors = map[string]anchor{}
	for _, authority := range w.anchors {
		if t.anchors[authority], err = readAnchor(ctx, r, authority); err != nil {
			return err
		}
	}
	return t.loadErased(ctx, r, w.erased)
}

// append adds an entry to the log and returns its index.
func (t *turn) append(e translog.Entry) (int64, error) {
	e.Time = t.now.Format(time.RFC3339)
	body, err := e.Marshal()
	if err != nil {
		return 0, err
	}
	salted, err := translog.NewSalted(body)
	if err != nil {
		return 0, err
	}
	index := t.index()
	data := salted.Leaf()
	t.salted = append(t.salted, salted)
	t.batch.Entries = append(t.batch.Entries, store.Entry{
		Index: index, Leaf: data, LeafHash: translog.LeafHash(data), Salt: salted.Salt[:], Body: body,
	})
	if subject, ok := subjectOf(e); ok {
		key := latestKey{e.Kind, subject}
		t.latest[key], t.noted[key] = index, true
	}
	return index, nil
}

// index is the index that the next entry will have.
func (t *turn) index() int64 { return t.batch.Before.Size + int64(len(t.salted)) }

// reject logs a refusal by its code and returns it. Nothing else of a refused
// proposal is kept.
func (t *turn) reject(by, digest string, refusal *problem.Error) error {
	_, err := t.append(translog.Entry{
		Kind:      translog.KindRejection,
		Rejection: &translog.RejectionFact{Code: string(refusal.Code), By: by, Digest: digest},
	})
	if err != nil {
		return err
	}
	return refusal
}

// setCase replaces the case and settles its clocks.
func (t *turn) setCase(c store.Case) {
	t.cases[c.ID] = c
	t.touched[c.ID] = true
	for i, k := range t.running[c.ID] {
		if k.State == clockRunning && met(k.Name, c.Stage) {
			t.running[c.ID][i].State = clockMet
		}
	}
}

// setHead records the newest message of a pair.
func (t *turn) setHead(h store.PairHead) {
	t.heads[h.Pair] = h
	t.moved[h.Pair] = true
}

// commit stores what the turn has gathered. The growth is nil if it added
// nothing to the log.
func (t *turn) commit(ctx context.Context, w store.Writer) (*translog.Growth, error) {
	if len(t.salted) == 0 {
		return nil, nil
	}
	hashes := make([]translog.Hash, len(t.batch.Entries))
	for i, e := range t.batch.Entries {
		hashes[i] = e.LeafHash
	}
	growth, err := t.tree.Append(hashes)
	if err != nil {
		return nil, err
	}
	for _, n := range growth.Nodes {
		t.batch.Nodes = append(t.batch.Nodes, store.Node{Level: n.Level, Index: n.Index, Hash: n.Hash})
	}
	t.batch.After = store.Head{Size: growth.After.Size(), Frontier: growth.After.Frontier()}
	for id := range t.touched {
		t.batch.Cases = append(t.batch.Cases, t.cases[id])
		t.batch.Clocks = append(t.batch.Clocks, t.running[id]...)
	}
	for key := range t.noted {
		t.batch.Latest = append(t.batch.Latest, store.Latest{Kind: string(key.kind), Subject: key.subject, Index: t.latest[key]})
	}
	for pair := range t.moved {
		t.batch.Heads = append(t.batch.Heads, t.heads[pair])
	}
	return growth, w.Append(ctx, t.batch)
}

// refusalOf returns err as a refusal if it is one: the caller's fault, and
// theirs to mend. Anything else is an outage of ours.
func refusalOf(err error) (*problem.Error, bool) {
	p, ok := errors.AsType[*problem.Error](err)
	return p, ok
}
