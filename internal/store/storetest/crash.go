package storetest

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/translog"
)

// Grow appends entries, with a message to each.
func Grow(ctx context.Context, s store.Broker, entries int) error {
	return add(ctx, s, entries, func(_ int64, b *store.Batch) {
		for _, e := range b.Entries {
			b.Messages = append(b.Messages, message(fmt.Sprintf("%032x", e.Index), e.Index))
		}
	})
}

// Fill grows the log until it is killed, or something fails. After each
// acknowledgement it writes the number of entries acknowledged so far to out,
// a line each.
func Fill(ctx context.Context, s store.Broker, out io.Writer) error {
	size := int64(0)
	if err := s.Read(ctx, func(r store.Reader) error {
		head, err := r.Head(ctx)
		size = head.Size
		return err
	}); err != nil {
		return err
	}
	for n := 1; ; n = n%7 + 1 { // batches of different sizes
		if err := Grow(ctx, s, n); err != nil {
			return err
		}
		size += int64(n)
		if _, err := fmt.Fprintln(out, size); err != nil {
			return err
		}
	}
}

// CheckFilled checks that a log that was filled has all its parts, and all
// that was acknowledged, and returns its size.
func CheckFilled(t *testing.T, s store.Broker, acknowledged int64) (entries int64) {
	t.Helper()
	read(t, s, func(ctx context.Context, r store.Reader) error {
		head, err := r.Head(ctx)
		if err != nil {
			return err
		}
		entries = head.Size
		if head.Size < acknowledged {
			t.Errorf("%d entries were acknowledged; the log has %d", acknowledged, head.Size)
		}
		hashes, err := r.Hashes(ctx, 0, 0, head.Size)
		if err != nil {
			return err
		}
		tree, err := translog.ParseTree(0, nil)
		if err != nil {
			return err
		}
		if len(hashes) > 0 {
			growth, err := tree.Append(hashesOf(hashes))
			if err != nil {
				return err
			}
			equal(t, "the frontier", head.Frontier, growth.After.Frontier())
		}
		counts, err := r.Counts(ctx)
		equal(t, "Counts", counts, store.Counts{Messages: head.Size})
		return err
	})
	return entries
}

func hashesOf(raw [][32]byte) []translog.Hash {
	hashes := make([]translog.Hash, len(raw))
	for i, h := range raw {
		hashes[i] = h
	}
	return hashes
}
