package browser_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/depositary"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/desk/web"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// tongues are the languages in which every authority takes messages.
var tongues = []string{"en", "ar", "zh-Hans"}

var passphrase = []byte("five fictitious words for tests")

// A world is a broker and the desks of two States with their pages.
type world struct {
	t      *testing.T
	dir    string
	public wire.Broker
	keeper *depositary.Depositary
	desks  map[string]*place
	clock  *httptest.Server

	mu    sync.Mutex
	shift time.Duration
}

// A place is where the pages of a desk are.
type place struct {
	Origin string `json:"origin"`
	Setup  string `json:"setup"` // link for the first administrator
	// Case and Message are of a request that it has received, if any.
	Case    string `json:"case,omitempty"`
	Message string `json:"message,omitempty"`
	// Of an auditors' room: files to be verified, by name, and the kinds of faults
	// that were planted.
	Files  map[string]string `json:"files,omitempty"`
	Faults []string          `json:"faults,omitempty"`
	Late   int               `json:"late,omitempty"`
	desk   *desk.Desk
}

// newWorld starts a broker, and a desk with pages for each State.
func newWorld(t *testing.T, parties ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), desks: map[string]*place{}}
	keeper, brokerDir := filepath.Join(w.dir, "depositary"), filepath.Join(w.dir, "broker")
	statement, err := depositary.Init(keeper, depositary.InitOptions{Name: "Depositary", Passphrase: passphrase, Now: w.now()})
	w.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	w.public, err = home.Init(t.Context(), brokerDir, home.InitOptions{
		URL: "https://" + listener.Addr().String(), Listen: "unused:1", Origin: "broker.example/log", Database: "sqlite:broker.db",
		Depositary: statement, Now: w.now, Log: discard,
	})
	w.must(err)
	server, err := home.Open(t.Context(), brokerDir, w.now, discard)
	w.must(err)
	identity, err := transport.Load(brokerDir)
	w.must(err)
	served := api.New(server.Broker, api.DefaultLimits(), discard).HTTPServer(identity)
	go func() { _ = served.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		served.Close()
		server.Close()
	})
	w.keeper, err = depositary.Open(keeper, passphrase, w.now)
	w.must(err)
	w.must(w.keeper.Connect(w.public))
	w.clock = httptest.NewServer(http.HandlerFunc(w.answer))
	t.Cleanup(w.clock.Close)
	for _, party := range parties {
		w.join(party)
	}
	for _, place := range w.desks { // so that each knows the others
		w.must(place.desk.Sync(t.Context()))
	}
	return w
}

var discard = slog.New(slog.DiscardHandler)

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// now is the clock of everybody.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.shift)
}

