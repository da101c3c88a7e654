package desks

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

const (
	// casesVariable sets how many cases the desk of a benchmark has; each has ten
	// messages. 100,000 is the size that is promised.
	casesVariable = "ENTRAIDE_BENCH_CASES"
	// fewCases is how many there are without it, and batch how many are put at once.
	fewCases = 500
	batch    = 500
)

// Cases is how many cases the desk of a benchmark has.
func Cases(b *testing.B) int {
	b.Helper()
	set := os.Getenv(casesVariable)
	if set == "" {
		return fewCases
	}
	cases, err := strconv.Atoi(set)
	if err != nil {
		b.Fatal(err)
	}
	return cases
}

// acts are those of a case that a desk is filled with, and whether they come from the
// side that began it.
var acts = []struct {
	act   workflow.Act
	opens bool
}{
	{workflow.Request, true}, {workflow.Acknowledge, false}, {workflow.Ask, false}, {workflow.Answer, true}, {workflow.Report, false},
	{workflow.Decide, false}, {workflow.Notify, false}, {workflow.Enquire, true}, {workflow.Report, false}, {workflow.Deliver, false},
}

// Measure measures something that is done over and over, the i-th time from 0. It
// prints the median and what 95 of 100 stay below.
func Measure(b *testing.B, do func(i int) error) {
	b.Helper()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begun := time.Now()
		if err := do(i); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[(len(took)*95-1)/100].Microseconds())/1000, "p95-ms")
}

// CaseID is the id of a case of Fill, by its number from 0.
func CaseID(i int) string { return string(states.ID(fmt.Sprint("c", i))) }

// Fill puts cases of the last days into the case file of a desk, as they would have
// come to be there.
func Fill(t testing.TB, d *desk.Desk, now time.Time, cases int) {
	t.Helper()
	begun := time.Now()
	f := &filling{t: t, now: now, bodies: map[workflow.Act][]byte{}}
	for _, x := range acts {
		f.bodies[x.act] = states.Body(t, x.act, "QN.mla", "QM.24-7")
	}
	for from := 0; from < cases; from += batch {
		if err := d.Store().Write(t.Context(), func(w store.DeskWriter) error {
			for i := from; i < min(cases, from+batch); i++ {
				if err := f.put(w, i); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d cases with %d messages in %s", cases, f.index, time.Since(begun).Round(time.Second))
}

// A filling is how far Fill has come.
type filling struct {
	t      testing.TB
	now    time.Time
	bodies map[workflow.Act][]byte
	index  int64
}

// lanes are those of ten cases.
var lanes = []string{"routine", "routine", "routine", "routine", "routine", "routine", "urgent", "urgent", "urgent", "emergency"}

// put puts one case; how far it has come depends on its number.
func (f *filling) put(w store.DeskWriter, i int) error {
	ctx, id, other := f.t.Context(), CaseID(i), fmt.Sprintf("Q%c.mla", 'N'+byte(i%13)%10)
	for n, x := range acts {
		f.index++
		incoming := x.opens == (i%3 != 0)
		l := store.Letter{
			ID: string(states.ID(fmt.Sprint("m", f.index))), Case: id, From: "QM.24-7", To: other, Incoming: incoming, Act: string(x.act), Lane: lanes[i%len(lanes)],
			Suite: "pq-6", Seq: f.index, Digest: fmt.Sprintf("%064d", f.index), Index: f.index, AcceptedAt: f.now.Unix() - int64(1_000_000-i*5-n),
			Verdict: "authentic", Body: f.bodies[x.act], OpenedAt: 1, Final: x.act == workflow.Deliver,
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
		if err := w.PutLetter(ctx, l); err != nil {
			return err
		}
	}
	if i%20 == 0 {
		if err := w.PutAssignment(ctx, store.Assignment{Case: id, Officer: fmt.Sprint("o", i%400)}); err != nil {
			return err
		}
	}
	if i%100 == 0 {
		return w.PutTag(ctx, id, "court")
	}
	return nil
}
