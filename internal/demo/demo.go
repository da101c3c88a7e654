// Package demo plays a guided exchange between fictitious States: a broker, a
// depositary and seven desks on this machine, with real keys and the same code
// as real use. What it leaves behind are ordinary homes for every other
// command.
package demo

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/depositary"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/wire"
)

// Options say how the demonstration runs.
type Options struct {
	Dir      string    // where the homes are made; must be empty or absent
	Suite    pgp.Suite // of all messages
	Case     int       // number of the sample case
	Database string    // sqlite:FILE in the broker's home, or a postgres:// address
	Brokers  int       // broker processes; more than one needs PostgreSQL
	Binary   string    // of entraide, to start further brokers
	Stay     bool      // keep serving until the context ends
	Now      func() time.Time
	Out      io.Writer
	Log      *slog.Logger
}

// passphraseFile holds the passphrase of a demonstration home. Real homes
// have none.
const passphraseFile = "passphrase"

// A stage is the running demonstration.
type stage struct {
	Options
	brokers []wire.Broker // the same broker under each of its addresses
	desks   map[string]*desk.Desk
	closers []func() error
	with    string // a State that took part

	keeperSecret []byte // the depositary's passphrase
}

// Run plays the exchange and prints it. With Stay it then waits for the
// context to end.
func Run(ctx context.Context, o Options) (err error) {
	if names, err := os.ReadDir(o.Dir); err == nil && len(names) > 0 {
		return fmt.Errorf("%s is not empty; choose another directory", o.Dir)
	}
	s := &stage{Options: o, desks: map[string]*desk.Desk{}}
	defer func() {
		for i := len(s.closers) - 1; i >= 0; i-- {
			err = errors.Join(err, s.closers[i]())
		}
	}()
	for _, step := range []func(context.Context) error{s.openBroker, s.enrolStates, s.play, s.conclude} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if !o.Stay {
		return nil
	}
	fmt.Fprintln(o.Out, "\nThe broker goes on serving. Press Ctrl-C to end.")
	<-ctx.Done()
	return nil
}

// say prints one line of the story.
func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }

// openBroker makes the depositary and the broker and starts serving.
func (s *stage) openBroker(ctx context.Context) error {
	s.say("Entraide: a demonstration between fictitious States. Suite %s.\n", s.Suite)
	secret, err := newSecret()
	if err != nil {
		return err
	}
	statement, err := depositary.Init(filepath.Join(s.Dir, "depositary"), depositary.InitOptions{
		Name: "Depositary", Passphrase: secret, Now: s.Now(),
	})
	if err != nil {
		return err
	}
	if err := s.keep("depositary", secret); err != nil {
		return err
	}
	s.keeperSecret = secret
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	dir := filepath.Join(s.Dir, "broker")
	public, err := home.Init(ctx, dir, home.InitOptions{
		URL: "https://" + listen, Listen: listen, Origin: "broker.example/log", Database: s.Database,
		Depositary: statement, Now: s.Now, Log: s.Log,
	})
	if err != nil {
		return err
	}
	if err := s.serve(ctx, dir); err != nil {
		return err
	}
	s.brokers = []wire.Broker{public}
	for len(s.brokers) < s.Brokers {
		more, err := s.startBroker(ctx, dir, public)
		if err != nil {
			return err
		}
		s.brokers = append(s.brokers, more)
	}
	s.say("The depositary holds the trust anchor %s.", short(public.Depositary))
	s.say("The broker keeps the log %s; it stores what it cannot read.\n", public.Origin)
	return nil
}

// serve runs the broker of a home inside this process.
func (s *stage) serve(ctx context.Context, dir string) error {
	server, err := home.Open(ctx, dir, s.Now, s.Log)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- server.Serve(serving, func(net.Addr) { close(ready) }) }()
	s.closers = append(s.closers, func() error {
		stop()
		return errors.Join(<-ended, server.Close())
	})
	select {
	case <-ready:
		return nil
	case err := <-ended:
		ended <- nil
		return err
	}
}

// enrolStates makes the desk of every State and admits it.
func (s *stage) enrolStates(ctx context.Context) error {
	keeper, err := depositary.Open(filepath.Join(s.Dir, "depositary"), s.keeperSecret, s.Now)
	if err != nil {
		return err
	}
	if err := keeper.Connect(s.brokers[0]); err != nil {
		return err
	}
	for i, state := range states {
		if err := s.enrol(ctx, keeper, state, s.brokers[i%len(s.brokers)]); err != nil {
			return fmt.Errorf("enrolling %s: %w", state.code, err)
		}
		s.say("%s, %s, is admitted: its contact point %s.24-7 and its central authority %s.mla have their keys.",
			state.code, state.english(), state.code, state.code)
	}
	for code, d := range s.desks {
		if err := d.Sync(ctx); err != nil {
			return fmt.Errorf("synchronising %s: %w", code, err)
		}
	}
	s.say("")
	return nil
}

// enrol makes one State's desk, has it admitted and opens it.
func (s *stage) enrol(ctx context.Context, keeper *depositary.Depositary, st state, b wire.Broker) error {
	secret, err := newSecret()
	if err != nil {
		return err
	}
	dir := filepath.Join(s.Dir, st.code)
	request, err := desk.Init(ctx, dir, desk.InitOptions{
		Party: st.code, Names: st.names, Authorities: st.authorities(), Suites: []pgp.Suite{s.Suite},
		Passphrase: secret, Broker: b, Now: s.Now,
	})
	if err != nil {
		return err
	}
	if err := s.keep(st.code, secret); err != nil {
		return err
	}
	if err := keeper.Admit(ctx, request); err != nil {
		return err
	}
	d, err := desk.Open(ctx, dir, desk.Options{
		Passphrase: func() ([]byte, error) { return secret, nil }, Now: s.Now, Log: s.Log,
	})
	if err != nil {
		return err
	}
	s.desks[st.code] = d
	s.closers = append(s.closers, d.Close)
	return nil
}

// english names the State for the story.
func (s state) english() string {
	if name, ok := s.names["en"]; ok {
		return name
	}
	return s.code
}

// newSecret makes the passphrase of a demonstration home.
func newSecret() ([]byte, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	return []byte(hex.EncodeToString(random)), nil
}

// keep writes the passphrase into the home, as only a demonstration does.
func (s *stage) keep(name string, secret []byte) error {
	return os.WriteFile(filepath.Join(s.Dir, name, passphraseFile), append(secret, '\n'), 0o600)
}

// freeAddress finds a loopback port that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// short abbreviates a fingerprint or digest for reading.
func short(digest string) string {
	if len(digest) <= 16 {
		return digest
	}
	return digest[:16] + "…"
}

// reach waits until a broker answers.
func (s *stage) reach(ctx context.Context, b wire.Broker) error {
	c, err := client.New(b, tls.Certificate{})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		if _, err = c.Fetch(ctx, "checkpoint"); err == nil {
			tick.Stop()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("a further broker does not answer: %w", err)
		case <-tick.C:
		}
	}
}
