package convention_test

import (
	"strings"
	"testing"

	"github.com/entraide/entraide"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// fill are the values of the places in a sample case.
func fill(play entraide.Play) map[string]string {
	values := map[string]string{"now": "2026-03-16T07:40:00Z"}
	for _, s := range play.Steps {
		values["case:"+s.Thread] = strings.Repeat("0", 32)
		values["digest:"+s.Body] = strings.Repeat("a", 64)
		values["time:"+s.Body] = "2026-03-16T09:30:00Z"
	}
	return values
}

// TestSampleCases plays the sample cases: every body is valid, satisfies its
// schema, may travel with its act, the act is allowed, and every case is closed
// in the end.
func TestSampleCases(t *testing.T) {
	t.Parallel()
	all := compile(t)
	for _, number := range entraide.Samples {
		play, err := entraide.Sample(number)
		if err != nil {
			t.Fatal(err)
		}
		states, opener, lanes := map[string]workflow.State{}, map[string]string{}, map[string]string{}
		for _, s := range play.Steps {
			raw, err := entraide.SampleBody(number, s.Body, fill(play))
			if err != nil {
				t.Fatal(err)
			}
			body, err := convention.ParseBody(raw)
			if err != nil {
				t.Errorf("case %d, %s: %v", number, s.Body, err)
				continue
			}
			if err := conforms(t, all, raw); err != nil {
				t.Errorf("case %d, %s: schema: %v", number, s.Body, err)
			}
			if !convention.MayTravel(body.Kind(), s.Act) {
				t.Errorf("case %d, %s: %s does not travel with %s", number, s.Body, body.Kind(), s.Act)
			}
			if opener[s.Thread] == "" {
				opener[s.Thread], lanes[s.Thread] = s.From, s.Lane
			}
			if r, ok := body.(*convention.Request); ok && r.Lane() != s.Lane {
				t.Errorf("case %d, %s: lane %s, want %s", number, s.Body, s.Lane, r.Lane())
			}
			actor := workflow.Requesting
			if s.From != opener[s.Thread] {
				actor = workflow.Requested
			}
			e := workflow.Event{Act: workflow.Act(s.Act), Actor: actor, Lane: workflow.Lane(lanes[s.Thread]), Final: s.Final}
			if states[s.Thread], err = workflow.Procedure().Next(states[s.Thread], e); err != nil {
				t.Fatalf("case %d, %s: %v", number, s.Body, err)
			}
		}
		for thread, state := range states {
			if state.Stage != workflow.StageClosed {
				t.Errorf("case %d: %s ends at %s", number, thread, state.Stage)
			}
		}
	}
}

// TestSampleNarrative checks the exact Arabic text of the first sample.
func TestSampleNarrative(t *testing.T) {
	t.Parallel()
	raw, err := entraide.SampleBody(1, "01-request", map[string]string{"now": "2026-03-16T07:40:00Z"})
	if err != nil {
		t.Fatal(err)
	}
	body, err := convention.ParseBody(raw)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := body.(*convention.Request)
	if !ok {
		t.Fatalf("the first step is a %s", body.Kind())
	}
	const first = "طلب حفظ معجّل لبيانات إلكترونية مخزنة (المادة 42). عاجل وسري."
	if n := r.Narrative; n.Lang != "ar" || !n.Authentic || !strings.HasPrefix(n.Text, first+"\n") || len(n.Translations) != 1 || n.Translations[0].Lang != "en" {
		t.Errorf("narrative %+v", n)
	}
}
