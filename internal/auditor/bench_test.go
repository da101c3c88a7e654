package auditor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/translog"
)

// A traffic is a long story of many pairs: cases of eight entries.
type traffic struct {
	rand *rand.Rand
	seq  map[string]int64
	now  time.Time
}

// next is one case, a second after the other.
func (f *traffic) next() []translog.Entry {
	a := fmt.Sprintf("Q%c.mla", 'M'+rune(f.rand.IntN(14)))
	b := fmt.Sprintf("X%c.mla", 'A'+rune(f.rand.IntN(26)))
	caseID := fmt.Sprintf("%016x%016x", f.rand.Uint64(), f.rand.Uint64())
	lane := []string{"emergency", "urgent", "routine"}[f.rand.IntN(3)]
	at := func() string { f.now = f.now.Add(time.Second); return f.now.Format(time.RFC3339) }
	message := func(from, to, act, stage string) translog.Entry {
		f.seq[from+to]++
		return translog.Entry{Kind: translog.KindMessage, Time: at(), Message: &translog.MessageFact{
			Digest: fmt.Sprintf("%064x", f.rand.Uint64()), ID: fmt.Sprintf("%016x%016x", f.rand.Uint64(), f.rand.Uint64()), Case: caseID,
			From: from, To: to, Act: act, Lane: lane, Seq: f.seq[from+to], Stage: stage,
		}}
	}
	receipt := func(of translog.Entry) translog.Entry {
		return translog.Entry{Kind: translog.KindReceipt, Time: at(), Receipt: &translog.ReceiptFact{
			Digest: fmt.Sprintf("%064x", f.rand.Uint64()), Kind: "delivered", Message: of.Message.ID, By: of.Message.To,
		}}
	}
	request := message(a, b, "request", "open")
	first := receipt(request)
	acknowledge := message(b, a, "acknowledge", "acknowledged")
	second := receipt(acknowledge)
	refused := translog.Entry{Kind: translog.KindRejection, Time: at(), Rejection: &translog.RejectionFact{Code: "stale-time", By: a}}
	deliver := message(b, a, "deliver", "answered")
	return []translog.Entry{request, first, acknowledge, second, refused, deliver, receipt(deliver), message(a, b, "close", "closed")}
}

// BenchmarkBook keeps a million entries, derives every case from them, and looks
// at lists, and reports what each takes of a processor, how long a look takes and
// how much memory is in use.
func BenchmarkBook(b *testing.B) {
	const size, batch = 1_000_000, 10_000
	for b.Loop() {
		r := newReading(b)
		r.read(0, story()[0])
		f := traffic{rand: rand.New(rand.NewPCG(1, 2)), seq: map[string]int64{}, now: begun}
		var keeping float64
		for from := int64(0); from < size; from += batch {
			var entries []translog.Entry
			for len(entries) < batch {
				entries = append(entries, f.next()...)
			}
			start := cpu()
			r.must(r.b.KeepAll(b.Context(), from, entries))
			keeping += cpu() - start
		}
		b.ReportMetric(keeping, "keep-cpu-s")
		start := cpu()
		peak := peakOf(func() {
			if s, err := r.b.Derive(b.Context(), r.m, auditor.DefaultRules(), f.now); err != nil || s.Cases != size/8 {
				b.Fatalf("%+v, %v", s, err)
			}
		})
		b.ReportMetric(cpu()-start, "derive-cpu-s")
		b.ReportMetric(float64(peak)/(1<<20), "heap-MiB")
		if info, err := os.Stat(filepath.Join(r.home, "private", "entries.db")); err == nil {
			b.ReportMetric(float64(info.Size())/size, "B/entry")
		}
		r.lookAround(b)
	}
}

// cpu is the time that this process has had of a processor, in seconds: what an
// idle machine of one core would take.
func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// peakOf runs fn and returns the largest heap that was seen meanwhile, in bytes.
func peakOf(fn func()) (peak uint64) {
	done, seen := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				seen <- most
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	fn()
	close(done)
	return <-seen
}

// lookAround asks for what pages show, and reports the slowest and the 95th
// percentile.
func (r *reading) lookAround(b *testing.B) {
	b.Helper()
	var took []time.Duration
	for i := range 20 {
		before := int64(math.MaxInt64)
		if i%2 == 1 {
			before = int64(i) * 40_000
		}
		for name, look := range map[string]func() error{
			"overview": func() error { _, err := r.b.Overview(b.Context()); return err },
			"entries":  func() error { _, err := r.b.Listed(b.Context(), auditor.Filter{}, before, 50); return err },
			"party":    func() error { _, err := r.b.Listed(b.Context(), auditor.Filter{Party: "QN"}, before, 50); return err },
			"kind": func() error {
				_, err := r.b.Listed(b.Context(), auditor.Filter{Party: "QN", Kind: "rejection"}, before, 50)
				return err
			},
			"code": func() error {
				_, err := r.b.Listed(b.Context(), auditor.Filter{Code: "stale-time"}, before, 50)
				return err
			},
			"stage": func() error {
				_, err := r.b.Listed(b.Context(), auditor.Filter{Stage: "answered", Lane: "urgent"}, before, 50)
				return err
			},
			"cases": func() error {
				_, err := r.b.Cases(b.Context(), auditor.Filter{Party: "QN", Stage: "closed"}, before, 50)
				return err
			},
			"overdue":  func() error { _, err := r.b.Cases(b.Context(), auditor.Filter{Overdue: true}, before, 50); return err },
			"findings": func() error { _, _, err := r.b.FindingsPage(b.Context(), auditor.FindingFilter{}, 0, 50); return err },
		} {
			start := time.Now()
			r.must(look())
			d := time.Since(start)
			if took = append(took, d); d > 100*time.Millisecond {
				b.Logf("%s took %v", name, d)
			}
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "slowest-ms")
}