// answer serves scripts: /pass?seconds=N moves the clock of everybody, /code?secret=S
// gives the code of a second factor, after a time in which no other was given,
// /sync has every desk send and fetch, /sealed has QN send a sealed request.
func (w *world) answer(rw http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	seconds, _ := strconv.Atoi(query.Get("seconds"))
	if r.URL.Path == "/sync" {
		w.sync(rw, r)
		return
	}
	if r.URL.Path == "/sealed" {
		_, _ = io.WriteString(rw, w.sealed())
		return
	}
	if r.URL.Path == "/code" {
		seconds = 31
	}
	w.mu.Lock()
	w.shift += time.Duration(seconds) * time.Second
	w.mu.Unlock()
	if r.URL.Path == "/code" {
		code, err := totp.GenerateCode(strings.ReplaceAll(query.Get("secret"), " ", ""), w.now())
		if err != nil {
			rw.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(rw, code)
	}
}

// sync has every desk send what waits and fetch what is there, evidence too, twice:
// what one sends the other fetches.
func (w *world) sync(rw http.ResponseWriter, r *http.Request) {
	for range 2 {
		for _, place := range w.desks {
			err := errors.Join(place.desk.Upload(r.Context()), place.desk.Sync(r.Context()), place.desk.FetchAsked(r.Context()))
			if err != nil {
				http.Error(rw, err.Error(), http.StatusInternalServerError)
			}
		}
	}
}

// join makes the desk of a State, has it admitted, and serves its pages.
func (w *world) join(party string) {
	w.t.Helper()
	names := map[string]map[string]string{
		"QM": {"en": "Republic of Meridia", "ar": "جمهورية ميريديا", "fr": "République de Méridie", "zh": "梅里迪亚共和国"},
		"QN": {"en": "Kingdom of Norwind", "ar": "مملكة نورويند", "fr": "Royaume de Norwind", "zh": "诺温德王国"},
	}[party]
	dir := filepath.Join(w.dir, party)
	request, err := desk.Init(w.t.Context(), dir, desk.InitOptions{
		Party: party, Names: names, Suites: []pgp.Suite{pgp.Modern6}, Passphrase: passphrase, Broker: w.public, Now: w.now,
		Authorities: []desk.AuthorityOptions{{
			Label: "24-7", Roles: []string{"24-7", "central"}, Hours: "24/7", TimeZone: "UTC",
			Names:     map[string]string{"en": "24/7 contact point", "ar": "نقطة الاتصال على مدار الساعة", "zh": "全天候联络点"},
			Languages: map[string][]string{"emergency": tongues, "urgent": tongues, "routine": tongues},
		}},
	})
	w.must(err)
	w.must(w.keeper.Admit(w.t.Context(), request))
	d, err := desk.Open(w.t.Context(), dir, desk.Options{
		Passphrase: func() ([]byte, error) { return passphrase, nil }, Now: w.now, Log: discard,
	})
	w.must(err)
	w.t.Cleanup(func() { d.Close() })
	w.must(d.Sync(w.t.Context()))
	w.serve(party, d)
}

// serve serves the pages of a desk.
func (w *world) serve(party string, d *desk.Desk) {
	w.t.Helper()
	accounts, err := account.New(d, account.Cost{MemoryKiB: 1 << 10, Passes: 1, Lanes: 1})
	w.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	origin := fmt.Sprintf("https://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	pages, err := web.New(web.Options{Desk: d, Accounts: accounts, Origin: origin, Pseudo: true, Log: discard})
	w.must(err)
	certificate, err := page.Certificate(w.t.TempDir(), "localhost", time.Now())
	w.must(err)
	served := page.HTTPServer(pages, &certificate, discard)
	served.TLSConfig.MinVersion = tls.VersionTLS13
	go func() { _ = served.ServeTLS(listener, "", "") }()
	w.t.Cleanup(func() { served.Close() })
	code, err := accounts.FirstCode(w.t.Context())
	w.must(err)
	link, err := pages.InvitationLink(code)
	w.must(err)
	w.desks[party] = &place{Origin: origin, Setup: link, desk: d}
}

// receive has QN send QM a request.
func (w *world) receive() {
	w.t.Helper()
	from, to := w.desks["QN"], w.desks["QM"]
	body, err := convention.Marshal(states.Content(workflow.Request, "QN", "QM"))
	w.must(err)
	_, _, err = from.desk.Send(w.t.Context(), desk.Order{From: "QN.24-7", To: "QM.24-7", Act: "request", Lane: "urgent", Body: body})
	w.must(err)
	w.must(from.desk.Sync(w.t.Context()))
	w.must(to.desk.Sync(w.t.Context()))
	all, err := to.desk.Messages(w.t.Context())
	w.must(err)
	if len(all) != 1 {
		w.t.Fatalf("%d messages arrived", len(all))
	}
	to.Case, to.Message = all[0].Case, all[0].ID
}

// labels are those of all code lists, in English.
func labels() (all []string) {
	for _, list := range convention.Lists() {
		for _, code := range list.Codes {
			all = append(all, code.Label("en"))
		}
	}
	return all
}

// sealed has QN send QM a request for named officers only, and returns its case.
func (w *world) sealed() string {
	w.t.Helper()
	from, to := w.desks["QN"], w.desks["QM"]
	request, ok := states.Content(workflow.Request, "QN", "QM").(*convention.Request)
	if !ok {
		w.t.Error("the sample is no request")
		return ""
	}
	request.Confidentiality = "SEALED"
	body, err := convention.Marshal(request)
	if err == nil {
		var id message.ID
		_, id, err = from.desk.Send(w.t.Context(), desk.Order{From: "QN.24-7", To: "QM.24-7", Act: "request", Lane: "urgent", Body: body})
		if err = errors.Join(err, from.desk.Sync(w.t.Context()), to.desk.Sync(w.t.Context())); err == nil {
			return string(id)
		}
	}
	w.t.Error(err)
	return ""
}

// A result is what a scenario has found.
type result struct {
	Name string   `json:"name"`
	Bad  []string `json:"bad"` // what is wrong; empty if nothing
}

// run runs a scenario and makes a subtest of everything it has found.
func (w *world) run(scenario string) {
	w.t.Helper()
	modules := os.Getenv("ENTRAIDE_NODE_MODULES")
	if _, err := os.Stat(filepath.Join(modules, "playwright-core")); modules == "" || err != nil {
		w.t.Skip("the npm package playwright-core is not in the directory ENTRAIDE_NODE_MODULES")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		w.t.Skip("chromium is missing")
	}
	in, err := json.Marshal(map[string]any{
		"desks": w.desks, "clock": w.clock.URL, "modules": modules, "chromium": chromium,
		"artefacts": os.Getenv("ENTRAIDE_ARTEFACTS"), "scenario": scenario,
		"labels": labels(),
	})
	w.must(err)
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(w.t.Context(), "node", filepath.Join("testdata", "run.mjs"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errs
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%s: %v\n%s\n%s", scenario, err, errs.String(), out.String())
	}
	w.t.Log(errs.String())
	var found []result
	if err := json.Unmarshal(out.Bytes(), &found); err != nil || len(found) == 0 {
		w.t.Fatalf("%s: %v\n%s", scenario, err, out.String())
	}
	for _, r := range found {
		w.t.Run(r.Name, func(t *testing.T) {
			for _, bad := range r.Bad {
				t.Error(bad)
			}
		})
	}
	if n := locale.Missed(); n != 0 { // by any of the tests
		w.t.Errorf("%d sentences were missing", n)
	}
}
