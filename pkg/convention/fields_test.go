package convention_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/schemas"
)

// TestFields checks that every row of the catalogue is a member of a type, and
// is named in every language.
func TestFields(t *testing.T) {
	t.Parallel()
	data, err := schemas.FS.ReadFile("fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Fields []convention.Field `json:"fields"`
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Fields) == 0 {
		t.Fatalf("%d rows, %v", len(file.Fields), err)
	}
	var all strings.Builder
	for _, k := range convention.Kinds() {
		all.Write(schemaFile(t, k.Kind))
	}
	for _, row := range file.Fields {
		f, ok := convention.FieldOf(row.At)
		_, member, _ := strings.Cut(row.At, ".")
		if !ok || !strings.Contains(all.String(), `"`+member+`"`) {
			t.Errorf("%s is no member", row.At)
		}
		for _, lang := range convention.Languages {
			if f.Labels[lang] == "" {
				t.Errorf("%s has no name in %s", row.At, lang)
			}
		}
	}
}

// TestEveryMemberHasAName walks every kind of content: whatever a form shows has
// a name in every language, and so has every value that can be chosen.
func TestEveryMemberHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var walk func(s convention.Shape)
	walk = func(s convention.Shape) {
		if seen[s.Name()] {
			return
		}
		seen[s.Name()] = true
		for _, in := range s.Inputs() {
			named(t, in)
			if in.Form == convention.FormGroup || in.Form == convention.FormText {
				walk(in.Shape)
			}
		}
	}
	for _, k := range convention.Kinds() {
		s, ok := convention.ShapeOf(k.Kind)
		if !ok {
			t.Fatalf("%s has no shape", k.Kind)
		}
		walk(s)
	}
	if len(seen) < 80 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

// named checks the names of a member and of its values.
func named(t *testing.T, in convention.Input) {
	t.Helper()
	f, ok := convention.FieldOf(in.At)
	if !ok {
		t.Errorf("%s has no name", in.At)
	}
	for _, lang := range convention.Languages {
		if f.Labels[lang] == "" || len(f.Hints) > 0 && f.Hints[lang] == "" {
			t.Errorf("%s has no name or hint in %s", in.At, lang)
		}
		for _, value := range in.Values {
			label := in.ValueLabel(value, lang)
			if label == "" || label == value && in.Codes == "" && lang == "ru" && strings.ToUpper(value) != value {
				t.Errorf("%s: the value %s has no name in %s", in.At, value, lang)
			}
		}
	}
}

// TestSections holds that every member of a kind with sections is in exactly one
// of them; measures and attachments have pages of their own, and warnings gone
// past are given where the warning is shown.
func TestSections(t *testing.T) {
	t.Parallel()
	s, _ := convention.ShapeOf("request")
	count := map[string]int{"measures": 1, "attachments": 1, "overrides": 1, "requesting": 1, "requested": 1}
	for _, section := range convention.Sections("request") {
		for _, name := range section.Members {
			if _, ok := s.Input(name); !ok {
				t.Errorf("the section %s has %s, which is no member", section.Name, name)
			}
			count[name]++
		}
	}
	for _, in := range s.Inputs() {
		if count[in.Name] != 1 {
			t.Errorf("%s is in %d sections", in.Name, count[in.Name])
		}
	}
}

// TestShapeOfADraft holds what is asked of a draft against what it says already.
func TestShapeOfADraft(t *testing.T) {
	t.Parallel()
	request, _ := convention.ShapeOf("request")
	measures, _ := request.Input("measures")
	for name, test := range map[string]struct {
		shape        convention.Shape
		member       string
		object       string
		wanted, fits bool
	}{
		"needed by a measure":  {request, "proceeding", `{"measures":[{"type":"T05"}]}`, true, true},
		"not by this measure":  {request, "proceeding", `{"measures":[{"type":"T01"}]}`, false, true},
		"needed by urgency":    {request, "urgency_reason", `{"urgency":"E0_EMERGENCY"}`, true, true},
		"of another type":      {measures.Shape, "preservation", `{"type":"T05"}`, false, false},
		"of this type":         {measures.Shape, "preservation", `{"type":"T01"}`, true, true},
		"of a type yet to say": {measures.Shape, "preservation", `{}`, false, false},
	} {
		var object map[string]any
		if err := json.Unmarshal([]byte(test.object), &object); err != nil {
			t.Fatal(err)
		}
		in, ok := test.shape.Input(test.member)
		if !ok || in.Wanted(object) != test.wanted || in.Fits(object) != test.fits {
			t.Errorf("%s: wanted %v, fits %v", name, in.Wanted(object), in.Fits(object))
		}
	}
}
