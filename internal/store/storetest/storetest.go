// Package storetest holds every engine to what [store.Broker] promises: one
// subtest for each promise in its comments.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/translog"
)

// Run exercises the stores that open returns. Each call of open must return a
// new, empty store and arrange for its own end.
func Run(t *testing.T, open func(t *testing.T) store.Broker) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, store.Broker){
		"Head/Empty":                  testEmpty,
		"Append/RoundTrip":            testRoundTrip,
		"Append/Replaces":             testReplaces,
		"Append/Erases":               testErases,
		"Append/Fenced":               testFenced,
		"Append/Once":                 testOnce,
		"Append/Dense":                testDense,
		"Append/BinaryAndLarge":       testBinary,
		"Append/Duplicates":           testDuplicates,
		"Write/RollsBackWhole":        testRollsBack,
		"Write/WithoutAppend":         testWithoutAppend,
		"Write/OutlivesContext":       testOutlives,
		"Write/Alone":                 testAlone,
		"Write/WaitEndsWithContext":   testWaits,
		"Write/Unwinds":               testUnwinds,
		"Read/Snapshot":               testSnapshot,
		"Read/Many":                   testManyReaders,
		"Messages/Order":              testMessageOrder,
		"Receipts/Order":              testReceiptOrder,
		"Names/ByteOrder":             testByteOrder,
		"Messages/Many":               testMany,
		"Inbox/CursorAndOrder":        testInbox,
		"Latest/Newest":               testLatest,
		"Hashes/Gaps":                 testGaps,
		"Clocks/Due":                  testClocks,
		"Checkpoint/SmallestCovering": testCheckpoints,
		"Checkpoint/Cosigned":         testCosigned,
		"Uploads/Swept":               testUploads,
		"Uses/Kept":                   testUses,
		"Watch/Wakes":                 testWatch,
		"Watch/Ends":                  testEnded,
		"Backup/Whole":                testBackup,
		"Close/Waits":                 testClose,
		"CheckSettings/Safe":          testSettings,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// read runs fn on a snapshot.
func read(t *testing.T, s store.Broker, fn func(ctx context.Context, r store.Reader) error) {
	t.Helper()
	if err := s.Read(t.Context(), func(r store.Reader) error { return fn(t.Context(), r) }); err != nil {
		t.Fatal(err)
	}
}

// add appends entries, and what more fills in of the batch, given the index of
// the first.
func add(ctx context.Context, s store.Broker, entries int, more func(first int64, b *store.Batch)) error {
	return s.Write(ctx, func(w store.Writer) error {
		b, err := batch(ctx, w, entries)
		if err != nil {
			return err
		}
		if more != nil {
			more(b.Before.Size, &b)
		}
		return w.Append(ctx, b)
	})
}

// batch grows the log by entries.
func batch(ctx context.Context, r store.Reader, entries int) (store.Batch, error) {
	head, err := r.Head(ctx)
	if err != nil {
		return store.Batch{}, err
	}
	b := store.Batch{Before: head, After: head}
	tree, err := translog.ParseTree(head.Size, head.Frontier)
	if err != nil {
		return b, err
	}
	var hashes []translog.Hash
	for i := range int64(entries) {
		e := entry(head.Size + i)
		b.Entries, hashes = append(b.Entries, e), append(hashes, e.LeafHash)
	}
	growth, err := tree.Append(hashes)
	if err != nil {
		return b, err
	}
	for _, n := range growth.Nodes {
		b.Nodes = append(b.Nodes, store.Node{Level: n.Level, Index: n.Index, Hash: n.Hash})
	}
	b.After = store.Head{Size: growth.After.Size(), Frontier: growth.After.Frontier()}
	return b, nil
}

func entry(index int64) store.Entry {
	leaf := fmt.Appendf(nil, "leaf %d", index)
	return store.Entry{
		Index: index, Leaf: leaf, LeafHash: translog.LeafHash(leaf), Salt: bytes.Repeat([]byte{1}, 32),
		Body: fmt.Appendf(nil, "body %d", index),
	}
}

// id is an identifier with a name's flavour.
func id(name string) string { return (name + strings.Repeat("0", 32))[:32] }

func message(name string, index int64) store.Message {
	payload := []byte("sealed " + name)
	return store.Message{
		ID: id(name), Case: id("c"), From: "QM.mla", To: "QN.mla", Act: "request", Lane: "urgent", Stage: "open",
		Seq: index + 1, Digest: strings.Repeat("a", 64), Header: []byte("{}"), Signature: []byte{0, 1}, Payload: payload,
		PayloadSize: int64(len(payload)), Index: index, AcceptedAt: 1_700_000_000,
	}
}

func bare(m store.Message) store.Message {
	m.Payload = nil
	return m
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func notFound(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%s: %v, want ErrNotFound", what, err)
	}
}

// size checks the size of the log.
func size(t *testing.T, s store.Broker, want int64) {
	t.Helper()
	read(t, s, func(ctx context.Context, r store.Reader) error {
		head, err := r.Head(ctx)
		if head.Size != want {
			t.Errorf("the log has %d entries, want %d", head.Size, want)
		}
		return err
	})
}

// testWatch waits for a wake-up after a commit of either kind.
func testWatch(t *testing.T, s store.Broker) {
	wakes, end, err := s.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if err := add(t.Context(), s, 1, nil); err != nil {
		t.Fatal(err)
	}
	<-wakes // the test's own deadline ends a wait in vain
	if err := s.SaveCheckpoint(t.Context(), 1, []byte("note")); err != nil {
		t.Fatal(err)
	}
	<-wakes
}

func testSettings(t *testing.T, s store.Broker) {
	if err := s.CheckSettings(t.Context()); err != nil {
		t.Error(err)
	}
}

// testBackup writes what is in the tables to one file, or says that this is not
// the engine's way.
func testBackup(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 3, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	err := s.Backup(t.Context(), path)
	if errors.Is(err, store.ErrElsewhere) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.Contains(data, entry(2).Body) {
		t.Errorf("the copy has %d bytes and lacks an entry, %v", len(data), err)
	}
}
