// Package storetest holds every engine to what [store.Broker] promises: one
// subtest for each promise in its comments.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
		"Append/Fenced":               testFenced,
		"Append/Once":                 testOnce,
		"Append/Dense":                testDense,
		"Append/BinaryAndLarge":       testBinary,
		"Write/RollsBackWhole":        testRollsBack,
		"Write/WithoutAppend":         testWithoutAppend,
		"Write/OutlivesContext":       testOutlives,
		"Write/Alone":                 testAlone,
		"Read/Snapshot":               testSnapshot,
		"Messages/Many":               testMany,
		"Inbox/CursorAndOrder":        testInbox,
		"Hashes/Gaps":                 testGaps,
		"Clocks/Due":                  testClocks,
		"Checkpoint/SmallestCovering": testCheckpoints,
		"Watch/Wakes":                 testWatch,
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

func testEmpty(t *testing.T, s store.Broker) {
	read(t, s, func(ctx context.Context, r store.Reader) error {
		head, err := r.Head(ctx)
		if head.Size != 0 || len(head.Frontier) != 0 || err != nil {
			t.Errorf("Head = %+v, %v", head, err)
		}
		_, err = r.Message(ctx, id("m"))
		notFound(t, "Message", err)
		_, err = r.MessageAt(ctx, 0)
		notFound(t, "MessageAt", err)
		_, err = r.Receipt(ctx, 0)
		notFound(t, "Receipt", err)
		_, err = r.Entry(ctx, 0)
		notFound(t, "Entry", err)
		_, err = r.Checkpoint(ctx, 0)
		notFound(t, "Checkpoint", err)
		_, err = r.LatestCheckpoint(ctx)
		notFound(t, "LatestCheckpoint", err)
		_, err = r.NextClock(ctx)
		notFound(t, "NextClock", err)
		for name, n := range map[string]func() (int, error){
			"Messages": func() (int, error) { m, err := r.Messages(ctx, []string{id("m")}); return len(m), err },
			"Cases":    func() (int, error) { m, err := r.Cases(ctx, nil); return len(m), err },
			"Heads": func() (int, error) {
				m, err := r.Heads(ctx, []store.Pair{{From: "QM.mla", To: "QN.mla"}})
				return len(m), err
			},
			"Receipts": func() (int, error) { m, err := r.Receipts(ctx, nil); return len(m), err },
			"Clocks":   func() (int, error) { m, err := r.Clocks(ctx, []string{id("c")}); return len(m), err },
		} {
			if found, err := n(); found != 0 || err != nil {
				t.Errorf("%s found %d, %v", name, found, err)
			}
		}
		return nil
	})
}

