package office_test

import (
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestBoard moves a case through the columns as its time runs out, and calls for
// an emergency.
func TestBoard(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.receive("emergency", information("en", "Emergencycanary"))
	l := f.receive("routine", states.Content(workflow.Request, "QN", "QM"))
	f.must(f.desk.Store().Write(t.Context(), func(w store.DeskWriter) error {
		line, err := w.Line(t.Context(), l.Case)
		f.must(err)
		line.DueAt, line.AgainAt = f.clock.now().Add(100*time.Hour).Unix(), f.clock.now().Add(1000*time.Hour).Unix()
		return w.PutLine(t.Context(), line)
	}))
	spans := map[string][2]time.Duration{"overdue": {-365 * 24 * time.Hour, 0}, "day": {0, 24 * time.Hour}, "days": {24 * time.Hour, 72 * time.Hour}}
	order := ""
	for range 12 {
		b, err := f.office.Board(t.Context(), ana)
		f.must(err)
		if len(b.Pages) != 1 || !b.Silent || !b.Reached.IsZero() {
			t.Fatalf("pages, silent, reached: %d %t %s", len(b.Pages), b.Silent, b.Reached)
		}
		for _, c := range b.Columns {
			for _, line := range c.Cases {
				due, err := time.Parse(time.RFC3339, line.Due)
				f.must(err)
				left := due.Sub(f.clock.now())
				if c.Count != 1 || line.Case != l.Case || left < spans[c.Name][0] || left >= spans[c.Name][1] {
					t.Errorf("%s holds %d: case %s with %s left", c.Name, c.Count, line.Case, left)
				}
				order += c.Name + " "
			}
		}
		f.clock.pass(12 * time.Hour)
	}
	for _, name := range []string{"days day", "day overdue"} {
		if !strings.Contains(order, name) {
			t.Errorf("the case was in %s", order)
		}
	}
	if _, err := f.office.Board(t.Context(), admin); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an administrator sees the board: %v", err)
	}
}
