package account

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
)

// alerting are the changes of an account that its holder is told of, with the kind
// of the alert.
var alerting = map[string]string{
	"password-changed":              "password_changed",
	"second-factor-set":             "factor_set",
	"passkey-added":                 "passkey_added",
	"passkey-removed":               "passkey_removed",
	"recovery-codes-made":           "codes_made",
	"roles-changed":                 "changed",
	"user-changed":                  "changed",
	"user-disabled":                 "disabled",
	"user-recovery-proposed":        "recovery_proposed",
	"user-recovery-withdrawn":       "recovery_withdrawn",
	"user-recovery-confirmed":       "recovered",
	"user-recovered-at-the-machine": "recovered",
}

// An Alert tells a holder what happened to their account.
type Alert struct {
	ID      int64     `json:"id"`
	Kind    string    `json:"kind"` // the sentence is "security.alert_" and the kind
	At      time.Time `json:"at"`
	Address string    `json:"address,omitempty"` // empty if it is not known
	Agent   string    `json:"agent,omitempty"`
	Seen    bool      `json:"seen"`
}

// alert tells the holder of an account, on their pages and, if they are notified,
// by a notice that does not say what of.
func (a *Accounts) alert(ctx context.Context, w store.DeskWriter, id string, alert store.Alert) error {
	alert.Account, alert.At = id, a.now().Unix()
	if err := w.PutAlert(ctx, alert); err != nil {
		return err
	}
	return a.Desk.Notify(ctx, w, id, desk.EventAccount)
}

// alertFrom is an alert of what somebody did who sits somewhere.
func alertFrom(kind string, from From) store.Alert {
	return store.Alert{Kind: kind, Address: from.Address, Agent: cut(from.Agent, maxAgent)}
}

// recognise gives a browser a secret by which it is known again, and tells the
// holder of an account that was used before of a browser that was not.
func (a *Accounts) recognise(ctx context.Context, w store.DeskWriter, row store.Account, from *From) error {
	if from.Browser == "" {
		from.Browser = rand.Text()
	}
	now := a.now().Unix()
	known, err := w.PutBrowser(ctx, row.ID, digest(from.Browser), now)
	if err != nil || known || row.SignedInAt == 0 {
		return err
	}
	alert := alertFrom("new_browser", *from)
	alert.Begun = now
	return a.alert(ctx, w, row.ID, alert)
}

// Alerts returns what a user was told of their account, the newest first.
func (a *Accounts) Alerts(ctx context.Context, u User) (all []Alert, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		rows, err := r.Alerts(ctx, u.ID)
		for _, row := range rows {
			all = append(all, alertOf(row))
		}
		return err
	})
	return all, err
}

func alertOf(row store.Alert) Alert {
	return Alert{row.ID, row.Kind, time.Unix(row.At, 0).UTC(), row.Address, row.Agent, row.SeenAt != 0}
}

// Unseen returns the newest alert that a user has not said to have seen, but for
// what they did in the session that asks.
func (a *Accounts) Unseen(ctx context.Context, s Session) (newest Alert, found bool, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		rows, err := r.Alerts(ctx, s.User.ID)
		for _, row := range rows {
			if row.SeenAt == 0 && row.Begun != s.CreatedAt.Unix() {
				newest, found = alertOf(row), true
				break
			}
		}
		return err
	})
	return newest, found, err
}

// SeeAlerts notes that a user has seen their alerts, up to one.
func (a *Accounts) SeeAlerts(ctx context.Context, u User, last int64) error {
	return a.Desk.Store().Write(ctx, func(w store.DeskWriter) error { return w.SeeAlerts(ctx, u.ID, last, a.now().Unix()) })
}
