package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
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
	if header.Payload.Commitment != digest(payload) || inside.CoreSHA256 != digest([]byte(header.Core)) {
		t.Error("the digests do not bind header and content")
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
