package e2e_test

import (
	"bytes"
	"crypto/tls"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/depositary"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

var passphrase = []byte("correct horse battery staple")

// A tamper stands between the wire and the broker: it may answer, alter an
// answer, or cut the line. It returns true if it has dealt with the request.
type tamper func(w http.ResponseWriter, r *http.Request, next http.Handler) bool

// A hub is a broker on loopback with a tamper in front, and its depositary.
type hub struct {
	t      *testing.T
	dir    string
	public wire.Broker
	server *home.Server
	next   http.Handler // of the server
	keeper *depositary.Depositary
	mu     sync.Mutex
	tamper tamper
	shift  time.Duration
	desks  map[string]string // addresses of the databases of desks that are not in SQLite
}

func newHub(t *testing.T) *hub {
	t.Helper()
	return newHubOn(t, "sqlite:broker.db")
}

func newHubOn(t *testing.T, database string) *hub {
	t.Helper()
	h := &hub{t: t, dir: t.TempDir()}
	keeperDir, brokerDir := filepath.Join(h.dir, "depositary"), filepath.Join(h.dir, "broker")
	statement, err := depositary.Init(keeperDir, depositary.InitOptions{Name: "Depositary", Passphrase: passphrase, Now: h.now()})
	h.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	h.public, err = home.Init(t.Context(), brokerDir, home.InitOptions{
		URL: "https://" + listener.Addr().String(), Listen: "unused:1", Origin: "broker.example/log", Database: database,
		Depositary: statement, Now: h.now, Log: slog.New(slog.DiscardHandler),
	})
	h.must(err)
	h.start()
	identity, err := transport.Load(brokerDir)
	h.must(err)
	served := api.New(h.server.Broker, api.DefaultLimits(), slog.New(slog.DiscardHandler)).HTTPServer(identity)
	served.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		meddle, next := h.tamper, h.next
		h.mu.Unlock()
		if meddle == nil || !meddle(w, r, next) {
			next.ServeHTTP(w, r)
		}
	})
	go func() { _ = served.ServeTLS(listener, "", "") }()
	h.keeper, err = depositary.Open(keeperDir, passphrase, h.now)
	h.must(err)
	h.must(h.keeper.Connect(h.public))
	t.Cleanup(func() {
		served.Close()
		h.server.Close()
	})
	return h
}

// start opens the broker's home.
func (h *hub) start() {
	h.t.Helper()
	h.startBy(h.now)
}

// startBy opens the broker's home, which goes by a clock of its own.
func (h *hub) startBy(now func() time.Time) {
	h.t.Helper()
	server, err := home.Open(h.t.Context(), filepath.Join(h.dir, "broker"), now, slog.New(slog.DiscardHandler))
	h.must(err)
	h.mu.Lock()
	h.server = server
	h.mu.Unlock()
	h.limit(api.DefaultLimits())
}

// limit has the broker bound what one authority may ask for.
func (h *hub) limit(to api.Limits) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = api.New(h.server.Broker, to, slog.New(slog.DiscardHandler)).Handler()
}

// witnesses gives the log a policy, and its description to every desk.
func (h *hub) witnesses(policy string) {
	h.t.Helper()
	h.must(h.server.Close())
	dir := filepath.Join(h.dir, "broker")
	h.must(os.WriteFile(filepath.Join(dir, "witnesses.policy"), []byte(policy), 0o600))
	config, err := os.ReadFile(filepath.Join(dir, "broker.toml"))
	h.must(err)
	if line := []byte("\npolicy = \"witnesses.policy\"\n"); !bytes.Contains(config, line) {
		h.must(os.WriteFile(filepath.Join(dir, "broker.toml"), append(config, line...), 0o600))
	}
	h.start()
	description, err := os.ReadFile(filepath.Join(dir, home.PublicFile))
	h.must(err)
	h.must(strictjson.Unmarshal(bytes.TrimSpace(description), 1<<16, &h.public))
	homes, err := filepath.Glob(filepath.Join(h.dir, "Q?", "broker.json"))
	h.must(err)
	for _, path := range homes {
		h.must(os.WriteFile(path, description, 0o600))
	}
}

func (h *hub) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// now is the clock of everybody.
func (h *hub) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.shift)
}

func (h *hub) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shift += d
}

func (h *hub) meddle(m tamper) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tamper = m
}

// join makes the desk of a State with one authority, and has it admitted.
func (h *hub) join(party string) *desk.Desk {
	h.t.Helper()
	h.admitted(party)
	return h.open(party)
}

