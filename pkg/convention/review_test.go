package convention_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide"
	"github.com/entraide/entraide/pkg/convention"
)

// A negative is a sample with something wrong in it.
type negative struct {
	Says      string               `json:"says"`
	Now       time.Time            `json:"now"`
	Languages map[string][]string  `json:"languages"`
	Preserved map[string]time.Time `json:"preserved"`
	Positions map[string][]string  `json:"positions"`
	Treaties  []string             `json:"treaties"`
	Findings  []found              `json:"findings"`
	Body      json.RawMessage      `json:"body"`
}

// A found is what is found, of errors and warnings.
type found struct {
	Level   string `json:"level"`
	Code    string `json:"code"`
	Pointer string `json:"pointer"`
}

// TestNegativeSamples checks that each sample has exactly the fault that it was
// made for.
func TestNegativeSamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/cases/negative/*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d negative samples, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var n negative
			if err := json.Unmarshal(data, &n); err != nil {
				t.Fatal(err)
			}
			profile := convention.Profile{
				Languages: n.Languages, Positions: n.Positions, Treaties: n.Treaties,
			}
			got := serious(convention.Review(n.Body, convention.Setting{Now: n.Now, Requested: &profile, Preserved: n.Preserved}))
			if !slices.Equal(got, n.Findings) {
				t.Errorf("%s\nfound %+v, want %+v", n.Says, got, n.Findings)
			}
		})
	}
	t.Logf("%d negative samples", len(files))
}

// serious leaves the hints out.
func serious(all []convention.Finding) []found {
	out := []found{}
	for _, f := range all {
		if f.Level != convention.LevelHint {
			out = append(out, found{f.Level, f.Code, f.Pointer})
		}
	}
	return out
}

// TestSamplesAreComplete checks that nothing is wrong with the requests of the
// sample cases.
func TestSamplesAreComplete(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 16, 7, 40, 0, 0, time.UTC)
	for _, number := range entraide.Samples {
		play, err := entraide.Sample(number)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range play.Steps {
			raw, err := entraide.SampleBody(number, s.Body, fill(play))
			if err != nil {
				t.Fatal(err)
			}
			if got := serious(convention.Review(raw, convention.Setting{Now: now})); len(got) > 0 {
				t.Errorf("case %d, %s: %+v", number, s.Body, got)
			}
		}
	}
}

// TestOverride checks that a warning is gone past by a reason at its place, and
// no other.
func TestOverride(t *testing.T) {
	t.Parallel()
	play, err := entraide.Sample(4)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := entraide.SampleBody(4, "04-request", fill(play))
	if err != nil {
		t.Fatal(err)
	}
	late := convention.Setting{Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	if left := convention.Unanswered(convention.Review(raw, late)); len(left) != 1 || left[0].Code != "deadline-past" {
		t.Fatalf("unanswered: %+v", left)
	}
	reason := `"reason":{"lang":"en","text":"Agreed by telephone.","authentic":true}`
	for override, want := range map[string]int{
		`[{"finding":"deadline-past",` + reason + `}]`:                         0,
		`[{"finding":"deadline-past","at":"/deadline/at",` + reason + `}]`:     0,
		`[{"finding":"deadline-past","at":"/measures/0/type",` + reason + `}]`: 1,
		`[{"finding":"language",` + reason + `}]`:                              1,
	} {
		changed := put(t, raw, "/overrides", override)
		found := convention.Review(changed, late)
		if left := convention.Unanswered(found); len(left) != want || len(serious(found)) != 1 {
			t.Errorf("%s: %d unanswered of %+v", override, len(left), serious(found))
		}
	}
}

// TestUnreadable checks what is said of documents that are none.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]found{
		`{`:                              {"error", "malformed-json", ""},
		`[]`:                             {"error", "no-object", ""},
		`{}`:                             {"error", "required", "/kind"},
		`{"kind":"novel","version":1}`:   {"error", "kind", "/kind"},
		`{"kind":"closure","version":2}`: {"error", "version", "/version"},
		`{"kind":"closure","version":1,"outcome":"x","more":1}`:   {"error", "unknown-member", "/more"},
		`{"kind":"closure","version":1,"outcome":1}`:              {"error", "invalid-value", "/outcome"},
		`{"kind":"closure","version":1,"version":1}`:              {"error", "duplicate-member", "/version"},
		`{"kind":"closure","version":1,"outcome":"x"}`:            {"error", "no-such-code", "/outcome"},
		`{"kind":"closure","version":1,"outcome":"","duties":[]}`: {"error", "empty", "/duties"},
	} {
		got := serious(convention.Review([]byte(text), convention.Setting{}))
		if len(got) == 0 || got[0] != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

// BenchmarkReview checks a request for 200 measures of stored data.
func BenchmarkReview(b *testing.B) {
	play, err := entraide.Sample(4)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := entraide.SampleBody(4, "04-request", fill(play))
	if err != nil {
		b.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		b.Fatal(err)
	}
	measures, _ := doc["measures"].([]any)
	var many []any
	for i := range 200 {
		m := map[string]any{}
		one, _ := measures[i%len(measures)].(map[string]any)
		for k, v := range one {
			m[k] = v
		}
		m["number"] = i + 1
		many = append(many, m)
	}
	doc["measures"] = many
	if raw, err = json.Marshal(doc); err != nil {
		b.Fatal(err)
	}
	setting := convention.Setting{Now: time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)}
	if got := serious(convention.Review(raw, setting)); len(got) > 0 {
		b.Fatalf("%+v", got)
	}
	b.ReportMetric(float64(len(raw)), "bytes")
	for b.Loop() {
		convention.Review(raw, setting)
	}
}
