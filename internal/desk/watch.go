package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/wire"
)

// errUnasked begins the incident of a statement that somebody else made.
var errUnasked = errors.New("a statement about this State that this desk did not make")

// putAsked notes what an enrolment asks for, and what it holds that is signed.
func putAsked(ctx context.Context, w store.DeskWriter, e enrolment.Enrolment, now time.Time) error {
	admission, err := enrolment.Admission(e.Names, e.Certificate)
	if err != nil {
		return err
	}
	if err := w.PutAsked(ctx, store.AskedAdmission, admission, now.Unix()); err != nil {
		return err
	}
	for _, s := range e.Authorities {
		if err := w.PutAsked(ctx, store.AskedStatement, s.Digest(), now.Unix()); err != nil {
			return err
		}
	}
	return nil
}

// asked notes that this desk has made a statement, before anybody else has it.
func (d *Desk) asked(ctx context.Context, signed directory.Signed) error {
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if known, err := w.Asked(ctx, store.AskedStatement, signed.Digest()); known || err != nil {
			return err
		}
		if err := w.PutAsked(ctx, store.AskedStatement, signed.Digest(), d.now().Unix()); err != nil {
			return err
		}
		return d.record(ctx, w, "directory statement made", signed.Digest())
	})
}

// party returns the code of the State whose desk this is; empty if it has no
// keys.
func (d *Desk) party() (string, error) {
	ids, err := d.Authorities()
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return directory.PartyOf(ids[0]), nil
}

// watch looks at a statement that has been logged and verified. One about this
// desk's own State that this desk neither made nor asked for is an incident:
// whoever made it has the key, or the power, to speak for the State.
func (d *Desk) watch(ctx context.Context, w store.DeskWriter, s wire.Statement, next *directory.Directory) error {
	party, err := d.party()
	if err != nil || party == "" {
		return err
	}
	record, ok := next.Find(directory.Signed{Statement: s.Statement}.Digest())
	if !ok || directory.PartyOf(record.Subject) != party {
		return nil
	}
	before := next.AsOf(s.Index)
	known, err := d.expected(ctx, w, record, before)
	if err != nil || known {
		return err
	}
	var previous []byte
	if history := before.History(record.Subject); len(history) > 0 {
		previous = []byte(history[len(history)-1].Signed.Statement)
	}
	return d.putIncident(ctx, w, fmt.Errorf("%w: %s", errUnasked, accusation(record, before)), asServed(s), previous)
}

// expected reports whether this desk has made a statement about its State, or
// asked the depositary for it. An admission is asked for once: it is not the
// reason for another statement that leaves the certificate as it was.
func (d *Desk) expected(ctx context.Context, r store.DeskReader, record directory.Record, before *directory.Directory) (bool, error) {
	known, err := r.Asked(ctx, store.AskedStatement, record.Digest)
	if known || err != nil || record.Typ != directory.TypParty {
		return known, err
	}
	statement, err := directory.Parse(record.Signed.Statement)
	if err != nil {
		return false, err
	}
	p, ok := statement.(*directory.PartyStatement)
	if !ok {
		return false, nil
	}
	if old, err := before.Party(record.Subject); err == nil && slices.Equal(old.Statement.Certificate, p.Certificate) {
		return false, nil
	}
	admission, err := enrolment.Admission(p.Names, p.Certificate)
	if err != nil {
		return false, err
	}
	return r.Asked(ctx, store.AskedAdmission, admission)
}

// accusation says who has done what to whom, and what to do.
func accusation(record directory.Record, before *directory.Directory) string {
	statement, err := directory.Parse(record.Signed.Statement)
	if err != nil {
		return err.Error()
	}
	did := fmt.Sprintf("entry %d of the log, no. %d about %s, made at %s", record.Index, record.Number, record.Subject, record.Issued)
	if s, ok := statement.(*directory.StandingStatement); ok {
		did += fmt.Sprintf(", says that %s is %s (%q)", record.Subject, s.Standing, s.Reason)
	} else if paths := changedMembers(before.Latest(record.Subject, record.Typ), statement); len(paths) > 0 {
		did += ", changes " + strings.Join(paths, ", ")
	}
	if record.Signer == directory.DepositarySubject {
		return fmt.Sprintf("%s. The depositary has signed it. Call the depositary and ask why", did)
	}
	return fmt.Sprintf("%s. It is signed with the key of %s, %s: if nobody in your State has made it, somebody else has that key. Call the depositary, and have %s suspended",
		did, record.Signer, record.Fingerprint, record.Signer)
}

// changedMembers lists what a statement changes.
func changedMembers(before, after directory.Statement) []string {
	var paths []string
	for _, c := range directory.Changes(before, after) {
		change := c.Member
		if strings.HasPrefix(c.Member, "certificate") {
			change = fmt.Sprintf("%s from %s to %s", c.Member, orNone(c.Before), orNone(c.After))
		}
		paths = append(paths, change)
	}
	return paths
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
