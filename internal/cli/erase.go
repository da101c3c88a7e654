package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
)

func (a *app) caseErase() *cobra.Command {
	var o order
	var due, execute bool
	c := &cobra.Command{
		Use:   "erase [CASE]",
		Short: "Destroy the content of a closed case, and keep the proof",
		Long: `Destroy what the desk holds of a closed case: content, sealed messages, fetched
parts of evidence, and the salts of its log entries, in the tables and in the
files of the database. What stays is a signed record with digests and places in
the log: the case is still listed, bundles of it still verify, and say that it
was erased lawfully, when, by whom and on what basis. A legal hold prevents it.
It cannot be undone, and reaches neither backups made before, nor what was
exported, nor the other side.

With --due, list the cases whose time is over under the rules of desk.toml, and
with --execute erase them, except those under a legal hold:

  [retention.default]
  days = 1825
  basis = "Archives Act, section 12: five years after closing"

  [retention.T01]
  days = 730
  basis = "Archives Act, section 14: two years"

A rule is named after a type of measure, or "information"; of several, the
longest counts.`,
		Example: `  entraide case erase 0f3c… --basis "order of the court, 12 March" --by "records office" --home desk
  entraide case erase --due --home desk
  entraide case erase --due --execute --by "records office" --home desk`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case due && len(args) > 0:
				return usage("--due takes no case")
			case !due && execute:
				return usage("--execute goes with --due")
			case execute && o.by == "":
				return usage("say who does it, with --by")
			case due:
				return nil
			case o.basis == "" || o.by == "":
				return usage("say the rule or order, with --basis, and who does it, with --by")
			}
			return exactly("CASE")(nil, args)
		},
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			if due {
				return a.eraseDue(ctx, d, o.by, execute)
			}
			e, err := d.Erase(ctx, args[0], o.basis, o.by)
			if e.At == "" {
				return err
			}
			return errors.Join(err, a.print(e, func(w io.Writer) {
				fmt.Fprintf(w, "Case %s: %s.\n", args[0], e)
			}))
		}),
	}
	c.Flags().StringVar(&o.basis, "basis", "", "the rule or order that this rests on, for the record")
	c.Flags().StringVar(&o.by, "by", "", "who does it, for the record")
	c.Flags().BoolVar(&due, "due", false, "the cases that the rules of desk.toml name; only lists them without --execute")
	c.Flags().BoolVar(&execute, "execute", false, "with --due: erase them")
	return c
}

// eraseDue lists what is due and, if it is to, erases it.
func (a *app) eraseDue(ctx context.Context, d *desk.Desk, by string, execute bool) error {
	cases, err := d.Due(ctx)
	if err != nil {
		return err
	}
	erased := 0
	for _, c := range cases {
		if !execute || c.Hold != "" {
			continue
		}
		if _, err := d.Erase(ctx, c.Case, c.Basis, by); err != nil {
			return fmt.Errorf("case %s, after %d were erased: %w", c.Case, erased, err)
		}
		erased++
	}
	return a.print(map[string]any{"due": cases, "erased": erased}, func(w io.Writer) {
		if len(cases) == 0 {
			fmt.Fprintln(w, "Nothing is due.")
			return
		}
		var rows []string
		for _, c := range cases {
			rows = append(rows, row(c.Case, c.Since, c.Basis, orDash(c.Hold)))
		}
		table(w, "CASE\tDUE SINCE\tBASIS\tLEGAL HOLD", rows)
		if !execute {
			fmt.Fprintln(w, "\nNothing was erased. To erase them: --due --execute --by WHO")
			return
		}
		fmt.Fprintf(w, "\nErased %d of %d cases.\n", erased, len(cases))
	})
}

func (a *app) caseHold() *cobra.Command {
	return a.deskHolding("hold CASE", "Keep a case from being erased", "entraide case hold 0f3c…", "is under a legal hold", false)
}

func (a *app) caseRelease() *cobra.Command {
	return a.deskHolding("release CASE", "Lift a legal hold", "entraide case release 0f3c…", "is no longer under a legal hold", true)
}

func (a *app) deskHolding(use, short, example, became string, lift bool) *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: use, Short: short, Long: short + " at this desk. It is an entry of the desk's own log.",
		Example: "  " + example + ` --basis "order of the court, 12 March" --by "records office" --home desk`,
		Args:    exactly("CASE"),
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		if err := d.HoldCase(ctx, args[0], o.basis, o.by, lift); err != nil {
			return err
		}
		return a.print(map[string]any{"case": args[0], "held": !lift}, func(w io.Writer) { fmt.Fprintf(w, "Case %s %s.\n", args[0], became) })
	})
	o.flags(c)
	return c
}
