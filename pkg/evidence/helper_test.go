package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/pgp"
)

// Times of the tests.
var (
	born = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now  = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
)

// A pair is the two parties of a case.
type pair struct{ from, to *pgp.Key }

var (
	pairsMu sync.Mutex
	pairs   = map[pgp.Suite]pair{}
)

// parties returns the two parties with keys of a suite, made once.
func parties(t testing.TB, suite pgp.Suite) pair {
	t.Helper()
	pairsMu.Lock()
	defer pairsMu.Unlock()
	if _, ok := pairs[suite]; !ok {
		pairs[suite] = pair{
			must(pgp.Generate(suite, "QM.mla <mla@qm.example>", born, 0))(t),
			must(pgp.Generate(suite, "QN.mla <mla@qn.example>", born, 0))(t),
		}
	}
	return pairs[suite]
}

// certificates are those that a file is sealed to.
func (p pair) certificates() []*pgp.Certificate {
	return []*pgp.Certificate{p.to.Certificate(), p.from.Certificate()}
}

// recipients are the fingerprints of what a file is sealed to.
func (p pair) recipients(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, c := range p.certificates() {
		out = append(out, must(c.EncryptionSubkey(now))(t))
	}
	return out
}

// eachSuite runs a test for every suite.
func eachSuite(t *testing.T, test func(t *testing.T, p pair)) {
	t.Helper()
	suites := pgp.Suites()
	if testing.Short() { // goroutines do the same in each
		suites = []pgp.Suite{pgp.Modern6}
	}
	for _, suite := range suites {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			test(t, parties(t, suite))
		})
	}
}

// must returns v, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantError checks that err wraps want, and is nil if want is.
func wantError(t testing.TB, err, want error) {
	t.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
}

// sample returns bytes that do not repeat soon.
func sample(size int) []byte {
	out := make([]byte, size)
	for i := range out {
		out[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return out
}

// sealed seals plaintext into a new directory.
func sealed(t testing.TB, p pair, plaintext []byte) (dir string, s evidence.Sealed) {
	t.Helper()
	dir = t.TempDir()
	return dir, must(evidence.Seal(dir, bytes.NewReader(plaintext), p.certificates(), now))(t)
}

// open opens a sealed file in memory.
func open(t testing.TB, key *pgp.Key, p pair, s evidence.Sealed, source evidence.Source) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	err := evidence.Open(&out, key, p.recipients(t), s, source)
	return out.Bytes(), err
}

// digest returns the SHA-256 of data in lower-case hex.
func digest(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// names returns the names in a directory.
func names(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	for _, e := range must(os.ReadDir(dir))(t) {
		out = append(out, e.Name())
	}
	return out
}

// write writes a file, and the directories above it.
func write(t testing.TB, data []byte, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// zeros is a reader of so many zeros.
func zeros(size int64) io.Reader { return io.LimitReader(zero{}, size) }

// zero reads zeros without end.
type zero struct{}

// Read implements io.Reader.
func (zero) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
