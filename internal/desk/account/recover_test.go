package account_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
)

// kinds are what a user was told, the newest first.
func (h *house) kinds(u account.User) (kinds []string) {
	h.t.Helper()
	all, err := h.Alerts(h.t.Context(), u)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, a := range all {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// refused is why something was refused.
func refused(err error) account.Reason {
	r, ok := errors.AsType[*account.Refusal](err)
	if !ok {
		return account.Reason(problem.CodeOf(err))
	}
	return r.Reason
}

// TestRecovery recovers an account by two administrators.
func TestRecovery(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, _ := h.admin()
	one := first.User.ID
	second, _ := h.user(one, "second", desk.Administrator)
	third, _ := h.user(one, "third", desk.Administrator)
	holder, secret := h.user(one, "holder", desk.Drafter)
	two, id := second.User.ID, holder.User.ID

	check := func(err error, want account.Reason) {
		t.Helper()
		if got := refused(err); got != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := h.ConfirmRecovery(t.Context(), two, id)
	check(err, account.RecoveryNone)
	check(h.ProposeRecovery(t.Context(), id, one), account.Reason(problem.Forbidden))
	check(h.ProposeRecovery(t.Context(), one, one), account.OwnAccount)
	_, err = h.Reinvite(t.Context(), one, id)
	check(err, account.RecoveryTwo)
	if err := h.ProposeRecovery(t.Context(), one, id); err != nil {
		t.Fatal(err)
	}
	check(h.ProposeRecovery(t.Context(), two, id), account.RecoveryAsked)
	_, err = h.ConfirmRecovery(t.Context(), one, id)
	check(err, account.RecoveryOwn)
	_, err = h.ConfirmRecovery(t.Context(), id, id)
	check(err, account.OwnAccount)
	if got := h.kinds(holder.User); !slices.Equal(got, []string{"recovery_proposed"}) {
		t.Errorf("the holder was told %v", got)
	}
	if _, err := h.Resume(t.Context(), holder.Token, true); err != nil {
		t.Errorf("a proposal ends sessions: %v", err)
	}
	if err := h.WithdrawRecovery(t.Context(), third.User.ID, id); err != nil {
		t.Fatal(err)
	}
	_, err = h.ConfirmRecovery(t.Context(), two, id)
	check(err, account.RecoveryNone)

	// What nobody confirms in time is over.
	if err := h.ProposeRecovery(t.Context(), one, id); err != nil {
		t.Fatal(err)
	}
	h.pass(account.RecoverFor)
	_, err = h.ConfirmRecovery(t.Context(), two, id)
	check(err, account.RecoveryNone)
	if err := h.ProposeRecovery(t.Context(), one, id); err != nil {
		t.Fatal(err)
	}
	if p, ok, err := h.Proposed(t.Context(), id); err != nil || !ok || p.By != one {
		t.Errorf("proposed: %+v, %v, %v", p, ok, err)
	}
	code, err := h.ConfirmRecovery(t.Context(), two, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("holder", good, h.code(secret)); !errors.Is(err, account.ErrRefused) {
		t.Errorf("the old password and factor sign in: %v", err)
	}
	again, fresh := h.accept(code, "holder")
	if fresh == secret {
		t.Error("the second factor is the old one")
	}
	if a, found, err := h.Unseen(t.Context(), again); err != nil || !found || a.Kind != "recovered" {
		t.Errorf("the holder is not told that the account was recovered: %+v, %v", a, err)
	}
}

// TestAlerts tells a holder of new browsers, of what changed and of attempts.
func TestAlerts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, _ := h.admin()
	u, secret := h.user(admin.User.ID, "holder", desk.Drafter)
	contact := store.Contact{Officer: u.User.ID, Mail: "holder@mla.example"}
	if err := h.Desk.Store().Write(t.Context(), func(w store.DeskWriter) error { return w.PutContact(t.Context(), contact) }); err != nil {
		t.Fatal(err)
	}
	if got := h.kinds(u.User); len(got) != 0 {
		t.Errorf("a new account was told %v", got)
	}
	enter := func(browser string) account.Session {
		t.Helper()
		h.pass(time.Minute)
		from := somewhere
		from.Browser = browser
		s, err := h.SignIn(t.Context(), account.Credentials{Login: "holder", Password: good, Code: h.code(secret)}, from)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	known := enter(u.Browser)
	if got := h.kinds(u.User); known.Browser != u.Browser || len(got) != 0 {
		t.Errorf("a known browser: told %v", got)
	}
	other := enter("")
	if got := h.kinds(u.User); other.Browser == u.Browser || !slices.Equal(got, []string{"new_browser"}) {
		t.Errorf("a new browser: told %v", got)
	}
	if _, found, err := h.Unseen(t.Context(), other); found || err != nil {
		t.Errorf("who signs in is warned of themselves: %v", err)
	}
	if a, found, err := h.Unseen(t.Context(), known); !found || err != nil || a.Kind != "new_browser" || a.Address != somewhere.Address {
		t.Errorf("the other browser shows %+v, %v", a, err)
	}
	if err := h.ChangePassword(t.Context(), other, good, "seven quiet lamps at sea"); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		_, _ = h.signIn("holder", "wrong", "000000") // refused, or told to wait
		h.pass(time.Second)
	}
	if got := h.kinds(u.User); !slices.Equal(got, []string{"locked", "password_changed", "new_browser"}) {
		t.Errorf("told %v", got)
	}
	all, err := h.Alerts(t.Context(), u.User)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SeeAlerts(t.Context(), u.User, all[1].ID); err != nil {
		t.Fatal(err)
	}
	if a, found, err := h.Unseen(t.Context(), other); !found || err != nil || a.Kind != "locked" {
		t.Errorf("after the first two were seen: %+v, %v", a, err)
	}
	var due []store.Notice
	if err := h.Desk.Store().Read(t.Context(), func(r store.DeskReader) (err error) {
		due, err = r.DueNotices(t.Context(), h.now().Unix(), 10)
		return err
	}); err != nil || len(due) != 3 || due[0].Event != desk.EventAccount || due[0].Address != contact.Mail {
		t.Errorf("notices: %+v, %v", due, err)
	}
}
