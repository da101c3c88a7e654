package pgp_test

import (
	"bytes"
	stded25519 "crypto/ed25519"
	"crypto/sha512"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/ed25519"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

// TestHandmade: metadata of a signature that no library would write. The holder
// of the key can, and then two readers might read two things.
func TestHandmade(t *testing.T) {
	t.Parallel()
	k := key(t, pgp.Modern6, alice)
	by := signing(t, k)
	created := subpacket(2, binary.BigEndian.AppendUint32(nil, uint32(now.Unix())))
	earlier := subpacket(2, binary.BigEndian.AppendUint32(nil, uint32(now.Add(-time.Hour).Unix())))
	issuer := subpacket(33, append([]byte{6}, by.Fingerprint...))
	other := subpacket(33, append([]byte{6}, signing(t, key(t, pgp.Modern6, bob)).Fingerprint...))
	name, value := "typ@entraide.example", []byte(typ)
	purpose := subpacket(20, slices.Concat([]byte{0x80, 0, 0, 0, 0, byte(len(name)), 0, byte(len(value))}, []byte(name), value))
	good := slices.Concat(created, issuer, purpose)
	for _, tt := range []struct {
		name   string
		hashed []byte
		want   error
	}{
		{"as it ought to be", good, nil},
		{"in another order", slices.Concat(purpose, issuer, created), nil},
		{"created twice", slices.Concat(earlier, good), pgp.ErrSignature},
		{"created twice, the other way round", slices.Concat(good, earlier), pgp.ErrSignature},
		{"the same time twice", slices.Concat(good, created), pgp.ErrSignature},
		{"two issuers", slices.Concat(other, good), pgp.ErrSignature},
		{"two issuers, the other way round", slices.Concat(good, other), pgp.ErrSignature},
		{"not created", slices.Concat(issuer, purpose), pgp.ErrSignature},
		{"no issuer", slices.Concat(created, purpose), pgp.ErrSignature},
		{"key ID of the issuer only", slices.Concat(created, subpacket(16, by.Fingerprint[:8]), purpose), pgp.ErrSignature},
		{"of no known kind", slices.Concat(good, subpacket(100, []byte{1})), pgp.ErrSignature},
		{"of no known kind, critical", slices.Concat(good, subpacket(100|0x80, []byte{1})), pgp.ErrSignature},
		{"a length in five octets where one is enough", slices.Concat([]byte{255, 0, 0, 0}, good), pgp.ErrSignature},
		{"beyond its area", append(slices.Clone(good), 9, 16), pgp.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sig := handmade(t, by, plain, tt.hashed)
			wantError(t, k.Certificate().Verify(typ, plain, sig, now), tt.want)
		})
	}
}

// subpacket makes a subpacket of a signature.
func subpacket(kind byte, content []byte) []byte {
	return append([]byte{byte(1 + len(content)), kind}, content...)
}

// handmade makes a signature of modern-6 over data, with subpackets as given
// (RFC 9580 sections 5.2.3 and 5.2.4).
func handmade(t testing.TB, by *packet.PrivateKey, data, hashed []byte) []byte {
	t.Helper()
	salt := bytes.Repeat([]byte{7}, 32)
	head := binary.BigEndian.AppendUint32([]byte{6, 0, byte(packet.PubKeyAlgoEd25519), 10}, uint32(len(hashed)))
	head = append(head, hashed...)
	trailer := binary.BigEndian.AppendUint32([]byte{6, 255}, uint32(len(head)))
	digest := sha512.Sum512(slices.Concat(salt, data, head, trailer))
	secret, ok := by.PrivateKey.(*ed25519.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", by.PrivateKey)
	}
	made := stded25519.Sign(stded25519.PrivateKey(secret.Key), digest[:])
	return pgp.Packet(2, head, []byte{0, 0, 0, 0}, digest[:2], []byte{byte(len(salt))}, salt, made)
}
