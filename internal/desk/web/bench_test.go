package web

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/desks"
)

// BenchmarkPages measures whole pages at the size of a large State, as an officer's
// browser asks for them, each time as if for the first. It prints the median and
// what 95 of 100 stay below.
func BenchmarkPages(b *testing.B) {
	h := newHouse(b)
	cases := desks.Cases(b)
	desks.Fill(b, h.server.Desk, h.now(), cases)
	o := h.user("ana", desk.Drafter, desk.Approver, desk.DutyOfficer)
	fixed := func(path string) func(int) string { return func(int) string { return path } }
	for _, x := range []struct {
		name string
		path func(i int) string
	}{
		{"inbox", fixed("/inbox")},
		{"inbox-unread", fixed("/inbox?unread=1")},
		{"outbox", fixed("/outbox")},
		{"my-work", fixed("/work")},
		{"deadlines", fixed("/deadlines")},
		{"today", fixed("/")},
		{"watch-board", fixed("/watch")},
		{"statistics", fixed("/statistics")},
		{"search-rare", func(i int) string { return fmt.Sprintf("/search?q=R%d", i*7919%cases) }},
		{"search-common", fixed("/search?q=hospital")},
		{"search-two-words", fixed("/search?q=hospital+R7")},
		{"search-in-every-case", fixed("/search?q=duty+officer")},
		{"case", func(i int) string { return "/cases/" + desks.CaseID(i*7919%cases) }},
	} {
		b.Run(x.name, func(b *testing.B) {
			desks.Measure(b, func(i int) error {
				h.pass(time.Second) // another budget
				if got := o.get(x.path(i)); got.Code != http.StatusOK {
					return fmt.Errorf("%s: %d", x.path(i), got.Code)
				}
				return nil
			})
		})
	}
}
