package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
)

// inviteBytes is the length of the code of an invitation.
const inviteBytes = 20

// firstLogin is the login of the account that waits for the first
// administrator to choose theirs.
const firstLogin = "first-administrator"

// A NewUser describes somebody who is invited.
type NewUser struct {
	Login, Name string
	Roles       []desk.Role
	Language    string
	Subject     string // at the identity provider; empty for none
}

// Invite makes an account and returns the code with which its user chooses
// their password, once, within [InviteFor]. by is the id of who invites.
func (a *Accounts) Invite(ctx context.Context, by string, n NewUser) (u User, code string, err error) {
	row := store.Account{
		ID: newID(), Login: plainLogin(n.Login), Name: strings.TrimSpace(n.Name), Language: n.Language,
		Subject: strings.TrimSpace(n.Subject), Status: Invited, Shortcuts: true, CreatedAt: a.now().Unix(),
	}
	if row.Roles, err = rolesText(n.Roles); err != nil {
		return u, "", err
	}
	if err := errors.Join(checkLogin(row.Login), checkName(row.Name)); err != nil {
		return u, "", err
	}
	if row.Subject != "" {
		row.Status = Active // the provider knows them
	}
	err = a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		if err := taken(w.PutAccount(ctx, row)); err != nil {
			return err
		}
		if code, err = a.invite(ctx, w, row.ID, InviteFor); err != nil {
			return err
		}
		return a.Desk.Record(ctx, w, by, "user-invited", row.ID+" "+row.Login+" "+row.Roles)
	})
	return userOf(row), code, err
}

// taken makes the store's error one of the form.
func taken(err error) error {
	if errors.Is(err, store.ErrTaken) {
		return &Refusal{"login", LoginTaken}
	}
	return err
}

// invite makes the invitation of an account, in place of any before.
func (a *Accounts) invite(ctx context.Context, w store.DeskWriter, id string, lasts time.Duration) (string, error) {
	code := newCode(inviteBytes)
	return code, w.PutInvitation(ctx, store.Invitation{
		Digest: digest(code), Account: id, TOTP: newSecret(), ExpiresAt: a.now().Add(lasts).Unix(),
	})
}

// FirstCode returns the code with which the first administrator sets up the
// desk's pages, in place of any that was given before; or "" once there is an
// administrator.
func (a *Accounts) FirstCode(ctx context.Context) (code string, err error) {
	err = a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		all, err := w.Accounts(ctx)
		if err != nil {
			return err
		}
		if administrators(all, "") > 0 {
			return nil
		}
		i := slices.IndexFunc(all, func(row store.Account) bool { return row.Login == firstLogin })
		row := store.Account{
			ID: newID(), Login: firstLogin, Name: "Administrator", Roles: string(desk.Administrator), Status: Invited,
			Shortcuts: true, CreatedAt: a.now().Unix(),
		}
		if i >= 0 {
			row = all[i]
		} else if err := w.PutAccount(ctx, row); err != nil {
			return err
		}
		if code, err = a.invite(ctx, w, row.ID, InviteFor); err != nil {
			return err
		}
		return a.Desk.Record(ctx, w, "desk", "set-up-offered", row.ID)
	})
	return code, err
}

// administrators counts the active administrators but for one account.
func administrators(all []store.Account, except string) int {
	n := 0
	for _, row := range all {
		if row.ID != except && administrates(row) {
			n++
		}
	}
	return n
}

// administrates reports whether an account is that of an administrator who can act.
func administrates(row store.Account) bool {
	return row.Status == Active && slices.Contains(strings.Fields(row.Roles), string(desk.Administrator))
}

// An Invitation is what somebody sees who takes one up.
type Invitation struct {
	User   User
	First  bool // they set up the desk, and choose their own login and name
	Factor Enrolment
}

// Invitation returns what a code invites to, or [ErrInvitation].
func (a *Accounts) Invitation(ctx context.Context, code string) (i Invitation, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		row, account, err := a.invitation(ctx, r, code)
		if err != nil {
			return err
		}
		i = Invitation{User: userOf(account), First: account.Login == firstLogin}
		login := account.Login
		if i.First {
			login = "administrator"
		}
		i.Factor, err = a.enrolment(login, row.TOTP)
		return err
	})
	return i, err
}

// invitation finds an invitation that can be taken up.
func (a *Accounts) invitation(ctx context.Context, r store.DeskReader, code string) (store.Invitation, store.Account, error) {
	row, err := r.Invitation(ctx, digest(plainCode(code)))
	if errors.Is(err, store.ErrNotFound) || err == nil && a.now().Unix() >= row.ExpiresAt {
		return row, store.Account{}, ErrInvitation
	}
	if err != nil {
		return row, store.Account{}, err
	}
	account, err := r.Account(ctx, row.Account)
	if err == nil && account.Status == Disabled {
		err = ErrInvitation
	}
	return row, account, err
}

