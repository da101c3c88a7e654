package pgp_test

import (
	"bytes"
	"testing"

	"github.com/entraide/entraide/pkg/pgp"
)

// header is about as large as what is signed most often.
var header = bytes.Repeat([]byte("0123456789"), 120)

// eachSuiteB runs a benchmark for every suite.
func eachSuiteB(b *testing.B, run func(b *testing.B, from, to *pgp.Key)) {
	b.Helper()
	for _, suite := range pgp.Suites() {
		b.Run(string(suite), func(b *testing.B) {
			b.ReportAllocs()
			run(b, key(b, suite, alice), key(b, suite, bob))
		})
	}
}

func BenchmarkSign(b *testing.B) {
	eachSuiteB(b, func(b *testing.B, from, _ *pgp.Key) {
		for b.Loop() {
			must(from.Sign(typ, header, now))(b)
		}
	})
}

// BenchmarkVerifyCached verifies with a certificate that was parsed before.
func BenchmarkVerifyCached(b *testing.B) {
	eachSuiteB(b, func(b *testing.B, from, _ *pgp.Key) {
		sig, c := must(from.Sign(typ, header, now))(b), from.Certificate()
		for b.Loop() {
			wantError(b, c.Verify(typ, header, sig, now), nil)
		}
	})
}

// BenchmarkVerifyCold parses the certificate each time.
func BenchmarkVerifyCold(b *testing.B) {
	eachSuiteB(b, func(b *testing.B, from, _ *pgp.Key) {
		sig, c := must(from.Sign(typ, header, now))(b), from.Certificate().Bytes()
		for b.Loop() {
			wantError(b, parsed(b, c).Verify(typ, header, sig, now), nil)
		}
	})
}

func BenchmarkSeal4KiB(b *testing.B) {
	eachSuiteB(b, func(b *testing.B, from, to *pgp.Key) {
		plaintext := make([]byte, 4<<10)
		for b.Loop() {
			must(from.Seal(typ, plaintext, to.Certificate(), now))(b)
		}
	})
}

func BenchmarkOpen4KiB(b *testing.B) {
	eachSuiteB(b, func(b *testing.B, from, to *pgp.Key) { open(b, from, to, 4<<10) })
}

func BenchmarkOpen1MiB(b *testing.B) {
	eachSuiteB(b, func(b *testing.B, from, to *pgp.Key) {
		b.SetBytes(1 << 20)
		open(b, from, to, 1<<20)
	})
}

func open(b *testing.B, from, to *pgp.Key, size int) {
	b.Helper()
	sealed, o := must(from.Seal(typ, make([]byte, size), to.Certificate(), now))(b), opening(b, from, to)
	for b.Loop() {
		must(to.Open(sealed, o))(b)
	}
}

func BenchmarkCheckFraming1MiB(b *testing.B) {
	eachSuiteB(b, func(b *testing.B, from, to *pgp.Key) {
		sealed := must(from.Seal(typ, make([]byte, 1<<20), to.Certificate(), now))(b)
		first, second := encryption(b, to), encryption(b, from)
		for b.Loop() {
			wantError(b, pgp.CheckFraming(to.Suite(), sealed, first, second), nil)
		}
	})
}
