// Package demo plays a guided exchange between fictitious States: a broker, a
// depositary and seven desks on this machine, with real keys and the same code
// as real use. What it leaves behind are ordinary homes for every other
// command.
package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

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

// A stage is the running demonstration.
type stage struct {
	Options
	world   *World
	brokers []wire.Broker // the same broker under each of its addresses
	desks   map[string]*desk.Desk
	with    string // a State that took part
}

// Run plays the exchange and prints it. With Stay it then waits for the
// context to end.
func Run(ctx context.Context, o Options) (err error) {
	if names, err := os.ReadDir(o.Dir); err == nil && len(names) > 0 {
		return fmt.Errorf("%s is not empty; choose another directory", o.Dir)
	}
	s := &stage{
		Options: o, desks: map[string]*desk.Desk{},
		world: &World{Dir: o.Dir, Suites: []pgp.Suite{o.Suite}, Database: o.Database, Now: o.Now, Log: o.Log},
	}
	defer func() { err = errors.Join(err, s.world.Close()) }()
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
	public, err := s.world.Found(ctx)
	if err != nil {
		return err
	}
	s.brokers = []wire.Broker{public}
	for len(s.brokers) < s.Brokers {
		more, err := s.startBroker(ctx, filepath.Join(s.Dir, brokerHome), public)
		if err != nil {
			return err
		}
		s.brokers = append(s.brokers, more)
	}
	s.say("The depositary holds the trust anchor %s.", short(public.Depositary))
	s.say("The broker keeps the log %s; it stores what it cannot read.\n", public.Origin)
	return nil
}

// enrolStates makes the desk of every State and admits it.
func (s *stage) enrolStates(ctx context.Context) error {
	for i, state := range states {
		if err := s.enrol(ctx, state.code, s.brokers[i%len(s.brokers)]); err != nil {
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
func (s *stage) enrol(ctx context.Context, code string, b wire.Broker) (err error) {
	if err := s.world.Enrol(ctx, code, b); err != nil {
		return err
	}
	s.desks[code], err = s.world.Desk(ctx, code)
	return err
}

// english names the State for the story.
func (s state) english() string {
	if name, ok := s.names["en"]; ok {
		return name
	}
	return s.code
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
