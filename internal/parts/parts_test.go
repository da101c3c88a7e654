package parts_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/entraide/entraide/internal/parts"
	"github.com/entraide/entraide/internal/testkit/loopback"
)

// Test identities of the service, which listens on loopback while a test runs.
const (
	accessKey = "entraide-test"
	secretKey = "not-a-secret-but-long-enough"
)

// files opens a new directory.
func files(t testing.TB) parts.Store {
	t.Helper()
	f, err := parts.OpenFiles(t.TempDir(), time.Now())
	must(t, err)
	return f
}

// s3 opens a new bucket of the service.
func s3(t testing.TB) parts.Store {
	t.Helper()
	_, s := service(t)
	return s
}

// service starts the service of somebody else and opens a new bucket in it.
func service(t testing.TB) (address string, s parts.Store) {
	t.Helper()
	program := os.Getenv("ENTRAIDE_VERSITYGW")
	if program == "" {
		t.Fatal("ENTRAIDE_VERSITYGW is not set: run go run ./internal/check, which builds the program")
	}
	host, _, err := loopback.Free()
	must(t, err)
	cmd := exec.Command(program, "--port", host, "--access", accessKey, "--secret", secretKey, "--quiet", "posix",
		"--sidecar", t.TempDir(), t.TempDir())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	client, err := minio.New(host, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, "")})
	must(t, err)
	for deadline := time.Now().Add(20 * time.Second); ; {
		if err = client.MakeBucket(t.Context(), "evidence", minio.MakeBucketOptions{}); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v\n%s", err, out.String())
		}
	}
	address = "http://" + host + "/evidence/sealed"
	s, err = parts.OpenS3(t.Context(), address, accessKey, secretKey)
	must(t, err)
	return address, s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sample returns bytes that nobody has guessed, and their digest.
func sample(n int) (data []byte, digest string) {
	data = make([]byte, n)
	random := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = random.Read(data)
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:])
}

// set is the name of a set.
var set = strings.Repeat("5e", 32)

func put(t testing.TB, s parts.Store, set string, data []byte, digest string) {
	t.Helper()
	must(t, s.Put(t.Context(), set, digest, int64(len(data)), bytes.NewReader(data)))
}

// TestStore holds files and a service to what is promised of both.
func TestStore(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) parts.Store{"files": files, "s3": s3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			for name, test := range map[string]func(*testing.T, parts.Store){
				"round trip": testRoundTrip, "refuses": testRefuses, "names": testNames, "two at once": testTwoAtOnce,
				"sets": testSets, "cancelled": testCancelled, "ranges": testRanges, "slow": testSlow,
			} {
				t.Run(name, func(t *testing.T) { test(t, s) })
			}
			must(t, s.Check(t.Context()))
		})
	}
}

func testRoundTrip(t *testing.T, s parts.Store) {
	for _, n := range []int{1, 100, 64 << 10, 64<<10 + 1, parts.MaxBytes} {
		data, digest := sample(n)
		put(t, s, set, data, digest)
		put(t, s, set, data, digest) // as a second uploader would
		if size, err := s.Stat(t.Context(), set, digest); err != nil || size != int64(n) {
			t.Errorf("%d bytes: Stat = %d, %v", n, size, err)
		}
		part, err := s.Open(t.Context(), set, digest)
		must(t, err)
		got, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
		_, err = part.Seek(int64(n/2), io.SeekStart)
		must(t, err)
		if got, err = io.ReadAll(part); err != nil || !bytes.Equal(got, data[n/2:]) {
			t.Errorf("%d bytes: from the middle, %d came back, %v", n, len(got), err)
		}
		must(t, part.Close())
	}
}

func testRefuses(t *testing.T, s parts.Store) {
	data, digest := sample(200_000)
	flipped := bytes.Clone(data)
	flipped[199_999] ^= 1
	broken := errors.New("the line broke")
	for _, tt := range []struct {
		name string
		size int64
		in   io.Reader
		want error
	}{
		{"flipped", 200_000, bytes.NewReader(flipped), parts.ErrDigest},
		{"short", 200_000, bytes.NewReader(data[:199_999]), parts.ErrSize},
		{"long", 200_000, bytes.NewReader(append(bytes.Clone(data), 0)), parts.ErrSize},
		{"nothing", 200_000, strings.NewReader(""), parts.ErrSize},
		{"of no size", 0, strings.NewReader(""), parts.ErrSize},
		{"too large", parts.MaxBytes + 1, bytes.NewReader(data), parts.ErrSize},
		{"broken off", 200_000, io.MultiReader(bytes.NewReader(data[:100_000]), iotest.ErrReader(broken)), broken},
	} {
		if err := s.Put(t.Context(), set, digest, tt.size, tt.in); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if _, err := s.Stat(t.Context(), set, digest); !errors.Is(err, parts.ErrNotFound) {
			t.Errorf("%s: something was kept: %v", tt.name, err)
		}
	}
	if _, err := s.Open(t.Context(), set, digest); !errors.Is(err, parts.ErrNotFound) {
		t.Errorf("Open: %v", err)
	}
}

