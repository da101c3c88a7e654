package translog

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight makes tiles 256 hashes wide (c2sp.org/tlog-tiles).
const tileHeight = 8

// TileWidth is the number of hashes in a full tile.
const TileWidth = 1 << tileHeight

// A Tree is the right edge of a Merkle tree: its size and the roots of the
// complete subtrees that make it up, largest first. That is all a log needs to
// grow. A Tree never changes.
type Tree struct {
	size     int64
	frontier []Hash
	root     Hash
}

// NewTree returns the empty tree.
func NewTree() *Tree { return &Tree{root: emptyRoot()} }

// emptyRoot is the hash of the empty string (RFC 6962, section 2.1).
func emptyRoot() Hash {
	root, _ := tlog.TreeHash(0, nil) // reads nothing for size 0
	return root
}

// edge lists the stored-hash indexes of the frontier of a tree.
func edge(size int64) []int64 {
	var indexes []int64
	for start := int64(0); start < size; {
		level := 0
		for int64(1)<<(level+1) <= size-start {
			level++
		}
		indexes = append(indexes, tlog.StoredHashIndex(level, start>>level))
		start += int64(1) << level
	}
	return indexes
}

// ParseTree reads a frontier as Frontier wrote it.
func ParseTree(size int64, frontier []byte) (*Tree, error) {
	if size < 0 {
		return nil, errors.New("translog: a tree cannot have a negative size")
	}
	if len(frontier) != len(edge(size))*tlog.HashSize {
		return nil, fmt.Errorf("translog: %d bytes cannot be the frontier of a tree of %d entries", len(frontier), size)
	}
	t := &Tree{size: size}
	for i := 0; i < len(frontier); i += tlog.HashSize {
		t.frontier = append(t.frontier, Hash(frontier[i:i+tlog.HashSize]))
	}
	t.root = foldFrontier(t.frontier)
	return t, nil
}

// foldFrontier hashes a frontier up to the root.
func foldFrontier(frontier []Hash) Hash {
	if len(frontier) == 0 {
		return emptyRoot()
	}
	root := frontier[len(frontier)-1]
	for i := len(frontier) - 2; i >= 0; i-- {
		root = tlog.NodeHash(frontier[i], root)
	}
	return root
}

// Size returns the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Root returns the root hash.
func (t *Tree) Root() Hash { return t.root }

// Frontier returns the frontier, 32 bytes for each complete subtree.
func (t *Tree) Frontier() []byte {
	out := make([]byte, 0, len(t.frontier)*tlog.HashSize)
	for _, h := range t.frontier {
		out = append(out, h[:]...)
	}
	return out
}

// A Node is the root of a complete subtree of 256^Level leaves: element Index
// of tile level Level. Level 0 are the leaf hashes, which are not nodes.
type Node struct {
	Level int
	Index int64
	Hash  Hash
}

// A Growth is what appending did: the trees before and after, and the nodes
// that a store must keep besides the leaf hashes.
type Growth struct {
	Before, After *Tree
	Nodes         []Node
	known         hashes // the frontier before, and everything new
}

// hashes are tree hashes by stored-hash index.
type hashes map[int64]Hash

// ReadHashes implements tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, index := range indexes {
		hash, ok := h[index]
		if !ok {
			return nil, fmt.Errorf("translog: hash %d is not at hand", index)
		}
		out[i] = hash
	}
	return out, nil
}

// Append returns what adding leaves, given by their hashes, makes of the tree.
// It costs about two hashes a leaf and reads no storage.
func (t *Tree) Append(leaves []Hash) (*Growth, error) {
	g := &Growth{Before: t, known: make(hashes, 2*len(leaves)+len(t.frontier))}
	for i, index := range edge(t.size) {
		g.known[index] = t.frontier[i]
	}
	size := t.size
	for _, leaf := range leaves {
		stored, err := tlog.StoredHashesForRecordHash(size, leaf, g.known)
		if err != nil {
			return nil, err
		}
		first := tlog.StoredHashIndex(0, size)
		for i, hash := range stored {
			g.known[first+int64(i)] = hash
			if level := i; level > 0 && level%tileHeight == 0 {
				g.Nodes = append(g.Nodes, Node{Level: level / tileHeight, Index: size >> level, Hash: hash})
			}
		}
		size++
	}
	frontier, err := g.known.ReadHashes(edge(size))
	if err != nil {
		return nil, err
	}
	g.After = &Tree{size: size, frontier: frontier, root: foldFrontier(frontier)}
	return g, nil
}

// Prove returns the inclusion proof of a new leaf in the tree after.
func (g *Growth) Prove(index int64) ([]Hash, error) {
	if index < g.Before.size || index >= g.After.size {
		return nil, fmt.Errorf("translog: entry %d is not one of the new ones", index)
	}
	return tlog.ProveRecord(g.After.size, index, g.known)
}
