package desk

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// policyFile holds the home's KeyPolicy.
const policyFile = "keys.json"

// A KeyPolicy says how long keys are in use. Periods are in days.
type KeyPolicy struct {
	// EncryptionDays and SigningDays are how long a subkey is in use; 0 for ever.
	EncryptionDays int `json:"encryption_days"`
	SigningDays    int `json:"signing_days"`
	// Automatic lets a serving desk rotate subkeys that are due, and renew entries
	// that end soon; otherwise it warns.
	Automatic bool `json:"automatic"`
	// KeepDays is how long superseded encryption subkeys are kept to read what was
	// sealed to them; 0 for ever. They are destroyed by command alone.
	KeepDays int `json:"keep_days"`
}

// DefaultKeyPolicy rotates what encrypts every quarter and what signs every year,
// and keeps all.
var DefaultKeyPolicy = KeyPolicy{EncryptionDays: 91, SigningDays: 365}

// mostDays bounds a period of a policy.
const mostDays = 36500

// day is the unit of a policy.
const day = 24 * time.Hour

// KeyPolicy returns the home's policy.
func (d *Desk) KeyPolicy() (KeyPolicy, error) {
	p := DefaultKeyPolicy
	data, err := os.ReadFile(filepath.Join(d.home, policyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return p, fmt.Errorf("reading %s: %w", policyFile, err)
	}
	return p, p.check()
}

func (p KeyPolicy) check() error {
	for _, n := range []int{p.EncryptionDays, p.SigningDays, p.KeepDays} {
		if n < 0 || n > mostDays {
			return fmt.Errorf("a period of the key policy is from 0 to %d days", mostDays)
		}
	}
	if least := int(overlap / day); p.KeepDays > 0 && p.KeepDays < least {
		return fmt.Errorf("superseded encryption subkeys are kept for at least %d days: what was sealed to them may be under way", least)
	}
	return nil
}

// SetKeyPolicy stores the home's policy.
func (d *Desk) SetKeyPolicy(p KeyPolicy) error {
	if err := p.check(); err != nil {
		return err
	}
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(d.home, policyFile), append(data, '\n'), 0o600)
}

// thresholds are the days before an end at which people are warned.
var thresholds = []int{1, 7, 30, 90}

// A KeyNotice says what ends, or is due, and what to do.
type KeyNotice struct {
	Subject string `json:"subject"` // an authority, a party, or "desk"
	What    string `json:"what"`
	At      string `json:"at,omitempty"` // RFC 3339
	// Days is how many whole days are left; negative if it is past.
	Days int `json:"days"`
	// Level is the threshold that has been passed: 90, 30, 7 or 1 days before, 0
	// after the end.
	Level int `json:"level"`
	// Own says that it is for this desk to do something.
	Own    bool   `json:"own"`
	Remedy string `json:"remedy"`

	due time.Time
}

// String returns the notice as a sentence.
func (n KeyNotice) String() string {
	return fmt.Sprintf("%s: %s: %s", n.Subject, n.What, n.Remedy)
}

// KeyNotices returns what ends within 90 days, has ended, is due or missing, the
// most pressing first: keys, certificates and entries of this desk, the party's
// key, the TLS certificate, and for information those of others. It unlocks
// nothing.
func (d *Desk) KeyNotices() ([]KeyNotice, error) {
	policy, err := d.KeyPolicy()
	if err != nil {
		return nil, err
	}
	own, err := d.Authorities()
	if err != nil {
		return nil, err
	}
	l := noticeList{now: d.now()}
	for _, a := range d.Directory().Authorities() {
		if a.Standing == directory.Revoked {
			continue
		}
		mine := slices.Contains(own, a.Statement.ID)
		l.authority(a, mine)
		if mine {
			l.rotations(a, policy)
			d.lacks(&l, a)
		}
	}
	for _, p := range d.Directory().Parties() {
		mine := len(own) > 0 && directory.PartyOf(own[0]) == p.Code
		if end, ends := p.Certificate.Expires(l.now); ends && p.Standing != directory.Revoked {
			l.ends(KeyNotice{Subject: p.Code, What: "the party's certificate", Own: mine, due: end}, "entraide key replace-party", mine)
		}
	}
	if c, err := x509.ParseCertificate(d.identity.Load().Certificate[0]); err == nil {
		l.ends(KeyNotice{Subject: "desk", What: "the TLS certificate", Own: true, due: c.NotAfter}, "entraide key renew-transport", true)
	}
	slices.SortStableFunc(l.all, func(a, b KeyNotice) int { return a.due.Compare(b.due) })
	return l.all, nil
}

