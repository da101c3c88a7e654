package store

import (
	"context"
	"errors"
)

// ErrTaken says that another account has the login or the subject.
var ErrTaken = errors.New("store: another has this name")

// An AccountReader is a view of the people who may sign in at a desk.
type AccountReader interface {
	// Account returns an account by its id, AccountByLogin by the name somebody
	// signs in with, AccountBySubject by who they are at the State's identity
	// provider; or ErrNotFound.
	Account(ctx context.Context, id string) (Account, error)
	AccountByLogin(ctx context.Context, login string) (Account, error)
	AccountBySubject(ctx context.Context, subject string) (Account, error)
	// Accounts returns all accounts by login.
	Accounts(ctx context.Context) ([]Account, error)
	// Passkeys returns the passkeys of an account, oldest first.
	Passkeys(ctx context.Context, account string) ([]Passkey, error)
	// Passkey returns a passkey by its credential id, or ErrNotFound.
	Passkey(ctx context.Context, id []byte) (Passkey, error)
	// RecoveryCodes returns the recovery codes of an account that are unused.
	RecoveryCodes(ctx context.Context, account string) ([]RecoveryCode, error)
	// Session returns a session by the digest of its token, or ErrNotFound.
	Session(ctx context.Context, digest []byte) (Session, error)
	// Sessions returns the sessions of an account, the newest first.
	Sessions(ctx context.Context, account string) ([]Session, error)
	// Failures returns what went wrong with signing in under a name lately; the
	// zero value if nothing.
	Failures(ctx context.Context, login []byte) (Failures, error)
	// Invitation returns an invitation by the digest of its code, or ErrNotFound.
	Invitation(ctx context.Context, digest []byte) (Invitation, error)
}

// An AccountWriter changes them within one Write.
type AccountWriter interface {
	// PutAccount inserts or replaces an account; ErrTaken if another has its
	// login or its subject.
	PutAccount(ctx context.Context, a Account) error
	// PutPasskey inserts a passkey or replaces what is known of it.
	PutPasskey(ctx context.Context, p Passkey) error
	DeletePasskey(ctx context.Context, account string, id []byte) error
	// PutRecoveryCodes replaces all codes of an account.
	PutRecoveryCodes(ctx context.Context, account string, codes []RecoveryCode) error
	// SpendRecoveryCode removes a code; ErrNotFound if it was spent before.
	SpendRecoveryCode(ctx context.Context, code RecoveryCode) error
	// PutSession inserts a session or replaces what is known of it.
	PutSession(ctx context.Context, s Session) error
	// DeleteSession ends a session.
	DeleteSession(ctx context.Context, digest []byte) error
	// DeleteSessions ends the sessions of an account but for one; nil for all.
	DeleteSessions(ctx context.Context, account string, except []byte) error
	PutFailures(ctx context.Context, f Failures) error
	DeleteFailures(ctx context.Context, login []byte) error
	// PutInvitation replaces the invitation of an account.
	PutInvitation(ctx context.Context, i Invitation) error
	DeleteInvitation(ctx context.Context, account string) error
	// ForgetBefore removes sessions begun, failures last seen and invitations
	// that ended before a time (Unix seconds).
	ForgetBefore(ctx context.Context, at int64) error
}

// An Account is somebody who may sign in at a desk.
type Account struct {
	ID         string // never changes
	Login      string // what they sign in with
	Name       string // for people to read
	Roles      string // separated by spaces
	Status     string // invited, active, disabled
	Language   string // tag; empty for the browser's
	Zone       string // name of a time zone; empty for UTC
	Shortcuts  bool   // single keys work on pages
	Password   string // Argon2id in PHC form; empty without one
	TOTP       []byte // secret of the second factor; empty without one
	TOTPStep   int64  // the newest time step whose code was taken
	Subject    string // at the identity provider: issuer, space, subject; empty without
	CreatedAt  int64  // Unix seconds
	SignedInAt int64  // Unix seconds; 0 before the first time
}

// A Passkey is a WebAuthn credential.
type Passkey struct {
	ID        []byte
	Account   string
	Name      string
	Data      []byte // the credential, as JSON
	CreatedAt int64  // Unix seconds
	UsedAt    int64  // Unix seconds; 0 before the first time
}

// A RecoveryCode is the digest of a code that works once.
type RecoveryCode struct {
	Account string
	Digest  []byte
}

// A Session is one browser in which somebody is signed in. Its token is not
// stored.
type Session struct {
	Digest      []byte // SHA-256 of the token
	Account     string
	Method      string // how they signed in: password, passkey, provider
	CreatedAt   int64  // Unix seconds
	SeenAt      int64  // Unix seconds
	ConfirmedAt int64  // when they last proved who they are; Unix seconds
	Address     string // network address
	Agent       string // what the browser calls itself
}

// Failures are unsuccessful attempts to sign in under one name, whether or not
// somebody has it.
type Failures struct {
	Login []byte // SHA-256 of the name
	Count int64
	At    int64 // the last; Unix seconds
	Until int64 // no attempt is looked at before; Unix seconds
}

// An Invitation lets somebody choose their password, once.
type Invitation struct {
	Digest    []byte // SHA-256 of the code
	Account   string
	TOTP      []byte // secret of the second factor to be set up
	ExpiresAt int64  // Unix seconds
}
