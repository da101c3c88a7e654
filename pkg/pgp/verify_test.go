package pgp_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

func TestSignVerify(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k := key(t, suite, alice)
		for _, data := range [][]byte{nil, plain, bytes.Repeat(plain, 1000)} {
			// What is below a second is cut off.
			sig := must(k.Sign(typ, data, now.Add(999*time.Millisecond)))(t)
			wantError(t, k.Certificate().Verify(typ, data, sig, now), nil)
			wantError(t, k.Certificate().Verify(typ, data, sig, now.In(time.FixedZone("", 3600))), nil)
			wantError(t, k.Certificate().Verify(typ, append(slices.Clone(data), 0), sig, now), pgp.ErrSignature)
			wantError(t, k.Certificate().Verify(typ, data, sig, now.Add(time.Nanosecond)), pgp.ErrSignature)
			wantError(t, k.Certificate().Verify(typ, data, sig, now.Add(time.Second)), pgp.ErrSignature)
			wantError(t, k.Certificate().Verify("entraide/other/1", data, sig, now), pgp.ErrSignature)
			wantError(t, k.Certificate().Verify("", data, sig, now), pgp.ErrSignature)
			wantError(t, key(t, suite, bob).Certificate().Verify(typ, data, sig, now), pgp.ErrSignature)
		}
		for _, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(1<<32, 0)} {
			if _, err := k.Sign(typ, plain, at); err == nil {
				t.Errorf("signed at %v", at)
			}
		}
		if _, err := k.Sign("", plain, now); err == nil {
			t.Error("signed for no purpose")
		}
		_, err := k.Sign(typ, plain, born.Add(-time.Second))
		wantError(t, err, pgp.ErrNotYetValid)
	})
}

// TestVerifyRefuses verifies what the holder of the signing subkey, or anybody,
// can make of a signature (T2).
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k, other := key(t, suite, alice), key(t, suite, bob)
		by := signing(t, k)
		sig := func(changes ...change) []byte { return serialized(t, signature(t, by, plain, changes...)) }
		good := sig()
		salt := &packet.Notation{Name: "salt@notations.example", Value: []byte{1, 2}}
		critical := &packet.Notation{Name: "x@notations.example", Value: []byte{1}, IsCritical: true}
		ownCritical, unreadable := notation(typ), notation(typ)
		ownCritical.IsCritical, unreadable.IsHumanReadable = true, false
		otherwise := pgp.Modern6
		if suite == pgp.Modern6 {
			otherwise = pgp.Classic4
		}
		for _, tt := range []struct {
			name string
			sig  []byte
			want error
		}{
			{"as it ought to be", good, nil},
			{"with notations of others", sig(notations(salt, notation(typ), salt)), nil},
			{"empty", nil, pgp.ErrSignature},
			{"cut", good[:len(good)-1], pgp.ErrSignature},
			{"one byte more", append(slices.Clone(good), 0), pgp.ErrSignature},
			{"one byte more inside", pgp.Packet(2, body(good), []byte{0}), pgp.ErrSignature},
			{"twice", append(slices.Clone(good), good...), pgp.ErrSignature},
			{"another's before", append(serialized(t, signature(t, signing(t, other), plain)), good...), pgp.ErrSignature},
			{"marker before", append(pgp.Packet(10, []byte("PGP")), good...), pgp.ErrSignature},
			{"padding behind", append(slices.Clone(good), pgp.Packet(21, []byte{0})...), pgp.ErrSignature},
			{"too large", sig(notations(notation(typ), &packet.Notation{Name: "x@y.example", Value: make([]byte, 17<<10)})), pgp.ErrSignature},
			{"a message", signed(t, by, plain), pgp.ErrSignature},
			{"armored", armored(t, "PGP SIGNATURE", good), pgp.ErrSignature},
			{"in the clear", inClear(t, plain, good), pgp.ErrSignature},
			{"for another purpose", sig(notations(notation("entraide/other/1"))), pgp.ErrSignature},
			{"for a purpose that begins so", sig(notations(notation(typ + "0"))), pgp.ErrSignature},
			{"for no purpose", sig(notations()), pgp.ErrSignature},
			{"for the empty purpose", sig(notations(notation(""))), pgp.ErrSignature},
			{"twice for this purpose", sig(notations(notation(typ), notation(typ))), pgp.ErrSignature},
			{"for two purposes", sig(notations(notation(typ), notation("entraide/other/1"))), pgp.ErrSignature},
			{"for a purpose that is not text", sig(notations(unreadable)), pgp.ErrSignature},
			{"for a critical purpose", sig(notations(ownCritical)), pgp.ErrSignature},
			{"with a critical notation", sig(notations(notation(typ), critical)), pgp.ErrSignature},
			{"of a text", sig(func(s *packet.Signature) { s.SigType = packet.SigTypeText }), pgp.ErrSignature},
			{"of a certification", sig(func(s *packet.Signature) { s.SigType = packet.SigTypePositiveCert }), pgp.ErrSignature},
			{"that expires", sig(expires(1 << 30)), pgp.ErrSignature},
			{"that has expired", sig(expires(1), at(now.Add(-time.Hour))), pgp.ErrSignature},
			{"of another time", sig(at(now.Add(time.Second))), pgp.ErrSignature},
			{"with SHA-384", sig(hash(9)), refusedIfNamedSig(suite)},
			{"with SHA3-512", sig(hash(14)), pgp.ErrSignature},
			{"with SHA-224", sig(hash(11)), pgp.ErrSignature},
			{"with SHA-256", sig(hash(8)), map[bool]error{suite != pgp.Classic4: pgp.ErrSignature}[true]},
			{"that names recipients", sig(to(other)), pgp.ErrSignature},
			{"that names a policy", sig(func(s *packet.Signature) { s.PolicyURI = "https://example.org" }), pgp.ErrSignature},
			{"by the primary key", serialized(t, signature(t, k.Secret(""), plain)), pgp.ErrSignature},
			{"by another State", serialized(t, signature(t, signing(t, other), plain)), pgp.ErrSignature},
			{"by another State in this one's name", serialized(t, signature(t, inName(signing(t, other), by), plain)), pgp.ErrSignature},
			{"in another suite", must(key(t, otherwise, alice).Sign(typ, plain, now))(t), pgp.ErrSuite},
			{"with an old header", old(2, body(good)), refusedIfNamedSig(suite)},
			{"in parts", inParts(pgp.Packet(2, body(good), make([]byte, 600))), pgp.ErrSignature},
			{"with something not under the signature", unhashed(t, good, []byte{4, 0x80 | 27, 2, 0, 0}), pgp.ErrSignature},
			{"with another issuer not under the signature", unhashed(t, good, append([]byte{9, 16}, make([]byte, 8)...)), pgp.ErrSignature},
			{"with the issuer twice", unhashed(t, good, append([]byte{9, 16}, by.Fingerprint[len(by.Fingerprint)-8:]...)), pgp.ErrSignature},
			{"empty subpacket", unhashed(t, good, []byte{0}), pgp.ErrSignature},
			{"subpacket beyond its area", unhashed(t, good, []byte{200, 200, 16}), pgp.ErrSignature},
		} {
			t.Run(tt.name, func(t *testing.T) {
				wantError(t, k.Certificate().Verify(typ, plain, tt.sig, now), tt.want)
			})
		}
	})
}

