package e2e_test

import (
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// The officers of a desk. The last two hold every role that matters here, so that
// what keeps them apart is the person.
var (
	ana  = desk.Officer{ID: "ana", Name: "Ana A.", Roles: []desk.Role{desk.Drafter}}
	bo   = desk.Officer{ID: "bo", Name: "Bo B.", Roles: []desk.Role{desk.Drafter, desk.Approver, desk.DutyOfficer}}
	cy   = desk.Officer{ID: "cy", Name: "Cy C.", Roles: []desk.Role{desk.Drafter, desk.Approver, desk.DutyOfficer}}
	root = desk.Officer{ID: "root", Name: "Root", Roles: []desk.Role{desk.Administrator}}
)

// newDraft begins a draft of a complete request.
func newDraft(t *testing.T, o *office.Office, by desk.Officer, lane workflow.Lane) office.Draft {
	t.Helper()
	d, err := o.NewDraft(t.Context(), by, office.NewDraft{
		To: "QN.mla", Lane: string(lane), Title: "Canary-title", Body: states.Body(t, workflow.Request, "QM.mla", "QN.mla"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// save changes a draft's body by its reference.
func save(t *testing.T, o *office.Office, by desk.Officer, d office.Draft, ref string) office.Draft {
	t.Helper()
	return edit(t, o, by, d, map[string]any{"own_ref": ref})
}

// edit changes members of a draft's body.
func edit(t *testing.T, o *office.Office, by desk.Officer, d office.Draft, members map[string]any) office.Draft {
	t.Helper()
	body := map[string]any{}
	if err := json.Unmarshal(d.Body, &body); err != nil {
		t.Fatal(err)
	}
	maps.Copy(body, members)
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	d, err = o.SaveDraft(t.Context(), by, d.ID, d.Version, office.Edit{Body: raw})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// decision is what an officer decides on after having looked.
func decision(t *testing.T, o *office.Office, by desk.Officer, id string) (office.Decision, office.Approval) {
	t.Helper()
	a, err := o.ForApproval(t.Context(), by, id)
	if err != nil {
		t.Fatal(err)
	}
	return office.Decision{Draft: id, Version: a.Draft.Version, Digest: a.Digest, Reason: "Danger to life."}, a
}

// TestFourEyes takes a draft through two officers to the other State.
func TestFourEyes(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	o := office.New(qm)
	d := newDraft(t, o, ana, workflow.Urgent)
	must(t, o.SubmitDraft(t.Context(), ana, d.ID, d.Version))
	shown, a := decision(t, o, bo, d.ID)
	if !a.May || !strings.Contains(a.Content, `"own_ref"`) || a.Since != 0 {
		t.Errorf("the approver is shown %+v", a)
	}
	must(t, o.ReturnDraft(t.Context(), bo, d.ID, shown.Version, "Name the case number."))
	if _, err := o.ApproveDraft(t.Context(), bo, shown); err == nil {
		t.Error("a draft that was returned may be approved")
	}
	d, err := o.Draft(t.Context(), ana, d.ID)
	must(t, err)
	stale := d
	d = save(t, o, ana, d, "QM-NEW-1")
	if _, err := o.SaveDraft(t.Context(), bo, d.ID, stale.Version, office.Edit{}); !names(err, "Ana A.") {
		t.Errorf("a change to what another has changed gives %v", err)
	}
	must(t, o.SubmitDraft(t.Context(), ana, d.ID, d.Version))
	shown, a = decision(t, o, bo, d.ID)
	if len(a.Changes) != 1 || a.Changes[0].Pointer != "/own_ref" || a.Changes[0].After != "QM-NEW-1" {
		t.Errorf("the approver is told of the changes %+v", a.Changes)
	}
	if _, err := o.ApproveDraft(t.Context(), ana, shown); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("the drafter approves with %v", err)
	}
	other := shown
	other.Digest = strings.Repeat("0", 64)
	if _, err := o.ApproveDraft(t.Context(), bo, other); problem.CodeOf(err) != problem.WrongDigest {
		t.Errorf("another digest is approved with %v", err)
	}
	id, err := o.ApproveDraft(t.Context(), bo, shown)
	must(t, err)
	m, err := qm.Await(t.Context(), message.ID(id))
	must(t, err)
	must(t, qn.Sync(t.Context()))
	got, err := qn.Body(t.Context(), m.ID)
	if err != nil || !strings.Contains(string(got), "QM-NEW-1") || strings.Contains(string(got), "Canary-title") {
		t.Errorf("the other side reads %s: %v", got, err)
	}
	if _, err := o.ApproveDraft(t.Context(), cy, shown); err == nil {
		t.Error("a draft is sent twice")
	}
	whoDid(t, qm, "bo draft approved and sent")
	h.refuseWithout(t, o, qm)
}

// refuseWithout asks for two officers in a lane, where nothing else is sent.
func (h *hub) refuseWithout(t *testing.T, o *office.Office, d *desk.Desk) {
	t.Helper()
	p, err := o.Propose(t.Context(), root, desk.SettingFourEyes, desk.FourEyes{Lanes: []string{"urgent", "routine"}})
	must(t, err)
	must(t, o.Confirm(t.Context(), desk.Officer{ID: "root2", Roles: []desk.Role{desk.Administrator}}, desk.SettingFourEyes, p.ID))
	if _, _, err := d.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{})); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("one person sends in the urgent lane: %v", err)
	}
	if err := o.PutSetting(t.Context(), cy, desk.SettingFourEyes, desk.FourEyes{}); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("who is no administrator changes a setting: %v", err)
	}
}

// TestWritersDoNotApprove checks that whoever wrote any version may not approve,
// in the program and in the database itself.
func TestWritersDoNotApprove(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	o := office.New(qm)
	d := save(t, o, bo, newDraft(t, o, ana, workflow.Routine), "QM-BO-1")
	must(t, o.SubmitDraft(t.Context(), ana, d.ID, d.Version))
	shown, a := decision(t, o, bo, d.ID)
	if _, err := o.ApproveDraft(t.Context(), bo, shown); a.May || problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("who wrote a version approves: %v", err)
	}
	db, err := sqlite.OpenDesk(t.Context(), filepath.Join(h.dir, "QM", "desk.db"))
	must(t, err)
	defer db.Close()
	for who, may := range map[string]bool{"ana": false, "bo": false, "cy": true} {
		err := db.Write(t.Context(), func(w store.DeskWriter) error {
			if err := w.PutRelease(t.Context(), store.Release{Message: "m", Draft: d.ID, Version: 3, Digest: "d", SubmittedBy: "ana", ReleasedBy: who}); err != nil {
				return err
			}
			return errUndo
		})
		if may != errors.Is(err, errUndo) {
			t.Errorf("the database takes a release by %s: %v", who, err)
		}
	}
	// What waits in the outbox cannot be replaced after the approval.
	id, err := o.ApproveDraft(t.Context(), cy, shown)
	must(t, err)
	must(t, db.Write(t.Context(), func(w store.DeskWriter) error {
		order, err := w.Order(t.Context(), id)
		must(t, err)
		must(t, w.DeleteOrder(t.Context(), id))
		order.Body = []byte(strings.Replace(string(order.Body), "QM-BO-1", "QM-XX-9", 1))
		return w.PutOrder(t.Context(), order)
	}))
	if _, err := qm.Await(t.Context(), message.ID(id)); problem.CodeOf(err) != problem.WrongDigest {
		t.Errorf("what was changed after the approval ends with %v", err)
	}
}

