package pgp

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// notationName is the notation that says what a signature is over.
const notationName = "typ@entraide.example"

// Subpackets (RFC 9580 section 5.2.3.7) that are looked at here.
const (
	subCreated      = 2
	subExpiration   = 3
	subIssuer       = 16
	subNotation     = 20
	subSignerUserID = 28
	subEmbedded     = 32
	subFingerprint  = 33
	subIntended     = 35
)

// A subpacket is a part of the metadata of a signature.
type subpacket struct {
	kind     byte
	critical bool
	content  []byte
}

// A signature is a signature packet that has been read, but not verified.
type signature struct {
	*packet.Signature
	suite            Suite // whose form it has
	hashed, unhashed []subpacket
}

// readSignature reads a signature packet that has exactly the form of a suite.
// Its one spelling is that which go-crypto would write: no byte of it is left
// unread.
func readSignature(p rawPacket) (*signature, error) {
	if p.tag != tagSignature || p.partial {
		return nil, errors.New("not a signature packet")
	}
	parsed, err := packet.Read(bytes.NewReader(p.raw))
	if err != nil {
		return nil, err
	}
	sig, ok := parsed.(*packet.Signature)
	if !ok {
		return nil, errors.New("not a signature packet")
	}
	suite, err := checkForm(sig, p.legacy)
	if err != nil {
		return nil, err
	}
	var written bytes.Buffer
	if err := sig.Serialize(&written); err != nil {
		return nil, err
	}
	again, _, err := cutPacket(written.Bytes())
	if err != nil {
		return nil, err
	}
	body := p.body()
	if !bytes.Equal(again.body(), body) {
		return nil, errors.New("a signature is not spelt as it must be")
	}
	s := &signature{Signature: sig, suite: suite}
	if s.hashed, s.unhashed, err = cutSubpackets(body); err != nil {
		return nil, err
	}
	return s, s.checkOnce()
}

// checkForm checks version, algorithm and hash and returns the suite that they
// are of.
func checkForm(sig *packet.Signature, legacy bool) (Suite, error) {
	suite, f, ok := formOf(sig.Version, sig.PubKeyAlgo)
	switch {
	case !ok:
		return "", fmt.Errorf("no suite has signatures of version %d and algorithm %d", sig.Version, sig.PubKeyAlgo)
	case !slices.Contains(f.hashes, sig.Hash):
		return "", fmt.Errorf("%s has no signatures with %v", suite, sig.Hash)
	case legacy && f.version == 6:
		return "", errHeader
	}
	return suite, nil
}

// cutSubpackets returns the two areas of subpackets of a signature, the hashed
// and the unhashed.
func cutSubpackets(body []byte) (hashed, unhashed []subpacket, err error) {
	octets, rest := 2, body[4:]
	if body[0] == 6 {
		octets = 4
	}
	areas := [2][]subpacket{}
	for i := range areas {
		if len(rest) < octets {
			return nil, nil, errTruncated
		}
		var length int
		for _, b := range rest[:octets] {
			length = length<<8 | int(b)
		}
		rest = rest[octets:]
		if length < 0 || length > len(rest) {
			return nil, nil, errTruncated
		}
		if areas[i], err = cutArea(rest[:length]); err != nil {
			return nil, nil, err
		}
		rest = rest[length:]
	}
	return areas[0], areas[1], nil
}

// cutArea cuts one area into subpackets (RFC 9580 section 5.2.3.7).
func cutArea(area []byte) (subpackets []subpacket, err error) {
	for len(area) > 0 {
		var length int
		switch {
		case area[0] < 192:
			length, area = int(area[0]), area[1:]
		case area[0] < 255 && len(area) >= 2:
			length, area = int(area[0]-192)<<8+int(area[1])+192, area[2:]
		case len(area) >= 5:
			length, area = int(binary.BigEndian.Uint32(area[1:])), area[5:]
		default:
			return nil, errTruncated
		}
		if length < 1 || length > len(area) {
			return nil, errTruncated
		}
		subpackets = append(subpackets, subpacket{area[0] & 0x7f, area[0]&0x80 != 0, area[1:length]})
		area = area[length:]
	}
	return subpackets, nil
}

