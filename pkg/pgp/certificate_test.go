package pgp_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

func TestCertificate(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k := key(t, suite, alice)
		data := k.Certificate().Bytes()
		c := parsed(t, data)
		digits := map[pgp.Suite]int{pgp.Classic4: 40, pgp.HSM4: 40, pgp.Modern6: 64, pgp.PQ6: 64}[suite]
		if c.Suite() != suite || c.UserID() != alice || len(c.Fingerprint()) != digits ||
			c.Fingerprint() != k.Fingerprint() || c.Fingerprint() != strings.ToUpper(c.Fingerprint()) ||
			!bytes.Equal(c.Bytes(), data) || len(c.Digest()) != 64 || c.Digest() != k.Certificate().Digest() {
			t.Errorf("%s, %q, %s, %s", c.Suite(), c.UserID(), c.Fingerprint(), c.Digest())
		}
		// Nobody changes it: neither who gave it nor who got it.
		data[9] ^= 1
		c.Bytes()[9] ^= 1
		if !bytes.Equal(c.Bytes(), k.Certificate().Bytes()) {
			t.Error("a certificate was changed from outside")
		}
	})
}

// TestParseRefuses parses what is not the certificate of a State: made by others
// from one that is, or by its holder with other tools.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k, victim := fresh(t, suite, alice), fresh(t, suite, bob)
		p, v := apart(t, k), apart(t, victim)
		prim, sign, encr := k.Secret(""), signing(t, k), k.Secret(encryption(t, k))
		uid := func(changes ...change) func(*parts) {
			return func(p *parts) {
				p.certs = over(t, prim, packet.SigTypePositiveCert, alice, &prim.PublicKey, changes...)
			}
		}
		// use replaces the self-signature that says how the primary key is used.
		use := func(changes ...change) func(*parts) {
			if version4(suite) {
				return uid(changes...)
			}
			return func(p *parts) {
				p.direct = overKey(t, prim, packet.SigTypeDirectSignature, &prim.PublicKey, changes...)
			}
		}
		bindSigning := func(back *packet.Signature, changes ...change) func(*parts) {
			return func(p *parts) {
				p.signingSig = binds(t, prim, packet.SigTypeSubkeyBinding, &sign.PublicKey, back, changes...)
			}
		}
		bindEncryption := func(changes ...change) func(*parts) {
			return func(p *parts) {
				p.encrSig = binds(t, prim, packet.SigTypeSubkeyBinding, &encr.PublicKey, nil, changes...)
			}
		}
		adopt := func(back *packet.Signature) func(*parts) {
			theirs := signing(t, victim)
			return func(p *parts) {
				p.signing = public(t, theirs)
				p.signingSig = binds(t, prim, packet.SigTypeSubkeyBinding, &theirs.PublicKey, back, flags("sign"))
			}
		}
		back := signsBack(t, sign, &sign.PublicKey, &prim.PublicKey)
		add := func(raw ...[]byte) func(*parts) {
			return func(p *parts) { p.encrSig = slices.Concat(append([][]byte{p.encrSig}, raw...)...) }
		}
		foreign := over(t, victim.Secret(""), packet.SigTypePositiveCert, alice, &prim.PublicKey)
		revoked := over(t, prim, packet.SigTypeCertificationRevocation, alice, &prim.PublicKey)
		seconds := expires(1 << 30)
		for _, tt := range []struct {
			name   string
			change func(*parts)
			want   error
		}{
			{"as it ought to be", func(*parts) {}, nil},
			{"signed again by hand", use(flags("certify")), nil},
			{"bound again by hand", bindSigning(back, flags("sign")), nil},
			{"encrypts communications only", bindEncryption(flags("communications")), nil},
			{"eight certifications", func(p *parts) { p.certs = append(p.certs, bytes.Repeat(foreign, 8)...) }, tooLargeIf(suite == pgp.PQ6 && len(foreign)*8 > 42<<10)},
			{"nine certifications", func(p *parts) { p.certs = append(p.certs, bytes.Repeat(foreign, 9)...) }, pgp.ErrCertificate},
			{"empty", func(p *parts) { *p = parts{} }, pgp.ErrCertificate},
			{"secret key", func(p *parts) { p.primary = serialized(t, prim) }, pgp.ErrCertificate},
			{"secret subkey", func(p *parts) { p.signing = serialized(t, sign) }, pgp.ErrCertificate},
			{"two certificates", add(v.whole()), pgp.ErrCertificate},
			{"one byte more", add([]byte{0}), pgp.ErrCertificate},
			{"one byte less", func(p *parts) { p.encrSig = p.encrSig[:len(p.encrSig)-1] }, pgp.ErrCertificate},
			{"no User ID", func(p *parts) { p.user, p.certs = nil, nil }, pgp.ErrCertificate},
			{"two User IDs", func(p *parts) { p.certs = slices.Concat(p.certs, p.user, p.certs) }, pgp.ErrCertificate},
			{"User ID changed", func(p *parts) { p.user = v.user }, pgp.ErrCertificate},
			{"User ID of two lines", userID(t, prim, "QM\nQN"), pgp.ErrCertificate},
			{"User ID not text", userID(t, prim, "QM\xff"), pgp.ErrCertificate},
			{"empty User ID", userID(t, prim, ""), pgp.ErrCertificate},
			{"long User ID", userID(t, prim, strings.Repeat("Q", 513)), pgp.ErrCertificate},
			{"User ID without signature", func(p *parts) { p.certs = nil }, pgp.ErrCertificate},
			{"User ID signed by another only", func(p *parts) { p.certs = foreign }, pgp.ErrCertificate},
			{"User ID revoked", func(p *parts) { p.certs = append(p.certs, revoked...) }, pgp.ErrCertificate},
			{"picture", func(p *parts) { p.certs = append(p.certs, pgp.Packet(17, []byte{2, 1, 0})...) }, pgp.ErrCertificate},
			{"trust packet", add(pgp.Packet(12, []byte{1})), pgp.ErrCertificate},
			{"marker", add(pgp.Packet(10, []byte("PGP"))), pgp.ErrCertificate},
			{"padding", add(pgp.Packet(21, []byte{1})), pgp.ErrCertificate},
			{"private packet", add(pgp.Packet(60, []byte{1})), pgp.ErrCertificate},
			{"no direct-key signature", func(p *parts) { p.direct = nil }, refusedIfNamedCert(suite)},
			{"primary key of another", func(p *parts) { p.primary = v.primary }, pgp.ErrCertificate},
			{"primary key that signs", use(flags("certify", "sign")), pgp.ErrCertificate},
			{"primary key that authenticates", use(flags("certify", "authenticate")), pgp.ErrCertificate},
			{"primary key that encrypts", use(flags("certify", "storage")), pgp.ErrCertificate},
			{"primary key for nothing", use(flags()), pgp.ErrCertificate},
			{"primary key without flags", use(), pgp.ErrCertificate},
			{"User ID for signing", uid(flags("certify", "sign")), pgp.ErrCertificate},
			{"self-signature that expires", use(flags("certify"), seconds), pgp.ErrCertificate},
			{"weak self-signature", use(flags("certify"), hash(11)), pgp.ErrCertificate},
			{"self-signature with critical notation", use(flags("certify"), notations(&packet.Notation{Name: "x@y.example", IsCritical: true})), pgp.ErrCertificate},
			{"signature by another over the primary key", func(p *parts) {
				p.direct = append(p.direct, overKey(t, victim.Secret(""), packet.SigTypeDirectSignature, &prim.PublicKey, flags("certify"))...)
			}, pgp.ErrCertificate},
			{"revocation by another", func(p *parts) {
				p.direct = append(p.direct, overKey(t, victim.Secret(""), packet.SigTypeKeyRevocation, &prim.PublicKey)...)
			}, pgp.ErrCertificate},
			{"revocation over another", func(p *parts) {
				p.direct = append(p.direct, overKey(t, prim, packet.SigTypeKeyRevocation, &victim.Secret("").PublicKey)...)
			}, pgp.ErrCertificate},
			{"direct-key signature over another", func(p *parts) {
				p.direct = append(p.direct, overKey(t, prim, packet.SigTypeDirectSignature, &victim.Secret("").PublicKey, flags("certify"))...)
			}, pgp.ErrCertificate},
			{"binary signature", add(serialized(t, signature(t, sign, plain))), pgp.ErrCertificate},
			{"subkey without binding", func(p *parts) { p.encrSig = nil }, pgp.ErrCertificate},
			{"subkey bound by another", func(p *parts) { p.encrSig = v.encrSig }, pgp.ErrCertificate},
			{"subkey of another, bound by them", func(p *parts) { p.encryption, p.encrSig = v.encryption, v.encrSig }, pgp.ErrCertificate},
			{"subkey of another, binding kept", func(p *parts) { p.encryption = v.encryption }, pgp.ErrCertificate},
			{"subkey twice", add(p.encryption, p.encrSig), pgp.ErrCertificate},
			{"subkey revocation forged", add(binds(t, victim.Secret(""), packet.SigTypeSubkeyRevocation, &encr.PublicKey, nil)), pgp.ErrCertificate},
			{"subkey revocation of another", add(binds(t, prim, packet.SigTypeSubkeyRevocation, &sign.PublicKey, nil)), pgp.ErrCertificate},
			{"signing key that encrypts", bindSigning(back, flags("sign", "storage")), pgp.ErrCertificate},
			{"signing key that certifies", bindSigning(back, flags("sign", "certify")), pgp.ErrCertificate},
			{"signing key that authenticates", bindSigning(back, flags("sign", "authenticate")), pgp.ErrCertificate},
			{"key that only authenticates", bindSigning(nil, flags("authenticate")), pgp.ErrCertificate},
			{"signing key for nothing", bindSigning(nil, flags()), pgp.ErrCertificate},
			{"signing key without flags", bindSigning(back), pgp.ErrCertificate},
			{"encryption key without flags", bindEncryption(), pgp.ErrCertificate},
			{"encryption key in a group", bindEncryption(flags("storage", "group")), pgp.ErrCertificate},
			{"encryption key of several", bindEncryption(flags("storage", "split")), pgp.ErrCertificate},
			{"binding that expires", bindEncryption(flags("storage"), seconds), pgp.ErrCertificate},
			{"no back-signature", bindSigning(nil, flags("sign")), pgp.ErrCertificate},
			{"back-signature by another", bindSigning(signsBack(t, signing(t, victim), &sign.PublicKey, &prim.PublicKey), flags("sign")), pgp.ErrCertificate},
			{"back-signature over another", bindSigning(signsBack(t, sign, &sign.PublicKey, &victim.Secret("").PublicKey), flags("sign")), pgp.ErrCertificate},
			{"back-signature that expires", bindSigning(signsBack(t, sign, &sign.PublicKey, &prim.PublicKey, seconds), flags("sign")), pgp.ErrCertificate},
			{"weak back-signature", bindSigning(signsBack(t, sign, &sign.PublicKey, &prim.PublicKey, hash(11)), flags("sign")), pgp.ErrCertificate},
			{"another's signing key adopted", adopt(nil), pgp.ErrCertificate},
			{"another's signing key adopted with its back-signature", adopt(signsBack(t, signing(t, victim), &signing(t, victim).PublicKey, &victim.Secret("").PublicKey)), pgp.ErrCertificate},
			{"longest User ID", userID(t, prim, strings.Repeat("Q", 512)), nil},
			{"longest User ID in parts", func(p *parts) {
				userID(t, prim, strings.Repeat("Q", 512))(p)
				p.user = append(slices.Concat([]byte{0xc0 | 13, 224 + 9}, body(p.user)), 0)
			}, pgp.ErrCertificate},
			{"revocation in another's name", func(p *parts) {
				p.direct = append(p.direct, overKey(t, inName(prim, victim.Secret("")), packet.SigTypeKeyRevocation, &prim.PublicKey)...)
			}, pgp.ErrCertificate},
			{"binding in another's name", func(p *parts) {
				p.encrSig = binds(t, inName(prim, victim.Secret("")), packet.SigTypeSubkeyBinding, &encr.PublicKey, nil, flags("storage"))
			}, pgp.ErrCertificate},
			{"back-signature in another's name", bindSigning(
				signsBack(t, inName(sign, signing(t, victim)), &sign.PublicKey, &prim.PublicKey), flags("sign")), pgp.ErrCertificate},
			{"certification in nobody's name", func(p *parts) {
				nobody := *victim.Secret("")
				nobody.Fingerprint = nil
				p.certs = append(p.certs, over(t, &nobody, packet.SigTypePositiveCert, alice, &prim.PublicKey)...)
			}, pgp.ErrCertificate},
			{"in parts", func(p *parts) { p.certs = inParts(pgp.Packet(2, body(p.certs), make([]byte, 600))) }, pgp.ErrCertificate},
			{"old headers", func(p *parts) { p.primary = old(6, body(p.primary)) }, refusedIfNamedCert(suite)},
			{"key with one byte more", func(p *parts) { p.encryption = pgp.Packet(14, body(p.encryption), []byte{0}) }, pgp.ErrCertificate},
			{"large", add(pgp.Packet(2, make([]byte, 64<<10))), pgp.ErrTooLarge},
		} {
			t.Run(tt.name, func(t *testing.T) {
				c, err := pgp.ParseCertificate(p.whole(tt.change))
				wantError(t, err, tt.want)
				if (c == nil) != (tt.want != nil) {
					t.Errorf("there is a certificate: %v", c != nil)
				}
			})
		}
		_, err := pgp.ParseCertificate(armored(t, "PGP PUBLIC KEY BLOCK", p.whole()))
		wantError(t, err, pgp.ErrCertificate)
	})
}

