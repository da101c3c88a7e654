// Package pgp is the project's OpenPGP profile: closed suites, keys,
// certificates, signatures, sealed payloads. It is the one place that knows
// go-crypto, and closes the traps of that library and of the format (protocol
// sections 2.2 to 2.6).
package pgp

import (
	"crypto"
	"errors"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"
)

// Failures. Each function documents which it returns.
var (
	ErrPassphrase  = errors.New("pgp: wrong passphrase")
	ErrKey         = errors.New("pgp: not a usable secret key")
	ErrCertificate = errors.New("pgp: not an acceptable certificate")
	ErrExpired     = errors.New("pgp: the certificate has expired")
	ErrRevoked     = errors.New("pgp: the certificate has been revoked")
	ErrNotYetValid = errors.New("pgp: the certificate is not valid yet")
	ErrSignature   = errors.New("pgp: the signature is not good")
	ErrFraming     = errors.New("pgp: the payload does not have the suite's framing")
	ErrNotForUs    = errors.New("pgp: the payload is not encrypted to this key")
	ErrTooLarge    = errors.New("pgp: too large")
	ErrSuite       = errors.New("pgp: unknown suite")
)

// A Suite is a closed tuple of algorithms: keys, signatures, encryption. There
// is no negotiation inside one and no fallback between them.
type Suite string

// The suites of protocol section 2.4.
const (
	Classic4 Suite = "classic-4" // v4 EdDSA, SHA-512; ECDH Curve25519, SEIPDv1 AES-256
	Modern6  Suite = "modern-6"  // v6 Ed25519; v6 X25519, SEIPDv2 AES-256-GCM
	PQ6      Suite = "pq-6"      // v6 ML-DSA-65+Ed25519; v6 ML-KEM-768+X25519, SEIPDv2 AES-256-GCM
)

// form is what a suite fixes.
type form struct {
	version       int // of keys and signatures
	sign, encrypt packet.PublicKeyAlgorithm
	generate      packet.PublicKeyAlgorithm
	pkesk, seipd  int
	hashes        map[crypto.Hash]bool // of signatures over data
}

// hashes are those that are still good. The profile signs with SHA-512, and
// stock tools with SHA-256.
var hashes = map[crypto.Hash]bool{
	crypto.SHA256: true, crypto.SHA384: true, crypto.SHA512: true, crypto.SHA3_256: true, crypto.SHA3_512: true,
}

var forms = map[Suite]form{
	Classic4: {4, packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoECDH, packet.PubKeyAlgoEdDSA, 3, 1, hashes},
	Modern6:  {6, packet.PubKeyAlgoEd25519, packet.PubKeyAlgoX25519, packet.PubKeyAlgoEd25519, 6, 2, hashes},
	PQ6:      {6, packet.PubKeyAlgoMldsa65Ed25519, packet.PubKeyAlgoMlkem768X25519, packet.PubKeyAlgoMldsa65Ed25519, 6, 2, hashes},
}

// Suites returns all suites, strongest first.
func Suites() []Suite { return []Suite{PQ6, Modern6, Classic4} }

// Valid reports whether s is a suite.
func (s Suite) Valid() bool { return slices.Contains(Suites(), s) }

// BestCommon returns the strongest suite in both lists.
func BestCommon(a, b []Suite) (Suite, bool) {
	for _, s := range Suites() {
		if slices.Contains(a, s) && slices.Contains(b, s) {
			return s, true
		}
	}
	return "", false
}

// notationName is the notation that says what a signature is over.
const notationName = "typ@entraide.example"

// strict is the policy under which everything is made and read, at a time.
func strict(at time.Time) *packet.Config {
	none := int64(0)
	deny := map[packet.PublicKeyAlgorithm]bool{}
	for a := range 256 {
		deny[packet.PublicKeyAlgorithm(a)] = true
	}
	for _, f := range forms {
		deny[f.sign], deny[f.encrypt] = false, false
	}
	weak := map[crypto.Hash]bool{crypto.MD5: true, crypto.SHA1: true, crypto.RIPEMD160: true, crypto.SHA224: true}
	return &packet.Config{
		Time:                        func() time.Time { return at },
		DefaultHash:                 crypto.SHA512,
		DefaultCipher:               packet.CipherAES256,
		DefaultCompressionAlgo:      packet.CompressionNone,
		RejectPublicKeyAlgorithms:   deny,
		RejectHashAlgorithms:        weak,
		RejectMessageHashAlgorithms: weak,
		CheckIntendedRecipients:     packet.BoolPointer(true),
		CheckPacketSequence:         packet.BoolPointer(true),
		MaxDecompressedMessageSize:  &none,
	}
}

// config is the strict policy with what a suite needs to make things.
func (s Suite) config(at time.Time) *packet.Config {
	c := strict(at)
	f := forms[s]
	c.Algorithm, c.Curve, c.V6Keys = f.generate, packet.Curve25519, f.version == 6
	if f.seipd == 2 {
		c.AEADConfig = &packet.AEADConfig{DefaultMode: packet.AEADModeGCM, ChunkSize: 16 << 10}
	}
	return c
}

// argon2 locks keys at rest: 3 passes over 64 MiB.
func argon2(at time.Time) *packet.Config {
	c := strict(at)
	c.AEADConfig = &packet.AEADConfig{}
	c.S2KConfig = &s2k.Config{S2KMode: s2k.Argon2S2K, Argon2Config: &s2k.Argon2Config{
		NumberOfPasses: 3, DegreeOfParallelism: 4, Memory: 64 << 10,
	}}
	return c
}
