package desk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/translog"
)

// ErrAudit says that the desk's own log does not hold together.
var ErrAudit = errors.New("the desk's own log has been altered")

// Store returns the desk's database, for the parts of the desk that keep their
// own tables in it.
func (d *Desk) Store() store.Desk { return d.db }

// Party returns the code of the State whose desk this is, such as QM; empty if
// the home has no keys yet.
func (d *Desk) Party() string {
	party, err := d.party()
	if err != nil {
		return ""
	}
	return party
}

// record appends an entry of the desk itself to its own log.
func (d *Desk) record(ctx context.Context, w store.DeskWriter, what, detail string) error {
	return d.Record(ctx, w, "desk", what, detail)
}

// Record appends an entry to the desk's own log, in the transaction of what it
// records: who did what, and what it was done to. None of the three is the
// content of a message.
func (d *Desk) Record(ctx context.Context, w store.DeskWriter, by, what, detail string) error {
	body, err := translog.Entry{
		Typ: translog.TypEntry, Kind: translog.KindOperator, Time: d.now().Format(time.RFC3339),
		Operator: &translog.OperatorFact{By: by, What: what, Detail: detail},
	}.Marshal()
	if err != nil {
		return err
	}
	salted, err := translog.NewSalted(body)
	if err != nil {
		return err
	}
	head, err := w.Head(ctx)
	if err != nil {
		return err
	}
	tree, err := translog.ParseTree(head.Size, head.Frontier)
	if err != nil {
		return err
	}
	leaf := salted.Leaf()
	growth, err := tree.Append([]translog.Hash{translog.LeafHash(leaf)})
	if err != nil {
		return err
	}
	after := store.Head{Size: growth.After.Size(), Frontier: growth.After.Frontier()}
	return w.Log(ctx, head, after, []store.Entry{{
		Index: head.Size, Leaf: leaf, LeafHash: translog.LeafHash(leaf), Salt: salted.Salt[:], Body: body,
	}})
}

const auditPage = 256

// AuditVerify re-reads the desk's own log from its beginning, holds it against
// its anchors in the broker's log, and returns its checkpoint, signed with the
// desk's log key. It returns [ErrAudit] if an entry is not the one that its leaf
// commits to, the entries are not those of the stored head, or the log is another
// than was anchored.
func (d *Desk) AuditVerify(ctx context.Context) (signed []byte, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		tree, err := d.auditTree(ctx, r)
		if err != nil {
			return err
		}
		signed, err = translog.Checkpoint{Origin: d.signer.Name(), Size: tree.Size(), Root: tree.Root()}.Sign(d.signer)
		return err
	})
	return signed, err
}

// auditTree verifies the whole log and returns its tree.
func (d *Desk) auditTree(ctx context.Context, r store.DeskReader) (*translog.Tree, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return nil, err
	}
	anchored, err := d.anchorsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	stops := slices.Sorted(maps.Keys(anchored))
	tree := translog.NewTree()
	for tree.Size() < head.Size {
		to := min(head.Size, tree.Size()+auditPage)
		if len(stops) > 0 {
			to = min(to, stops[0])
		}
		hashes, err := auditHashes(ctx, r, tree.Size(), to)
		if err != nil {
			return nil, err
		}
		growth, err := tree.Append(hashes)
		if err != nil {
			return nil, err
		}
		tree = growth.After
		if len(stops) == 0 || stops[0] != tree.Size() {
			continue
		}
		if tree.Root() != anchored[stops[0]] {
			return nil, fmt.Errorf("%w: its first %d entries are not those that the broker's log was told of", ErrAudit, stops[0])
		}
		stops = stops[1:]
	}
	if string(tree.Frontier()) != string(head.Frontier) {
		return nil, fmt.Errorf("%w: its head is another", ErrAudit)
	}
	if len(stops) > 0 {
		return nil, fmt.Errorf("%w: it has %d entries, and the broker's log was told of %d", ErrAudit, head.Size, stops[len(stops)-1])
	}
	return tree, nil
}

// auditHashes reads a page of the desk's own log and checks every entry.
func auditHashes(ctx context.Context, r store.DeskReader, from, to int64) ([]translog.Hash, error) {
	entries, err := r.Entries(ctx, from, to)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: entry %d is missing", ErrAudit, from)
	}
	var hashes []translog.Hash
	for i, e := range entries {
		salted := translog.Salted{Body: e.Body}
		if e.Index != from+int64(i) || copy(salted.Salt[:], e.Salt) != len(salted.Salt) ||
			string(salted.Leaf()) != string(e.Leaf) {
			return nil, fmt.Errorf("%w: at entry %d", ErrAudit, from+int64(i))
		}
		hashes = append(hashes, translog.LeafHash(e.Leaf))
	}
	return hashes, nil
}
