package pgp_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

// A drawer is a device whose keys are in memory. It shows them as interfaces
// only, as a real one does; what a real one does is tested with one.
type drawer struct {
	signers    []crypto.Signer
	decrypters []crypto.Decrypter
}

type onlySigner struct{ crypto.Signer }

type onlyDecrypter struct{ crypto.Decrypter }

func (d *drawer) MakeSigner() (crypto.Signer, error) {
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	d.signers = append(d.signers, onlySigner{k})
	return onlySigner{k}, err
}

func (d *drawer) MakeDecrypter() (crypto.Decrypter, error) {
	k, err := pgp.GenerateRSA()
	d.decrypters = append(d.decrypters, onlyDecrypter{k})
	return onlyDecrypter{k}, err
}

func (d *drawer) Find(public crypto.PublicKey) (any, error) {
	for _, k := range d.signers {
		if p, ok := public.(*ecdsa.PublicKey); ok && p.Equal(k.Public()) {
			return k, nil
		}
	}
	for _, k := range d.decrypters {
		if p, ok := public.(*rsa.PublicKey); ok && p.Equal(k.Public()) {
			return k, nil
		}
	}
	return nil, errors.New("no such key")
}

func TestDevice(t *testing.T) {
	t.Parallel()
	d := &drawer{}
	k := must(pgp.GenerateIn(d, alice, born, 0))(t)
	if k.Suite() != pgp.HSM4 || len(d.signers) != 2 || len(d.decrypters) != 1 {
		t.Fatalf("%s, with %d signers and %d decrypters", k.Suite(), len(d.signers), len(d.decrypters))
	}
	b := key(t, pgp.HSM4, bob)
	wantError(t, k.RotateEncryption(now.Add(-time.Hour)), nil)
	wantError(t, k.RotateSigning(now.Add(-time.Hour)), nil)
	again := must(pgp.OpenIn(d, k.Certificate().Bytes()))(t)
	sealed := must(again.Seal(typ, plain, b.Certificate(), now))(t)
	for _, opener := range []*pgp.Key{again, b, k} {
		got, err := opener.Open(sealed, opening(t, again, b))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("opened as %q, error %v", got, err)
		}
	}
	signature := must(again.Sign(typ, plain, now))(t)
	wantError(t, k.Certificate().Verify(typ, plain, signature, now), nil)
	if _, err := k.Lock(passphrase); !errors.Is(err, pgp.ErrHeld) {
		t.Errorf("locking: %v", err)
	}
	_, err := pgp.OpenIn(&drawer{}, k.Certificate().Bytes())
	wantError(t, err, pgp.ErrKey)
	_, err = pgp.OpenIn(d, key(t, pgp.Classic4, alice).Certificate().Bytes())
	wantError(t, err, pgp.ErrSuite)
}

// What a device of the wrong kind makes is no key of ours.
func TestDeviceOfAnotherKind(t *testing.T) {
	t.Parallel()
	_, err := pgp.GenerateIn(small{&drawer{}}, alice, born, 0)
	if err == nil {
		t.Error("a key on P-256 is accepted")
	}
}

type small struct{ *drawer }

func (small) MakeSigner() (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}
