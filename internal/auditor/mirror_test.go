package auditor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

const origin = "broker.example/log"

// childHome and childSource, in the environment, make this test binary a
// mirror that synchronises once.
const (
	childHome   = "ENTRAIDE_TEST_MIRROR"
	childSource = "ENTRAIDE_TEST_SOURCE"
)

func TestMain(m *testing.M) {
	if home := os.Getenv(childHome); home != "" {
		if err := syncOnce(home, os.Getenv(childSource)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func syncOnce(home, source string) error {
	m, err := auditor.Open(home, auditor.Directory(source))
	if err != nil {
		return err
	}
	_, err = m.Sync(context.Background())
	return errors.Join(err, m.Close(), printPeak())
}

// printPeak prints the KiB of memory that this process had at the most. What a parent
// is told of a child includes its own before the child began (getrusage(2)).
func printPeak() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if peak, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Println(strings.Fields(peak)[0])
			return nil
		}
	}
	return errors.New("no VmHWM in /proc/self/status")
}

// A testLog is a log whose every tree is at hand.
type testLog struct {
	t      testing.TB
	signer note.Signer
	vkey   string
	stored []tlog.Hash
	leaves [][]byte
}

func newLog(t testing.TB) *testLog {
	t.Helper()
	secret, vkey, err := translog.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := translog.ParseSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{t: t, signer: signer, vkey: vkey}
}

func (l *testLog) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// ReadHashes implements tlog.HashReader.
func (l *testLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = l.stored[index]
	}
	return out, nil
}

// grow appends leaves of 33 bytes.
func (l *testLog) grow(count int, salt string) *testLog {
	l.t.Helper()
	for range count {
		leaf := fmt.Appendf(nil, "%-10.10s%023d", salt, len(l.leaves))
		stored, err := tlog.StoredHashes(int64(len(l.leaves)), leaf, l)
		l.must(err)
		l.stored, l.leaves = append(l.stored, stored...), append(l.leaves, leaf)
	}
	return l
}

// fork is the same log with another history from a size on.
func (l *testLog) fork(size int) *testLog {
	count := tlog.StoredHashCount(int64(size))
	return &testLog{t: l.t, signer: l.signer, vkey: l.vkey, stored: l.stored[:count:count], leaves: l.leaves[:size:size]}
}

// read returns tree hashes as a store does.
func (l *testLog) read(_ context.Context, level int, from, to int64) ([]translog.Hash, error) {
	var out []translog.Hash
	for i := from; i < to; i++ {
		out = append(out, l.stored[tlog.StoredHashIndex(8*level, i)])
	}
	return out, nil
}

// publish writes the log as static files.
func (l *testLog) publish(dir string) {
	l.t.Helper()
	size := int64(len(l.leaves))
	root, err := tlog.TreeHash(size, l)
	l.must(err)
	signed, err := translog.Checkpoint{Origin: origin, Size: size, Root: root}.Sign(l.signer)
	l.must(err)
	l.must(translog.Export(l.t.Context(), dir, translog.Source{
		Checkpoint: signed, Size: size, VerifierKey: l.vkey, Hashes: l.read,
		Leaves: func(_ context.Context, from, to int64) ([][]byte, error) { return l.leaves[from:to], nil },
	}))
}

// mirror makes a mirror of the log.
func (l *testLog) mirror(source auditor.Source) (*auditor.Mirror, string) {
	l.t.Helper()
	home := filepath.Join(l.t.TempDir(), "mirror")
	l.must(auditor.Create(home, l.broker()))
	return l.open(home, source), home
}

func (l *testLog) broker() wire.Broker {
	return wire.Broker{URL: "https://broker.example", Transport: strings.Repeat("0", 64), Origin: origin, LogKey: l.vkey, Depositary: "00"}
}

func (l *testLog) open(home string, source auditor.Source) *auditor.Mirror {
	l.t.Helper()
	m, err := auditor.Open(home, source)
	l.must(err)
	l.t.Cleanup(func() { m.Close() })
	return m
}

