package pgp

import (
	"crypto"
	"errors"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Failures. Each function says which of them its errors wrap.
var (
	ErrPassphrase  = errors.New("pgp: wrong passphrase")
	ErrKey         = errors.New("pgp: not a usable secret key")
	ErrCertificate = errors.New("pgp: not an acceptable certificate")
	ErrExpired     = errors.New("pgp: expired")
	ErrRevoked     = errors.New("pgp: revoked")
	ErrNotYetValid = errors.New("pgp: not valid yet")
	ErrSignature   = errors.New("pgp: not a good signature")
	ErrFraming     = errors.New("pgp: not framed as the suite demands")
	ErrNotForUs    = errors.New("pgp: not encrypted to this key")
	ErrTooLarge    = errors.New("pgp: too large")
	ErrSuite       = errors.New("pgp: not of the right suite")
)

// A Suite is a closed tuple of algorithms for keys, signatures and encryption.
// There is no negotiation inside one and no fallback between them.
type Suite string

// The suites of protocol section 2.4.
const (
	Classic4 Suite = "classic-4" // v4 Ed25519 (legacy EdDSA); ECDH Curve25519, SEIPDv1 AES-256
	HSM4     Suite = "hsm-4"     // v4 ECDSA P-384; RSA-4096, SEIPDv1 AES-256: what devices hold
	Modern6  Suite = "modern-6"  // v6 Ed25519; v6 X25519, SEIPDv2 AES-256-GCM
	PQ6      Suite = "pq-6"      // v6 ML-DSA-65+Ed25519; v6 ML-KEM-768+X25519, SEIPDv2 AES-256-GCM
)

// Suites returns all suites, strongest first. Of the two that stock tools read,
// hsm-4 comes first: who publishes a key of it has it for the custody of a device.
func Suites() []Suite { return []Suite{PQ6, Modern6, HSM4, Classic4} }

// Valid reports whether s is one of the suites.
func (s Suite) Valid() bool { return slices.Contains(Suites(), s) }

// BestCommon returns the strongest suite that is in both lists.
func BestCommon(a, b []Suite) (Suite, bool) {
	for _, s := range Suites() {
		if slices.Contains(a, s) && slices.Contains(b, s) {
			return s, true
		}
	}
	return "", false
}

// A form is what a suite fixes.
type form struct {
	version int // of keys and signatures
	sign    packet.PublicKeyAlgorithm
	encrypt packet.PublicKeyAlgorithm
	pkesk   int // version of the encrypted session key packets
	seipd   int // version of the encrypted data packet
	// wrapped is the size in bytes of what follows the algorithm in an
	// encrypted session key packet, the largest one if it varies.
	wrapped int
	curve   packet.Curve // of the keys that name one
	// hashes are those accepted in signatures; our own are always SHA-512.
	hashes []crypto.Hash
}

var forms = map[Suite]form{
	// Stock tools sign with SHA-256 or SHA-384, depending on their settings.
	Classic4: {
		4, packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoECDH, 3, 1,
		2 + 33 + 1 + 48, packet.Curve25519, []crypto.Hash{crypto.SHA512, crypto.SHA384, crypto.SHA256},
	},
	HSM4: {
		4, packet.PubKeyAlgoECDSA, packet.PubKeyAlgoRSA, 3, 1,
		2 + rsaBits/8, packet.CurveNistP384, []crypto.Hash{crypto.SHA512, crypto.SHA384},
	},
	Modern6: {
		6, packet.PubKeyAlgoEd25519, packet.PubKeyAlgoX25519, 6, 2,
		32 + 1 + 40, packet.Curve25519, []crypto.Hash{crypto.SHA512},
	},
	PQ6: {
		6, packet.PubKeyAlgoMldsa65Ed25519, packet.PubKeyAlgoMlkem768X25519, 6, 2,
		32 + 1088 + 1 + 40, packet.Curve25519, []crypto.Hash{crypto.SHA512},
	},
}

// formOf returns the form whose signatures have a version and an algorithm.
func formOf(version int, algorithm packet.PublicKeyAlgorithm) (Suite, form, bool) {
	for _, s := range Suites() {
		if f := forms[s]; f.version == version && f.sign == algorithm {
			return s, f, true
		}
	}
	return "", form{}, false
}

// aead reports whether data is encrypted with authentication in chunks.
func (f form) aead() bool { return f.seipd == 2 }

// sessionKeyBytes is the size of the session key of every suite: AES-256.
const sessionKeyBytes = 32

// chunkBytes is the size of the chunks of encrypted data that we write; most
// payloads are smaller than the usual 256 KiB, which would be cleared for each.
const chunkBytes = 16 << 10

// config is what go-crypto needs to make keys, signatures and encrypted data of
// the suite as of a time. Nothing is decided by its defaults.
func (s Suite) config(at time.Time) *packet.Config {
	f := forms[s]
	c := &packet.Config{
		Time:                   func() time.Time { return at },
		DefaultHash:            crypto.SHA512,
		DefaultCipher:          packet.CipherAES256,
		DefaultCompressionAlgo: packet.CompressionNone,
		Algorithm:              f.sign,
		Curve:                  f.curve,
		V6Keys:                 f.version == 6,
	}
	if f.aead() {
		c.AEADConfig = &packet.AEADConfig{DefaultMode: packet.AEADModeGCM, ChunkSize: chunkBytes}
	}
	return c
}
