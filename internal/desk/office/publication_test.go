package office_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/desks"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
)

// TestFiguresOfMany counts more than is read of the case file at once, much of it of
// the same second.
func TestFiguresOfMany(t *testing.T) {
	if testing.Short() && desks.InFile() {
		t.Skip("one after another, and many: nothing that the race detector would find")
	}
	t.Parallel()
	f := newFixture(t)
	const cases = 1203
	desks.Fill(t, f.desk, f.clock.now(), cases)
	from, to := f.clock.now().AddDate(0, 0, -40), f.clock.now()
	counted, err := f.office.Statistics(t.Context(), bo, from, to)
	f.must(err)
	n := 0
	for _, total := range counted.Totals {
		if total.Cases != total.Acknowledged.Cases || total.Cases != total.Answered.Cases {
			t.Errorf("of %d cases %d were acknowledged and %d answered", total.Cases, total.Acknowledged.Cases, total.Answered.Cases)
		}
		n += total.Cases
	}
	if n != cases {
		t.Errorf("%d cases are counted, want %d", n, cases)
	}
	published, err := f.office.Publication(t.Context(), admin, from.Format(time.DateOnly), to.Format(time.DateOnly))
	f.must(err)
	decided := int64(0)
	for _, d := range published.Decisions {
		decided += d.Measures
	}
	if decided != cases {
		t.Errorf("%d decisions are counted, want %d", decided, cases)
	}
}

// TestPublication leaves out what is small: of five cases and four refusals, the
// cases are published and the refusals are not.
func TestPublication(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	chief := desk.Officer{ID: "c", Roles: []desk.Role{desk.Administrator}}
	from, to := f.clock.now().AddDate(0, 0, -40).Format(time.DateOnly), f.clock.now().Format(time.DateOnly)
	publication := func() directory.StatisticsStatement {
		t.Helper()
		s, err := f.office.Publication(t.Context(), chief, from, to)
		f.must(err)
		return s
	}
	refused := refusal(t)
	decide := func(n int) {
		f.index++
		f.must(f.desk.Store().Write(t.Context(), func(w store.DeskWriter) error {
			return w.PutLetter(t.Context(), store.Letter{
				ID: string(states.ID(fmt.Sprint("d", n))), Case: string(states.ID("c1")), From: "QM.24-7", To: "QN.mla", Act: "decide", Lane: "routine", Suite: "pq-6",
				Seq: int64(9 + n), Digest: fmt.Sprint(9 + n), Index: f.index, AcceptedAt: f.clock.now().Unix(), Verdict: "authentic", Body: refused,
			})
		}))
	}
	for n := range 4 {
		body, err := convention.ParseBody(states.Body(t, "request", "QN.mla", "QM.24-7"))
		f.must(err)
		f.receive("routine", body)
		decide(n)
	}
	none := directory.StatisticsStatement{
		From: from, To: to, Cases: []directory.CaseFigure{}, Decisions: []directory.OutcomeFigure{}, Grounds: []directory.GroundFigure{}, LeftOut: 3,
	}
	if diff := cmp.Diff(none, publication()); diff != "" {
		t.Errorf("four cases (-want +got):\n%s", diff)
	}
	body, err := convention.ParseBody(states.Body(t, "request", "QN.mla", "QM.24-7"))
	f.must(err)
	f.receive("routine", body)
	none.Cases, none.LeftOut = []directory.CaseFigure{{Type: "T01", Direction: "in", Cases: 5}}, 2
	if diff := cmp.Diff(none, publication()); diff != "" {
		t.Errorf("five cases (-want +got):\n%s", diff)
	}
	decide(4)
	if s := publication(); s.LeftOut != 0 || len(s.Grounds) != 1 || s.Decisions[0] != (directory.OutcomeFigure{Outcome: "refused", Direction: "in", Measures: 5}) {
		t.Errorf("five refusals: %+v", s)
	}
	for _, by := range []desk.Officer{ana, {ID: "k", Roles: []desk.Role{desk.KeyCustodian}}} {
		if _, err := f.office.Publish(t.Context(), by, from, to); problem.CodeOf(err) != problem.Forbidden {
			t.Errorf("%s publishes: %v", by.ID, err)
		}
	}
	if _, err := f.office.Publication(t.Context(), chief, "2026-1-1", to); problem.CodeOf(err) != problem.InvalidValue {
		t.Errorf("no day: %v", err)
	}
}