func testRoundTrip(t *testing.T, s store.Broker) {
	m := message("m", 0)
	c := store.Case{
		ID: id("c"), Requesting: "QM.mla", Requested: "QN.mla", Opening: "request", Lane: "urgent", Stage: "open",
		Handed: true, OpenedAt: 5, LastByRequesting: 6, Index: 0,
	}
	head := store.PairHead{Pair: store.Pair{From: "QM.mla", To: "QN.mla"}, Seq: 1, Digest: m.Digest}
	receipt := store.Receipt{
		Digest: strings.Repeat("b", 64), Kind: "delivered", Message: m.ID, Case: c.ID, By: "QN.mla",
		Text: []byte("{}"), Signature: []byte{2}, Index: 1,
	}
	statement := store.Statement{
		Digest: strings.Repeat("c", 64), Subject: "QM", Number: 1, Text: []byte("{}"), Signature: []byte{3}, Index: 2,
	}
	clock := store.Clock{Case: c.ID, Name: "delivery", Due: 100, State: "running"}
	if err := add(t.Context(), s, 3, func(_ int64, b *store.Batch) {
		b.Messages, b.Cases, b.Heads = []store.Message{m}, []store.Case{c}, []store.PairHead{head}
		b.Receipts, b.Statements, b.Clocks = []store.Receipt{receipt}, []store.Statement{statement}, []store.Clock{clock}
		b.Inbox = []store.InboxItem{{Authority: "QN.mla", Index: 0, Kind: "message", Ref: m.ID}}
	}); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		whole, err := r.Message(ctx, m.ID)
		equal(t, "Message", whole, m)
		at, err1 := r.MessageAt(ctx, 0)
		equal(t, "MessageAt", at, bare(m))
		many, err2 := r.Messages(ctx, []string{m.ID, id("x")})
		equal(t, "Messages", many, map[string]store.Message{m.ID: bare(m)})
		cases, err3 := r.Cases(ctx, []string{c.ID})
		equal(t, "Cases", cases, map[string]store.Case{c.ID: c})
		heads, err4 := r.Heads(ctx, []store.Pair{head.Pair, {From: "QN.mla", To: "QM.mla"}})
		equal(t, "Heads", heads, map[store.Pair]store.PairHead{head.Pair: head})
		receipts, err5 := r.Receipts(ctx, []string{receipt.Digest})
		equal(t, "Receipts", receipts, map[string]store.Receipt{receipt.Digest: receipt})
		one, err6 := r.Receipt(ctx, 1)
		equal(t, "Receipt", one, receipt)
		of, err7 := r.ReceiptsOf(ctx, m.ID)
		equal(t, "ReceiptsOf", of, []store.Receipt{receipt})
		statements, err8 := r.Statements(ctx, -1, 10)
		equal(t, "Statements", statements, []store.Statement{statement})
		clocks, err9 := r.Clocks(ctx, []string{c.ID})
		equal(t, "Clocks", clocks, map[string][]store.Clock{c.ID: {clock}})
		e, err10 := r.Entry(ctx, 2)
		equal(t, "Entry", e, entry(2))
		counts, err11 := r.Counts(ctx)
		equal(t, "Counts", counts, store.Counts{Messages: 1, Cases: 1, Receipts: 1, Statements: 1})
		return errors.Join(err, err1, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11)
	})
}

// testReplaces puts cases, pairs and clocks over their earlier state.
func testReplaces(t *testing.T, s store.Broker) {
	pair := store.Pair{From: "QM.mla", To: "QN.mla"}
	for i, stage := range []string{"open", "closed"} {
		if err := add(t.Context(), s, 1, func(first int64, b *store.Batch) {
			b.Cases = []store.Case{{ID: id("c"), Stage: stage, Index: first}}
			b.Heads = []store.PairHead{{Pair: pair, Seq: int64(i + 1)}}
			b.Clocks = []store.Clock{{Case: id("c"), Name: "answer", Due: int64(i), State: stage}}
		}); err != nil {
			t.Fatal(err)
		}
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		cases, err := r.Cases(ctx, []string{id("c")})
		heads, err1 := r.Heads(ctx, []store.Pair{pair})
		clocks, err2 := r.Clocks(ctx, []string{id("c")})
		if cases[id("c")].Stage != "closed" || heads[pair].Seq != 2 || clocks[id("c")][0].State != "closed" {
			t.Errorf("%+v, %+v, %+v", cases, heads, clocks)
		}
		return errors.Join(err, err1, err2)
	})
}

func testFenced(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 2, nil); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*store.Head){
		"another size":     func(h *store.Head) { h.Size-- },
		"another frontier": func(h *store.Head) { h.Frontier = bytes.Repeat([]byte{7}, len(h.Frontier)) },
	} {
		err := s.Write(t.Context(), func(w store.Writer) error {
			b, err := batch(t.Context(), w, 1)
			if err != nil {
				return err
			}
			change(&b.Before)
			b.After.Size = b.Before.Size + 1
			b.Entries[0].Index = b.Before.Size
			return w.Append(t.Context(), b)
		})
		if !errors.Is(err, store.ErrFenced) {
			t.Errorf("%s: %v, want ErrFenced", name, err)
		}
	}
	size(t, s, 2)
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

