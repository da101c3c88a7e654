package pgp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// subkey reads a subkey and the signatures over it.
func (p *parser) subkey() error {
	m, err := p.key(tagPublicSubkey)
	if err != nil {
		return err
	}
	f := forms[p.c.suite]
	m.signs = m.key.PubKeyAlgo == f.sign
	if m.key.Version != f.version || !m.signs && m.key.PubKeyAlgo != f.encrypt {
		return fmt.Errorf("%s has no keys of version %d and algorithm %d", p.c.suite, m.key.Version, m.key.PubKeyAlgo)
	}
	if err := f.checkShape(m.key); err != nil {
		return err
	}
	if _, twice := p.c.subkey(m.fingerprint); twice || m.fingerprint == p.c.primary.fingerprint {
		return errors.New("it occurs twice")
	}
	for p.next.tag == tagSignature {
		s, err := p.signature()
		if err != nil {
			return err
		}
		if err := p.overSubkey(&m, s); err != nil {
			return err
		}
	}
	if len(m.bindings) == 0 {
		return errors.New("there is no binding signature")
	}
	p.c.subkeys = append(p.c.subkeys, m)
	return nil
}

// overSubkey takes up a signature over a subkey.
func (p *parser) overSubkey(m *component, s *signature) error {
	if !p.own(s) {
		return errors.New("there is a signature by another key")
	}
	primary := p.c.primary.key
	switch s.SigType {
	case packet.SigTypeSubkeyRevocation:
		if err := primary.VerifySubkeyRevocationSignature(s.Signature, m.key); err != nil {
			return err
		}
		m.revocations = append(m.revocations, revocationOf(s))
		return nil
	case packet.SigTypeSubkeyBinding:
		// The binding of a signing subkey, and its back-signature with it.
		if err := primary.VerifyKeySignature(m.key, s.Signature); err != nil {
			return err
		}
		if err := p.checkUse(m, s); err != nil {
			return err
		}
		b, err := bindingOf(s)
		if err != nil {
			return err
		}
		m.bindings = append(m.bindings, b)
		return nil
	}
	return fmt.Errorf("there is a signature of type %#x", uint8(s.SigType))
}

// checkUse checks that the binding of a subkey puts it to the one use that its
// algorithm has in the suite, and that a signing subkey agrees: without its
// back-signature, anybody could take another's subkey for their own.
func (p *parser) checkUse(m *component, s *signature) error {
	encrypts := s.FlagEncryptCommunications || s.FlagEncryptStorage
	if s.FlagCertify || otherFlags(s) || s.FlagSign != m.signs || encrypts == m.signs {
		return errors.New("it is not put to exactly one use")
	}
	i := slices.IndexFunc(append(slices.Clone(s.hashed), s.unhashed...), func(sub subpacket) bool { return sub.kind == subEmbedded })
	if !m.signs {
		if i >= 0 {
			return errors.New("an encryption subkey signs")
		}
		return nil
	}
	if i < 0 {
		return errors.New("its back-signature is missing")
	}
	content := append(slices.Clone(s.hashed), s.unhashed...)[i].content
	embedded, _, err := cutPacket(appendPacket(nil, tagSignature, content))
	if err != nil {
		return err
	}
	back, err := readSignature(embedded)
	if err != nil {
		return err
	}
	if back.suite != p.c.suite || back.SigType != packet.SigTypePrimaryKeyBinding || !back.names(m.key) {
		return errors.New("its back-signature has another form")
	}
	return withoutExpiration(back)
}
