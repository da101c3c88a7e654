package witness_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/translog"
)

const origin = "broker.example/log"

// child names the home that this test binary, started again, serves.
const child = "ENTRAIDE_TEST_WITNESS"

func TestMain(m *testing.M) {
	if home := os.Getenv(child); home != "" {
		if err := serve(home); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve is the witness process of the crash test. It prints its address.
func serve(home string) error {
	w, err := witness.Open(home, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return w.Server().Serve(l)
}

// A testLog is a log whose every tree is at hand. Its history may be rewritten.
type testLog struct {
	t      *testing.T
	signer note.Signer
	vkey   string
	stored []tlog.Hash
	size   int64
}

func newLog(t *testing.T) *testLog {
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

// ReadHashes implements tlog.HashReader.
func (l *testLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, l.stored[i])
	}
	return out, nil
}

func (l *testLog) grow(leaves int, salt string) {
	l.t.Helper()
	for range leaves {
		stored, err := tlog.StoredHashes(l.size, fmt.Appendf(nil, "%s %d", salt, l.size), l)
		l.must(err)
		l.stored = append(l.stored, stored...)
		l.size++
	}
}

func (l *testLog) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// fork is the same log with another history from a size on.
func (l *testLog) fork(size int64) *testLog {
	return &testLog{t: l.t, signer: l.signer, vkey: l.vkey, stored: l.stored[:tlog.StoredHashCount(size):tlog.StoredHashCount(size)], size: size}
}

// at is the checkpoint of a size.
func (l *testLog) at(size int64) (translog.Checkpoint, []byte) {
	l.t.Helper()
	root, err := tlog.TreeHash(size, l)
	l.must(err)
	cp := translog.Checkpoint{Origin: origin, Size: size, Root: root}
	signed, err := cp.Sign(l.signer)
	l.must(err)
	return cp, signed
}

// from is the request to cosign size, proved from old.
func (l *testLog) from(old, size int64) translog.AddCheckpoint {
	l.t.Helper()
	_, signed := l.at(size)
	a := translog.AddCheckpoint{Old: old, Checkpoint: signed}
	if old > 0 && old < size {
		proof, err := tlog.ProveTree(size, old, l)
		l.must(err)
		a.Proof = proof
	}
	return a
}

// opened makes and opens a home that follows the logs.
func opened(t *testing.T, logs ...string) (*witness.Witness, string) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "witness")
	if _, err := witness.Init(home, "witness.example/qz", logs); err != nil {
		t.Fatal(err)
	}
	return reopened(t, home), home
}

