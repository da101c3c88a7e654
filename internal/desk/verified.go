package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// Ways in which officers compare a fingerprint with its owner.
var verifiedHow = []string{"in-person", "phone", "note-verbale"}

// VerifiedHow lists the ways in which officers compare a fingerprint with its owner,
// outside this network.
func VerifiedHow() []string { return slices.Clone(verifiedHow) }

// Verifiers are the roles that may compare fingerprints.
var Verifiers = []Role{Drafter, Approver, DutyOfficer, KeyCustodian, Administrator}

// A Verified says that two officers have compared a certificate with its owner.
type Verified struct {
	ID          int64     `json:"id"`
	Authority   string    `json:"authority"`
	Suite       pgp.Suite `json:"suite"`
	Fingerprint string    `json:"fingerprint"`
	How         string    `json:"how"`
	Counterpart string    `json:"counterpart"` // who spoke for the owner, or the number of the note
	By          string    `json:"by"`          // id of the officer
	ByName      string    `json:"by_name"`
	At          time.Time `json:"at"`
	Second      string    `json:"second,omitempty"` // name of the second officer; empty before
	SecondAt    time.Time `json:"second_at,omitzero"`
}

// States of a certificate as officers have compared it.
const (
	KeyUnverified = "unverified" // nobody has
	KeyWaiting    = "waiting"    // one officer has
	KeyVerified   = "verified"   // two have
	KeyReplaced   = "replaced"   // two have, and it is another one now
)

// A KeyCheck is how a certificate of an authority stands.
type KeyCheck struct {
	Suite       pgp.Suite `json:"suite"`
	Fingerprint string    `json:"fingerprint"` // that the directory has now
	State       string    `json:"state"`
	// Last is what the state rests on; nil for nothing.
	Last *Verified `json:"last,omitempty"`
	// Waits is what waits for a second officer; nil for nothing.
	Waits *Verified `json:"waits,omitempty"`
}

// KeyChecks returns how the certificates of an authority stand, by suite: whether
// two officers have compared what the directory has now, or something else before.
func (d *Desk) KeyChecks(ctx context.Context, authority string) ([]KeyCheck, error) {
	a, err := d.Directory().Authority(authority)
	if err != nil {
		return nil, err
	}
	var rows []store.KeyVerified
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		rows, err = r.KeysVerified(ctx, authority)
		return err
	}); err != nil {
		return nil, err
	}
	checks := []KeyCheck{}
	for _, suite := range suitesIn(a) {
		k := KeyCheck{Suite: suite, Fingerprint: a.Certificates[suite].Fingerprint(), State: KeyUnverified}
		for _, row := range rows {
			if row.Suite != string(suite) {
				continue
			}
			v := verifiedOf(row)
			switch {
			case row.Second != "":
				k.Last, k.Waits = &v, nil
			case row.Fingerprint == k.Fingerprint:
				k.Waits = &v
			}
		}
		switch {
		case k.Last != nil && k.Last.Fingerprint == k.Fingerprint:
			k.State = KeyVerified
		case k.Last != nil:
			k.State = KeyReplaced
		case k.Waits != nil:
			k.State = KeyWaiting
		}
		checks = append(checks, k)
	}
	return checks, nil
}

func verifiedOf(row store.KeyVerified) Verified {
	v := Verified{
		ID: row.ID, Authority: row.Authority, Suite: pgp.Suite(row.Suite), Fingerprint: row.Fingerprint, How: row.How, Counterpart: row.Counterpart,
		By: row.Officer, ByName: row.OfficerName, At: time.Unix(row.At, 0).UTC(), Second: row.SecondName,
	}
	if row.SecondAt > 0 {
		v.SecondAt = time.Unix(row.SecondAt, 0).UTC()
	}
	return v
}

// RecordVerified notes that an officer has compared a certificate, the one with that
// fingerprint, with its owner: how, and who spoke for the owner. It counts once
// another officer says so too, see [Desk.SecondVerified].
func (d *Desk) RecordVerified(ctx context.Context, o Officer, v Verified) error {
	if err := o.Require(Verifiers...); err != nil {
		return err
	}
	if !slices.Contains(verifiedHow, v.How) {
		return problem.Newf(problem.InvalidValue, "how", "It must be one of %v.", verifiedHow)
	}
	if v.Counterpart = strings.TrimSpace(v.Counterpart); v.Counterpart == "" || len(v.Counterpart) > message.MaxWords || strings.ContainsFunc(v.Counterpart, message.Rearranges) {
		return problem.New(problem.InvalidValue, "counterpart", "Say in a line who spoke for the other side, or the number of the note.")
	}
	if err := d.stillHas(v.Authority, v.Suite, v.Fingerprint); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := w.PutKeyVerified(ctx, store.KeyVerified{
			Authority: v.Authority, Suite: string(v.Suite), Fingerprint: v.Fingerprint, How: v.How, Counterpart: v.Counterpart,
			Officer: o.ID, OfficerName: o.Name, At: d.now().Unix(),
		}); err != nil {
			return err
		}
		return d.Record(ctx, w, o.ID, "certificate compared", v.Authority+" "+v.Fingerprint+" "+v.How)
	})
}

// stillHas refuses a fingerprint that an authority does not have.
func (d *Desk) stillHas(authority string, suite pgp.Suite, fingerprint string) error {
	a, err := d.Directory().Authority(authority)
	if err != nil {
		return err
	}
	c, ok := a.Certificates[suite]
	if !ok || c.Fingerprint() != fingerprint {
		return problem.New(problem.WrongCertificate, "fingerprint", "The authority has another certificate in this suite: compare again.")
	}
	return nil
}

// SecondVerified has a second officer say that a certificate was compared, see
// [Desk.RecordVerified].
func (d *Desk) SecondVerified(ctx context.Context, o Officer, authority string, id int64) error {
	if err := o.Require(Verifiers...); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		rows, err := w.KeysVerified(ctx, authority)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rows, func(k store.KeyVerified) bool { return k.ID == id && k.Second == "" })
		if i < 0 {
			return problem.New(problem.NotFound, "id", "Nothing of this number waits for a second officer.")
		}
		row := rows[i]
		if row.Officer == o.ID {
			return problem.New(problem.Forbidden, "officer", "The second officer is another one than the first.")
		}
		if err := d.stillHas(authority, pgp.Suite(row.Suite), row.Fingerprint); err != nil {
			return err
		}
		row.Second, row.SecondName, row.SecondAt = o.ID, o.Name, d.now().Unix()
		if err := w.PutKeyVerified(ctx, row); err != nil {
			return err
		}
		return d.Record(ctx, w, o.ID, "certificate compared, second officer", fmt.Sprintf("%s %s", authority, row.Fingerprint))
	})
}
