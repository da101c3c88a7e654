package office_test

import (
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// TestStatistics counts cases by type, how long they took, and why they were
// refused.
func TestStatistics(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for range 3 {
		body, err := convention.ParseBody(states.Body(t, "request", "QN.mla", "QM.24-7"))
		f.must(err)
		f.receive("routine", body)
	}
	refusal := refusal(t)
	f.clock.pass(48 * time.Hour)
	f.index++
	f.must(f.desk.Store().Write(t.Context(), func(w store.DeskWriter) error {
		return w.PutLetter(t.Context(), store.Letter{
			ID: string(states.ID("d")), Case: string(states.ID("c1")), From: "QM.24-7", To: "QN.mla", Act: "decide", Lane: "routine", Suite: "pq-6",
			Seq: 9, Digest: "9", Index: f.index, AcceptedAt: f.clock.now().Unix(), Verdict: "authentic", Body: refusal,
		})
	}))
	got, err := f.office.Statistics(t.Context(), ana, f.clock.now().AddDate(0, 0, -7), f.clock.now().AddDate(0, 0, 1))
	f.must(err)
	if len(got.Types) != 1 || got.Types[0].Type != "T01" || got.Types[0].Direction != "in" || got.Types[0].Cases != 3 || got.Types[0].Open != 3 {
		t.Errorf("the types are %+v", got.Types)
	}
	if len(got.Grounds) != 1 || got.Grounds[0].Direction != "in" || got.Grounds[0].Measures != 1 {
		t.Errorf("the grounds are %+v", got.Grounds)
	}
	if len(got.With) != 1 || got.With[0] != (office.PartyCount{Authority: "QN.mla", In: 3}) {
		t.Errorf("the others are %+v", got.With)
	}
	if _, err := f.office.Statistics(t.Context(), desk.Officer{ID: "k", Roles: []desk.Role{desk.KeyCustodian}}, time.Time{}, f.clock.now()); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("a key custodian reads figures: %v", err)
	}
}

// refusal is a decision that refuses a preservation on the first ground that the
// law gives for it.
func refusal(t *testing.T) []byte {
	t.Helper()
	for _, c := range convention.Codes("refusal-ground") {
		body, err := convention.Marshal(&convention.Decision{Head: convention.HeadOf("decision"), Items: []convention.DecisionItem{{
			Measure: 1, Type: "T01", Outcome: "refused", Grounds: []string{c.Code}, Reasons: &convention.Text{Lang: "en", Text: "See there.", Authentic: true},
		}}})
		if err == nil {
			return body
		}
	}
	t.Fatal("nothing can be refused")
	return nil
}

// TestKept keeps templates and views, each for whom it is.
func TestKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.must(f.office.PutTemplate(t.Context(), ana, "fraud", []byte(`{"kind":"request","version":1,"own_ref":"from template"}`)))
	d, err := f.office.NewDraft(t.Context(), ana, office.NewDraft{Template: "fraud"})
	if err != nil || len(d.Findings) == 0 || len(d.Versions) != 1 {
		t.Errorf("a draft of a template is %+v: %v", d, err)
	}
	if _, err := f.office.NewDraft(t.Context(), ana, office.NewDraft{Template: "none"}); problem.CodeOf(err) != problem.NotFound {
		t.Errorf("a template that is not there: %v", err)
	}
	l := f.receive("routine", information("en", "Something"))
	copied, err := f.office.NewDraft(t.Context(), ana, office.NewDraft{CopyOf: l.ID, Relation: "supersedes"})
	f.must(err)
	if body := string(copied.Body); !strings.Contains(body, l.Case) || !strings.Contains(body, "supersedes") || strings.Contains(body, "INF-7") {
		t.Errorf("the copy is %s", body)
	}
	if _, err := f.office.NewDraft(t.Context(), auditor, office.NewDraft{Template: "fraud"}); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an auditor writes: %v", err)
	}
	own, shared := office.View{Name: "mine", Filter: desk.ListFilter{Owed: "us"}}, office.View{Name: "all", Office: true, Filter: desk.ListFilter{Lane: "urgent"}}
	f.must(f.office.PutView(t.Context(), ana, own))
	f.must(f.office.PutView(t.Context(), bo, shared))
	if err := f.office.PutView(t.Context(), ana, shared); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("a drafter changes a view of the office: %v", err)
	}
	for who, want := range map[string]int{"ana": 2, "bo": 1} {
		by := map[string]desk.Officer{"ana": ana, "bo": bo}[who]
		if views, err := f.office.Views(t.Context(), by); err != nil || len(views) != want {
			t.Errorf("%s has the views %+v: %v", who, views, err)
		}
	}
	f.must(f.office.DeleteView(t.Context(), ana, own))
	if views, err := f.office.Views(t.Context(), ana); err != nil || len(views) != 1 || views[0].Filter.Lane != "urgent" {
		t.Errorf("left are %+v: %v", views, err)
	}
}

// TestFold folds the versions that one officer saves in a row, and keeps those of
// others and those that somebody was shown.
func TestFold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, err := f.office.NewDraft(t.Context(), ana, office.NewDraft{Body: []byte(`{"n":0}`)})
	f.must(err)
	save := func(by desk.Officer, want int) {
		t.Helper()
		if d, err = f.office.SaveDraft(t.Context(), by, d.ID, d.Version, office.Edit{Body: []byte(`{"n":1}`)}); err != nil || len(d.Versions) != want {
			t.Fatalf("%d versions are left, want %d: %v", len(d.Versions), want, err)
		}
	}
	save(ana, 1)
	save(ana, 1)
	save(bo, 2)
	save(bo, 2)
	f.clock.pass(time.Hour)
	save(bo, 3)
	if body, err := f.office.DraftBody(t.Context(), ana, d.ID, d.Version); err != nil || string(body) != `{"n":1}` {
		t.Errorf("the newest version is %s: %v", body, err)
	}
	for _, bad := range []string{`[]`, `{"a":1,"a":2}`, `x`} {
		if _, err := f.office.SaveDraft(t.Context(), ana, d.ID, d.Version, office.Edit{Body: []byte(bad)}); problem.CodeOf(err) != problem.MalformedJSON {
			t.Errorf("a draft takes %s: %v", bad, err)
		}
	}
}
