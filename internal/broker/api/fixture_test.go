package api_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/parts"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// document is the API's description; every answer of the tests is held
// against it.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("../../../schemas/openapi.yaml")
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// A fixture is a broker behind TLS, with the fictitious States in its
// directory, each authority with a TLS identity of its own.
type fixture struct {
	t        *testing.T
	world    *states.World
	db       store.Broker
	broker   *broker.Broker
	guard    string
	base     string
	clients  map[string]*http.Client // by authority; "" has no certificate
	router   routers.Router
	signer   note.Signer
	sealed   []byte // the message that first returns
	prepared bool   // once has run
	mu       sync.Mutex
	now      time.Time
}

// newFixture starts a broker whose clock stands at states.Now.
func newFixture(t *testing.T, limits api.Limits) *fixture {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{t: t, world: states.New(t, pgp.Modern6), now: states.Now, clients: map[string]*http.Client{}, guard: filepath.Join(dir, "guard")}
	f.identities(dir)
	f.open(dir)
	for _, s := range f.world.Statements() {
		if _, err := f.broker.Publish(t.Context(), "depositary", s); err != nil {
			t.Fatal(err)
		}
	}
	f.serve(dir, limits)
	f.describe()
	return f
}

// identities gives every authority, and the depositary, a TLS key and says so
// in the directory.
func (f *fixture) identities(dir string) {
	f.client("", tls.Certificate{})
	for id := range f.world.Keys {
		digest := f.identity(dir, id)
		s := f.world.AuthorityStatement(f.t, id)
		s.Transport = digest
		party, _, _ := strings.Cut(id, ".")
		f.world.Publish(f.t, f.world.Parties[party], s)
	}
	s := f.world.DepositaryStatement()
	s.Transport = f.identity(dir, "depositary")
	f.world.Publish(f.t, f.world.Depositary, s)
	f.identity(dir, "stranger")
}

func (f *fixture) identity(dir, name string) (digest string) {
	own := filepath.Join(dir, name)
	if err := os.Mkdir(own, 0o700); err != nil {
		f.t.Fatal(err)
	}
	digest, err := transport.Create(own, name, time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	c, err := transport.Load(own)
	if err != nil {
		f.t.Fatal(err)
	}
	f.client(name, c)
	return digest
}

func (f *fixture) client(name string, c tls.Certificate) {
	config := &tls.Config{InsecureSkipVerify: true} // a test on loopback
	if len(c.Certificate) > 0 {
		config.Certificates = []tls.Certificate{c}
	}
	tr := &http.Transport{TLSClientConfig: config}
	f.t.Cleanup(tr.CloseIdleConnections)
	f.clients[name] = &http.Client{Transport: tr}
}

// open opens the broker on SQLite.
func (f *fixture) open(dir string) {
	if err := guard.Create(f.guard); err != nil {
		f.t.Fatal(err)
	}
	g, err := guard.Open(f.guard)
	if err != nil {
		f.t.Fatal(err)
	}
	db, err := sqlite.Open(f.t.Context(), filepath.Join(dir, "broker.db"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { db.Close() })
	f.db = db
	signer, verifier, err := translog.GenerateKey("broker.example/log")
	if err != nil {
		f.t.Fatal(err)
	}
	if f.signer, err = translog.ParseSigner(signer); err != nil {
		f.t.Fatal(err)
	}
	v, err := translog.ParseVerifier(verifier)
	if err != nil {
		f.t.Fatal(err)
	}
	kept, err := parts.OpenFiles(filepath.Join(dir, "parts"), f.now)
	if err != nil {
		f.t.Fatal(err)
	}
	f.broker, err = broker.Open(f.t.Context(), broker.Options{
		Store: db, Guard: g, Origin: "broker.example/log", Signers: []note.Signer{f.signer}, Keys: []note.Verifier{v},
		Anchor: f.world.Depositary.Fingerprint(), Clocks: broker.DefaultClocks(), Now: f.clock,
		Parts: kept, Evidence: broker.Evidence{Quota: 3 << 20, Unused: time.Hour, Delivered: time.Hour},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(f.broker.Close)
}

// clock is the broker's clock, which tests move.
func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) setClock(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = t
}

func (f *fixture) serve(dir string, limits api.Limits) {
	own := filepath.Join(dir, "broker-tls")
	if err := os.Mkdir(own, 0o700); err != nil {
		f.t.Fatal(err)
	}
	if _, err := transport.Create(own, "broker", time.Now()); err != nil {
		f.t.Fatal(err)
	}
	c, err := transport.Load(own)
	if err != nil {
		f.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	server := api.New(f.broker, limits, slog.New(slog.DiscardHandler)).HTTPServer(c)
	go func() { _ = server.ServeTLS(listener, "", "") }()
	f.t.Cleanup(func() { server.Close() })
	f.base = "https://" + listener.Addr().String()
}

// describe prepares the API's description for the server's address.
func (f *fixture) describe() {
	doc, err := document()
	if err != nil {
		f.t.Fatal(err)
	}
	local := *doc
	local.Servers = openapi3.Servers{{URL: f.base}}
	if f.router, err = gorillamux.NewRouter(&local); err != nil {
		f.t.Fatal(err)
	}
}

// An answer is what the API said.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	problem problem.Document
}

// call makes a request as somebody and holds the answer against the API's
// description.
func (f *fixture) call(who, method, path string, body []byte) answer {
	f.t.Helper()
	return f.callAs(who, method, path, "application/json", body)
}

func (f *fixture) callAs(who, method, path, media string, body []byte) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.base+path, bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", media)
	}
	res, err := f.clients[who].Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: data}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json") {
		if err := json.Unmarshal(data, &a.problem); err != nil {
			f.t.Fatalf("problem document: %v\n%s", err, data)
		}
	}
	f.conforms(req, a)
	return a
}

