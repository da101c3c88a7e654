package guard_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/pkg/translog"
)

// child names the guard that this test binary, started again, advances.
const child = "ENTRAIDE_TEST_GUARD"

func TestMain(m *testing.M) {
	if path := os.Getenv(child); path != "" {
		if err := count(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// rounds is how often a child advances.
const rounds = 200

// count adds one to the number that the guard holds, again and again, and
// prints each that is durable.
func count(path string) error {
	g, err := guard.Open(path)
	if err != nil {
		return err
	}
	for range rounds {
		var n int
		if err := g.Advance(context.Background(), func(last []byte) (next []byte, err error) {
			n, err = number(last)
			n++
			return text(n), err
		}); err != nil {
			return err
		}
		fmt.Println(n)
	}
	return nil
}

// text is a number in a form that a torn write would spoil.
func text(n int) []byte { return []byte(strings.Repeat(strconv.Itoa(n)+"\n", 500)) }

func number(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	line, _, _ := strings.Cut(string(data), "\n")
	n, err := strconv.Atoi(line)
	if err == nil && string(data) != string(text(n)) {
		err = errors.New("the guard's text is torn")
	}
	return n, err
}

func newGuard(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checkpoint")
	if err := guard.Create(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func last(t *testing.T, path string) int {
	t.Helper()
	g, err := guard.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := g.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := number(data)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func start(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"="+path)
	return cmd
}

// TestTwoProcesses lets two processes advance one guard at once: no step is
// lost.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	path := newGuard(t)
	var running []*exec.Cmd
	for range 2 {
		cmd := start(t, path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if n := last(t, path); n != 2*rounds {
		t.Errorf("two processes advanced the guard %d times each to %d", rounds, n)
	}
}

// TestKill kills a process that advances: the guard holds what was last said to
// be durable, or the next, never less and never half.
func TestKill(t *testing.T) {
	t.Parallel()
	path := newGuard(t)
	for kill := range 10 {
		cmd := start(t, path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said, lines := 0, bufio.NewScanner(out)
		for range 3 + kill {
			if !lines.Scan() {
				t.Fatal("the process ended before it was killed")
			}
			if said, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if n := last(t, path); n < said {
			t.Fatalf("the guard holds %d, and %d was said to be durable", n, said)
		}
	}
}

// TestStates refuses to make a guard twice, to open one that is missing or
// that others may write, and keeps the old text when next fails.
func TestStates(t *testing.T) {
	t.Parallel()
	path := newGuard(t)
	if err := guard.Create(path); !errors.Is(err, guard.ErrExists) {
		t.Errorf("making it twice: %v, want ErrExists", err)
	}
	if _, err := guard.Open(path + "-other"); !errors.Is(err, guard.ErrMissing) {
		t.Errorf("opening none: %v, want ErrMissing", err)
	}
	g, err := guard.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := g.Last(t.Context()); data != nil || err != nil {
		t.Errorf("a new guard holds %q, %v", data, err)
	}
	want := errors.New("refused")
	if err := g.Advance(t.Context(), func([]byte) ([]byte, error) { return []byte("x"), want }); !errors.Is(err, want) {
		t.Errorf("a refused step: %v", err)
	}
	if n := last(t, path); n != 0 {
		t.Errorf("after a refused step the guard holds %d", n)
	}
	if err := os.Chmod(path, 0o622); err != nil {
		t.Fatal(err)
	}
	if _, err := guard.Open(path); !errors.Is(err, guard.ErrExposed) {
		t.Errorf("opening one that others may write: %v, want ErrExposed", err)
	}
}

// TestCancelledLock gives up waiting for the lock with its context, and does
// not keep it.
func TestCancelledLock(t *testing.T) {
	t.Parallel()
	path := newGuard(t)
	g, err := guard.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := guard.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = g.Advance(t.Context(), func([]byte) ([]byte, error) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := other.Advance(ctx, func([]byte) ([]byte, error) { return nil, nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting with an ended context: %v", err)
		}
		return text(1), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Advance(t.Context(), func([]byte) ([]byte, error) { return text(2), nil }); err != nil {
		t.Errorf("after the lock was free: %v", err)
	}
}

// TestCheckExtends is the one rule of signing.
func TestCheckExtends(t *testing.T) {
	t.Parallel()
	small := translog.Checkpoint{Origin: "broker.example/log", Size: 3, Root: translog.Hash{1}}
	large := translog.Checkpoint{Origin: "broker.example/log", Size: 4, Root: translog.Hash{2}}
	other := small
	other.Root[0] = 9
	for name, pair := range map[string][2]translog.Checkpoint{
		"smaller": {large, small}, "another root of the same size": {small, other}, "no proof": {small, large},
	} {
		if err := guard.CheckExtends(pair[0], pair[1], nil); !errors.Is(err, translog.ErrFork) {
			t.Errorf("%s: %v, want ErrFork", name, err)
		}
	}
	if err := guard.CheckExtends(small, small, nil); err != nil {
		t.Errorf("the same tree: %v", err)
	}
}