// TestMixedSuites: subkeys of another suite make no certificate.
func TestMixedSuites(t *testing.T) {
	t.Parallel()
	for _, suite := range pgp.Suites() {
		for _, other := range pgp.Suites() {
			if suite == other {
				continue
			}
			k, o := key(t, suite, alice), key(t, other, bob)
			prim, encr := k.Secret(""), o.Secret(encryption(t, o))
			_, err := pgp.ParseCertificate(apart(t, k).whole(func(p *parts) {
				p.encryption = public(t, encr)
				p.encrSig = binds(t, prim, packet.SigTypeSubkeyBinding, &encr.PublicKey, nil, flags("storage"))
			}))
			wantError(t, err, pgp.ErrCertificate)
		}
	}
}

// TestFlooded: many packets that anybody can make cost little (T20).
func TestFlooded(t *testing.T) {
	t.Parallel()
	k := key(t, pgp.Classic4, alice)
	p := apart(t, k)
	flood := bytes.Repeat(p.encrSig, (60<<10)/len(p.encrSig))
	_, err := pgp.ParseCertificate(p.whole(func(p *parts) { p.encrSig = flood }))
	wantError(t, err, pgp.ErrCertificate)
}

// TestAdopted: an attacker who publishes a victim's encryption subkey as their
// own gains nothing, and the victim loses nothing.
func TestAdopted(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, victim, mallory := key(t, suite, alice), key(t, suite, bob), key(t, suite, carol)
		theirs := victim.Secret(encryption(t, victim))
		evil := parsed(t, apart(t, mallory).whole(func(p *parts) {
			p.encryption = public(t, theirs)
			p.encrSig = binds(t, mallory.Secret(""), packet.SigTypeSubkeyBinding, &theirs.PublicKey, nil, flags("storage"))
		}))
		sealed := must(a.Seal(typ, plain, victim.Certificate(), now))(t)
		_, err := victim.Open(sealed, opening(t, a, victim))
		wantError(t, err, nil)
		// What is sealed to the attacker names the attacker, not the victim.
		misled := must(a.Seal(typ, plain, evil, now))(t)
		_, err = victim.Open(misled, opening(t, a, victim))
		wantError(t, err, pgp.ErrSignature)
		sig := must(victim.Sign(typ, plain, now))(t)
		wantError(t, victim.Certificate().Verify(typ, plain, sig, now), nil)
		wantError(t, evil.Verify(typ, plain, sig, now), pgp.ErrSignature)
	})
}

