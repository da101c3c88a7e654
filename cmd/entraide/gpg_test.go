package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/cli"
)

// run runs a command line of ours and returns what it prints.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := cli.Run(args, strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("entraide %s: status %d\n%s", strings.Join(args, " "), status, errs.String())
	}
	return out.String()
}

// gpgHome makes a home for gpg. Its path must be short: sockets are made in it.
func gpgHome(t *testing.T) string {
	t.Helper()
	ring, err := os.MkdirTemp("", "g")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", ring, "--kill", "all").Run()
		os.RemoveAll(ring)
	})
	return ring
}

// TestByHand checks an exported message as its README.txt says, with gpg and
// sq: the signature, the content with the recipient's exported key, and the
// digests that bind them.
func TestByHand(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"gpg", "sq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	ring := gpgHome(t)
	gpg := func(args ...string) ([]byte, string) {
		t.Helper()
		cmd := exec.Command("gpg", append([]string{"--homedir", ring, "--batch", "--pinentry-mode", "loopback"}, args...)...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, errs.String())
		}
		return out.Bytes(), errs.String()
	}
	dir := t.TempDir()
	x, m := filepath.Join(dir, "x"), filepath.Join(dir, "m")
	run(t, "demo", "--exit", "--suite", "classic-4", "--dir", x)
	var messages []struct{ ID string }
	if err := json.Unmarshal([]byte(run(t, "message", "list", "--json", "--home", filepath.Join(x, "QM"))), &messages); err != nil {
		t.Fatal(err)
	}
	run(t, "message", "export", messages[0].ID, "--dir", m, "--home", filepath.Join(x, "QM"))
	key := filepath.Join(dir, "qn.key")
	run(t, "key", "export", "--secret", "--authority", "QN.24-7", "--suite", "classic-4", "--out", key, "--home", filepath.Join(x, "QN"))

	secret := filepath.Join(x, "QN", "passphrase")
	gpg("--import", filepath.Join(m, "sender.pgp"))
	gpg("--passphrase-file", secret, "--import", key)
	if _, said := gpg("--verify", filepath.Join(m, "header.json.sig"), filepath.Join(m, "header.json")); !strings.Contains(said, "Good signature") {
		t.Errorf("gpg says of the header: %s", said)
	}
	payload, said := gpg("--passphrase-file", secret, "--decrypt", filepath.Join(m, "payload.pgp"))
	if !strings.Contains(said, "Good signature") {
		t.Errorf("gpg says of the payload: %s", said)
	}
	out, err := exec.Command("sq", "verify", "--signer-cert", filepath.Join(m, "sender.pgp"), "--detached",
		filepath.Join(m, "header.json.sig"), filepath.Join(m, "header.json")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 good signature") {
		t.Errorf("sq says of the header: %v\n%s", err, out)
	}
	var header struct {
		Core    string
		Payload struct{ Commitment string }
	}
	data, err := os.ReadFile(filepath.Join(m, "header.json"))
	if err != nil {
		t.Fatal(err)
	}
	var inside struct {
		CoreSHA256 string `json:"core_sha256"`
	}
	for from, to := range map[string]any{string(data): &header, string(payload): &inside} {
		if err := json.Unmarshal([]byte(from), to); err != nil {
			t.Fatal(err)
		}
	}
	statementsByHand(t, x, ring)
	if header.Payload.Commitment != digest(payload) || inside.CoreSHA256 != digest([]byte(header.Core)) {
		t.Error("the digests do not bind header and content")
	}
}

// statementsByHand runs the commands of docs/directory.md on what a demonstration
// has left, with gpg, jq and nothing of ours, in a shell that ends at the first
// that fails.
func statementsByHand(t *testing.T, x, ring string) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "directory.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(doc), "## By hand")
	script := "set -o pipefail\n"
	for _, block := range strings.Split(page, "```sh\n")[1:] {
		commands, _, _ := strings.Cut(block, "```")
		script += commands
	}
	home, who := filepath.Join(x, "QN"), filepath.Join(x, "who")
	run(t, "directory", "export-statements", "--dir", who, "--home", home)
	run(t, "directory", "export", "--from", "QN.24-7", "--out", filepath.Join(x, "directory.snapshot"), "--home", home)
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", script)
	cmd.Dir, cmd.Env = who, append(os.Environ(), "GNUPGHOME="+ring, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	said := string(out)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	fingerprint := func(file string) string {
		listed, err := exec.CommandContext(t.Context(), "gpg", "--homedir", ring, "--show-keys", "--with-colons", filepath.Join(who, file)).Output()
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(listed), "\nfpr:::::::::")
		print, _, _ := strings.Cut(rest, ":")
		return print
	}
	var described struct{ Depositary string }
	data, err := os.ReadFile(filepath.Join(x, "broker", "broker.json"))
	if err == nil {
		err = json.Unmarshal(data, &described)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(said, described.Depositary+"\n") {
		t.Errorf("the trust anchor is not %s:\n%s", described.Depositary, said)
	}
	for _, signer := range []string{fingerprint("depositary.pgp"), fingerprint("QN.pgp"), fingerprint("QN.24-7.classic-4.pgp")} {
		if signer == "" || !strings.Contains(strings.ReplaceAll(said, " ", ""), "Primarykeyfingerprint:"+signer) {
			t.Errorf("gpg names no good signature by %q:\n%s", signer, said)
		}
	}
	if strings.Count(said, "Good signature") != 3 || !regexp.MustCompile(`(?m)^sig!.* QN <`).MatchString(said) {
		t.Errorf("gpg says:\n%s", said)
	}

	// Without the right statement there is no good signature.
	altered := exec.CommandContext(t.Context(), "bash", "-ec", `sed 's/"number":1/"number":2/' QN-1.json > altered.json; gpg --verify QN-1.json.sig altered.json`)
	altered.Dir, altered.Env = cmd.Dir, cmd.Env
	if out, err := altered.CombinedOutput(); err == nil {
		t.Errorf("gpg takes an altered statement:\n%s", out)
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
