package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/internal/store/storetest"
)

// filled, in the environment, makes this test binary a process that fills the
// database it names until it is killed. fileLimit bounds its files, in bytes.
const (
	filled    = "ENTRAIDE_TEST_FILL"
	fileLimit = "ENTRAIDE_TEST_FILE_LIMIT"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(filled); path != "" {
		if err := fill(path); err != nil {
			fmt.Println(errors.Is(err, store.ErrOutcomeUnknown), err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// fill is the process that fills a database.
func fill(path string) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	if limit := os.Getenv(fileLimit); limit != "" {
		bytes, err := strconv.ParseUint(limit, 10, 64)
		if err != nil {
			return err
		}
		signal.Ignore(syscall.SIGXFSZ) // a write beyond the limit is an error then
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: bytes}); err != nil {
			return err
		}
	}
	return storetest.Fill(ctx, db, os.Stdout)
}

// filler starts a process that fills the database at path, and returns it with
// the lines that it writes.
func filler(t *testing.T, path string, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), append(env, filled+"="+path)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	return cmd, bufio.NewScanner(out)
}

// TestKilled kills a process that fills a database, again and again: all that
// it acknowledged is there, and what is there is whole.
func TestKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broker.db")
	var acknowledged, kills int64
	for kills = range 12 {
		cmd, lines := filler(t, path)
		for range 1 + kills*kills {
			if !lines.Scan() {
				t.Fatalf("the process ended by itself: %v", lines.Err())
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for ok := true; ok; ok = lines.Scan() { // what it said before it died
			n, err := strconv.ParseInt(lines.Text(), 10, 64)
			if err != nil {
				break // in the middle of a line
			}
			acknowledged = max(acknowledged, n)
		}
		_ = cmd.Wait() // it was killed
		check(t, path, acknowledged)
	}
	t.Logf("%d entries acknowledged in spite of %d kills", acknowledged, kills+1)
}

// check opens the database and checks what is in it.
func check(t *testing.T, path string, acknowledged int64) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	storetest.CheckFilled(t, db, acknowledged)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFails lets the disk fail under a process that fills a database. It
// must not take the failed commit for one that never was.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broker.db")
	cmd, lines := filler(t, path, fileLimit+"=600000")
	var acknowledged int64
	var last string
	for lines.Scan() {
		last = lines.Text()
		if n, err := strconv.ParseInt(last, 10, 64); err == nil {
			acknowledged = n
		}
	}
	_ = cmd.Wait() // it failed
	if !strings.HasPrefix(last, "true ") {
		t.Errorf("the process ended with %q, want an unknown outcome", last)
	}
	if acknowledged == 0 {
		t.Error("the disk failed too early to show anything")
	}
	check(t, path, acknowledged)
}
