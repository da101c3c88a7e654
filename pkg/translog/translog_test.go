package translog_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/entraide/entraide/pkg/translog"
)

const origin = "broker.example/log"

// A naive tree keeps every hash, as golang.org/x/mod does it, and is what the
// frontier, the nodes and the proofs are compared with.
type naive struct {
	leaves []translog.Hash
	stored []tlog.Hash
}

func (n *naive) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, n.stored[i])
	}
	return out, nil
}

func (n *naive) add(t *testing.T, leaf translog.Hash) {
	t.Helper()
	stored, err := tlog.StoredHashesForRecordHash(int64(len(n.leaves)), leaf, n)
	if err != nil {
		t.Fatal(err)
	}
	n.leaves, n.stored = append(n.leaves, leaf), append(n.stored, stored...)
}

func (n *naive) root(t *testing.T, size int64) translog.Hash {
	t.Helper()
	root, err := tlog.TreeHash(size, n)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// A kept tree is what a store keeps: leaf hashes, and nodes by level.
type kept map[int][]translog.Hash

func (k kept) read(_ context.Context, level int, from, to int64) ([]translog.Hash, error) {
	if to > int64(len(k[level])) {
		return nil, fmt.Errorf("level %d has %d hashes, asked for %d to %d", level, len(k[level]), from, to)
	}
	return k[level][from:to], nil
}

func leafHash(i int) translog.Hash { return translog.LeafHash(fmt.Appendf(nil, "leaf %d", i)) }

// grown builds a tree of a size in random batches, checking every batch.
func grown(t *testing.T, size int) (*naive, kept) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(size)))
	n, k, tree := &naive{}, kept{}, translog.NewTree()
	for len(n.leaves) < size {
		var batch []translog.Hash
		for range min(1+r.IntN(40), size-len(n.leaves)) {
			batch = append(batch, leafHash(len(n.leaves)))
			n.add(t, batch[len(batch)-1])
		}
		growth, err := tree.Append(batch)
		if err != nil {
			t.Fatal(err)
		}
		k[0] = append(k[0], batch...)
		for _, node := range growth.Nodes {
			if node.Index != int64(len(k[node.Level])) {
				t.Fatalf("node %d at level %d comes after %d others", node.Index, node.Level, len(k[node.Level]))
			}
			k[node.Level] = append(k[node.Level], node.Hash)
		}
		checkGrowth(t, n, growth)
		// A store writes the frontier and reads it back.
		if tree, err = translog.ParseTree(growth.After.Size(), growth.After.Frontier()); err != nil {
			t.Fatal(err)
		}
	}
	return n, k
}

// checkGrowth compares a growth with the naive tree and proves its new leaves.
func checkGrowth(t *testing.T, n *naive, g *translog.Growth) {
	t.Helper()
	size := g.After.Size()
	root := n.root(t, size)
	if size != int64(len(n.leaves)) || g.After.Root() != root {
		t.Fatalf("after growing to %d the root is %v, want %v", size, g.After.Root(), root)
	}
	for i := g.Before.Size(); i < size; i++ {
		path, err := g.Prove(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(path, size, root, i, n.leaves[i]); err != nil {
			t.Fatalf("proof of new leaf %d of %d: %v", i, size, err)
		}
	}
	for _, i := range []int64{g.Before.Size() - 1, size} {
		if _, err := g.Prove(i); err == nil {
			t.Fatalf("leaf %d is not new and was proved", i)
		}
	}
}

// TestTree compares trees of many sizes, their proofs among them, with the
// naive tree; the last reaches the third tile level.
func TestTree(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2, 3, 7, 8, 255, 256, 257, 300, 511, 512, 513, 1100, 66000} {
		n, k := grown(t, size)
		r := rand.New(rand.NewPCG(2, uint64(size)))
		for range min(size, 60) {
			newer := 1 + r.Int64N(int64(size))
			i, older := r.Int64N(newer), r.Int64N(newer+1)
			path, err := translog.ProveInclusion(t.Context(), i, newer, k.read)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(path, newer, n.root(t, newer), i, n.leaves[i]); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, newer, err)
			}
			proof, err := translog.ProveConsistency(t.Context(), older, newer, k.read)
			if err != nil {
				t.Fatal(err)
			}
			a := translog.Checkpoint{Origin: origin, Size: older, Root: n.root(t, older)}
			b := translog.Checkpoint{Origin: origin, Size: newer, Root: n.root(t, newer)}
			if err := translog.CheckConsistency(a, b, proof); err != nil {
				t.Fatalf("%d to %d: %v", older, newer, err)
			}
			b.Root[0] ^= 1
			if err := translog.CheckConsistency(a, b, proof); older > 0 && !errors.Is(err, translog.ErrFork) {
				t.Fatalf("%d to another tree of %d: %v, want ErrFork", older, newer, err)
			}
		}
	}
}

