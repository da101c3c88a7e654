package directory

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// Authority returns an authority whatever its standing. The error is a
// *problem.Error with the code unknown-authority.
func (d *Directory) Authority(id string) (Authority, error) {
	s, ok := d.subjects[id]
	if !ok || s.authority == nil {
		return Authority{}, problem.New(problem.UnknownAuthority, "", "The directory knows no authority of this id.")
	}
	return d.asAuthority(s), nil
}

// Check returns an authority that may send and receive at a time. The error is
// a *problem.Error: unknown-authority; suspended-authority, also for one that
// is revoked; expired-authority outside the validity that its statement names.
func (d *Directory) Check(id string, at time.Time) (Authority, error) {
	a, err := d.Authority(id)
	if err != nil {
		return a, err
	}
	return a, a.Check(at)
}

// Check returns nil if the authority may send and receive at a time, and
// otherwise a *problem.Error: suspended-authority, also for one that is
// revoked; expired-authority outside the validity that its statement names.
func (a Authority) Check(at time.Time) error {
	s := a.Statement
	switch {
	case a.Standing != Active:
		return problem.New(problem.SuspendedAuthority, "", fmt.Sprintf("%s is %s.", s.ID, a.Standing))
	case at.Before(s.ValidFrom.Time):
		return problem.New(problem.ExpiredAuthority, "", fmt.Sprintf("The statement about %s is not valid before %s.", s.ID, s.ValidFrom))
	case !at.Before(s.ValidUntil.Time):
		return problem.New(problem.ExpiredAuthority, "", fmt.Sprintf("The statement about %s was valid until %s.", s.ID, s.ValidUntil))
	}
	return nil
}

// RoleAuditor is the role of an authority that may see the procedure of its
// party's exchanges in the broker's log, and no content.
const RoleAuditor = "auditor"

// Audits reports whether the depositary has named the authority as one that may
// see the procedure of all exchanges.
func (d *Directory) Audits(id string) bool {
	known, _ := d.Depositary()
	return slices.Contains(known.Statement.Auditors, id)
}

// CompromisedSince reports whether the authority has said that one of some keys was
// in other hands, and from when on, the earliest.
func (a Authority) CompromisedSince(fingerprints ...string) (since Time, ok bool) {
	for _, c := range a.Statement.Compromised {
		if slices.Contains(fingerprints, c.Fingerprint) && (!ok || c.Since.Before(since.Time)) {
			since, ok = c.Since, true
		}
	}
	return since, ok
}

// Suite returns the suite that messages from one authority to another have at
// a time: the best for which both have a valid certificate (protocol section
// 2.4). The error is a *problem.Error: unknown-authority; wrong-suite if they
// have none in common; expired-authority if only expired or revoked
// certificates are in common.
func (d *Directory) Suite(from, to string, at time.Time) (pgp.Suite, error) {
	a, err := d.Authority(from)
	if err != nil {
		return "", err
	}
	b, err := d.Authority(to)
	if err != nil {
		return "", err
	}
	return PairSuite(a, b, at)
}

// PairSuite returns the suite of messages between two authorities at a time.
// See [Directory.Suite].
func PairSuite(a, b Authority, at time.Time) (pgp.Suite, error) {
	if suite, ok := pgp.BestCommon(a.suites(at), b.suites(at)); ok {
		return suite, nil
	}
	published := slices.Collect(maps.Keys(a.Certificates))
	if _, ok := pgp.BestCommon(published, slices.Collect(maps.Keys(b.Certificates))); ok {
		return "", problem.New(problem.ExpiredAuthority, "",
			fmt.Sprintf("%s and %s have no valid certificates of a common suite.", a.Statement.ID, b.Statement.ID))
	}
	return "", problem.New(problem.WrongSuite, "",
		fmt.Sprintf("%s and %s have no suite in common.", a.Statement.ID, b.Statement.ID))
}

// suites lists the suites for which the authority has a valid certificate.
func (a Authority) suites(at time.Time) []pgp.Suite {
	var suites []pgp.Suite
	for suite, c := range a.Certificates {
		if c.CheckValid(at) == nil {
			suites = append(suites, suite)
		}
	}
	return suites
}