// TestVerifyAltered: no bit of a signature can be changed to any effect.
func TestVerifyAltered(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k := key(t, suite, alice)
		good := must(k.Sign(typ, plain, now))(t)
		accepted := 0
		for i := range good {
			for bit := range 8 {
				if i > 256 && bit != i%8 {
					continue // there is only arithmetic left
				}
				altered := slices.Clone(good)
				altered[i] ^= 1 << bit
				if k.Certificate().Verify(typ, plain, altered, now) == nil {
					accepted++
				}
			}
		}
		// GnuPG does not count the bits of its two numbers as it should, and so
		// their lengths in bits are not looked at.
		if version4(suite) && accepted > 14 || !version4(suite) && accepted > 0 {
			t.Errorf("%d altered signatures were accepted", accepted)
		}
	})
}

// TestConcurrentUse must be run with -race: entities of go-crypto are written to
// when they verify.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := fresh(t, suite, alice), key(t, suite, bob)
		certified := must(b.Certify(a.Certificate(), now, time.Hour))(t)
		sig := must(a.Sign(typ, plain, now))(t)
		sealed := must(a.Seal(typ, plain, b.Certificate(), now))(t)
		o := opening(t, a, b)
		late := now.AddDate(9, 0, 0)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 3 {
					wantError(t, certified.Verify(typ, plain, sig, now), nil)
					wantError(t, certified.CertifiedBy(b.Certificate(), now), nil)
					wantError(t, certified.CertifiedBy(b.Certificate(), late), pgp.ErrExpired)
					wantError(t, certified.CheckValid(late), nil)
					_, err := b.Open(sealed, o)
					wantError(t, err, nil)
					_, err = a.Seal(typ, plain, b.Certificate(), now)
					wantError(t, err, nil)
					_, err = a.Sign(typ, plain, late)
					wantError(t, err, nil)
					if i == 0 {
						wantError(t, a.RotateSigning(now), nil)
						wantError(t, a.RotateEncryption(now), nil)
					}
				}
			})
		}
		wg.Wait()
	})
}

// hash makes a signature use another hash.
func hash(number int) change {
	return func(s *packet.Signature) { s.Hash = hashes[number] }
}

// refusedIfNamedSig is what only classic-4 accepts, from stock tools.
func refusedIfNamedSig(suite pgp.Suite) error {
	if version4(suite) {
		return nil
	}
	return pgp.ErrSignature
}

// inName returns a key that names another as the issuer of what it signs.
func inName(by, name *packet.PrivateKey) *packet.PrivateKey {
	forged := *by
	forged.Fingerprint, forged.KeyId = name.Fingerprint, name.KeyId
	return &forged
}

// unhashed puts a subpacket into the area of a signature that is not under it,
// which is empty in those that this package makes.
func unhashed(t testing.TB, sig, sub []byte) []byte {
	t.Helper()
	b := body(sig)
	octets := 2
	if b[0] == 6 {
		octets = 4
	}
	length := 0
	for _, o := range b[4 : 4+octets] {
		length = length<<8 | int(o)
	}
	area := 4 + octets + length + octets - 1
	if b[area] != 0 {
		t.Fatal("the unhashed area is not empty")
	}
	b = slices.Insert(slices.Clone(b), area+1, sub...)
	b[area] = byte(len(sub))
	return pgp.Packet(2, b)
}
