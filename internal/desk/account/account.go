// Package account knows the people who may sign in at a desk: their passwords,
// second factors, passkeys, sessions and roles. It knows nothing of pages.
//
// Nobody signs in with a password alone: a code of the second factor goes with
// it, or a passkey that has verified its user takes the place of both. Whatever
// changes, and every sign-in that succeeded or was refused, goes to the desk's
// own log in the same transaction.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
)

// Times and sizes.
const (
	Idle         = 15 * time.Minute // a session that nobody uses ends
	Absolute     = 10 * time.Hour   // every session ends
	Fresh        = 5 * time.Minute  // how long a proof of who somebody is serves to sign or export
	KnownFor     = forget           // a browser that is not used is forgotten after it
	InviteFor    = 72 * time.Hour   // how long an invitation can be taken up
	MinLength    = 8                // of a password, in characters; a second factor always goes with it
	MaxLength    = 128              // of a password, in characters
	maxName      = 100
	forget       = 30 * 24 * time.Hour
	hashesAtMost = 2 // passwords looked at at once; each takes its memory
)

// States of an account.
const (
	Invited  = "invited" // has a link and no password yet
	Active   = "active"
	Disabled = "disabled"
)

// Accounts are the accounts of one desk. They are safe for concurrent use.
type Accounts struct {
	Desk *desk.Desk
	// Cost is what hashing a password costs.
	Cost Cost

	hashing chan struct{}
	nobody  string // the hash that is looked at where there is none
}

// New returns the accounts of a desk.
func New(d *desk.Desk, cost Cost) (*Accounts, error) {
	a := &Accounts{Desk: d, Cost: cost, hashing: make(chan struct{}, hashesAtMost)}
	var err error
	a.nobody, err = hashPassword(rand.Text(), cost)
	return a, err
}

// A User is somebody who may sign in.
type User struct {
	ID         string // never changes; what the desk's own log names
	Login      string
	Name       string
	Roles      []desk.Role
	Status     string
	Language   string // tag; empty for the browser's
	Zone       string // name of a time zone; empty for UTC
	Shortcuts  bool   // single keys work on pages
	SecondSet  bool   // a second factor is set up
	Subject    string // at the identity provider
	CreatedAt  time.Time
	SignedInAt time.Time // zero before the first time

	begun int64 // when the session began in which they act; Unix seconds, 0 for none
}

// Officer is the user as the work of the desk knows them.
func (u User) Officer() desk.Officer { return desk.Officer{ID: u.ID, Name: u.Name, Roles: u.Roles} }

// Location is the user's time zone.
func (u User) Location() *time.Location {
	zone, err := time.LoadLocation(u.Zone)
	if err != nil {
		return time.UTC
	}
	return zone
}

func userOf(a store.Account) User {
	u := User{
		ID: a.ID, Login: a.Login, Name: a.Name, Status: a.Status, Language: a.Language, Zone: a.Zone, Shortcuts: a.Shortcuts,
		SecondSet: len(a.TOTP) > 0, Subject: a.Subject, CreatedAt: time.Unix(a.CreatedAt, 0).UTC(),
	}
	for _, r := range strings.Fields(a.Roles) {
		u.Roles = append(u.Roles, desk.Role(r))
	}
	if a.SignedInAt != 0 {
		u.SignedInAt = time.Unix(a.SignedInAt, 0).UTC()
	}
	return u
}

// A Reason is why a form was not taken. The sentence for people is
// "users.reason." and the reason in the catalogues.
type Reason string

// The reasons.
const (
	LoginForm      Reason = "login_form"
	LoginTaken     Reason = "login_taken"
	NameForm       Reason = "name_form"
	RolesNone      Reason = "roles_none"
	PasswordShort  Reason = "password_short"
	PasswordLong   Reason = "password_long"
	PasswordCommon Reason = "password_common"
	PasswordRepeat Reason = "password_repeat"
	CodeWrong      Reason = "code_wrong"
	PasswordWrong  Reason = "password_wrong"
	LastAdmin      Reason = "last_administrator"
	OwnAccount     Reason = "own_account"
	SubjectTaken   Reason = "subject_taken"
	ZoneUnknown    Reason = "zone_unknown"
	LanguageOther  Reason = "language_unknown"
	LastFactor     Reason = "last_factor"
	RecoveryTwo    Reason = "recovery_two"
	RecoveryAsked  Reason = "recovery_asked"
	RecoveryOwn    Reason = "recovery_own"
	RecoveryNone   Reason = "recovery_none"
)

// A Refusal says which field of a form was not taken, and why.
type Refusal struct {
	Field  string
	Reason Reason
}

func (r *Refusal) Error() string {
	return r.Field + ": " + strings.ReplaceAll(string(r.Reason), "_", " ")
}

// Errors besides those of forms and of the store.
var (
	// ErrRefused says that name, password and code do not go together. It does
	// not say which is wrong.
	ErrRefused = errors.New("the name, the password or the code is wrong")
	// ErrNoSession says that nobody is signed in with this token.
	ErrNoSession = errors.New("nobody is signed in")
	// ErrInvitation says that an invitation is unknown, used or over.
	ErrInvitation = errors.New("this invitation is not known, was used or is over")
	// ErrNoAccount says that there is no such account.
	ErrNoAccount = problem.New(problem.NotFound, "user", "There is no such user.")
)

