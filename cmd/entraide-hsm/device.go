package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/ThalesGroup/crypto11"
)

const (
	// rsaBits is the size of the RSA keys of suite hsm-4.
	rsaBits = 4096
	// p384Bytes is the size of the digest that ECDSA on P-384 signs.
	p384Bytes = 48
	// idBytes is the size of CKA_ID of a key pair.
	idBytes = 16
	// label is CKA_LABEL of every key pair.
	label = "entraide"
)

// A device is a pgp.Device over PKCS #11.
type device struct {
	token *crypto11.Context

	mu    sync.Mutex
	pairs []crypto11.Signer // found or made
}

// openDevice logs in to a token.
func openDevice(module, token string, pin []byte) (*device, error) {
	c, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: token, Pin: string(pin)})
	if err != nil {
		return nil, fmt.Errorf("opening the token %q with %s: %w", token, module, err)
	}
	pairs, err := c.FindKeyPairs(nil, []byte(label))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listing the keys of the token: %w", err), c.Close())
	}
	return &device{token: c, pairs: pairs}, nil
}

// Close logs out.
func (d *device) Close() error { return d.token.Close() }

// MakeSigner implements pgp.Device.
func (d *device) MakeSigner() (crypto.Signer, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	public, private, err := templates(id, crypto11.CkaVerify, crypto11.CkaSign)
	if err != nil {
		return nil, err
	}
	made, err := d.token.GenerateECDSAKeyPairWithAttributes(public, private, elliptic.P384())
	if err != nil {
		return nil, err
	}
	d.keep(made)
	return signer{made}, nil
}

// MakeDecrypter implements pgp.Device.
func (d *device) MakeDecrypter() (crypto.Decrypter, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	public, private, err := templates(id, crypto11.CkaEncrypt, crypto11.CkaDecrypt)
	if err != nil {
		return nil, err
	}
	made, err := d.token.GenerateRSAKeyPairWithAttributes(public, private, rsaBits)
	if err != nil {
		return nil, err
	}
	d.keep(made)
	return made, nil
}

// keep remembers a key pair.
func (d *device) keep(made crypto11.Signer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pairs = append(d.pairs, made)
}

// Find implements pgp.Device.
func (d *device) Find(public crypto.PublicKey) (any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, pair := range d.pairs {
		switch known := pair.Public().(type) {
		case *ecdsa.PublicKey:
			if known.Equal(public) {
				return signer{pair}, nil
			}
		case *rsa.PublicKey:
			if known.Equal(public) {
				return pair, nil
			}
		}
	}
	return nil, errors.New("there is no such key in the token")
}

// newID makes the CKA_ID of a key pair.
func newID() ([]byte, error) {
	id := make([]byte, idBytes)
	_, err := rand.Read(id)
	return id, err
}

// templates are the attributes of a key pair that is put to one use and never
// leaves the device.
func templates(id []byte, publicUse, privateUse crypto11.AttributeType) (public, private crypto11.AttributeSet, err error) {
	if public, err = crypto11.NewAttributeSetWithIDAndLabel(id, []byte(label)); err != nil {
		return nil, nil, err
	}
	private = public.Copy()
	for set, values := range map[*crypto11.AttributeSet]map[crypto11.AttributeType]any{
		&public: {publicUse: true, crypto11.CkaToken: true},
		&private: {
			privateUse: true, crypto11.CkaToken: true, crypto11.CkaPrivate: true,
			crypto11.CkaSensitive: true, crypto11.CkaExtractable: false,
		},
	} {
		for kind, value := range values {
			if err := set.Set(kind, value); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, kind := range []crypto11.AttributeType{crypto11.CkaSign, crypto11.CkaDecrypt} {
		if kind != privateUse {
			if err := private.Set(kind, false); err != nil {
				return nil, nil, err
			}
		}
	}
	return public, private, nil
}

// A signer signs digests of any size. Devices differ in what they do with one
// that is longer than the curve; ECDSA takes its beginning (FIPS 186-5).
type signer struct{ crypto11.Signer }

// Sign implements crypto.Signer.
func (s signer) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.Signer.Sign(random, digest[:min(len(digest), p384Bytes)], o)
}
