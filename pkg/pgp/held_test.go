package pgp_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

// A lender holds a key for others, as another process would.
type lender struct {
	key   *pgp.Key
	other *pgp.Key // signs in place of key, if not nil
	gone  bool
}

func (l *lender) Sign(typ string, data []byte, intended []string, at time.Time) ([]byte, error) {
	if l.gone {
		return nil, pgp.ErrUnavailable
	}
	if l.other != nil {
		return l.other.SignFor(typ, data, intended, at)
	}
	return l.key.SignFor(typ, data, intended, at)
}

func (l *lender) SessionKey(subkey string, packet []byte) ([]byte, error) {
	if l.gone {
		return nil, pgp.ErrUnavailable
	}
	return l.key.OpenSession(subkey, packet)
}

func (l *lender) Certify(certificate []byte, at time.Time, lifetime time.Duration) ([]byte, error) {
	c, err := pgp.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	certified, err := l.key.Certify(c, at, lifetime)
	if err != nil {
		return nil, err
	}
	return certified.Bytes(), nil
}

func (l *lender) Change(c pgp.Change) ([]byte, error) {
	if err := c.Apply(l.key); err != nil {
		return nil, err
	}
	return l.key.Certificate().Bytes(), nil
}

// held returns a key whose secret parts are with the lender.
func held(t testing.TB, by *lender) *pgp.Key {
	t.Helper()
	return must(pgp.Held(by.key.Certificate().Bytes(), by))(t)
}

func TestHeldElsewhere(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		own, b := key(t, suite, alice), key(t, suite, bob)
		a := held(t, &lender{key: own})
		signed := must(a.Sign(typ, plain, now))(t)
		wantError(t, own.Certificate().Verify(typ, plain, signed, now), nil)
		sealed := must(a.Seal(typ, plain, b.Certificate(), now))(t)
		for _, k := range []*pgp.Key{a, b} {
			got, err := k.Open(sealed, opening(t, own, b))
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("opened as %q, error %v", got, err)
			}
		}
		var stream, out bytes.Buffer
		if _, err := pgp.Encrypt(&stream, bytes.NewReader(plain), []*pgp.Certificate{b.Certificate(), a.Certificate()}, now); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Decrypt(&out, &stream, []string{encryption(t, b), encryption(t, own)}); err != nil || !bytes.Equal(out.Bytes(), plain) {
			t.Errorf("a stream is opened as %q, error %v", out.Bytes(), err)
		}
		certified := must(a.Certify(b.Certificate(), now, time.Hour))(t)
		wantError(t, certified.CertifiedBy(own.Certificate(), now), nil)
		if _, err := a.Lock([]byte("x")); !errors.Is(err, pgp.ErrHeld) {
			t.Errorf("locking: %v", err)
		}
	})
}

// A holder whose key is another, or has been altered, signs nothing in our name
// (T18), and one that cannot be asked is not taken for a bad message.
func TestHeldByAnother(t *testing.T) {
	t.Parallel()
	own, b := key(t, pgp.Modern6, alice), key(t, pgp.Modern6, bob)
	forger := held(t, &lender{key: own, other: b})
	_, err := forger.Sign(typ, plain, now)
	wantError(t, err, pgp.ErrKey)
	_, err = forger.Seal(typ, plain, b.Certificate(), now)
	wantError(t, err, pgp.ErrKey)

	sealed := must(b.Seal(typ, plain, own.Certificate(), now))(t)
	gone := held(t, &lender{key: own, gone: true})
	_, err = gone.Sign(typ, plain, now)
	wantError(t, err, pgp.ErrUnavailable)
	_, err = gone.Open(sealed, opening(t, b, own))
	wantError(t, err, pgp.ErrUnavailable)
	if errors.Is(err, pgp.ErrFraming) {
		t.Error("an absent holder is taken for a bad payload")
	}
}

func TestHeldChanges(t *testing.T) {
	t.Parallel()
	own := fresh(t, pgp.Modern6, alice)
	k := held(t, &lender{key: own})
	before := encryption(t, k)
	wantError(t, k.RotateEncryption(now), nil)
	if after := encryption(t, k); after == before || after != encryption(t, own) {
		t.Errorf("the encryption subkey is %s after %s", after, before)
	}
	wantError(t, k.RotateSigning(now), nil)
	if _, err := k.Sign(typ, plain, now); err != nil {
		t.Error(err)
	}
	wantError(t, k.RevokeSubkey(before, pgp.Superseded, now), nil)
	wantError(t, k.Revoke(pgp.Compromised, now), nil)
	wantError(t, own.Certificate().CheckValid(now), pgp.ErrRevoked)
	wantError(t, k.Certificate().CheckValid(now), pgp.ErrRevoked)
}
