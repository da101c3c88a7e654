package broker

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

const (
	// witnessPause is the shortest time between two checkpoints that a witness
	// is asked to cosign.
	witnessPause = time.Second
	// witnessTimeout is how long a witness may take.
	witnessTimeout = 10 * time.Second
	// witnessRetry is how often a witness is asked again that could not cosign.
	witnessRetry = 15 * time.Second
	// witnessRefresh is how often the checkpoint of a quiet log is cosigned anew,
	// so that anybody can see that it is the present one.
	witnessRefresh = 5 * time.Minute
)

// Outcomes of asking a witness, for the meter.
const (
	witnessCosigned  = "cosigned"
	witnessConflict  = "conflict"  // it has cosigned another or a larger tree
	witnessUnreached = "unreached" // no answer, or one that cannot be used
)

// A watcher asks one witness after the other checkpoint. What it knows of the
// witness it forgets with the process: a witness tells where it stands.
type watcher struct {
	translog.Witness
	mu   sync.Mutex // held while the witness is asked
	size int64      // of what it cosigned last, as far as is known
	at   time.Time  // when
	said time.Time  // when, by the witness's own clock
}

// ahead is how far a clock that showed a time somewhere between two of ours is
// ahead of ours, or behind.
func ahead(said, from, to time.Time) time.Duration {
	switch {
	case said.Before(from.Truncate(time.Second)):
		return said.Sub(from)
	case said.After(to):
		return said.Sub(to)
	}
	return 0
}

// watchWitnesses asks the witnesses of the policy that have an address to
// cosign each new checkpoint, at most once a second, until ctx ends. Whatever
// goes wrong with them is for the operator to mend: it is logged and counted,
// and nothing waits for it.
func (b *Broker) watchWitnesses(ctx context.Context) {
	if b.Policy == nil {
		return
	}
	var watchers []*watcher
	for _, w := range b.Policy.Witnesses {
		if w.URL != "" {
			watchers = append(watchers, &watcher{Witness: w})
		}
	}
	client := &http.Client{Timeout: witnessTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	wake, stop := b.wakes.subscribe()
	defer stop()
	var asking sync.WaitGroup
	defer asking.Wait()
	for pause := time.NewTicker(witnessPause); ; {
		for _, w := range watchers {
			asking.Go(func() { b.ask(ctx, client, w) })
		}
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-time.After(witnessRetry):
		}
	}
}

// ask has a witness cosign the newest checkpoint, unless it is being asked, or
// has cosigned it lately.
func (b *Broker) ask(ctx context.Context, client *http.Client, w *watcher) {
	if !w.mu.TryLock() {
		return
	}
	defer w.mu.Unlock()
	asked := b.Now()
	outcome, err := b.askNewest(ctx, client, w)
	switch outcome {
	case witnessConflict:
		b.doubt.heard(w.Witness, true, 0)
	case witnessCosigned:
		b.doubt.heard(w.Witness, false, ahead(w.said, asked, b.Now()))
	}
	if outcome != "" && ctx.Err() == nil {
		b.meter.witness.WithLabelValues(outcome).Inc()
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	if outcome == witnessConflict {
		b.Log.Error("a witness has seen another history of the log", "witness", w.Key.Name(), "err", err)
		return
	}
	b.Log.Warn("checkpoint not cosigned", "witness", w.Key.Name(), "err", err)
}

// askNewest asks, and once more if the witness stands elsewhere than thought.
func (b *Broker) askNewest(ctx context.Context, client *http.Client, w *watcher) (outcome string, err error) {
	newest, err := b.newest(ctx)
	if err != nil {
		return "", err
	}
	if newest.Size == w.size && b.Now().Sub(w.at) < witnessRefresh {
		return "", nil
	}
	lines, err := b.request(ctx, client, w, newest)
	if c, ok := errors.AsType[*witness.Conflict](err); ok && c.Size != w.size {
		w.size = c.Size
		if newest, err = b.newest(ctx); err != nil { // another broker may have asked with a larger one
			return "", err
		}
		lines, err = b.request(ctx, client, w, newest)
	}
	if _, ok := errors.AsType[*witness.Conflict](err); ok || errors.Is(err, witness.ErrProof) || errors.Is(err, errAhead) {
		return witnessConflict, err
	}
	if err != nil {
		return witnessUnreached, err
	}
	cp, err := translog.OpenCheckpoint(newest.Note, b.Origin, b.Keys...)
	if err != nil {
		return "", err
	}
	c, err := translog.ReadCosignature(cp, lines, w.Key)
	if err != nil {
		return witnessUnreached, err
	}
	w.size, w.at, w.said = newest.Size, b.Now(), c.At
	return witnessCosigned, b.keepCosignature(ctx, newest, c)
}

// errAhead says that a witness cosigned a tree that this database does not
// have.
var errAhead = errors.New("broker: the witness has cosigned a larger tree than there is")

// newest returns the newest checkpoint.
func (b *Broker) newest(ctx context.Context) (cp store.Checkpoint, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		cp, err = r.LatestCheckpoint(ctx)
		return err
	})
	return cp, err
}

