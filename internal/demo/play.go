package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
	"github.com/entraide/entraide/schemas"
)

// sample is the sample case that is played.
const sample = "case1"

// A step is one message of the sample case.
type step struct {
	body     string // in schemas/cases
	thread   string // the case it belongs to
	from, to string
	act      workflow.Act
	final    bool
	lane     workflow.Lane // of the first message of a thread
	says     string        // for a minister
}

// steps are sample case 1: a hospital's attackers are traced through a server
// in another State.
var steps = []step{
	{
		"01-request", "preservation", "QM.24-7", "QN.24-7", workflow.Request, false, workflow.Urgent,
		"Meridia asks Northmark, in Arabic and sealed, to preserve the server's data before the provider deletes them.",
	},
	{
		"02-acknowledgement", "preservation", "QN.24-7", "QM.24-7", workflow.Acknowledge, false, "",
		"Northmark's duty officer takes charge and gives a reference.",
	},
	{
		"03-preserved", "preservation", "QN.24-7", "QM.24-7", workflow.Deliver, false, "",
		"Northmark has secured the data for sixty days.",
	},
	{
		"04-traffic-disclosure", "preservation", "QN.24-7", "QM.24-7", workflow.Deliver, true, "",
		"Northmark discloses that the trail leads on to a provider in a third State.",
	},
	{
		"05-extension-request", "extension", "QM.24-7", "QN.24-7", workflow.Request, false, workflow.Urgent,
		"Meridia asks to extend the preservation before it ends.",
	},
	{
		"06-extension-acknowledgement", "extension", "QN.24-7", "QM.24-7", workflow.Acknowledge, false, "",
		"Northmark takes charge of the extension.",
	},
	{
		"07-extension-decision", "extension", "QN.24-7", "QM.24-7", workflow.Decide, false, "",
		"Northmark extends the preservation for another sixty days.",
	},
	{
		"08-extension-closure", "extension", "QM.24-7", "QN.24-7", workflow.Close, false, "",
		"Meridia closes the extension.",
	},
	{
		"09-follow-up-request", "request", "QM.mla", "QN.mla", workflow.Request, false, workflow.Routine,
		"Meridia's ministry asks Northmark's for the preserved data themselves.",
	},
	{
		"10-follow-up-acknowledgement", "request", "QN.mla", "QM.mla", workflow.Acknowledge, false, "",
		"Northmark's ministry takes charge.",
	},
	{
		"11-follow-up-decision", "request", "QN.mla", "QM.mla", workflow.Decide, false, "",
		"Northmark's ministry decides to execute the request.",
	},
	{
		"12-delivery", "request", "QN.mla", "QM.mla", workflow.Deliver, true, "",
		"Northmark hands over three packages of evidence, with their digests and custody.",
	},
	{
		"13-receipt-of-evidence", "request", "QM.mla", "QN.mla", workflow.Confirm, false, "",
		"Meridia confirms that every package arrived intact.",
	},
	{
		"14-closure", "request", "QM.mla", "QN.mla", workflow.Close, false, "",
		"Meridia closes the request.",
	},
	{
		"15-released", "preservation", "QN.24-7", "QM.24-7", workflow.Notify, false, "",
		"Northmark says that the preservation has ended.",
	},
	{
		"16-preservation-closure", "preservation", "QM.24-7", "QN.24-7", workflow.Close, false, "",
		"Meridia closes the case with which it began.",
	},
}

// play sends every message of the case, from desk to desk.
func (s *stage) play(ctx context.Context) error {
	threads := map[string]message.ID{}
	values := map[string]string{}
	for i, st := range steps {
		values["now"] = s.Now().UTC().Truncate(time.Second).Format(time.RFC3339)
		if i == 2 {
			values["preserved_until"] = s.Now().UTC().Truncate(time.Second).Add(60 * 24 * time.Hour).Format(time.RFC3339)
		}
		body, err := schemas.Sample(sample, st.body, values)
		if err != nil {
			return err
		}
		m, err := s.exchange(ctx, st, threads[st.thread], body)
		if err != nil {
			return fmt.Errorf("step %s: %w", st.body, err)
		}
		if threads[st.thread] == "" {
			threads[st.thread] = message.ID(m.Case)
			if st.thread == "preservation" {
				values["preservation_case"] = m.Case
			}
		}
		if st.act == workflow.Deliver {
			values["delivery_digest"] = m.Digest
		}
		s.say("%2d  %s", i+1, st.says)
		s.say("    %s → %s  %s · entry %d of the log · digest %s", m.From, m.To, m.Act, m.Index, short(m.Digest))
	}
	return nil
}

// exchange sends one message and waits until both desks have what they need:
// the sender its receipt, the recipient the opened message, the sender the
// proof of delivery.
func (s *stage) exchange(ctx context.Context, st step, thread message.ID, body []byte) (desk.Message, error) {
	sender, recipient := s.desks[partyOf(st.from)], s.desks[partyOf(st.to)]
	id, _, err := sender.Send(ctx, desk.Order{
		From: st.from, To: st.to, Case: thread, Act: st.act, Final: st.final, Lane: st.lane, Body: body,
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

func partyOf(authority string) string {
	party, _, _ := strings.Cut(authority, ".")
	return party
}

// conclude compares what the two desks hold and shows the log.
func (s *stage) conclude(ctx context.Context) error {
	s.say("\nBoth sides hold the same:")
	cases, err := s.desks["QM"].Cases(ctx)
	if err != nil {
		return err
	}
	for _, c := range cases {
		here, err := s.desks["QM"].Case(ctx, c.Case)
		if err != nil {
			return err
		}
		there, err := s.desks["QN"].Case(ctx, c.Case)
		if err != nil {
			return err
		}
		if here.Stage != there.Stage || len(here.Events) != len(there.Events) {
			return fmt.Errorf("the desks disagree on case %s: %s with %d messages, and %s with %d", c.Case,
				here.Stage, len(here.Events), there.Stage, len(there.Events))
		}
		s.say("    case %s  %s after %d messages, each with its receipts", short(c.Case), here.Stage, len(here.Events))
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
	s.say("    entraide case list --home %s", filepath.Join(s.Dir, "QN"))
	s.say("    entraide message list --home %s", filepath.Join(s.Dir, "QM"))
	s.say("These homes keep their passphrase in a file, as only a demonstration does.")
	return nil
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
	s.closers = append(s.closers, func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	})
	public.URL = "https://" + listen
	return public, s.reach(ctx, public)
}
