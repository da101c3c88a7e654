package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// A KeyInfo is a key of the home with its certificate in the directory.
type KeyInfo struct {
	keyring.Entry
	Fingerprint string `json:"fingerprint"` // empty before the State is admitted
	Expires     string `json:"expires"`     // RFC 3339, empty for never
	// Subkeys are those of the key here, oldest first; none of a key in a device.
	Subkeys []SubkeyInfo `json:"subkeys"`
}

// A SubkeyInfo is a subkey and what has become of it.
type SubkeyInfo struct {
	Fingerprint string `json:"fingerprint"`
	Use         string `json:"use"`     // signing or encryption
	Created     string `json:"created"` // RFC 3339
	State       string `json:"state"`   // in use, superseded, revoked or compromised
}

// subkeysOf lists the subkeys of a certificate.
func subkeysOf(c *pgp.Certificate, now time.Time) []SubkeyInfo {
	all := []SubkeyInfo{}
	for _, s := range c.Subkeys(now) {
		info := SubkeyInfo{Fingerprint: s.Fingerprint, Use: "encryption", Created: directory.At(s.Created).String(), State: "in use"}
		if s.Signs {
			info.Use = "signing"
		}
		switch {
		case s.Compromised:
			info.State = "compromised"
		case !s.Revoked.IsZero():
			info.State = "revoked"
		case !s.Superseded.IsZero():
			info.State = "superseded"
		}
		all = append(all, info)
	}
	return all
}

// Keys lists the home's keys. It unlocks nothing: fingerprints are those of the
// directory.
func (d *Desk) Keys() ([]KeyInfo, error) {
	files, err := d.keys.List()
	if err != nil {
		return nil, err
	}
	var keys []KeyInfo
	for _, f := range files {
		info := KeyInfo{Entry: f, Subkeys: []SubkeyInfo{}}
		if c, err := d.lockedCertificate(f.Name()); err == nil {
			info.Subkeys = subkeysOf(c, d.now())
		}
		if c, err := d.certificate(f); err == nil {
			info.Fingerprint = c.Fingerprint()
			if at, ok := c.Expires(d.now()); ok {
				info.Expires = directory.At(at).String()
			}
		}
		keys = append(keys, info)
	}
	return keys, nil
}

// certificate finds a key's certificate in the directory.
func (d *Desk) certificate(f keyring.Entry) (*pgp.Certificate, error) {
	if f.Authority == "" {
		return nil, ErrNoKey
	}
	a, err := d.Directory().Authority(f.Authority)
	if err != nil {
		return nil, err
	}
	c, ok := a.Certificates[f.Suite]
	if !ok {
		return nil, ErrNoKey
	}
	return c, nil
}

// Certificate returns the certificate of one of the home's authorities, as the
// directory has it.
func (d *Desk) Certificate(authority string, suite pgp.Suite) ([]byte, error) {
	c, err := d.certificate(keyring.Entry{Authority: authority, Suite: suite})
	if err != nil {
		return nil, fmt.Errorf("%s in suite %s: %w", authority, suite, err)
	}
	return c.Bytes(), nil
}

// ExportKey returns the secret key of an authority, locked under the home's
// passphrase in a form that stock tools unlock.
func (d *Desk) ExportKey(authority string, suite pgp.Suite) ([]byte, error) {
	name := keyring.NameOf(authority, suite)
	key, err := d.keys.Key(name)
	if err == nil && key.Elsewhere() {
		// An agent does not give keys away, whoever has the passphrase may.
		key, err = d.keys.Files.Key(name)
	}
	if err != nil {
		return nil, err
	}
	secret, err := d.Passphrase()
	if err != nil {
		return nil, err
	}
	return key.Export(secret)
}

// AddKey makes a key for an authority in a further suite and publishes it. With the
// socket of a device's helper, a key of hsm-4 is made in the device.
func (d *Desk) AddKey(ctx context.Context, authority string, suite pgp.Suite, hsm string) error {
	return d.alter(ctx, func(c *change) error {
		if slices.Contains(d.suitesHere(authority), suite) {
			return fmt.Errorf("%s has a key in suite %s already", authority, suite)
		}
		c.What = fmt.Sprintf("%s has a key in suite %s", authority, suite)
		return d.newKey(c, newKey{authority, suite, hsm}, func(*directory.AuthorityStatement) {})
	})
}

// Unlock asks for the passphrase now and checks that it opens the home's keys.
func (d *Desk) Unlock() error {
	files, err := d.keys.List()
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := d.keys.Key(f.Name()); err != nil {
			return err
		}
	}
	return nil
}
