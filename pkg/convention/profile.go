package convention

import (
	"maps"
	"slices"

	"github.com/entraide/entraide/pkg/problem"
)

// The positions of the list stance that the completeness check uses.
const (
	DualCriminalityCoercive = "dual-criminality-coercive"
	DualCriminalityAll      = "dual-criminality-all"
	ReservationPreservation = "reservation-preservation"
	RequiresDiplomatic      = "requires-diplomatic-channel"
	RequiresAssurances      = "requires-assurances"
	AcceptsOral             = "accepts-oral"
	UserNotificationLaw     = "user-notification-law"
	PrivilegeFilter         = "privilege-filter"
	CertifiedTranslation    = "certified-translation"
)

// A Profile is what the directory says of the requested party and authority, as
// far as the check uses it. The zero Profile finds nothing, but that no request
// by word of mouth is accepted.
type Profile struct {
	// Languages accepted by lane, as BCP 47 tags.
	Languages map[string][]string
	// Positions are rows of the list stance, each with the types of measures to
	// which it applies; none means all.
	Positions map[string][]string
	// Treaties are the rows of legal-basis in force with the requesting party;
	// nil if they are not known.
	Treaties []string
	// ServiceLeadDays is how long before the date of appearance a document must
	// arrive.
	ServiceLeadDays int64
}

// takes reports whether the party takes a position.
func (p *Profile) takes(position string) bool {
	_, ok := p.Positions[position]
	return ok
}

// takesOn reports whether the party takes a position on a type of measure.
func (p *Profile) takesOn(position, measure string) bool {
	measures, ok := p.Positions[position]
	return ok && (len(measures) == 0 || slices.Contains(measures, measure))
}

// CheckStance checks what an authority is about to say of itself: positions by
// code with the types of measures, and treaties by party. A *problem.Error names
// the row that no list has, or the positions that exclude each other.
func CheckStance(positions, treaties map[string][]string) error {
	for _, code := range slices.Sorted(maps.Keys(positions)) {
		position, ok := CodeOf("stance", code)
		if !ok {
			return unlisted("stance", code, "stance.positions")
		}
		for _, m := range positions[code] {
			if _, ok := CodeOf(listMeasure, m); !ok {
				return unlisted(listMeasure, m, "stance.positions."+code)
			}
		}
		for other := range positions {
			if position.Has("excludes:" + other) {
				return problem.Newf(problem.InvalidValue, "stance.positions."+code, "This excludes %s; keep one of them.", other)
			}
		}
	}
	for _, party := range slices.Sorted(maps.Keys(treaties)) {
		for _, code := range treaties[party] {
			if !matches(code, "legal-basis.treaty") {
				return unlisted("legal-basis", code, "stance.treaties."+party)
			}
		}
	}
	return nil
}

func unlisted(list, code, field string) error {
	return problem.Newf(problem.InvalidValue, field, "The list %s has no row %q that fits here; see `entraide schema show %s`.", list, code, list)
}
