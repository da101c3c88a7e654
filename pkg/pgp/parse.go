package pgp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Limits of a certificate.
const (
	maxCertificateBytes = 64 << 10
	maxPackets          = 256
	maxUserIDBytes      = 512
	// maxCertifications bounds the signatures by others, which anybody can add.
	maxCertifications = 8
)

// ParseCertificate parses one binary certificate of at most 64 KiB and verifies
// every self-signature in it. It must be of exactly one suite, with a primary
// key that only certifies, one User ID, and subkeys that either sign, and then
// say themselves whose they are, or encrypt. At most 8 signatures by others are
// kept; they are not verified here: see CertifiedBy. There may be nothing else:
// no armor, no secret key, no other packet, no second certificate.
//
// A certificate that is not valid at any time, or not today, is parsed as any
// other.
//
// The error wraps ErrCertificate, or ErrTooLarge.
//
// Format: RFC 9580 section 10.1, RFC 9980.
func ParseCertificate(data []byte) (*Certificate, error) {
	return parse(data, maxCertificateBytes, maxPackets)
}

// parseOwn is ParseCertificate for the holder of the key.
func parseOwn(data []byte) (*Certificate, error) { return parse(data, maxOwnBytes, maxOwnPackets) }

func parse(data []byte, maxBytes, maxPackets int) (*Certificate, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%w: a certificate has at most %d bytes", ErrTooLarge, maxBytes)
	}
	p := &parser{rest: data, c: &Certificate{data: bytes.Clone(data)}, most: maxPackets}
	p.rest = p.c.data
	if err := p.certificate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	sum := sha256.Sum256(data)
	p.c.digest = hex.EncodeToString(sum[:])
	return p.c, nil
}

// A parser reads a certificate, packet by packet.
type parser struct {
	c     *Certificate
	rest  []byte
	next  rawPacket
	ended bool
	count int
	most  int // packets
}

// advance cuts the next packet.
func (p *parser) advance() (err error) {
	if len(p.rest) == 0 {
		p.ended, p.next = true, rawPacket{}
		return nil
	}
	if p.count++; p.count > p.most {
		return fmt.Errorf("there are more than %d packets", p.most)
	}
	if p.next, p.rest, err = cutPacket(p.rest); err != nil {
		return err
	}
	if p.next.partial {
		return errHeader
	}
	return nil
}

// end returns the offset behind the current packet.
func (p *parser) end() int { return len(p.c.data) - len(p.rest) }

func (p *parser) certificate() error {
	if err := p.advance(); err != nil {
		return err
	}
	if err := p.primaryKey(); err != nil {
		return fmt.Errorf("the primary key: %w", err)
	}
	if err := p.user(); err != nil {
		return fmt.Errorf("the User ID: %w", err)
	}
	for p.next.tag == tagPublicSubkey {
		if err := p.subkey(); err != nil {
			return fmt.Errorf("a subkey: %w", err)
		}
	}
	if !p.ended {
		return fmt.Errorf("there is a packet of type %d where none belongs", p.next.tag)
	}
	return nil
}

// key reads a public key packet and moves on.
func (p *parser) key(tag int) (component, error) {
	if p.next.tag != tag {
		return component{}, fmt.Errorf("there is a packet of type %d in place of one of type %d", p.next.tag, tag)
	}
	parsed, err := packet.Read(bytes.NewReader(p.next.raw))
	if err != nil {
		return component{}, err
	}
	key, ok := parsed.(*packet.PublicKey)
	if !ok {
		return component{}, errors.New("not a public key")
	}
	var written bytes.Buffer
	if err := key.Serialize(&written); err != nil {
		return component{}, err
	}
	again, _, err := cutPacket(written.Bytes())
	if err != nil {
		return component{}, err
	}
	if !bytes.Equal(again.body(), p.next.body()) {
		return component{}, errors.New("it is not spelt as it must be")
	}
	if p.next.legacy && key.Version == 6 {
		return component{}, errHeader
	}
	m := component{key: key, fingerprint: fingerprintOf(key), end: p.end()}
	return m, p.advance()
}

// signature reads a signature packet and moves on.
func (p *parser) signature() (*signature, error) {
	s, err := readSignature(p.next)
	if err != nil {
		return nil, err
	}
	return s, p.advance()
}

// primaryKey reads the primary key and the signatures over it alone.
func (p *parser) primaryKey() (err error) {
	m, err := p.key(tagPublicKey)
	if err != nil {
		return err
	}
	suite, f, ok := formOf(m.key.Version, m.key.PubKeyAlgo)
	if !ok {
		return fmt.Errorf("no suite has keys of version %d and algorithm %d", m.key.Version, m.key.PubKeyAlgo)
	}
	if err := f.checkShape(m.key); err != nil {
		return err
	}
	p.c.suite, p.c.primary = suite, m
	for p.next.tag == tagSignature {
		s, err := p.signature()
		if err != nil {
			return err
		}
		if err := p.overPrimary(s); err != nil {
			return err
		}
	}
	if f.version == 6 && len(p.c.primary.bindings) == 0 {
		return errors.New("there is no direct-key signature")
	}
	return nil
}

