package demo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide"
	"github.com/entraide/entraide/internal/cli"
	"github.com/entraide/entraide/internal/demo"
	"github.com/entraide/entraide/internal/lockcost"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/pgp"
)

// TestMain lets this binary be a further broker of the demonstration.
func TestMain(m *testing.M) {
	lockcost.Cheap()
	if len(os.Args) > 1 && os.Args[1] == "broker" {
		os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// A lockedBuffer is written by several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func options(t *testing.T, out, log *lockedBuffer) demo.Options {
	return demo.Options{
		Dir: filepath.Join(t.TempDir(), "x"), Suite: pgp.PQ6, Case: 1, Database: "sqlite:broker.db", Brokers: 1, Binary: os.Args[0],
		Now: time.Now, Out: out, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// TestDemo plays the sample case in every suite and on both engines, and on
// PostgreSQL with two brokers.
func TestDemo(t *testing.T) {
	t.Parallel()
	sqlite := func(*testing.T) string { return "sqlite:broker.db" }
	for _, tt := range []struct {
		name     string
		suite    pgp.Suite
		brokers  int
		database func(*testing.T) string
	}{
		{"classic-4 on SQLite", pgp.Classic4, 1, sqlite},
		{"modern-6 on SQLite", pgp.Modern6, 1, sqlite},
		{"pq-6 on PostgreSQL", pgp.PQ6, 1, pgserver.Database},
		{"pq-6 on PostgreSQL with two brokers", pgp.PQ6, 2, pgserver.Database},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, log lockedBuffer
			o := options(t, &out, &log)
			o.Suite, o.Brokers, o.Database = tt.suite, tt.brokers, tt.database(t)
			if err := demo.Run(t.Context(), o); err != nil {
				t.Fatalf("%v\n%s\n%s", err, out.String(), log.String())
			}
			for _, want := range []string{
				"20  Meridia closes the case with which it began.",
				"The log broker.example/log has ",
			} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the story lacks %q:\n%s", want, out.String())
				}
			}
		})
	}
}

// TestCases plays every sample case on both engines, in each of which both
// desks derive the same of every measure, date and condition.
func TestCases(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T) string{
		"SQLite": func(*testing.T) string { return "sqlite:broker.db" }, "PostgreSQL": pgserver.Database,
	} {
		for _, number := range entraide.Samples {
			t.Run(fmt.Sprintf("case %d on %s", number, name), func(t *testing.T) {
				t.Parallel()
				var out, log lockedBuffer
				o := options(t, &out, &log)
				o.Case, o.Database = number, database(t)
				if err := demo.Run(t.Context(), o); err != nil {
					t.Fatalf("%v\n%s\n%s", err, out.String(), log.String())
				}
				if !strings.Contains(out.String(), "closed after") {
					t.Errorf("nothing is closed:\n%s", out.String())
				}
			})
		}
	}
}

// marks are words of the sample case that nobody but the two desks may see.
var marks = []string{
	"Fjordcloud", "192.0.2.44", "198.51.100.23", "NCD-26-1187", "QM-2026-0311", "مستشفى النخيل", "update-billing",
}

// TestNothingLeaks plays the case with all logs on, and looks for its content,
// and for passphrases, in everything that others may see: logs, the broker's
// files, the command lines and environments of all processes.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	var out, log lockedBuffer
	o := options(t, &out, &log)
	server := pgserver.Start(t)
	o.Database, o.Brokers, o.Stay = server.Database(t), 2, true
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- demo.Run(ctx, o) }()
	for tick := time.NewTicker(20 * time.Millisecond); !strings.Contains(out.String(), "Press Ctrl-C"); {
		select {
		case err := <-ended:
			t.Fatalf("%v\n%s", err, out.String())
		case <-tick.C:
		}
	}
	secrets := append([]string{}, marks...)
	for _, home := range []string{"depositary", "QM", "QN"} {
		secret, err := os.ReadFile(filepath.Join(o.Dir, home, "passphrase"))
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, strings.TrimSpace(string(secret)))
	}
	if found := processes(t, secrets); found != "" {
		t.Errorf("a process shows %s", found)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	server.Kill()
	for _, mark := range secrets {
		if strings.Contains(log.String(), mark) || strings.Contains(out.String(), mark) {
			t.Errorf("%q is in a log", mark)
		}
	}
	files := inFiles(t, filepath.Join(o.Dir, "broker"), secrets) + inFiles(t, server.Dir(), secrets)
	if files != "" {
		t.Errorf("the broker's files show %s", files)
	}
	// The search itself works: the desk holds the content.
	if inFiles(t, filepath.Join(o.Dir, "QN"), marks[:1]) == "" {
		t.Error("the content is not even in the recipient's own file")
	}
}

// processes looks for secrets in the command lines and environments of all
// processes.
func processes(t *testing.T, secrets []string) (found string) {
	t.Helper()
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				continue // it has ended
			}
			for _, s := range secrets {
				if bytes.Contains(data, []byte(s)) {
					found += s + " "
				}
			}
		}
	}
	return found
}

// inFiles looks for secrets in all files below a directory. What processes of a killed
// server remove on their way out is not there any more.
func inFiles(t *testing.T, dir string, secrets []string) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		var data []byte
		if err == nil && d.Type().IsRegular() {
			data, err = os.ReadFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		for _, s := range secrets {
			if bytes.Contains(data, []byte(s)) {
				found += s + " in " + filepath.Base(path) + "; "
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
