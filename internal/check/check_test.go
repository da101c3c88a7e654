package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// module writes a throw-away module of the given files and returns a checker
// for it and what the checker prints.
func module(t *testing.T, files map[string]string) (*checker, *bytes.Buffer) {
	t.Helper()
	out := new(bytes.Buffer)
	c := &checker{root: t.TempDir(), cache: t.TempDir(), env: append(os.Environ(), "GOFLAGS=", "GOWORK=off"), out: out}
	files["go.mod"] = "module m.example\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(c.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return c, out
}

const header = "package a\n\nimport \"testing\"\n\n"

func TestTestStep(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		files  map[string]string
		passed int
		error  string // "" means that the step passes
		prints string
	}{
		{
			name: "passed",
			files: map[string]string{"a/a_test.go": header +
				"func TestA(t *testing.T) { t.Run(\"sub\", func(t *testing.T) {}); t.Attr(\"figure\", \"7\") }\n" +
				"func FuzzA(f *testing.F) { f.Add(1); f.Fuzz(func(*testing.T, int) {}) }\n"},
			passed: 4,
			prints: "ok   m.example/a",
		},
		{
			name:   "no tests",
			files:  map[string]string{"a/a.go": "package a\n"},
			passed: 0,
		},
		{
			name: "skipped",
			files: map[string]string{"a/a_test.go": header +
				"func TestA(t *testing.T) { t.Run(\"sub\", func(t *testing.T) { t.Skip(\"gpg is missing\") }) }\n"},
			passed: 1,
			error:  "a skipped test is a failure: m.example/a.TestA/sub",
			prints: "gpg is missing",
		},
		{
			name: "failed",
			files: map[string]string{"a/a_test.go": header +
				"func TestA(t *testing.T) { t.Error(\"the reason\") }\nfunc TestB(t *testing.T) {}\n"},
			passed: 1,
			error:  "go test",
			prints: "the reason",
		},
		{
			name:   "does not build",
			files:  map[string]string{"a/a_test.go": header + "func TestA(t *testing.T) { undeclared() }\n"},
			error:  "go test",
			prints: "undefined: undeclared",
		},
		{
			name:   "fails without a test",
			files:  map[string]string{"a/a_test.go": "package a\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(*testing.M) { os.Exit(7) }\n"},
			error:  "go test",
			prints: "0 passed, 1 failed, 0 skipped",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, out := module(t, tt.files)
			err := test(t.Context(), c)
			if got := message(err); (tt.error == "") != (err == nil) || !strings.HasPrefix(got, tt.error) {
				t.Errorf("error %q, want %q", got, tt.error)
			}
			if c.tests.passed != tt.passed {
				t.Errorf("%d passed, want %d", c.tests.passed, tt.passed)
			}
			if !strings.Contains(out.String(), tt.prints) {
				t.Errorf("printed %q, want %q in it", out, tt.prints)
			}
			if tt.name == "passed" {
				if diff := cmp.Diff([]testName{{"m.example/a", "FuzzA"}}, c.tests.fuzz); diff != "" {
					t.Errorf("fuzz targets: %s", diff)
				}
				if diff := cmp.Diff([]string{"figure: 7"}, c.tests.figures); diff != "" {
					t.Errorf("figures: %s", diff)
				}
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestConcurrentPackages(t *testing.T) {
	t.Parallel()
	c, _ := module(t, map[string]string{
		"plain/a.go":         "package plain\n\nvar X = 1\n",
		"starts/a.go":        "package starts\n\nfunc f() { go f() }\n",
		"imports/a.go":       "package imports\n\nimport \"sync\"\n\nvar M sync.Mutex\n",
		"internal/demo/a.go": "package demo\n\nfunc f() { go f() }\n",
		"tests/a.go":         "package tests\n",
		"tests/a_test.go":    "package tests\n\nimport \"testing\"\n\nfunc TestA(*testing.T) { go func() {}() }\n",
	})
	got, err := c.concurrentPackages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"m.example/imports", "m.example/starts", "m.example/tests"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestFuzzTargetFinding checks that a target with a fault fails the check and
// that the input is kept.
func TestFuzzTargetFinding(t *testing.T) {
	t.Parallel()
	c, out := module(t, map[string]string{"a/a_test.go": header +
		"func FuzzA(f *testing.F) {\n\tf.Add(1)\n\tf.Fuzz(func(t *testing.T, n int) {\n\t\tif n != 1 {\n\t\t\tt.Error(\"found\")\n\t\t}\n\t})\n}\n"})
	if err := c.fuzzTarget(t.Context(), testName{"m.example/a", "FuzzA"}, fuzzEach); err == nil {
		t.Fatalf("the fault was not found:\n%s", out)
	}
	kept, err := filepath.Glob(filepath.Join(c.root, "a/testdata/fuzz/FuzzA/*"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept inputs: %v, %v; want one", kept, err)
	}
}

func TestFuzzTime(t *testing.T) {
	t.Parallel()
	for n := 1; n < 500; n++ {
		each := fuzzTime(n)
		if each <= 0 || each > fuzzEach || time.Duration(n)*each > fuzzAll+time.Duration(n)*50*time.Millisecond {
			t.Fatalf("%d targets of %s each", n, each)
		}
	}
}

func TestEndedAtDeadline(t *testing.T) {
	t.Parallel()
	const deadline = "--- FAIL: FuzzA (5.01s)\n    context deadline exceeded\nFAIL\n"
	if !endedAtDeadline([]byte(deadline)) {
		t.Error("the end of the fuzzing time is taken for a finding")
	}
	if endedAtDeadline([]byte(deadline + "Failing input written to testdata/fuzz/FuzzA/1\n")) {
		t.Error("a finding is taken for the end of the fuzzing time")
	}
}

func TestMissingParts(t *testing.T) {
	t.Parallel()
	here := filepath.Join(t.TempDir(), "here")
	if err := os.WriteFile(here, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got := missingParts([]debianPart{
		{"go", "go"},
		{"no-command", "no-such-command.example"},
		{"file", here},
		{"no-file", here + ".not"},
	})
	if want := []string{"no-command", "no-file"}; !slices.Equal(got, want) {
		t.Errorf("missing %v, want %v", got, want)
	}
}