// checkOnce checks that the metadata of a signature can be understood in one
// way: nothing is said twice, unless it is a list, nothing critical is unknown,
// the issuer is named by its fingerprint under the signature, and what is not
// under the signature is at most a hint at the issuer or, in a subkey binding,
// a signature itself.
func (s *signature) checkOnce() error {
	seen := map[byte]bool{}
	for _, sub := range s.hashed {
		list := sub.kind == subNotation || sub.kind == subIntended
		if seen[sub.kind] && !list {
			return fmt.Errorf("subpacket %d occurs twice", sub.kind)
		}
		seen[sub.kind] = true
		if sub.kind == subNotation && sub.critical {
			return errors.New("a notation is critical")
		}
	}
	if !seen[subCreated] || !seen[subFingerprint] {
		return errors.New("creation time or issuer fingerprint is missing")
	}
	for _, sub := range s.unhashed {
		hint := s.Version == 4 && sub.kind == subIssuer || s.SigType == packet.SigTypeSubkeyBinding && sub.kind == subEmbedded
		if !hint || seen[sub.kind] {
			return fmt.Errorf("subpacket %d is not under the signature", sub.kind)
		}
		seen[sub.kind] = true
	}
	return nil
}

// checkOver checks that s is what a signature over data for a purpose must be:
// of type binary, without expiration, with exactly one notation of ours, and
// with no metadata that could change its meaning.
func (s *signature) checkOver(typ string, intended bool) error {
	if s.SigType != packet.SigTypeBinary {
		return errors.New("a signature over data is not of type binary")
	}
	named := 0
	for _, sub := range s.hashed {
		switch sub.kind {
		case subCreated, subIssuer, subNotation, subSignerUserID, subFingerprint:
		case subIntended:
			if !intended {
				return errors.New("a detached signature names recipients")
			}
		default:
			return fmt.Errorf("a signature over data has a subpacket %d", sub.kind)
		}
	}
	for _, n := range s.Notations {
		if n.Name != notationName {
			continue
		}
		named++
		if !n.IsHumanReadable || typ == "" || string(n.Value) != typ {
			return errors.New("a signature is for another purpose")
		}
	}
	if named != 1 {
		return fmt.Errorf("a signature has %d notations %s", named, notationName)
	}
	return nil
}

// newSignature returns a signature packet to be signed by a key.
func newSignature(by *packet.PrivateKey, kind packet.SignatureType, at time.Time) *packet.Signature {
	return &packet.Signature{
		Version:           by.Version,
		SigType:           kind,
		PubKeyAlgo:        by.PubKeyAlgo,
		Hash:              crypto.SHA512,
		CreationTime:      at,
		IssuerKeyId:       &by.KeyId,
		IssuerKeyVersion:  uint8(by.Version),
		IssuerFingerprint: by.Fingerprint,
	}
}

// signOver signs data for a purpose. Intended may be nil.
func signOver(by *packet.PrivateKey, typ string, data []byte, intended []*packet.Recipient, at time.Time) (*packet.Signature, error) {
	if typ == "" || len(typ) > math.MaxUint8 {
		return nil, errors.New("pgp: a signature needs a purpose")
	}
	sig := newSignature(by, packet.SigTypeBinary, at)
	sig.Notations = []*packet.Notation{{Name: notationName, Value: []byte(typ), IsHumanReadable: true}}
	sig.IntendedRecipients = intended
	config := &packet.Config{}
	h, err := sig.PrepareSign(config)
	if err != nil {
		return nil, fmt.Errorf("pgp: signing: %w", err)
	}
	h.Write(data)
	if err := sig.Sign(h, by, config); err != nil {
		return nil, fmt.Errorf("pgp: signing: %w", err)
	}
	return sig, nil
}

// wholeSecond returns at as a signature can say it.
func wholeSecond(at time.Time) (time.Time, error) {
	if at.Unix() <= 0 || at.Unix() > math.MaxUint32 {
		return time.Time{}, fmt.Errorf("pgp: the time %v cannot be written in a signature", at)
	}
	return at.UTC().Truncate(time.Second), nil
}
