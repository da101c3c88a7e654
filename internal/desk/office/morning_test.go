package office_test

import (
	"errors"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
)

// TestMorning reports a release in an emergency the next morning, and again every
// morning until somebody has looked at it.
func TestMorning(t *testing.T) {
	t.Parallel()
	f := newFixture(t) // it is three in the morning
	chief := desk.Officer{ID: "chief", Name: "Chief", Roles: []desk.Role{desk.Approver}}
	f.must(f.desk.Store().Write(t.Context(), func(w store.DeskWriter) error {
		account := func(id, roles, status string) error {
			return errors.Join(w.PutAccount(t.Context(), store.Account{ID: id, Login: id, Name: id, Roles: roles, Status: status}),
				w.PutContact(t.Context(), store.Contact{Officer: id, Mail: id + "@mla.example"}))
		}
		return errors.Join(
			account("chief", "drafter approver", "active"), account("left", "approver", "disabled"), account("duty", "duty-officer", "active"),
			w.PutDraft(t.Context(), store.Draft{ID: "d1", State: store.DraftSent}),
			w.PutRelease(t.Context(), store.Release{Message: "m1", Draft: "d1", ReleasedBy: "duty", Emergency: true, At: f.clock.now().Unix()}),
		)
	}))
	told := func(what string, want int) {
		t.Helper()
		f.must(f.office.Morning(t.Context()))
		f.must(f.desk.Store().Read(t.Context(), func(r store.DeskReader) error {
			due, err := r.DueNotices(t.Context(), f.clock.now().Unix(), 100)
			for _, x := range due {
				if x.Event != desk.EventRelease || x.Officer != chief.ID {
					t.Errorf("%s: a notice of %s to %s", what, x.Event, x.Officer)
				}
			}
			if len(due) != want {
				t.Errorf("%s: %d notices, want %d", what, len(due), want)
			}
			return err
		}))
	}
	told("in the same night", 0)
	f.clock.pass(5 * time.Hour)
	told("at eight", 1)
	f.clock.pass(time.Hour)
	told("once a day", 1)
	f.clock.pass(24 * time.Hour)
	told("the day after", 2)
	f.must(f.office.Countersign(t.Context(), chief, "m1", ""))
	f.clock.pass(24 * time.Hour)
	told("after somebody has looked", 2)
	found, _, err := f.desk.FindLog(t.Context(), auditor, desk.LogFilter{What: "emergency releases reported"}, 0, 10)
	if err != nil || len(found) != 2 || found[0].Detail != "1 to chief" {
		t.Errorf("the log says %+v, %v", found, err)
	}
}
