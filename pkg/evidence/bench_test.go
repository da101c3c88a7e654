package evidence_test

import (
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/pgp"
)

// benchBytes is the size of the file that is sealed and opened.
const benchBytes = 512 << 20

// BenchmarkSeal and BenchmarkOpen compare with gpg on the same file, in the same
// run, by processor time: set TMPDIR to a file system in memory, so that the disk
// has no part in it. Sealing takes the digest of the file and of every part beside
// the encryption, which gpg does not, and opening does too; "alone" is without
// them.
func BenchmarkSeal(b *testing.B) {
	path := benchFile(b)
	gnupg := newGnuPG(b)
	b.Run("gpg", func(b *testing.B) {
		perCPU(b, func() time.Duration {
			return gnupg.run(b, "-z", "0", "-r", "bench", "-o", path+".gpg", "--encrypt", path)
		})
	})
	for _, suite := range pgp.Suites() {
		p := parties(b, suite)
		b.Run(string(suite), func(b *testing.B) {
			perCPU(b, func() time.Duration { return ownCPU(func() { sealFile(b, p, path, b.TempDir()) }) })
		})
		b.Run(string(suite)+"/alone", func(b *testing.B) {
			perCPU(b, func() time.Duration { return ownCPU(func() { encryptFile(b, p, path) }) })
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	path := benchFile(b)
	gnupg := newGnuPG(b)
	gnupg.run(b, "-z", "0", "-r", "bench", "-o", path+".gpg", "--encrypt", path)
	b.Run("gpg", func(b *testing.B) {
		perCPU(b, func() time.Duration { return gnupg.run(b, "-o", path+".out", "--decrypt", path+".gpg") })
	})
	for _, suite := range pgp.Suites() {
		p, dir := parties(b, suite), b.TempDir()
		s := sealFile(b, p, path, dir)
		b.Run(string(suite), func(b *testing.B) {
			perCPU(b, func() time.Duration {
				out := must(os.Create(path + ".out"))(b)
				defer out.Close()
				return ownCPU(func() { must(0, evidence.Open(out, p.to, p.recipients(b), s, evidence.Directory(dir)))(b) })
			})
		})
		encryptFile(b, p, path)
		b.Run(string(suite)+"/alone", func(b *testing.B) {
			perCPU(b, func() time.Duration {
				in, out := must(os.Open(path+".sealed"))(b), must(os.Create(path+".out"))(b)
				defer in.Close()
				defer out.Close()
				return ownCPU(func() { must(p.to.Decrypt(out, in, p.recipients(b)))(b) })
			})
		})
	}
}

// benchFile makes a file.
func benchFile(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "file")
	f := must(os.Create(path))(b)
	must(io.CopyN(f, rand.Reader, benchBytes))(b)
	must(0, f.Close())(b)
	return path
}

func sealFile(b *testing.B, p pair, path, dir string) evidence.Sealed {
	b.Helper()
	f := must(os.Open(path))(b)
	defer f.Close()
	return must(evidence.Seal(dir, f, p.certificates(), now))(b)
}

// encryptFile encrypts a file into another.
func encryptFile(b *testing.B, p pair, path string) {
	b.Helper()
	in, out := must(os.Open(path))(b), must(os.Create(path+".sealed"))(b)
	defer in.Close()
	defer out.Close()
	must(pgp.Encrypt(out, in, p.certificates(), now))(b)
}

// perCPU reports how much of the file is done in a second of processor time.
func perCPU(b *testing.B, once func() time.Duration) {
	b.Helper()
	var total time.Duration
	n := 0
	for b.Loop() {
		total += once()
		n++
	}
	b.ReportMetric(float64(benchBytes)*float64(n)/1e6/total.Seconds(), "MB/cpu-s")
}

// ownCPU is the processor time that this process takes for something.
func ownCPU(do func()) time.Duration {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			panic(err) // it has no other reason than a wrong argument
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	do()
	return used() - before
}

// A gnupg is a home of gpg with a key.
type gnupg struct{ home string }

func newGnuPG(b *testing.B) gnupg {
	b.Helper()
	home := must(os.MkdirTemp("", "g"))(b)
	b.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	g := gnupg{home}
	g.run(b, "--passphrase", "", "--quick-generate-key", "bench", "future-default", "default", "never")
	return g
}

// run runs gpg and returns the processor time it took.
func (g gnupg) run(b *testing.B, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command("gpg", append([]string{"--homedir", g.home, "--batch", "--yes", "--quiet", "--trust-model", "always", "--pinentry-mode", "loopback"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("gpg: %v\n%s", err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
