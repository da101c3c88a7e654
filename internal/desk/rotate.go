package desk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// A Rotation is a change of subkeys of an authority.
type Rotation struct {
	Authority string
	// Suites are those of the keys; none means all that the home has.
	Suites              []pgp.Suite
	Encryption, Signing bool
}

// Rotate makes new subkeys and publishes them. New messages use them from then
// on; those before stay in the keys, for what is under way and for what is to be
// read again.
//
// A refusal is a *problem.Error; the error wraps [ErrNoKey] if the party's key or
// none of the authority's is here.
func (d *Desk) Rotate(ctx context.Context, r Rotation) error {
	if !r.Encryption && !r.Signing {
		return errors.New("say which subkeys to rotate: those that encrypt, those that sign, or both")
	}
	return d.alter(ctx, func(c *change) error {
		c.What = "subkeys of " + r.Authority + " rotated"
		suites := r.Suites
		if len(suites) == 0 {
			suites = d.suitesHere(r.Authority)
		}
		return d.modify(c, r.Authority, suites, func(key *pgp.Key, _ *directory.AuthorityStatement) error {
			if r.Encryption {
				if err := key.RotateEncryption(d.now()); err != nil {
					return err
				}
			}
			if r.Signing {
				return key.RotateSigning(d.now())
			}
			return nil
		})
	})
}

// suitesHere returns the suites of an authority's keys in the home.
func (d *Desk) suitesHere(authority string) (suites []pgp.Suite) {
	files, err := d.keys.List()
	if err != nil {
		return nil // whoever reads a key says why
	}
	for _, f := range files {
		if f.Authority == authority {
			suites = append(suites, f.Suite)
		}
	}
	return suites
}

// modify changes keys of an authority and signs its next statement. It changes
// copies: what is in force stays so until the directory has the statement.
func (d *Desk) modify(c *change, authority string, suites []pgp.Suite, edit func(*pgp.Key, *directory.AuthorityStatement) error) error {
	a, party, err := d.issuer(authority)
	if err != nil {
		return err
	}
	if len(suites) == 0 {
		return fmt.Errorf("%w: %s", ErrNoKey, authority)
	}
	changed := map[pgp.Suite]*pgp.Key{}
	for _, suite := range suites {
		name := keyring.NameOf(authority, suite)
		inHSM := d.keys.InHSM(name)
		lend := d.custody().Copy
		if inHSM {
			lend = d.keys.Key // a device changes what it has, at once
		}
		key, err := lend(name)
		if err != nil {
			return err
		}
		published, ok := a.Certificates[suite]
		if !ok || published.Fingerprint() != key.Fingerprint() {
			return problem.Newf(problem.WrongCertificate, "certificates."+string(suite),
				"The directory has another certificate of %s than that of the key here.", authority)
		}
		if err := edit(key, &a.Statement); err != nil {
			return fmt.Errorf("the key of %s in suite %s: %w", authority, suite, err)
		}
		if !inHSM {
			if err := d.putKey(c, name, key); err != nil {
				return err
			}
		}
		changed[suite] = key
	}
	signed, err := d.amended(a, party, func(_ *directory.AuthorityStatement, certificates map[pgp.Suite]*pgp.Certificate) {
		for suite, key := range changed {
			certificates[suite] = key.Certificate()
		}
	})
	c.Statements = append(c.Statements, signed)
	return err
}

// issuer returns an own authority, and the party's key, which must be the one that
// the directory has.
func (d *Desk) issuer(authority string) (directory.Authority, *pgp.Key, error) {
	a, err := d.Directory().Authority(authority)
	if err != nil {
		return a, nil, err
	}
	a.Statement.Compromised = slices.Clone(a.Statement.Compromised)
	key, err := d.keys.Key(keyring.Party)
	if errors.Is(err, ErrNoKey) {
		err = fmt.Errorf("%w: bring its file back from a backup, or run `entraide key replace-party`", err)
	}
	if err != nil {
		return a, nil, err
	}
	party, err := d.Directory().Party(a.Party)
	if err != nil {
		return a, nil, err
	}
	if party.Certificate.Fingerprint() != key.Fingerprint() {
		return a, nil, problem.Newf(problem.StatementSigner, "signer",
			"The party's key here is not the one of the directory, which is %s: a statement signed with it would be refused.", party.Certificate.Fingerprint())
	}
	return a, key, nil
}

