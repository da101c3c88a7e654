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

// An attachForm is the flags of a request that are about its attachments.
type attachForm struct {
	dirs []string
	kind string
}

func (f *attachForm) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.dirs, "attach", nil, "directory of evidence seal with one file, which goes with the request (may be repeated)")
	c.Flags().StringVar(&f.kind, "attach-as", "other", "kind of document of what is attached, such as order (schema codes kind-of-document)")
}

// complete lists the attachments in the body of a request, after those it lists.
func (f *attachForm) complete(body []byte) ([]byte, error) {
	if len(f.dirs) == 0 {
		return body, nil
	}
	parsed, err := convention.ParseBody(body)
	if err != nil {
		return nil, err
	}
	b, ok := parsed.(*convention.Request)
	if !ok {
		return nil, usage("--attach is for a request")
	}
	if listed := len(b.Attachments); listed > 0 && listed == len(f.dirs) {
		return body, nil // described by hand
	}
	for _, dir := range f.dirs {
		listed, err := desk.ListAttachment(dir, int64(len(b.Attachments)+1), convention.Attachment{Role: f.kind})
		if err != nil {
			return nil, err
		}
		b.Attachments = append(b.Attachments, listed)
	}
	return convention.Marshal(b)
}

func (a *app) requestSend() *cobra.Command {
	var s sending
	var attached attachForm
	c := &cobra.Command{
		Use:   "send FILE",
		Short: "Seal a request, or information, and send it",
		Long: `Check the body in FILE ("-" for standard input), seal it to the authority, send
it, and wait for the broker's receipt. If the line breaks, the message stays in
the outbox under its id and is sent once when the desk next synchronises.

Documents that go with a request, such as the order of a court, are sealed first,
each into a directory of its own (entraide evidence seal), and named by --attach.`,
		Example: `  entraide request send request.json --to QN.24-7 --from QM.24-7 --lane urgent --home desk
  entraide request send request.json --to QN.24-7 --attach sealed-order --attach-as order --home desk`,
		Args: exactly("FILE"),
	}
	c.PreRun = lean
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		file, err := readDraft(a.in, args[0])
		if err != nil {
			return err
		}
		if file.body, err = attached.complete(file.body); err != nil {
			return err
		}
		if len(attached.dirs) > 0 {
			report, end := a.progress()
			defer end()
			d.Report = report
		}
		act := workflow.Request
		if body, err := convention.ParseBody(file.body); err == nil && body.Kind() == "information" {
			act = workflow.Inform
		}
		return a.send(ctx, d, s, desk.Order{To: s.to, Act: act, Lane: workflow.Lane(s.lane), Body: file.body, Evidence: attached.dirs})
	})
	s.flags(c)
	attached.flags(c)
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
