package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/entraide/entraide/internal/store"
)

const (
	tokenBytes = 32
	maxAgent   = 200
	// touchAfter is how old the last note of use may be: reading a page need not
	// write every time.
	touchAfter = 20 * time.Second
)

// A Session is one browser in which somebody is signed in.
type Session struct {
	// Token is what the browser holds; empty unless the session was just begun.
	Token string
	// Browser is the secret by which the browser is known again; empty unless the
	// session was just begun.
	Browser     string
	User        User
	Method      string
	CreatedAt   time.Time
	SeenAt      time.Time
	ConfirmedAt time.Time // when they last proved who they are
	Address     string
	Agent       string

	digest []byte
}

// ID names a session in lists; it is no secret and opens nothing.
func (s Session) ID() string { return base64.RawURLEncoding.EncodeToString(s.digest) }

// IsFresh reports whether the person has just proved who they are, as signing
// and exporting ask for.
func (s Session) IsFresh(now time.Time) bool { return now.Sub(s.ConfirmedAt) <= Fresh }

// EndsAt is when the session ends if nobody uses it.
func (s Session) EndsAt() time.Time {
	if idle := s.SeenAt.Add(Idle); idle.Before(s.CreatedAt.Add(Absolute)) {
		return idle
	}
	return s.CreatedAt.Add(Absolute)
}

func sessionOf(s store.Session, u User) Session {
	u.begun = s.CreatedAt
	return Session{
		User: u, Method: s.Method, Address: s.Address, Agent: s.Agent, digest: s.Digest,
		CreatedAt: time.Unix(s.CreatedAt, 0).UTC(), SeenAt: time.Unix(s.SeenAt, 0).UTC(),
		ConfirmedAt: time.Unix(s.ConfirmedAt, 0).UTC(),
	}
}

// begin begins a session under a new token, or goes on with one under a new
// token: whoever knew the old one is left behind.
func (a *Accounts) begin(ctx context.Context, id, method string, from From, old *Session) (Session, error) {
	raw := make([]byte, tokenBytes)
	if _, err := rand.Read(raw); err != nil {
		return Session{}, err
	}
	token := base64.RawURLEncoding.EncodeToString(raw)
	now := a.now()
	row := store.Session{
		Digest: digest(token), Account: id, Method: method, CreatedAt: now.Unix(), SeenAt: now.Unix(), ConfirmedAt: now.Unix(),
		Address: from.Address, Agent: cut(from.Agent, maxAgent),
	}
	var u User
	err := a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		account, err := w.Account(ctx, id)
		if err != nil {
			return found(err)
		}
		if account.Status != Active {
			return ErrNoSession
		}
		what := "signed-in"
		if old != nil {
			what = "identity-confirmed"
			row.CreatedAt = old.CreatedAt.Unix()
			if err := w.DeleteSession(ctx, old.digest); err != nil {
				return err
			}
		} else {
			if err := a.recognise(ctx, w, account, &from); err != nil {
				return err
			}
			account.SignedInAt = now.Unix()
			if err := w.PutAccount(ctx, account); err != nil {
				return err
			}
			if err := w.ForgetBefore(ctx, now.Add(-forget).Unix()); err != nil {
				return err
			}
		}
		u = userOf(account)
		if err := w.PutSession(ctx, row); err != nil {
			return err
		}
		return a.Desk.Record(ctx, w, id, what, method+", "+from.Address)
	})
	if err != nil {
		return Session{}, err
	}
	s := sessionOf(row, u)
	s.Token, s.Browser = token, from.Browser
	return s, nil
}

// cut shortens text to n bytes at most, between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Resume returns the session that a browser holds the token of, with its user
// as they are now, or [ErrNoSession]. It counts as use of the session unless
// quiet: what a page asks for by itself keeps nobody signed in.
func (a *Accounts) Resume(ctx context.Context, token string, quiet bool) (s Session, err error) {
	now := a.now()
	var row store.Session
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		if row, err = r.Session(ctx, digest(token)); err != nil {
			return err
		}
		account, err := r.Account(ctx, row.Account)
		if err != nil {
			return err
		}
		s = sessionOf(row, userOf(account))
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return Session{}, ErrNoSession
	}
	if err != nil {
		return Session{}, err
	}
	if s.User.Status != Active || !now.Before(s.EndsAt()) {
		return Session{}, ErrNoSession
	}
	if quiet || now.Sub(s.SeenAt) < touchAfter {
		return s, nil
	}
	s.SeenAt = now
	row.SeenAt = now.Unix()
	return s, a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		// Whoever was signed out meanwhile stays so.
		if _, err := w.Session(ctx, row.Digest); err != nil {
			return ErrNoSession
		}
		return w.PutSession(ctx, row)
	})
}

// Sessions returns the sessions of a user that go on, the newest first.
func (a *Accounts) Sessions(ctx context.Context, u User) (all []Session, err error) {
	now := a.now()
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		rows, err := r.Sessions(ctx, u.ID)
		for _, row := range rows {
			if s := sessionOf(row, u); now.Before(s.EndsAt()) {
				all = append(all, s)
			}
		}
		return err
	})
	return all, err
}

// SignOut ends a session.
func (a *Accounts) SignOut(ctx context.Context, s Session) error {
	return a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		if err := w.DeleteSession(ctx, s.digest); err != nil {
			return err
		}
		return a.Desk.Record(ctx, w, s.User.ID, "signed-out", s.Method)
	})
}

// EndSession ends one of a user's own sessions, named as [Session.ID] does.
func (a *Accounts) EndSession(ctx context.Context, u User, id string) error {
	all, err := a.Sessions(ctx, u)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(s Session) bool { return s.ID() == id })
	if i < 0 {
		return nil // it has ended by itself
	}
	return a.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		if err := w.DeleteSession(ctx, all[i].digest); err != nil {
			return err
		}
		return a.Desk.Record(ctx, w, u.ID, "session-ended", all[i].Method+", "+all[i].Address)
	})
}
