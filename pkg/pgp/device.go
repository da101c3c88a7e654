package pgp

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// rsaBits is the size of the RSA keys of hsm-4, rsaExponent their exponent.
const (
	rsaBits     = 4096
	rsaExponent = 65537
)

// generateRSA makes a key in software. Tests have primes at hand.
var generateRSA = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, rsaBits) }

// A Device makes and finds the secret keys of hsm-4, which never leave it: of
// ECDSA on P-384, as a crypto.Signer of digests of any size, and of RSA with
// 4096 bits, as a crypto.Decrypter after PKCS #1 version 1.5.
type Device interface {
	MakeSigner() (crypto.Signer, error)
	MakeDecrypter() (crypto.Decrypter, error)
	// Find returns what Make has returned for a public key, an
	// *ecdsa.PublicKey or an *rsa.PublicKey.
	Find(public crypto.PublicKey) (any, error)
}

// GenerateIn is [Generate] for a key of hsm-4 whose secret parts are made in a
// device and stay there. What there is to be stored is its certificate. Lock and
// Export of it fail with ErrHeld.
func GenerateIn(d Device, userID string, at time.Time, lifetime time.Duration) (*Key, error) {
	return generate(maker{HSM4, d}, userID, at, lifetime)
}

// OpenIn returns the key of a certificate that GenerateIn, or a change since,
// has made. The error wraps ErrCertificate or ErrTooLarge, ErrSuite if it is not
// of hsm-4, or ErrKey if the device lacks a key of it.
func OpenIn(d Device, certificate []byte) (*Key, error) {
	public, err := ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	if public.suite != HSM4 {
		return nil, fmt.Errorf("%w: devices hold keys of %s", ErrSuite, HSM4)
	}
	k := &Key{suite: HSM4, device: d, subkeys: map[string]*packet.PrivateKey{}, public: public}
	if k.primary, err = find(d, public.primary); err != nil {
		return nil, err
	}
	for _, m := range public.subkeys {
		if k.subkeys[m.fingerprint], err = find(d, m); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// find returns the secret part of a key from a device.
func find(d Device, m component) (*packet.PrivateKey, error) {
	var public crypto.PublicKey = m.key.PublicKey
	if m.key.PubKeyAlgo == packet.PubKeyAlgoECDSA {
		var err error
		if public, err = pointOf(m.key); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
	}
	secret, err := d.Find(public)
	if err != nil {
		return nil, fmt.Errorf("%w: the device lacks the key %s: %w", ErrKey, m.fingerprint, err)
	}
	return &packet.PrivateKey{PublicKey: *m.key, PrivateKey: secret}, nil
}

// oidP384 names the curve P-384 (RFC 9580 section 9.2), behind its length.
var oidP384 = []byte{5, 0x2b, 0x81, 0x04, 0x00, 0x22}

// pointBytes is the size of an uncompressed point of P-384, and pointBits how
// many bits of it count.
const (
	pointBytes = 1 + 2*48
	pointBits  = 3 + 8*2*48
)

// pointOf returns the public key of ECDSA that a packet holds.
func pointOf(key *packet.PublicKey) (*ecdsa.PublicKey, error) {
	var out bytes.Buffer
	if err := key.Serialize(&out); err != nil {
		return nil, err
	}
	if out.Len() < pointBytes {
		return nil, errTruncated
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P384(), out.Bytes()[out.Len()-pointBytes:])
}

// signerKey returns the packet of a key in a device that signs.
func signerKey(signer crypto.Signer, at time.Time) (*packet.PrivateKey, error) {
	public, ok := signer.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P384() {
		return nil, errors.New("the device made another key than one of P-384")
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, err
	}
	body := binary.BigEndian.AppendUint32([]byte{4}, uint32(at.Unix()))
	body = append(append(body, byte(packet.PubKeyAlgoECDSA)), oidP384...)
	body = append(binary.BigEndian.AppendUint16(body, pointBits), point...)
	parsed, err := packet.Read(bytes.NewReader(appendPacket(nil, tagPublicKey, body)))
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*packet.PublicKey)
	if !ok {
		return nil, errors.New("the key of the device cannot be written")
	}
	return &packet.PrivateKey{PublicKey: *key, PrivateKey: signer}, nil
}

// decrypterKey returns the packet of a key that decrypts, in a device or not.
func decrypterKey(decrypter crypto.Decrypter, at time.Time) (*packet.PrivateKey, error) {
	public, ok := decrypter.Public().(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the device made another key than one of RSA")
	}
	k := &packet.PrivateKey{PublicKey: *packet.NewRSAPublicKey(at, public), PrivateKey: decrypter}
	k.IsSubkey = true
	return k, nil
}

// checkRSA checks the size of a key of RSA.
func checkRSA(key *packet.PublicKey) error {
	public, ok := key.PublicKey.(*rsa.PublicKey)
	if !ok || public.N.BitLen() != rsaBits || public.E != rsaExponent {
		return fmt.Errorf("it is not of RSA with %d bits and the exponent %d", rsaBits, rsaExponent)
	}
	return nil
}

// A maker makes secret keys of a suite, in a device if there is one.
type maker struct {
	suite  Suite
	device Device
}

// signer makes a key that signs, or certifies.
func (m maker) signer(at time.Time, subkey bool) (*packet.PrivateKey, error) {
	if m.device == nil {
		return newSigner(m.suite, at, subkey)
	}
	made, err := m.device.MakeSigner()
	if err != nil {
		return nil, fmt.Errorf("pgp: making a key in the device: %w", err)
	}
	k, err := signerKey(made, at)
	if err != nil {
		return nil, fmt.Errorf("pgp: making a key in the device: %w", err)
	}
	k.IsSubkey = subkey
	return k, nil
}

// decrypter makes a key that decrypts.
func (m maker) decrypter(at time.Time) (*packet.PrivateKey, error) {
	if m.suite != HSM4 {
		return newDecrypter(m.suite, at)
	}
	var made crypto.Decrypter
	var err error
	if m.device != nil {
		made, err = m.device.MakeDecrypter()
	} else {
		made, err = generateRSA()
	}
	if err != nil {
		return nil, fmt.Errorf("pgp: generating a key: %w", err)
	}
	return decrypterKey(made, at)
}