// errUndo ends a transaction that is only tried.
var errUndo = errors.New("undone")

// TestEmergencyRelease lets a duty officer release an own draft, which another
// officer countersigns.
func TestEmergencyRelease(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	o := office.New(qm)
	d := newDraft(t, o, bo, workflow.Urgent)
	shown, _ := decision(t, o, bo, d.ID)
	if _, err := o.ReleaseInEmergency(t.Context(), bo, shown); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("one officer releases in the urgent lane: %v", err)
	}
	d = edit(t, o, bo, d, map[string]any{
		"urgency": "E0_EMERGENCY", "urgency_reason": map[string]any{"code": "LIFE_OR_SAFETY", "text": map[string]any{"lang": "en", "text": "A child is held.", "authentic": true}},
	})
	shown, _ = decision(t, o, bo, d.ID)
	if _, err := o.ReleaseInEmergency(t.Context(), ana, shown); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("who is not on duty releases: %v", err)
	}
	id, err := o.ReleaseInEmergency(t.Context(), bo, shown)
	must(t, err)
	left, err := o.EmergencyReleases(t.Context(), cy, false)
	if err != nil || len(left) != 1 || left[0].Message != id || left[0].Reason == "" {
		t.Fatalf("to be looked at are %+v: %v", left, err)
	}
	if err := o.Countersign(t.Context(), bo, id, ""); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("who released it countersigns: %v", err)
	}
	must(t, o.Countersign(t.Context(), cy, id, "Seen."))
	if left, err = o.EmergencyReleases(t.Context(), cy, false); err != nil || len(left) != 0 {
		t.Errorf("still to be looked at are %+v: %v", left, err)
	}
	whoDid(t, qm, "bo draft released in an emergency by one officer")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// names reports whether an error is a conflict that names an officer.
func names(err error, name string) bool {
	conflict, ok := errors.AsType[*office.ConflictError](err)
	return ok && conflict.By == name
}

// whoDid looks for what an officer did in the desk's own log.
func whoDid(t *testing.T, d *desk.Desk, want string) {
	t.Helper()
	var lines strings.Builder
	must(t, d.Store().Read(t.Context(), func(r store.DeskReader) error {
		entries, err := r.Entries(t.Context(), 0, 10_000)
		for _, e := range entries {
			var entry struct {
				Operator struct{ By, What string } `json:"operator"`
			}
			must(t, json.Unmarshal(e.Body, &entry))
			lines.WriteString(entry.Operator.By + " " + entry.Operator.What + "\n")
		}
		return err
	}))
	if !strings.Contains(lines.String(), want) {
		t.Errorf("the desk's own log does not say %q:\n%s", want, lines.String())
	}
}
