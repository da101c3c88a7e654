package pgp_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

func TestRotate(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := fresh(t, suite, alice), fresh(t, suite, bob)
		oldSign, oldEncr := signing(t, a).Fingerprint, encryption(t, b)
		before := must(a.Sign(typ, plain, now))(t)
		sealed := must(a.Seal(typ, plain, b.Certificate(), now))(t)
		o := opening(t, a, b)

		turn := now.AddDate(0, 3, 0)
		wantError(t, a.RotateSigning(turn), nil)
		wantError(t, b.RotateEncryption(turn), nil)
		ca, cb := parsed(t, a.Certificate().Bytes()), parsed(t, b.Certificate().Bytes())
		for _, tt := range []struct {
			at    time.Time
			fresh bool
		}{{turn, true}, {turn.Add(-time.Second), false}, {turn.AddDate(1, 0, 0), true}, {now, false}} {
			s, e := must(ca.SigningSubkey(tt.at))(t), must(cb.EncryptionSubkey(tt.at))(t)
			if (e != oldEncr) != tt.fresh || (signing2(t, a, tt.at).Fingerprint[0] == oldSign[0] && bytes.Equal(signing2(t, a, tt.at).Fingerprint, oldSign)) == tt.fresh {
				t.Errorf("at %v: %s, %s", tt.at, s, e)
			}
		}
		// Old messages stay good and can be opened; new ones use the new subkeys.
		wantError(t, ca.Verify(typ, plain, before, now), nil)
		_, err := b.Open(sealed, o)
		wantError(t, err, nil)
		after := must(a.Seal(typ, plain, cb, turn))(t)
		o.At, o.Sender = turn, ca
		_, err = b.Open(after, o)
		wantError(t, err, pgp.ErrFraming) // the old subkey is expected
		o.Recipients[0] = must(cb.EncryptionSubkey(turn))(t)
		_, err = b.Open(after, o)
		wantError(t, err, nil)
		// Not before the newest, nor on a dead key.
		wantError(t, a.RotateSigning(now), pgp.ErrKey)
		wantError(t, a.RotateEncryption(born.Add(-time.Second)), pgp.ErrNotYetValid)
		// Twice within a second: the later one.
		was := must(a.Certificate().SigningSubkey(turn))(t)
		wantError(t, a.RotateSigning(turn), nil)
		if must(a.Certificate().SigningSubkey(turn))(t) == was {
			t.Error("the earlier of two subkeys of one second is used")
		}
	})
}

// TestRotateOften: a key holds every subkey, and publishes those in use; one that
// others would refuse for its size is not published.
func TestRotateOften(t *testing.T) {
	t.Parallel()
	k, from := fresh(t, pgp.PQ6, alice), key(t, pgp.PQ6, bob)
	oldest := encryption(t, k)
	sealed := must(from.Seal(typ, plain, k.Certificate(), now))(t)
	o := opening(t, from, k)
	n, turn := 0, now
	var err error
	for err == nil && n < 20 {
		turn = turn.AddDate(0, 3, 0)
		wantError(t, k.RotateEncryption(turn), nil)
		n++
		_, err = k.Certificate().Published(born)
	}
	wantError(t, err, pgp.ErrTooLarge)
	if n < 8 {
		t.Errorf("%d rotations", n)
	}
	c := must(k.Certificate().Published(turn.AddDate(0, -3, 0)))(t)
	valid := must(c.EncryptionSubkeys(turn))(t)
	if len(valid) != 2 || valid[1] != must(k.Certificate().EncryptionSubkey(turn))(t) || c.Fingerprint() != k.Fingerprint() {
		t.Errorf("of %d rotations, %v are published", n, valid)
	}
	// Locked and unlocked, it still opens what was sealed before all of them.
	k = must(pgp.Unlock(must(k.Lock([]byte("passphrase")))(t), []byte("passphrase")))(t)
	_, err = k.Open(sealed, o)
	wantError(t, err, nil)

	// Until the oldest are destroyed, for good.
	gone := must(k.Destroy(turn.AddDate(0, -3, 0)))(t)
	if len(gone) != n-1 || gone[0].Fingerprint != oldest || gone[0].Signs || k.Holds(oldest) {
		t.Errorf("%d destroyed: %+v", len(gone), gone)
	}
	_, err = k.Open(sealed, o)
	wantError(t, err, pgp.ErrNotForUs)
	locked := must(k.Lock([]byte("passphrase")))(t)
	if public := must(pgp.LockedCertificate(locked))(t); public.Digest() != k.Certificate().Digest() {
		t.Error("the public part of a locked key is another")
	}
	if again := must(k.Destroy(turn.AddDate(0, -3, 0)))(t); again != nil {
		t.Errorf("destroyed twice: %+v", again)
	}
}

