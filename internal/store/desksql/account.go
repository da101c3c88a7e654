package desksql

import (
	"context"
	"database/sql"
	"errors"

	"github.com/entraide/entraide/internal/store"
)

const accountColumns = `id, login, name, roles, status, language, zone, shortcuts, password, totp, totp_step,
	coalesce(subject, ''), created_at_unix, signed_in_at_unix`

func scanAccount(r *sql.Rows, a *store.Account) error {
	return r.Scan(&a.ID, &a.Login, &a.Name, &a.Roles, &a.Status, &a.Language, &a.Zone, &a.Shortcuts, &a.Password,
		&a.TOTP, &a.TOTPStep, &a.Subject, &a.CreatedAt, &a.SignedInAt)
}

// Account implements [store.AccountReader].
func (v *Reader) Account(ctx context.Context, id string) (store.Account, error) {
	return store.One(list(ctx, v, "an account", scanAccount, `SELECT `+accountColumns+` FROM account WHERE id = ?1`, id))
}

// AccountByLogin implements [store.AccountReader].
func (v *Reader) AccountByLogin(ctx context.Context, login string) (store.Account, error) {
	return store.One(list(ctx, v, "an account", scanAccount, `SELECT `+accountColumns+` FROM account WHERE login = ?1`, login))
}

// AccountBySubject implements [store.AccountReader].
func (v *Reader) AccountBySubject(ctx context.Context, subject string) (store.Account, error) {
	return store.One(list(ctx, v, "an account", scanAccount, `SELECT `+accountColumns+` FROM account WHERE subject = ?1`, subject))
}

// Accounts implements [store.AccountReader].
func (v *Reader) Accounts(ctx context.Context) ([]store.Account, error) {
	return list(ctx, v, "accounts", scanAccount, `SELECT `+accountColumns+` FROM account ORDER BY login`)
}

const passkeyColumns = `id, account_id, name, data, created_at_unix, used_at_unix` //nolint:gosec // names of columns

func scanPasskey(r *sql.Rows, p *store.Passkey) error {
	return r.Scan(&p.ID, &p.Account, &p.Name, &p.Data, &p.CreatedAt, &p.UsedAt)
}

// Passkeys implements [store.AccountReader].
func (v *Reader) Passkeys(ctx context.Context, account string) ([]store.Passkey, error) {
	return list(ctx, v, "passkeys", scanPasskey,
		`SELECT `+passkeyColumns+` FROM account_passkey WHERE account_id = ?1 ORDER BY created_at_unix, id`, account)
}

// Passkey implements [store.AccountReader].
func (v *Reader) Passkey(ctx context.Context, id []byte) (store.Passkey, error) {
	return store.One(list(ctx, v, "a passkey", scanPasskey,
		`SELECT `+passkeyColumns+` FROM account_passkey WHERE id = ?1`, store.Blob(id)))
}

// RecoveryCodes implements [store.AccountReader].
func (v *Reader) RecoveryCodes(ctx context.Context, account string) ([]store.RecoveryCode, error) {
	return list(ctx, v, "recovery codes", func(r *sql.Rows, c *store.RecoveryCode) error {
		return r.Scan(&c.Account, &c.Digest)
	}, `SELECT account_id, digest FROM account_code WHERE account_id = ?1 ORDER BY digest`, account)
}

const sessionColumns = `digest, account_id, method, created_at_unix, seen_at_unix, confirmed_at_unix, address, agent`

func scanSession(r *sql.Rows, s *store.Session) error {
	return r.Scan(&s.Digest, &s.Account, &s.Method, &s.CreatedAt, &s.SeenAt, &s.ConfirmedAt, &s.Address, &s.Agent)
}

// Session implements [store.AccountReader].
func (v *Reader) Session(ctx context.Context, digest []byte) (store.Session, error) {
	return store.One(list(ctx, v, "a session", scanSession,
		`SELECT `+sessionColumns+` FROM account_session WHERE digest = ?1`, store.Blob(digest)))
}

// Sessions implements [store.AccountReader].
func (v *Reader) Sessions(ctx context.Context, account string) ([]store.Session, error) {
	return list(ctx, v, "sessions", scanSession,
		`SELECT `+sessionColumns+` FROM account_session WHERE account_id = ?1 ORDER BY created_at_unix DESC, digest`, account)
}

// Failures implements [store.AccountReader].
func (v *Reader) Failures(ctx context.Context, login []byte) (store.Failures, error) {
	f, err := store.One(list(ctx, v, "failures", func(r *sql.Rows, f *store.Failures) error {
		return r.Scan(&f.Login, &f.Count, &f.At, &f.Until)
	}, `SELECT login, count, at_unix, until_unix FROM account_failure WHERE login = ?1`, store.Blob(login)))
	if errors.Is(err, store.ErrNotFound) {
		return store.Failures{Login: login}, nil
	}
	return f, err
}

// Invitation implements [store.AccountReader].
func (v *Reader) Invitation(ctx context.Context, digest []byte) (store.Invitation, error) {
	return store.One(list(ctx, v, "an invitation", func(r *sql.Rows, i *store.Invitation) error {
		return r.Scan(&i.Digest, &i.Account, &i.TOTP, &i.ExpiresAt)
	}, `SELECT digest, account_id, totp, expires_at_unix FROM account_invitation WHERE digest = ?1`, store.Blob(digest)))
}

