package pgp_test

import (
	"bytes"
	"testing"

	"github.com/entraide/entraide/pkg/pgp"
)

// FuzzParseCertificate: what parses is written back byte for byte, and can be
// asked anything.
func FuzzParseCertificate(f *testing.F) {
	for _, suite := range pgp.Suites() {
		k := key(f, suite, alice)
		f.Add(k.Certificate().Bytes())
		f.Add(must(key(f, suite, bob).Certify(k.Certificate(), now, 0))(f).Bytes())
	}
	issuer := key(f, pgp.Classic4, bob).Certificate()
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := pgp.ParseCertificate(data)
		if err != nil {
			return
		}
		again, err := pgp.ParseCertificate(c.Bytes())
		if err != nil || !bytes.Equal(c.Bytes(), data) || again.Digest() != c.Digest() || again.Fingerprint() != c.Fingerprint() {
			t.Fatalf("written back as another: %v", err)
		}
		if !c.Suite().Valid() || c.UserID() == "" {
			t.Errorf("%q, %q", c.Suite(), c.UserID())
		}
		_, signs := c.SigningSubkey(now)
		_, encrypts := c.EncryptionSubkey(now)
		if c.CheckValid(now) != nil && (signs == nil || encrypts == nil) {
			t.Error("a certificate that is not valid has subkeys that are")
		}
		c.Expires(now)
		if c.CertifiedBy(issuer, born.AddDate(-1, 0, 0)) == nil {
			t.Error("certified before there was an issuer")
		}
	})
}

// FuzzCheckFraming: what has the right framing is made of exactly three packets,
// and opens, if at all, as what was sealed.
func FuzzCheckFraming(f *testing.F) {
	for i, suite := range pgp.Suites() {
		a, b := key(f, suite, alice), key(f, suite, bob)
		f.Add(uint8(i), must(a.Seal(typ, plain, b.Certificate(), now))(f))
		f.Add(uint8(i), must(a.Seal(typ, bytes.Repeat(plain, 100), b.Certificate(), now))(f))
	}
	f.Fuzz(func(t *testing.T, n uint8, sealed []byte) {
		suite := pgp.Suites()[int(n)%len(pgp.Suites())]
		a, b := key(t, suite, alice), key(t, suite, bob)
		err := pgp.CheckFraming(suite, sealed, encryption(t, b), encryption(t, a))
		tags, raw, cutErr := pgp.Packets(sealed)
		if err == nil && (cutErr != nil || len(tags) != 3 || tags[0] != 1 || tags[1] != 1 || tags[2] != 18 ||
			!bytes.Equal(bytes.Join(raw, nil), sealed)) {
			t.Errorf("framed as %v: %v", tags, cutErr)
		}
		got, openErr := b.Open(sealed, opening(t, a, b))
		if openErr == nil && (err != nil || !bytes.Equal(bytes.ReplaceAll(got, plain, nil), nil)) {
			t.Errorf("opened as %q", got)
		}
	})
}

// FuzzVerify: no other bytes are a signature over the same data.
func FuzzVerify(f *testing.F) {
	for i, suite := range pgp.Suites() {
		f.Add(uint8(i), must(key(f, suite, alice).Sign(typ, plain, now))(f), plain)
		f.Add(uint8(i), serialized(f, signature(f, signing(f, key(f, suite, bob)), plain)), plain)
	}
	f.Fuzz(func(t *testing.T, n uint8, sig, data []byte) {
		suite := pgp.Suites()[int(n)%len(pgp.Suites())]
		if err := key(t, suite, alice).Certificate().Verify(typ, data, sig, now); err != nil {
			return
		}
		tags, _, err := pgp.Packets(sig)
		if err != nil || len(tags) != 1 || tags[0] != 2 || !bytes.Equal(data, plain) {
			t.Errorf("%q is signed", data)
		}
	})
}