func TestValidity(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k := must(pgp.Generate(suite, alice, born, 24*time.Hour))(t)
		end := born.Add(24 * time.Hour)
		c := parsed(t, k.Certificate().Bytes())
		sig := must(k.Sign(typ, plain, born))(t)
		// Forth and back: what is said of one date must not stick to another.
		for range 2 {
			for _, tt := range []struct {
				at   time.Time
				want error
			}{
				{end.AddDate(10, 0, 0), pgp.ErrExpired},
				{born.Add(-time.Second), pgp.ErrNotYetValid},
				{born, nil},
				{end, pgp.ErrExpired},
				{end.Add(-time.Second), nil},
				{time.Time{}, pgp.ErrNotYetValid},
			} {
				wantError(t, c.CheckValid(tt.at), tt.want)
				_, err := c.SigningSubkey(tt.at)
				wantError(t, err, tt.want)
				_, err = c.EncryptionSubkey(tt.at)
				wantError(t, err, tt.want)
				if expiry, ok := c.Expires(tt.at); ok != (tt.want == nil) || ok && !expiry.Equal(end) {
					t.Errorf("at %v it expires at %v, %v", tt.at, expiry, ok)
				}
				wantError(t, c.Verify(typ, plain, sig, born), nil)
			}
		}
		_, err := k.Sign(typ, plain, end)
		wantError(t, err, pgp.ErrExpired)
		_, err = k.Seal(typ, plain, key(t, suite, bob).Certificate(), end)
		wantError(t, err, pgp.ErrExpired)
		_, err = key(t, suite, bob).Seal(typ, plain, c, end)
		wantError(t, err, pgp.ErrExpired)
		// Nor does anybody else's signature by that key count.
		late := serialized(t, signature(t, signing2(t, k, born), plain, at(end)))
		err = c.Verify(typ, plain, late, end)
		wantError(t, err, pgp.ErrSignature)
		wantError(t, err, pgp.ErrExpired)
		early := serialized(t, signature(t, signing2(t, k, born), plain, at(born.Add(-time.Second))))
		wantError(t, c.Verify(typ, plain, early, born.Add(-time.Second)), pgp.ErrNotYetValid)
		if _, ok := key(t, suite, bob).Certificate().Expires(now); ok {
			t.Error("a key without end ends")
		}
	})
}