// overPrimary takes up a signature over the primary key alone. In version 6
// that signature says how the key may be used, in version 4 the one over the
// User ID does.
func (p *parser) overPrimary(s *signature) error {
	if !p.own(s) {
		return errors.New("there is a signature by another key")
	}
	m := &p.c.primary
	switch s.SigType {
	case packet.SigTypeKeyRevocation:
		if err := m.key.VerifyRevocationSignature(s.Signature); err != nil {
			return err
		}
		m.revocations = append(m.revocations, revocationOf(s))
		return nil
	case packet.SigTypeDirectSignature:
		if err := m.key.VerifyDirectKeySignature(s.Signature); err != nil {
			return err
		}
		return m.bind(s, m.key.Version == 6)
	}
	return fmt.Errorf("there is a signature of type %#x", uint8(s.SigType))
}

// own reports whether a signature says that the primary key has made it.
func (p *parser) own(s *signature) bool {
	return s.suite == p.c.suite && s.names(p.c.primary.key)
}

// bind takes up a self-signature of the primary key. Leading is that which says
// how the key is used.
func (m *component) bind(s *signature, leading bool) error {
	b, err := bindingOf(s)
	if err != nil {
		return err
	}
	certifies := s.FlagCertify && !s.FlagSign && !s.FlagEncryptCommunications && !s.FlagEncryptStorage
	if (leading || s.FlagsValid) && (!certifies || otherFlags(s)) {
		return errors.New("a primary key certifies and does nothing else")
	}
	if leading {
		m.bindings = append(m.bindings, b)
	} else {
		m.limits = append(m.limits, b)
	}
	return nil
}

// otherFlags reports whether a key is put to a use that no key of ours has.
func otherFlags(s *signature) bool {
	return s.FlagAuthenticate || s.FlagSplitKey || s.FlagGroupKey
}

// user reads the User ID and the signatures over it.
func (p *parser) user() error {
	body := p.next.body()
	if p.next.tag != tagUserID {
		return fmt.Errorf("there is a packet of type %d in its place", p.next.tag)
	}
	if err := checkUserID(string(body)); err != nil {
		return err
	}
	p.c.userID = string(body)
	if err := p.advance(); err != nil {
		return err
	}
	own := 0
	for p.next.tag == tagSignature {
		start := p.end() - len(p.next.raw)
		s, err := p.signature()
		if err != nil {
			return err
		}
		if p.own(s) {
			own++
			if err := p.overUser(s); err != nil {
				return err
			}
			continue
		}
		if err := p.certification(s, start); err != nil {
			return err
		}
	}
	if own == 0 {
		return errors.New("there is no self-signature over it")
	}
	p.c.userIDEnd = p.end() - len(p.next.raw)
	return nil
}

// overUser takes up a self-signature over the User ID.
func (p *parser) overUser(s *signature) error {
	m := &p.c.primary
	if !certifies(s.SigType) {
		return fmt.Errorf("there is a self-signature of type %#x", uint8(s.SigType))
	}
	if err := m.key.VerifyUserIdSignature(p.c.userID, m.key, s.Signature); err != nil {
		return err
	}
	return m.bind(s, m.key.Version == 4)
}

// certifies reports whether a signature of a type says that a User ID belongs to
// a key.
func certifies(t packet.SignatureType) bool {
	return t >= packet.SigTypeGenericCert && t <= packet.SigTypePositiveCert
}

// bindingOf returns what a self-signature says about the life of a key.
func bindingOf(s *signature) (binding, error) {
	b := binding{created: s.CreationTime.UTC()}
	if s.KeyLifetimeSecs != nil {
		b.lifetime = time.Duration(*s.KeyLifetimeSecs) * time.Second
	}
	return b, withoutExpiration(s)
}

// withoutExpiration refuses a self-signature that expires: keys expire, and one
// way to say so is enough.
func withoutExpiration(s *signature) error {
	if slices.ContainsFunc(s.hashed, func(sub subpacket) bool { return sub.kind == subExpiration }) {
		return errors.New("a self-signature expires")
	}
	return nil
}

// revocationOf returns what a revocation says. One without a reason, or with a
// reason that we do not know, is hard.
func revocationOf(s *signature) revocation {
	soft := s.RevocationReason != nil &&
		(*s.RevocationReason == packet.KeySuperseded || *s.RevocationReason == packet.KeyRetired)
	return revocation{created: s.CreationTime.UTC(), hard: !soft}
}

// checkShape checks the curve, or the size, of the keys that name one.
func (f form) checkShape(key *packet.PublicKey) error {
	if key.Version != 4 {
		return nil
	}
	if key.PubKeyAlgo == packet.PubKeyAlgoRSA {
		return checkRSA(key)
	}
	if curve, err := key.Curve(); err != nil || curve != f.curve {
		return fmt.Errorf("it is not on %s", f.curve)
	}
	return nil
}

// checkUserID checks that a User ID is text on one line.
func checkUserID(id string) error {
	if id == "" || len(id) > maxUserIDBytes || !utf8.ValidString(id) {
		return fmt.Errorf("it is not text of at most %d bytes", maxUserIDBytes)
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return errors.New("there is a control character in it")
		}
	}
	return nil
}
