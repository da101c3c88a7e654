package auditor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/pkg/translog"
)

// An edge is the right edge of the stored tree: what of each tile is not full
// yet, and so has no final file.
type edge struct {
	home   string
	tree   *translog.Tree
	leaves [][]byte          // of the last bundle
	levels [][]translog.Hash // by tile level, of its last tile
	dirs   map[string]bool   // whose names are not durable yet
}

// openEdge reads the edge of a tree from its partial tiles.
func openEdge(home string, size int64, frontier []byte) (*edge, error) {
	e := &edge{home: home, dirs: map[string]bool{}}
	var err error
	if e.tree, err = translog.ParseTree(size, frontier); err != nil {
		return nil, err
	}
	read := Directory(home)
	for _, p := range partials(size) {
		data, err := read(context.Background(), p.String())
		if err != nil {
			return nil, fmt.Errorf("auditor: the mirror is damaged: %w", err)
		}
		if p.Entries {
			if e.leaves, err = translog.ParseBundle(data, p.Width); err != nil {
				return nil, fmt.Errorf("auditor: the mirror is damaged: %w", err)
			}
			continue
		}
		hashes, err := hashesOf(data, p.Width)
		if err != nil {
			return nil, fmt.Errorf("auditor: the mirror is damaged: %w", err)
		}
		e.level(p.Level)
		e.levels[p.Level] = hashes
	}
	return e, nil
}

// leafHashes hashes leaves.
func leafHashes(leaves [][]byte) []translog.Hash {
	hashes := make([]translog.Hash, len(leaves))
	for i, leaf := range leaves {
		hashes[i] = translog.LeafHash(leaf)
	}
	return hashes
}

// hashesOf reads a tile.
func hashesOf(data []byte, width int) ([]translog.Hash, error) {
	if len(data) != width*len(translog.Hash{}) {
		return nil, errors.New("auditor: a tile has another length")
	}
	var hashes []translog.Hash
	for len(data) > 0 {
		hashes, data = append(hashes, translog.Hash(data[:32])), data[32:]
	}
	return hashes, nil
}

// partials are the paths of the partial tiles of a tree.
func partials(size int64) []translog.Path {
	var all []translog.Path
	for level := 0; size>>(8*level) > 0; level++ {
		count := size >> (8 * level)
		if width := int(count % translog.TileWidth); width > 0 {
			p := translog.Path{Level: level, N: count / translog.TileWidth, Width: width}
			all = append(all, p)
			if p.Entries = true; level == 0 {
				all = append(all, p)
			}
		}
	}
	return all
}

// level makes sure that there is a level.
func (e *edge) level(n int) {
	for len(e.levels) <= n {
		e.levels = append(e.levels, nil)
	}
}

// add appends leaves, which must not go beyond the last bundle, and writes the
// tiles that became full.
func (e *edge) add(leaves [][]byte) error {
	hashes := leafHashes(leaves)
	growth, err := e.tree.Append(hashes)
	if err != nil {
		return err
	}
	e.tree = growth.After
	e.leaves = append(e.leaves, leaves...)
	e.level(0)
	e.levels[0] = append(e.levels[0], hashes...)
	for _, n := range growth.Nodes {
		e.level(n.Level)
		e.levels[n.Level] = append(e.levels[n.Level], n.Hash)
	}
	for level := range e.levels {
		if len(e.levels[level]) < translog.TileWidth {
			break
		}
		n := e.tree.Size()>>(8*(level+1)) - 1
		if err := e.writeTile(translog.Path{Level: level, N: n, Width: translog.TileWidth}); err != nil {
			return err
		}
		e.levels[level] = nil
		if level == 0 {
			e.leaves = nil
		}
	}
	return nil
}

// flush writes the partial tiles and makes everything durable.
func (e *edge) flush() error {
	for _, p := range partials(e.tree.Size()) {
		if p.Entries {
			continue // written with its tile
		}
		if err := e.writeTile(p); err != nil {
			return err
		}
	}
	for dir := range e.dirs {
		if err := durable.SyncDir(dir); err != nil {
			return fmt.Errorf("auditor: %w", err)
		}
	}
	clear(e.dirs)
	return nil
}

// writeTile writes a tile of the edge and, at level 0, its bundle.
func (e *edge) writeTile(p translog.Path) error {
	var tile bytes.Buffer
	for _, h := range e.levels[p.Level] {
		tile.Write(h[:])
	}
	if err := e.write(p, tile.Bytes()); err != nil {
		return err
	}
	if p.Level > 0 {
		return nil
	}
	p.Entries = true
	return e.write(p, translog.Bundle(e.leaves))
}

func (e *edge) write(p translog.Path, data []byte) error {
	path := filepath.Join(e.home, filepath.FromSlash(p.String()))
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("auditor: writing %s: %w", p, err)
	}
	for ; len(dir) >= len(e.home); dir = filepath.Dir(dir) {
		e.dirs[dir] = true
	}
	if err := durable.Write(path, data, fileMode); err != nil {
		return fmt.Errorf("auditor: %w", err)
	}
	return nil
}

// forget removes the partial tiles of a smaller tree that is trusted no more.
func (e *edge) forget(size int64) error {
	present := map[translog.Path]bool{}
	for _, p := range partials(e.tree.Size()) {
		present[p] = true
	}
	for _, p := range partials(size) {
		if present[p] {
			continue
		}
		path := filepath.Join(e.home, filepath.FromSlash(p.String()))
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("auditor: removing %s: %w", p, err)
		}
		_ = os.Remove(filepath.Dir(path)) // stays while it holds other widths
	}
	return nil
}

// fileMode lets any web server publish the mirror.
const fileMode = 0o644

// replace writes a file in one durable step.
func replace(path string, data []byte) error {
	if err := durable.Replace(path, data, fileMode); err != nil {
		return fmt.Errorf("auditor: %w", err)
	}
	return nil
}