// TestLives: a holder may change when keys expire, and what was valid before
// stays so.
func TestLives(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k := fresh(t, suite, alice)
		prim, sign := k.Secret(""), signing(t, k)
		later := born.AddDate(0, 1, 0)
		c := parsed(t, apart(t, k).whole(func(p *parts) {
			again := []change{flags("certify"), lives(later.Sub(born)), at(later.Add(-time.Hour))}
			if version4(suite) {
				p.certs = append(p.certs, over(t, prim, packet.SigTypePositiveCert, alice, &prim.PublicKey, again...)...)
			} else {
				p.direct = append(p.direct, overKey(t, prim, packet.SigTypeDirectSignature, &prim.PublicKey, again...)...)
			}
		}))
		_, ok := c.Expires(born)
		end, ends := c.Expires(later.Add(-time.Hour))
		if ok || !ends || !end.Equal(later) {
			t.Errorf("%v; then %v, %v", ok, end, ends)
		}
		wantError(t, c.CheckValid(later), pgp.ErrExpired)

		// A subkey may expire before the certificate does.
		c = parsed(t, apart(t, k).whole(func(p *parts) {
			p.signingSig = binds(t, prim, packet.SigTypeSubkeyBinding, &sign.PublicKey,
				signsBack(t, sign, &sign.PublicKey, &prim.PublicKey), flags("sign"), lives(time.Hour))
		}))
		wantError(t, c.CheckValid(later), nil)
		_, err := c.SigningSubkey(later)
		wantError(t, err, pgp.ErrExpired)
		end, ends = c.Expires(born)
		if !ends || !end.Equal(born.Add(time.Hour)) {
			t.Errorf("expires at %v, %v", end, ends)
		}
		sig := serialized(t, signature(t, sign, plain, at(later)))
		wantError(t, c.Verify(typ, plain, sig, later), pgp.ErrExpired)
	})
}

