package bundle_test

import (
	"errors"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// TestDated holds the times that a broker and both parties agree on against what
// witnesses have seen (audit.md, threat 7).
func TestDated(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	accepted := func(index int64, at time.Time, size int64, witnessed bool, seen ...time.Time) verify.Accepted {
		a := verify.Accepted{Index: index, At: at, Checkpoint: translog.Checkpoint{Size: size}, Witnessed: witnessed}
		for _, s := range seen {
			a.Cosigned = append(a.Cosigned, translog.Cosignature{At: s})
		}
		return a
	}
	first := accepted(3, noon, 5, true, noon.Add(2*time.Second), noon.Add(time.Second))
	later := noon.Add(time.Hour)
	for _, tt := range []struct {
		name  string
		entry verify.Accepted
		bad   bool
	}{
		{"in its time", accepted(7, later, 9, true, later), false},
		{"dated back", accepted(7, noon.Add(-bundle.Tolerance), 9, true, later), true},
		{"dated back within tolerance", accepted(7, noon.Add(time.Second-bundle.Tolerance), 9, true, later), false},
		{"dated ahead", accepted(7, later.Add(bundle.Tolerance+time.Second), 9, true, later), true},
		{"dated ahead of the first tree that has it", accepted(4, later, 9, true, later), true},
		{"ahead of witnesses that are no quorum", accepted(7, later.Add(time.Hour), 9, false, later), false},
		{"without witnesses", accepted(7, later, 9, false), false},
	} {
		err := bundle.Dated(first, tt.entry)
		if f, ok := errors.AsType[*verify.Finding](err); ok != tt.bad || ok && f.Code != verify.TimeContradicted {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