// same compares the log's files of two directories.
func (l *testLog) same(published, mirrored string) {
	l.t.Helper()
	size := int64(len(l.leaves))
	for level := 0; size>>(8*level) > 0; level++ {
		width := size >> (8 * level)
		for n := int64(0); n*256 < width; n++ {
			p := translog.Path{Level: level, N: n, Width: int(min(256, width-n*256))}
			for _, p.Entries = range []bool{false, level == 0} {
				a, err := os.ReadFile(filepath.Join(published, p.String()))
				l.must(err)
				b, err := os.ReadFile(filepath.Join(mirrored, p.String()))
				if err != nil || !bytes.Equal(a, b) {
					l.t.Fatalf("%s differs: %v", p, err)
				}
			}
		}
	}
}

// TestMirror follows a log through sizes around every border of tiles, over
// HTTP, reopened each time: the mirror is the published log, file by file.
func TestMirror(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	published := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(published)))
	defer server.Close()
	home := filepath.Join(t.TempDir(), "mirror")
	l.must(auditor.Create(home, l.broker()))
	before := int64(0)
	for _, size := range []int{1, 2, 255, 256, 257, 511, 512, 600, 600, 66_000, 66_100} {
		l.grow(size-len(l.leaves), "leaf").publish(published)
		m := l.open(home, auditor.Web(server.URL+"/"))
		r, err := m.Sync(t.Context())
		if err != nil || r.Size != int64(size) || r.Before != before || r.Witnessed {
			t.Fatalf("size %d: %+v, %v", size, r, err)
		}
		before = r.Size
		l.same(published, home)
		if n, err := m.Check(t.Context()); err != nil || n != int64(size) {
			t.Errorf("size %d: checked %d, %v", size, n, err)
		}
		l.must(m.Close())
	}
	// Of the partial tiles, only those of the last size stay: entries, and one
	// at each of three levels.
	partial := 0
	l.must(filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(filepath.Dir(path), ".p") {
			partial++
		}
		return err
	}))
	if partial != 4 {
		t.Errorf("%d partial tiles, want 4", partial)
	}
}

// A change is something that goes wrong with a published log of 700 entries of
// which the mirror has 300.
var changes = []struct {
	name   string
	change func(l *testLog, dir string) *testLog // returns the log as it is published then
	want   error
	where  string
}{
	{"nothing", func(l *testLog, _ string) *testLog { return l }, nil, ""},
	{"fork before the mirror's end", func(l *testLog, _ string) *testLog { return l.fork(100).grow(600, "other") }, auditor.ErrFork, "300 and 700"},
	{"fork of the same size", func(l *testLog, _ string) *testLog { return l.fork(299).grow(1, "other") }, auditor.ErrFork, "300 and 300"},
	{"fork, smaller", func(l *testLog, _ string) *testLog { return l.fork(100).grow(50, "other") }, auditor.ErrFork, "300 and 150"},
	{"restored from a backup", func(l *testLog, _ string) *testLog { return l.fork(200) }, auditor.ErrRewind, "200 entries, and 300"},
	{"bundle missing", func(l *testLog, dir string) *testLog { return l.without(dir, "tile/entries/001") }, auditor.ErrGap, "256 to 511"},
	{"last bundle missing", func(l *testLog, dir string) *testLog { return l.without(dir, "tile/entries/002.p/188") }, auditor.ErrGap, "512 to 699"},
	{"tile missing", func(l *testLog, dir string) *testLog { return l.without(dir, "tile/0/001") }, auditor.ErrGap, "tile/0/001"},
	{"new entry altered", func(l *testLog, dir string) *testLog { return l.flipped(dir, "tile/entries/001", 35*200+5) }, auditor.ErrAltered, "entry 456"},
	{"old entry altered", func(l *testLog, dir string) *testLog { return l.flipped(dir, "tile/entries/001", 35*10+5) }, auditor.ErrAltered, "entry 266"},
	{"hash altered", func(l *testLog, dir string) *testLog { return l.flipped(dir, "tile/0/001", 32*10) }, auditor.ErrAltered, "tiles"},
	{"new hash altered", func(l *testLog, dir string) *testLog { return l.flipped(dir, "tile/0/002.p/188", 32*10) }, auditor.ErrAltered, "tiles"},
	{"bundle cut short", func(l *testLog, dir string) *testLog { return l.cut(dir, "tile/entries/001") }, auditor.ErrAltered, "256 to 511"},
	{"checkpoint altered", func(l *testLog, dir string) *testLog { return l.flipped(dir, "checkpoint", len(origin)+1) }, auditor.ErrAltered, "checkpoint"},
	{"checkpoint of another key", func(l *testLog, _ string) *testLog { o := newLog(l.t); return o.grow(700, "leaf") }, auditor.ErrAltered, "checkpoint"},
}

