package home_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/testkit/loopback"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// servedHome, in the environment, makes this test binary a broker that serves
// the home on servedAddress until it is killed.
const (
	servedHome    = "ENTRAIDE_TEST_SERVE"
	servedAddress = "ENTRAIDE_TEST_LISTEN"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(servedHome); dir != "" {
		if err := serve(dir, os.Getenv(servedAddress)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve is the broker process of the crash tests.
func serve(dir, listen string) error {
	ctx := context.Background()
	s, err := home.Open(ctx, dir, time.Now, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	s.Config.Listen = listen
	return s.Serve(ctx, func(net.Addr) { fmt.Println("ready") })
}

const (
	// betweenKill is about how many acknowledgements lie between two kills.
	betweenKill = 60
	authorities = 8 // of each of the two parties
)

// submissions is how many messages a crash test sends.
func submissions() int64 {
	if testing.Short() { // under the race detector
		return 200
	}
	return 1000
}

// TestSubmitSurvivesKill sends 1,000 messages while the broker is killed again
// and again (peers.md T4, T27, T28, T33): each is accepted exactly once, its
// receipt is always the same, and nothing acknowledged is lost.
func TestSubmitSurvivesKill(t *testing.T) {
	for _, engine := range []struct {
		name     string
		brokers  int
		database func(*testing.T) string
	}{
		{"sqlite", 1, func(*testing.T) string { return "sqlite:broker.db" }},
		{"postgres", 1, pgserver.Database},
		{"postgres with two brokers", 2, pgserver.Database},
	} {
		t.Run(engine.name, func(t *testing.T) {
			w := newWorld(t, engine.database(t))
			crew := w.start(t, engine.brokers)
			w.sendAll(t, crew)
			crew.stop()
			w.audit(t)
		})
	}
}

// A world is a broker's home with two parties, and what they have been told.
type world struct {
	dir      string
	public   wire.Broker
	trust    verify.Trust
	dirState *directory.Directory
	from, to []directory.Authority
	keys     map[string]*pgp.Key
	identity tls.Certificate
	accepted atomic.Int64
	repeats  atomic.Int64
	mu       sync.Mutex
	receipts map[message.ID]string
	messages map[message.ID][]byte
	kills    int
}

// crew is the running brokers.
type crew struct {
	t         *testing.T
	dir       string
	addresses []string
	mu        sync.Mutex
	running   []*exec.Cmd
	done      bool
}

func (w *world) start(t *testing.T, n int) *crew {
	c := &crew{t: t, dir: w.dir, running: make([]*exec.Cmd, n)}
	for i := range n {
		address, _, err := loopback.Free()
		if err != nil {
			t.Fatal(err)
		}
		c.addresses = append(c.addresses, address)
		c.launch(i)
	}
	t.Cleanup(c.stop)
	return c
}

// launch starts broker i and waits until it serves.
func (c *crew) launch(i int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), servedHome+"="+c.dir, servedAddress+"="+c.addresses[i])
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Error(err)
		return
	}
	if err := cmd.Start(); err != nil {
		c.t.Error(err)
		return
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready"))); err != nil {
		c.t.Errorf("broker %d did not start: %v\n%s", i, err, errs.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	c.running[i] = cmd
}

// kill ends broker i without warning and starts it again.
func (c *crew) kill(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return
	}
	_ = c.running[i].Process.Kill()
	_ = c.running[i].Wait()
	c.launch(i)
}

func (c *crew) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return
	}
	c.done = true
	for _, cmd := range c.running {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// sendAll lets every pair of authorities send its share, one message after
// the other, while brokers are killed at random.
func (w *world) sendAll(t *testing.T, c *crew) {
	var senders sync.WaitGroup
	var left atomic.Int64
	left.Store(submissions())
	for _, from := range w.from {
		for _, to := range w.to {
			senders.Go(func() { w.sender(t, c, from, to, &left) })
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		senders.Wait()
	}()
	next := w.accepted.Load() + rand.Int64N(betweenKill) + 10
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		select {
		case <-done:
			tick.Stop()
			return
		case <-tick.C:
			if w.accepted.Load() >= next {
				c.kill(rand.IntN(len(c.addresses)))
				w.kills++
				next = w.accepted.Load() + rand.Int64N(betweenKill) + 10
			}
		}
	}
}

// sender sends messages of one pair until the share is used up. Every message
// is sealed once, and repeated until it is acknowledged.
func (w *world) sender(t *testing.T, c *crew, from, to directory.Authority, left *atomic.Int64) {
	clients := make([]*client.Client, len(c.addresses))
	for i, address := range c.addresses {
		public := w.public
		public.URL = "https://" + address
		cl, err := client.New(public, w.identity)
		if err != nil {
			t.Error(err)
			return
		}
		defer cl.Close()
		clients[i] = cl
	}
	prev := ""
	for seq := int64(1); left.Add(-1) >= 0; seq++ {
		m, err := w.seal(from, to, seq, prev)
		if err != nil {
			t.Error(err)
			return
		}
		if err := w.submit(t, clients, m); err != nil {
			t.Error(err)
			return
		}
		prev = m.Digest()
	}
}

func (w *world) seal(from, to directory.Authority, seq int64, prev string) (*message.Message, error) {
	id, err := message.NewID()
	if err != nil {
		return nil, err
	}
	caseID, err := message.NewID()
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	return message.Seal(message.Draft{
		ID: id, Case: caseID, Act: workflow.Inform, Lane: workflow.Routine, From: from, To: to, Seq: seq, Prev: prev,
		Directory: w.dirState.Size(), NotAfter: now.Add(24 * time.Hour), Body: sampleInformation,
	}, w.keys[from.Statement.ID], now)
}

// submit repeats a message until a broker acknowledges it.
func (w *world) submit(t *testing.T, clients []*client.Client, m *message.Message) error {
	data, err := m.Wire()
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		receipt, err := clients[rand.IntN(len(clients))].Submit(t.Context(), data)
		if p, ok := errors.AsType[*problem.Error](err); ok && p.Code.Status() < 500 {
			return fmt.Errorf("refused: %w", err)
		}
		if err != nil {
			if t.Context().Err() != nil {
				return err
			}
			w.repeats.Add(1)
			continue
		}
		if _, err := w.trust.Message(m, []byte(receipt), w.dirState); err != nil {
			return err
		}
		w.accepted.Add(1)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.receipts[m.Core.ID], w.messages[m.Core.ID] = receipt, data
		return nil
	}
}

// audit opens the database again and compares it with what was acknowledged.
func (w *world) audit(t *testing.T) {
	report, err := home.Check(t.Context(), w.dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if report.Messages != submissions() || int64(len(w.receipts)) != submissions() {
		t.Errorf("%d messages in the log, %d acknowledged, want %d of each", report.Messages, len(w.receipts), submissions())
	}
	s, err := home.Open(t.Context(), w.dir, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	same := 0
	for id, receipt := range w.receipts {
		again, err := s.Broker.Submit(t.Context(), w.from, w.messages[id])
		if err != nil || !again.Repeat || string(again.Receipt) != receipt {
			t.Fatalf("repeating %s: repeat %v, same receipt %v, %v", id, again.Repeat, string(again.Receipt) == receipt, err)
		}
		same++
	}
	counts := fmt.Sprintf("%d messages, %d receipts the same when repeated, %d kills, %d retries by clients, %d entries in the log",
		report.Messages, same, w.kills, w.repeats.Load(), report.Entries)
	t.Attr("counts", counts)
	t.Log(counts)
}

// newWorld makes a broker's home and publishes two parties.
func newWorld(t *testing.T, database string) *world {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	w := &world{
		dir: filepath.Join(t.TempDir(), "broker"), keys: map[string]*pgp.Key{},
		receipts: map[message.ID]string{}, messages: map[message.ID][]byte{},
	}
	anchor, identityDir := generate(t, "Depositary <depositary@entraide.example>", now), t.TempDir()
	digest, err := transport.Create(identityDir, "desk", now)
	if err != nil {
		t.Fatal(err)
	}
	if w.identity, err = transport.Load(identityDir); err != nil {
		t.Fatal(err)
	}
	w.public, err = home.Init(t.Context(), w.dir, home.InitOptions{
		URL: "https://127.0.0.1:1", Listen: "127.0.0.1:0", Origin: "broker.example/log", Database: database,
		Depositary: depositaryStatement(t, anchor, now),
		Now:        time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.trust, err = verify.NewTrust(w.public); err != nil {
		t.Fatal(err)
	}
	s, err := home.Open(t.Context(), w.dir, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, party := range []struct{ code, transport string }{{"QM", digest}, {"QN", strings.Repeat("0", 64)}} {
		for _, signed := range w.enrol(t, anchor, party.code, party.transport, now) {
			if _, err := s.Broker.Publish(t.Context(), "test", signed); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.dirState = s.Broker.Directory()
	for i := range authorities {
		w.from = append(w.from, authority(t, w.dirState, fmt.Sprintf("QM.desk-%d", i)))
		w.to = append(w.to, authority(t, w.dirState, fmt.Sprintf("QN.desk-%d", i)))
	}
	return w
}

func depositaryStatement(t *testing.T, anchor *pgp.Key, now time.Time) directory.Signed {
	t.Helper()
	return sign(t, anchor, directory.DepositaryStatement{
		Heading:     heading(directory.TypDepositary, "depositary", "depositary", now),
		Certificate: anchor.Certificate().Bytes(),
	}, now)
}

// enrol makes a party's statements.
func (w *world) enrol(t *testing.T, anchor *pgp.Key, code, digest string, now time.Time) []directory.Signed {
	t.Helper()
	party := generate(t, code+" <party@"+strings.ToLower(code)+".example>", now)
	statements := []directory.Signed{sign(t, anchor, directory.PartyStatement{
		Heading: heading(directory.TypParty, code, "depositary", now), Names: map[string]string{"en": code},
		Certificate: party.Certificate().Bytes(), Fingerprint: party.Fingerprint(),
	}, now)}
	for i := range authorities {
		id := fmt.Sprintf("%s.desk-%d", code, i)
		key := generate(t, fmt.Sprintf("%s <desk-%d@%s.example>", id, i, strings.ToLower(code)), now)
		certified, err := party.Certify(key.Certificate(), now, 365*24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		w.keys[id] = key
		statements = append(statements, sign(t, party, directory.AuthorityStatement{
			Heading: heading(directory.TypAuthority, id, code, now), ID: id, Roles: []string{"central"}, Articles: []string{},
			Names: map[string]string{"en": id}, Languages: map[string][]string{"routine": {"en"}}, Hours: "24/7", TimeZone: "UTC",
			Callback: []string{}, Certificates: map[pgp.Suite][]byte{pgp.Modern6: certified.Bytes()}, Transport: digest,
			Stance:    directory.Stance{},
			ValidFrom: directory.At(now), ValidUntil: directory.At(now.Add(300 * 24 * time.Hour)),
		}, now))
	}
	return statements
}

func heading(typ, subject, signer string, now time.Time) directory.Heading {
	return directory.Heading{Typ: typ, Subject: subject, Number: 1, Issued: directory.At(now), Signer: signer}
}

func generate(t *testing.T, user string, now time.Time) *pgp.Key {
	t.Helper()
	key, err := pgp.Generate(pgp.Modern6, user, now, 0)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, key *pgp.Key, statement any, now time.Time) directory.Signed {
	t.Helper()
	signed, err := directory.Sign(key, statement, now)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func authority(t *testing.T, d *directory.Directory, id string) directory.Authority {
	t.Helper()
	a, err := d.Authority(id)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sampleInformation is a body that needs no answer.
var sampleInformation = []byte(`{
  "kind": "information", "version": 1, "from": "QM", "to": "QN", "own_ref": "QM-2026-0001",
  "information": {"lang": "en", "text": "A server at 192.0.2.44 distributes malware.", "authentic": true},
  "purpose": {"lang": "en", "text": "It may be of use to your investigation.", "authentic": true},
  "contacts": [{"role": "officer", "name": "Duty officer", "email": "duty@qm.example"}]
}`)
