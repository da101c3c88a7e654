package pgp_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

// Times of the tests.
var (
	born = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now  = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
)

const typ = "entraide/test/1"

// States that take part: each has one key of each suite.
const (
	alice = "QM.24-7 <24-7@qm.example>"
	bob   = "QN.24-7 <24-7@qn.example>"
	carol = "QP.24-7 <24-7@qp.example>"
)

var (
	cacheMu sync.Mutex
	cache   = map[string]*pgp.Key{}
)

// key returns the key of a State, made once. It may not be changed.
func key(t testing.TB, suite pgp.Suite, who string) *pgp.Key {
	t.Helper()
	cacheMu.Lock()
	defer cacheMu.Unlock()
	id := string(suite) + who
	if cache[id] == nil {
		cache[id] = fresh(t, suite, who)
	}
	return cache[id]
}

// fresh returns a new key, which the test may change.
func fresh(t testing.TB, suite pgp.Suite, who string) *pgp.Key {
	t.Helper()
	k, err := pgp.Generate(suite, who, born, 0)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// eachSuite runs a test for every suite.
func eachSuite(t *testing.T, test func(t *testing.T, suite pgp.Suite)) {
	t.Helper()
	for _, suite := range pgp.Suites() {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			test(t, suite)
		})
	}
}

// must returns v, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantError checks that err wraps want, and is nil if want is.
func wantError(t testing.TB, err, want error) {
	t.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("error is %v, want %v", err, want)
	}
}

// parsed returns the certificate that data is.
func parsed(t testing.TB, data []byte) *pgp.Certificate {
	t.Helper()
	return must(pgp.ParseCertificate(data))(t)
}

// signing returns the secret signing subkey of a key.
func signing(t testing.TB, k *pgp.Key) *packet.PrivateKey {
	t.Helper()
	return k.Secret(must(k.Certificate().SigningSubkey(now))(t))
}

// encryption returns the fingerprint of the encryption subkey of a key.
func encryption(t testing.TB, k *pgp.Key) string {
	t.Helper()
	return must(k.Certificate().EncryptionSubkey(now))(t)
}

// serialized returns what write writes.
func serialized(t testing.TB, p interface{ Serialize(io.Writer) error }) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := p.Serialize(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A change makes a signature other than it ought to be.
type change func(*packet.Signature)

// signature signs data as Sign and Seal do, after a change.
func signature(t testing.TB, by *packet.PrivateKey, data []byte, changes ...change) *packet.Signature {
	t.Helper()
	sig := template(by, packet.SigTypeBinary)
	sig.Notations = []*packet.Notation{notation(typ)}
	for _, c := range changes {
		c(sig)
	}
	config := &packet.Config{}
	h := must(sig.PrepareSign(config))(t)
	h.Write(data)
	if err := sig.Sign(h, by, config); err != nil {
		t.Fatal(err)
	}
	return sig
}

// template returns a signature that is yet to be made.
func template(by *packet.PrivateKey, kind packet.SignatureType) *packet.Signature {
	return &packet.Signature{
		Version: by.Version, SigType: kind, PubKeyAlgo: by.PubKeyAlgo, Hash: hashes[10], CreationTime: now,
		IssuerKeyId: &by.KeyId, IssuerKeyVersion: uint8(by.Version), IssuerFingerprint: by.Fingerprint,
	}
}

// notation returns the notation that says what a signature is for.
func notation(value string) *packet.Notation {
	return &packet.Notation{Name: "typ@entraide.example", Value: []byte(value), IsHumanReadable: true}
}

// literal returns plaintext as binary literal data.
func literal(plaintext []byte) []byte {
	return pgp.Packet(11, []byte{'b', 0, 0, 0, 0, 0}, plaintext)
}

// to makes a signature name intended recipients.
func to(keys ...*pgp.Key) change {
	return func(sig *packet.Signature) {
		for _, k := range keys {
			primary := k.Secret("")
			sig.IntendedRecipients = append(sig.IntendedRecipients, &packet.Recipient{
				KeyVersion: primary.Version, Fingerprint: primary.Fingerprint,
			})
		}
	}
}

// signed returns what is inside of a sealed message: one-pass signature, literal
// data, signature.
func signed(t testing.TB, by *packet.PrivateKey, plaintext []byte, changes ...change) []byte {
	t.Helper()
	sig := signature(t, by, plaintext, changes...)
	return slices.Concat(serialized(t, pgp.OnePass(sig)), literal(plaintext), serialized(t, sig))
}

// A form says how something is encrypted.
type form struct {
	aead   bool
	cipher packet.CipherFunction
	mode   packet.AEADMode
	hidden bool
}

// version4 reports whether the keys of a suite are of version 4.
func version4(suite pgp.Suite) bool { return suite == pgp.Classic4 || suite == pgp.HSM4 }

// costly is how many times fewer mutants of a suite are tried: each costs an
// operation with a secret key of RSA.
func costly(suite pgp.Suite) int {
	if suite == pgp.HSM4 {
		return 23
	}
	return 1
}

// formOf returns how a suite encrypts.
func formOf(suite pgp.Suite) form {
	return form{aead: !version4(suite), cipher: packet.CipherAES256, mode: packet.AEADModeGCM}
}

// encrypted encrypts anything to encryption subkeys.
func encrypted(t testing.TB, f form, inside []byte, to ...*packet.PublicKey) []byte {
	t.Helper()
	config := &packet.Config{AEADConfig: &packet.AEADConfig{ChunkSize: 1 << 14}}
	session := make([]byte, f.cipher.KeySize())
	if _, err := rand.Read(session); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, k := range to {
		if err := packet.SerializeEncryptedKeyAEADwithHiddenOption(&out, k, f.cipher, f.aead, session, f.hidden, config); err != nil {
			t.Fatal(err)
		}
	}
	suite := packet.CipherSuite{Cipher: f.cipher, Mode: f.mode}
	w := must(packet.SerializeSymmetricallyEncrypted(&out, f.cipher, f.aead, suite, session, config))(t)
	must(w.Write(inside))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// encryptionKeys returns the public encryption subkeys of keys.
func encryptionKeys(t testing.TB, keys ...*pgp.Key) []*packet.PublicKey {
	t.Helper()
	var public []*packet.PublicKey
	for _, k := range keys {
		public = append(public, &k.Secret(encryption(t, k)).PublicKey)
	}
	return public
}

// opening is what a message from one to another must be.
func opening(t testing.TB, from, to *pgp.Key) pgp.Opening {
	t.Helper()
	return pgp.Opening{
		Typ: typ, Sender: from.Certificate(), At: now, MaxBytes: 1 << 20,
		Recipients: []string{encryption(t, to), encryption(t, from)},
		Intended:   []string{to.Fingerprint(), from.Fingerprint()},
	}
}