// edit publishes the log and changes one of its files.
func (l *testLog) edit(dir, path string, change func([]byte) []byte) *testLog {
	l.t.Helper()
	l.publish(dir)
	name := filepath.Join(dir, filepath.FromSlash(path))
	data, err := os.ReadFile(name)
	l.must(err)
	l.must(os.Remove(name))
	if data = change(data); data != nil {
		l.must(os.WriteFile(name, data, 0o600))
	}
	return nil
}

func (l *testLog) without(dir, path string) *testLog {
	return l.edit(dir, path, func([]byte) []byte { return nil })
}

func (l *testLog) cut(dir, path string) *testLog {
	return l.edit(dir, path, func(b []byte) []byte { return b[:len(b)-1] })
}

func (l *testLog) flipped(dir, path string, at int) *testLog {
	return l.edit(dir, path, func(b []byte) []byte { b[at] ^= 1; return b })
}

// TestFindings changes a log in every way that its operator, or whoever serves
// its files, can: each is found and located, the trusted checkpoint stays, and
// when the log is whole again the mirror goes on.
func TestFindings(t *testing.T) {
	t.Parallel()
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t).grow(300, "leaf")
			published := t.TempDir()
			l.publish(published)
			m, home := l.mirror(auditor.Directory(published))
			if _, err := m.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			small := l.fork(300)
			l.grow(400, "leaf")
			changed := published + "-changed"
			var log *testLog
			if strings.Contains(tt.name, "same size") || strings.Contains(tt.name, "smaller") || strings.Contains(tt.name, "restored") {
				log = tt.change(small, changed)
			} else {
				log = tt.change(l, changed)
			}
			if log != nil {
				log.publish(changed)
			}
			l.must(m.Close())
			m = l.open(home, auditor.Directory(changed))
			_, err := m.Sync(t.Context())
			if !errors.Is(err, tt.want) || tt.want != nil && (!errors.Is(err, verify.ErrMisbehaviour) || !strings.Contains(err.Error(), tt.where)) {
				t.Fatalf("found %v, want %v at %q", err, tt.want, tt.where)
			}
			if errors.Is(err, auditor.ErrFork) {
				l.convicts(home)
			}
			l.publish(published)
			l.must(m.Close())
			m = l.open(home, auditor.Directory(published))
			if r, err := m.Sync(t.Context()); err != nil || r.Size != 700 {
				t.Errorf("when the log is whole again: %+v, %v", r, err)
			}
			l.same(published, home)
		})
	}
}

// convicts checks the proof that the mirror kept.
func (l *testLog) convicts(home string) {
	l.t.Helper()
	found, err := filepath.Glob(filepath.Join(home, "evidence", "fork-*.json"))
	if err != nil || len(found) != 1 {
		l.t.Fatalf("kept %v, %v", found, err)
	}
	text, err := os.ReadFile(found[0])
	l.must(err)
	fork, err := translog.ParseFork(bytes.TrimSpace(text))
	l.must(err)
	key, err := translog.ParseVerifier(l.vkey)
	l.must(err)
	if err := fork.Check(origin, key); err != nil {
		l.t.Errorf("the proof does not convict: %v", err)
	}
}

// TestUnreachable is no evidence of anything.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	l := newLog(t).grow(10, "leaf")
	server := httptest.NewServer(http.NotFoundHandler())
	m, home := l.mirror(auditor.Web(server.URL))
	server.Close()
	if _, err := m.Sync(t.Context()); err == nil || errors.Is(err, verify.ErrMisbehaviour) {
		t.Errorf("nobody answers: %v", err)
	}
	if _, err := auditor.Open(home, auditor.Directory(home)); !errors.Is(err, auditor.ErrBusy) {
		t.Errorf("opened twice: %v", err)
	}
	if _, err := auditor.Open(t.TempDir(), auditor.Directory(home)); !errors.Is(err, auditor.ErrNoHome) {
		t.Errorf("opened nothing: %v", err)
	}
	other := newLog(t)
	if err := auditor.Create(home, other.broker()); err == nil {
		t.Error("the mirror was given another log")
	}
}

