package parts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/parts"
)

func testRanges(t *testing.T, s parts.Store) {
	data, digest := sample(300_000)
	put(t, s, set, data, digest)
	for _, tt := range []struct {
		ask    string
		status int
		want   []byte
	}{
		{"", http.StatusOK, data},
		{"bytes=100000-200000", http.StatusPartialContent, data[100_000:200_001]},
		{"bytes=-5", http.StatusPartialContent, data[299_995:]},
		{"bytes=300000-", http.StatusRequestedRangeNotSatisfiable, nil},
	} {
		part, err := s.Open(t.Context(), set, digest)
		must(t, err)
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		r.Header.Set("Range", tt.ask)
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, part)
		must(t, part.Close())
		if w.Code != tt.status || tt.want != nil && !bytes.Equal(w.Body.Bytes(), tt.want) {
			t.Errorf("%q: %d and %d bytes", tt.ask, w.Code, w.Body.Len())
		}
	}
	must(t, s.RemoveSet(t.Context(), set))
}

// testSlow: while a part is on its way, the one that is there is read, and a
// reader keeps what he has begun to read.
func testSlow(t *testing.T, s parts.Store) {
	data, digest := sample(400_000)
	put(t, s, set, data, digest)
	reading, err := s.Open(t.Context(), set, digest)
	must(t, err)
	defer reading.Close()
	head := make([]byte, 1000)
	_, err = io.ReadFull(reading, head)
	must(t, err)

	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- s.Put(t.Context(), set, digest, int64(len(data)), in) }()
	_, err = out.Write(data[:300_000])
	must(t, err)
	if size, err := s.Stat(t.Context(), set, digest); err != nil || size != int64(len(data)) {
		t.Errorf("while it is written again: %d, %v", size, err)
	}
	_, err = out.Write(data[300_000:])
	must(t, err)
	must(t, out.Close())
	must(t, <-done)

	rest, err := io.ReadAll(reading)
	if err != nil || !bytes.Equal(slices.Concat(head, rest), data) {
		t.Errorf("a reader lost what he read: %d bytes, %v", len(rest), err)
	}
	must(t, s.RemoveSet(t.Context(), set))
}

// TestMemory: a part is never in memory. Not parallel: it counts what the whole
// process takes.
func TestMemory(t *testing.T) {
	data, digest := sample(parts.MaxBytes)
	for name, open := range map[string]func(testing.TB) parts.Store{"files": files, "s3": s3} {
		s := open(t)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		put(t, s, set, data, digest)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > parts.MaxBytes/4 {
			t.Errorf("%s: %d bytes were allocated for a part of %d", name, took, parts.MaxBytes)
		}
	}
}

// TestShared: a broker that opens the directory leaves alone what another is
// writing there.
func TestShared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := parts.OpenFiles(dir, time.Now())
	must(t, err)
	data, digest := sample(100_000)
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- s.Put(t.Context(), set, digest, int64(len(data)), in) }()
	_, err = out.Write(data[:50_000])
	must(t, err)
	other, err := parts.OpenFiles(dir, time.Now())
	must(t, err)
	_, err = out.Write(data[50_000:])
	must(t, err)
	must(t, out.Close())
	must(t, <-done)
	if size, err := other.Stat(t.Context(), set, digest); err != nil || size != int64(len(data)) {
		t.Errorf("%d, %v", size, err)
	}
}

// TestNoRoomForSet: a disk that takes the part and not the directory of its set
// is full too.
func TestNoRoomForSet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := child(t, "no inodes", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this system gives no name spaces to its users")
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// noInodes fills a disk that has room for four names: its root, what is
// incoming, a part, the directory that sets are in; and none for the set.
func noInodes(dir string) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,nr_inodes=4"); err != nil {
		return err
	}
	s, err := parts.OpenFiles(dir, time.Now())
	if err != nil {
		return err
	}
	data, digest := sample(10)
	if err := s.Put(context.Background(), set, digest, 10, bytes.NewReader(data)); !errors.Is(err, parts.ErrFull) {
		return fmt.Errorf("a set without room: %w", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "incoming"))
	if err != nil || len(left) > 0 {
		return fmt.Errorf("left are %d, %w", len(left), err)
	}
	return nil
}

// TestKilledUpload: the service keeps nothing of a part whose broker was killed.
func TestKilledUpload(t *testing.T) {
	t.Parallel()
	address, s := service(t)
	cmd := child(t, "hang s3", address)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	_, digest := sample(1 << 20)
	if _, err := s.Stat(t.Context(), set, digest); !errors.Is(err, parts.ErrNotFound) {
		t.Errorf("something was kept: %v", err)
	}
}

// TestAddress: nothing in an address is ignored, and what is put under it is
// found under it.
func TestAddress(t *testing.T) {
	t.Parallel()
	address, _ := service(t)
	host := strings.TrimPrefix(strings.TrimSuffix(address, "/evidence/sealed"), "http://")
	for _, path := range []string{"/evidence", "/evidence/", "/evidence/a/b", "/evidence/a/b/"} {
		s, err := parts.OpenS3(t.Context(), "http://"+host+path, accessKey, secretKey)
		must(t, err)
		data, digest := sample(10)
		put(t, s, set, data, digest)
		found := false
		must(t, s.Sets(t.Context(), func(name string) error {
			found = found || name == set
			return nil
		}))
		if !found {
			t.Errorf("%s: what was put is not found", path)
		}
	}
	for _, bad := range []string{
		"", "evidence", "ftp://" + host + "/evidence", "http://", "http://" + host, "http://" + host + "/",
		"http://" + host + "//evidence", "http://" + host + "/evidence//a", "http://" + host + "/evidence/./a", "http://" + host + "/evidence/a/..",
		"http://key:secret@" + host + "/evidence", "http://" + host + "/evidence?region=x", "http://" + host + "/evidence#x",
		"http://s3.example/evidence", "http://" + host + "/absent",
	} {
		if _, err := parts.OpenS3(t.Context(), bad, accessKey, secretKey); err == nil {
			t.Errorf("%s was opened", bad)
		}
	}
	_, err := parts.OpenS3(t.Context(), address, accessKey, "another-secret-of-somebody")
	if err == nil || strings.Contains(err.Error(), "another-secret") {
		t.Errorf("with the wrong key: %v", err)
	}
}

// TestCheck: a directory that was taken away is told with its remedy.
func TestCheck(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "parts")
	s, err := parts.OpenFiles(dir, time.Now())
	must(t, err)
	must(t, os.RemoveAll(dir))
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "make it writable") {
		t.Errorf("without its directory: %v", err)
	}
}