func testOnce(t *testing.T, s store.Broker) {
	err := s.Write(t.Context(), func(w store.Writer) error {
		for range 2 {
			b, err := batch(t.Context(), w, 1)
			if err != nil {
				return err
			}
			if err := w.Append(t.Context(), b); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		t.Error("two batches went into one write")
	}
	size(t, s, 0)
}

func testDense(t *testing.T, s store.Broker) {
	for name, change := range map[string]func(*store.Batch){
		"gap":      func(b *store.Batch) { b.Entries[1].Index++ },
		"too few":  func(b *store.Batch) { b.Entries = b.Entries[:1] },
		"too many": func(b *store.Batch) { b.Entries = append(b.Entries, entry(2)) },
	} {
		if err := add(t.Context(), s, 2, func(_ int64, b *store.Batch) { change(b) }); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	size(t, s, 0)
}

func testBinary(t *testing.T, s store.Broker) {
	all := make([]byte, 2<<20)
	for i := range all {
		all[i] = byte(i)
	}
	m := message("m", 0)
	m.Payload, m.PayloadSize = all, int64(len(all))
	m.Header, m.Signature = []byte("\x00\xff\\'\"\n"), []byte{}
	if err := add(t.Context(), s, 1, func(_ int64, b *store.Batch) { b.Messages = []store.Message{m} }); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		got, err := r.Message(ctx, m.ID)
		if !bytes.Equal(got.Payload, all) || !bytes.Equal(got.Header, m.Header) || len(got.Signature) != 0 || got.PayloadSize != m.PayloadSize {
			t.Error("the bytes have changed")
		}
		return err
	})
}

func testRollsBack(t *testing.T, s store.Broker) {
	want := errors.New("changed my mind")
	err := s.Write(t.Context(), func(w store.Writer) error {
		b, err := batch(t.Context(), w, 1)
		if err != nil {
			return err
		}
		b.Messages = []store.Message{message("m", 0)}
		return errors.Join(w.Append(t.Context(), b), want)
	})
	if !errors.Is(err, want) {
		t.Errorf("Write = %v", err)
	}
	size(t, s, 0)
	read(t, s, func(ctx context.Context, r store.Reader) error {
		counts, err := r.Counts(ctx)
		equal(t, "Counts", counts, store.Counts{})
		return err
	})
}

func testWithoutAppend(t *testing.T, s store.Broker) {
	if err := s.Write(t.Context(), func(store.Writer) error { return nil }); err != nil {
		t.Error(err)
	}
	size(t, s, 0)
}

// testOutlives commits although the caller has gone away.
func testOutlives(t *testing.T, s store.Broker) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Write(ctx, func(w store.Writer) error {
		b, err := batch(t.Context(), w, 1)
		if err != nil {
			return err
		}
		cancel()
		return w.Append(t.Context(), b)
	})
	if err != nil {
		t.Error(err)
	}
	size(t, s, 1)
}

// testAlone lets many write at once: what each has read stays true until it
// commits, so that no entry is lost and none is written twice.
func testAlone(t *testing.T, s store.Broker) {
	const writers, writes = 8, 10
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range writes {
				if err := add(t.Context(), s, 1, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	size(t, s, writers*writes)
}

// testSnapshot does not see what is committed while it reads.
func testSnapshot(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 1, nil); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		before, err := r.Head(ctx)
		if err != nil {
			return err
		}
		if err := add(ctx, s, 1, nil); err != nil {
			return err
		}
		after, err := r.Head(ctx)
		equal(t, "Head", after, before)
		return err
	})
	size(t, s, 2)
}

// testMany asks for more keys than a statement may have parameters.
func testMany(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 1, func(_ int64, b *store.Batch) { b.Messages = []store.Message{message("m", 0)} }); err != nil {
		t.Fatal(err)
	}
	ids, pairs := []string{id("m")}, []store.Pair{}
	for i := range 70_000 {
		ids = append(ids, fmt.Sprintf("%032d", i))
		pairs = append(pairs, store.Pair{From: "QM.mla", To: fmt.Sprintf("QN.%d", i)})
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		found, err := r.Messages(ctx, ids)
		if len(found) != 1 {
			t.Errorf("%d messages found", len(found))
		}
		_, err1 := r.Heads(ctx, pairs)
		_, err2 := r.Cases(ctx, ids)
		_, err3 := r.Receipts(ctx, ids)
		return errors.Join(err, err1, err2, err3)
	})
}