func testNames(t *testing.T, s parts.Store) {
	data, digest := sample(10)
	for _, name := range []string{"", "x", "../" + digest, strings.ToUpper(digest), digest + "0", digest[:63] + "/", digest[:62] + "\x00a"} {
		for _, err := range []error{
			s.Put(t.Context(), set, name, 10, bytes.NewReader(data)), s.Put(t.Context(), name, digest, 10, bytes.NewReader(data)),
			second(s.Stat(t.Context(), set, name)), second(s.Open(t.Context(), name, digest)), s.RemoveSet(t.Context(), name),
		} {
			if !errors.Is(err, parts.ErrName) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func testTwoAtOnce(t *testing.T, s parts.Store) {
	data, digest := sample(3 << 20)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := s.Put(t.Context(), set, digest, int64(len(data)), bytes.NewReader(data)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	part, err := s.Open(t.Context(), set, digest)
	must(t, err)
	defer part.Close()
	if got, err := io.ReadAll(part); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func testSets(t *testing.T, s parts.Store) {
	data, digest := sample(1000)
	other := strings.Repeat("07", 32)
	put(t, s, set, data, digest)
	put(t, s, other, data, digest)
	sets := func() (all []string) {
		must(t, s.Sets(t.Context(), func(set string) error {
			all = append(all, set)
			return nil
		}))
		slices.Sort(all)
		return all
	}
	if got := sets(); !slices.Equal(got, []string{other, set}) {
		t.Errorf("the sets are %q", got)
	}
	stop := errors.New("stop")
	if err := s.Sets(t.Context(), func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Sets: %v", err)
	}
	for range 2 { // what is not there is removed too
		must(t, s.RemoveSet(t.Context(), set))
	}
	if _, err := s.Stat(t.Context(), set, digest); !errors.Is(err, parts.ErrNotFound) {
		t.Errorf("after removing its set: %v", err)
	}
	if size, err := s.Stat(t.Context(), other, digest); err != nil || size != 1000 {
		t.Errorf("the like part of another set: %d, %v", size, err)
	}
	must(t, s.RemoveSet(t.Context(), other))
	if got := sets(); len(got) > 0 {
		t.Errorf("left are %q", got)
	}
}

func testCancelled(t *testing.T, s parts.Store) {
	data, digest := sample(1 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	in := io.MultiReader(bytes.NewReader(data[:500_000]), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, nil
	}), bytes.NewReader(data[500_000:]))
	if err := s.Put(ctx, set, digest, int64(len(data)), in); err == nil {
		t.Error("cancelled, it was put all the same")
	}
	if _, err := s.Stat(t.Context(), set, digest); !errors.Is(err, parts.ErrNotFound) {
		t.Errorf("something was kept: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

// Read implements io.Reader: once empty, then at its end.
func (f readerFunc) Read(b []byte) (int, error) {
	n, err := f(b)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// TestNoRoom: what does not fit is refused and leaves nothing. The child may not
// write files of more than 100 KiB.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := child(t, "full", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	empty(t, dir)
}

// TestKilled: what a killed process was writing is nowhere to be seen, and is
// removed once it is old.
func TestKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := child(t, "hang", dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	s, err := parts.OpenFiles(dir, time.Now().Add(48*time.Hour))
	must(t, err)
	must(t, s.Sets(t.Context(), func(set string) error { return fmt.Errorf("there is a set %s", set) }))
	empty(t, dir)
}

// empty checks that there is no file in a directory.
func empty(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left is %s", path)
		}
		return err
	}))
}

// child runs this test binary as a process that does something in a directory.
func child(t *testing.T, what, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ENTRAIDE_TEST_PARTS="+what, "ENTRAIDE_TEST_DIR="+dir)
	return cmd
}

func TestMain(m *testing.M) {
	what, dir := os.Getenv("ENTRAIDE_TEST_PARTS"), os.Getenv("ENTRAIDE_TEST_DIR")
	if what == "" {
		os.Exit(m.Run())
	}
	if err := act(what, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// act is what a child does, in a directory or at the address of a service.
func act(what, dir string) (err error) {
	if what == "no inodes" {
		return noInodes(dir)
	}
	var s parts.Store
	if what == "hang s3" {
		s, err = parts.OpenS3(context.Background(), dir, accessKey, secretKey)
	} else {
		s, err = parts.OpenFiles(dir, time.Now())
	}
	if err != nil {
		return err
	}
	data, digest := sample(1 << 20)
	if what == "full" {
		limit := &syscall.Rlimit{Cur: 100 << 10, Max: 100 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, limit); err != nil {
			return err
		}
		if err := s.Put(context.Background(), set, digest, 1<<20, bytes.NewReader(data)); !errors.Is(err, parts.ErrFull) {
			return fmt.Errorf("a part without room: %w", err)
		}
		return nil
	}
	block := make(chan struct{})
	return s.Put(context.Background(), set, digest, 1<<20, io.MultiReader(bytes.NewReader(data[:500_000]), readerFunc(func([]byte) (int, error) {
		fmt.Print("x")
		<-block
		return 0, nil
	})))
}

// BenchmarkPut puts parts of full size.
func BenchmarkPut(b *testing.B) {
	data, digest := sample(parts.MaxBytes)
	for name, open := range map[string]func(testing.TB) parts.Store{"files": files, "s3": s3} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			b.SetBytes(parts.MaxBytes)
			for b.Loop() {
				put(b, s, set, data, digest)
			}
		})
	}
}
