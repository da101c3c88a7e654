package auditor_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// TestPlace proves every entry of the story from the mirror's own files, and says
// of each why it is, or is not, shown.
func TestPlace(t *testing.T) {
	t.Parallel()
	r := newReading(t)
	r.withheld[4], r.withheld[9] = true, true
	r.read(605, append(story(), translog.Entry{Kind: translog.KindErasure, Time: after(604), Erasure: &translog.ErasureFact{Index: 9, Basis: "rule", By: "x"}})...)
	for index := range int64(11) {
		p, err := r.b.Place(t.Context(), index)
		r.must(err)
		trust, err := r.b.Trust()
		r.must(err)
		i, err := translog.ParseInclusion(p.Inclusion())
		r.must(err)
		if cp, err := i.Verify(p.Leaf, trust.Origin, trust.Keys()...); err != nil || cp.Size != 11 {
			t.Errorf("entry %d: %+v, %v", index, cp, err)
		}
		want := map[int64]string{4: auditor.Withheld, 9: auditor.Erased}[index]
		if want == "" {
			want = auditor.Shown
			if e, _, err := r.b.Hold(t.Context(), p.Receipt(r.private[index])); err != nil || e.Index != index {
				t.Errorf("entry %d is not held: %v", index, err)
			}
		}
		if sight, by, err := r.b.Sight(t.Context(), index); err != nil || sight != want || (by == 10) != (index == 9) {
			t.Errorf("entry %d: %s by %d, %v; want %s", index, sight, by, err, want)
		}
	}
	for _, index := range []int64{-1, 11} {
		if _, err := r.b.Place(t.Context(), index); problem.CodeOf(err) != problem.NotFound {
			t.Errorf("entry %d: %v", index, err)
		}
	}
	s, err := r.b.Standing(t.Context())
	if err != nil || s.Scope != "all" || s.Head.Size != 11 || s.Demanded || !s.Synced.Equal(s.Since) || s.Looked != 11 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestCheckpoint holds checkpoints against the mirror: its own, one before, one
// that is not there yet, one of another history, one of nobody.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	r := newReading(t)
	r.read(500, story()[:5]...)
	older, err := os.ReadFile(filepath.Join(r.from, "checkpoint"))
	r.must(err)
	other := r.fork(3).grow(4, "other")
	r.read(605, story()[5:]...)
	newest, err := os.ReadFile(filepath.Join(r.from, "checkpoint"))
	r.must(err)
	root, err := tlog.TreeHash(7, other)
	r.must(err)
	forked, err := translog.Checkpoint{Origin: origin, Size: 7, Root: root}.Sign(r.signer)
	r.must(err)
	for name, signed := range map[string][]byte{"older": older, "newest": newest} {
		if _, err := r.b.Checkpoint(t.Context(), signed, begun); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	ahead, err := translog.Checkpoint{Origin: origin, Size: 99}.Sign(r.signer)
	r.must(err)
	if _, err := r.b.Checkpoint(t.Context(), ahead, begun); !errors.Is(err, auditor.ErrBehind) {
		t.Errorf("one that is ahead: %v", err)
	}
	if _, err := r.b.Checkpoint(t.Context(), bytes.Replace(newest, []byte("\n10\n"), []byte("\n11\n"), 1), begun); !errors.Is(err, translog.ErrCheckpointSignature) {
		t.Errorf("one that is altered: %v", err)
	}
	if _, err := r.b.Checkpoint(t.Context(), forked, begun); !errors.Is(err, auditor.ErrFork) || !errors.Is(err, verify.ErrMisbehaviour) {
		t.Fatalf("another history: %v", err)
	}
	found, _, err := r.b.FindingsPage(t.Context(), auditor.FindingFilter{Code: auditor.FindFork}, 0, 9)
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	path, err := r.b.Evidence(found[0])
	r.must(err)
	text, err := os.ReadFile(path)
	r.must(err)
	proof, err := translog.ParseFork(bytes.TrimSpace(text))
	r.must(err)
	trust, err := r.b.Trust()
	r.must(err)
	r.must(proof.Check(trust.Origin, trust.Keys()...))
}

// TestPeriods asks for entries by time: in the days that the last derivation has
// seen, across its end, and where an entry claims a day far from its neighbours.
func TestPeriods(t *testing.T) {
	t.Parallel()
	r := newReading(t)
	e := story()
	day := func(days int) string { return begun.Add(time.Duration(days) * 24 * time.Hour).Format(time.RFC3339) }
	for i := range e {
		e[i].Time = day(i / 3) // 0 to 2, 3 to 5, 6 to 8, 9
	}
	e[7].Time = day(0)
	r.read(10_000, e...)
	r.derive(10_001)
	for i := range e {
		e[i].Time = day(3 + i/5)
	}
	r.read(10_002, e...) // 10 to 14, 15 to 19: not derived yet
	at := func(days int) int64 {
		return begun.Truncate(24 * time.Hour).Add(time.Duration(days) * 24 * time.Hour).Unix()
	}
	for _, tt := range []struct {
		since, until int64
		limit        int
		want         string
	}{
		{at(0), at(1), 9, "7 2 1 0"}, {at(1), at(2), 9, "5 4 3"}, {at(2), at(3), 9, "8 6"}, {at(3), at(4), 9, "14 13 12 11 10 9"},
		{at(2), 0, 4, "19 18 17 16"}, {at(3), 0, 13, "19 18 17 16 15 14 13 12 11 10 9"}, {0, at(1), 2, "7 2"}, {0, at(-1), 9, ""}, {at(9), 0, 9, ""},
	} {
		list, err := r.b.Listed(t.Context(), auditor.Filter{Since: tt.since, Until: tt.until}, 99, tt.limit)
		r.must(err)
		var got []string
		for _, e := range list {
			got = append(got, fmt.Sprint(e.Index))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%d to %d: %v, want %s", (tt.since-at(0))/86400, (tt.until-at(0))/86400, got, tt.want)
		}
	}
	trends, err := r.b.Trends(t.Context())
	if err != nil || len(trends.Messages) == 0 || trends.Messages[0].Lane != "urgent" || trends.Acknowledged["urgent"].Cases != 1 {
		t.Errorf("%+v, %v", trends, err)
	}
}
