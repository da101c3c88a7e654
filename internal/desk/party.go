package desk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
)

const (
	// nextPartyKey is the party's new key until the depositary has signed for it.
	nextPartyKey = "waiting/" + keyring.Party
	// ReplacementFile is what the depositary needs to replace the party's key.
	ReplacementFile = "replacement.json"
)

// RequestParty makes a new key for the party, in the place of one that was lost or
// is no longer trusted, and returns the request that the depositary needs. Nothing
// changes before the depositary has signed: the former key cannot name its own
// successor, since whoever has stolen it could.
//
// Asking again makes another key; the earlier request is then worthless.
func (d *Desk) RequestParty(ctx context.Context) (enrolment.Enrolment, error) {
	e := enrolment.Enrolment{Typ: enrolment.Typ, Authorities: []directory.Signed{}}
	own, err := d.Authorities()
	if err != nil {
		return e, err
	}
	if len(own) == 0 {
		return e, fmt.Errorf("%w: no authority has a key here", ErrNoKey)
	}
	party, err := d.Directory().Party(directory.PartyOf(own[0]))
	if err != nil {
		return e, err
	}
	key, err := pgp.Generate(pgp.Classic4, userID(party.Code, "party"), d.now(), 0)
	if err != nil {
		return e, fmt.Errorf("generating the party's key: %w", err)
	}
	path := filepath.Join(d.home, keyPath(nextPartyKey))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return e, err
	}
	if err := d.custody().Keep(nextPartyKey, key); err != nil {
		return e, err
	}
	e.Party, e.Names, e.Certificate = party.Code, party.Statement.Names, key.Certificate().Bytes()
	text, err := strictjson.Marshal(e)
	if err != nil {
		return e, err
	}
	if err := durable.Replace(filepath.Join(d.home, ReplacementFile), append(text, '\n'), 0o600); err != nil {
		return e, err
	}
	return e, d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := putAsked(ctx, w, e, d.now()); err != nil {
			return err
		}
		return d.record(ctx, w, "another key of the party requested", key.Fingerprint())
	})
}

// adoptParty takes the party's new key into use once the depositary has signed for
// it, and has it vouch for every authority of the home.
func (d *Desk) adoptParty(ctx context.Context) error {
	path := filepath.Join(d.home, keyPath(nextPartyKey))
	locked, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the party's new key: %w", err)
	}
	c, err := pgp.LockedCertificate(locked)
	if err != nil {
		return fmt.Errorf("the party's new key: %w", err)
	}
	own, err := d.Authorities()
	if err != nil || len(own) == 0 {
		return err
	}
	party, err := d.Directory().Party(directory.PartyOf(own[0]))
	if err != nil || party.Certificate.Fingerprint() != c.Fingerprint() {
		return nil //nolint:nilerr // the depositary has not signed yet
	}
	if err := d.alter(ctx, func(c *change) error { return d.successor(ctx, c, locked, own) }); err != nil {
		return err
	}
	return errors.Join(os.Remove(path), durable.SyncDir(filepath.Dir(path)))
}

// successor puts the party's new key in the place of the former one and signs the
// statements of the authorities with it.
//
// They say what this desk said last: whoever has stolen the former key may have said
// something else since.
func (d *Desk) successor(ctx context.Context, c *change, locked []byte, own []string) error {
	c.What = "key of the party replaced"
	key, err := d.custody().Key(nextPartyKey)
	if err != nil {
		return err
	}
	if former, err := os.ReadFile(filepath.Join(d.home, keyPath(keyring.Party))); err == nil {
		if was, err := pgp.LockedCertificate(former); err == nil {
			c.put(keyPath(formerName(was.Fingerprint())), former)
		}
	}
	c.put(keyPath(keyring.Party), locked)
	for _, id := range own {
		a, err := d.Directory().Authority(id)
		if err != nil || a.Standing == directory.Revoked {
			continue // not admitted yet, or no more
		}
		if err := d.asWeSaid(ctx, &a); err != nil {
			return err
		}
		signed, err := d.amended(a, key, func(*directory.AuthorityStatement, map[pgp.Suite]*pgp.Certificate) {})
		if err != nil {
			return err
		}
		c.Statements = append(c.Statements, signed)
	}
	return nil
}

// asWeSaid puts the newest statement that this desk has made about an authority in
// the place of one that somebody else has made since.
func (d *Desk) asWeSaid(ctx context.Context, a *directory.Authority) error {
	history := d.Directory().History(a.Statement.ID)
	for i := len(history) - 1; i >= 0; i-- {
		if history[i].Typ != directory.TypAuthority {
			continue
		}
		var ours bool
		if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
			ours, err = r.Asked(ctx, store.AskedStatement, history[i].Digest)
			return err
		}); err != nil {
			return err
		}
		if !ours {
			continue
		}
		statement, err := directory.Parse(history[i].Signed.Statement)
		if err != nil {
			return err
		}
		said, ok := statement.(*directory.AuthorityStatement)
		if !ok {
			continue
		}
		a.Statement, a.Certificates = *said, map[pgp.Suite]*pgp.Certificate{}
		for suite, data := range said.Certificates {
			if a.Certificates[suite], err = pgp.ParseCertificate(data); err != nil {
				return err
			}
		}
		return nil
	}
	return nil // the home is older than what it remembers of itself
}
