package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/entraide/entraide/schemas"
)

// values fill the sample cases.
var values = map[string]string{
	"now": "2026-03-16T07:40:00Z", "preserved_until": "2026-05-15T09:30:00Z",
	"preservation_case": strings.Repeat("0", 32), "delivery_digest": strings.Repeat("a", 64),
}

func TestSample(t *testing.T) {
	t.Parallel()
	steps := schemas.Steps("case1")
	if len(steps) != 16 || steps[0] != "01-request" || steps[15] != "16-preservation-closure" {
		t.Errorf("Steps = %v", steps)
	}
	for _, step := range steps {
		body, err := schemas.Sample("case1", step, values)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(body) || bytes.Contains(body, []byte("{{")) {
			t.Errorf("%s is not filled:\n%s", step, body)
		}
	}
	extension, err := schemas.Sample("case1", "07-extension-decision", values)
	if err != nil || !bytes.Contains(extension, []byte(`"until": "2026-07-14T09:30:00Z"`)) {
		t.Errorf("Sample = %s, %v; want 60 days more", extension, err)
	}
}

func TestSampleRefuses(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]map[string]string{
		"no values":       nil,
		"no time":         {"now": "today"},
		"text that ends":  {"now": `2026","kind":"x`},
		"text with lines": {"now": "a\nb"},
	} {
		if body, err := schemas.Sample("case1", "03-preserved", v); err == nil {
			t.Errorf("%s: Sample = %s", name, body)
		}
	}
	if _, err := schemas.Sample("case1", "99-nothing", values); err == nil {
		t.Error("a step that does not exist is found")
	}
	if steps := schemas.Steps("case0"); len(steps) != 0 {
		t.Errorf("a case that does not exist has the steps %v", steps)
	}
}

// TestFilesAreJSON checks that every file can be read.
func TestFilesAreJSON(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(schemas.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := schemas.FS.ReadFile(name)
		if err == nil && (!json.Valid(data) || !bytes.HasSuffix(data, []byte("}\n"))) {
			t.Errorf("%s is not a JSON text that ends its last line", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
