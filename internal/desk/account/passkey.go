package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/entraide/entraide/internal/store"
)

// ceremony is how long somebody may take over a passkey.
const ceremony = 5 * time.Minute

// Passkeys are the passkeys (WebAuthn, level 3) of a desk's users at the
// address where its pages are.
type Passkeys struct {
	*Accounts
	party *webauthn.WebAuthn
}

// A Ceremony is what the desk remembers between the two halves of a use of a
// passkey. Options are for the browser.
type Ceremony struct {
	Options json.RawMessage
	data    webauthn.SessionData
}

// Passkeys returns the passkeys of users of the pages at an origin such as
// https://desk.example.
func (a *Accounts) Passkeys(origin string) (*Passkeys, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	within := webauthn.TimeoutConfig{Enforce: true, Timeout: ceremony, TimeoutUVD: ceremony}
	resident := true
	party, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "Entraide " + a.Desk.Party(), RPOrigins: []string{origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &resident, ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: within, Registration: within},
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys at %s: %w", origin, err)
	}
	return &Passkeys{a, party}, nil
}

// A holder is a user as WebAuthn knows them.
type holder struct {
	id, login, name string
	keys            []webauthn.Credential
}

func (h *holder) WebAuthnID() []byte                         { return []byte(h.id) }
func (h *holder) WebAuthnName() string                       { return h.login }
func (h *holder) WebAuthnDisplayName() string                { return h.name }
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

// holder reads an account with its passkeys.
func (p *Passkeys) holder(ctx context.Context, r store.DeskReader, id string) (*holder, error) {
	account, err := r.Account(ctx, id)
	if err != nil {
		return nil, found(err)
	}
	if account.Status != Active {
		return nil, ErrRefused
	}
	rows, err := r.Passkeys(ctx, id)
	if err != nil {
		return nil, err
	}
	h := &holder{id: id, login: account.Login, name: account.Name}
	for _, row := range rows {
		var key webauthn.Credential
		if err := json.Unmarshal(row.Data, &key); err != nil {
			return nil, fmt.Errorf("reading a passkey: %w", err)
		}
		h.keys = append(h.keys, key)
	}
	return h, nil
}

// BeginAdding begins the making of a passkey for a user.
func (p *Passkeys) BeginAdding(ctx context.Context, u User) (c Ceremony, err error) {
	var h *holder
	err = p.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		h, err = p.holder(ctx, r, u.ID)
		return err
	})
	if err != nil {
		return c, err
	}
	options, session, err := p.party.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.keys).CredentialDescriptors()))
	if err != nil {
		return c, err
	}
	return remember(options.Response, session)
}

// remember keeps what both halves of a ceremony need.
func remember(options any, session *webauthn.SessionData) (Ceremony, error) {
	text, err := json.Marshal(options)
	return Ceremony{Options: text, data: *session}, err
}

// Add keeps the passkey that a browser has made, under a name by which its
// user knows it again.
func (p *Passkeys) Add(ctx context.Context, u User, c Ceremony, name string, answer []byte) error {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return ErrRefused
	}
	if name = strings.TrimSpace(name); checkName(name) != nil {
		return &Refusal{"name", NameForm}
	}
	return p.change(ctx, u.ID, change{by: u.ID, begun: u.begun, what: "passkey-added", apply: func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		h, err := p.holder(ctx, w, u.ID)
		if err != nil {
			return err
		}
		key, err := p.party.CreateCredential(h, c.data, parsed)
		if err != nil || !key.Flags.UserVerified {
			return ErrRefused
		}
		data, err := json.Marshal(key)
		if err != nil {
			return err
		}
		if _, err := w.Passkey(ctx, key.ID); !errors.Is(err, store.ErrNotFound) {
			return errors.Join(ErrRefused, err)
		}
		return w.PutPasskey(ctx, store.Passkey{ID: key.ID, Account: row.ID, Name: name, Data: data, CreatedAt: p.now().Unix()})
	}})
}

// BeginUse begins a sign-in, or a confirmation, with a passkey.
func (p *Passkeys) BeginUse() (Ceremony, error) {
	options, session, err := p.party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Ceremony{}, err
	}
	return remember(options.Response, session)
}

