package desk

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// anchorEvery is the shortest time between two anchors of the desk's own log.
const anchorEvery = 15 * time.Minute

// anchorLog has the broker log the head of the desk's own log, if that has grown
// and the last time is a while ago: from then on nobody can rewrite what the desk
// has recorded, the desk's administrator included. Trouble with it stops nothing
// else.
func (d *Desk) anchorLog(ctx context.Context) error {
	authorities, err := d.Authorities()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(authorities, func(id string) bool { _, err := d.Directory().Authority(id); return err == nil })
	if i < 0 {
		return nil
	}
	var head store.Head
	var anchors []store.Anchor
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		if head, err = r.Head(ctx); err != nil {
			return err
		}
		anchors, err = r.Anchors(ctx)
		return err
	}); err != nil {
		return err
	}
	if n := len(anchors); head.Size == 0 || n > 0 && (anchors[n-1].Size == head.Size || d.Now().Sub(d.anchored(anchors[n-1])) < anchorEvery) {
		return nil
	}
	tree, err := translog.ParseTree(head.Size, head.Frontier)
	if err != nil {
		return err
	}
	return d.handAnchor(ctx, authorities[i], translog.Checkpoint{Origin: d.signer.Name(), Size: tree.Size(), Root: tree.Root()})
}

// anchored is when the broker says that it logged an anchor; the zero time if it
// cannot be read.
func (d *Desk) anchored(a store.Anchor) time.Time {
	_, accepted, _ := d.trust.Anchored(a.Proof) // AuditVerify tells
	return accepted.At
}

// An Anchor is a head of the desk's own log that the broker's log holds.
type Anchor struct {
	Index int64     `json:"index"` // of the entry in the broker's log
	Size  int64     `json:"size"`
	Root  string    `json:"root"`
	At    time.Time `json:"at"`
}

// Anchors returns what the broker's log holds of the desk's own, the oldest
// first.
func (d *Desk) Anchors(ctx context.Context) ([]Anchor, error) {
	out := []Anchor{}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		all, err := r.Anchors(ctx)
		for _, a := range all {
			out = append(out, Anchor{Index: a.Index, Size: a.Size, Root: hex.EncodeToString(a.Root[:]), At: d.anchored(a)})
		}
		return err
	})
	return out, err
}

// handAnchor hands a head in, keeps the receipt, and holds the anchor before it
// against the desk's own log.
func (d *Desk) handAnchor(ctx context.Context, authority string, head translog.Checkpoint) error {
	signed, err := head.Sign(d.signer)
	if err != nil {
		return err
	}
	key, err := d.logKey()
	if err != nil {
		return err
	}
	answer, err := d.client.Anchor(ctx, authority, wire.Anchor{Key: key, Checkpoint: string(signed)})
	if err != nil {
		d.Log.Warn("the desk's own log is not anchored", "err", err)
		return nil
	}
	fact, a, err := d.trust.Anchored([]byte(answer.Receipt))
	want := translog.AnchorFact{Authority: authority, Key: key, Size: head.Size, Root: hex.EncodeToString(head.Root[:])}
	if err == nil && fact != want {
		err = fmt.Errorf("%w: the broker has anchored another log than this desk's", verify.ErrMisbehaviour)
	}
	if err != nil {
		return d.accuse(ctx, err, []byte(answer.Receipt), signed)
	}
	if answer.Previous != "" {
		if err := d.extends(ctx, []byte(answer.Previous)); err != nil {
			return err
		}
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		return w.PutAnchor(ctx, store.Anchor{Index: a.Index, Size: head.Size, Root: head.Root, Proof: []byte(answer.Receipt)})
	})
}

// logKey returns the verifier key of the desk's own log.
func (d *Desk) logKey() (string, error) {
	text, err := os.ReadFile(filepath.Join(d.home, vkeyFile))
	return strings.TrimSpace(string(text)), err
}

// extends checks that the desk's own log extends what was anchored of it before.
// That it does not is an incident of this desk: its database was restored from a
// backup, or somebody has rewritten it.
func (d *Desk) extends(ctx context.Context, proof []byte) error {
	fact, a, err := d.trust.Anchored(proof)
	if err != nil {
		return d.accuse(ctx, err, proof, nil)
	}
	var root translog.Hash
	var size int64
	if err := d.db.Read(ctx, func(r store.DeskReader) error {
		tree, err := treeOf(ctx, r, fact.Size)
		if err == nil {
			root, size = tree.Root(), tree.Size()
		}
		return err
	}); err != nil {
		return err
	}
	if size != fact.Size || hex.EncodeToString(root[:]) != fact.Root {
		return d.accuse(ctx, fmt.Errorf("%w: entry %d of the broker's log has it with %d entries, and it does not extend those",
			ErrAudit, a.Index, fact.Size), proof, nil)
	}
	return nil
}

// treeOf builds the tree of the first entries of the desk's own log; of fewer,
// if there are not as many.
func treeOf(ctx context.Context, r store.DeskReader, size int64) (*translog.Tree, error) {
	tree := translog.NewTree()
	for tree.Size() < size {
		entries, err := r.Entries(ctx, tree.Size(), min(size, tree.Size()+auditPage))
		if err != nil || len(entries) == 0 {
			return tree, err
		}
		hashes := make([]translog.Hash, len(entries))
		for i, e := range entries {
			hashes[i] = translog.LeafHash(e.Leaf)
		}
		growth, err := tree.Append(hashes)
		if err != nil {
			return nil, err
		}
		tree = growth.After
	}
	return tree, nil
}

// anchorsOf verifies the receipts of anchors and returns what they say of the
// desk's own log, by size.
func (d *Desk) anchorsOf(ctx context.Context, r store.DeskReader) (map[int64]translog.Hash, error) {
	anchors, err := r.Anchors(ctx)
	if err != nil {
		return nil, err
	}
	key, err := d.logKey()
	if err != nil {
		return nil, err
	}
	roots := map[int64]translog.Hash{}
	for _, a := range anchors {
		fact, accepted, err := d.trust.Anchored(a.Proof)
		if err != nil {
			return nil, fmt.Errorf("%w: the receipt of anchor %d: %w", ErrAudit, a.Index, err)
		}
		if accepted.Index != a.Index || fact.Key != key || fact.Size != a.Size || fact.Root != hex.EncodeToString(a.Root[:]) {
			return nil, fmt.Errorf("%w: anchor %d is stored as another one", ErrAudit, a.Index)
		}
		if known, ok := roots[a.Size]; ok && known != a.Root {
			return nil, fmt.Errorf("%w: it was anchored twice with %d entries, and not the same ones", ErrAudit, a.Size)
		}
		roots[a.Size] = a.Root
	}
	return roots, nil
}
