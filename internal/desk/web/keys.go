package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
)

// keyRoutes are the State's own keys.
var keyRoutes = []Route{
	{Name: "keys", Method: http.MethodGet, Path: "/keys", Who: Roles(desk.KeyCustodian, desk.NationalAuditor), Handle: (*Server).keysPage},
	{Name: "keys.revoke", Method: http.MethodPost, Path: "/keys/revoke", Who: Roles(desk.KeyCustodian), Fresh: true, Handle: (*Server).keysRevoke},
	{Name: "keys.old", Method: http.MethodGet, Path: "/keys/old", Who: Roles(desk.KeyCustodian), Handle: (*Server).keysOldPage},
	{Name: "keys.destroy", Method: http.MethodPost, Path: "/keys/old", Who: Roles(desk.KeyCustodian), Fresh: true, Handle: (*Server).keysDestroy},
	{Name: "keys.rotate", Method: http.MethodPost, Path: "/keys/rotate", Who: Roles(desk.KeyCustodian), Fresh: true, Handle: (*Server).keysRotate},
}

// A keysView is the page of the State's own keys.
type keysView struct {
	Form     page.Form
	Notices  []noticeLine
	Keys     []ownKey
	Own      []page.Choice // authorities
	Policy   desk.KeyPolicy
	Shares   int // of the recovery; 0 for none
	Needed   int
	Recovery time.Time // when it was set up
	May      bool
	Held     page.Tag      // who holds the keys
	Party    string        // code of the State
	PartyKey string        // its fingerprint, in groups
	Subkeys  []page.Choice // that can be revoked
	Reasons  []page.Choice
}

// A noticeLine is what ends or is due.
type noticeLine struct {
	desk.KeyNotice
	Ends time.Time
	Kind page.Tag
}

// An ownKey is a key of this home.
type ownKey struct {
	Name, Fingerprint string
	Expires           time.Time
	Subkeys           []ownSubkey
}

// An ownSubkey is a part of a key.
type ownSubkey struct {
	Use         string
	Made        time.Time
	State       page.Tag
	Fingerprint string
}

// keysPage shows the State's own keys. It unlocks nothing.
func (s *Server) keysPage(w http.ResponseWriter, c *Call) error {
	return s.showKeys(w, c, http.StatusOK, keysView{})
}

func (s *Server) showKeys(w http.ResponseWriter, c *Call, status int, v keysView) error {
	v.May = s.routes["keys.rotate"].Who.allows(c.User)
	notices, err := s.Desk.KeyNotices()
	if err != nil {
		return err
	}
	for _, n := range notices {
		line := noticeLine{KeyNotice: n, Ends: moment(c, n.At), Kind: page.MakeTag("info", c.L.T("keys.notice"))}
		switch {
		case n.Level <= 1:
			line.Kind = page.MakeTag("bad", c.L.T("keys.notice_now"))
		case n.Level <= 30:
			line.Kind = page.MakeTag("warn", c.L.T("keys.notice_soon"))
		}
		v.Notices = append(v.Notices, line)
	}
	if v.Keys, err = s.ownKeys(c); err != nil {
		return err
	}
	if v.Subkeys, err = s.revocable(c); err != nil {
		return err
	}
	ids, err := s.Desk.Authorities()
	if err != nil {
		return err
	}
	for _, id := range ids {
		v.Own = append(v.Own, page.Choice{Value: id, Label: id})
	}
	if v.Policy, err = s.Desk.KeyPolicy(); err != nil {
		return err
	}
	if err := s.custody(c, &v); err != nil {
		return err
	}
	r, err := s.Desk.Recovery()
	switch {
	case err == nil:
		v.Shares, v.Needed, v.Recovery = r.Shares, r.Threshold, c.At(time.Unix(r.Made, 0))
	case !errors.Is(err, desk.ErrNoRecovery):
		return err
	}
	return s.render(w, c, status, "keys.html", v)
}

// ownKeys are the keys of this home.
func (s *Server) ownKeys(c *Call) ([]ownKey, error) {
	all, err := s.Desk.Keys()
	var keys []ownKey
	for _, k := range all {
		key := ownKey{Name: k.Name(), Fingerprint: grouped(k.Fingerprint), Expires: moment(c, k.Expires)}
		for _, sub := range k.Subkeys {
			kind := map[string]string{"in use": "ok", "compromised": "bad", "revoked": "warn"}[sub.State]
			if kind == "" {
				kind = "plain"
			}
			state := map[string]string{"in use": "in_use"}[sub.State]
			if state == "" {
				state = sub.State
			}
			key.Subkeys = append(key.Subkeys, ownSubkey{
				Use: c.L.T("keys.use." + sub.Use), Made: moment(c, sub.Created), State: page.MakeTag(kind, c.L.T("keys.state."+state)), Fingerprint: grouped(sub.Fingerprint),
			})
		}
		keys = append(keys, key)
	}
	return keys, err
}

// keysRotate makes new subkeys of an authority and publishes them.
func (s *Server) keysRotate(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	r := desk.Rotation{Authority: in.Get("authority"), Encryption: in.Has("encryption"), Signing: in.Has("signing")}
	v := keysView{Form: page.Form{Values: in}}
	ids, err := s.Desk.Authorities()
	if err != nil {
		return err
	}
	known := false
	for _, id := range ids {
		known = known || id == r.Authority
	}
	if !known {
		v.Form.Fail("authority", c.L.T("keys.choose"))
	}
	if !r.Encryption && !r.Signing {
		v.Form.Fail("encryption", c.L.T("keys.choose_use"))
	}
	if len(v.Form.Errors) > 0 {
		return s.showKeys(w, c, http.StatusUnprocessableEntity, v)
	}
	if err := s.Desk.RotateBy(c.Context(), c.User.Officer(), r); err != nil {
		return err
	}
	return s.done(w, c, "rotated", "keys")
}
