package desk

import (
	"context"
	"fmt"
	"slices"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// A KeyInfo is a key of the home with its certificate in the directory.
type KeyInfo struct {
	keyring.Entry
	Fingerprint string `json:"fingerprint"` // empty before the State is admitted
	Expires     string `json:"expires"`     // RFC 3339, empty for never
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
		info := KeyInfo{Entry: f}
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

// AddKey makes a key for an authority in a further suite and returns the
// authority's next directory statement, signed by the party, to be published.
func (d *Desk) AddKey(authority string, suite pgp.Suite) (directory.Signed, error) {
	none := directory.Signed{}
	a, err := d.Directory().Authority(authority)
	if err != nil {
		return none, err
	}
	entries, err := d.keys.List()
	if err != nil {
		return none, err
	}
	name := keyring.NameOf(authority, suite)
	if slices.ContainsFunc(entries, func(e keyring.Entry) bool { return e.Name() == name }) {
		return none, fmt.Errorf("%s has a key in suite %s already", authority, suite)
	}
	party, err := d.keys.Key(keyring.Party)
	if err != nil {
		return none, err
	}
	now := d.now()
	key, err := makeKey(d.keys, name, suite, userID(authority, "desk"), now)
	if err != nil {
		return none, err
	}
	certified, err := party.Certify(key.Certificate(), now, validity)
	if err != nil {
		return none, err
	}
	next := a.Statement
	next.Number, next.Previous = d.Directory().Next(authority)
	next.Issued, next.Signer = directory.At(now), a.Party
	next.Certificates = map[pgp.Suite][]byte{suite: certified.Bytes()}
	for s, c := range a.Certificates {
		next.Certificates[s] = c.Bytes()
	}
	signed, err := directory.Sign(party, next, now)
	return signed, err
}

// Publish hands a signed directory statement to the broker and takes it into
// the desk's own directory.
func (d *Desk) Publish(ctx context.Context, signed directory.Signed) error {
	if _, err := d.client.Publish(ctx, signed); err != nil {
		return err
	}
	return d.followDirectory(ctx)
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

// VerifyDirectory verifies every stored statement again, from the trust anchor,
// and returns how many there are.
func (d *Desk) VerifyDirectory(ctx context.Context) (int, error) {
	d.mu.Lock()
	d.dir = nil
	d.mu.Unlock()
	if err := d.readDirectory(ctx); err != nil {
		return 0, err
	}
	return len(d.Directory().Records()), nil
}