// TestParseTree refuses a frontier of another length.
func TestParseTree(t *testing.T) {
	t.Parallel()
	for size, bytes := range map[int64]int{3: 32, 4: 64, 0: 32, -1: 0, 7: 95} {
		if _, err := translog.ParseTree(size, make([]byte, bytes)); err == nil {
			t.Errorf("a frontier of %d bytes was taken for a tree of %d", bytes, size)
		}
	}
}

// TestProveOutside refuses what the tree does not have.
func TestProveOutside(t *testing.T) {
	t.Parallel()
	_, k := grown(t, 300)
	if _, err := translog.ProveInclusion(t.Context(), 300, 300, k.read); err == nil {
		t.Error("entry 300 of 300 was proved")
	}
	if _, err := translog.ProveConsistency(t.Context(), 301, 300, k.read); err == nil {
		t.Error("a tree of 300 was proved to extend one of 301")
	}
}

// keys makes the key of a log.
func keys(t *testing.T) (note.Signer, note.Verifier) {
	t.Helper()
	secret, public, err := translog.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := translog.ParseSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	v, err := translog.ParseVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

func entry(t *testing.T, what string) translog.Salted {
	t.Helper()
	body, err := translog.Entry{
		Kind: translog.KindOperator, Time: "2026-03-02T09:00:00Z",
		Operator: &translog.OperatorFact{By: "operator", What: what, Detail: "a test"},
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s, err := translog.NewSalted(body)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLeafTellsNothing checks that who has the public log cannot learn from a
// leaf what it is of, not even by trying (audit.md, threat 22): the same body
// gives another leaf each time, and every leaf has one length.
func TestLeafTellsNothing(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 1000 {
		leaf := entry(t, strings.Repeat("x", i%7)+"y").Leaf()
		if seen[string(leaf)] || len(leaf) != len(entry(t, "z").Leaf()) {
			t.Fatalf("leaf %d: %x", i, leaf)
		}
		seen[string(leaf)] = true
	}
	same := entry(t, "one act")
	if again := (translog.Salted{Salt: same.Salt, Body: same.Body}).Leaf(); !bytes.Equal(again, same.Leaf()) {
		t.Error("a leaf does not follow from its salt and its body")
	}
}

// receiptOf logs three entries and returns the receipt of one.
func receiptOf(t *testing.T, index int64, signer note.Signer) translog.Receipt {
	t.Helper()
	var salted []translog.Salted
	var hashes []translog.Hash
	for i := range 3 {
		salted = append(salted, entry(t, fmt.Sprint("act ", i)))
		hashes = append(hashes, translog.LeafHash(salted[i].Leaf()))
	}
	g, err := translog.NewTree().Append(hashes)
	if err != nil {
		t.Fatal(err)
	}
	path, err := g.Prove(index)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := translog.Checkpoint{Origin: signer.Name(), Size: 3, Root: g.After.Root()}.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return translog.Receipt{Entry: salted[index], Index: index, Path: path, Checkpoint: signed}
}

// TestReceipt verifies a receipt, and refuses it changed in any one way (T46, T47).
func TestReceipt(t *testing.T) {
	t.Parallel()
	signer, verifier := keys(t)
	_, stranger := keys(t)
	good := receiptOf(t, 1, signer)
	parsed, err := translog.ParseReceipt(good.Format())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(good, parsed); diff != "" {
		t.Errorf("read back: %s", diff)
	}
	c, e, err := parsed.Verify(origin, verifier)
	if err != nil || c.Size != 3 || e.Operator.What != "act 1" {
		t.Fatalf("Verify = %+v, %+v, %v", c, e, err)
	}
	for _, tt := range []struct {
		name   string
		want   error
		change func(*translog.Receipt)
		origin string
		key    note.Verifier
	}{
		{name: "another salt", want: translog.ErrNotIncluded, change: func(r *translog.Receipt) { r.Entry.Salt[0] ^= 1 }},
		{name: "another body", want: translog.ErrNotIncluded, change: func(r *translog.Receipt) { r.Entry = entry(t, "act 1") }},
		{name: "another place", want: translog.ErrNotIncluded, change: func(r *translog.Receipt) { r.Index = 2 }},
		{name: "outside the tree", want: translog.ErrNotIncluded, change: func(r *translog.Receipt) { r.Index = 3 }},
		{name: "another path", want: translog.ErrNotIncluded, change: func(r *translog.Receipt) { r.Path = r.Path[1:] }},
		{name: "another tree", want: translog.ErrNotIncluded, change: func(r *translog.Receipt) {
			r.Checkpoint = receiptOf(t, 1, signer).Checkpoint
		}},
		{name: "another key", want: translog.ErrCheckpointSignature, key: stranger},
		{name: "another log", want: translog.ErrCheckpointSignature, origin: "other.example/log"},
		{name: "altered checkpoint", want: translog.ErrCheckpointSignature, change: func(r *translog.Receipt) {
			r.Checkpoint = bytes.Replace(r.Checkpoint, []byte("\n3\n"), []byte("\n4\n"), 1)
		}},
	} {
		r := good
		if tt.change != nil {
			tt.change(&r)
		}
		if tt.origin == "" {
			tt.origin = origin
		}
		if tt.key == nil {
			tt.key = verifier
		}
		if _, _, err := r.Verify(tt.origin, tt.key); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// TestRotation accepts a checkpoint under either of two keys.
func TestRotation(t *testing.T) {
	t.Parallel()
	oldSigner, oldKey := keys(t)
	_, newKey := keys(t)
	signed, err := translog.Checkpoint{Origin: origin, Size: 1, Root: leafHash(0)}.Sign(oldSigner)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := translog.OpenCheckpoint(signed, origin, newKey, oldKey); err != nil {
		t.Error(err)
	}
	if _, err := translog.OpenCheckpoint(signed, origin, newKey); !errors.Is(err, translog.ErrCheckpointSignature) {
		t.Errorf("under the new key alone: %v", err)
	}
	if _, err := (translog.Checkpoint{Origin: "other.example/log"}).Sign(oldSigner); err == nil {
		t.Error("a key signed for another log")
	}
}

// TestLeaf hides the body: the same body twice gives different leaves, which
// show neither the body nor its kind.
func TestLeaf(t *testing.T) {
	t.Parallel()
	a, b := entry(t, "same"), entry(t, "same")
	if bytes.Equal(a.Leaf(), b.Leaf()) {
		t.Error("the same body twice has the same leaf")
	}
	if leaf := a.Leaf(); len(leaf) != 33 || leaf[0] != 1 {
		t.Errorf("the leaf is %x", leaf)
	}
	known := translog.Salted{Body: []byte("{}")}
	const want = "Ac7fsSb7phowxIRWLmQtAsdKHo6L8Kbs0vtzI1TlN1eZ"
	if got := base64.StdEncoding.EncodeToString(known.Leaf()); got != want {
		t.Errorf("the leaf of {} under a salt of zeros is %s, want %s", got, want)
	}
}

// TestEntry holds entries to one spelling and one fact.
func TestEntry(t *testing.T) {
	t.Parallel()
	good := string(entry(t, "x").Body)
	if _, err := translog.ParseEntry([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"spaces":             strings.Replace(good, ":", ": ", 1),
		"another order":      `{"kind":"operator","typ":"entraide/entry/1","time":"2026-03-02T09:00:00Z","operator":{"by":"","what":"","detail":""}}`,
		"another type":       strings.Replace(good, "entry/1", "entry/2", 1),
		"another kind":       strings.Replace(good, `"kind":"operator"`, `"kind":"message"`, 1),
		"no fact":            `{"typ":"entraide/entry/1","kind":"operator","time":"2026-03-02T09:00:00Z"}`,
		"two facts":          strings.Replace(good, `}}`, `},"access":{"by":"","what":"","from":0,"to":0}}`, 1),
		"time not in UTC":    strings.Replace(good, "09:00:00Z", "09:00:00+01:00", 1),
		"fraction of second": strings.Replace(good, "09:00:00Z", "09:00:00.5Z", 1),
		"unknown member":     strings.Replace(good, `"by"`, `"more":1,"by"`, 1),
	} {
		if _, err := translog.ParseEntry([]byte(bad)); !errors.Is(err, translog.ErrEntry) {
			t.Errorf("%s: %v, want ErrEntry", name, err)
		}
	}
}

// TestPath holds paths to the spelling of c2sp.org/tlog-tiles.
func TestPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]translog.Path{
		"tile/0/000":                    {Width: 256},
		"tile/0/001.p/7":                {N: 1, Width: 7},
		"tile/1/x001/x234/067":          {Level: 1, N: 1234067, Width: 256},
		"tile/entries/x999/000.p/255":   {Entries: true, N: 999000, Width: 255},
		"tile/entries/000":              {Entries: true, Width: 256},
		"tile/5/x001/x001/x001/001.p/1": {Level: 5, N: 1001001001, Width: 1},
	} {
		got, err := translog.ParsePath(path)
		if err != nil || got != want || got.String() != path {
			t.Errorf("%s: %+v (%s), %v", path, got, got, err)
		}
	}
	for _, path := range []string{
		"", "tile/0/00", "tile/0/0000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/64/000", "tile/00/000",
		"tile/0/x000/000", "tile/entries/../0/000", "tile/0/000/", "/tile/0/000", "tile/-1/000",
	} {
		if _, err := translog.ParsePath(path); !errors.Is(err, translog.ErrPath) {
			t.Errorf("%q: %v, want ErrPath", path, err)
		}
	}
}

// TestExport writes a log as files and reads every hash back through them.
func TestExport(t *testing.T) {
	t.Parallel()
	const size = 600
	n, k := grown(t, size)
	signer, _ := keys(t)
	checkpoint := translog.Checkpoint{Origin: origin, Size: size, Root: n.root(t, size)}
	signed, err := checkpoint.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	src := translog.Source{
		Checkpoint: signed, Size: size, VerifierKey: "key", Hashes: k.read,
		Leaves: func(_ context.Context, from, to int64) ([][]byte, error) {
			var leaves [][]byte
			for i := from; i < to; i++ {
				leaves = append(leaves, fmt.Appendf(nil, "leaf %d", i))
			}
			return leaves, nil
		},
	}
	for range 2 { // again into the same directory
		if err := translog.Export(t.Context(), dir, src); err != nil {
			t.Fatal(err)
		}
	}
	read := translog.TileReader(checkpoint, func(_ context.Context, path string) ([]byte, error) {
		return os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
	})
	for _, i := range []int64{0, 255, 256, 511, 512, 599} {
		path, err := translog.ProveInclusion(t.Context(), i, size, read)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(path, size, checkpoint.Root, i, n.leaves[i]); err != nil {
			t.Errorf("leaf %d: %v", i, err)
		}
	}
	bundle, err := os.ReadFile(filepath.Join(dir, "tile", "entries", "002.p", "88"))
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := translog.ParseBundle(bundle, 88)
	if err != nil || string(leaves[87]) != "leaf 599" {
		t.Errorf("bundle: %d leaves, %v", len(leaves), err)
	}
	for _, bad := range [][]byte{bundle[:len(bundle)-1], append(bytes.Clone(bundle), 0, 0), bundle[2:]} {
		if _, err := translog.ParseBundle(bad, 88); err == nil {
			t.Error("a damaged bundle was read")
		}
	}
}
