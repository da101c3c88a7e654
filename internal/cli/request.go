package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

func (a *app) requestCommand() *cobra.Command {
	return group("request", "Begin cases", a.requestNew(), a.requestCheck(), a.requestSend(), a.requestConfirm())
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
		printCheckCode(w, "", m)
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
