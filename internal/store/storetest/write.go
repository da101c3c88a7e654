package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/entraide/entraide/internal/store"
)

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
		equal(t, "Counts", counts, store.Counts{Messages: 1, Cases: 1, Receipts: 1, Statements: 1, Inbox: 1})
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
		"nothing": func(b *store.Batch) {
			b.After, b.Entries, b.Nodes = b.Before, nil, nil
			b.Cases = []store.Case{{ID: id("c")}}
		},
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

// testErases destroys the private halves of a case's entries and everything
// else about it, but for the newest number of the pair; a hold comes and goes.
func testErases(t *testing.T, s store.Broker) {
	ctx := t.Context()
	gone, kept := id("c"), id("d")
	if err := add(ctx, s, 4, func(first int64, b *store.Batch) {
		for i, c := range []string{gone, kept} {
			m := store.Message{ID: id(string(rune('m' + i))), Case: c, From: "QM.mla", To: "QN.mla", Seq: int64(i + 1), Index: first + int64(i)}
			b.Messages = append(b.Messages, m)
			b.Cases = append(b.Cases, store.Case{ID: c, Stage: "closed"})
			b.Clocks = append(b.Clocks, store.Clock{Case: c, Name: "answer", State: "met"})
			b.Inbox = append(b.Inbox, store.InboxItem{Authority: "QN.mla", Index: m.Index, Kind: "message", Ref: m.ID})
			b.Receipts = append(b.Receipts, store.Receipt{Digest: id(string(rune('r' + i))), Message: m.ID, Case: c, Index: first + 2 + int64(i)})
		}
		b.Heads = []store.PairHead{{Pair: store.Pair{From: "QM.mla", To: "QN.mla"}, Seq: 2}}
		b.Holds = []store.Hold{{Case: gone, Basis: "order", By: "office", Since: 1}, {Case: kept, Basis: "order", By: "office", Since: 1}}
	}); err != nil {
		t.Fatal(err)
	}
	if err := add(ctx, s, 1, func(first int64, b *store.Batch) {
		b.Holds = []store.Hold{{Case: gone}}
		b.Erased = []store.Erased{{Index: 0, By: first}, {Index: 2, By: first}}
		b.ErasedCases = []string{gone}
	}); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		holds, err := r.Holds(ctx, []string{gone, kept})
		equal(t, "Holds", holds, map[string]store.Hold{kept: {Case: kept, Basis: "order", By: "office", Since: 1}})
		none, err1 := r.CaseEntries(ctx, gone)
		equal(t, "CaseEntries", len(none), 0)
		some, err2 := r.CaseEntries(ctx, kept)
		equal(t, "CaseEntries", some, []int64{1, 3})
		e, err3 := r.Entry(ctx, 2)
		equal(t, "Entry", e, store.Entry{Index: 2, Leaf: e.Leaf, LeafHash: e.LeafHash, ErasedBy: 4})
		counts, err4 := r.Counts(ctx)
		equal(t, "Counts", counts, store.Counts{Messages: 1, Cases: 1, Receipts: 1, Inbox: 1, Erased: 2})
		heads, err5 := r.Heads(ctx, []store.Pair{{From: "QM.mla", To: "QN.mla"}})
		equal(t, "Heads", len(heads), 1)
		clocks, err6 := r.Clocks(ctx, []string{gone, kept})
		equal(t, "Clocks", len(clocks), 1)
		return errors.Join(err, err1, err2, err3, err4, err5, err6)
	})
	if err := s.Purge(ctx); err != nil && !errors.Is(err, store.ErrResidue) {
		t.Errorf("purging: %v", err)
	}
}
