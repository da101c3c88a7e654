package desk

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
)

// What the desk's own log says of its export, and where the private halves go.
const (
	recordExported = "own log exported"
	entriesFile    = "entries.jsonl"
)

// A LogEntry is an entry of the desk's own log: who did what, and what it was
// done to.
type LogEntry struct {
	Index  int64     `json:"index"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	What   string    `json:"what"`
	Detail string    `json:"detail"`
}

// OwnLog calls found with every entry of the desk's own log, in order, until it
// returns an error. It shows what is stored; [Desk.AuditVerify] says whether that
// is what was recorded.
func (d *Desk) OwnLog(ctx context.Context, found func(LogEntry) error) error {
	return d.db.Read(ctx, func(r store.DeskReader) error {
		return eachEntry(ctx, r, func(e store.Entry) error {
			entry, err := logEntry(e)
			if err != nil {
				return err
			}
			return found(entry)
		})
	})
}

// eachEntry reads the desk's own log, page by page.
func eachEntry(ctx context.Context, r store.DeskReader, found func(store.Entry) error) error {
	for from := int64(0); ; from += auditPage {
		entries, err := r.Entries(ctx, from, from+auditPage)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if err := found(e); err != nil {
				return err
			}
		}
	}
}

// A disclosed is an entry with the salt with which its leaf commits to it.
type disclosed struct {
	Index int64  `json:"index"`
	Salt  []byte `json:"salt"`
	Body  string `json:"body"`
}

// ExportLog verifies the desk's own log and writes it to a directory as static
// files (c2sp.org/tlog-tiles) that any such verifier reads, with its private
// halves in entries.jsonl, one a line, and returns its size. That it was exported,
// and by whom, is its newest entry.
func (d *Desk) ExportLog(ctx context.Context, dir, by string) (size int64, err error) {
	if err := d.db.Write(ctx, func(w store.DeskWriter) error { return d.Record(ctx, w, by, recordExported, "") }); err != nil {
		return 0, err
	}
	key, err := d.logKey()
	if err != nil {
		return 0, err
	}
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		tree, err := d.auditTree(ctx, r)
		if err != nil {
			return err
		}
		size = tree.Size()
		signed, err := translog.Checkpoint{Origin: d.signer.Name(), Size: size, Root: tree.Root()}.Sign(d.signer)
		if err != nil {
			return err
		}
		nodes, err := nodesOf(ctx, r)
		if err != nil {
			return err
		}
		if err := translog.Export(ctx, dir, translog.Source{
			Checkpoint: signed, Size: size, VerifierKey: key, Hashes: nodes.read, Leaves: func(ctx context.Context, from, to int64) ([][]byte, error) {
				entries, err := r.Entries(ctx, from, to)
				leaves := make([][]byte, len(entries))
				for i, e := range entries {
					leaves[i] = e.Leaf
				}
				return leaves, err
			},
		}); err != nil {
			return err
		}
		return writeEntries(ctx, r, filepath.Join(dir, entriesFile))
	})
	return size, err
}

// writeEntries writes the private halves of the desk's own log.
func writeEntries(ctx context.Context, r store.DeskReader, path string) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	out := bufio.NewWriter(f)
	if err := eachEntry(ctx, r, func(e store.Entry) error {
		line, err := strictjson.Marshal(disclosed{Index: e.Index, Salt: e.Salt, Body: string(e.Body)})
		if err != nil {
			return err
		}
		_, err = out.Write(append(line, '\n'))
		return err
	}); err != nil {
		return err
	}
	return out.Flush()
}

// hashes are those of the desk's own log, by level: its leaves, and the roots of
// whole tiles above them.
type hashes [][]translog.Hash

// nodesOf computes them.
func nodesOf(ctx context.Context, r store.DeskReader) (hashes, error) {
	tree, all := translog.NewTree(), hashes{{}}
	err := eachEntry(ctx, r, func(e store.Entry) error {
		leaf := translog.LeafHash(e.Leaf)
		growth, err := tree.Append([]translog.Hash{leaf})
		if err != nil {
			return err
		}
		tree, all[0] = growth.After, append(all[0], leaf)
		for _, n := range growth.Nodes {
			if n.Level == len(all) {
				all = append(all, nil)
			}
			all[n.Level] = append(all[n.Level], n.Hash)
		}
		return nil
	})
	return all, err
}

func (h hashes) read(_ context.Context, level int, from, to int64) ([]translog.Hash, error) {
	if level >= len(h) || to > int64(len(h[level])) {
		return nil, fmt.Errorf("%w: hashes are missing", ErrAudit)
	}
	return h[level][from:to], nil
}
