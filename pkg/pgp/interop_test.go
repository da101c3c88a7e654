package pgp_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/pkg/pgp"
)

// A bench is a directory in which another implementation works.
type bench struct {
	dir string
	env []string
	in  []byte // what tools are given to read
}

// workbench returns an empty directory, and skips the test if one of the tools
// is missing. Its path is short: agents put their sockets there.
func workbench(t *testing.T, tools ...string) *bench {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	dir, err := os.MkdirTemp("", "pgp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return &bench{dir: dir, env: append(os.Environ(), "GNUPGHOME="+dir, "HOME="+dir, "LC_ALL=C.UTF-8", "TZ=UTC")}
}

// path returns the path of a file.
func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// put writes a file and returns its path.
func (b *bench) put(t *testing.T, name string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(b.path(name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return b.path(name)
}

// get reads a file that a tool has written.
func (b *bench) get(t *testing.T, name string) []byte {
	t.Helper()
	return must(os.ReadFile(b.path(name)))(t)
}

// run runs a tool, which must succeed, and returns both its outputs.
func (b *bench) run(t *testing.T, tool string, args ...string) (stdout []byte, stderr string) {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = b.env, b.dir, bytes.NewReader(b.in)
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", tool, strings.Join(args, " "), err, out.Bytes(), diagnostics.String())
	}
	return out.Bytes(), diagnostics.String()
}

// wantIn checks that a tool has said something.
func wantIn(t *testing.T, output, want string) {
	t.Helper()
	if !strings.Contains(output, want) {
		t.Errorf("%q is not in:\n%s", want, output)
	}
}

// opens checks that a payload sealed by another tool can be opened, although it
// names no intended recipients, where the protocol allows that.
func opens(t *testing.T, sealed []byte, from, to *pgp.Key) {
	t.Helper()
	o := opening(t, from, to)
	_, err := to.Open(sealed, o)
	wantError(t, err, pgp.ErrSignature)
	o.AllowNoIntended = true
	if got := must(to.Open(sealed, o))(t); !bytes.Equal(got, plain) {
		t.Errorf("opened as %q", got)
	}
}
