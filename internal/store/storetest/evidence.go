package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/store"
)

// upload is evidence that an authority uploads.
func upload(authority, manifest string, bytes, at int64) store.Upload {
	return store.Upload{Authority: authority, Manifest: strings.Repeat(manifest, 64), Recipient: "QP.mla", Bytes: bytes, At: at}
}

func save(t *testing.T, s store.Broker, uploads ...store.Upload) {
	t.Helper()
	for _, u := range uploads {
		if err := s.SaveUpload(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
}

// sweep returns the manifests that SweepUploads removes.
func sweep(t *testing.T, s store.Broker, before int64) (removed []string) {
	t.Helper()
	err := s.SweepUploads(t.Context(), before, func(manifest string) error {
		removed = append(removed, manifest[:1])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return removed
}

// testUploads notes uploads, and forgets those that nobody needs.
func testUploads(t *testing.T, s store.Broker) {
	a, b, both := upload("QM.mla", "a", 10, 100), upload("QM.mla", "b", 20, 100), upload("QN.mla", "b", 20, 200)
	save(t, s, a, b, both)
	a.At = 300 // it goes on
	save(t, s, a)
	read(t, s, func(ctx context.Context, r store.Reader) error {
		got, err := r.Upload(ctx, a.Authority, a.Manifest)
		equal(t, "Upload", got, a)
		kept, err1 := r.Kept(ctx, "QM.mla", "QP.mla")
		equal(t, "Kept", kept, store.Kept{From: 30, To: 50})
		none, err2 := r.Kept(ctx, "QO.mla", "QO.mla")
		equal(t, "Kept for nobody", none, store.Kept{})
		if _, err := r.Upload(ctx, "QN.mla", a.Manifest); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another's upload: %v", err)
		}
		return errors.Join(err, err1, err2)
	})
	equal(t, "swept while another uploads", sweep(t, s, 150), []string(nil))
	equal(t, "swept", sweep(t, s, 250), []string{"b"})
	equal(t, "swept again", sweep(t, s, 250), []string(nil))
}

// testUses keeps evidence that messages name until they are delivered and drop
// it, or their case is erased.
func testUses(t *testing.T, s store.Broker) {
	kept, dropped := message("m", 0), message("n", 1)
	kept.Case, dropped.Case = id("c"), id("d")
	save(t, s, upload("QM.mla", "a", 10, 1), upload("QM.mla", "b", 20, 1))
	use := func(m store.Message, manifest string, by int64) store.Use {
		return store.Use{Message: m.ID, Manifest: strings.Repeat(manifest, 64), DroppedBy: by}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(add(t.Context(), s, 3, func(_ int64, b *store.Batch) {
		b.Messages = []store.Message{kept, dropped}
		b.Uses = []store.Use{use(kept, "a", 0), use(dropped, "b", 0)}
		b.Receipts = []store.Receipt{{Digest: strings.Repeat("r", 64), Kind: "delivered", Message: dropped.ID, Case: dropped.Case, By: "QN.mla", Text: []byte("{}"), Index: 2}}
	}))
	delivered := func() (ids []string) {
		read(t, s, func(ctx context.Context, r store.Reader) (err error) {
			ids, err = r.Delivered(ctx, 1<<40, 10)
			return err
		})
		return ids
	}
	equal(t, "swept in use", sweep(t, s, 50), []string(nil))
	equal(t, "Delivered", delivered(), []string{dropped.ID})
	must(add(t.Context(), s, 1, func(_ int64, b *store.Batch) {
		b.Holds = []store.Hold{{Case: dropped.Case, Basis: "order", By: "x"}}
	}))
	equal(t, "Delivered under a hold", delivered(), []string(nil))
	must(add(t.Context(), s, 1, func(_ int64, b *store.Batch) {
		b.Uses = []store.Use{use(dropped, "b", 4)}
	}))
	read(t, s, func(ctx context.Context, r store.Reader) error {
		uses, err := r.Uses(ctx, dropped.ID)
		equal(t, "Uses", uses, []store.Use{use(dropped, "b", 4)})
		is, err1 := r.IsKept(ctx, strings.Repeat("a", 64))
		equal(t, "IsKept", is, true)
		return errors.Join(err, err1)
	})
	equal(t, "swept when dropped", sweep(t, s, 50), []string{"b"})
	must(add(t.Context(), s, 1, func(_ int64, b *store.Batch) { b.ErasedCases = []string{kept.Case} }))
	equal(t, "swept when erased", sweep(t, s, 1), []string{"a"})
}
