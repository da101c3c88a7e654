package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

// A ProviderConfig names the State's identity provider (OpenID Connect).
type ProviderConfig struct {
	Name       string `toml:"name"`        // what officers call it
	Issuer     string `toml:"issuer"`      // https address
	ClientID   string `toml:"client_id"`   // of this desk
	SecretFile string `toml:"secret_file"` // holds the secret of the client; empty for a public client
	// ACR lists the kinds of authentication (acr) of which one must have been
	// used; empty takes any.
	ACR []string `toml:"acr"`
}

// A Provider is the State's identity provider. It says who somebody is; what
// they may do, this desk says.
type Provider struct {
	config   ProviderConfig
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
}

// providerTimeout bounds one question to the identity provider.
const providerTimeout = 10 * time.Second

// NewProvider asks an identity provider for its description. origin is that of
// the desk's pages.
func NewProvider(ctx context.Context, config ProviderConfig, origin string) (*Provider, error) {
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	found, err := oidc.NewProvider(ctx, config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("the identity provider: %w", err)
	}
	secret := ""
	if config.SecretFile != "" {
		data, err := os.ReadFile(config.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("the secret for the identity provider: %w", err)
		}
		secret = strings.TrimSpace(string(data))
	}
	return &Provider{
		config:   config,
		verifier: found.Verifier(&oidc.Config{ClientID: config.ClientID}),
		oauth: oauth2.Config{
			ClientID: config.ClientID, ClientSecret: secret, Endpoint: found.Endpoint(),
			RedirectURL: origin + "/sign-in/provider/back", Scopes: []string{oidc.ScopeOpenID},
		},
	}, nil
}

// name is what officers call the provider; empty if there is none.
func (p *Provider) name() string {
	if p == nil {
		return ""
	}
	return p.config.Name
}

// A journey is a way to the identity provider and back.
type journey struct {
	state, nonce, verifier string
	next                   string
	officer                string // who proves anew who they are; empty when signing in
	began                  time.Time
}

// providerBegin sends the browser to the identity provider. It is a GET,
// because a form may lead nowhere but to this desk.
func (s *Server) providerBegin(w http.ResponseWriter, c *Call) error {
	if s.Provider == nil {
		return problem.New(problem.NotFound, "", "This desk has no identity provider.")
	}
	j := journey{
		state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), next: page.Next(c.URL.Query().Get("next")),
		officer: c.User.ID, began: c.Now,
	}
	s.ceremonies.keep(w, c.Now, j)
	options := []oauth2.AuthCodeOption{oidc.Nonce(j.nonce), oauth2.S256ChallengeOption(j.verifier)}
	if len(s.Provider.config.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(s.Provider.config.ACR, " ")))
	}
	if j.officer != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	http.Redirect(w, c.Request, s.Provider.oauth.AuthCodeURL(j.state, options...), http.StatusSeeOther)
	return nil
}

// providerBack takes whoever comes back from the identity provider.
func (s *Server) providerBack(w http.ResponseWriter, c *Call) error {
	if s.Provider == nil {
		return problem.New(problem.NotFound, "", "This desk has no identity provider.")
	}
	j, ok := recall[journey](s.ceremonies, c, true)
	query := c.URL.Query()
	if !ok || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(j.state)) != 1 || j.officer != c.User.ID {
		return s.entered(w, c, account.Session{}, account.ErrRefused)
	}
	subject, err := s.Provider.subject(c.Context(), j, query.Get("code"))
	if err != nil {
		s.Log.Info("identity provider", "err", err)
		return s.entered(w, c, account.Session{}, account.ErrRefused)
	}
	var session account.Session
	if j.officer != "" {
		session, err = s.Accounts.ConfirmAs(c.Context(), c.Session, subject, c.From())
	} else {
		session, err = s.Accounts.SignInAs(c.Context(), subject, c.From())
	}
	c.PostForm = map[string][]string{"next": {j.next}}
	return s.entered(w, c, session, err)
}

// subject exchanges a code for the identity of whoever has signed in.
func (p *Provider) subject(ctx context.Context, j journey, code string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	token, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(j.verifier))
	if err != nil {
		return "", err
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", errors.New("there is no identity in the answer")
	}
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return "", err
	}
	var claims struct {
		ACR      string `json:"acr"`
		AuthTime int64  `json:"auth_time"`
	}
	if err := id.Claims(&claims); err != nil {
		return "", err
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(j.nonce)) != 1:
		return "", errors.New("the identity was asked for by another")
	case len(p.config.ACR) > 0 && !slices.Contains(p.config.ACR, claims.ACR):
		return "", errors.New("the kind of authentication is not one that this desk takes")
	case j.officer != "" && claims.AuthTime < j.began.Unix()-60:
		return "", errors.New("the person was not asked anew who they are")
	}
	return id.Issuer + " " + id.Subject, nil
}
