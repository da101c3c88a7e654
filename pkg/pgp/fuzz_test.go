package pgp_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/pkg/pgp"
)

var update = flag.Bool("update", false, "make new keys for fuzzing")

// fixed returns the key of a State that is the same in every process, without
// which a fuzzer could not keep what it has found.
func fixed(t testing.TB, suite pgp.Suite, who string) *pgp.Key {
	t.Helper()
	state, _, _ := strings.Cut(who, ".")
	path := filepath.Join("testdata", "keys", state+"."+string(suite))
	cacheMu.Lock()
	defer cacheMu.Unlock()
	if cache[path] == nil {
		if *update {
			if err := os.WriteFile(path, cheaply(t, fresh(t, suite, who)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cache[path] = must(pgp.Unlock(must(os.ReadFile(path))(t), passphrase))(t)
	}
	return cache[path]
}

// FuzzParseCertificate: what parses is written back byte for byte, and can be
// asked anything (T17).
func FuzzParseCertificate(f *testing.F) {
	for _, suite := range pgp.Suites() {
		k := fixed(f, suite, alice)
		f.Add(k.Certificate().Bytes())
		f.Add(must(fixed(f, suite, bob).Certify(k.Certificate(), now, 0))(f).Bytes())
	}
	issuer := fixed(f, pgp.Classic4, bob).Certificate()
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
// and opens, if at all, as what was sealed (T17).
func FuzzCheckFraming(f *testing.F) {
	for i, suite := range pgp.Suites() {
		a, b := fixed(f, suite, alice), fixed(f, suite, bob)
		f.Add(uint8(i), must(a.Seal(typ, plain, b.Certificate(), now))(f))
		f.Add(uint8(i), must(a.Seal(typ, bytes.Repeat(plain, 100), b.Certificate(), now))(f))
	}
	f.Fuzz(func(t *testing.T, n uint8, sealed []byte) {
		suite := pgp.Suites()[int(n)%len(pgp.Suites())]
		a, b := fixed(t, suite, alice), fixed(t, suite, bob)
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
		f.Add(uint8(i), must(fixed(f, suite, alice).Sign(typ, plain, now))(f), plain)
		f.Add(uint8(i), serialized(f, signature(f, signing(f, fixed(f, suite, bob)), plain)), plain)
	}
	f.Fuzz(func(t *testing.T, n uint8, sig, data []byte) {
		suite := pgp.Suites()[int(n)%len(pgp.Suites())]
		if err := fixed(t, suite, alice).Certificate().Verify(typ, data, sig, now); err != nil {
			return
		}
		tags, _, err := pgp.Packets(sig)
		if err != nil || len(tags) != 1 || tags[0] != 2 || !bytes.Equal(data, plain) {
			t.Errorf("%q is signed", data)
		}
	})
}

// FuzzOpenInside: whatever is encrypted to us, only what the sender has signed
// comes out (T17).
func FuzzOpenInside(f *testing.F) {
	for i, suite := range pgp.Suites() {
		a, b, c := fixed(f, suite, alice), fixed(f, suite, bob), fixed(f, suite, carol)
		f.Add(uint8(i), signed(f, signing(f, a), plain, to(b, a)))
		f.Add(uint8(i), signed(f, signing(f, a), plain, to(c, a)))
		f.Add(uint8(i), signed(f, signing(f, c), plain, to(b, a)))
		f.Add(uint8(i), literal(plain))
	}
	f.Fuzz(func(t *testing.T, n uint8, inside []byte) {
		suite := pgp.Suites()[int(n)%len(pgp.Suites())]
		a, b := fixed(t, suite, alice), fixed(t, suite, bob)
		sealed := encrypted(t, formOf(suite), inside, encryptionKeys(t, b, a)...)
		got, err := b.Open(sealed, opening(t, a, b))
		if (got == nil) != (err != nil) || err == nil && !bytes.Equal(got, plain) {
			t.Errorf("opened as %q: %v", got, err)
		}
	})
}