// A Revocation takes a subkey out of use.
type Revocation struct {
	Authority string
	Suite     pgp.Suite
	Subkey    string // fingerprint
	Reason    pgp.Reason
	// Since is from when on a compromised subkey may have been in other hands.
	Since directory.Time
}

// Revoke revokes a subkey and publishes it; a successor is made if it was in use.
// A superseded or retired one is good for what it did before; a compromised one
// for nothing that is not in the log yet, and readers of what is there are told.
//
// A refusal is a *problem.Error; the error wraps [pgp.ErrKey] if there is no such
// subkey.
func (d *Desk) Revoke(ctx context.Context, r Revocation) error {
	return d.alter(ctx, func(c *change) error {
		c.What = fmt.Sprintf("subkey %s of %s revoked", r.Subkey, r.Authority)
		return d.modify(c, r.Authority, []pgp.Suite{r.Suite}, func(key *pgp.Key, s *directory.AuthorityStatement) error {
			all := key.Certificate().Subkeys(d.now())
			i := slices.IndexFunc(all, func(k pgp.Subkey) bool { return k.Fingerprint == r.Subkey })
			if i < 0 {
				return fmt.Errorf("%w: it has no subkey %s", pgp.ErrKey, r.Subkey)
			}
			if !all[i].Revoked.IsZero() {
				return fmt.Errorf("the subkey %s is revoked already", r.Subkey)
			}
			if all[i].Superseded.IsZero() {
				rotate := key.RotateEncryption
				if all[i].Signs {
					rotate = key.RotateSigning
				}
				if err := rotate(d.now()); err != nil {
					return err
				}
			}
			if r.Reason == pgp.Compromised {
				compromise(s, r.Subkey, r.Since)
			}
			return key.RevokeSubkey(r.Subkey, r.Reason, d.now())
		})
	})
}

// mostCompromised bounds the list in a statement; the log keeps the earlier ones.
const mostCompromised = 64

// compromise notes a key that was in other hands.
func compromise(s *directory.AuthorityStatement, fingerprint string, since directory.Time) {
	s.Compromised = append(s.Compromised, directory.Compromised{Fingerprint: fingerprint, Since: since})
	s.Compromised = s.Compromised[max(0, len(s.Compromised)-mostCompromised):]
}

// A Replacement gives an authority a new key in the place of one that was lost or
// is no longer trusted.
type Replacement struct {
	Authority string
	Suite     pgp.Suite
	// Compromised says that the former key was in other hands, since a time.
	Compromised bool
	Since       directory.Time
}

// Replace makes a new key for an authority and publishes it; the party's key
// vouches for it. The former key is kept, if it is here, to open what was sealed to
// it.
//
// A refusal is a *problem.Error; the error wraps [ErrNoKey] if the party's key is
// not here: then see [Desk.RequestParty].
func (d *Desk) Replace(ctx context.Context, r Replacement) error {
	return d.alter(ctx, func(c *change) error {
		a, err := d.Directory().Authority(r.Authority)
		if err != nil {
			return err
		}
		former, ok := a.Certificates[r.Suite]
		if !ok {
			return fmt.Errorf("%w: %s in suite %s; make one with `entraide key generate`", ErrNoKey, r.Authority, r.Suite)
		}
		if d.keys.InHSM(keyring.NameOf(r.Authority, r.Suite)) {
			return fmt.Errorf("%w: rotate or revoke its subkeys, or use another suite with `entraide key generate`", pgp.ErrHeld)
		}
		c.What = fmt.Sprintf("key of %s in suite %s replaced", r.Authority, r.Suite)
		if err := d.keepFormer(c, keyring.NameOf(r.Authority, r.Suite), former.Fingerprint()); err != nil {
			return err
		}
		return d.newKey(c, newKey{r.Authority, r.Suite, ""}, func(s *directory.AuthorityStatement) {
			if r.Compromised {
				compromise(s, former.Fingerprint(), r.Since)
			}
		})
	})
}

