package pgp_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

// gnupg returns a bench with a function that runs gpg on it at a time, with the
// passphrase of the tests; it returns its status lines and what it wrote.
func gnupg(t *testing.T) (*bench, func(t *testing.T, at time.Time, args ...string) string) {
	t.Helper()
	b := workbench(t, "gpg", "gpgconf")
	pass := b.put(t, "passphrase", passphrase)
	b.put(t, "gpg-agent.conf", []byte("s2k-count 65536\n")) // else it takes its time
	t.Cleanup(func() {
		stop := exec.Command("gpgconf", "--kill", "all")
		stop.Env = b.env
		if err := stop.Run(); err != nil {
			t.Error(err)
		}
	})
	return b, func(t *testing.T, at time.Time, args ...string) string {
		t.Helper()
		all := append([]string{
			"--batch", "--no-tty", "--yes", "--status-fd", "1", "--trust-model", "always", "--with-colons",
			"--pinentry-mode", "loopback", "--passphrase-file", pass,
			"--faked-system-time", at.Format("20060102T150405") + "!",
		}, args...)
		out, diagnostics := b.run(t, "gpg", all...)
		return string(out) + diagnostics
	}
}

// typNotation makes GnuPG write the notation of the tests.
const typNotation = "typ@entraide.example=" + typ

// stockSuites are those that stock tools read and write.
var stockSuites = []pgp.Suite{pgp.Classic4, pgp.HSM4}

// TestGnuPGReads: GnuPG imports and unlocks what Export writes, verifies what
// Sign signs, decrypts what Seal seals, and believes what Certify certifies.
func TestGnuPGReads(t *testing.T) {
	t.Parallel()
	for _, suite := range stockSuites {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			gnuPGReads(t, suite)
		})
	}
}

func gnuPGReads(t *testing.T, suite pgp.Suite) {
	t.Helper()
	w, gpg := gnupg(t)
	a, b := fresh(t, suite, alice), fresh(t, suite, bob)
	for range 2 { // certificates with a history are read too
		wantError(t, a.RotateSigning(born.AddDate(0, 1, 0)), nil)
		wantError(t, b.RotateEncryption(born.AddDate(0, 1, 0)), nil)
	}
	certified := must(a.Certify(b.Certificate(), now, 24*time.Hour))(t)
	w.put(t, "a.cert", a.Certificate().Bytes())
	w.put(t, "b.cert", certified.Bytes())
	w.put(t, "b.key", must(b.Export(passphrase))(t))
	gpg(t, now, "--import", "a.cert", "b.cert")
	wantIn(t, gpg(t, now, "--import", "b.key"), "IMPORT_OK 17 "+b.Fingerprint())
	wantIn(t, gpg(t, now, "--check-sigs", b.Fingerprint()), map[pgp.Suite]string{pgp.Classic4: "sig:!::22:", pgp.HSM4: "sig:!::19:"}[suite]+a.Fingerprint()[24:])

	valid := "VALIDSIG " + must(a.Certificate().SigningSubkey(now))(t)
	w.put(t, "plain", plain)
	w.put(t, "sig", must(a.Sign(typ, plain, now))(t))
	said := gpg(t, now, "--verify", "sig", "plain")
	wantIn(t, said, valid)
	wantIn(t, said, "NOTATION_DATA "+typ)

	w.put(t, "sealed", must(a.Seal(typ, plain, b.Certificate(), now))(t))
	said = gpg(t, now, "--output", "opened", "--decrypt", "sealed")
	wantIn(t, said, valid)
	wantIn(t, said, "GOODMDC")
	if got := w.get(t, "opened"); string(got) != string(plain) {
		t.Errorf("GnuPG opens %q", got)
	}

	// What is revoked here is revoked there.
	wantError(t, a.Revoke(pgp.Compromised, now), nil)
	w.put(t, "a.cert", a.Certificate().Bytes())
	gpg(t, now, "--import", "a.cert")
	wantIn(t, gpg(t, now, "--list-keys", a.Fingerprint()), "pub:r:")
}

// TestGnuPGWrites: a key of ours in GnuPG makes signatures that Verify accepts
// and payloads that Open accepts where stock tools are allowed.
func TestGnuPGWrites(t *testing.T) {
	t.Parallel()
	for _, suite := range stockSuites {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			gnuPGWrites(t, suite)
		})
	}
}

