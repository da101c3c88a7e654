package office_test

import (
	"fmt"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/desks"
)

// BenchmarkDesk measures what pages ask the desk for at the size of a large State: lists,
// search and the page of a case. It prints the median and what 95 of 100 stay
// below; a hundredth of a second is far below what a page may take.
func BenchmarkDesk(b *testing.B) {
	f := newFixture(b)
	cases := desks.Cases(b)
	desks.Fill(b, f.desk, f.clock.now(), cases)
	list := func(filter desk.ListFilter) func(int) error {
		return func(i int) error {
			page, err := f.desk.List(b.Context(), ana, filter, "", 50)
			if err == nil && page.Next != "" && i%2 == 0 {
				_, err = f.desk.List(b.Context(), ana, filter, page.Next, 50)
			}
			return err
		}
	}
	for _, x := range []struct {
		name string
		do   func(i int) error
	}{
		{"inbox", list(desk.ListFilter{Direction: "in", State: "open"})},
		{"inbox-urgent-first", list(desk.ListFilter{Direction: "in", State: "open", Sort: store.ByUrgency})},
		{"inbox-unread", list(desk.ListFilter{Direction: "in", Unread: true})},
		{"outbox", list(desk.ListFilter{Direction: "out", State: "open"})},
		{"deadlines", list(desk.ListFilter{State: "open", Sort: store.ByDue})},
		{"my-work", list(desk.ListFilter{Officer: "o20", State: "open"})},
		{"with-type-owed", list(desk.ListFilter{Counterpart: "QP.mla", Type: "T01", Owed: "us"})},
		{"tag", list(desk.ListFilter{Tag: "court"})},
		{"nothing-fits", list(desk.ListFilter{Lane: "emergency", Counterpart: "XX.mla", Owed: "us"})},
		{"count-inbox", func(int) error {
			_, err := f.desk.Count(b.Context(), ana, desk.ListFilter{Direction: "in", State: "open"}, 1000)
			return err
		}},
		{"search-rare", func(i int) error {
			_, err := f.desk.Search(b.Context(), ana, fmt.Sprintf("R%d", i*7919%cases), "", 0)
			return err
		}},
		{"search-common", func(int) error { _, err := f.desk.Search(b.Context(), ana, "hospital", "", 0); return err }},
		{"search-two-words", func(int) error { _, err := f.desk.Search(b.Context(), ana, "hospital R7", "", 0); return err }},
		{"search-in-every-case", func(int) error { _, err := f.desk.Search(b.Context(), ana, "duty officer", "", 0); return err }},
		{"case", func(i int) error {
			_, err := f.desk.Case(b.Context(), desks.CaseID(i*7919%cases))
			return err
		}},
		{"case-work", func(i int) error {
			_, err := f.office.Work(b.Context(), ana, desks.CaseID(i*7919%cases))
			return err
		}},
	} {
		b.Run(x.name, func(b *testing.B) { desks.Measure(b, x.do) })
	}
}
