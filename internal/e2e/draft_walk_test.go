package e2e_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestDraftWalk lets officers do anything with drafts in any order, and checks
// what must hold after every step.
func TestDraftWalk(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	o := office.New(qm)
	random := rand.New(rand.NewPCG(7, 7)) // the walk is to be the same every time
	people := []desk.Officer{ana, bo, cy}
	lanes := []workflow.Lane{workflow.Urgent, workflow.Emergency}
	sent := 0
	for i := range 6 {
		d := newDraft(t, o, people[random.IntN(3)], lanes[i%2])
		for range 25 {
			before, err := o.Draft(t.Context(), bo, d.ID)
			must(t, err)
			by := people[random.IntN(3)]
			stale := random.IntN(5) == 0
			took, err := step(t, o, by, before, stale, random.IntN(7))
			after, second := o.Draft(t.Context(), bo, d.ID)
			must(t, second)
			if stale && err == nil {
				t.Fatalf("a %s at a version long gone is taken", took)
			}
			if (err == nil) != (after.Version > before.Version) || err != nil && after.State != before.State {
				t.Fatalf("%s by %s: %v, and the draft went from %s %d to %s %d", took, by.ID, err, before.State, before.Version, after.State, after.Version)
			}
			if before.Message != "" && after.Message != before.Message || (after.State == store.DraftSent) != (after.Message != "") {
				t.Fatalf("after %s the message is %q and the state %s", took, after.Message, after.State)
			}
			if before.State != store.DraftSent && after.State == store.DraftSent {
				sent++
				rightly(t, qm, after, by)
			}
		}
	}
	if sent < 2 {
		t.Errorf("the walk sent %d drafts: it proves little", sent)
	}
}

// step lets an officer do one thing with a draft.
func step(t *testing.T, o *office.Office, by desk.Officer, d office.Draft, stale bool, what int) (string, error) {
	t.Helper()
	version := d.Version
	if stale {
		version--
	}
	x := office.Decision{Draft: d.ID, Version: version, Reason: "Danger."}
	if a, err := o.ForApproval(t.Context(), by, d.ID); err == nil {
		x.Digest = a.Digest
	}
	var err error
	switch what {
	case 0:
		_, err = o.SaveDraft(t.Context(), by, d.ID, version, office.Edit{Body: d.Body})
		return "save", err
	case 1, 2:
		return "submit", o.SubmitDraft(t.Context(), by, d.ID, version)
	case 3:
		return "return", o.ReturnDraft(t.Context(), by, d.ID, version, "Again.")
	case 4:
		return "take back", o.TakeBackDraft(t.Context(), by, d.ID, version)
	case 5:
		_, err = o.ApproveDraft(t.Context(), by, x)
		return "approve", err
	}
	_, err = o.ReleaseInEmergency(t.Context(), by, x)
	return "release", err
}

// rightly checks that a draft was sent by who may, as it was decided.
func rightly(t *testing.T, d *desk.Desk, sent office.Draft, by desk.Officer) {
	t.Helper()
	must(t, d.Store().Read(t.Context(), func(r store.DeskReader) error {
		release, err := r.Release(t.Context(), sent.Message)
		versions, second := r.DraftVersions(t.Context(), sent.ID)
		must(t, errors.Join(err, second))
		wrote := false
		for _, v := range versions {
			wrote = wrote || v.Officer == by.ID
		}
		if release.ReleasedBy != by.ID || wrote && !release.Emergency || release.Emergency && sent.Lane != string(workflow.Emergency) {
			t.Errorf("released by %s, who wrote it: %v; in an emergency: %v, in the lane %s", release.ReleasedBy, wrote, release.Emergency, sent.Lane)
		}
		_, err = r.Order(t.Context(), sent.Message)
		return err
	}))
}
