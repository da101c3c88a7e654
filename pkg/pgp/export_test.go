package pgp

import (
	"bytes"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Secret returns a secret key of k, the primary key if fingerprint is empty, so
// that tests can make what this package refuses to.
func (k *Key) Secret(fingerprint string) *packet.PrivateKey {
	if fingerprint == "" {
		return k.primary
	}
	return k.subkeys[fingerprint]
}

// Change returns a key with the same secrets and another certificate.
func (k *Key) Change(certificate []byte) (*Key, error) {
	public, err := ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	return &Key{suite: k.suite, primary: k.primary, subkeys: k.subkeys, public: public}, nil
}

// Unlocked returns the transferable secret key with its secrets in the clear.
func (k *Key) Unlocked() ([]byte, error) {
	var out bytes.Buffer
	for rest := k.public.data; len(rest) > 0; {
		p, tail, err := cutPacket(rest)
		if err != nil {
			return nil, err
		}
		rest = tail
		if p.tag != tagPublicKey && p.tag != tagPublicSubkey {
			out.Write(p.raw)
			continue
		}
		parsed, err := packet.Read(bytes.NewReader(p.raw))
		if err != nil {
			return nil, err
		}
		secret := k.primary
		if key := parsed.(*packet.PublicKey); key.IsSubkey {
			secret = k.subkeys[fingerprintOf(key)]
		}
		if err := secret.Serialize(&out); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// Packets cuts data into packets: their types, and themselves as they stand.
func Packets(data []byte) (tags []int, raw [][]byte, err error) {
	for len(data) > 0 {
		p, rest, err := cutPacket(data)
		if err != nil {
			return nil, nil, err
		}
		tags, raw, data = append(tags, p.tag), append(raw, p.raw), rest
	}
	return tags, raw, nil
}

// Packet makes a packet.
func Packet(tag byte, body ...[]byte) []byte { return appendPacket(nil, tag, body...) }

// OnePass announces a signature.
func OnePass(sig *packet.Signature) *packet.OnePassSignature { return onePass(sig) }
