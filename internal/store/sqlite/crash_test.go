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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/internal/store/storetest"
)

// filled, in the environment, makes this test binary a process that fills the
// database it names until it is killed. fileLimit bounds its files, in bytes. persists
// is how many entries it appends one by one, whatever is refused.
const (
	filled    = "ENTRAIDE_TEST_FILL"
	fileLimit = "ENTRAIDE_TEST_FILE_LIMIT"
	persists  = "ENTRAIDE_TEST_PERSIST"
)

// refused is the line of a process that persists for what it could not append.
const refused = "refused"

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
	if entries := os.Getenv(persists); entries != "" {
		return persist(ctx, db, entries)
	}
	return storetest.Fill(ctx, db, os.Stdout)
}

// persist appends entries one by one, and says which were refused.
func persist(ctx context.Context, db *sqlite.DB, entries string) error {
	left, err := strconv.Atoi(entries)
	if err != nil {
		return err
	}
	for size := 0; left > 0; left-- {
		switch err := storetest.Grow(ctx, db, 1); {
		case err == nil:
			size++
			fmt.Println(size)
		case errors.Is(err, store.ErrOutcomeUnknown):
			return err
		default:
			fmt.Println(refused, err)
		}
	}
	return nil
}

// filler starts a process that fills the database at path, and returns the lines that
// it writes.
func filler(t *testing.T, cmd *exec.Cmd, path string, env ...string) *bufio.Scanner {
	t.Helper()
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
	return bufio.NewScanner(out)
}

// TestKilled kills a process that fills a database, again and again: all that
// it acknowledged is there, and what is there is whole.
func TestKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "broker.db")
	var acknowledged, kills int64
	for kills = range 12 {
		cmd := exec.Command(os.Args[0])
		lines := filler(t, cmd, path)
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

// check opens the database, checks what is in it, and returns how many entries it has.
func check(t *testing.T, path string, acknowledged int64) (entries int64) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	entries = storetest.CheckFilled(t, db, acknowledged)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return entries
}

// TestDiskFails lets the disk fail under a process that fills a database: it takes no
// more, or does not make durable what it took (T51). A failed commit must not be taken
// for one that never was.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	t.Run("full", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "broker.db")
		failed(t, path, exec.Command(os.Args[0]), fileLimit+"=600000")
	})
	t.Run("fsync", func(t *testing.T) {
		t.Parallel()
		strace := faults(t)
		path := filepath.Join(t.TempDir(), "broker.db")
		failed(t, path, exec.Command(strace, "-f", "-qqq", "-o", os.DevNull, "-e", "trace=fsync,fdatasync",
			"-e", "inject=fsync,fdatasync:error=EIO:when=60+", os.Args[0]))
	})
}

// TestDurableFirst looks at what a process asks of its system (T51): before each
// acknowledgement the disk has said that what was written is durable.
func TestDurableFirst(t *testing.T) {
	t.Parallel()
	const entries = 30
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	cmd := exec.Command(faults(t), "-f", "-qqq", "-o", calls, "-e", "trace=fsync,fdatasync,write", os.Args[0])
	said := 0
	for lines := filler(t, cmd, filepath.Join(dir, "broker.db"), persists+"="+strconv.Itoa(entries)); lines.Scan(); {
		said++
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	durable, acknowledged := false, 0
	for line := range strings.Lines(string(content(t, calls))) {
		switch {
		case strings.Contains(line, "sync") && strings.HasSuffix(line, "= 0\n"):
			durable = true
		case strings.Contains(line, " write(1, "):
			acknowledged++
			if !durable {
				t.Errorf("acknowledgement %d came before its entry was durable", acknowledged)
			}
			durable = false
		}
	}
	if acknowledged != entries || said != entries {
		t.Errorf("%d acknowledgements of %d were seen, and %d heard", acknowledged, entries, said)
	}
}

// TestDiskFullForAWhile leaves no room on the disk for a while (T39): what is written
// then is refused, and known to be; when there is room again, the same process goes on.
func TestDiskFullForAWhile(t *testing.T) {
	t.Parallel()
	strace := faults(t)
	path := filepath.Join(t.TempDir(), "broker.db")
	lines := filler(t, exec.Command(strace, "-f", "-qqq", "-o", os.DevNull, "-e", "trace=pwrite64",
		"-e", "inject=pwrite64:error=ENOSPC:when=200..205", os.Args[0]), path, persists+"=300")
	var acknowledged int64
	var before, during, after int
	for lines.Scan() {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		switch {
		case err != nil && strings.HasPrefix(lines.Text(), refused) && strings.Contains(lines.Text(), "full"):
			during++
		case err != nil:
			t.Errorf("the process said %q", lines.Text())
		case during == 0:
			acknowledged, before = n, before+1
		default:
			acknowledged, after = n, after+1
		}
	}
	t.Logf("%d entries before the disk was full, %d refused, %d after", before, during, after)
	if before == 0 || during == 0 || after == 0 {
		t.Error("nothing was shown")
	}
	if entries := check(t, path, acknowledged); entries != acknowledged {
		t.Errorf("the log has %d entries, of which %d were acknowledged", entries, acknowledged)
	}
}

// faults returns the program that has the system calls of another fail.
func faults(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the race detector sees nothing in other processes")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	return strace
}

// failed has a process fill a database until its disk fails.
func failed(t *testing.T, path string, cmd *exec.Cmd, env ...string) {
	t.Helper()
	lines := filler(t, cmd, path, env...)
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

// TestPowerCut leaves of the write-ahead log what was made durable when a number of
// entries was acknowledged, and of the rest as much as a disk may that loses its power:
// nothing, a piece, or a piece and noughts (T51). What was acknowledged is there, and
// what is there is whole.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	live, cut := filepath.Join(dir, "live.db"), filepath.Join(dir, "cut.db")
	db, err := sqlite.Open(t.Context(), live)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	durable := []int64{} // the size of the log when the n-th entry was acknowledged
	for range 12 {
		if err := storetest.Grow(t.Context(), db, 1); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(live + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		durable = append(durable, info.Size())
	}
	main, wal := content(t, live), content(t, live+"-wal")
	if int64(len(wal)) <= durable[0] {
		t.Fatal("the log does not grow: nothing can be cut off")
	}
	for n, size := range durable {
		next := int64(len(wal))
		if n+1 < len(durable) {
			next = durable[n+1]
		}
		for _, kept := range []int64{size, size + (next-size)/3, next - min(1, next-size)} {
			for _, noughts := range []int64{0, next - kept} {
				for file, data := range map[string][]byte{cut: main, cut + "-wal": slices.Concat(wal[:kept], make([]byte, noughts))} {
					if err := os.WriteFile(file, data, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if entries := check(t, cut, int64(n+1)); entries != int64(n+1) {
					t.Errorf("%d entries of which %d can be whole", entries, n+1)
				}
			}
		}
	}
}

// content returns what is in a file.
func content(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