// admitted makes the home of a State, and has it admitted.
func (h *hub) admitted(party string) {
	h.t.Helper()
	dir := filepath.Join(h.dir, party)
	request, err := desk.Init(h.t.Context(), dir, desk.InitOptions{
		Party: party, Names: map[string]string{"en": party}, Suites: []pgp.Suite{pgp.Modern6}, Passphrase: passphrase,
		Broker: h.public, Now: h.now, Database: h.desks[party],
		Authorities: []desk.AuthorityOptions{{
			Label: "mla", Roles: []string{"central"}, Names: map[string]string{"en": party + ".mla"}, Hours: "24/7", TimeZone: "UTC",
			Languages: map[string][]string{"emergency": {"en"}, "urgent": {"en"}, "routine": {"en"}},
		}},
	})
	h.must(err)
	h.must(h.keeper.Admit(h.t.Context(), request))
}

// open opens the desk of a State that has joined, and synchronises it.
func (h *hub) open(party string) *desk.Desk {
	h.t.Helper()
	d := h.opened(party)
	h.must(h.sync(d))
	return d
}

// sync makes one pass of a desk.
func (h *hub) sync(d *desk.Desk) error { return d.Sync(h.t.Context()) }

// opened opens the desk of a State that has not been online.
func (h *hub) opened(party string) *desk.Desk {
	h.t.Helper()
	d, err := desk.Open(h.t.Context(), filepath.Join(h.dir, party), desk.Options{
		Passphrase: func() ([]byte, error) { return passphrase, nil }, Now: h.now, Log: slog.New(slog.DiscardHandler),
	})
	h.must(err)
	h.t.Cleanup(func() { d.Close() })
	return d
}

// pair is two States that know each other.
func (h *hub) pair() (qm, qn *desk.Desk) {
	h.t.Helper()
	qm, qn = h.join("QM"), h.join("QN")
	h.must(qm.Sync(h.t.Context()))
	return qm, qn
}

// order is a message of an act, with a good body.
func (h *hub) order(act workflow.Act, from, to string, in desk.Message) desk.Order {
	o := desk.Order{From: from, To: to, Act: act, Body: states.Body(h.t, act, from, to)}
	if in.Case != "" {
		o.Case = message.ID(in.Case)
		return o
	}
	o.Lane = workflow.Urgent
	return o
}

// send sends an order and waits for its receipt.
func (h *hub) send(d *desk.Desk, o desk.Order) desk.Message {
	h.t.Helper()
	id, _, err := d.Send(h.t.Context(), o)
	h.must(err)
	m, err := d.Await(h.t.Context(), id)
	h.must(err)
	return m
}

// altered answers with the broker's answer after a change.
func altered(w http.ResponseWriter, r *http.Request, next http.Handler, change func([]byte) []byte) {
	recorded := httptest.NewRecorder()
	next.ServeHTTP(recorded, r)
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(change(recorded.Body.Bytes()))
}

// copyDatabase puts a copy of a desk's database, with the write-ahead log that
// may stand beside it, in the place of another.
func (h *hub) copyDatabase(from, to string) {
	h.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(to + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			h.t.Fatal(err)
		}
	}
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(from + suffix)
		if suffix != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		h.must(err)
		h.must(os.WriteFile(to+suffix, data, 0o600))
	}
}

// nobody is an identity that the directory does not name.
func (h *hub) nobody() tls.Certificate {
	h.t.Helper()
	dir := h.t.TempDir()
	_, err := transport.Create(dir, "nobody", h.now())
	h.must(err)
	c, err := transport.Load(dir)
	h.must(err)
	return c
}

// metric returns the value of a metric of the broker as text, or "".
func (h *hub) metric(name string) string {
	h.t.Helper()
	w := httptest.NewRecorder()
	api.Admin(h.server.Broker).Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cutOff cuts every line.
func cutOff(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }

// deskDatabase opens the database of a desk, as its operator can.
func (h *hub) deskDatabase(party string) *database {
	h.t.Helper()
	driver, address := "sqlite", filepath.Join(h.dir, party, "desk.db")
	if h.desks[party] != "" {
		driver, address = "postgres", h.desks[party]
	}
	conn, err := sql.Open(driver, address)
	h.must(err)
	h.t.Cleanup(func() { conn.Close() })
	return &database{t: h.t, conn: conn, pg: driver == "postgres"}
}