// TestOwnFiles finds and locates a change in the mirror's own files, which is
// no evidence against the log.
func TestOwnFiles(t *testing.T) {
	t.Parallel()
	l := newLog(t).grow(600, "leaf")
	published := t.TempDir()
	l.publish(published)
	m, home := l.mirror(auditor.Directory(published))
	_, err := m.Sync(t.Context())
	l.must(err)
	name := filepath.Join(home, "tile", "entries", "001")
	data, err := os.ReadFile(name)
	l.must(err)
	data[35*4+10] ^= 1
	l.must(os.WriteFile(name, data, 0o600))
	if _, err := m.Check(t.Context()); err == nil || errors.Is(err, verify.ErrMisbehaviour) || !strings.Contains(err.Error(), "entry 260") {
		t.Errorf("found %v", err)
	}
}

// TestKill kills a mirror again and again: it goes on where it was, and ends
// as if it had never been killed.
func TestKill(t *testing.T) {
	t.Parallel()
	const size = 150_000
	l := newLog(t).grow(300, "leaf")
	published, home := t.TempDir(), filepath.Join(t.TempDir(), "mirror")
	l.publish(published)
	l.must(auditor.Create(home, l.broker()))
	m := l.open(home, auditor.Directory(published))
	_, err := m.Sync(t.Context())
	l.must(err)
	l.must(m.Close())
	l.grow(size-300, "leaf").publish(published)
	tiles := func() int {
		found, err := filepath.Glob(filepath.Join(home, "tile", "*", "*"))
		l.must(err)
		return len(found)
	}
	before, killed, amidst := tiles(), 0, 0
	for done := false; !done; {
		// The first is killed before any machine is through, and each later one has more time.
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(20)+20*killed)*time.Millisecond)
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), childHome+"="+home, childSource+"="+published)
		var out bytes.Buffer
		cmd.Stderr = &out
		switch err := cmd.Run(); {
		case err == nil:
			done = true
		case ctx.Err() == nil:
			t.Fatalf("%v: %s", err, out.String())
		default:
			killed++
			if tiles() > before {
				amidst++
			}
		}
		cancel()
	}
	l.same(published, home)
	m = l.open(home, auditor.Directory(published))
	if n, err := m.Check(t.Context()); err != nil || n != size {
		t.Errorf("checked %d, %v", n, err)
	}
	if amidst == 0 {
		t.Error("it was never killed amidst its work")
	}
	t.Logf("killed %d times, %d of them amidst its work", killed, amidst)
}

// BenchmarkMirror mirrors a log of a million entries in a process of its own, and
// reports what that took of a processor and of memory.
func BenchmarkMirror(b *testing.B) {
	const size = 1_000_000
	l := newLog(b).grow(size, "leaf")
	published := b.TempDir()
	l.publish(published)
	var used, resident float64
	var home string
	for b.Loop() {
		home = filepath.Join(b.TempDir(), "mirror")
		l.must(auditor.Create(home, l.broker()))
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childHome+"="+home, childSource+"="+published)
		out, err := cmd.Output()
		l.must(err)
		used += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
		peak, err := strconv.Atoi(strings.TrimSpace(string(out)))
		l.must(err)
		resident = max(resident, float64(peak)/1024)
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(used/float64(b.N), "cpu-s")
	b.ReportMetric(resident, "resident-MiB")
	l.same(published, home)
}

// BenchmarkProof makes the proof that one entry of a million is in
// the log, from its published files.
func BenchmarkProof(b *testing.B) {
	const size = 1_000_000
	l := newLog(b).grow(size, "leaf")
	published := b.TempDir()
	l.publish(published)
	signed, err := os.ReadFile(filepath.Join(published, "checkpoint"))
	l.must(err)
	text, _, _ := strings.Cut(string(signed), "\n\n")
	cp, err := translog.ParseCheckpoint(text + "\n")
	l.must(err)
	hashes := translog.TileReader(cp, auditor.Directory(published))
	for index := int64(0); b.Loop(); index = (index + 7919*61) % size {
		if _, err := translog.ProveInclusion(b.Context(), index, size, hashes); err != nil {
			b.Fatal(err)
		}
	}
}