// SignIn begins a session for whoever holds the passkey that a browser has
// used. It returns [ErrRefused] for every answer that does not verify.
func (p *Passkeys) SignIn(ctx context.Context, c Ceremony, answer []byte, from From) (Session, error) {
	id, err := p.verify(ctx, c, answer, from)
	if err != nil {
		return Session{}, err
	}
	return p.begin(ctx, id, ByPasskey, from, nil)
}

// Confirm proves anew that the person at a session is its user.
func (p *Passkeys) Confirm(ctx context.Context, s Session, c Ceremony, answer []byte, from From) (Session, error) {
	id, err := p.verify(ctx, c, answer, from)
	if err != nil {
		return Session{}, err
	}
	if id != s.User.ID {
		return Session{}, ErrRefused
	}
	return p.begin(ctx, id, s.Method, from, &s)
}

// verify returns whose passkey has answered, and keeps its counter.
func (p *Passkeys) verify(ctx context.Context, c Ceremony, answer []byte, from From) (id string, err error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return "", ErrRefused
	}
	verified := false
	err = p.Desk.Store().Write(ctx, func(w store.DeskWriter) error {
		key, err := p.validate(ctx, w, c, parsed)
		if err != nil {
			return err
		}
		if key == nil || !key.Flags.UserVerified || key.Authenticator.CloneWarning {
			return p.Desk.Record(ctx, w, nobodyYet, "sign-in-refused", "passkey, "+from.Address)
		}
		row, err := w.Passkey(ctx, key.ID)
		if err != nil {
			return err
		}
		if row.Data, err = json.Marshal(key); err != nil {
			return err
		}
		row.UsedAt = p.now().Unix()
		id, verified = row.Account, true
		return w.PutPasskey(ctx, row)
	})
	if err == nil && !verified {
		err = ErrRefused
	}
	return id, err
}

// validate returns the passkey that has answered, or nil if none of ours has.
func (p *Passkeys) validate(ctx context.Context, r store.DeskReader, c Ceremony, parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	var outage error
	find := func(rawID, handle []byte) (webauthn.User, error) {
		row, err := r.Passkey(ctx, rawID)
		if err == nil && row.Account != string(handle) {
			err = store.ErrNotFound
		}
		var h *holder
		if err == nil {
			h, err = p.holder(ctx, r, row.Account)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoAccount) {
			outage = err
		}
		return h, err
	}
	_, key, err := p.party.ValidatePasskeyLogin(find, c.data, parsed)
	if err != nil {
		return nil, outage
	}
	return key, nil
}

// A Passkey is one as its user sees it.
type Passkey struct {
	ID        string
	Name      string
	CreatedAt time.Time
	UsedAt    time.Time // zero before the first time
}

// ListPasskeys returns a user's passkeys, oldest first.
func (a *Accounts) ListPasskeys(ctx context.Context, u User) (all []Passkey, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		rows, err := r.Passkeys(ctx, u.ID)
		for _, row := range rows {
			key := Passkey{
				ID: base64.RawURLEncoding.EncodeToString(row.ID), Name: row.Name, CreatedAt: time.Unix(row.CreatedAt, 0).UTC(),
			}
			if row.UsedAt != 0 {
				key.UsedAt = time.Unix(row.UsedAt, 0).UTC()
			}
			all = append(all, key)
		}
		return err
	})
	return all, err
}

// RemovePasskey removes one of a user's passkeys, unless they could not sign
// in without it.
func (a *Accounts) RemovePasskey(ctx context.Context, u User, id string) error {
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return ErrNoAccount
	}
	return a.change(ctx, u.ID, change{by: u.ID, begun: u.begun, what: "passkey-removed", apply: func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
		keys, err := w.Passkeys(ctx, u.ID)
		if err != nil {
			return err
		}
		if len(keys) == 1 && row.Password == "" && row.Subject == "" {
			return &Refusal{"passkey", LastFactor}
		}
		return w.DeletePasskey(ctx, u.ID, raw)
	}})
}