// TestSubkeys: what is said of the subkeys of a certificate.
func TestSubkeys(t *testing.T) {
	t.Parallel()
	k := fresh(t, pgp.Modern6, alice)
	turn := now.AddDate(0, 3, 0)
	old := must(k.Certificate().SigningSubkey(now))(t)
	sig := must(k.Sign(typ, plain, now))(t)
	wantError(t, k.RotateSigning(turn), nil)
	wantError(t, k.RevokeSubkey(old, pgp.Compromised, turn), nil)
	all := k.Certificate().Subkeys(turn)
	if len(all) != 3 || !all[0].Signs || all[0].Fingerprint != old || !all[0].Compromised || !all[0].Revoked.Equal(turn) ||
		!all[0].Superseded.Equal(turn) || all[1].Signs || !all[1].Superseded.IsZero() || !all[2].Created.Equal(turn) {
		t.Errorf("%+v", all)
	}
	if by := must(pgp.SignerOf(sig))(t); by != old {
		t.Errorf("signed by %s, not %s", by, old)
	}
	_, err := pgp.SignerOf(sig[:4])
	wantError(t, err, pgp.ErrSignature)
	_, err = pgp.LockedCertificate(k.Certificate().Bytes())
	wantError(t, err, pgp.ErrKey)
}

func TestRevokeSubkey(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		for _, tt := range []struct {
			reason pgp.Reason
			before error
		}{{pgp.Superseded, nil}, {pgp.Retired, nil}, {pgp.Compromised, pgp.ErrRevoked}} {
			a, b := fresh(t, suite, alice), fresh(t, suite, bob)
			sign, encr := must(a.Certificate().SigningSubkey(now))(t), encryption(t, b)
			sig := must(a.Sign(typ, plain, now))(t)
			sealed := must(a.Seal(typ, plain, b.Certificate(), now))(t)
			o := opening(t, a, b)
			at := now.Add(time.Hour)
			forged := serialized(t, signature(t, signing(t, a), plain, func(s *packet.Signature) { s.CreationTime = at }))
			wantError(t, a.RevokeSubkey(sign, tt.reason, at), nil)
			wantError(t, b.RevokeSubkey(encr, tt.reason, at), nil)
			ca, cb := parsed(t, a.Certificate().Bytes()), parsed(t, b.Certificate().Bytes())

			wantError(t, ca.CheckValid(at), nil)
			_, err := ca.SigningSubkey(at)
			wantError(t, err, pgp.ErrRevoked)
			_, err = cb.EncryptionSubkey(at)
			wantError(t, err, pgp.ErrRevoked)
			_, err = cb.EncryptionSubkey(at.Add(-time.Second))
			wantError(t, err, tt.before)
			wantError(t, ca.Verify(typ, plain, sig, now), tt.before)
			wantError(t, ca.Verify(typ, plain, forged, at), pgp.ErrRevoked)
			_, err = a.Sign(typ, plain, at)
			wantError(t, err, pgp.ErrRevoked)
			// What was sealed to it can still be opened.
			_, err = b.Open(sealed, o)
			wantError(t, err, nil)
			// A new subkey takes its place.
			wantError(t, a.RotateSigning(at), nil)
			must(a.Sign(typ, plain, at))(t)
		}
		k := fresh(t, suite, alice)
		wantError(t, k.RevokeSubkey(k.Fingerprint(), pgp.Retired, now), pgp.ErrKey)
		wantError(t, k.RevokeSubkey(encryption(t, k), 7, now), pgp.ErrKey)
	})
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		for _, tt := range []struct {
			reason pgp.Reason
			before error
		}{{pgp.Superseded, nil}, {pgp.Retired, nil}, {pgp.Compromised, pgp.ErrRevoked}} {
			k, b := fresh(t, suite, alice), key(t, suite, bob)
			sig := must(k.Sign(typ, plain, now))(t)
			at := now.Add(time.Hour)
			wantError(t, k.Revoke(tt.reason, at), nil)
			c := parsed(t, k.Certificate().Bytes())
			for range 2 { // what is said of one date must not stick to another
				wantError(t, c.CheckValid(at.AddDate(1, 0, 0)), pgp.ErrRevoked)
				wantError(t, c.CheckValid(at), pgp.ErrRevoked)
				wantError(t, c.CheckValid(at.Add(-time.Second)), tt.before)
				wantError(t, c.Verify(typ, plain, sig, now), tt.before)
			}
			_, err := k.Sign(typ, plain, at)
			wantError(t, err, pgp.ErrRevoked)
			_, err = b.Seal(typ, plain, c, at)
			wantError(t, err, pgp.ErrRevoked)
			_, err = k.Certify(b.Certificate(), at, 0)
			wantError(t, err, pgp.ErrRevoked)
			wantError(t, k.RotateSigning(at), pgp.ErrRevoked)
		}
	})
}

