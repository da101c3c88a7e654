package message_test

import (
	"testing"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/message"
)

// BenchmarkChecks measures what a broker does for a message before it looks at
// earlier ones.
func BenchmarkChecks(b *testing.B) {
	for _, suite := range states.Suites() {
		w := states.New(b, suite)
		data := wire(b, w.Seal(b, w.Draft(b, "QM.24-7", "QN.24-7", "benchmark")))
		b.Run(string(suite), func(b *testing.B) {
			for b.Loop() {
				m, err := message.Parse(data)
				if err != nil {
					b.Fatal(err)
				}
				for _, err := range []error{
					m.CheckParties(w.Directory, w.Now), m.CheckTime(w.Now), m.CheckSignature(w.Directory), m.CheckPayload(w.Directory),
				} {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkSealOpen measures what two desks do for a message.
func BenchmarkSealOpen(b *testing.B) {
	for _, suite := range states.Suites() {
		w := states.New(b, suite)
		draft := w.Draft(b, "QM.24-7", "QN.24-7", "benchmark")
		b.Run(string(suite), func(b *testing.B) {
			for b.Loop() {
				if _, err := w.Seal(b, draft).Open(w.Keys["QN.24-7"], w.Directory); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