// A noticeList collects notices.
type noticeList struct {
	now time.Time
	all []KeyNotice
}

// ends adds a notice of an end that is near or past.
func (l *noticeList) ends(n KeyNotice, command string, own bool) {
	left := n.due.Sub(l.now)
	i := slices.IndexFunc(thresholds, func(days int) bool { return left <= time.Duration(days)*day })
	if i < 0 {
		return
	}
	n.Level, n.Days, n.At = thresholds[i], int(left/day), directory.At(n.due).String()
	verb := "ends"
	if left <= 0 {
		n.Level, verb = 0, "ended"
	}
	n.What += fmt.Sprintf(" %s on %s", verb, n.due.Format(time.DateOnly))
	n.Remedy = "run `" + command + "`"
	if !own {
		n.Remedy = "ask them to publish a new one; call a number that you know"
	}
	l.all = append(l.all, n)
}

// authority adds what ends of an authority.
func (l *noticeList) authority(a directory.Authority, own bool) {
	id := a.Statement.ID
	l.ends(KeyNotice{Subject: id, What: "the entry in the directory", Own: own, due: a.Statement.ValidUntil.Time}, "entraide key renew --authority "+id, own)
	for _, suite := range suitesIn(a) {
		c := a.Certificates[suite]
		if end, ends := expiry(c, l.now); ends {
			l.ends(KeyNotice{Subject: id, What: fmt.Sprintf("the certificate in suite %s", suite), Own: own, due: end},
				fmt.Sprintf("entraide key replace --authority %s --suite %s", id, suite), own)
		}
	}
}

// suitesIn lists the suites of an authority's certificates, in one order.
func suitesIn(a directory.Authority) (suites []pgp.Suite) {
	for _, suite := range pgp.Suites() {
		if _, ok := a.Certificates[suite]; ok {
			suites = append(suites, suite)
		}
	}
	return suites
}

// expiry returns when a certificate, or a subkey in use, ends or has ended.
func expiry(c *pgp.Certificate, now time.Time) (time.Time, bool) {
	if end, ends := c.Expires(now); ends {
		return end, true
	}
	if errors.Is(c.CheckValid(now), pgp.ErrExpired) {
		return now, true
	}
	return time.Time{}, false
}

// rotations adds subkeys whose time is up.
func (l *noticeList) rotations(a directory.Authority, p KeyPolicy) {
	for _, r := range dueIn(a, p, l.now) {
		uses := strings.Join(r.uses(), " and ")
		l.all = append(l.all, KeyNotice{
			Subject: a.Statement.ID, What: fmt.Sprintf("the subkey in suite %s for %s is due to be rotated", r.Suites[0], uses), Own: true,
			At: directory.At(l.now).String(), Remedy: "run `entraide key rotate --authority " + a.Statement.ID + "`", due: l.now,
		})
	}
}

// uses names what a rotation is of.
func (r Rotation) uses() (uses []string) {
	if r.Encryption {
		uses = append(uses, "encryption")
	}
	if r.Signing {
		uses = append(uses, "signing")
	}
	return uses
}

