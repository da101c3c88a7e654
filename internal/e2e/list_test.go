package e2e_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/pkg/workflow"
)

// clerk is an officer who may read cases.
var clerk = desk.Officer{ID: "o-1", Name: "Clerk", Roles: []desk.Role{desk.Drafter}}

// TestLists follows a case through the lists of both sides.
func TestLists(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	second := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	page := listed(t, qn, desk.ListFilter{Direction: "in", State: "open", Unread: true, Owed: "us", Lane: "urgent", Type: "T01"}, "", 1)
	if len(page.Cases) != 1 || page.Cases[0].Case != second.Case || page.Cases[0].Unread != 1 || page.Next == "" {
		t.Fatalf("the first page is %+v", page)
	}
	page = listed(t, qn, desk.ListFilter{Direction: "in", State: "open", Unread: true}, page.Next, 1)
	if len(page.Cases) != 1 || page.Cases[0].Case != first.Case || page.Cases[0].Counterpart != "QM.mla" || page.Cases[0].Due == "" {
		t.Fatalf("the second page is %+v", page)
	}
	if _, err := qn.Body(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	h.send(qn, h.order(workflow.Ask, "QN.mla", "QM.mla", first))
	h.must(qm.Sync(t.Context()))
	for side, d := range map[string]*desk.Desk{store.OwedUs: qm, store.OwedThem: qn} {
		c, err := d.Case(t.Context(), first.Case)
		if err != nil || len(c.Missing) != 1 {
			t.Fatal(c.Missing, err)
		}
		for _, l := range listed(t, d, desk.ListFilter{Sort: store.ByDue, Owed: side}, "", 0).Cases {
			if l.Case == first.Case && l.Owed != side && l.Owed != store.OwedBoth {
				t.Errorf("%s owes, and the list says %s", side, l.Owed)
			}
		}
	}
	n, err := qn.Count(t.Context(), clerk, desk.ListFilter{Unread: true}, 10)
	if err != nil || n != 1 {
		t.Errorf("%d cases are unread, want 1: %v", n, err)
	}
	if _, err := qn.List(t.Context(), desk.Officer{ID: "k", Roles: []desk.Role{desk.KeyCustodian}}, desk.ListFilter{}, "", 0); err == nil {
		t.Error("a key custodian may list cases")
	}
	if cases, err := qn.VerifyIndex(t.Context()); err != nil || cases != 2 {
		t.Errorf("the index of %d cases: %v", cases, err)
	}
	breakIndex(t, h, qn, first.Case)
}

// listed is a page of a list that the clerk sees.
func listed(t *testing.T, d *desk.Desk, f desk.ListFilter, next string, limit int) desk.Lines {
	t.Helper()
	page, err := d.List(t.Context(), clerk, f, next, limit)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// breakIndex changes a line by hand, which the check finds and the making anew
// repairs.
func breakIndex(t *testing.T, h *hub, d *desk.Desk, id string) {
	t.Helper()
	db, err := sqlite.OpenDesk(t.Context(), filepath.Join(h.dir, "QN", "desk.db"))
	h.must(err)
	defer db.Close()
	h.must(db.Write(t.Context(), func(w store.DeskWriter) error {
		l, err := w.Line(t.Context(), id)
		l.Owed = store.OwedNone
		return errors.Join(err, w.PutLine(t.Context(), l))
	}))
	if _, err := d.VerifyIndex(t.Context()); !errors.Is(err, desk.ErrIndex) {
		t.Errorf("a changed line is found as %v", err)
	}
	_, err = d.Reindex(t.Context())
	h.must(err)
	if _, err := d.VerifyIndex(t.Context()); err != nil {
		t.Error(err)
	}
}
