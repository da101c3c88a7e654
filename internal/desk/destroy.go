package desk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/filelock"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
)

// A Destruction says what is, or would be, destroyed, and what can then not be
// opened again.
type Destruction struct {
	Before string       `json:"before"` // RFC 3339
	Keys   []DoomedKey  `json:"keys"`
	Sealed []SealedCopy `json:"messages"`
}

// A DoomedKey is a subkey, or a whole former key, that is out of use.
type DoomedKey struct {
	Name        string `json:"name"`        // of its file
	Fingerprint string `json:"fingerprint"` // of the subkey, or of the certificate of a former key
	Former      bool   `json:"former"`
	Since       string `json:"since"` // when it went out of use, RFC 3339
	encrypts    bool
}

// A SealedCopy is a message whose sealed form can then not be opened.
type SealedCopy struct {
	Message  string `json:"message"`
	Case     string `json:"case"`
	Evidence int    `json:"evidence"` // packages that can then not be opened
}

// OldKeys returns the keys that went out of use before a time, and the messages that
// are sealed to them. What the case file holds in the clear stays readable; a
// message's evidence cannot be opened again, nor its content be compared with what
// was sealed. It unlocks nothing.
//
// The time must be at least 90 days back: what was sealed to younger ones may be
// under way.
func (d *Desk) OldKeys(ctx context.Context, before time.Time) (Destruction, error) {
	plan := Destruction{Before: directory.At(before).String(), Keys: []DoomedKey{}, Sealed: []SealedCopy{}}
	if d.now().Sub(before) < overlap {
		return plan, fmt.Errorf("only keys that have been out of use for at least %d days may be destroyed: what was sealed to younger ones may be under way", overlap/day)
	}
	entries, err := d.keys.List()
	if err != nil {
		return plan, err
	}
	for _, e := range entries {
		if e.Authority == "" {
			continue // nothing is sealed to the party's key
		}
		c, err := d.lockedCertificate(e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue // in a device
		}
		if err != nil {
			return plan, err
		}
		for _, s := range c.Subkeys(d.now()) {
			if !s.Superseded.IsZero() && !s.Superseded.After(before) {
				plan.Keys = append(plan.Keys, DoomedKey{
					Name: e.Name(), Fingerprint: s.Fingerprint, Since: directory.At(s.Superseded).String(), encrypts: !s.Signs,
				})
			}
		}
	}
	if err := d.oldFormer(&plan, before); err != nil {
		return plan, err
	}
	return plan, d.sealedToThem(ctx, &plan)
}

// lockedCertificate reads the public part of a key file.
func (d *Desk) lockedCertificate(name string) (*pgp.Certificate, error) {
	locked, err := os.ReadFile(filepath.Join(d.home, keyPath(name)))
	if err != nil {
		return nil, err
	}
	c, err := pgp.LockedCertificate(locked)
	if err != nil {
		return nil, fmt.Errorf("the key %s: %w", name, err)
	}
	return c, nil
}

