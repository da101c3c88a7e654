package convention_test

import (
	"errors"
	"testing"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// TestCheckStance checks what an authority may say of its law.
func TestCheckStance(t *testing.T) {
	t.Parallel()
	type sets = map[string][]string
	for name, c := range map[string]struct {
		positions, treaties sets
		field               string
	}{
		"nothing":          {},
		"positions":        {positions: sets{"accepts-oral": {}, "requires-assurances": {"T13", "T18"}}, treaties: sets{"QN": {"BUDAPEST"}}},
		"unknown position": {positions: sets{"accepts-fax": {}}, field: "stance.positions"},
		"unknown measure":  {positions: sets{"requires-assurances": {"T13", "T99"}}, field: "stance.positions.requires-assurances"},
		"two that exclude": {positions: sets{"dual-criminality-all": {}, "dual-criminality-none": {}}, field: "stance.positions.dual-criminality-all"},
		"unknown treaty":   {treaties: sets{"QN": {"TREATY"}}, field: "stance.treaties.QN"},
		"not a treaty":     {treaties: sets{"QN": {"RECIPROCITY"}}, field: "stance.treaties.QN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := convention.CheckStance(c.positions, c.treaties)
			p, refused := errors.AsType[*problem.Error](err)
			if refused != (c.field != "") || refused && p.Field != c.field {
				t.Errorf("%v, want a refusal of %q", err, c.field)
			}
		})
	}
}
