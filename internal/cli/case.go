package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
)

func (a *app) caseCommand() *cobra.Command {
	return group("case", "Look at the desk's cases", a.caseList(), a.caseShow())
}

func (a *app) caseList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the cases, the most recently moved first",
		Example: "  entraide case list --home desk --json",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			cases, err := d.Cases(ctx)
			if err != nil {
				return err
			}
			return a.print(cases, func(w io.Writer) {
				if len(cases) == 0 {
					fmt.Fprintln(w, "No cases yet. Begin one with `entraide request send`.")
					return
				}
				var rows []string
				for _, c := range cases {
					rows = append(rows, row(c.Case, c.Stage, c.Lane, c.Counterpart, strings.Join(c.Measures, ","), orDash(c.Due), c.Updated))
				}
				table(w, "CASE\tSTAGE\tLANE\tWITH\tMEASURES\tDUE\tUPDATED", rows)
			})
		}),
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) caseShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show CASE",
		Short:   "Show a case: stage, measures, clocks, who owes what, and every message",
		Example: "  entraide case show 0f3c… --home desk",
		Args:    exactly("CASE"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			c, err := d.Case(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(c, func(w io.Writer) { printCase(w, c) })
		}),
	}
}

func printCase(w io.Writer, c desk.Case) {
	fmt.Fprintf(w, "Case %s\n%s, %s lane: %s asks %s\n", c.Case, c.Stage, c.Lane, c.Requesting, c.Requested)
	if c.ClassicalSecrecy {
		fmt.Fprintln(w, "Classical secrecy only: a future quantum computer could read this case.")
	}
	for _, m := range c.Measures {
		fmt.Fprintf(w, "  measure %d  %s  %s\n", m.Number, m.Type, m.Status)
	}
	for _, k := range c.Clocks {
		fmt.Fprintf(w, "  %s due %s (%s)\n", k.Name, k.Due, k.State)
	}
	for _, p := range c.Deadlines {
		fmt.Fprintf(w, "  PASSED: %s was due %s (entry %d)\n", p.Clock, p.Due, p.Index)
	}
	if c.Owed.By != "" {
		fmt.Fprintf(w, "Next: %s may %s\n", c.Owed.By, strings.Join(c.Owed.Acts, ", "))
	}
	fmt.Fprintln(w)
	for _, e := range c.Events {
		fmt.Fprintf(w, "%s  %s → %s  %s  [%s]  entry %d\n", e.Created, e.From, e.To, e.Act, e.Verdict, e.Index)
		if e.Summary != "" {
			fmt.Fprintf(w, "    %s\n", e.Summary)
		}
		if e.Note != "" {
			fmt.Fprintf(w, "    note: %s\n", e.Note)
		}
		fmt.Fprintf(w, "    message %s, digest %s\n", e.ID, e.Digest)
		for _, r := range e.Receipts {
			fmt.Fprintf(w, "    %s by %s at %s (entry %d)\n", r.Kind, r.By, r.At, r.Index)
		}
	}
}
