package office_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/workflow"
)

// casesVariable sets how many cases the benchmark has; each has ten messages.
// 100,000 is the size that is promised.
const casesVariable = "ENTRAIDE_BENCH_CASES"

// The acts of a case of the benchmark, and whether they come from the side that
// began it.
var benchActs = []struct {
	act   workflow.Act
	opens bool
}{
	{workflow.Request, true}, {workflow.Acknowledge, false}, {workflow.Ask, false}, {workflow.Answer, true}, {workflow.Report, false},
	{workflow.Decide, false}, {workflow.Notify, false}, {workflow.Enquire, true}, {workflow.Report, false}, {workflow.Deliver, false},
}

// fill puts cases into the case file as they would have come to be there.
func (f *fixture) fill(b *testing.B, cases int) {
	b.Helper()
	bodies := map[workflow.Act][]byte{}
	for _, x := range benchActs {
		bodies[x.act] = states.Body(b, x.act, "QN.mla", "QM.24-7")
	}
	lanes := []string{"routine", "routine", "routine", "routine", "routine", "routine", "urgent", "urgent", "urgent", "emergency"}
	const batch = 500
	for from := 0; from < cases; from += batch {
		f.must(f.desk.Store().Write(b.Context(), func(w store.DeskWriter) error {
			for i := from; i < min(cases, from+batch); i++ {
				if err := f.fillCase(w, i, lanes[i%len(lanes)], bodies); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// fillCase puts one case; how far it has come depends on its number.
func (f *fixture) fillCase(w store.DeskWriter, i int, lane string, bodies map[workflow.Act][]byte) error {
	id, other := string(states.ID(fmt.Sprint("c", i))), fmt.Sprintf("Q%c.mla", 'N'+byte(i%13)%10)
	for n, x := range benchActs {
		f.index++
		incoming := x.opens == (i%3 != 0)
		l := store.Letter{
			ID: string(states.ID(fmt.Sprint("m", f.index))), Case: id, From: "QM.24-7", To: other, Incoming: incoming, Act: string(x.act), Lane: lane,
			Suite: "pq-6", Seq: f.index, Digest: fmt.Sprintf("%064d", f.index), Index: f.index, AcceptedAt: f.clock.now().Unix() - int64(1_000_000-i*5-n),
			Verdict: "authentic", Body: bodies[x.act], OpenedAt: 1, Final: x.act == workflow.Deliver,
		}
		if incoming {
			l.From, l.To = other, "QM.24-7"
		}
		if incoming && i%50 == 0 {
			l.OpenedAt = 0
		}
		if n == 0 {
			l.Body = []byte(strings.Replace(string(l.Body), `"own_ref":"`, fmt.Sprintf(`"own_ref":"R%d-`, i), 1))
		}
		if err := w.PutLetter(f.Context(), l); err != nil {
			return err
		}
	}
	if i%20 == 0 {
		if err := w.PutAssignment(f.Context(), store.Assignment{Case: id, Officer: fmt.Sprint("o", i%400)}); err != nil {
			return err
		}
	}
	if i%100 == 0 {
		return w.PutTag(f.Context(), id, "court")
	}
	return nil
}

// BenchmarkDesk measures what pages ask for at the size of a large State: lists,
// search and the page of a case. It prints the median and what 95 of 100 stay
// below; a hundredth of a second is far below what a page may take.
func BenchmarkDesk(b *testing.B) {
	cases := 500
	if set := os.Getenv(casesVariable); set != "" {
		var err error
		if cases, err = strconv.Atoi(set); err != nil {
			b.Fatal(err)
		}
	}
	f := newFixture(b)
	begun := time.Now()
	f.fill(b, cases)
	b.Logf("%d cases with %d messages in %s", cases, f.index, time.Since(begun).Round(time.Second))
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
			_, err := f.desk.Case(b.Context(), string(states.ID(fmt.Sprint("c", i*7919%cases))))
			return err
		}},
		{"case-work", func(i int) error {
			_, err := f.office.Work(b.Context(), ana, string(states.ID(fmt.Sprint("c", i*7919%cases))))
			return err
		}},
	} {
		b.Run(x.name, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				begun := time.Now()
				if err := x.do(i); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[(len(took)*95-1)/100].Microseconds())/1000, "p95-ms")
		})
	}
}