// A WaitError says that no attempt is looked at before Until.
type WaitError struct{ Until time.Time }

func (e *WaitError) Error() string {
	return "too many attempts; wait until " + e.Until.Format(time.RFC3339)
}

func (a *Accounts) now() time.Time { return a.Desk.Now().UTC().Truncate(time.Second) }

// List returns all users by login.
func (a *Accounts) List(ctx context.Context) (users []User, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		all, err := r.Accounts(ctx)
		for _, row := range all {
			users = append(users, userOf(row))
		}
		return err
	})
	return users, err
}

// Get returns a user by id.
func (a *Accounts) Get(ctx context.Context, id string) (u User, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		row, err := r.Account(ctx, id)
		u = userOf(row)
		return found(err)
	})
	return u, err
}

// ByLogin returns a user by the name they sign in with.
func (a *Accounts) ByLogin(ctx context.Context, login string) (u User, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		row, err := r.AccountByLogin(ctx, plainLogin(login))
		u = userOf(row)
		return found(err)
	})
	return u, err
}

// found makes the store's error one for people.
func found(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoAccount
	}
	return err
}

// A change is one thing that is done to an account.
type change struct {
	by     string // id of who does it
	what   string // for the desk's own log
	detail string // besides the id of the account
	begun  int64  // when the session began in which it is done; 0 for none
	apply  func(ctx context.Context, w store.DeskWriter, row *store.Account) error
}

// change applies a change to an account and records it.
func (a *Accounts) change(ctx context.Context, id string, c change) error {
	return a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		row, err := w.Account(ctx, id)
		if err != nil {
			return found(err)
		}
		if err := c.apply(ctx, w, &row); err != nil {
			return err
		}
		if err := w.PutAccount(ctx, row); err != nil {
			return err
		}
		if kind := alerting[c.what]; kind != "" {
			if err := a.alert(ctx, w, id, store.Alert{Kind: kind, Begun: c.begun}); err != nil {
				return err
			}
		}
		return a.Desk.Record(ctx, w, c.by, c.what, strings.TrimSpace(id+" "+c.detail))
	})
}

// plainLogin is a login as it is stored and compared.
func plainLogin(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// checkLogin says whether a login can be typed on every keyboard and told apart
// from every other.
func checkLogin(login string) error {
	ok := len(login) >= 2 && len(login) <= 40 && !strings.ContainsFunc(login, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-@", r)
	})
	if !ok {
		return &Refusal{"login", LoginForm}
	}
	return nil
}

func checkName(name string) error {
	if name == "" || len([]rune(name)) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return &Refusal{"name", NameForm}
	}
	return nil
}

// rolesText is a set of roles as it is stored, in the order of the list.
func rolesText(roles []desk.Role) (string, error) {
	var names []string
	for _, r := range desk.Roles() {
		if slices.Contains(roles, r) {
			names = append(names, string(r))
		}
	}
	for _, r := range roles {
		if !slices.Contains(desk.Roles(), r) {
			return "", &Refusal{"roles", RolesNone}
		}
	}
	if len(names) == 0 {
		return "", &Refusal{"roles", RolesNone}
	}
	return strings.Join(names, " "), nil
}

// Preferences are what a user chooses for themselves.
type Preferences struct {
	Language  string
	Zone      string
	Shortcuts bool
}

// Prefer changes a user's own preferences. They are not recorded: they concern
// nobody else.
func (a *Accounts) Prefer(ctx context.Context, id string, p Preferences) error {
	if p.Zone != "" {
		if _, err := time.LoadLocation(p.Zone); err != nil || p.Zone == "Local" {
			return &Refusal{"zone", ZoneUnknown}
		}
	}
	if p.Language != "" && locale.Negotiate("", p.Language) != p.Language {
		return &Refusal{"language", LanguageOther}
	}
	return a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		row, err := w.Account(ctx, id)
		if err != nil {
			return found(err)
		}
		row.Language, row.Zone, row.Shortcuts = p.Language, p.Zone, p.Shortcuts
		return w.PutAccount(ctx, row)
	})
}

// digest is what is stored of a secret that was made by the desk.
func digest(secret string) []byte {
	d := sha256.Sum256([]byte(secret))
	return d[:]
}

// newID returns an identifier that nobody else has.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// alphabet has no letters that are mistaken for figures.
var alphabet = base32.NewEncoding("abcdefghjkmnpqrstuvwxyz023456789").WithPadding(base32.NoPadding)

// newCode returns a secret of n bytes in groups of four that can be typed.
func newCode(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	text := alphabet.EncodeToString(b)
	var groups []string
	for group := range slices.Chunk([]byte(text), 4) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, "-")
}

// plainCode is a code as it was made, whatever was typed between its groups.
func plainCode(typed string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(typed) {
		if strings.ContainsRune("abcdefghjkmnpqrstuvwxyz023456789", r) {
			if n := len(strings.ReplaceAll(b.String(), "-", "")); n > 0 && n%4 == 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}