func gnuPGWrites(t *testing.T, suite pgp.Suite) {
	t.Helper()
	w, gpg := gnupg(t)
	a, b := key(t, suite, alice), key(t, suite, bob)
	w.put(t, "a.key", must(a.Export(passphrase))(t))
	w.put(t, "b.cert", b.Certificate().Bytes())
	gpg(t, now, "--import", "a.key", "b.cert")
	w.put(t, "plain", plain)
	digests := []string{"SHA384", "SHA512"}
	if suite == pgp.Classic4 {
		digests = append(digests, "SHA256")
	}
	for _, digest := range digests {
		gpg(t, now, "--digest-algo", digest, "--sig-notation", typNotation, "--output", "sig", "--detach-sign", "plain")
		wantError(t, a.Certificate().Verify(typ, plain, w.get(t, "sig"), now), nil)
	}
	if suite == pgp.Classic4 { // with a key on P-384, gpg refuses by itself
		gpg(t, now, "--digest-algo", "SHA224", "--sig-notation", typNotation, "--output", "sig", "--detach-sign", "plain")
		wantError(t, a.Certificate().Verify(typ, plain, w.get(t, "sig"), now), pgp.ErrSignature)
	}
	gpg(t, now, "--output", "sig", "--detach-sign", "plain")
	wantError(t, a.Certificate().Verify(typ, plain, w.get(t, "sig"), now), pgp.ErrSignature)

	seal := []string{
		"--sig-notation", typNotation, "--output", "sealed", "--recipient", b.Fingerprint(), "--recipient", a.Fingerprint(),
		"--sign", "--encrypt", "plain",
	}
	gpg(t, now, append([]string{"--compress-algo", "none"}, seal...)...)
	opens(t, w.get(t, "sealed"), a, b)
	gpg(t, now, append([]string{"--compress-algo", "zlib"}, seal...)...)
	o := opening(t, a, b)
	o.AllowNoIntended = true
	_, err := b.Open(w.get(t, "sealed"), o)
	wantError(t, err, pgp.ErrSignature)

	// The key comes back as it went.
	gpg(t, now, "--output", "again", "--export-secret-keys", a.Fingerprint())
	again := must(pgp.Unlock(w.get(t, "again"), passphrase))(t)
	if again.Fingerprint() != a.Fingerprint() || encryption(t, again) != encryption(t, a) {
		t.Errorf("the key comes back as %s", again.Fingerprint())
	}
	must(again.Sign(typ, plain, now))(t)
}

// TestGnuPGKey: a key made in GnuPG as the profile demands is a key of ours, and
// what GnuPG certifies and revokes with it counts.
func TestGnuPGKey(t *testing.T) {
	t.Parallel()
	w, gpg := gnupg(t)
	k := key(t, pgp.Classic4, alice)
	made := func(usage, digest string) (fingerprint string) {
		id := fmt.Sprintf("QV %s %s", usage, digest)
		said := gpg(t, born, "--cert-digest-algo", digest, "--allow-weak-digest-algos", "--quick-generate-key", id, "ed25519", usage, "never")
		_, fingerprint, _ = strings.Cut(said, "KEY_CREATED P ")
		fingerprint, _, _ = strings.Cut(fingerprint, "\n")
		gpg(t, born, "--quick-add-key", fingerprint, "ed25519", "sign", "1y")
		gpg(t, born, "--quick-add-key", fingerprint, "cv25519", "encr", "1y")
		gpg(t, born, "--output", fingerprint, "--export", fingerprint)
		return fingerprint
	}
	fingerprint := made("cert", "SHA512")
	c := parsed(t, w.get(t, fingerprint))
	if c.Fingerprint() != fingerprint || c.Suite() != pgp.Classic4 || c.UserID() != "QV cert SHA512" {
		t.Errorf("parsed as %s, %s, %q", c.Fingerprint(), c.Suite(), c.UserID())
	}
	if end, ok := c.Expires(now); !ok || !end.Equal(born.AddDate(1, 0, 0)) {
		t.Errorf("expires at %v, %v", end, ok)
	}
	gpg(t, now, "--output", "secret", "--export-secret-keys", fingerprint)
	unlocked := must(pgp.Unlock(w.get(t, "secret"), passphrase))(t)
	wantError(t, c.Verify(typ, plain, must(unlocked.Sign(typ, plain, now))(t), now), nil)

	// The primary key of GnuPG's choice also signs; and SHA-1 is broken.
	for usage, digest := range map[string]string{"cert,sign": "SHA512", "cert": "SHA1"} {
		_, err := pgp.ParseCertificate(w.get(t, made(usage, digest)))
		wantError(t, err, pgp.ErrCertificate)
	}

	w.put(t, "k.cert", k.Certificate().Bytes())
	gpg(t, now, "--import", "k.cert")
	gpg(t, now, "--default-cert-level", "3", "--local-user", fingerprint, "--quick-sign-key", k.Fingerprint())
	gpg(t, now, "--output", "k.certified", "--export", k.Fingerprint())
	wantError(t, parsed(t, w.get(t, "k.certified")).CertifiedBy(c, now), nil)
}
