package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
)

// How somebody signed in.
const (
	ByPassword = "password" // with a code of the second factor
	ByPasskey  = "passkey"
	ByProvider = "provider" // the State's identity provider
)

// Attempts under one name: so many are free, then each must wait twice as long
// as the one before.
const (
	freeAttempts = 5
	longestWait  = 15 * time.Minute
)

// nobodyYet is who acts before somebody is signed in.
const nobodyYet = "nobody"

// A From says where somebody sits.
type From struct {
	Address string // network address
	Agent   string // what their browser calls itself
	Browser string // the secret by which it is known again; empty if it has none
}

// Credentials are what somebody types to show who they are. Code is one of the
// second factor or a recovery code.
type Credentials struct{ Login, Password, Code string }

// SignIn begins a session for somebody who knows a password and has the second
// factor. It returns [ErrRefused], which does not say what was wrong, or a
// [*WaitError] after too many attempts under that name.
func (a *Accounts) SignIn(ctx context.Context, c Credentials, from From) (Session, error) {
	row, err := a.prove(ctx, c, from)
	if err != nil {
		return Session{}, err
	}
	return a.begin(ctx, row.ID, ByPassword, from, nil)
}

// prove looks at credentials. The attempt is counted before it is looked at, so
// that many at once are not looked at for the price of one.
func (a *Accounts) prove(ctx context.Context, c Credentials, from From) (store.Account, error) {
	login := plainLogin(c.Login)
	row, err := a.attempt(ctx, login, from)
	if err != nil {
		return row, err
	}
	same, err := a.matches(ctx, row.Password, c.Password)
	if err != nil {
		return row, err
	}
	proof := second{code: c.Code, at: a.now()}
	proved := false
	err = a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		current, err := w.AccountByLogin(ctx, login)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return a.Desk.Record(ctx, w, nobodyYet, "sign-in-refused", "unknown name, "+from.Address)
		case err != nil:
			return err
		}
		why := ""
		switch {
		case current.Status != Active:
			why = current.Status
		case !same || current.Password != row.Password:
			why = "password"
		default:
			if proved, err = proof.take(ctx, w, &current); err != nil {
				return err
			}
			why = "code"
		}
		if !proved {
			return a.Desk.Record(ctx, w, nobodyYet, "sign-in-refused", current.ID+" "+why+", "+from.Address)
		}
		row = current
		if err := w.DeleteFailures(ctx, digest(login)); err != nil {
			return err
		}
		if proof.recovery {
			if err := errors.Join(a.alert(ctx, w, current.ID, alertFrom("recovery_code_used", from)),
				a.Desk.Record(ctx, w, current.ID, "recovery-code-used", current.ID)); err != nil {
				return err
			}
		}
		return w.PutAccount(ctx, current)
	})
	if err == nil && !proved {
		err = ErrRefused
	}
	return row, err
}

// attempt counts an attempt under a name, whether or not somebody has it, and
// returns the account if there is one.
func (a *Accounts) attempt(ctx context.Context, login string, from From) (row store.Account, err error) {
	err = a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		f, err := w.Failures(ctx, digest(login))
		if err != nil {
			return err
		}
		now := a.now()
		if now.Unix() < f.Until {
			return &WaitError{time.Unix(f.Until, 0).UTC()}
		}
		f.Count, f.At = f.Count+1, now.Unix()
		f.Until = now.Add(waitAfter(f.Count)).Unix()
		if err := w.PutFailures(ctx, f); err != nil {
			return err
		}
		row, err = w.AccountByLogin(ctx, login)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil && f.Count == freeAttempts {
			err = a.alert(ctx, w, row.ID, alertFrom("locked", from))
		}
		return err
	})
	return row, err
}

// waitAfter is how long the next attempt must wait after so many.
func waitAfter(attempts int64) time.Duration {
	if attempts < freeAttempts {
		return 0
	}
	wait := time.Second
	for range attempts - freeAttempts {
		if wait *= 2; wait >= longestWait {
			return longestWait
		}
	}
	return wait
}

// A second is a proof that somebody has the second factor.
type second struct {
	code     string
	at       time.Time
	recovery bool // it was a recovery code
}

// take reports whether the code is right, and uses it up: a code of the second
// factor is taken once, and so is a recovery code.
func (s *second) take(ctx context.Context, w store.DeskWriter, row *store.Account) (bool, error) {
	typed := strings.ReplaceAll(strings.TrimSpace(s.code), " ", "")
	if len(typed) == totpDigits {
		step, ok := totpStep(row.TOTP, typed, s.at, row.TOTPStep)
		if ok {
			row.TOTPStep = step
		}
		return ok, nil
	}
	code := plainCode(typed)
	if len(code) != recoveryLength {
		return false, nil
	}
	err := w.SpendRecoveryCode(ctx, store.RecoveryCode{Account: row.ID, Digest: digest(code)})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	s.recovery = err == nil
	return s.recovery, err
}

// Confirm proves anew, with password and code, that the person at a session is
// its user. The session goes on under another token.
func (a *Accounts) Confirm(ctx context.Context, s Session, password, code string, from From) (Session, error) {
	row, err := a.prove(ctx, Credentials{s.User.Login, password, code}, from)
	if err != nil {
		return Session{}, err
	}
	if row.ID != s.User.ID {
		return Session{}, ErrRefused
	}
	return a.begin(ctx, row.ID, s.Method, from, &s)
}

// SignInAs begins a session for somebody whom the State's identity provider
// vouches for. It returns [ErrNoAccount] unless an administrator has linked an
// account to that subject: roles never come from the provider.
func (a *Accounts) SignInAs(ctx context.Context, subject string, from From) (Session, error) {
	var row store.Account
	err := a.Desk.Store().Write(ctx, func(w store.DeskWriter) (err error) {
		row, err = w.AccountBySubject(ctx, subject)
		if err == nil && row.Status == Active {
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		row = store.Account{}
		return a.Desk.Record(ctx, w, nobodyYet, "sign-in-refused", "provider, no account, "+from.Address)
	})
	if err != nil {
		return Session{}, err
	}
	if row.ID == "" {
		return Session{}, ErrNoAccount
	}
	return a.begin(ctx, row.ID, ByProvider, from, nil)
}

// ConfirmAs is Confirm for somebody whom the identity provider vouches for
// anew.
func (a *Accounts) ConfirmAs(ctx context.Context, s Session, subject string, from From) (Session, error) {
	if s.User.Subject == "" || s.User.Subject != subject {
		return Session{}, ErrRefused
	}
	return a.begin(ctx, s.User.ID, s.Method, from, &s)
}
