package account_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/desks"
)

// cheap is a cost for tests.
var cheap = account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}

const good = "nine orange bicycles"

// A house is a desk with its accounts and a clock that tests move.
type house struct {
	t *testing.T
	*account.Accounts
	mu    sync.Mutex
	clock time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, clock: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)}
	a, err := account.New(desks.New(t, h.now), cheap)
	if err != nil {
		t.Fatal(err)
	}
	h.Accounts = a
	return h
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

// code is what the authenticator application shows now.
func (h *house) code(secret string) string {
	h.t.Helper()
	code, err := totp.GenerateCode(secret, h.now())
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

var somewhere = account.From{Address: "192.0.2.7", Agent: "Browser"}

// accept takes up an invitation and returns the secret of the second factor.
func (h *house) accept(code, login string) (account.Session, string) {
	h.t.Helper()
	i, err := h.Invitation(h.t.Context(), code)
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := h.Accept(h.t.Context(), account.Acceptance{
		Code: code, Login: login, Name: "Name of " + login, Password: good, Repeat: good, Factor: h.code(i.Factor.Secret),
	}, somewhere)
	if err != nil {
		h.t.Fatal(err)
	}
	h.pass(time.Minute) // to a code that was not taken
	return s, i.Factor.Secret
}

// admin sets the desk up.
func (h *house) admin() (account.Session, string) {
	h.t.Helper()
	code, err := h.FirstCode(h.t.Context())
	if err != nil || code == "" {
		h.t.Fatal(code, err)
	}
	return h.accept(code, "admin")
}

func (h *house) user(by, login string, roles ...desk.Role) (account.Session, string) {
	h.t.Helper()
	_, code, err := h.Invite(h.t.Context(), by, account.NewUser{Login: login, Name: login, Roles: roles})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.accept(code, login)
}

func (h *house) signIn(login, password, code string) (account.Session, error) {
	return h.SignIn(h.t.Context(), account.Credentials{Login: login, Password: password, Code: code}, somewhere)
}

// log returns what the desk's own log says.
func (h *house) log() string {
	h.t.Helper()
	var b bytes.Buffer
	err := h.Desk.Store().Read(h.t.Context(), func(r store.DeskReader) error {
		entries, err := r.Entries(h.t.Context(), 0, 1000)
		for _, e := range entries {
			b.Write(e.Body)
			b.WriteByte('\n')
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.Desk.AuditVerify(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}

func TestFirstSetUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old, err := h.FirstCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code, err := h.FirstCode(t.Context()) // the desk was started again
	if err != nil || code == old {
		t.Fatal(code, err)
	}
	if _, err := h.Invitation(t.Context(), old); !errors.Is(err, account.ErrInvitation) {
		t.Errorf("the code of an earlier start still works: %v", err)
	}
	if _, err := h.Invitation(t.Context(), ""); !errors.Is(err, account.ErrInvitation) {
		t.Errorf("no code: %v", err)
	}
	typed := strings.ToUpper(strings.ReplaceAll(code, "-", " "))
	i, err := h.Invitation(t.Context(), typed)
	if err != nil || !i.First || !strings.HasPrefix(i.Factor.Address, "otpauth://totp/Entraide%20QM:") {
		t.Fatalf("%+v, %v", i, err)
	}
	s, secret := h.accept(typed, "Admin")
	if s.User.Login != "admin" || !slices.Equal(s.User.Roles, []desk.Role{desk.Administrator}) || s.User.Status != account.Active {
		t.Errorf("%+v", s.User)
	}
	if _, err := h.Invitation(t.Context(), code); !errors.Is(err, account.ErrInvitation) {
		t.Errorf("the code works twice: %v", err)
	}
	if again, err := h.FirstCode(t.Context()); err != nil || again != "" {
		t.Errorf("a code is offered although there is an administrator: %q, %v", again, err)
	}
	if _, err := h.signIn("ADMIN ", good, h.code(secret)); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"set-up-offered", "user-set-up", "signed-in", `"by":"` + s.User.ID} {
		if !strings.Contains(h.log(), want) {
			t.Errorf("the log does not say %s", want)
		}
	}
	for _, secret := range []string{code, secret, good, s.Token} {
		if strings.Contains(h.log(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

func TestInvitationEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, err := h.FirstCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.pass(account.InviteFor)
	if _, err := h.Invitation(t.Context(), code); !errors.Is(err, account.ErrInvitation) {
		t.Errorf("after its time: %v", err)
	}
}

func TestSignInNeedsEverything(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, secret := h.admin()
	for name, c := range map[string]account.Credentials{
		"wrong password": {Login: "admin", Password: good + "s", Code: h.code(secret)},
		"wrong code":     {Login: "admin", Password: good, Code: "000000"},
		"no code":        {Login: "admin", Password: good},
		"unknown name":   {Login: "nobody", Password: good, Code: h.code(secret)},
	} {
		if _, err := h.SignIn(t.Context(), c, somewhere); !errors.Is(err, account.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		h.pass(time.Hour)
	}
	code := h.code(secret)
	if _, err := h.signIn("admin", good, code[:3]+" "+code[3:]); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("admin", good, code); !errors.Is(err, account.ErrRefused) {
		t.Errorf("a code was taken twice: %v", err)
	}
	if log := h.log(); strings.Count(log, "sign-in-refused") != 5 || !strings.Contains(log, s.User.ID+" password") {
		t.Errorf("the log does not say what was refused:\n%s", log)
	}
}

func TestLockout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, secret := h.admin()
	for _, login := range []string{"admin", "nobody"} { // alike: nobody learns which name exists
		var waits []time.Duration
		for range 20 {
			_, err := h.signIn(login, "wrong", "")
			wait, locked := errors.AsType[*account.WaitError](err)
			if !locked {
				if !errors.Is(err, account.ErrRefused) {
					t.Fatal(err)
				}
				continue
			}
			waits = append(waits, wait.Until.Sub(h.now()))
			h.pass(wait.Until.Sub(h.now()))
		}
		if len(waits) < 7 || waits[0] != time.Second || waits[1] != 2*time.Second || slices.Max(waits) > 15*time.Minute {
			t.Errorf("%s: waits %v", login, waits)
		}
	}
	if _, err := h.signIn("admin", "wrong", ""); !errors.Is(err, account.ErrRefused) {
		if _, locked := errors.AsType[*account.WaitError](err); !locked {
			t.Fatal(err)
		}
	}
	if _, err := h.signIn("admin", good, h.code(secret)); err == nil {
		t.Error("the right password was looked at while attempts must wait")
	}
	h.pass(15 * time.Minute) // a stranger locks nobody out for longer
	if _, err := h.signIn("admin", good, h.code(secret)); err != nil {
		t.Error(err)
	}
	if _, err := h.signIn("admin", "wrong", ""); !errors.Is(err, account.ErrRefused) {
		t.Errorf("success did not begin the count anew: %v", err)
	}
}

// TestLockoutAtOnce tries many passwords at the same time.
func TestLockoutAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.admin()
	var wg sync.WaitGroup
	var mu sync.Mutex
	looked := 0
	for range 30 {
		wg.Go(func() {
			if _, err := h.signIn("admin", "wrong", ""); errors.Is(err, account.ErrRefused) {
				mu.Lock()
				looked++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if looked > 5 {
		t.Errorf("%d attempts were looked at for the price of 5", looked)
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, secret := h.admin()
	begin := func() account.Session {
		h.pass(time.Hour)
		s, err := h.signIn("admin", good, h.code(secret))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	live := func(s account.Session, quiet bool) bool {
		t.Helper()
		_, err := h.Resume(t.Context(), s.Token, quiet)
		if err != nil && !errors.Is(err, account.ErrNoSession) {
			t.Fatal(err)
		}
		return err == nil
	}
	s := begin()
	h.pass(14 * time.Minute)
	if !live(s, true) {
		t.Error("over before its time")
	}
	h.pass(time.Minute)
	if live(s, false) {
		t.Error("idle for 15 minutes, kept only by what asks by itself, and still alive")
	}
	s = begin()
	for range 10 * 6 {
		h.pass(9*time.Minute + 59*time.Second)
		if !live(s, false) {
			t.Fatal("used and over")
		}
	}
	h.pass(time.Minute)
	if live(s, false) {
		t.Error("alive after 10 hours")
	}
	s = begin()
	if err := h.SignOut(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if live(s, false) {
		t.Error("alive after signing out")
	}
	first, second := begin(), begin()
	all, err := h.Sessions(t.Context(), second.User)
	if err != nil || len(all) != 1 { // the first was idle for an hour
		t.Fatalf("%d sessions, %v", len(all), err)
	}
	if live(first, true) || !live(second, true) {
		t.Error("the wrong one is alive")
	}
	if err := h.EndSession(t.Context(), second.User, all[0].ID()); err != nil || live(second, true) {
		t.Errorf("ended and alive, %v", err)
	}
	for _, token := range []string{"", "x", second.ID()} {
		if _, err := h.Resume(t.Context(), token, true); !errors.Is(err, account.ErrNoSession) {
			t.Errorf("%q opens a session: %v", token, err)
		}
	}
}

// TestConfirm checks that proving anew who one is gives another token, so that
// whoever knew the old one is left behind.
func TestConfirm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, secret := h.admin()
	h.pass(10 * time.Minute)
	if s.IsFresh(h.now()) {
		t.Fatal("fresh after 10 minutes")
	}
	if _, err := h.Confirm(t.Context(), s, "wrong", h.code(secret), somewhere); !errors.Is(err, account.ErrRefused) {
		t.Errorf("wrong password: %v", err)
	}
	again, err := h.Confirm(t.Context(), s, good, h.code(secret), somewhere)
	if err != nil || !again.IsFresh(h.now()) || again.Token == s.Token || !again.CreatedAt.Equal(s.CreatedAt) {
		t.Fatalf("%+v, %v", again, err)
	}
	if _, err := h.Resume(t.Context(), s.Token, true); !errors.Is(err, account.ErrNoSession) {
		t.Errorf("the old token still works: %v", err)
	}
	if _, err := h.Resume(t.Context(), again.Token, true); err != nil {
		t.Error(err)
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, _ := h.admin()
	old, err := h.NewRecoveryCodes(t.Context(), s.User)
	if err != nil || len(old) != account.RecoveryCodes {
		t.Fatal(old, err)
	}
	codes, err := h.NewRecoveryCodes(t.Context(), s.User)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.signIn("admin", good, old[0]); !errors.Is(err, account.ErrRefused) {
		t.Errorf("a replaced code: %v", err)
	}
	if _, err := h.signIn("admin", "wrong", codes[0]); !errors.Is(err, account.ErrRefused) {
		t.Errorf("a code without its password: %v", err)
	}
	if _, err := h.signIn("admin", good, strings.ToUpper(codes[0])); err != nil {
		t.Error(err)
	}
	if _, err := h.signIn("admin", good, codes[0]); !errors.Is(err, account.ErrRefused) {
		t.Errorf("a code was taken twice: %v", err)
	}
	if n, err := h.CodesLeft(t.Context(), s.User); err != nil || n != account.RecoveryCodes-1 {
		t.Errorf("%d codes left, %v", n, err)
	}
	if log := h.log(); !strings.Contains(log, "recovery-code-used") || strings.Contains(log, codes[0]) {
		t.Error("the log does not say that a code was used, or says which")
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, err := h.FirstCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i, err := h.Invitation(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]account.Reason{
		"short":                   account.PasswordShort,
		"Password1!":              account.PasswordCommon,
		"entraide2026":            account.PasswordCommon,
		"aaaaaaaaaaaa":            account.PasswordCommon,
		"meridia.officer.1":       account.PasswordCommon, // the login
		strings.Repeat("x", 129):  account.PasswordLong,
		"\xff\xfe and more of it": account.PasswordLong,
	} {
		_, err := h.Accept(t.Context(), account.Acceptance{
			Code: code, Login: "meridia.officer", Name: "A", Password: password, Repeat: password, Factor: h.code(i.Factor.Secret),
		}, somewhere)
		if r, ok := errors.AsType[*account.Refusal](err); !ok || r.Reason != want {
			t.Errorf("%.20q: %v, want %s", password, err, want)
		}
	}
	for name, in := range map[account.Reason]account.Acceptance{
		account.PasswordRepeat: {Code: code, Login: "a1", Name: "A", Password: good, Repeat: good + "x", Factor: h.code(i.Factor.Secret)},
		account.LoginForm:      {Code: code, Login: "a b", Name: "A", Password: good, Repeat: good},
		account.NameForm:       {Code: code, Login: "a1", Name: "A\x00", Password: good, Repeat: good},
		account.CodeWrong:      {Code: code, Login: "a1", Name: "A", Password: good, Repeat: good, Factor: "123"},
	} {
		_, err := h.Accept(t.Context(), in, somewhere)
		if r, ok := errors.AsType[*account.Refusal](err); !ok || r.Reason != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
	// Length is what counts: no classes of characters, any script.
	long := "слоны едут на север"
	s, err := h.Accept(t.Context(), account.Acceptance{
		Code: code, Login: "a1", Name: "A", Password: long, Repeat: long, Factor: h.code(i.Factor.Secret),
	}, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.ChangePassword(t.Context(), s, "wrong", good); err == nil {
		t.Error("a password was changed without the old one")
	}
	if err := h.ChangePassword(t.Context(), s, long, good); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Minute)
	if _, err := h.signIn("a1", good, h.code(i.Factor.Secret)); err != nil {
		t.Error(err)
	}
}

func TestManage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, _ := h.admin()
	me := admin.User.ID
	drafter, secret := h.user(me, "drafter", desk.Drafter)
	reason := func(err error) account.Reason {
		r, _ := errors.AsType[*account.Refusal](err)
		if r == nil {
			t.Fatalf("not a refusal: %v", err)
		}
		return r.Reason
	}
	if _, _, err := h.Invite(t.Context(), me, account.NewUser{Login: "Drafter", Name: "B", Roles: []desk.Role{desk.Drafter}}); reason(err) != account.LoginTaken {
		t.Error(err)
	}
	if _, _, err := h.Invite(t.Context(), me, account.NewUser{Login: "b1", Name: "B", Roles: []desk.Role{"emperor"}}); reason(err) != account.RolesNone {
		t.Error(err)
	}
	if err := h.SetRoles(t.Context(), me, me, []desk.Role{desk.Administrator, desk.Approver}); reason(err) != account.OwnAccount {
		t.Error(err)
	}
	if err := h.SetRoles(t.Context(), drafter.User.ID, me, []desk.Role{desk.Drafter}); reason(err) != account.LastAdmin {
		t.Error(err)
	}
	if err := h.Disable(t.Context(), drafter.User.ID, me); reason(err) != account.LastAdmin {
		t.Error(err)
	}
	if err := h.SetRoles(t.Context(), me, drafter.User.ID, []desk.Role{desk.Approver, desk.Drafter}); err != nil {
		t.Fatal(err)
	}
	now, err := h.Resume(t.Context(), drafter.Token, true)
	if err != nil || !slices.Equal(now.User.Roles, []desk.Role{desk.Drafter, desk.Approver}) {
		t.Errorf("a session keeps its old roles: %v, %v", now.User.Roles, err)
	}
	if err := h.Disable(t.Context(), me, drafter.User.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Resume(t.Context(), drafter.Token, true); !errors.Is(err, account.ErrNoSession) {
		t.Errorf("a disabled user is signed in: %v", err)
	}
	if _, err := h.signIn("drafter", good, h.code(secret)); !errors.Is(err, account.ErrRefused) {
		t.Errorf("a disabled user signs in: %v", err)
	}
	if err := h.ProposeRecovery(t.Context(), me, drafter.User.ID); reason(err) != account.RecoveryTwo {
		t.Error("one administrator can recover an account", err)
	}
	code, err := h.RecoverAtMachine(t.Context(), "shell", drafter.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, fresh := h.accept(code, "drafter")
	if fresh == secret {
		t.Error("the second factor is the old one")
	}
	log := h.log()
	for _, want := range []string{"user-invited", "roles-changed", "drafter approver", "user-disabled", "user-recovered-at-the-machine"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %s", want)
		}
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, _ := h.admin()
	if _, err := h.SignInAs(t.Context(), "https://idp.example 7", somewhere); !errors.Is(err, account.ErrNoAccount) {
		t.Errorf("a stranger whom the provider knows: %v", err)
	}
	u, _, err := h.Invite(t.Context(), admin.User.ID, account.NewUser{
		Login: "linked", Name: "L", Roles: []desk.Role{desk.DutyOfficer}, Subject: "https://idp.example 7",
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.SignInAs(t.Context(), "https://idp.example 7", somewhere)
	if err != nil || s.User.ID != u.ID || s.Method != account.ByProvider || !slices.Equal(s.User.Roles, []desk.Role{desk.DutyOfficer}) {
		t.Fatalf("%+v, %v", s, err)
	}
	if _, err := h.ConfirmAs(t.Context(), s, "https://idp.example 8", somewhere); !errors.Is(err, account.ErrRefused) {
		t.Errorf("confirmed by somebody else: %v", err)
	}
	if _, err := h.signIn("linked", "", ""); !errors.Is(err, account.ErrRefused) {
		t.Errorf("an account without a password: %v", err)
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, _ := h.admin()
	for _, p := range []account.Preferences{{Zone: "Local"}, {Zone: "../../etc/passwd"}, {Language: "tlh"}} {
		if err := h.Prefer(t.Context(), s.User.ID, p); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
	want := account.Preferences{Language: "ar", Zone: "Asia/Kolkata"}
	if err := h.Prefer(t.Context(), s.User.ID, want); err != nil {
		t.Fatal(err)
	}
	u, err := h.Get(t.Context(), s.User.ID)
	if err != nil || u.Language != "ar" || u.Location().String() != "Asia/Kolkata" || u.Shortcuts {
		t.Errorf("%+v, %v", u, err)
	}
}
