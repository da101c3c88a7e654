package convention_test

import (
	"strings"
	"testing"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
	"github.com/entraide/entraide/schemas"
)

// A step is a message of sample case 1.
type step struct {
	name  string
	act   workflow.Act
	actor workflow.Actor
	final bool
}

// case1 is the sample case as three cases of the procedure: the preservation,
// its extension, and the request that follows.
var case1 = [][]step{
	{
		{"01-request", workflow.Request, workflow.Requesting, false},
		{"02-acknowledgement", workflow.Acknowledge, workflow.Requested, false},
		{"03-preserved", workflow.Deliver, workflow.Requested, false},
		{"04-traffic-disclosure", workflow.Deliver, workflow.Requested, true},
		{"15-released", workflow.Notify, workflow.Requested, false},
		{"16-preservation-closure", workflow.Close, workflow.Requesting, false},
	},
	{
		{"05-extension-request", workflow.Request, workflow.Requesting, false},
		{"06-extension-acknowledgement", workflow.Acknowledge, workflow.Requested, false},
		{"07-extension-decision", workflow.Decide, workflow.Requested, false},
		{"08-extension-closure", workflow.Close, workflow.Requesting, false},
	},
	{
		{"09-follow-up-request", workflow.Request, workflow.Requesting, false},
		{"10-follow-up-acknowledgement", workflow.Acknowledge, workflow.Requested, false},
		{"11-follow-up-decision", workflow.Decide, workflow.Requested, false},
		{"12-delivery", workflow.Deliver, workflow.Requested, true},
		{"13-receipt-of-evidence", workflow.Confirm, workflow.Requesting, false},
		{"14-closure", workflow.Close, workflow.Requesting, false},
	},
}

// TestSampleCase1 plays the sample case: every body is valid, satisfies its
// schema, may travel with its act, and the act is allowed.
func TestSampleCase1(t *testing.T) {
	t.Parallel()
	all := compile(t)
	played := 0
	for _, steps := range case1 {
		var state workflow.State
		var lane workflow.Lane
		for _, s := range steps {
			played++
			raw, err := schemas.Sample("case1", s.name, map[string]string{
				"now": "2026-03-16T07:40:00Z", "preserved_until": "2026-05-15T09:30:00Z",
				"preservation_case": strings.Repeat("0", 32), "delivery_digest": strings.Repeat("a", 64),
			})
			if err != nil {
				t.Fatal(err)
			}
			body, err := convention.ParseBody(raw)
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			if err := conforms(t, all, raw); err != nil {
				t.Errorf("%s: schema: %v", s.name, err)
			}
			if !convention.MayTravel(body.Kind(), string(s.act)) {
				t.Errorf("%s: %s does not travel with %s", s.name, body.Kind(), s.act)
			}
			if r, ok := body.(*convention.Request); ok {
				lane = workflow.Lane(r.Lane())
			}
			state, err = workflow.Procedure().Next(state, workflow.Event{Act: s.act, Actor: s.actor, Lane: lane, Final: s.final})
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
		if state.Stage != workflow.StageClosed {
			t.Errorf("%s: the case ends at %s", steps[0].name, state.Stage)
		}
	}
	if n := len(schemas.Steps("case1")); played != n {
		t.Errorf("%d of %d steps are played", played, n)
	}
}

// TestSampleNarrative checks the exact Arabic text of the sample.
func TestSampleNarrative(t *testing.T) {
	t.Parallel()
	raw, err := schemas.Sample("case1", "01-request", map[string]string{"now": "2026-03-16T07:40:00Z"})
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
