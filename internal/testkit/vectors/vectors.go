// Package vectors reads and writes golden vectors: text files that another
// implementation, in whatever language, can pass without reading ours.
//
// A vector is a header of "key: value" lines, an empty line, and the bytes to
// be judged, to the end of the file. The key "expect" names the outcome:
// "success" or a code of the protocol. Unknown keys are ignored, so that the
// format can grow.
package vectors

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Success is the outcome of a vector that must be accepted.
const Success = "success"

// A Vector is one scenario.
type Vector struct {
	Name   string // of the file
	Fields map[string]string
	Body   []byte
}

// Read reads all vectors of a directory; directories in it and README.md are
// left out. A directory without vectors fails the test.
func Read(t testing.TB, dir string) []Vector {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []Vector
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != "README.md" {
			all = append(all, ReadFile(t, filepath.Join(dir, e.Name())))
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s holds no vectors", dir)
	}
	return all
}

// ReadFile reads one vector.
func ReadFile(t testing.TB, path string) Vector {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	header, body, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		t.Fatalf("%s has no empty line", path)
	}
	v := Vector{Name: filepath.Base(path), Fields: map[string]string{}, Body: body}
	for line := range strings.Lines(string(header)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok {
			t.Fatalf("%s: %q is not a line of the header", path, line)
		}
		v.Fields[key] = value
	}
	if v.Fields["expect"] == "" {
		t.Fatalf("%s does not say what to expect", path)
	}
	return v
}

// Write writes a vector to a directory. "expect" stands first and "comment"
// last in the header, the other fields in order of their names.
func Write(t testing.TB, dir string, v Vector) {
	t.Helper()
	var out strings.Builder
	line := func(key string) {
		if value := v.Fields[key]; value != "" {
			fmt.Fprintf(&out, "%s: %s\n", key, value)
		}
	}
	line("expect")
	for _, key := range slices.Sorted(maps.Keys(v.Fields)) {
		if key != "expect" && key != "comment" {
			line(key)
		}
	}
	line("comment")
	out.WriteString("\n")
	out.Write(v.Body)
	if err := os.WriteFile(filepath.Join(dir, v.Name), []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
