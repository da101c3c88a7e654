package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

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
	var file, delivery string
	var parcels deliveryForm
	var line lineForm
	kinds := kindsOf(act)
	c := &cobra.Command{
		Use:   string(act) + " CASE",
		Short: fmt.Sprintf("Send a message of kind %s", strings.Join(kinds, " or ")),
		Long: fmt.Sprintf("Send a message of kind %s in a case. `entraide request new --type %s` writes\na template for --from-file.",
			strings.Join(kinds, " or "), kinds[0]),
		Example: fmt.Sprintf("  entraide reply %s 0f3c… --from-file body.json --home desk", act),
		Args:    exactly("CASE"),
	}
	form, short := shortForms[act]
	fill := func(desk.Case) (convention.Body, error) { return nil, usage("--from-file is needed") }
	var members []string // flags that stand for members of the body
	if short {
		c.Example = fmt.Sprintf("  entraide reply %s 0f3c… %s --home desk\n%s", act, form.example, c.Example)
		fill = form.flags(c)
		c.Flags().VisitAll(func(f *pflag.Flag) { members = append(members, f.Name) })
	}
	if act == workflow.Confirm {
		c.Flags().StringVar(&delivery, "delivery", "", "message whose packages were fetched: what was found of each is the receipt")
		c.Example = "  entraide reply confirm 0f3c… --delivery 1b2c… --home desk\n" + c.Example
		members = []string{"delivery"}
	}
	if act == workflow.Deliver {
		c.PreRun = lean
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		known, err := d.Case(ctx, args[0])
		if err != nil {
			return err
		}
		o := desk.Order{Case: message.ID(args[0]), Act: act, Final: s.final}
		if o.Body, err = a.replyBody(c, members, file, func() (convention.Body, error) {
			if act == workflow.Confirm {
				return d.EvidenceReceipt(ctx, args[0], delivery)
			}
			return fill(known)
		}); err != nil {
			return err
		}
		if act == workflow.Deliver {
			if o.Body, o.Evidence, err = parcels.complete(o.Body, s.final, file == ""); err != nil {
				return err
			}
			report, end := a.progress()
			defer end()
			d.Report = report
			if err := line.apply(d); err != nil {
				return err
			}
		}
		s.from, o.To = known.Requesting, known.Requested
		if known.Role == string(workflow.Requested) {
			s.from, o.To = known.Requested, known.Requesting
		}
		return explainUnseen(a.send(ctx, d, s, o))
	})
	c.Flags().BoolVar(&s.queue, "queue", false, "leave it in the outbox for `desk serve` instead of waiting for the receipt")
	c.Flags().StringVar(&file, "from-file", "", `JSON body, "-" for standard input, instead of the flags for its members`)
	if act == workflow.Deliver {
		c.Flags().BoolVar(&s.final, "final", false, "nothing more will be delivered: the request is answered")
		parcels.flags(c)
		line.flags(c)
	}
	return c
}

// replyBody reads the body from a file, or makes it of flags; not of both.
func (a *app) replyBody(c *cobra.Command, members []string, file string, fill func() (convention.Body, error)) ([]byte, error) {
	if file == "" {
		body, err := fill()
		if err != nil {
			return nil, err
		}
		return convention.Marshal(body)
	}
	for _, name := range members {
		if c.Flags().Changed(name) {
			return nil, usage("--%s and --from-file exclude each other: the file is the whole body", name)
		}
	}
	draft, err := readDraft(a.in, file)
	return draft.body, err
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