// An Acceptance is what somebody answers an invitation with. Login and Name
// count for the first administrator only.
type Acceptance struct {
	Code             string // of the invitation
	Login, Name      string
	Password, Repeat string
	Factor           string // a code of the second factor
	Language         string
}

// Accept takes up an invitation and signs its user in.
func (a *Accounts) Accept(ctx context.Context, in Acceptance, from From) (Session, error) {
	invited, err := a.Invitation(ctx, in.Code)
	if err != nil {
		return Session{}, err
	}
	login, name := invited.User.Login, invited.User.Name
	if invited.First {
		login, name = plainLogin(in.Login), strings.TrimSpace(in.Name)
		if err := errors.Join(checkLogin(login), checkName(name)); err != nil {
			return Session{}, err
		}
	}
	if in.Password != in.Repeat {
		return Session{}, &Refusal{"repeat", PasswordRepeat}
	}
	hash, err := a.newHash(ctx, in.Password, login, name)
	if err != nil {
		return Session{}, err
	}
	var id string
	err = a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		row, account, err := a.invitation(ctx, w, in.Code)
		if err != nil {
			return err
		}
		step, ok := totpStep(row.TOTP, strings.ReplaceAll(strings.TrimSpace(in.Factor), " ", ""), a.now(), 0)
		if !ok {
			return &Refusal{"factor", CodeWrong}
		}
		id = account.ID
		account.Login, account.Name, account.Status = login, name, Active
		account.Password, account.TOTP, account.TOTPStep = hash, row.TOTP, step
		if account.Language == "" {
			account.Language = in.Language
		}
		return a.accepted(ctx, w, account)
	})
	if err != nil {
		return Session{}, err
	}
	return a.begin(ctx, id, ByPassword, from, nil)
}

// accepted writes an account whose invitation was taken up.
func (a *Accounts) accepted(ctx context.Context, w store.DeskWriter, account store.Account) error {
	if err := taken(w.PutAccount(ctx, account)); err != nil {
		return err
	}
	return errors.Join(
		w.DeleteInvitation(ctx, account.ID), w.DeleteSessions(ctx, account.ID, nil), w.DeleteFailures(ctx, digest(account.Login)),
		a.Desk.Record(ctx, w, account.ID, "user-set-up", account.ID+" "+account.Login),
	)
}

// guardAdmin keeps a desk from losing its last administrator.
func guardAdmin(ctx context.Context, w store.DeskWriter, row store.Account) error {
	all, err := w.Accounts(ctx)
	if err != nil {
		return err
	}
	if administrators(all, row.ID) == 0 && administrators(all, "") > 0 {
		return &Refusal{"roles", LastAdmin}
	}
	return nil
}

// SetRoles gives a user other roles. Nobody changes their own.
func (a *Accounts) SetRoles(ctx context.Context, by, id string, roles []desk.Role) error {
	text, err := rolesText(roles)
	if err != nil {
		return err
	}
	if by == id {
		return &Refusal{"roles", OwnAccount}
	}
	return a.change(ctx, id, change{by: by, what: "roles-changed", detail: text, apply: func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		if !slices.Contains(roles, desk.Administrator) {
			if err := guardAdmin(ctx, w, *row); err != nil {
				return err
			}
		}
		row.Roles = text
		return nil
	}})
}

// Change gives a user another name, links them with a subject at the identity
// provider or with none, and gives them other roles. Nobody changes their own
// roles.
func (a *Accounts) Change(ctx context.Context, by, id string, n NewUser) error {
	name := strings.TrimSpace(n.Name)
	text, err := rolesText(n.Roles)
	if err := errors.Join(checkName(name), err); err != nil {
		return err
	}
	c := change{by: by, what: "user-changed", detail: text}
	c.apply = func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		if row.Roles != text && by == id {
			return &Refusal{"roles", OwnAccount}
		}
		if !slices.Contains(n.Roles, desk.Administrator) {
			if err := guardAdmin(ctx, w, *row); err != nil {
				return err
			}
		}
		row.Name, row.Subject, row.Roles = name, strings.TrimSpace(n.Subject), text
		return nil
	}
	err = a.change(ctx, id, c)
	if errors.Is(err, store.ErrTaken) {
		return &Refusal{"subject", SubjectTaken}
	}
	return err
}

// Disable ends all sessions of a user and lets them sign in no more. Nobody
// disables themselves.
func (a *Accounts) Disable(ctx context.Context, by, id string) error {
	if by == id {
		return &Refusal{"user", OwnAccount}
	}
	return a.change(ctx, id, change{by: by, what: "user-disabled", apply: func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		if err := guardAdmin(ctx, w, *row); err != nil {
			return err
		}
		row.Status = Disabled
		return errors.Join(w.DeleteSessions(ctx, id, nil), w.DeleteInvitation(ctx, id))
	}})
}
