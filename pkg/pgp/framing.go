package pgp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// maxChunkOctet is the largest size of chunks that may be asked for, 4 MiB
// (RFC 9580 section 5.13.2).
const maxChunkOctet = 16

// framing is what can be seen of a sealed payload without secrets.
type framing struct {
	keys []rawPacket // the encrypted session keys, one for each recipient
	data rawPacket   // the encrypted data
}

// CheckFraming reports whether sealed looks, to somebody without secrets, as a
// payload that was sealed in a suite to encryption subkeys with these
// fingerprints: exactly one encrypted session key for each, in this order, and
// then encrypted data of the suite's version, cipher and mode to the end of the
// input. There is nothing else: no wildcard recipient, no passphrase packet, no
// marker or padding, no armor.
//
// It allocates little and looks at each byte at most once. It proves nothing
// about what is inside.
//
// The error wraps ErrFraming, or ErrSuite.
//
// Format: RFC 9580 sections 5.1 and 5.13, RFC 9980.
func CheckFraming(suite Suite, sealed []byte, recipients ...string) error {
	_, err := readFraming(suite, sealed, recipients)
	return err
}

func readFraming(suite Suite, sealed []byte, recipients []string) (framing, error) {
	f, ok := forms[suite]
	if !ok {
		return framing{}, ErrSuite
	}
	if len(recipients) == 0 {
		return framing{}, fmt.Errorf("%w: no recipient is expected", ErrFraming)
	}
	var out framing
	rest := sealed
	for i, fingerprint := range recipients {
		p, tail, err := cutPacket(rest)
		if err == nil {
			err = f.checkSessionKey(p, fingerprint)
		}
		if err != nil {
			return framing{}, fmt.Errorf("%w: recipient %d: %w", ErrFraming, i+1, err)
		}
		out.keys, rest = append(out.keys, p), tail
	}
	p, tail, err := cutPacket(rest)
	if err == nil {
		err = f.checkData(p)
	}
	if err != nil {
		return framing{}, fmt.Errorf("%w: the encrypted data: %w", ErrFraming, err)
	}
	if len(tail) > 0 {
		return framing{}, fmt.Errorf("%w: there is something behind the encrypted data", ErrFraming)
	}
	out.data = p
	return out, nil
}

// checkSessionKey checks an encrypted session key packet (RFC 9580 section 5.1).
func (f form) checkSessionKey(p rawPacket, recipient string) error {
	if p.tag != tagPKESK {
		return fmt.Errorf("there is a packet of type %d", p.tag)
	}
	if p.partial || p.legacy && f.version == 6 {
		return errHeader
	}
	fingerprint, err := hex.DecodeString(recipient)
	if err != nil || len(fingerprint) != f.fingerprintBytes() {
		return errors.New("the fingerprint expected is not one of the suite")
	}
	want := []byte{byte(f.pkesk)}
	if f.pkesk == 3 {
		// The key ID is the end of the fingerprint.
		want = append(want, fingerprint[len(fingerprint)-8:]...)
	} else {
		want = append(want, byte(1+len(fingerprint)), byte(f.version))
		want = append(want, fingerprint...)
	}
	body, ok := bytes.CutPrefix(p.first, append(want, byte(f.encrypt)))
	if !ok {
		return errors.New("version, recipient or algorithm is another")
	}
	if f.encrypt == packet.PubKeyAlgoRSA {
		return f.checkInteger(body)
	}
	if len(body) != f.wrapped {
		return errors.New("the encrypted session key has another size")
	}
	return f.checkWrapped(body)
}

// checkWrapped checks what follows the algorithm: a point or ciphertext, a
// length, and the wrapped session key of AES-256.
func (f form) checkWrapped(body []byte) error {
	wrapped := 40
	if f.encrypt == packet.PubKeyAlgoECDH {
		wrapped = 48
		// A point of Curve25519: 0x40 and 32 octets.
		if binary.BigEndian.Uint16(body) != 263 || body[2] != 0x40 {
			return errors.New("the point is malformed")
		}
	}
	if int(body[len(body)-wrapped-1]) != wrapped {
		return errors.New("the encrypted session key has another size")
	}
	return nil
}

// rsaSlack is by how many octets the ciphertext of RSA may be shorter than the
// modulus: that it is by more has a chance of 1 in 2^128.
const rsaSlack = 16

// checkInteger checks that one multiprecision integer follows the algorithm,
// about as large as the modulus (RFC 9580 section 3.2).
func (f form) checkInteger(body []byte) error {
	if len(body) < f.wrapped-rsaSlack || len(body) > f.wrapped {
		return errors.New("the encrypted session key has another size")
	}
	size, octets := int(binary.BigEndian.Uint16(body)), body[2:]
	if size != 8*(len(octets)-1)+bits.Len8(octets[0]) || octets[0] == 0 {
		return errors.New("the encrypted session key is malformed")
	}
	return nil
}

// fingerprintBytes is the size of the fingerprints of the suite's keys.
func (f form) fingerprintBytes() int {
	if f.version == 6 {
		return 32
	}
	return 20
}

// Least sizes of encrypted data (RFC 9580 section 5.13).
const (
	minMDC  = 1 + 18 + 22               // version, prefix, modification detection code
	minAEAD = 1 + 1 + 1 + 1 + 32 + 2*16 // version, cipher, mode, chunk size, salt; tags of one chunk and of all
)

// checkData checks an encrypted data packet (RFC 9580 section 5.13).
func (f form) checkData(p rawPacket) error {
	if p.tag != tagSEIPD {
		return fmt.Errorf("there is a packet of type %d", p.tag)
	}
	if !f.aead() {
		if p.size < minMDC || p.first[0] != 1 {
			return errors.New("version or size is another")
		}
		return nil
	}
	if p.size < minAEAD {
		return errTruncated
	}
	return checkAEADHead(p.first)
}

// checkAEADHead checks how encrypted data of version 2 begins.
func checkAEADHead(head []byte) error {
	want := []byte{2, byte(packet.CipherAES256), byte(packet.AEADModeGCM)}
	if !bytes.HasPrefix(head, want) {
		return errors.New("version, cipher or mode is another")
	}
	if head[3] > maxChunkOctet {
		return errors.New("the chunks are too large")
	}
	return nil
}
