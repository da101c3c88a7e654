package e2e_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/loopback"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// foreign is the path of a program that is not ours, which the check builds
// and names in a variable.
func foreign(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Skipf("the program is not built (%s)", variable)
	}
	return path
}

// run runs a program to its end and returns what it printed.
func (h *hub) run(name string, args ...string) (out string, ok bool) {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), name, args...)
	text, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		h.t.Fatalf("%s: %v", name, err)
	}
	return string(text), err == nil
}

// spawn starts a program that serves until the test ends, and returns its
// standard error. No proxy leads out: what it might want from elsewhere it does
// not get.
func (h *hub) spawn(name string, args ...string) io.Reader {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1")
	out, err := cmd.StderrPipe()
	h.must(err)
	h.must(cmd.Start())
	h.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return out
}

// listening waits until somebody answers at the address.
func (h *hub) listening(address string) {
	h.t.Helper()
	h.until(address, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// litewitness starts Filippo Valsorda's witness, whose key an SSH agent holds,
// and returns its line of a policy.
func (h *hub) litewitness(program string) string {
	h.t.Helper()
	dir := h.t.TempDir()
	agent, key, database := filepath.Join(dir, "agent"), filepath.Join(dir, "key"), filepath.Join(dir, "w.db")
	h.spawn("ssh-agent", "-D", "-a", agent)
	h.until("the SSH agent", func() bool { _, err := os.Stat(agent); return err == nil })
	if out, ok := h.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); !ok {
		h.t.Fatal(out)
	}
	if out, ok := h.run("env", "SSH_AUTH_SOCK="+agent, "ssh-add", "-q", key); !ok {
		h.t.Fatal(out)
	}
	fingerprint, ok := h.run("ssh-keygen", "-lf", key+".pub")
	if !ok {
		h.t.Fatal(fingerprint)
	}
	address, _, err := loopback.Free()
	h.must(err)
	out := bufio.NewScanner(h.spawn(program, "-name", "lite.example/w", "-db", database, "-ssh-agent", agent,
		"-key", strings.Fields(fingerprint)[1], "-listen", address))
	for out.Scan() && !strings.Contains(out.Text(), "vkey=") {
	}
	_, vkey, found := strings.Cut(out.Text(), "vkey=")
	if !found {
		h.t.Fatal("litewitness does not start")
	}
	go func() {
		for out.Scan() { // what it says must be read, or it stops
		}
	}()
	h.listening(address)
	db, err := sql.Open("sqlite", database)
	h.must(err)
	defer db.Close()
	empty := translog.NewTree().Root()
	for statement, value := range map[string]string{
		`INSERT INTO log VALUES (?1, 0, ?2)`: base64.StdEncoding.EncodeToString(empty[:]), `INSERT INTO key VALUES (?1, ?2)`: h.public.LogKey,
	} {
		_, err := db.ExecContext(h.t.Context(), statement, h.public.Origin, value)
		h.must(err)
	}
	return fmt.Sprintf("witness lite %s http://%s\n", strings.Trim(strings.Fields(vkey)[0], `"`), address)
}

// omniwitness starts the witness of the Transparency.dev community and returns
// its line of a policy.
func (h *hub) omniwitness(program string) string {
	h.t.Helper()
	dir := h.t.TempDir()
	secret, vkey, err := translog.GenerateWitnessKey("omni.example/w")
	h.must(err)
	logs := fmt.Sprintf("Logs:\n  - Origin: %s\n    PublicKey: %s\n    URL: %s\n", h.public.Origin, h.public.LogKey, h.public.URL)
	for name, text := range map[string]string{"key": secret, "logs.yaml": logs} {
		h.must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	address, _, err := loopback.Free()
	h.must(err)
	out := h.spawn(program, "--listen", address, "--metrics_listen", "", "--db_file", filepath.Join(dir, "w.db"),
		"--private_key_path", filepath.Join(dir, "key"), "--additional_logs", filepath.Join(dir, "logs.yaml"))
	go func() { _, _ = io.Copy(io.Discard, out) }()
	h.listening(address)
	return fmt.Sprintf("witness omni %s http://%s\n", vkey, address)
}

// TestForeignWitnesses has two witnesses that nobody here wrote cosign the
// log; the receipt that they make a witnessed one is accepted by a verifier
// that nobody here wrote. Then the database is restored from a backup and the
// guard lost with it: both witnesses refuse, the rollback and the fork.
func TestForeignWitnesses(t *testing.T) {
	t.Parallel()
	lite, omni, tlogproof := foreign(t, "ENTRAIDE_LITEWITNESS"), foreign(t, "ENTRAIDE_OMNIWITNESS"), foreign(t, "ENTRAIDE_TLOGPROOF")
	h := newHub(t)
	lines := h.litewitness(lite) + h.omniwitness(omni)
	policy := "log " + h.public.LogKey + "\n" + lines + "group both all lite omni\nquorum both\n"
	h.witnesses(policy)
	qm, _ := h.pair()
	broker := filepath.Join(h.dir, "broker")
	h.must(h.server.Close())
	h.copyDatabase(filepath.Join(broker, "broker.db"), filepath.Join(h.dir, "old.db"))
	h.start()
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	var receipt wire.Receipt
	h.until("both cosignatures", func() bool {
		receipt = h.graded(h.as("QM"), sent.ID)
		return receipt.Grade == wire.GradeWitnessed
	})
	h.torchwood(tlogproof, policy, receipt.Receipt)
	h.python(policy, receipt.Receipt)

	h.must(h.server.Close())
	h.copyDatabase(filepath.Join(h.dir, "old.db"), filepath.Join(broker, "broker.db"))
	h.must(os.WriteFile(filepath.Join(broker, "guard", "checkpoint"), nil, 0o600))
	h.start()
	const refusals = `entraide_witness_total{outcome="conflict"}`
	h.until("both refuse the rollback", func() bool { return h.count(refusals) >= 2 })
	h.join("QP") // the log grows beyond its old size, another way
	h.join("QR")
	before := h.count(refusals)
	h.join("QS")
	h.until("both refuse the fork", func() bool { return h.count(refusals) >= before+2 })
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	r, err := translog.ParseReceipt([]byte(receipt.Receipt))
	h.must(err)
	witnessed, err := trust.Checkpoint(r.Checkpoint)
	h.must(err)
	signed, err := h.as("QP").Fetch(t.Context(), "checkpoint")
	h.must(err)
	open, err := trust.Policy().Open(signed, trust.Origin, trust.Keys()...)
	if err != nil || len(open.By) != 0 || open.Size <= witnessed.Size {
		t.Errorf("the other history, of %d entries against %d, is cosigned by %d, %v", open.Size, witnessed.Size, len(open.By), err)
	}
}

// count is the value of a counter.
func (h *hub) count(name string) (n int) {
	h.t.Helper()
	if value := h.metric(name); value != "" {
		_, err := fmt.Sscan(value, &n)
		h.must(err)
	}
	return n
}

// written writes texts to files and returns their paths.
func (h *hub) written(texts ...string) []string {
	h.t.Helper()
	var paths []string
	dir := h.t.TempDir()
	for i, text := range texts {
		paths = append(paths, filepath.Join(dir, fmt.Sprint(i)))
		h.must(os.WriteFile(paths[i], []byte(text), 0o600))
	}
	return paths
}

// torchwood verifies a receipt with filippo.io/torchwood.
func (h *hub) torchwood(program, policy, receipt string) {
	h.t.Helper()
	r, err := translog.ParseReceipt([]byte(receipt))
	h.must(err)
	leaf := string(r.Entry.Leaf())
	if out, ok := h.run(program, h.written(policy, leaf, receipt)...); !ok {
		h.t.Errorf("torchwood refuses the receipt: %s", out)
	}
	other := []byte(leaf)
	other[len(other)-1] ^= 1
	for name, files := range map[string][]string{
		"another leaf":             h.written(policy, string(other), receipt),
		"a receipt cosigned once":  h.written(policy, leaf, string(lastLineCut([]byte(receipt)))),
		"another place in the log": h.written(policy, leaf, strings.Replace(receipt, "\nindex ", "\nindex 1", 1)),
	} {
		if _, ok := h.run(program, files...); ok {
			h.t.Errorf("torchwood accepts %s", name)
		}
	}
}

// python verifies a receipt with docs/verify-receipt.py, which needs Python
// and openssl and nothing of ours.
func (h *hub) python(policy, receipt string) {
	h.t.Helper()
	var witnesses []string
	for line := range strings.Lines(policy) {
		if fields := strings.Fields(line); fields[0] == "witness" {
			witnesses = append(witnesses, fields[2])
		}
	}
	script := filepath.Join("..", "..", "docs", "verify-receipt.py")
	check := func(receipt, key string, witnesses ...string) (string, bool) {
		return h.run("python3", append([]string{script, h.written(receipt)[0], key}, witnesses...)...)
	}
	out, ok := check(receipt, h.public.LogKey, witnesses...)
	if !ok || strings.Count(out, "seen by ") != len(witnesses) || !strings.Contains(out, `"kind":"message"`) {
		h.t.Errorf("Python says %s", out)
	}
	_, stranger, err := translog.GenerateKey(h.public.Origin)
	h.must(err)
	extra := strings.Index(receipt, "extra ") + len("extra ")
	for name, refused := range map[string]func() (string, bool){
		"another key":   func() (string, bool) { return check(receipt, stranger) },
		"another entry": func() (string, bool) { return check(receipt[:extra]+altered64(receipt[extra:]), h.public.LogKey) },
		"another place": func() (string, bool) {
			return check(strings.Replace(receipt, "\nindex ", "\nindex 1", 1), h.public.LogKey)
		},
		"a cosignature cut off": func() (string, bool) {
			return check(string(lastLineCut([]byte(receipt))), h.public.LogKey, witnesses...)
		},
	} {
		if out, ok := refused(); ok || !strings.Contains(out, "REFUSED") {
			h.t.Errorf("%s: Python says %s", name, out)
		}
	}
}

// altered64 changes the first letter of a text in base64.
func altered64(text string) string {
	if text[0] == 'A' {
		return "B" + text[1:]
	}
	return "A" + text[1:]
}

// TestPython verifies a receipt with Python and openssl under our own
// witnesses.
func TestPython(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	h := newHub(t)
	a, _ := h.auditor("a")
	b, _ := h.auditor("b")
	policy := a + b + "group g all a b\nquorum g\n"
	h.witnesses(policy)
	qm, _ := h.pair()
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	var receipt wire.Receipt
	h.until("both cosignatures", func() bool {
		receipt = h.graded(h.as("QM"), sent.ID)
		return receipt.Grade == wire.GradeWitnessed
	})
	h.python(policy, receipt.Receipt)
}

// TestSpicy verifies a receipt with spicy, which takes it without its first
// two lines and knows the log's key only.
func TestSpicy(t *testing.T) {
	t.Parallel()
	spicy := foreign(t, "ENTRAIDE_SPICY")
	h := newHub(t)
	qm, _ := h.pair()
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	receipt := h.graded(h.as("QM"), sent.ID).Receipt
	r, err := translog.ParseReceipt([]byte(receipt))
	h.must(err)
	for name, leaf := range map[string][]byte{"": r.Entry.Leaf(), "another leaf": []byte("another")} {
		file := h.written(string(leaf))[0]
		h.must(os.WriteFile(file+".spicy", []byte(receipt[strings.Index(receipt, "index "):]), 0o600))
		if out, ok := h.run(spicy, "-verify", h.public.LogKey, file); ok != (name == "") {
			t.Errorf("spicy on %q: %t, %s", name, ok, out)
		}
	}
}

// TestForeignMirror copies a mirror of ours with Tessera's migration tool,
// which checks the root, and has Tessera's fsck check the mirror.
func TestForeignMirror(t *testing.T) {
	t.Parallel()
	migrate, fsck := foreign(t, "ENTRAIDE_MIGRATE"), foreign(t, "ENTRAIDE_FSCK")
	h := newHub(t)
	h.pair()
	mirror := filepath.Join(h.dir, "mirror")
	h.must(auditor.Create(mirror, h.public))
	m, err := auditor.Open(mirror, nil) // from the broker itself
	h.must(err)
	r, err := m.Sync(t.Context())
	h.must(err)
	h.must(m.Close())
	vkey := h.written(h.public.LogKey)[0]
	out, _ := h.run(fsck, "--storage_url=file://"+mirror+"/", "--public_key="+vkey, "--ui=false", "-N=4")
	if !strings.Contains(out, "Successfully fsck'd log") {
		t.Errorf("fsck of the mirror: %s", out)
	}
	copied := filepath.Join(h.dir, "copied")
	server := httptest.NewServer(http.FileServer(http.Dir(mirror)))
	defer server.Close()
	if out, ok := h.run(migrate, "--storage_dir="+copied, "--source_url="+server.URL+"/"); !ok {
		t.Fatalf("migrating: %s", out)
	}
	path := filepath.Join("tile", "entries", fmt.Sprintf("000.p/%d", r.Size))
	ours, err := os.ReadFile(filepath.Join(mirror, path))
	h.must(err)
	theirs, err := os.ReadFile(filepath.Join(copied, path))
	if err != nil || !bytes.Equal(ours, theirs) {
		t.Errorf("their copy of our mirror of %d entries differs: %v", r.Size, err)
	}
}
