package auditor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/entraide/entraide/pkg/translog"
)

// restart is how many bundles are pulled between two places from which a
// killed mirror goes on.
const restart = 64

// follow pulls the leaves of the next checkpoint and checks that they lead to
// its root.
func (m *Mirror) follow(ctx context.Context, last, next translog.Checkpoint) error {
	if m.edge.tree.Size() > next.Size { // a larger one was begun and not finished
		if err := m.fallBack(last.Size); err != nil {
			return err
		}
	}
	if err := m.pull(ctx, next.Size); err != nil {
		return err
	}
	if m.edge.tree.Root() == next.Root {
		return m.tiles(ctx, last.Size, next.Size)
	}
	found := m.locate(ctx, last.Size, next)
	return errors.Join(found, m.fallBack(last.Size))
}

// tiles compares the hashes that the log shows of the entries from one size to
// another with those that the mirror computed of the entries themselves, at
// every level. Without them nobody else gets a proof.
func (m *Mirror) tiles(ctx context.Context, from, to int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	files := prefetch(ctx, m.source, func(yield func(string) bool) {
		for p := range tilesBetween(from, to) {
			if !yield(p.String()) {
				return
			}
		}
	})
	own := Directory(m.home)
	for p := range tilesBetween(from, to) {
		f, ok := <-files
		if !ok {
			return ctx.Err()
		}
		if errors.Is(f.err, errMissing) {
			return fmt.Errorf("%w: hashes are missing (%s)", ErrGap, p)
		}
		if f.err != nil {
			return f.err
		}
		want, err := own(ctx, p.String())
		if err != nil {
			return err
		}
		if !bytes.Equal(f.data, want) {
			return fmt.Errorf("%w: the hashes in %s", ErrAltered, p)
		}
	}
	return nil
}

// tilesBetween yields the paths of the tiles that a log of one size does not
// have whole, and one of a larger size has.
func tilesBetween(from, to int64) iter.Seq[translog.Path] {
	return func(yield func(translog.Path) bool) {
		for level := 0; to > 0; level, from, to = level+1, from/translog.TileWidth, to/translog.TileWidth {
			for n := from / translog.TileWidth; n*translog.TileWidth < to; n++ {
				p := translog.Path{Level: level, N: n, Width: int(min(translog.TileWidth, to-n*translog.TileWidth))}
				if !yield(p) {
					return
				}
			}
		}
	}
}

// pull fetches and stores leaves until there are size of them.
func (m *Mirror) pull(ctx context.Context, size int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from := m.edge.tree.Size()
	begun := from
	files := prefetch(ctx, m.source, func(yield func(string) bool) {
		for n := begun / translog.TileWidth; n*translog.TileWidth < size; n++ {
			if !yield(bundlePath(n, size).String()) {
				return
			}
		}
	})
	for count := 1; from < size; count++ {
		f, ok := <-files
		if !ok {
			return ctx.Err()
		}
		p := bundlePath(from/translog.TileWidth, size)
		if errors.Is(f.err, errMissing) {
			return fmt.Errorf("%w: entries %d to %d are missing (%s)", ErrGap, p.From(), p.To()-1, p)
		}
		if f.err != nil {
			return f.err
		}
		if err := m.take(p, f.data); err != nil {
			return err
		}
		if from = m.edge.tree.Size(); count%restart == 0 && from < size {
			if err := m.pause(); err != nil {
				return err
			}
		}
	}
	return m.pause()
}

// bundlePath is the path of a bundle in a log of a size.
func bundlePath(n, size int64) translog.Path {
	return translog.Path{Entries: true, N: n, Width: int(min(translog.TileWidth, size-n*translog.TileWidth))}
}

// take stores a bundle, whose beginning may be known.
func (m *Mirror) take(p translog.Path, data []byte) error {
	leaves, err := translog.ParseBundle(data, p.Width)
	if err != nil {
		return fmt.Errorf("%w: entries %d to %d: %w", ErrAltered, p.From(), p.To()-1, err)
	}
	known := len(m.edge.leaves)
	for i, leaf := range m.edge.leaves {
		if !bytes.Equal(leaf, leaves[i]) {
			return fmt.Errorf("%w: entry %d is another than before", ErrAltered, p.From()+int64(i))
		}
	}
	return m.edge.add(leaves[known:])
}

// pause makes what was pulled the place to go on from.
func (m *Mirror) pause() error {
	if err := m.edge.flush(); err != nil {
		return err
	}
	before := m.state.Pulled
	m.state.Pulled, m.state.Beyond = m.edge.tree.Size(), m.edge.tree.Frontier()
	if err := m.save(); err != nil {
		return err
	}
	if last, err := m.trusted(); err != nil || before == last.Size || before == m.state.Pulled {
		return err
	}
	return m.edge.forget(before)
}

// locate finds out why the stored leaves do not lead to a checkpoint: it
// compares them with the hashes that the log shows.
func (m *Mirror) locate(ctx context.Context, from int64, next translog.Checkpoint) error {
	own := Directory(m.home)
	for n := from / translog.TileWidth; n*translog.TileWidth < next.Size; n++ {
		p := bundlePath(n, next.Size)
		bundle, err := own(ctx, p.String())
		if err != nil {
			return err
		}
		leaves, err := translog.ParseBundle(bundle, p.Width)
		if err != nil {
			return err
		}
		p.Entries = false
		tile, err := m.source(ctx, p.String())
		if errors.Is(err, errMissing) {
			return fmt.Errorf("%w: the hashes of entries %d to %d are missing (%s)", ErrGap, p.From(), p.To()-1, p)
		}
		if err != nil {
			return err
		}
		hashes, err := hashesOf(tile, p.Width)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrAltered, p, err)
		}
		for i, leaf := range leaves {
			if translog.LeafHash(leaf) != hashes[i] {
				return fmt.Errorf("%w: entry %d", ErrAltered, p.From()+int64(i))
			}
		}
	}
	return fmt.Errorf("%w: entries %d to %d do not lead to the root that was signed", ErrAltered, from, next.Size-1)
}

// Check reads the whole mirror again and returns how many entries it has. What
// does not lead to the trusted checkpoint is an error that names the place.
func (m *Mirror) Check(ctx context.Context) (size int64, err error) {
	last, err := m.trusted()
	if err != nil {
		return 0, err
	}
	own := Directory(m.home)
	tree := translog.NewTree()
	for n := int64(0); n*translog.TileWidth < last.Size; n++ {
		p := bundlePath(n, last.Size)
		data, err := own(ctx, p.String())
		if err != nil {
			return 0, err
		}
		leaves, err := translog.ParseBundle(data, p.Width)
		if err != nil {
			return 0, fmt.Errorf("auditor: %s: %w", p, err)
		}
		growth, err := tree.Append(leafHashes(leaves))
		if err != nil {
			return 0, err
		}
		tree = growth.After
	}
	if tree.Root() != last.Root {
		return 0, errors.Join(errDamaged, m.locateOwn(ctx, last))
	}
	return last.Size, nil
}

// errDamaged says that the mirror's own files have been changed.
var errDamaged = errors.New("auditor: the files of this mirror have been changed; make a new one")

// locateOwn compares the mirror's bundles with its own tiles.
func (m *Mirror) locateOwn(ctx context.Context, last translog.Checkpoint) error {
	again := *m
	again.source = Directory(m.home)
	return fmt.Errorf("auditor: %v", again.locate(ctx, 0, last))
}
