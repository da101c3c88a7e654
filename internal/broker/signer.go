package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// A signingJob is a commit whose entries wait for a signed checkpoint.
type signingJob struct {
	growth  *translog.Growth
	waiting []waiter
}

// A waiter is an entry whose proposer waits for the receipt.
type waiter struct {
	index int64
	entry translog.Salted
	done  chan<- outcome
}

// signLoop signs the newest commit that waits and answers everybody it
// covers. It runs beside the sequencer, so that signing one commit overlaps
// the next.
func (b *Broker) signLoop(context.Context) {
	for job := range b.signing {
		jobs := []*signingJob{job}
	drain:
		for {
			select {
			case next, open := <-b.signing:
				if !open {
					break drain
				}
				jobs = append(jobs, next)
			default:
				break drain
			}
		}
		b.signJobs(jobs)
	}
}

// signJobs signs for the last of the jobs and answers all of them.
func (b *Broker) signJobs(jobs []*signingJob) {
	ctx := context.Background()
	newest := jobs[len(jobs)-1].growth
	checkpoint, err := b.sign(ctx, newest.After, jobs)
	if err != nil {
		err = b.fail(err)
	}
	for _, job := range jobs {
		for _, w := range job.waiting {
			if err != nil {
				w.done <- outcome{err: err}
				continue
			}
			receipt, err := b.receiptFor(ctx, job.growth, w, checkpoint)
			w.done <- outcome{index: w.index, receipt: receipt, err: err}
		}
	}
}

// fail tells why a checkpoint was not signed. If the log can no longer be
// signed, it stops acceptance for good.
func (b *Broker) fail(err error) error {
	b.Log.Error("checkpoint not signed", "err", err)
	if !errors.Is(err, ErrRewound) && !errors.Is(err, translog.ErrFork) {
		return fmt.Errorf("signing: %w", err)
	}
	p := problem.Wrap(problem.LogUnavailable, "", "The log cannot be signed; its operator has been alarmed.", err)
	b.failure.Store(p)
	return p
}

// receiptFor proves a new entry under the checkpoint.
func (b *Broker) receiptFor(ctx context.Context, g *translog.Growth, w waiter, cp store.Checkpoint) ([]byte, error) {
	if cp.Size != g.After.Size() {
		return b.receiptOf(ctx, w.index)
	}
	path, err := g.Prove(w.index)
	if err != nil {
		return nil, fmt.Errorf("proving entry %d: %w", w.index, err)
	}
	return translog.Receipt{Entry: w.entry, Index: w.index, Path: path, Checkpoint: cp.Note}.Format(), nil
}

// sign returns the checkpoint that covers tree: signed now, or by another
// broker on the same guard that was faster. The order is that of audit.md:
// committed, then the guard is advanced, then the signature leaves.
//
// jobs, which may be empty, lead from an earlier tree to this one and spare
// the proof from the database when they start where the guard stands.
func (b *Broker) sign(ctx context.Context, tree *translog.Tree, jobs []*signingJob) (store.Checkpoint, error) {
	next := translog.Checkpoint{Origin: b.Origin, Size: tree.Size(), Root: tree.Root()}
	var covered store.Checkpoint
	err := b.Guard.Advance(ctx, func(last []byte) ([]byte, error) {
		if len(last) > 0 {
			prev, err := b.openSigned(ctx, last)
			if err != nil {
				return nil, err
			}
			if prev.Size >= next.Size {
				covered, err = b.coveredBy(ctx, prev, last, next)
				return last, err
			}
			if !continues(prev, jobs) {
				if err := b.proveExtension(ctx, prev, next); err != nil {
					return nil, err
				}
			}
		}
		signed, err := next.Sign(b.Signers...)
		covered = store.Checkpoint{Size: next.Size, Note: signed}
		return signed, err
	})
	if err != nil {
		return store.Checkpoint{}, err
	}
	if err := b.Store.SaveCheckpoint(ctx, covered.Size, covered.Note); err != nil {
		return store.Checkpoint{}, err
	}
	b.latestCP.Store(max(b.latestCP.Load(), covered.Size))
	return covered, nil
}