// conforms holds an answer against the API's description. The description
// cannot say that the path of a tile has several segments, and says nothing
// of addresses that do not exist.
func (f *fixture) conforms(req *http.Request, a answer) {
	f.t.Helper()
	described := req.Clone(context.Background())
	if rest, ok := strings.CutPrefix(described.URL.Path, "/tile/"); ok {
		described.URL.Path = "/tile/" + strings.ReplaceAll(rest, "/", "-")
	}
	route, params, err := f.router.FindRoute(described)
	if err != nil {
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			f.t.Errorf("%s %s is not described: %v", req.Method, req.URL.Path, err)
		}
		return
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: described, PathParams: params, Route: route},
		Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		f.t.Errorf("%s %s answered %d, not as described: %v\n%s", req.Method, req.URL.Path, a.status, err, a.body)
	}
}

// submit submits a message as its sender.
func (f *fixture) submit(m *message.Message) answer {
	f.t.Helper()
	data, err := m.Wire()
	if err != nil {
		f.t.Fatal(err)
	}
	return f.call(m.Core.From.Authority, http.MethodPost, "/v1/messages", data)
}

// accept submits a message that must be accepted, now or before, and returns its receipt.
func (f *fixture) accept(m *message.Message) string {
	f.t.Helper()
	a := f.submit(m)
	if a.status != http.StatusCreated && a.status != http.StatusOK {
		f.t.Fatalf("submitting: %d\n%s", a.status, a.body)
	}
	var out struct{ Receipt string }
	if err := json.Unmarshal(a.body, &out); err != nil {
		f.t.Fatal(err)
	}
	return out.Receipt
}

// counts returns what the database holds.
func (f *fixture) counts() (n store.Counts, size int64) {
	f.t.Helper()
	err := f.db.Read(f.t.Context(), func(r store.Reader) (err error) {
		if n, err = r.Counts(f.t.Context()); err != nil {
			return err
		}
		head, err := r.Head(f.t.Context())
		size = head.Size
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return n, size
}

// newest returns the newest entry of the log.
func (f *fixture) newest() translog.Entry {
	f.t.Helper()
	var e translog.Entry
	_, size := f.counts()
	err := f.db.Read(f.t.Context(), func(r store.Reader) error {
		row, err := r.Entry(f.t.Context(), size-1)
		if err != nil {
			return err
		}
		e, err = translog.ParseEntry(row.Body)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}
