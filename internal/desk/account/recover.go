package account

import (
	"context"
	"errors"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
)

// RecoverFor is how long a proposal to recover an account can be confirmed.
const RecoverFor = 72 * time.Hour

// A Recovery is that an administrator asks for an account, whose holder lost what
// they sign in with, to be given a new invitation. Another administrator confirms
// it: nobody takes over somebody else's name alone.
type Recovery struct {
	By     string // id of the administrator
	ByName string
	At     time.Time
}

// Proposed returns what is proposed for an account, if anything is.
func (a *Accounts) Proposed(ctx context.Context, id string) (found Recovery, ok bool, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		row, err := a.proposed(ctx, r, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		found, ok = Recovery{row.By, row.ByName, time.Unix(row.At, 0).UTC()}, err == nil
		return err
	})
	return found, ok, err
}

// proposed returns what is proposed for an account and not over, or
// [store.ErrNotFound].
func (a *Accounts) proposed(ctx context.Context, r store.DeskReader, id string) (store.Recovery, error) {
	row, err := r.Recovery(ctx, id)
	if err == nil && a.now().Unix() >= time.Unix(row.At, 0).Add(RecoverFor).Unix() {
		err = store.ErrNotFound
	}
	return row, err
}

// ProposeRecovery asks for the recovery of an account. It needs a second
// administrator who can confirm it; where there is none, it is done on the machine
// itself: [Accounts.RecoverAtMachine].
func (a *Accounts) ProposeRecovery(ctx context.Context, by, id string) error {
	c := change{by: by, what: "user-recovery-proposed"}
	c.apply = func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		admin, err := administrator(ctx, w, by, id)
		if err != nil {
			return err
		}
		all, err := w.Accounts(ctx)
		if err != nil {
			return err
		}
		others := 0
		for _, other := range all {
			if other.ID != by && other.ID != id && administrates(other) {
				others++
			}
		}
		if others == 0 {
			return &Refusal{"user", RecoveryTwo}
		}
		if _, err := a.proposed(ctx, w, row.ID); !errors.Is(err, store.ErrNotFound) {
			return errors.Join(&Refusal{"user", RecoveryAsked}, err)
		}
		return w.PutRecovery(ctx, store.Recovery{Account: id, By: by, ByName: admin.Name, At: a.now().Unix()})
	}
	return a.change(ctx, id, c)
}

// ConfirmRecovery does what another administrator has proposed, and returns the
// code of the new invitation: password, second factor, passkeys and recovery codes
// are gone, and all sessions end.
func (a *Accounts) ConfirmRecovery(ctx context.Context, by, id string) (code string, err error) {
	c := change{by: by, what: "user-recovery-confirmed"}
	c.apply = func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		if _, err := administrator(ctx, w, by, id); err != nil {
			return err
		}
		asked, err := a.proposed(ctx, w, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return &Refusal{"user", RecoveryNone}
		case err != nil:
			return err
		case asked.By == by:
			return &Refusal{"user", RecoveryOwn}
		}
		code, err = a.reset(ctx, w, row)
		return errors.Join(err, w.DeleteRecovery(ctx, id))
	}
	err = a.change(ctx, id, c)
	return code, err
}

// WithdrawRecovery ends a proposal; every administrator may.
func (a *Accounts) WithdrawRecovery(ctx context.Context, by, id string) error {
	c := change{by: by, what: "user-recovery-withdrawn"}
	c.apply = func(ctx context.Context, w store.DeskWriter, _ *store.Account) error {
		if _, err := administrator(ctx, w, by, id); err != nil {
			return err
		}
		if _, err := a.proposed(ctx, w, id); err != nil {
			return &Refusal{"user", RecoveryNone}
		}
		return w.DeleteRecovery(ctx, id)
	}
	return a.change(ctx, id, c)
}

// RecoverAtMachine recovers an account without a second administrator, for whoever
// may enter the home: it is how the only administrator comes back. by names them in
// the desk's own log.
func (a *Accounts) RecoverAtMachine(ctx context.Context, by, id string) (code string, err error) {
	c := change{by: by, what: "user-recovered-at-the-machine"}
	c.apply = func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		code, err = a.reset(ctx, w, row)
		return errors.Join(err, w.DeleteRecovery(ctx, id))
	}
	err = a.change(ctx, id, c)
	return code, err
}

// Reinvite gives somebody who never signed in a new invitation.
func (a *Accounts) Reinvite(ctx context.Context, by, id string) (code string, err error) {
	c := change{by: by, what: "user-reset"}
	c.apply = func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		if _, err := administrator(ctx, w, by, id); err != nil {
			return err
		}
		if row.SignedInAt != 0 {
			return &Refusal{"user", RecoveryTwo}
		}
		code, err = a.reset(ctx, w, row)
		return err
	}
	err = a.change(ctx, id, c)
	return code, err
}

// reset takes a user's password, second factor, passkeys and recovery codes away,
// ends their sessions, and returns the code of a new invitation.
func (a *Accounts) reset(ctx context.Context, w store.DeskWriter, row *store.Account) (string, error) {
	row.Status, row.Password, row.TOTP, row.TOTPStep = Invited, "", nil, 0
	keys, err := w.Passkeys(ctx, row.ID)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		if err := w.DeletePasskey(ctx, row.ID, k.ID); err != nil {
			return "", err
		}
	}
	code, err := a.invite(ctx, w, row.ID, InviteFor)
	return code, errors.Join(err, w.PutRecoveryCodes(ctx, row.ID, nil), w.DeleteSessions(ctx, row.ID, nil), w.DeleteBrowsers(ctx, row.ID))
}

// administrator returns the administrator who acts on an account that is not their
// own.
func administrator(ctx context.Context, r store.DeskReader, by, id string) (store.Account, error) {
	if by == id {
		return store.Account{}, &Refusal{"user", OwnAccount}
	}
	row, err := r.Account(ctx, by)
	if err == nil && !administrates(row) || errors.Is(err, store.ErrNotFound) {
		err = userOf(row).Officer().Require(desk.Administrator)
	}
	return row, err
}
