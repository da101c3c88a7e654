package desk

import (
	"slices"
	"strings"

	"github.com/entraide/entraide/pkg/problem"
)

// A Role is what an officer may do at a desk. An officer may hold several; where
// two persons are needed, they are two persons whatever roles each has.
type Role string

// The roles.
const (
	Drafter         Role = "drafter"          // reads cases, writes drafts, does the work of a case
	Approver        Role = "approver"         // reads cases, releases what others have drafted
	DutyOfficer     Role = "duty-officer"     // reads cases, answers pages, releases in an emergency
	KeyCustodian    Role = "key-custodian"    // looks after the keys, reads no case
	NationalAuditor Role = "national-auditor" // reads everything, changes nothing
	Administrator   Role = "administrator"    // looks after officers and settings, reads no case
)

// Roles lists all roles.
func Roles() []Role {
	return []Role{Drafter, Approver, DutyOfficer, KeyCustodian, NationalAuditor, Administrator}
}

// An Officer is a person who acts at a desk. ID never changes and is what the
// desk's own log names; Name is for people to read.
type Officer struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Roles []Role `json:"roles"`
}

// Has reports whether the officer holds one of the roles.
func (o Officer) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(o.Roles, r) })
}

// Require returns a *problem.Error with code forbidden unless the officer holds
// one of the roles.
func (o Officer) Require(roles ...Role) error {
	if o.ID != "" && o.Has(roles...) {
		return nil
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return problem.Newf(problem.Forbidden, "officer", "This needs the role %s.", strings.Join(names, " or "))
}

// Readers are the roles that may read cases.
var Readers = []Role{Drafter, Approver, DutyOfficer, NationalAuditor}
