package entraide_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/entraide/entraide"
)

// values fill the places of step 3 of the first case.
var values = map[string]string{"now": "2026-03-16T07:40:00Z", "time:03-preserved": "2026-03-16T09:30:00Z", "case:preservation": "0123", "digest:16-delivery": "4567"}

func TestSampleBody(t *testing.T) {
	t.Parallel()
	play, err := entraide.Sample(1)
	if err != nil || len(play.Steps) != 20 {
		t.Fatalf("Sample = %d steps, %v", len(play.Steps), err)
	}
	for _, step := range play.Steps {
		body, err := entraide.SampleBody(1, step.Body, values)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(body) || bytes.Contains(body, []byte("{{")) {
			t.Errorf("%s is not filled:\n%s", step.Body, body)
		}
	}
	extension, err := entraide.SampleBody(1, "11-extension-decision", values)
	if err != nil || !bytes.Contains(extension, []byte(`"until": "2026-07-14T09:30:00Z"`)) {
		t.Errorf("SampleBody = %s, %v; want 60 days more", extension, err)
	}
}

func TestSampleBodyRefuses(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]map[string]string{
		"no values":       nil,
		"no time":         {"now": "today"},
		"text that ends":  {"now": `2026","kind":"x`},
		"text with lines": {"now": "a\nb"},
	} {
		if body, err := entraide.SampleBody(1, "03-preserved", v); err == nil {
			t.Errorf("%s: SampleBody = %s", name, body)
		}
	}
	if _, err := entraide.SampleBody(1, "99-nothing", values); err == nil {
		t.Error("a step that does not exist is found")
	}
	if _, err := entraide.Sample(0); err == nil {
		t.Error("a case that does not exist is found")
	}
}