// keepFormer keeps a key file that is to be replaced, if it is there.
func (d *Desk) keepFormer(c *change, name, fingerprint string) error {
	locked, err := os.ReadFile(filepath.Join(d.home, keyPath(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the former key: %w", err)
	}
	c.put(keyPath(formerName(fingerprint)), locked)
	return nil
}

// A newKey is to be made for an authority in a suite, in the device behind a
// helper's socket if there is one.
type newKey struct {
	authority string
	suite     pgp.Suite
	hsm       string
}

// makeKey makes a key and adds it to the change.
func (d *Desk) makeKey(c *change, n newKey) (*pgp.Key, error) {
	name, user := keyring.NameOf(n.authority, n.suite), userID(n.authority, "desk")
	if n.hsm == "" {
		key, err := pgp.Generate(n.suite, user, d.now(), 0)
		if err != nil {
			return nil, fmt.Errorf("generating the key of %s: %w", n.authority, err)
		}
		return key, d.putKey(c, name, key)
	}
	socket, err := filepath.Abs(n.hsm)
	if err != nil {
		return nil, err
	}
	c.put(filepath.Join(keysDir, keyring.HSMFile(name)), []byte(socket+"\n"))
	device := keyring.NewHSMClient(socket)
	// The device may have made it for a change that went no further.
	if key, err := device.Key(name); err == nil {
		return key, nil
	}
	return device.Generate(name, n.suite, user, d.now())
}

// newKey makes a key of an authority in a suite and signs the statement with it.
func (d *Desk) newKey(c *change, n newKey, edit func(*directory.AuthorityStatement)) error {
	a, party, err := d.issuer(n.authority)
	if err != nil {
		return err
	}
	key, err := d.makeKey(c, n)
	if err != nil {
		return err
	}
	signed, err := d.amended(a, party, func(s *directory.AuthorityStatement, certificates map[pgp.Suite]*pgp.Certificate) {
		certificates[n.suite] = key.Certificate()
		edit(s)
	})
	c.Statements = append(c.Statements, signed)
	return err
}

// Renew publishes that an authority is valid for two more years, with what the
// party says of its certificates.
func (d *Desk) Renew(ctx context.Context, authority string) error {
	return d.alter(ctx, func(c *change) error {
		a, party, err := d.issuer(authority)
		if err != nil {
			return err
		}
		c.What = "entry of " + authority + " renewed"
		signed, err := d.amended(a, party, func(s *directory.AuthorityStatement, _ map[pgp.Suite]*pgp.Certificate) {
			s.ValidUntil = directory.At(d.now().Add(validity))
		})
		c.Statements = append(c.Statements, signed)
		return err
	})
}

// RenewTransport makes a new TLS key and publishes it for all authorities of the
// home. The desk connects with the former one until the broker knows the new.
func (d *Desk) RenewTransport(ctx context.Context) error {
	return d.alter(ctx, func(c *change) error {
		c.What = "TLS key renewed"
		own, err := d.Authorities()
		if err != nil {
			return err
		}
		digest, err := d.newIdentity(c)
		if err != nil {
			return err
		}
		for _, id := range own {
			a, party, err := d.issuer(id)
			if problem.CodeOf(err) == problem.UnknownAuthority || err == nil && a.Standing == directory.Revoked {
				continue
			}
			if err != nil {
				return err
			}
			signed, err := d.amended(a, party, func(s *directory.AuthorityStatement, _ map[pgp.Suite]*pgp.Certificate) {
				s.Transport = digest
			})
			if err != nil {
				return err
			}
			c.Statements = append(c.Statements, signed)
		}
		return nil
	})
}

// newIdentity adds a new TLS identity to a change.
func (d *Desk) newIdentity(c *change) (digest string, err error) {
	dir, err := os.MkdirTemp(d.home, "tls-*")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if digest, err = transport.Create(dir, "entraide desk", d.now()); err != nil {
		return "", err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return "", err
		}
		c.put(f.Name(), content)
	}
	return digest, nil
}