// PutAccount implements [store.AccountWriter].
func (w *Writer) PutAccount(ctx context.Context, a store.Account) error {
	err := w.exec(ctx, "an account", `INSERT INTO account (id, login, name, roles, status, language, zone, shortcuts,
			password, totp, totp_step, subject, created_at_unix, signed_in_at_unix)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, nullif(?12, ''), ?13, ?14)
		ON CONFLICT (id) DO UPDATE SET login = excluded.login, name = excluded.name, roles = excluded.roles,
			status = excluded.status, language = excluded.language, zone = excluded.zone, shortcuts = excluded.shortcuts,
			password = excluded.password, totp = excluded.totp, totp_step = excluded.totp_step,
			subject = excluded.subject, signed_in_at_unix = excluded.signed_in_at_unix`,
		a.ID, a.Login, a.Name, a.Roles, a.Status, a.Language, a.Zone, a.Shortcuts, a.Password, store.Blob(a.TOTP), a.TOTPStep,
		a.Subject, a.CreatedAt, a.SignedInAt)
	if w.engine.Taken(err) {
		return store.ErrTaken
	}
	return err
}

// PutPasskey implements [store.AccountWriter].
func (w *Writer) PutPasskey(ctx context.Context, p store.Passkey) error {
	return w.exec(ctx, "a passkey", `INSERT INTO account_passkey (`+passkeyColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, data = excluded.data, used_at_unix = excluded.used_at_unix
		WHERE account_passkey.account_id = excluded.account_id`,
		store.Blob(p.ID), p.Account, p.Name, store.Blob(p.Data), p.CreatedAt, p.UsedAt)
}

// DeletePasskey implements [store.AccountWriter].
func (w *Writer) DeletePasskey(ctx context.Context, account string, id []byte) error {
	return w.exec(ctx, "a passkey", `DELETE FROM account_passkey WHERE account_id = ?1 AND id = ?2`, account, store.Blob(id))
}

// PutRecoveryCodes implements [store.AccountWriter].
func (w *Writer) PutRecoveryCodes(ctx context.Context, account string, codes []store.RecoveryCode) error {
	if err := w.exec(ctx, "recovery codes", `DELETE FROM account_code WHERE account_id = ?1`, account); err != nil {
		return err
	}
	for _, c := range codes {
		if err := w.exec(ctx, "recovery codes", `INSERT INTO account_code (account_id, digest) VALUES (?1, ?2)`,
			account, store.Blob(c.Digest)); err != nil {
			return err
		}
	}
	return nil
}

// SpendRecoveryCode implements [store.AccountWriter].
func (w *Writer) SpendRecoveryCode(ctx context.Context, c store.RecoveryCode) error {
	n, err := w.changed(ctx, "recovery codes", `DELETE FROM account_code WHERE account_id = ?1 AND digest = ?2`, c.Account, store.Blob(c.Digest))
	if err != nil || n != 1 {
		return errors.Join(store.ErrNotFound, err)
	}
	return nil
}

// PutSession implements [store.AccountWriter].
func (w *Writer) PutSession(ctx context.Context, s store.Session) error {
	return w.exec(ctx, "a session", `INSERT INTO account_session (`+sessionColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
		ON CONFLICT (digest) DO UPDATE SET seen_at_unix = excluded.seen_at_unix, confirmed_at_unix = excluded.confirmed_at_unix`,
		store.Blob(s.Digest), s.Account, s.Method, s.CreatedAt, s.SeenAt, s.ConfirmedAt, s.Address, s.Agent)
}

// DeleteSession implements [store.AccountWriter].
func (w *Writer) DeleteSession(ctx context.Context, digest []byte) error {
	return w.exec(ctx, "a session", `DELETE FROM account_session WHERE digest = ?1`, store.Blob(digest))
}

// DeleteSessions implements [store.AccountWriter].
func (w *Writer) DeleteSessions(ctx context.Context, account string, except []byte) error {
	return w.exec(ctx, "sessions", `DELETE FROM account_session WHERE account_id = ?1 AND digest <> ?2`, account, store.Blob(except))
}

// PutFailures implements [store.AccountWriter].
func (w *Writer) PutFailures(ctx context.Context, f store.Failures) error {
	return w.put(ctx, "failures", "account_failure", "login", "count, at_unix, until_unix", store.Blob(f.Login), f.Count, f.At, f.Until)
}

// DeleteFailures implements [store.AccountWriter].
func (w *Writer) DeleteFailures(ctx context.Context, login []byte) error {
	return w.exec(ctx, "failures", `DELETE FROM account_failure WHERE login = ?1`, store.Blob(login))
}

// PutInvitation implements [store.AccountWriter].
func (w *Writer) PutInvitation(ctx context.Context, i store.Invitation) error {
	return w.put(ctx, "an invitation", "account_invitation", "account_id", "digest, totp, expires_at_unix", i.Account, store.Blob(i.Digest), store.Blob(i.TOTP), i.ExpiresAt)
}

// DeleteInvitation implements [store.AccountWriter].
func (w *Writer) DeleteInvitation(ctx context.Context, account string) error {
	return w.exec(ctx, "an invitation", `DELETE FROM account_invitation WHERE account_id = ?1`, account)
}

// ForgetBefore implements [store.AccountWriter].
func (w *Writer) ForgetBefore(ctx context.Context, at int64) error {
	args := []any{at}
	return w.all(ctx, "what is over", []statement{
		{`DELETE FROM account_session WHERE created_at_unix < ?1`, args},
		{`DELETE FROM account_failure WHERE at_unix < ?1`, args},
		{`DELETE FROM account_invitation WHERE expires_at_unix < ?1`, args},
		{`DELETE FROM account_alert WHERE at_unix < ?1 AND seen_at_unix > 0`, args},
		{`DELETE FROM account_browser WHERE used_at_unix < ?1`, args},
		{`DELETE FROM account_recovery WHERE at_unix < ?1`, args},
	})
}
