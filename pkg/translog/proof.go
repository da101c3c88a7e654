package translog

import (
	"context"
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ReadHashes returns the hashes at a tile level (0: leaf hashes; L: roots of
// complete subtrees of 256^L leaves) with indices [from, to).
type ReadHashes func(ctx context.Context, level int, from, to int64) ([]Hash, error)

// A reader answers tlog's questions for any hash of a tree from ReadHashes. It
// remembers the tiles it has read, of which a proof needs a few at each level.
type reader struct {
	ctx   context.Context
	size  int64
	read  ReadHashes
	tiles map[tileKey][]Hash
}

type tileKey struct {
	level int
	n     int64
}

// ReadHashes implements tlog.HashReader.
func (r *reader) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		hash, err := r.hash(level, n)
		if err != nil {
			return nil, err
		}
		out[i] = hash
	}
	return out, nil
}

// hash computes the root of the subtree n at a level from the elements of one
// tile.
func (r *reader) hash(level int, n int64) (Hash, error) {
	tileLevel, within := level/tileHeight, level%tileHeight
	first := n << within
	tile, err := r.tile(tileLevel, first/TileWidth)
	if err != nil {
		return Hash{}, err
	}
	offset := first % TileWidth
	end := offset + int64(1)<<within
	if end > int64(len(tile)) {
		return Hash{}, fmt.Errorf("translog: the tree has no hash %d at level %d", n, level)
	}
	return fold(tile[offset:end]), nil
}

// fold hashes the elements, a power of two, up to their root.
func fold(elements []Hash) Hash {
	if len(elements) == 1 {
		return elements[0]
	}
	half := len(elements) / 2
	return tlog.NodeHash(fold(elements[:half]), fold(elements[half:]))
}

// tile reads as much of a tile as the tree has.
func (r *reader) tile(level int, n int64) ([]Hash, error) {
	key := tileKey{level, n}
	if tile, ok := r.tiles[key]; ok {
		return tile, nil
	}
	width := r.size >> (level * tileHeight)
	from, to := n*TileWidth, min((n+1)*TileWidth, width)
	if from >= to {
		return nil, fmt.Errorf("translog: the tree has no tile %d at level %d", n, level)
	}
	tile, err := r.read(r.ctx, level, from, to)
	if err != nil {
		return nil, err
	}
	if int64(len(tile)) != to-from {
		return nil, fmt.Errorf("translog: tile %d at level %d has %d hashes, want %d", n, level, len(tile), to-from)
	}
	r.tiles[key] = tile
	return tile, nil
}

func newReader(ctx context.Context, size int64, read ReadHashes) *reader {
	return &reader{ctx: ctx, size: size, read: read, tiles: map[tileKey][]Hash{}}
}

// ProveInclusion returns the proof that entry index is in the tree of a size
// (RFC 6962, section 2.1.1).
func ProveInclusion(ctx context.Context, index, size int64, read ReadHashes) ([]Hash, error) {
	if index < 0 || index >= size {
		return nil, fmt.Errorf("translog: a tree of %d entries has no entry %d", size, index)
	}
	return tlog.ProveRecord(size, index, newReader(ctx, size, read))
}

// ProveConsistency returns the proof that the tree of the newer size extends
// that of the older (RFC 6962, section 2.1.2). It is empty for equal sizes and
// from the empty tree.
func ProveConsistency(ctx context.Context, older, newer int64, read ReadHashes) ([]Hash, error) {
	if older < 0 || older > newer {
		return nil, fmt.Errorf("translog: a tree of %d entries cannot extend one of %d", newer, older)
	}
	if older == 0 || older == newer {
		return nil, nil
	}
	return tlog.ProveTree(newer, older, newReader(ctx, newer, read))
}

// CheckConsistency returns [ErrFork] unless the proof shows that the newer
// checkpoint extends the older.
func CheckConsistency(older, newer Checkpoint, proof []Hash) error {
	switch {
	case older.Origin != newer.Origin:
		return fmt.Errorf("%w: they are of different logs", ErrFork)
	case older.Size > newer.Size:
		return fmt.Errorf("%w: it is smaller", ErrFork)
	case older.Size == 0:
		if older.Root != emptyRoot() {
			return fmt.Errorf("%w: the empty tree has another root", ErrFork)
		}
		return nil
	case older.Size == newer.Size:
		if older.Root != newer.Root {
			return fmt.Errorf("%w: the roots of %d entries differ", ErrFork, older.Size)
		}
		return nil
	}
	if err := tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return fmt.Errorf("%w: %w", ErrFork, err)
	}
	return nil
}

// FormatHashes writes the hashes of a proof as JSON carries them: base64.
func FormatHashes(proof []Hash) []string {
	texts := make([]string, len(proof))
	for i, h := range proof {
		texts[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return texts
}

// ParseHashes reads what FormatHashes writes, of no more hashes than a proof can
// have.
func ParseHashes(texts []string) ([]Hash, error) {
	if len(texts) > maxPath {
		return nil, fmt.Errorf("translog: a proof of %d hashes", len(texts))
	}
	var proof []Hash
	for _, text := range texts {
		h, err := tlog.ParseHash(text)
		if err != nil {
			return nil, fmt.Errorf("translog: reading a proof: %w", err)
		}
		proof = append(proof, h)
	}
	return proof, nil
}
