package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
)

// An idp is an identity provider: discovery and keys are those of go-oidc, and
// it gives whatever identity a test wants for a code.
type idp struct {
	*httptest.Server
	key       *ecdsa.PrivateKey
	challenge string // of the journey under way (RFC 7636)
	claims    map[string]any
	verified  bool // the code came with the secret of the challenge
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key}
	known := &oidctest.Server{Algorithms: []string{oidc.ES256}, PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.ES256}}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			known.ServeHTTP(w, r)
			return
		}
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		p.verified = base64.RawURLEncoding.EncodeToString(sum[:]) == p.challenge
		claims, err := json.Marshal(p.claims)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"x","token_type":"Bearer","id_token":%q}`, oidctest.SignIDToken(key, "k", oidc.ES256, string(claims)))
	}))
	t.Cleanup(p.Close)
	known.SetIssuer(p.URL)
	return p
}

// TestProvider signs in at the State's identity provider, and refuses every
// identity that was not meant for this journey.
func TestProvider(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := newIDP(t)
	provider, err := NewProvider(t.Context(), ProviderConfig{Name: "Ministry", Issuer: p.URL, ClientID: "entraide", ACR: []string{"phr"}}, origin)
	if err != nil {
		t.Fatal(err)
	}
	h.server.Provider = provider
	if _, _, err := h.server.Accounts.Invite(t.Context(), "desk", account.NewUser{
		Login: "linked", Name: "Linked", Roles: []desk.Role{desk.Drafter}, Subject: p.URL + " 7",
	}); err != nil {
		t.Fatal(err)
	}
	good := func(nonce string) map[string]any {
		return map[string]any{
			"iss": p.URL, "sub": "7", "aud": "entraide", "nonce": nonce, "acr": "phr", "exp": time.Now().Add(time.Hour).Unix(),
			"roles": []string{"administrator"}, "auth_time": h.now().Unix(),
		}
	}
	for name, tt := range map[string]struct {
		change func(claims map[string]any, state *string)
		status int
	}{
		"good":                  {func(map[string]any, *string) {}, http.StatusSeeOther},
		"a stranger":            {func(c map[string]any, _ *string) { c["sub"] = "8" }, http.StatusUnprocessableEntity},
		"for another desk":      {func(c map[string]any, _ *string) { c["aud"] = "other" }, http.StatusUnprocessableEntity},
		"of another journey":    {func(c map[string]any, _ *string) { c["nonce"] = "x" }, http.StatusUnprocessableEntity},
		"by another issuer":     {func(c map[string]any, _ *string) { c["iss"] = "https://evil.test" }, http.StatusUnprocessableEntity},
		"expired":               {func(c map[string]any, _ *string) { c["exp"] = 1 }, http.StatusUnprocessableEntity},
		"weakly authenticated":  {func(c map[string]any, _ *string) { c["acr"] = "0" }, http.StatusUnprocessableEntity},
		"sent by somebody else": {func(_ map[string]any, state *string) { *state = "x" }, http.StatusUnprocessableEntity},
	} {
		o := h.stranger()
		begun := o.get("/sign-in/provider?next=/help")
		to, err := url.Parse(begun.Header().Get("Location"))
		if err != nil || begun.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d, %v", name, begun.Code, err)
		}
		query := to.Query()
		if query.Get("code_challenge_method") != "S256" || query.Get("acr_values") != "phr" || query.Get("redirect_uri") != origin+"/sign-in/provider/back" {
			t.Errorf("%s: sent to %s", name, to)
		}
		p.challenge, p.claims = query.Get("code_challenge"), good(query.Get("nonce"))
		state := query.Get("state")
		tt.change(p.claims, &state)
		back := "/sign-in/provider/back?" + url.Values{"code": {"c"}, "state": {state}}.Encode()
		got := o.get(back)
		if got.Code != tt.status || (o.cookies[sessionCookie] != "") != (tt.status == http.StatusSeeOther) {
			t.Errorf("%s: %d\n%s", name, got.Code, h.log.String())
		}
		if tt.status != http.StatusSeeOther {
			continue
		}
		if !p.verified || got.Header().Get("Location") != "/help" {
			t.Errorf("%s: verified %v, sent to %q", name, p.verified, got.Header().Get("Location"))
		}
		if got := o.get("/users"); got.Code != http.StatusForbidden {
			t.Errorf("the provider gave a role: %d", got.Code)
		}
		if got := h.stranger().get(back); got.Code == http.StatusSeeOther {
			t.Error("the way back works for somebody else")
		}
	}
}