// TestRevokedWithoutReason: by other tools, or with a reason not known to us.
func TestRevokedWithoutReason(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k := key(t, suite, alice)
		prim, encr := k.Secret(""), k.Secret(encryption(t, k))
		later := at(now.Add(time.Hour))
		for _, why := range [][]change{{later}, {later, reason(packet.NoReason)}, {later, reason(packet.KeyCompromised)}, {later, reason(99)}} {
			c := parsed(t, apart(t, k).whole(func(p *parts) {
				p.direct = append(p.direct, overKey(t, prim, packet.SigTypeKeyRevocation, &prim.PublicKey, why...)...)
			}))
			wantError(t, c.CheckValid(now), pgp.ErrRevoked)
			c = parsed(t, apart(t, k).whole(func(p *parts) {
				p.encrSig = append(p.encrSig, binds(t, prim, packet.SigTypeSubkeyRevocation, &encr.PublicKey, nil, why...)...)
			}))
			_, err := c.EncryptionSubkey(now)
			wantError(t, err, pgp.ErrRevoked)
			wantError(t, c.CheckValid(now), nil)
		}
	})
}

func TestCertify(t *testing.T) {
	t.Parallel()
	for _, suite := range pgp.Suites() {
		for _, other := range pgp.Suites() {
			t.Run(string(suite+" by "+other), func(t *testing.T) {
				t.Parallel()
				state, party, stranger := key(t, suite, alice), key(t, other, bob), key(t, other, carol)
				c := must(party.Certify(state.Certificate(), now, 24*time.Hour))(t)
				end := now.Add(24 * time.Hour)
				if c.Digest() == state.Certificate().Digest() || c.Fingerprint() != state.Fingerprint() {
					t.Errorf("%s is %s", c.Digest(), c.Fingerprint())
				}
				for range 2 {
					wantError(t, c.CertifiedBy(party.Certificate(), end), pgp.ErrExpired)
					wantError(t, c.CertifiedBy(party.Certificate(), now), nil)
					wantError(t, c.CertifiedBy(party.Certificate(), now.Add(-time.Second)), pgp.ErrNotYetValid)
					wantError(t, c.CertifiedBy(party.Certificate(), end.Add(-time.Second)), nil)
				}
				wantError(t, c.CertifiedBy(stranger.Certificate(), now), pgp.ErrSignature)
				wantError(t, c.CertifiedBy(state.Certificate(), now), pgp.ErrSignature)
				wantError(t, state.Certificate().CertifiedBy(party.Certificate(), now), pgp.ErrSignature)
				// It still is the certificate that it was.
				sig := must(state.Sign(typ, plain, now))(t)
				wantError(t, c.Verify(typ, plain, sig, now), nil)
				// Again, and by another: one certification each.
				again := must(stranger.Certify(c, now, 0))(t)
				for range 10 {
					again = must(party.Certify(again, now.Add(time.Hour), 0))(t)
				}
				wantError(t, again.CertifiedBy(party.Certificate(), now), pgp.ErrNotYetValid)
				wantError(t, again.CertifiedBy(party.Certificate(), end.AddDate(10, 0, 0)), nil)
				wantError(t, again.CertifiedBy(stranger.Certificate(), end), nil)
			})
		}
	}
	k := key(t, pgp.Modern6, alice)
	for _, life := range []time.Duration{-time.Hour, time.Millisecond, 200 * 365 * 24 * time.Hour} {
		if _, err := k.Certify(key(t, pgp.Modern6, bob).Certificate(), now, life); err == nil {
			t.Errorf("certified for %v", life)
		}
	}
}