func reopened(t *testing.T, home string) *witness.Witness {
	t.Helper()
	w, err := witness.Open(home, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestProtocol holds every answer to c2sp.org/tlog-witness. The witness stands
// at 5 entries before each request (T52).
func TestProtocol(t *testing.T) {
	t.Parallel()
	l, stranger := newLog(t), newLog(t)
	l.grow(9, "leaf")
	stranger.grow(9, "leaf")
	fork := l.fork(3)
	fork.grow(6, "other")
	corrupt := l.from(5, 9)
	corrupt.Proof[0][0] ^= 1
	long := l.from(5, 5)
	long.Proof = append(long.Proof, tlog.Hash{})
	_, foreign := l.at(9)
	for _, tt := range []struct {
		name   string
		body   string
		status int
		want   string // start of the body
	}{
		{"grown", string(l.from(5, 9).Format()), 200, "— witness.example/qz "},
		{"the same again", string(l.from(5, 5).Format()), 200, "— witness.example/qz "},
		{"another old size", string(l.from(4, 9).Format()), 409, "5\n"},
		{"no old size", string(l.from(0, 9).Format()), 409, "5\n"},
		{"rolled back", string(l.from(4, 4).Format()), 409, "5\n"},
		{"rolled back to nothing", string(l.from(0, 0).Format()), 409, "5\n"},
		{"a fork of one size", string(fork.from(5, 5).Format()), 409, "5\n"},
		{"a fork grown", string(fork.from(5, 9).Format()), 422, ""},
		{"a wrong proof", string(corrupt.Format()), 422, ""},
		{"a needless proof", string(long.Format()), 422, ""},
		{"old beyond new", string(l.from(6, 5).Format()), 400, ""},
		{"no request", "old 5\n", 400, ""},
		{"old size spelt otherwise", "old 05\n\n" + string(foreign), 400, ""},
		{"another log", strings.ReplaceAll(string(l.from(5, 9).Format()), origin, "other.example/log"), 404, ""},
		{"another key", string(stranger.from(5, 9).Format()), 403, ""},
		{"no signature", "old 5\n\n" + strings.Split(string(foreign), "\n\n")[0] + "\n\n", 403, ""},
		{"too long", strings.Repeat("x", translog.MaxWitnessBytes+1), 413, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, _ := opened(t, l.vkey)
			if _, err := w.Add(t.Context(), l.from(0, 5)); err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(w.Server().Handler)
			defer server.Close()
			res, err := http.Post(server.URL+"/add-checkpoint", "text/plain", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tt.status || !strings.HasPrefix(string(body), tt.want) {
				t.Errorf("answered %d %q, %v; want %d %q", res.StatusCode, body, err, tt.status, tt.want)
			}
			if tt.status == 409 && res.Header.Get("Content-Type") != "text/x.tlog.size" {
				t.Errorf("a conflict of type %q", res.Header.Get("Content-Type"))
			}
		})
	}
}

// TestAsk follows a log with the client, and reads back what was cosigned.
func TestAsk(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.grow(600, "leaf")
	w, home := opened(t, l.vkey)
	server := httptest.NewServer(w.Server().Handler)
	defer server.Close()
	old := int64(0)
	for _, size := range []int64{0, 1, 2, 255, 256, 257, 600} {
		lines, err := witness.Ask(t.Context(), server.Client(), server.URL, l.from(old, size))
		if err != nil {
			t.Fatalf("%d to %d: %v", old, size, err)
		}
		cp, _ := l.at(size)
		if _, err := translog.ReadCosignature(cp, lines, w.Key()); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
		old = size
	}
	_, err := witness.Ask(t.Context(), server.Client(), server.URL+"/", l.from(0, 600))
	if c, ok := errors.AsType[*witness.Conflict](err); !ok || c.Size != 600 {
		t.Errorf("an old size of 0: %v", err)
	}
	res, err := http.Get(fmt.Sprintf("%s/%x/checkpoint", server.URL, sha256.Sum256([]byte(origin))))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	last, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the last checkpoint: %d, %v", res.StatusCode, err)
	}
	key, err := translog.ParseVerifier(l.vkey)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := translog.OpenCheckpoint(last, origin, key)
	if err != nil || cp.Size != 600 {
		t.Errorf("the last checkpoint is %+v, %v", cp, err)
	}
	if again, err := reopened(t, home).Last(t.Context(), fmt.Sprintf("%x", sha256.Sum256([]byte(origin)))); err != nil || string(again) != string(last) {
		t.Errorf("reopened, it has %q, %v", again, err)
	}
	if _, err := w.Last(t.Context(), "00"); !errors.Is(err, witness.ErrUnknownLog) {
		t.Errorf("an unknown log: %v", err)
	}
}

// TestEvidence keeps a proof that anybody can check of a log that signed two
// trees of one size.
func TestEvidence(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.grow(5, "leaf")
	fork := l.fork(3)
	fork.grow(2, "other")
	w, home := opened(t, l.vkey)
	if _, err := w.Add(t.Context(), l.from(0, 5)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.Add(t.Context(), fork.from(5, 5)); err == nil {
			t.Fatal("a fork was cosigned")
		}
	}
	found, err := filepath.Glob(filepath.Join(home, "evidence", "fork-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("kept %v, %v", found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	proof, err := translog.ParseFork([]byte(strings.TrimSpace(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	key, err := translog.ParseVerifier(l.vkey)
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Check(origin, key); err != nil {
		t.Errorf("the proof does not convict: %v", err)
	}
}

// TestRotation takes checkpoints under the old key, the new and both, and
// under no other.
func TestRotation(t *testing.T) {
	t.Parallel()
	l, next, third := newLog(t), newLog(t), newLog(t)
	l.grow(4, "leaf")
	w, _ := opened(t, l.vkey, next.vkey)
	for i, signers := range [][]note.Signer{{l.signer}, {l.signer, next.signer}, {next.signer}} {
		a := l.from(int64(i), int64(i+1))
		cp, _ := l.at(int64(i + 1))
		var err error
		if a.Checkpoint, err = note.Sign(&note.Note{Text: cp.Text()}, signers...); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(t.Context(), a); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	a := l.from(3, 4)
	cp, _ := l.at(4)
	var err error
	if a.Checkpoint, err = cp.Sign(third.signer); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(t.Context(), a); !errors.Is(err, witness.ErrUntrusted) {
		t.Errorf("a third key: %v", err)
	}
}

// TestLostState does not begin a log again whose state has vanished.
func TestLostState(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	_, home := opened(t, l.vkey)
	if err := os.RemoveAll(filepath.Join(home, "state")); err != nil {
		t.Fatal(err)
	}
	if _, err := witness.Open(home, time.Now, slog.New(slog.DiscardHandler)); !errors.Is(err, guard.ErrMissing) {
		t.Errorf("opened without its state: %v", err)
	}
	if _, err := witness.Open(t.TempDir(), time.Now, slog.New(slog.DiscardHandler)); !errors.Is(err, witness.ErrNoHome) {
		t.Errorf("opened an empty directory: %v", err)
	}
}

// TestRace lets many clients, of two processes' worth of witnesses on one
// home, submit two histories: only one of them is ever cosigned.
func TestRace(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.grow(3, "leaf")
	fork := l.fork(3)
	l.grow(40, "leaf")
	fork.grow(40, "other")
	w, home := opened(t, l.vkey)
	if _, err := w.Add(t.Context(), l.from(0, 3)); err != nil {
		t.Fatal(err)
	}
	witnesses := []*witness.Witness{w, reopened(t, home)}
	var mu sync.Mutex
	cosigned := map[*testLog]int{}
	var wg sync.WaitGroup
	for i, history := range []*testLog{l, fork, l, fork} {
		wg.Go(func() {
			old := int64(3)
			for size := int64(4); size <= 40; size++ {
				_, err := witnesses[i/2].Add(context.Background(), history.from(old, size))
				if c, ok := errors.AsType[*witness.Conflict](err); ok {
					old = c.Size
					continue
				}
				if err != nil {
					continue
				}
				old = size
				mu.Lock()
				cosigned[history]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(cosigned) != 1 {
		t.Errorf("%d histories were cosigned", len(cosigned))
	}
}

// TestKill kills the witness again and again while it cosigns: what it has
// answered, it remembers.
func TestKill(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.grow(1200, "leaf")
	_, home := opened(t, l.vkey)
	acknowledged := int64(0)
	for round := range 12 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+home)
		out, err := cmd.StdoutPipe()
		l.must(err)
		l.must(cmd.Start())
		address, err := bufio.NewReader(out).ReadString('\n')
		l.must(err)
		url := "http://" + strings.TrimSpace(address)
		_, err = witness.Ask(t.Context(), http.DefaultClient, url, l.from(0, 0))
		if c, ok := errors.AsType[*witness.Conflict](err); ok {
			if c.Size < acknowledged || c.Size > acknowledged+1 {
				t.Fatalf("round %d: it stands at %d, and had cosigned %d", round, c.Size, acknowledged)
			}
			acknowledged = c.Size
		} else if err != nil || acknowledged > 0 {
			t.Fatalf("round %d: it has forgotten the %d it had cosigned: %v", round, acknowledged, err)
		}
		killed := make(chan error, 1)
		after := acknowledged + rand.Int64N(20)
		for err = nil; err == nil && acknowledged < l.size; {
			if acknowledged == after {
				go func() { killed <- cmd.Process.Kill() }()
			}
			if _, err = witness.Ask(t.Context(), http.DefaultClient, url, l.from(acknowledged, acknowledged+1)); err == nil {
				acknowledged++
			}
		}
		if acknowledged < after {
			t.Fatalf("round %d: it stopped by itself: %v", round, err)
		}
		l.must(<-killed)
		_ = cmd.Wait()
	}
}
