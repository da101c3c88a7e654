package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/workflow"
)

// errNotInBundle says that a bundle holds no request of a reference.
var errNotInBundle = errors.New("the bundle holds no request with this reference")

func (a *app) requestConfirm() *cobra.Command {
	var file, broker string
	c := &cobra.Command{
		Use:   "confirm REFERENCE CODE",
		Short: "Say whether a request on paper is genuine",
		Long: `Answer somebody who holds a printed request, with the reference and the check code
on it: whether this desk has received it, from which authority, and when. Nothing
else is revealed, and a wrong code is answered alike whether or not there is such
a request. A desk answers 60 wrong codes in an hour, and then nobody until the hour
is over. Letters may be small, hyphens left out; a mistyped symbol is noticed.

With --bundle, the answer comes from a case bundle (entraide audit bundle),
offline and without a desk: that the log holds a request with this reference, from
whom, to whom and since when. A bundle cannot tell whether the check code is right,
only whether it was mistyped; CODE may be left out.`,
		Example: `  entraide request confirm 7Q4W-2M0K K3ZD-9T0A-VX4 --home desk
  entraide request confirm 7Q4W-2M0K --bundle case.zip --broker broker.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if file != "" && len(args) == 1 {
				return nil
			}
			return exactly("REFERENCE", "CODE")(cmd, args)
		},
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if file != "" {
			return a.confirmBundle(cmd.Context(), file, broker, args)
		}
		return a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			found, err := d.Confirm(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return a.print(found, func(w io.Writer) {
				fmt.Fprintf(w, "Genuine: we received request %s from %s at %s.\n", found.Reference, found.From, found.At)
			})
		})(cmd, args)
	}
	c.Flags().StringVar(&file, "bundle", "", "case bundle to look in, instead of a desk")
	c.Flags().StringVar(&broker, "broker", "", "with --bundle: broker.json as its operator handed it out")
	return c
}

// A logged is a request that a bundle proves to be in the log.
type logged struct {
	Reference string         `json:"reference"`
	From      string         `json:"from"`
	To        string         `json:"to"`
	At        string         `json:"at"` // RFC 3339, the broker's claim
	Index     int64          `json:"index"`
	Verdict   bundle.Verdict `json:"verdict"`
}

// confirmBundle looks for a request in a case bundle.
func (a *app) confirmBundle(ctx context.Context, path, broker string, args []string) error {
	reference, err := message.ParseReference(args[0])
	if err == nil && len(args) > 1 {
		_, _, _, err = message.ParseCheckCode(args[0], args[1])
	}
	if err != nil {
		return err
	}
	trust, err := a.trust(broker)
	if err != nil {
		return err
	}
	r, err := readBundle(ctx, trust, path)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.Messages, func(m bundle.Line) bool {
		return m.Act == string(workflow.Request) && message.Reference(message.ID(m.ID)) == reference
	})
	if i < 0 {
		return errNotInBundle
	}
	m := r.Messages[i]
	found := logged{Reference: reference, From: m.From, To: m.To, At: m.Logged, Index: m.Index, Verdict: r.Verdict}
	return a.print(found, func(w io.Writer) {
		fmt.Fprintf(w, "The log holds request %s from %s to %s since %s, as entry %d (bundle: %s).\n",
			found.Reference, found.From, found.To, found.At, found.Index, found.Verdict)
		fmt.Fprintf(w, "Whether a check code is its own, only the desks of the two can tell.\n")
	})
}

// readBundle opens and verifies a case bundle.
func readBundle(ctx context.Context, trust verify.Trust, path string) (bundle.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return bundle.Report{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return bundle.Report{}, err
	}
	b, err := bundle.Open(f, info.Size())
	if err != nil {
		return bundle.Report{}, err
	}
	return b.Verify(ctx, trust)
}

// printCheckCode prints what goes on the paper that a request becomes.
func printCheckCode(w io.Writer, indent string, m desk.Message) {
	if m.CheckCode != "" {
		fmt.Fprintf(w, "%sreference %s, check code %s\n", indent, m.Reference, m.CheckCode)
	}
}