// TestCertifiedByRefuses holds what others, or the issuer's subkeys, can make.
func TestCertifiedByRefuses(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		state, party, stranger := key(t, suite, alice), fresh(t, suite, bob), key(t, suite, carol)
		subject, issuer := &state.Secret("").PublicKey, party.Secret("")
		kind := packet.SigTypePositiveCert
		hour := func(s *packet.Signature) { s.CreationTime = now.Add(time.Hour) }
		good := over(t, issuer, kind, alice, subject)
		revoke := func(changes ...change) []byte {
			return over(t, issuer, packet.SigTypeCertificationRevocation, alice, subject, changes...)
		}
		for _, tt := range []struct {
			name string
			sigs [][]byte
			want error
		}{
			{"as it ought to be", [][]byte{good}, nil},
			{"by a signing subkey", [][]byte{over(t, signing(t, party), kind, alice, subject)}, pgp.ErrSignature},
			{"over another User ID", [][]byte{over(t, issuer, kind, carol, subject)}, pgp.ErrSignature},
			{"over another key", [][]byte{over(t, issuer, kind, alice, &stranger.Secret("").PublicKey)}, pgp.ErrSignature},
			{"of another type", [][]byte{over(t, issuer, packet.SigTypeGenericCert, alice, subject)}, pgp.ErrSignature},
			{"older than the issuer", [][]byte{over(t, issuer, kind, alice, subject, at(born.Add(-time.Second)))}, pgp.ErrNotYetValid},
			{"of tomorrow", [][]byte{over(t, issuer, kind, alice, subject, hour)}, pgp.ErrNotYetValid},
			{"expired", [][]byte{over(t, issuer, kind, alice, subject, expires(60))}, pgp.ErrExpired},
			{"expired, and another", [][]byte{over(t, issuer, kind, alice, subject, expires(60)), good}, nil},
			{"revoked", [][]byte{good, revoke(at(now))}, pgp.ErrRevoked},
			{"revoked before", [][]byte{revoke(at(now)), good}, pgp.ErrRevoked},
			{"revoked tomorrow", [][]byte{good, revoke(hour)}, nil},
			{"revoked, then certified", [][]byte{revoke(at(born)), over(t, issuer, kind, alice, subject, at(now))}, nil},
			{"revoked by a stranger", [][]byte{good, over(t, stranger.Secret(""), packet.SigTypeCertificationRevocation, alice, subject, at(now))}, nil},
			{"not certified", nil, pgp.ErrSignature},
		} {
			t.Run(tt.name, func(t *testing.T) {
				c := parsed(t, apart(t, state).whole(func(p *parts) {
					for _, s := range tt.sigs {
						p.certs = append(p.certs, s...)
					}
				}))
				wantError(t, c.CertifiedBy(party.Certificate(), now), tt.want)
			})
		}
		// An issuer that is revoked does not vouch.
		c := parsed(t, apart(t, state).whole(func(p *parts) { p.certs = append(p.certs, good...) }))
		wantError(t, party.Revoke(pgp.Superseded, now), nil)
		wantError(t, c.CertifiedBy(party.Certificate(), now), pgp.ErrRevoked)
		wantError(t, c.CertifiedBy(party.Certificate(), now.Add(-time.Second)), nil)
	})
}