// openSigned reads the guard's text and makes sure that the database has it:
// a crash may have come between the guard and the database. It runs under the
// guard's lock, so that checkpoints are saved in the order they were signed,
// and a repeated submission finds the checkpoint of its first receipt.
func (b *Broker) openSigned(ctx context.Context, last []byte) (translog.Checkpoint, error) {
	prev, err := translog.OpenCheckpoint(last, b.Origin, b.Keys...)
	if err != nil {
		return prev, fmt.Errorf("broker: the guard's checkpoint is not ours: %w", err)
	}
	if err := translog.CheckSigners(last, b.Origin, b.Keys...); err != nil {
		return prev, fmt.Errorf("broker: the log is being given another key: finish `entraide broker log rotate-key`, and start this broker again: %w", err)
	}
	var head store.Head
	var saved store.Checkpoint
	err = b.Store.Read(ctx, func(r store.Reader) (err error) {
		if head, err = r.Head(ctx); err != nil {
			return err
		}
		saved, err = r.Checkpoint(ctx, prev.Size)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return prev, err
	}
	if head.Size < prev.Size {
		return prev, fmt.Errorf("%w: the database has %d entries, %d are already signed", ErrRewound, head.Size, prev.Size)
	}
	if saved.Size == prev.Size && (bytes.Equal(saved.Note, last) || b.signedTwice(saved.Note, prev)) {
		return prev, nil
	}
	tree, err := translog.ParseTree(head.Size, head.Frontier)
	if err != nil {
		return prev, fmt.Errorf("broker: reading the head of the log: %w", err)
	}
	whole := translog.Checkpoint{Origin: b.Origin, Size: tree.Size(), Root: tree.Root()}
	if err := b.proveExtension(ctx, prev, whole); err != nil {
		return prev, err
	}
	return prev, b.Store.SaveCheckpoint(ctx, prev.Size, last)
}

// signedTwice reports whether the guard's checkpoint differs from the saved one
// in signatures alone: that of a key that has taken over was added.
func (b *Broker) signedTwice(saved []byte, prev translog.Checkpoint) bool {
	cp, err := translog.OpenCheckpoint(saved, b.Origin, b.Keys...)
	return err == nil && cp == prev
}

// coveredBy returns the saved checkpoint that covers next, when the guard
// already stands at or beyond it, and checks that the two trees are one.
func (b *Broker) coveredBy(ctx context.Context, prev translog.Checkpoint, last []byte, next translog.Checkpoint) (store.Checkpoint, error) {
	if err := b.proveExtension(ctx, next, prev); err != nil {
		return store.Checkpoint{}, err
	}
	var covered store.Checkpoint
	err := b.Store.Read(ctx, func(r store.Reader) (err error) {
		covered, err = r.Checkpoint(ctx, next.Size)
		return err
	})
	return covered, err
}

// continues reports whether the jobs grew, without a gap, from the tree that
// prev signed: then appending was itself the proof.
func continues(prev translog.Checkpoint, jobs []*signingJob) bool {
	if len(jobs) == 0 {
		return false
	}
	before := jobs[0].growth.Before
	if before.Size() != prev.Size || (prev.Size > 0 && before.Root() != prev.Root) {
		return false
	}
	for i := 1; i < len(jobs); i++ {
		if jobs[i].growth.Before.Size() != jobs[i-1].growth.After.Size() ||
			jobs[i].growth.Before.Root() != jobs[i-1].growth.After.Root() {
			return false
		}
	}
	return true
}

// proveExtension proves from the database that the newer tree extends the
// older.
func (b *Broker) proveExtension(ctx context.Context, older, newer translog.Checkpoint) error {
	return b.Store.Read(ctx, func(r store.Reader) error {
		proof, err := translog.ProveConsistency(ctx, older.Size, newer.Size, readHashes(r))
		if err != nil {
			return fmt.Errorf("broker: proving that tree %d extends tree %d: %w", newer.Size, older.Size, err)
		}
		if err := guard.CheckExtends(older, newer, proof); err != nil {
			return fmt.Errorf("%w: %w", ErrRewound, err)
		}
		return nil
	})
}

// signHead signs the head of the log as the database has it.
func (b *Broker) signHead(ctx context.Context) error {
	var head store.Head
	if err := b.Store.Read(ctx, func(r store.Reader) (err error) {
		head, err = r.Head(ctx)
		return err
	}); err != nil {
		return err
	}
	tree, err := translog.ParseTree(head.Size, head.Frontier)
	if err != nil {
		return fmt.Errorf("broker: reading the head of the log: %w", err)
	}
	_, err = b.sign(ctx, tree, nil)
	return err
}

// readHashes gives translog the hashes of the stored tree.
func readHashes(r store.Reader) translog.ReadHashes {
	return func(ctx context.Context, level int, from, to int64) ([]translog.Hash, error) {
		raw, err := r.Hashes(ctx, level, from, to)
		if err != nil {
			return nil, err
		}
		hashes := make([]translog.Hash, len(raw))
		for i, h := range raw {
			hashes[i] = h
		}
		return hashes, nil
	}
}

// receiptOf returns the receipt of an entry: always the same bytes, under the
// first checkpoint that covered the entry.
func (b *Broker) receiptOf(ctx context.Context, index int64) (receipt []byte, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		receipt, err = readReceipt(ctx, r, index)
		return err
	})
	return receipt, err
}

// readReceipt is receiptOf within a Read.
func readReceipt(ctx context.Context, r store.Reader, index int64) ([]byte, error) {
	cp, err := r.Checkpoint(ctx, index+1)
	if err != nil {
		return nil, fmt.Errorf("finding the checkpoint of entry %d: %w", index, err)
	}
	return proveUnder(ctx, r, index, cp)
}

// proveUnder returns the receipt of an entry under a checkpoint that covers
// it.
func proveUnder(ctx context.Context, r store.Reader, index int64, cp store.Checkpoint) ([]byte, error) {
	entry, err := r.Entry(ctx, index)
	if err != nil {
		return nil, fmt.Errorf("reading entry %d: %w", index, err)
	}
	path, err := translog.ProveInclusion(ctx, index, cp.Size, readHashes(r))
	if err != nil {
		return nil, fmt.Errorf("proving entry %d: %w", index, err)
	}
	if len(entry.Salt) != len(translog.Salted{}.Salt) {
		return nil, fmt.Errorf("entry %d: %w", index, ErrErased)
	}
	salted := translog.Salted{Salt: [32]byte(entry.Salt), Body: entry.Body}
	return translog.Receipt{Entry: salted, Index: index, Path: path, Checkpoint: cp.Note}.Format(), nil
}