// dueIn returns the rotations that a policy asks for, one for each suite.
func dueIn(a directory.Authority, p KeyPolicy, now time.Time) (due []Rotation) {
	for _, suite := range suitesIn(a) {
		c := a.Certificates[suite]
		r := Rotation{Authority: a.Statement.ID, Suites: []pgp.Suite{suite}}
		for _, s := range c.Subkeys(now) {
			period := p.EncryptionDays
			if s.Signs {
				period = p.SigningDays
			}
			if !s.Superseded.IsZero() || period == 0 || now.Sub(s.Created) < time.Duration(period)*day {
				continue
			}
			r.Signing, r.Encryption = r.Signing || s.Signs, r.Encryption || !s.Signs
		}
		if r.Signing || r.Encryption {
			due = append(due, r)
		}
	}
	return due
}

// lacks adds keys that the directory has and the home has not, or that are other
// ones.
func (d *Desk) lacks(l *noticeList, a directory.Authority) {
	id := a.Statement.ID
	for _, suite := range suitesIn(a) {
		c := a.Certificates[suite]
		add := func(what string) {
			l.all = append(l.all, KeyNotice{
				Subject: id, What: what, Own: true, At: directory.At(l.now).String(), due: l.now,
				Remedy: fmt.Sprintf("bring the file back from its backup, or run `entraide key replace --authority %s --suite %s`", id, suite),
			})
		}
		entries, err := d.keys.List()
		name := keyring.NameOf(id, suite)
		if err != nil || !slices.ContainsFunc(entries, func(e keyring.Entry) bool { return e.Name() == name }) {
			add(fmt.Sprintf("its key in suite %s is not here", suite))
			continue
		}
		here, err := d.lockedCertificate(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it is in a device
		case err != nil:
			add(fmt.Sprintf("its key in suite %s cannot be read", suite))
		case here.Fingerprint() != c.Fingerprint():
			add(fmt.Sprintf("the directory has another certificate in suite %s than that of the key here", suite))
		}
	}
}

// Maintain does what the key policy asks for: it rotates subkeys that are due and
// renews entries that end within 90 days, if the policy lets it; and it logs what
// is left for people to do, once at each threshold.
func (d *Desk) Maintain(ctx context.Context) error {
	policy, err := d.KeyPolicy()
	if err != nil {
		return err
	}
	// Keys that an agent holds are not in this process to be changed.
	if agent, unknown := d.keys.Agent(); unknown == nil && agent == "" && policy.Automatic {
		err = d.renewDue(ctx, policy)
	}
	notices, failed := d.KeyNotices()
	for _, n := range notices {
		if n.Own {
			d.warnOnce(n)
		}
	}
	return errors.Join(err, failed)
}

// renewDue rotates and renews what is due.
func (d *Desk) renewDue(ctx context.Context, policy KeyPolicy) error {
	own, err := d.Authorities()
	if err != nil {
		return err
	}
	var failed error
	for _, id := range own {
		a, err := d.Directory().Authority(id)
		if err != nil || a.Standing != directory.Active {
			continue // it is not for this desk to change
		}
		for _, r := range dueIn(a, policy, d.now()) {
			failed = errors.Join(failed, d.Rotate(ctx, r))
		}
		if a.Statement.ValidUntil.Sub(d.now()) < time.Duration(thresholds[len(thresholds)-1])*day {
			failed = errors.Join(failed, d.Renew(ctx, id))
		}
	}
	return failed
}

// warnOnce logs a notice unless it has been logged at this threshold.
func (d *Desk) warnOnce(n KeyNotice) {
	key := fmt.Sprintf("%s %s %d", n.Subject, n.What, n.Level)
	d.mu.Lock()
	known := d.warned[key]
	if d.warned == nil {
		d.warned = map[string]bool{}
	}
	d.warned[key] = true
	d.mu.Unlock()
	if !known {
		d.Log.Warn("keys", "subject", n.Subject, "what", n.What, "days", n.Days, "do", n.Remedy)
	}
}
