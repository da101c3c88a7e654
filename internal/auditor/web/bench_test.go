package web

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/testkit/mirrors"
)

// BenchmarkPages asks for what auditors ask for, over a log of as many entries as
// ENTRAIDE_BENCH_ENTRIES says, and reports the 95th percentile of each page and of
// all in milliseconds, and what a page takes of a processor on average: what it
// would take on a machine that does nothing else.
func BenchmarkPages(b *testing.B) {
	size := 20_000
	if text := os.Getenv("ENTRAIDE_BENCH_ENTRIES"); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	begun := time.Now()
	story := mirrors.NewStory(size, end.Add(-700*24*time.Hour), end).Order()
	r := &room{t: b, mirror: mirrors.New(b, story.Entries, nil, end), log: &bytes.Buffer{}, clock: end}
	b.Logf("%d entries are kept after %v", size, time.Since(begun).Round(time.Second))
	r.mirror.Derive(auditor.DefaultRules(), end)
	b.Logf("and derived after %v", time.Since(begun).Round(time.Second))
	r.serve()
	pages := []struct{ name, path string }{
		{"overview", "/"}, {"entries", "/entries"}, {"older", fmt.Sprintf("/entries?before=%d", size/2)}, {"party", "/entries?party=QN"},
		{"party-kind", "/entries?party=QN&kind=rejection"}, {"code", "/entries?code=stale-time"}, {"days", "/entries?since=2025-03-01&until=2025-03-02"},
		{"day-lane", "/entries?kind=message&lane=urgent&since=2025-06-03&until=2025-06-03"}, {"stage", "/entries?stage=answered&lane=urgent"},
		{"cases", "/cases"}, {"slow-cases", "/cases?lane=urgent&answered_over=4000"}, {"entry", fmt.Sprintf("/entries/%d", size/3)}, {"findings", "/findings"},
	}
	for b.Loop() {
		v := r.auditor() // the last one's session may have ended
		var all []time.Duration
		used := cpu()
		for _, page := range pages {
			var took []time.Duration
			for range 40 {
				r.pass(time.Second) // another budget
				start := time.Now()
				if got := v.get(page.path); got.Code != http.StatusOK {
					b.Fatalf("%s: %d", page.path, got.Code)
				}
				took = append(took, time.Since(start))
			}
			b.ReportMetric(p95(took), page.name+"-p95-ms")
			all = append(all, took...)
		}
		b.ReportMetric((cpu()-used).Seconds()*1000/float64(len(all)), "cpu-ms/page")
		b.ReportMetric(p95(all), "p95-ms")
		b.ReportMetric(float64(slices.Max(all).Microseconds())/1000, "slowest-ms")
	}
}

// p95 is the 95th percentile in milliseconds.
func p95(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)*95/100].Microseconds()) / 1000
}

// cpu is the time that this process has had of a processor.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
