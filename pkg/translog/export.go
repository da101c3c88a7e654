package translog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// A Source is a log to export.
type Source struct {
	Checkpoint  []byte // signed
	Size        int64  // of the checkpoint
	VerifierKey string
	Hashes      ReadHashes
	Leaves      func(ctx context.Context, from, to int64) ([][]byte, error)
}

// Export writes the log as static files to a directory: checkpoint, tiles,
// entry bundles and log.vkey (c2sp.org/tlog-tiles). It may be repeated into the
// same directory as the log grows; the checkpoint is replaced last, so that
// readers never see one whose tiles are missing. It holds one tile in memory.
func Export(ctx context.Context, dir string, src Source) error {
	for level := 0; src.Size>>(level*tileHeight) > 0; level++ {
		width := src.Size >> (level * tileHeight)
		for from := int64(0); from < width; from += TileWidth {
			p := Path{Level: level, N: from / TileWidth, Width: int(min(TileWidth, width-from))}
			if err := exportTile(ctx, dir, src, p); err != nil {
				return fmt.Errorf("translog: exporting %s: %w", p, err)
			}
		}
	}
	if err := write(filepath.Join(dir, "log.vkey"), []byte(src.VerifierKey+"\n")); err != nil {
		return fmt.Errorf("translog: exporting the verifier key: %w", err)
	}
	if err := write(filepath.Join(dir, "checkpoint"), src.Checkpoint); err != nil {
		return fmt.Errorf("translog: exporting the checkpoint: %w", err)
	}
	return nil
}

// exportTile writes a tile and, at level 0, the entry bundle beside it.
func exportTile(ctx context.Context, dir string, src Source, p Path) error {
	hashes, err := src.Hashes(ctx, p.Level, p.From(), p.To())
	if err != nil {
		return err
	}
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	if err := write(filepath.Join(dir, filepath.FromSlash(p.String())), data); err != nil {
		return err
	}
	if p.Level > 0 {
		return nil
	}
	leaves, err := src.Leaves(ctx, p.From(), p.To())
	if err != nil {
		return err
	}
	p.Entries = true
	return write(filepath.Join(dir, filepath.FromSlash(p.String())), Bundle(leaves))
}

// write replaces a file in one step.
func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
