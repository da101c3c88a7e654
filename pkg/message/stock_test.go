package message_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// gnupg is a GnuPG home that holds keys of a world.
type gnupg struct {
	t    *testing.T
	home string
}

// newGnuPG imports the secret key of one authority and the certificate of
// another.
func newGnuPG(t *testing.T, w *states.World, own, other string) gnupg {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("gpg is missing")
	}
	// The path of the agent's socket must be short.
	home, err := os.MkdirTemp("/tmp", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	g := gnupg{t, home}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // it may have gone
		os.RemoveAll(home)
	})
	secret, err := w.Keys[own].Export([]byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	g.run(secret, "--import")
	g.run(w.Authority(t, other).Certificates[pgp.Classic4].Bytes(), "--import")
	return g
}

// run runs gpg at the time of the world and returns what it writes.
func (g gnupg) run(in []byte, args ...string) []byte {
	g.t.Helper()
	common := []string{
		"--homedir", g.home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", passphrase,
		"--trust-model", "always", "--faked-system-time", states.Now.Format("20060102T150405!"),
		"--cipher-algo", "AES256", "--digest-algo", "SHA512", "--compress-algo", "none",
	}
	cmd := exec.CommandContext(g.t.Context(), "gpg", append(common, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		g.t.Fatalf("gpg %v: %v\n%s", args, err, errs.String())
	}
	return out.Bytes()
}

// TestStockToolsSeal: a message that gpg has signed and sealed is accepted in
// classic-4 from an authority that says so, and from no other.
func TestStockToolsSeal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		stockTools bool
		code       problem.Code
		field      string
	}{
		{"authority with stock tools", true, "", ""},
		{"authority without", false, problem.BadSignature, "payload"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := states.New(t, pgp.Classic4)
			republish(t, w, "QM.24-7", func(s *directory.AuthorityStatement) { s.StockTools = tt.stockTools })
			m := byHand(t, w)
			m, err := message.Parse(wire(t, m))
			wantProblem(t, err, "", "")
			wantProblem(t, m.CheckParties(w.Directory, w.Now), "", "")
			wantProblem(t, m.CheckSignature(w.Directory), "", "")
			wantProblem(t, m.CheckPayload(w.Directory), "", "")
			p, err := m.Open(w.Keys["QN.24-7"], w.Directory)
			wantProblem(t, err, tt.code, tt.field)
			if err == nil && !bytes.Equal(p.Body, states.Body(t, workflow.Request, "QM.24-7", "QN.24-7")) {
				t.Errorf("body is %s", p.Body)
			}
		})
	}
}

// byHand makes a message as an officer with gpg and a text editor would.
func byHand(t *testing.T, w *states.World) *message.Message {
	t.Helper()
	g := newGnuPG(t, w, "QM.24-7", "QN.24-7")
	model := w.Seal(t, w.Draft(t, "QM.24-7", "QN.24-7", "by hand"))
	plain, err := model.Open(w.Keys["QN.24-7"], w.Directory)
	wantProblem(t, err, "", "")
	text := []byte(marshal(t, plain))
	m := &message.Message{Header: model.Header}
	m.Payload = g.run(text, "--sign", "--encrypt", "--local-user", model.Core.From.Fingerprint,
		"--recipient", model.Core.To.Fingerprint, "--recipient", model.Core.From.Fingerprint,
		"--sig-notation", "typ@entraide.example="+message.TypPayload)
	m.Header.Payload = message.PayloadRef{
		Size: int64(len(m.Payload)), SHA256: message.DigestOf(m.Payload), Commitment: message.DigestOf(text),
	}
	m.HeaderText = marshal(t, m.Header)
	m.Signature = g.run([]byte(m.HeaderText), "--detach-sign", "--local-user", model.Core.From.Fingerprint,
		"--sig-notation", "typ@entraide.example="+message.TypMessage)
	return m
}

// TestStockToolsOpen: gpg verifies the header of a classic-4 message and
// decrypts its payload.
func TestStockToolsOpen(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Classic4)
	m := w.Seal(t, w.Draft(t, "QM.24-7", "QN.24-7", "opened by hand"))
	g := newGnuPG(t, w, "QN.24-7", "QM.24-7")
	header, signature := filepath.Join(g.home, "header.json"), filepath.Join(g.home, "header.json.sig")
	for path, data := range map[string][]byte{header: []byte(m.HeaderText), signature: m.Signature} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.run(nil, "--verify", signature, header)
	if plain := g.run(m.Payload, "--decrypt"); message.DigestOf(plain) != m.Header.Payload.Commitment {
		t.Error("what gpg decrypts is not what the header commits to")
	}
}
