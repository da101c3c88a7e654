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
