package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

func (a *app) requestCommand() *cobra.Command {
	return group("request", "Begin cases", a.requestNew(), a.requestCheck(), a.requestSend())
}

// A sending is what request send and reply have in common.
type sending struct {
	from, to, lane string
	final, queue   bool
}

func (s *sending) flags(c *cobra.Command) {
	c.Flags().StringVar(&s.from, "from", "", "own authority that sends (may be left out where there is only one)")
	c.Flags().BoolVar(&s.queue, "queue", false, "leave it in the outbox for `desk serve` instead of waiting for the receipt")
}

func (a *app) requestSend() *cobra.Command {
	var s sending
	c := &cobra.Command{
		Use:   "send FILE",
		Short: "Seal a request, or information, and send it",
		Long: `Check the body in FILE ("-" for standard input), seal it to the authority, send
it, and wait for the broker's receipt. If the line breaks, the message stays in
the outbox under its id and is sent once when the desk next synchronises.`,
		Example: "  entraide request send request.json --to QN.24-7 --from QM.24-7 --lane urgent --home desk",
		Args:    exactly("FILE"),
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		file, err := readDraft(a.in, args[0])
		if err != nil {
			return err
		}
		act := workflow.Request
		if body, err := convention.ParseBody(file.body); err == nil && body.Kind() == "information" {
			act = workflow.Inform
		}
		return a.send(ctx, d, s, desk.Order{To: s.to, Act: act, Lane: workflow.Lane(s.lane), Body: file.body})
	})
	s.flags(c)
	c.Flags().StringVar(&s.to, "to", "", "authority that is asked, such as QN.24-7")
	c.Flags().StringVar(&s.lane, "lane", "routine", "emergency, urgent or routine")
	required(c, "to")
	return c
}

// send sends an order and prints what became of it.
func (a *app) send(ctx context.Context, d *desk.Desk, s sending, o desk.Order) error {
	var err error
	if o.From, err = ownAuthority(d, s.from); err != nil {
		return err
	}
	id, caseID, err := d.Send(ctx, o)
	if err != nil {
		return err
	}
	if s.queue {
		return a.print(map[string]any{"id": id, "case": caseID, "state": "waiting"}, func(w io.Writer) {
			fmt.Fprintf(w, "Message %s of case %s waits in the outbox.\n", id, caseID)
		})
	}
	m, err := d.Await(ctx, id)
	if err != nil {
		return fmt.Errorf("message %s: %w", id, err)
	}
	return a.print(m, func(w io.Writer) {
		fmt.Fprintf(w, "Accepted: message %s of case %s is entry %d of the log, by a verified receipt.\n", m.ID, m.Case, m.Index)
		fmt.Fprintf(w, "Digest %s\n", m.Digest)
	})
}

// ownAuthority picks the sending authority.
func ownAuthority(d *desk.Desk, name string) (string, error) {
	own, err := d.Authorities()
	if err != nil {
		return "", err
	}
	if name == "" && len(own) == 1 {
		return own[0], nil
	}
	for _, id := range own {
		if id == name {
			return id, nil
		}
	}
	return "", usage("--from must be one of %s", strings.Join(own, ", "))
}

func (a *app) replyCommand() *cobra.Command {
	c := group("reply", "Perform an act in a case")
	for _, act := range workflow.Procedure().Acts() {
		if !workflow.Procedure().Opens(act) && act != workflow.Delivered {
			c.AddCommand(a.replyAct(act))
		}
	}
	return c
}

func (a *app) replyAct(act workflow.Act) *cobra.Command {
	var s sending
	var file string
	kinds := kindsOf(act)
	c := &cobra.Command{
		Use:     string(act) + " CASE",
		Short:   fmt.Sprintf("Send a message of kind %s", strings.Join(kinds, " or ")),
		Example: fmt.Sprintf("  entraide reply %s 0f3c… --from-file body.json --home desk", act),
		Args:    exactly("CASE"),
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		body, err := readDraft(a.in, file)
		if err != nil {
			return err
		}
		known, err := d.Case(ctx, args[0])
		if err != nil {
			return err
		}
		o := desk.Order{Case: message.ID(args[0]), Act: act, Final: s.final, Body: body.body}
		s.from, o.To = known.Requesting, known.Requested
		if known.Role == string(workflow.Requested) {
			s.from, o.To = known.Requested, known.Requesting
		}
		return explainUnseen(a.send(ctx, d, s, o))
	})
	c.Flags().BoolVar(&s.queue, "queue", false, "leave it in the outbox for `desk serve` instead of waiting for the receipt")
	c.Flags().StringVar(&file, "from-file", "", `JSON body, "-" for standard input`)
	if act == workflow.Deliver {
		c.Flags().BoolVar(&s.final, "final", false, "nothing more will be delivered: the request is answered")
	}
	required(c, "from-file")
	return c
}

// explainUnseen says how many messages the sender has not seen when an act is
// not allowed for that reason.
func explainUnseen(err error) error {
	if p, ok := errors.AsType[*problem.Error](err); ok && len(p.Unseen) > 0 {
		return fmt.Errorf("%w (the other side has sent %d messages that you have not seen; synchronise first)", err, len(p.Unseen))
	}
	return err
}

// kindsOf lists the kinds of body that travel with an act.
func kindsOf(act workflow.Act) []string {
	var kinds []string
	for _, k := range convention.Kinds() {
		if convention.MayTravel(k.Kind, string(act)) {
			kinds = append(kinds, k.Kind)
		}
	}
	return kinds
}