// oldFormer adds former keys that were replaced before a time.
func (d *Desk) oldFormer(plan *Destruction, before time.Time) error {
	files, err := os.ReadDir(filepath.Join(d.home, keysDir, formerDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the former keys: %w", err)
	}
	replaced := d.replacements()
	for _, f := range files {
		fingerprint, ok := strings.CutSuffix(f.Name(), ".key")
		since, known := replaced[fingerprint]
		if ok && known && !since.After(before) {
			plan.Keys = append(plan.Keys, DoomedKey{
				Name: formerName(fingerprint), Fingerprint: fingerprint, Former: true, Since: since.String(), encrypts: true,
			})
		}
	}
	return nil
}

// replacements returns when the directory dropped certificates, by fingerprint.
func (d *Desk) replacements() map[string]directory.Time {
	replaced := map[string]directory.Time{}
	present := map[string][]string{} // by subject
	for _, r := range d.Directory().Records() {
		var now []string
		statement, err := directory.Parse(r.Signed.Statement)
		if err != nil {
			continue // it was applied: it can be parsed
		}
		switch s := statement.(type) {
		case *directory.AuthorityStatement:
			for _, data := range s.Certificates {
				if c, err := pgp.ParseCertificate(data); err == nil {
					now = append(now, c.Fingerprint())
				}
			}
		case *directory.PartyStatement:
			now = []string{s.Fingerprint}
		default:
			continue
		}
		for _, fingerprint := range present[r.Subject] {
			if !slices.Contains(now, fingerprint) {
				replaced[fingerprint] = r.Issued
			}
		}
		present[r.Subject] = now
	}
	return replaced
}

// sealedToThem adds the messages that are sealed to the keys of a plan.
func (d *Desk) sealedToThem(ctx context.Context, plan *Destruction) error {
	doomed := map[string]bool{}
	for _, k := range plan.Keys {
		doomed[k.Fingerprint] = k.encrypts
	}
	if len(doomed) == 0 {
		return nil
	}
	return d.db.Read(ctx, func(r store.DeskReader) error {
		for after := int64(-1); ; {
			letters, err := r.AllLetters(ctx, after, checkPage)
			if err != nil {
				return err
			}
			for _, l := range letters {
				if after = l.Index; len(l.Body) == 0 {
					continue
				}
				whole, err := r.Letter(ctx, l.ID)
				if err != nil {
					return err
				}
				m, err := message.Parse(whole.Sealed)
				if err != nil {
					return err
				}
				own := m.Core.From.Fingerprint
				if l.Incoming {
					own = m.Core.To.Fingerprint
				}
				subkey, err := sealedFor(m, l.Incoming, d.Directory().AsOf(l.Index))
				if err != nil {
					return err
				}
				if doomed[subkey] || doomed[own] {
					plan.Sealed = append(plan.Sealed, SealedCopy{Message: l.ID, Case: l.Case, Evidence: len(m.Header.Evidence)})
				}
			}
			if len(letters) < checkPage {
				return nil
			}
		}
	})
}

// DestroyKeys destroys what OldKeys returns, for good, and notes it in the desk's
// own log. Copies of the key files, as in backups, are the custodian's to destroy.
//
// The error is that of OldKeys, or wraps [pgp.ErrPassphrase].
func (d *Desk) DestroyKeys(ctx context.Context, before time.Time) (Destruction, error) {
	lock, err := filelock.Try(filepath.Join(d.home, changeLock))
	if errors.Is(err, filelock.ErrHeld) {
		return Destruction{}, errKeysBusy
	}
	if err != nil {
		return Destruction{}, fmt.Errorf("claiming the keys: %w", err)
	}
	defer func() { _ = lock.Release() }() // it ends with the process in any case
	if err := d.resume(ctx); err != nil {
		return Destruction{}, err
	}
	plan, err := d.OldKeys(ctx, before)
	if err != nil || len(plan.Keys) == 0 {
		return plan, err
	}
	var names, gone []string
	for _, k := range plan.Keys {
		gone = append(gone, k.Fingerprint)
		if !k.Former && !slices.Contains(names, k.Name) {
			names = append(names, k.Name)
		}
	}
	// The log first: what was destroyed without a word could not be told from what
	// was lost.
	if err := d.db.Write(ctx, func(w store.DeskWriter) error {
		return d.record(ctx, w, "keys destroyed", strings.Join(gone, " "))
	}); err != nil {
		return plan, err
	}
	for _, name := range names {
		key, err := d.custody().Copy(name)
		if err != nil {
			return plan, err
		}
		if _, err := key.Destroy(before); err != nil {
			return plan, err
		}
		if err := d.custody().Keep(name, key); err != nil {
			return plan, err
		}
	}
	for _, k := range plan.Keys {
		if !k.Former {
			continue
		}
		if err := os.Remove(filepath.Join(d.home, keyPath(k.Name))); err != nil {
			return plan, err
		}
	}
	err = durable.SyncDir(filepath.Join(d.home, keysDir, formerDir))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return plan, err
}
