package pgp_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

// long is when the keys are made, and then is when they are used, for tools that
// know no time but the present.
var (
	long = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	then = time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
)

// TestSequoia: sq reads our keys, certificates, signatures and payloads; we read
// its certificates, keys and signatures.
func TestSequoia(t *testing.T) {
	t.Parallel()
	w := workbench(t, "sq")
	a := must(pgp.Generate(pgp.Classic4, alice, long, 0))(t)
	b := must(pgp.Generate(pgp.Classic4, bob, long, 0))(t)
	certified := must(b.Certify(a.Certificate(), then, 0))(t)
	w.put(t, "a.cert", certified.Bytes())
	w.put(t, "b.key", must(b.Unlocked())(t)) // sq asks for passphrases on a terminal only
	w.put(t, "plain", plain)
	w.put(t, "sig", must(a.Sign(typ, plain, then))(t))
	_, said := w.run(t, "sq", "verify", "--signer-cert", "a.cert", "--detached", "sig", "plain")
	wantIn(t, said, "1 good signature")
	// It wants the signature inside to name b: it checks intended recipients.
	w.put(t, "sealed", must(a.Seal(typ, plain, b.Certificate(), then))(t))
	got, said := w.run(t, "sq", "decrypt", "--signer-cert", "a.cert", "--recipient-key", "b.key", "sealed")
	wantIn(t, said, "1 good signature")
	if !bytes.Equal(got, plain) {
		t.Errorf("sq opens %q", got)
	}

	w.run(t, "sq", "key", "generate", "--userid", carol, "--creation-time", long.Format("20060102T150405"),
		"--cannot-authenticate", "--expires", "never", "--export", "c.armored")
	w.run(t, "sq", "dearmor", "--output", "c.key", "c.armored")
	w.run(t, "sq", "key", "extract-cert", "--binary", "--output", "c.cert", "c.key")
	c := parsed(t, w.get(t, "c.cert"))
	if c.Suite() != pgp.Classic4 || c.UserID() != carol {
		t.Errorf("parsed as %s, %q", c.Suite(), c.UserID())
	}
	w.run(t, "sq", "sign", "--binary", "--detached", "--signer-key", "c.key", "--notation", "typ@entraide.example", typ,
		"--time", then.Format("20060102T150405"), "--output", "c.sig", "plain")
	wantError(t, c.Verify(typ, plain, w.get(t, "c.sig"), then), nil)
	must(a.Seal(typ, plain, c, then))(t)
}

// TestRNP: rnp imports and unlocks what Export writes, and reads certificates,
// signatures and payloads.
func TestRNP(t *testing.T) {
	t.Parallel()
	w := workbench(t, "rnp", "rnpkeys")
	a := must(pgp.Generate(pgp.Classic4, alice, long, 0))(t)
	b := must(pgp.Generate(pgp.Classic4, bob, long, 0))(t)
	w.put(t, "a.cert", must(b.Certify(a.Certificate(), then, 0))(t).Bytes())
	w.put(t, "b.key", must(b.Export(passphrase))(t))
	w.put(t, "plain", plain)
	w.put(t, "sig", must(a.Sign(typ, plain, then))(t))
	w.put(t, "sealed", must(a.Seal(typ, plain, b.Certificate(), then))(t))
	home := []string{"--homedir", w.dir, "--notty"}
	for _, file := range []string{"a.cert", "b.key"} {
		w.run(t, "rnpkeys", append(home, "--import-keys", file)...)
	}
	out, said := w.run(t, "rnp", append(home, "--verify", "sig", "--source", "plain")...)
	wantIn(t, string(out)+said, "Signature(s) verified successfully")
	w.in = append(bytes.Clone(passphrase), '\n')
	out, said = w.run(t, "rnp", append(home, "--pass-fd", "0", "--decrypt", "sealed", "--output", "opened")...)
	wantIn(t, string(out)+said, "Signature(s) verified successfully")
	if got := w.get(t, "opened"); !bytes.Equal(got, plain) {
		t.Errorf("rnp opens %q", got)
	}
	// What it signs for us proves that it has unlocked the signing subkey; it
	// cannot say what for.
	w.run(t, "rnp", append(home, "--pass-fd", "0", "--sign", "--detach", "--userid", b.Fingerprint(), "--output", "b.sig", "plain")...)
	w.run(t, "rnp", append(home, "--verify", "b.sig", "--source", "plain")...)
}
