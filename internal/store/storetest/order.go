package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/entraide/entraide/internal/store"
)

// column picks one value of every row.
func column[T, V any](rows []T, pick func(T) V) []V {
	var values []V
	for _, row := range rows {
		values = append(values, pick(row))
	}
	return values
}

func indices(messages []store.Message) []int64 {
	return column(messages, func(m store.Message) int64 { return m.Index })
}

// testMessageOrder reads messages of a case in log order and those of a pair
// by number, whatever the order in which they were stored.
func testMessageOrder(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 6, func(_ int64, b *store.Batch) {
		for _, i := range []int64{4, 1, 5, 2, 0} {
			m := message(fmt.Sprint("m", i), i)
			m.Seq = 100 - i // of the pair, counting down
			b.Messages = append(b.Messages, m)
		}
		other := message("o", 3)
		other.Case, other.To = id("C"), "QN.MLA" // another case, another authority
		b.Messages = append(b.Messages, other)
	}); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		first, err := r.CaseMessages(ctx, id("c"), -1, 3)
		equal(t, "the first of the case", indices(first), []int64{0, 1, 2})
		then, err1 := r.CaseMessages(ctx, id("c"), 2, 3)
		equal(t, "those after index 2", indices(then), []int64{4, 5})
		pair := store.Pair{From: "QM.mla", To: "QN.mla"}
		sent, err2 := r.Sent(ctx, pair, 0, 2)
		equal(t, "the first of the pair", indices(sent), []int64{5, 4})
		rest, err3 := r.Sent(ctx, pair, 96, 10)
		equal(t, "those after number 96", indices(rest), []int64{2, 1, 0})
		if first[0].Payload != nil || sent[0].Payload != nil || first[0].PayloadSize == 0 {
			t.Error("a list has payloads, or not their sizes")
		}
		return errors.Join(err, err1, err2, err3)
	})
}

// testReceiptOrder reads receipts and statements in log order.
func testReceiptOrder(t *testing.T, s store.Broker) {
	if err := add(t.Context(), s, 8, func(_ int64, b *store.Batch) {
		for _, i := range []int64{3, 1, 2} {
			b.Receipts = append(b.Receipts, store.Receipt{Digest: fmt.Sprint("r", 9-i), Message: id("m"), Index: i})
		}
		for _, i := range []int64{7, 4, 6, 5} {
			b.Statements = append(b.Statements, store.Statement{Digest: fmt.Sprint("s", 9-i), Subject: "QM", Number: i, Index: i})
		}
	}); err != nil {
		t.Fatal(err)
	}
	read(t, s, func(ctx context.Context, r store.Reader) error {
		receipts, err := r.ReceiptsOf(ctx, id("m"))
		equal(t, "ReceiptsOf", column(receipts, func(r store.Receipt) int64 { return r.Index }), []int64{1, 2, 3})
		statements, err1 := r.Statements(ctx, 4, 2)
		equal(t, "Statements", column(statements, func(s store.Statement) int64 { return s.Index }), []int64{5, 6})
		return errors.Join(err, err1)
	})
}

// testByteOrder orders names by their bytes, whatever the locale, and tells
// apart names that a locale may take for one.
func testByteOrder(t *testing.T, s store.Broker) {
	names := []string{"B", "_", "a", "a\u0301", "\u00e1", "\u00df"} // in the order of their bytes
	if err := add(t.Context(), s, len(names), func(_ int64, b *store.Batch) {
		for _, name := range slices.Backward(names) {
			b.Clocks = append(b.Clocks, store.Clock{Case: id("c"), Name: name, Due: 5, State: "running"})
		}
		for i, name := range names {
			b.Cases = append(b.Cases, store.Case{ID: name, Stage: name})
			b.Inbox = append(b.Inbox, store.InboxItem{Authority: name, Index: int64(i)})
		}
	}); err != nil {
		t.Fatal(err)
	}
	byBytes := slices.Sorted(slices.Values(names))
	name := func(c store.Clock) string { return c.Name }
	read(t, s, func(ctx context.Context, r store.Reader) error {
		clocks, err := r.Clocks(ctx, []string{id("c")})
		equal(t, "Clocks", column(clocks[id("c")], name), byBytes)
		due, err1 := r.DueClocks(ctx, 5, 100)
		equal(t, "DueClocks", column(due, name), byBytes)
		cases, err2 := r.Cases(ctx, names)
		inbox, err3 := r.Inbox(ctx, "a\u0301", -1, 10)
		if len(cases) != len(names) || len(inbox) != 1 {
			t.Errorf("%d cases and %d inbox items; names were taken for one another", len(cases), len(inbox))
		}
		return errors.Join(err, err1, err2, err3)
	})
}
