package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/store"
)

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
		if n, err := r.InboxCount(ctx, "QN.mla", 2, 4); n != 2 || err != nil {
			t.Errorf("%d items from 2 up to 4, %v", n, err)
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
		entries, err := r.Entries(ctx, 298, 300)
		equal(t, "entries", entries, []store.Entry{entry(298), entry(299)})
		_, missed := r.Entries(ctx, 299, 301)
		notFound(t, "entries beyond the end", missed)
		if err != nil {
			t.Error(err)
		}
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
	if err := s.SaveCheckpoint(t.Context(), 3, []byte("another")); err == nil || errors.Is(err, store.ErrOutcomeUnknown) {
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

// testCosigned keeps the newest cosignature of each witness, and the first
// form of a witnessed checkpoint.
func testCosigned(t *testing.T, s store.Broker) {
	for _, c := range []store.Cosignature{
		{Size: 3, Witness: "b", Line: []byte("b at 3")}, {Size: 3, Witness: "a", Line: []byte("a at 3")},
		{Size: 9, Witness: "a", Line: []byte("a at 9")}, {Size: 3, Witness: "b", Line: []byte("b at 3 again")},
	} {
		if err := s.SaveCosignature(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	for _, note := range []string{"first", "second"} {
		for _, size := range []int64{3, 9} {
			if err := s.SaveWitnessed(t.Context(), size, fmt.Appendf(nil, "%s %d", note, size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		got, err := r.Cosignatures(ctx, 3)
		want := []store.Cosignature{{Size: 3, Witness: "a", Line: []byte("a at 3")}, {Size: 3, Witness: "b", Line: []byte("b at 3 again")}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cosignatures of size 3 (-want +got):\n%s", diff)
		}
		if none, err := r.Cosignatures(ctx, 4); len(none) != 0 || err != nil {
			t.Errorf("cosignatures of size 4: %+v, %v", none, err)
		}
		for least, size := range map[int64]int64{0: 3, 3: 3, 4: 9} {
			c, err := r.Witnessed(ctx, least)
			if err != nil || string(c.Note) != fmt.Sprintf("first %d", size) || c.Size != size {
				t.Errorf("witnessed and covering %d: %+v, %v", least, c, err)
			}
		}
		_, none := r.Witnessed(ctx, 10)
		notFound(t, "witnessed and covering 10", none)
		if c, err := r.LatestWitnessed(ctx); err != nil || c.Size != 9 || string(c.Note) != "first 9" {
			t.Errorf("the newest witnessed: %+v, %v", c, err)
		}
		return err
	})
}

// testLatest keeps the newest entry of each kind about each subject.
func testLatest(t *testing.T, s store.Broker) {
	for _, next := range [][]store.Latest{
		{{Kind: "mailbox", Subject: "QM.mla"}, {Kind: "mailbox", Subject: "QN.mla"}, {Kind: "anchor", Subject: "QM.mla"}},
		{{Kind: "mailbox", Subject: "QM.mla"}},
	} {
		if err := add(t.Context(), s, 1, func(first int64, b *store.Batch) {
			for _, l := range next {
				l.Index = first
				b.Latest = append(b.Latest, l)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		newest, err := r.Latest(ctx, "mailbox")
		equal(t, "the newest entries", newest, map[string]int64{"QM.mla": 1, "QN.mla": 0})
		none, missed := r.Latest(ctx, "backup")
		equal(t, "the newest entries of a kind that has none", none, map[string]int64{})
		return errors.Join(err, missed)
	})
}