func testInbox(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 5, func(_ int64, b *store.Batch) {
		for _, i := range []int64{3, 0, 4, 2} {
			b.Inbox = append(b.Inbox, store.InboxItem{Authority: "QN.mla", Index: i, Kind: "message", Ref: id("m")})
		}
		b.Inbox = append(b.Inbox, store.InboxItem{Authority: "QN.MLA", Index: 1, Kind: "message", Ref: id("m")})
	}); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		for after, want := range map[int64][]int64{-1: {0, 2, 3}, 0: {2, 3, 4}, 3: {4}, 4: nil} {
			items, err := r.Inbox(ctx, "QN.mla", after, 3)
			if err != nil {
				return err
			}
			var got []int64
			for _, i := range items {
				got = append(got, i.Index)
			}
			if !slices.Equal(got, want) {
				t.Errorf("behind %d: %v, want %v", after, got, want)
			}
		}
		return nil
	})
}

func testGaps(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 300, nil); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		hashes, err := r.Hashes(ctx, 0, 250, 300)
		if err != nil || len(hashes) != 50 || hashes[49] != entry(299).LeafHash {
			t.Errorf("%d leaf hashes, %v", len(hashes), err)
		}
		if nodes, err := r.Hashes(ctx, 1, 0, 1); err != nil || len(nodes) != 1 {
			t.Errorf("%d nodes, %v", len(nodes), err)
		}
		leaves, err := r.Leaves(ctx, 298, 300)
		if err != nil || string(leaves[1]) != "leaf 299" {
			t.Errorf("leaves %q, %v", leaves, err)
		}
		_, err = r.Hashes(ctx, 0, 299, 301)
		notFound(t, "hashes beyond the end", err)
		_, err = r.Hashes(ctx, 1, 0, 2)
		notFound(t, "nodes beyond the end", err)
		_, err = r.Leaves(ctx, 300, 301)
		notFound(t, "leaves beyond the end", err)
		return nil
	})
}

func testClocks(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 1, func(_ int64, b *store.Batch) {
		b.Clocks = []store.Clock{
			{Case: id("c"), Name: "answer", Due: 300, State: "running"}, {Case: id("c"), Name: "delivery", Due: 100, State: "running"},
			{Case: id("d"), Name: "delivery", Due: 50, State: "met"}, {Case: id("d"), Name: "answer", Due: 200, State: "running"},
		}
	}); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		due, err := r.DueClocks(ctx, 200, 10)
		if len(due) != 2 || due[0].Due != 100 || due[1].Due != 200 {
			t.Errorf("due at 200: %+v", due)
		}
		next, err1 := r.NextClock(ctx)
		if next != 100 {
			t.Errorf("the next is due at %d", next)
		}
		return errors.Join(err, err1)
	})
}

func testCheckpoints(t *testing.T, s store.Broker) {
	for _, size := range []int64{3, 9, 3} {
		if err := s.SaveCheckpoint(t.Context(), size, fmt.Appendf(nil, "note %d", size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SaveCheckpoint(t.Context(), 3, []byte("another")); err == nil {
		t.Error("another checkpoint of the same size was saved")
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		for least, want := range map[int64]int64{0: 3, 3: 3, 4: 9, 9: 9} {
			c, err := r.Checkpoint(ctx, least)
			if err != nil || c.Size != want || string(c.Note) != fmt.Sprintf("note %d", want) {
				t.Errorf("covering %d: %+v, %v", least, c, err)
			}
		}
		_, err := r.Checkpoint(ctx, 10)
		notFound(t, "covering 10", err)
		latest, err := r.LatestCheckpoint(ctx)
		if latest.Size != 9 {
			t.Errorf("the latest is of size %d", latest.Size)
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