// request asks the witness to go from where it stands to the checkpoint.
func (b *Broker) request(ctx context.Context, client *http.Client, w *watcher, cp store.Checkpoint) ([]byte, error) {
	if w.size > cp.Size {
		return nil, errAhead
	}
	a := translog.AddCheckpoint{Old: w.size, Checkpoint: cp.Note}
	err := b.Store.Read(ctx, func(r store.Reader) (err error) {
		a.Proof, err = translog.ProveConsistency(ctx, w.size, cp.Size, readHashes(r))
		return err
	})
	if err != nil {
		return nil, err
	}
	return witness.Ask(ctx, client, w.URL, a)
}

// keepCosignature stores a verified cosignature, and the checkpoint as a
// witnessed one if it makes up the quorum.
func (b *Broker) keepCosignature(ctx context.Context, cp store.Checkpoint, c translog.Cosignature) error {
	if err := b.Store.SaveCosignature(ctx, store.Cosignature{Size: cp.Size, Witness: c.Key.String(), Line: c.Line}); err != nil {
		return err
	}
	note, err := b.withCosignatures(ctx, cp)
	if err != nil {
		return err
	}
	open, err := b.Policy.Open(note, b.Origin, b.Keys...)
	if err != nil || !open.Witnessed {
		return err
	}
	b.doubt.vouched(b.Now())
	b.meter.witnessed.Set(float64(cp.Size))
	return b.Store.SaveWitnessed(ctx, cp.Size, note)
}

// withCosignatures reads the cosignatures that there are of a checkpoint.
func (b *Broker) withCosignatures(ctx context.Context, cp store.Checkpoint) (note []byte, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		note, err = cosigned(ctx, r, cp)
		return err
	})
	return note, err
}

// cosigned returns a checkpoint with the cosignatures that there are.
func cosigned(ctx context.Context, r store.Reader, cp store.Checkpoint) ([]byte, error) {
	lines, err := r.Cosignatures(ctx, cp.Size)
	if err != nil {
		return nil, err
	}
	note := bytes.Clone(cp.Note)
	for _, c := range lines {
		note = append(note, c.Line...)
	}
	return note, nil
}

// Cosign takes the cosignatures of witnesses of the policy on a checkpoint of
// the log, from an authority that is one of them, and returns the checkpoint
// with all of its cosignatures.
func (b *Broker) Cosign(ctx context.Context, signed []byte) ([]byte, error) {
	if b.Policy == nil {
		return nil, problem.New(problem.Forbidden, "", "This broker has no policy that names witnesses.")
	}
	cp, err := translog.OpenCheckpoint(signed, b.Origin, b.Keys...)
	if err != nil {
		return nil, problem.Wrap(problem.BadSignature, "checkpoint", "The checkpoint is not signed by the log.", err)
	}
	var saved store.Checkpoint
	err = b.Store.Read(ctx, func(r store.Reader) error {
		saved, err = r.Checkpoint(ctx, cp.Size)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && !bytes.HasPrefix(saved.Note, []byte(cp.Text())) {
		b.Log.Error("a cosigned checkpoint bears the log's signature and is not one of this database", "size", cp.Size)
		return nil, problem.New(problem.InvalidValue, "checkpoint", "The broker has no such checkpoint.")
	}
	if err != nil {
		return nil, err
	}
	found := false
	for _, w := range b.Policy.Witnesses {
		c, err := translog.ReadCosignature(cp, signed[len(cp.Text())+1:], w.Key)
		if err != nil {
			continue
		}
		found = true
		if err := b.keepCosignature(ctx, saved, c); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, problem.New(problem.InvalidValue, "checkpoint", "It has no cosignature of a witness of the policy.")
	}
	return b.withCosignatures(ctx, saved)
}

// Receipt returns the best receipt there is of a message to one of its
// parties: witnessed if a quorum has cosigned a checkpoint that covers it.
func (b *Broker) Receipt(ctx context.Context, callers []directory.Authority, id string) (wire.Receipt, error) {
	var out wire.Receipt
	err := b.Store.Read(ctx, func(r store.Reader) error {
		row, err := messageOf(ctx, r, callers, id)
		if err != nil {
			return err
		}
		cp, err := r.Witnessed(ctx, row.Index+1)
		out.Grade = wire.GradeWitnessed
		if errors.Is(err, store.ErrNotFound) {
			cp, err = r.Checkpoint(ctx, row.Index+1)
			out.Grade = wire.GradeLogged
		}
		if err != nil {
			return unsigned(err)
		}
		receipt, err := proveUnder(ctx, r, row.Index, cp)
		out.Receipt = string(receipt)
		return err
	})
	return out, err
}
