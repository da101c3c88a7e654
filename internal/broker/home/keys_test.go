package home_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/pkg/translog"
)

// TestInterruptedRotation stops a rotation after each of its steps: a broker that
// is started meanwhile signs nothing, and the same command finishes it with the
// same key.
func TestInterruptedRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite:broker.db")
	read := func(dir, name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	write := func(dir, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	former, formerKey := read(w.dir, "log.key"), read(w.dir, "log.vkey")
	next, nextKey, err := translog.GenerateKey("broker.example/log")
	if err != nil {
		t.Fatal(err)
	}
	both := signBoth(t, w.dir, former, formerKey, next)
	steps := []func(dir string){
		func(dir string) { write(dir, "log.next", next+"\n"+nextKey+"\n") },
		func(dir string) { write(dir, filepath.Join("guard", "checkpoint"), both.note) },
		func(dir string) { write(dir, "log.key", former+"\n"+next+"\n") },
		func(dir string) { write(dir, "log.keys", fmt.Sprintf("%s %d %s\n", formerKey, both.size, nextKey)) },
		func(dir string) { write(dir, "log.vkey", nextKey+"\n") },
	}
	for done := 1; done <= len(steps); done++ {
		dir := filepath.Join(t.TempDir(), "broker")
		if err := os.CopyFS(dir, os.DirFS(w.dir)); err != nil {
			t.Fatal(err)
		}
		for _, step := range steps[:done] {
			step(dir)
		}
		err := open(t, dir, func(*home.Server) {})
		if guarded := done == 2 || done == 3; errors.Is(err, translog.ErrOtherKey) != guarded || (err != nil) != guarded {
			t.Errorf("starting after step %d: %v", done, err)
		}
		if err := home.RetireKey(t.Context(), dir, time.Now, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("after step %d, the former key was retired", done)
		}
		public, err := home.RotateKey(t.Context(), dir, time.Now, slog.New(slog.DiscardHandler))
		if err != nil || public.LogKey != nextKey || public.LogKeys != read(dir, "log.keys") || read(dir, "log.vkey") != nextKey {
			t.Fatalf("finishing after step %d: %+v, %v", done, public, err)
		}
		for range 2 { // the second time after a kill, as it were
			write(dir, "log.key", next+"\n")
			if err := home.RetireKey(t.Context(), dir, time.Now, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := home.Check(t.Context(), dir, time.Now); err != nil {
			t.Errorf("after step %d: %v", done, err)
		}
	}
}

// A twice is a checkpoint that two keys have signed.
type twice struct {
	note string
	size int64
}

// signBoth signs the newest checkpoint of a home with two keys.
func signBoth(t *testing.T, dir, former, formerKey, next string) twice {
	t.Helper()
	last, err := os.ReadFile(filepath.Join(dir, "guard", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := translog.ParseLogKeys(formerKey)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := translog.OpenCheckpoint(last, "broker.example/log", keys.Verifiers()...)
	if err != nil {
		t.Fatal(err)
	}
	one, err := translog.ParseSigner(former)
	if err != nil {
		t.Fatal(err)
	}
	two, err := translog.ParseSigner(next)
	if err != nil {
		t.Fatal(err)
	}
	note, err := cp.Sign(one, two)
	if err != nil {
		t.Fatal(err)
	}
	return twice{string(note), cp.Size}
}
