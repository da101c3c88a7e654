package pgp_test

import (
	"io"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

// A parts is a certificate, taken apart.
type parts struct {
	primary    []byte
	direct     []byte // signatures over the primary key; none in classic-4
	user       []byte
	certs      []byte // signatures over the User ID
	signing    []byte
	signingSig []byte
	encryption []byte
	encrSig    []byte
}

// apart takes the certificate of a fresh key apart.
func apart(t testing.TB, k *pgp.Key) parts {
	t.Helper()
	_, p, err := pgp.Packets(k.Certificate().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if version4(k.Suite()) {
		p = slices.Insert(p, 1, nil)
	}
	for i := range p {
		p[i] = slices.Clip(p[i]) // to be appended to
	}
	return parts{p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]}
}

// whole puts the certificate together again, after a change.
func (p parts) whole(changes ...func(*parts)) []byte {
	for _, c := range changes {
		c(&p)
	}
	return slices.Concat(p.primary, p.direct, p.user, p.certs, p.signing, p.signingSig, p.encryption, p.encrSig)
}

// made is when the self-signatures of the tests are made.
func made(sig *packet.Signature) { sig.CreationTime = born }

// flags says how a key may be used.
func flags(names ...string) change {
	return func(s *packet.Signature) {
		s.FlagsValid = true
		for _, n := range names {
			switch n {
			case "certify":
				s.FlagCertify = true
			case "sign":
				s.FlagSign = true
			case "communications":
				s.FlagEncryptCommunications = true
			case "storage":
				s.FlagEncryptStorage = true
			case "authenticate":
				s.FlagAuthenticate = true
			case "split":
				s.FlagSplitKey = true
			case "group":
				s.FlagGroupKey = true
			}
		}
	}
}

// lives says how long a key may be used.
func lives(d time.Duration) change {
	seconds := uint32(d / time.Second)
	return func(s *packet.Signature) { s.KeyLifetimeSecs = &seconds }
}

// reason says why something is revoked; without, no reason is given.
func reason(r packet.ReasonForRevocation) change {
	return func(s *packet.Signature) { s.RevocationReason = &r }
}

// over makes a signature over a User ID and a primary key.
func over(t testing.TB, by *packet.PrivateKey, kind packet.SignatureType, id string, subject *packet.PublicKey, changes ...change) []byte {
	t.Helper()
	sig := template(by, kind)
	for _, c := range append([]change{made}, changes...) {
		c(sig)
	}
	if err := sig.SignUserId(id, subject, by, &packet.Config{}); err != nil {
		t.Fatal(err)
	}
	return serialized(t, sig)
}

// overKey makes a signature over a primary key alone.
func overKey(t testing.TB, by *packet.PrivateKey, kind packet.SignatureType, subject *packet.PublicKey, changes ...change) []byte {
	t.Helper()
	sig := template(by, kind)
	for _, c := range append([]change{made}, changes...) {
		c(sig)
	}
	if err := sig.SignDirectKeyBinding(subject, by, &packet.Config{}); err != nil {
		t.Fatal(err)
	}
	return serialized(t, sig)
}

// binds makes a signature over a primary key and a subkey. Back, if it is not
// nil, signs back.
func binds(t testing.TB, by *packet.PrivateKey, kind packet.SignatureType, subkey *packet.PublicKey, back *packet.Signature, changes ...change) []byte {
	t.Helper()
	sig := template(by, kind)
	sig.EmbeddedSignature = back
	for _, c := range append([]change{made}, changes...) {
		c(sig)
	}
	if err := sig.SignKey(subkey, by, &packet.Config{}); err != nil {
		t.Fatal(err)
	}
	return serialized(t, sig)
}

// signsBack makes the signature with which a subkey says whose it is.
func signsBack(t testing.TB, by *packet.PrivateKey, subkey, primary *packet.PublicKey, changes ...change) *packet.Signature {
	t.Helper()
	sig := template(by, packet.SigTypePrimaryKeyBinding)
	for _, c := range append([]change{made}, changes...) {
		c(sig)
	}
	if err := sig.CrossSignKey(subkey, primary, by, &packet.Config{}); err != nil {
		t.Fatal(err)
	}
	return sig
}

// public returns the packet of a public key.
func public(t testing.TB, k *packet.PrivateKey) []byte {
	t.Helper()
	var p interface{ Serialize(io.Writer) error } = &k.PublicKey
	return serialized(t, p)
}
