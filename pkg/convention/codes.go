package convention

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/schemas"
)

// maxListBytes bounds the file of a code list.
const maxListBytes = 256 << 10

// A Code is a row of a code list: a value that has a meaning in law, with the
// provision it rests on.
type Code struct {
	Code  string `json:"code"`
	Label string `json:"label"`
	// Provision is the place in the Convention; empty where practice is the
	// source.
	Provision string `json:"provision"`
	// Verified says that the provision was checked against an authentic text.
	Verified bool   `json:"verified"`
	Source   string `json:"source"`

	// Preservation marks the measures that preserve data, and the grounds on
	// which they may be refused.
	Preservation bool `json:"preservation,omitzero"`
	// MinDays is the shortest duration of a measure.
	MinDays int64 `json:"min_days,omitzero"`
	// Full marks a measure that needs the full content of a request.
	Full bool `json:"full,omitzero"`
	// Consult marks a ground that needs a consultation before it.
	Consult bool `json:"consult,omitzero"`
	// NeverAlone marks a ground that is not accepted without another.
	NeverAlone bool `json:"never_alone,omitzero"`
	// MinPenaltyMonths is the lowest maximum penalty of an offence.
	MinPenaltyMonths int64 `json:"min_penalty_months,omitzero"`
	// Lane is the lane in which a request of this urgency travels.
	Lane string `json:"lane,omitempty"`
	// Reason, Text and Until say what must be given with the code.
	Reason bool `json:"reason,omitzero"`
	Text   bool `json:"text,omitzero"`
	Until  bool `json:"until,omitzero"`
}

// The names of the code lists, which are those of their files.
const (
	listMeasure         = "measure-type"
	listOffence         = "offence"
	listGround          = "refusal-ground"
	listUrgency         = "urgency-class"
	listReason          = "urgency-reason"
	listConfidentiality = "confidentiality"
	listCategory        = "data-category"
	listBasis           = "legal-basis"
)

// lists reads all code lists once.
var lists = sync.OnceValues(func() (map[string][]Code, error) {
	names, err := fs.Glob(schemas.FS, "codes/*.json")
	if err != nil {
		return nil, err
	}
	out := map[string][]Code{}
	for _, name := range names {
		data, err := schemas.FS.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var file struct {
			List    string `json:"list"`
			Version int64  `json:"version"`
			Title   string `json:"title"`
			Codes   []Code `json:"codes"`
		}
		if err := strictjson.Unmarshal(data, maxListBytes, &file); err != nil {
			return nil, fmt.Errorf("convention: reading %s: %w", name, err)
		}
		if "codes/"+file.List+".json" != name || len(file.Codes) == 0 {
			return nil, errors.New("convention: " + name + " is not the list it is called")
		}
		out[file.List] = file.Codes
	}
	return out, nil
})

// Codes returns a code list, nil if there is none of that name. The names are
// measure-type, offence, refusal-ground, urgency-class, urgency-reason,
// confidentiality, data-category and legal-basis.
func Codes(list string) []Code {
	all, err := lists()
	if err != nil {
		return nil // no code is valid; a test keeps the lists readable
	}
	return slices.Clone(all[list])
}

// codeOf finds a row of a list.
func codeOf(list, code string) (Code, bool) {
	all, err := lists()
	if err != nil {
		return Code{}, false
	}
	i := slices.IndexFunc(all[list], func(c Code) bool { return c.Code == code })
	if i < 0 {
		return Code{}, false
	}
	return all[list][i], true
}

// labelOf returns the label of a code, or the code where it has none.
func labelOf(list, code string) string {
	if c, ok := codeOf(list, code); ok {
		return c.Label
	}
	return code
}
