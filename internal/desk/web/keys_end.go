package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// heldKinds are the colours of who holds the keys.
var heldKinds = map[string]string{desk.KeysHere: "ok", desk.KeysAgent: "ok", desk.KeysLater: "info", desk.KeysNone: "warn"}

// revocations are the reasons for a revocation, as forms say them.
var revocations = map[string]pgp.Reason{"superseded": pgp.Superseded, "retired": pgp.Retired, "compromised": pgp.Compromised}

// custody fills in who holds the keys, and the State's own.
func (s *Server) custody(c *Call, v *keysView) error {
	held, err := s.Desk.KeysHeld()
	if err != nil {
		return err
	}
	v.Held = page.MakeTag(heldKinds[held], c.L.T("keys.held_"+held))
	v.Party, v.PartyKey = s.Desk.Party(), grouped(s.Desk.PartyKey())
	for _, reason := range []string{"superseded", "retired", "compromised"} {
		v.Reasons = append(v.Reasons, page.Choice{Value: reason, Label: c.L.T("keys.reason_" + reason), Hint: c.L.T("keys.effect_" + reason)})
	}
	return nil
}

// revocable are the subkeys that can be revoked: all of authorities that are not.
func (s *Server) revocable(c *Call) ([]page.Choice, error) {
	all, err := s.Desk.Keys()
	choices := []page.Choice{{Label: c.L.T("keys.choose_subkey")}}
	for _, k := range all {
		for _, sub := range k.Subkeys {
			if k.Authority != "" && sub.State != "revoked" && sub.State != "compromised" {
				choices = append(choices, page.Choice{Value: sub.Fingerprint, Label: k.Name() + " · " + c.L.T("keys.use."+sub.Use) + " · " + typed(sub.Fingerprint)})
			}
		}
	}
	return choices, err
}

// typed is the end of a fingerprint, which is typed to say that it is meant.
func typed(fingerprint string) string { return fingerprint[max(0, len(fingerprint)-8):] }

// keysRevoke takes a subkey out of use, and publishes why.
func (s *Server) keysRevoke(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	v := keysView{Form: page.Form{Values: in}}
	reason, ok := revocations[in.Get("reason")]
	if !ok {
		v.Form.Fail("reason", c.L.T("keys.choose_reason"))
	}
	r := desk.Revocation{Subkey: in.Get("subkey"), Reason: reason, Since: directory.At(c.Now)}
	all, err := s.Desk.Keys()
	if err != nil {
		return err
	}
	for _, k := range all {
		if slices.ContainsFunc(k.Subkeys, func(x desk.SubkeyInfo) bool { return x.Fingerprint == r.Subkey }) {
			r.Authority, r.Suite = k.Authority, k.Suite
		}
	}
	if r.Authority == "" {
		v.Form.Fail("subkey", c.L.T("keys.choose_subkey"))
	} else if !strings.EqualFold(strings.ReplaceAll(in.Get("typed"), " ", ""), typed(r.Subkey)) {
		v.Form.Fail("typed", c.L.T("keys.not_typed"))
	}
	if since := strings.TrimSpace(in.Get("since")); since != "" {
		t := day(since)
		if t.IsZero() || t.After(c.Now) {
			v.Form.Fail("since", c.L.T("keys.wrong_since", "Day", "2026-11-01"))
		}
		r.Since = directory.At(t)
	}
	if len(v.Form.Errors) > 0 {
		return s.showKeys(w, c, http.StatusUnprocessableEntity, v)
	}
	err = s.Desk.RevokeBy(c.Context(), c.User.Officer(), r)
	if errors.Is(err, pgp.ErrKey) {
		v.Form.Fail("subkey", c.L.T("keys.choose_subkey"))
		return s.showKeys(w, c, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "revoked", "keys")
}

// An oldKeysView is what the policy has destroyed.
type oldKeysView struct {
	Form     page.Form
	Party    string
	KeepDays int
	Before   time.Time
	Keys     []doomedLine
	Messages int
	Evidence int
}

// A doomedLine is a key that is to be destroyed.
type doomedLine struct {
	desk.DoomedKey
	Since time.Time
}

// keysOldPage shows what the policy would have destroyed, and what could then not be
// opened again.
func (s *Server) keysOldPage(w http.ResponseWriter, c *Call) error {
	return s.showOldKeys(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showOldKeys(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	policy, err := s.Desk.KeyPolicy()
	if err != nil {
		return err
	}
	v := oldKeysView{Form: form, Party: s.Desk.Party(), KeepDays: policy.KeepDays}
	before, err := s.Desk.DestroyBefore()
	if err != nil {
		return err
	}
	if !before.IsZero() {
		v.Before = c.At(before)
		plan, err := s.Desk.OldKeys(c.Context(), before)
		if err != nil {
			return err
		}
		for _, k := range plan.Keys {
			k.Fingerprint = grouped(k.Fingerprint)
			v.Keys = append(v.Keys, doomedLine{k, moment(c, k.Since)})
		}
		v.Messages = len(plan.Sealed)
		for _, m := range plan.Sealed {
			v.Evidence += m.Evidence
		}
	}
	return s.render(w, c, status, "keys-old.html", v)
}

// keysDestroy destroys what the policy says, for good.
func (s *Server) keysDestroy(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	before, err := s.Desk.DestroyBefore()
	if err != nil {
		return err
	}
	form := page.Form{Values: in}
	if before.IsZero() || !strings.EqualFold(strings.TrimSpace(in.Get("typed")), s.Desk.Party()) {
		form.Fail("typed", c.L.T("keys.not_typed"))
		return s.showOldKeys(w, c, http.StatusUnprocessableEntity, form)
	}
	if _, err := s.Desk.DestroyKeysBy(c.Context(), c.User.Officer(), before); err != nil {
		return err
	}
	return s.done(w, c, "destroyed", "keys.old")
}
