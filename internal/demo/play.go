package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"syscall"
	"time"

	"github.com/entraide/entraide"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// play sends every message of the sample case, from desk to desk.
func (s *stage) play(ctx context.Context) error {
	sample, err := entraide.Sample(s.Case)
	if err != nil {
		return err
	}
	s.say("Case %d: %s\n", s.Case, sample.Title)
	threads := map[string]message.ID{}
	values := map[string]string{}
	for i, step := range sample.Steps {
		values["now"] = s.Now().UTC().Truncate(time.Second).Format(time.RFC3339)
		body, err := entraide.SampleBody(s.Case, step.Body, values)
		if err != nil {
			return err
		}
		m, err := s.exchange(ctx, step, threads[step.Thread], body)
		if err != nil {
			return fmt.Errorf("step %s: %w", step.Body, err)
		}
		threads[step.Thread] = message.ID(m.Case)
		values["case:"+step.Thread] = m.Case
		values["digest:"+step.Body], values["time:"+step.Body] = m.Digest, values["now"]
		s.say("%2d  %s", i+1, step.Says)
		s.say("    %s → %s  %s · entry %d of the log · digest %s", m.From, m.To, m.Act, m.Index, short(m.Digest))
	}
	return nil
}

// exchange sends one message and waits until both desks have what they need:
// the sender its receipt, the recipient the opened message, the sender the
// proof of delivery.
func (s *stage) exchange(ctx context.Context, st entraide.PlayStep, thread message.ID, body []byte) (desk.Message, error) {
	sender, recipient := s.desks[directory.PartyOf(st.From)], s.desks[directory.PartyOf(st.To)]
	id, _, err := sender.Send(ctx, desk.Order{
		From: st.From, To: st.To, Case: thread, Act: workflow.Act(st.Act), Final: st.Final, Lane: workflow.Lane(st.Lane), Body: body,
	})
	if err != nil {
		return desk.Message{}, err
	}
	m, err := sender.Await(ctx, id)
	if err != nil {
		return m, err
	}
	if err := recipient.Sync(ctx); err != nil {
		return m, err
	}
	if _, err := recipient.Body(ctx, m.ID); err != nil {
		return m, err
	}
	if err := recipient.Sync(ctx); err != nil {
		return m, err
	}
	return m, sender.Sync(ctx)
}

// conclude compares what the desks hold and shows the log.
func (s *stage) conclude(ctx context.Context) error {
	s.say("\nBoth sides hold the same:")
	for _, st := range states {
		cases, err := s.desks[st.code].Cases(ctx)
		if err != nil {
			return err
		}
		for _, c := range cases {
			if err := s.compare(ctx, st.code, c); err != nil {
				return err
			}
		}
	}
	signed, err := s.desks["QM"].Checkpoint(ctx)
	if err != nil {
		return err
	}
	checkpoint, err := translog.ParseCheckpoint(signed)
	if err != nil {
		return err
	}
	s.say("\nThe log %s has %d entries; its root is %s.", checkpoint.Origin, checkpoint.Size, checkpoint.Root)
	s.say("\nLook around, for example:")
	s.say("    entraide case list --home %s", filepath.Join(s.Dir, s.with))
	s.say("    entraide message list --home %s", filepath.Join(s.Dir, "QM"))
	s.say("These homes keep their passphrase in a file, as only a demonstration does.")
	return nil
}

// compare holds a case that this State began against the other side's.
func (s *stage) compare(ctx context.Context, code string, line desk.Line) error {
	here, err := s.desks[code].Case(ctx, line.Case)
	if err != nil || here.Role != string(workflow.Requesting) {
		return err
	}
	s.with = directory.PartyOf(here.Requested)
	there, err := s.desks[s.with].Case(ctx, line.Case)
	if err != nil {
		return err
	}
	if here.Stage != there.Stage || len(here.Events) != len(there.Events) || !sameSubstance(here, there) {
		return fmt.Errorf("the desks disagree on case %s: %s with %d messages and %v, and %s with %d and %v", line.Case,
			here.Stage, len(here.Events), here.Measures, there.Stage, len(there.Events), there.Measures)
	}
	s.say("    case %s  %s after %d messages, each with its receipts", short(line.Case), here.Stage, len(here.Events))
	return nil
}

// sameSubstance reports whether two desks derive the same of a case. What each
// can do next is its own.
func sameSubstance(a, b desk.Case) bool {
	for _, c := range []*desk.Case{&a, &b} {
		for i := range c.Measures {
			c.Measures[i].Next = nil
		}
		for i := range c.Dates {
			c.Dates[i].State = "" // as of the moment
		}
	}
	return reflect.DeepEqual(a.Measures, b.Measures) && reflect.DeepEqual(a.Dates, b.Dates) &&
		reflect.DeepEqual(a.Conditions, b.Conditions) && reflect.DeepEqual(a.Misplaced, b.Misplaced)
}

// startBroker starts a further broker process on the same home, and returns
// its description.
func (s *stage) startBroker(ctx context.Context, dir string, public wire.Broker) (wire.Broker, error) {
	listen, err := freeAddress()
	if err != nil {
		return public, err
	}
	cmd := exec.Command(s.Binary, "broker", "serve", "--home", dir, "--listen", listen, "--admin-listen", "")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return public, fmt.Errorf("starting a further broker: %w", err)
	}
	s.world.closers = append(s.world.closers, func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	})
	public.URL = "https://" + listen
	return public, s.reach(ctx, public)
}