// TestBoundBeforeBorn: a self-signature that is older than its key does not make
// the key older.
func TestBoundBeforeBorn(t *testing.T) {
	t.Parallel()
	k := key(t, pgp.Classic4, alice)
	prim := k.Secret("")
	c := parsed(t, apart(t, k).whole(func(p *parts) {
		p.certs = over(t, prim, packet.SigTypePositiveCert, alice, &prim.PublicKey, flags("certify"), at(born.Add(-time.Hour)))
	}))
	wantError(t, c.CheckValid(born.Add(-time.Minute)), pgp.ErrNotYetValid)
	wantError(t, c.CheckValid(born), nil)
}

// TestDirectLimit: in version 4 a signature over the key alone can limit its
// life, as sq and others do.
func TestDirectLimit(t *testing.T) {
	t.Parallel()
	k := key(t, pgp.Classic4, alice)
	prim := k.Secret("")
	c := parsed(t, apart(t, k).whole(func(p *parts) {
		p.direct = overKey(t, prim, packet.SigTypeDirectSignature, &prim.PublicKey, flags("certify"), lives(time.Hour), at(born.Add(time.Minute)))
	}))
	wantError(t, c.CheckValid(born), nil)
	wantError(t, c.CheckValid(born.Add(time.Hour)), pgp.ErrExpired)
}

// signing2 returns the secret signing subkey as of a time.
func signing2(t testing.TB, k *pgp.Key, at time.Time) *packet.PrivateKey {
	t.Helper()
	return k.Secret(must(k.Certificate().SigningSubkey(at))(t))
}

// userID replaces the User ID by one that is properly signed.
func userID(t testing.TB, prim *packet.PrivateKey, id string) func(*parts) {
	return func(p *parts) {
		p.user = pgp.Packet(13, []byte(id))
		p.certs = over(t, prim, packet.SigTypePositiveCert, id, &prim.PublicKey, flags("certify"))
	}
}

// refusedIfNamedCert is what only classic-4 accepts, from stock tools.
func refusedIfNamedCert(suite pgp.Suite) error {
	if version4(suite) {
		return nil
	}
	return pgp.ErrCertificate
}

// tooLargeIf is ErrTooLarge, or nil.
func tooLargeIf(large bool) error {
	if large {
		return pgp.ErrTooLarge
	}
	return nil
}
