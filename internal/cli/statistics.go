package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
)

func (a *app) deskStatistics() *cobra.Command {
	return group("statistics", "What the State publishes about its own cases", a.statisticsShow(), a.statisticsPublish())
}

func (a *app) statisticsShow() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:   "show",
		Short: "Show what would be published of a period",
		Long: `Count the State's own cases that were opened on the days from --from to --to (UTC,
both included), by what they ask for, with how long they took, and the decisions and
grounds of refusal of these days; and show what of it would be published. Nothing
below five is, nor anything from which such a number follows; how many figures were
left out is said. There are no names, no references and no free text.`,
		Example: "  entraide desk statistics show --from 2026-01-01 --to 2026-03-31 --home desk",
		Args:    noArgs,
	}
	periodFlags(c, &from, &to)
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		s, err := o.Publication(ctx, by, from, to)
		if err != nil {
			return err
		}
		return a.print(s, func(w io.Writer) { a.printStatistics(w, s) })
	})
}

func (a *app) statisticsPublish() *cobra.Command {
	var from, to string
	var yes bool
	c := &cobra.Command{
		Use:   "publish",
		Short: "Publish figures of a period, after showing them",
		Long: `Show what would be published of a period, as ` + "`entraide desk statistics show`" + ` does. With
--yes, sign it with the State's key and publish it: the broker's log and directory
have it from then on, for every State and auditor to read, and it cannot be taken
back. Periods may not overlap; the same period again corrects what was said of it.`,
		Example: "  entraide desk statistics publish --from 2026-01-01 --to 2026-03-31 --yes --home desk",
		Args:    noArgs,
	}
	periodFlags(c, &from, &to)
	c.Flags().BoolVar(&yes, "yes", false, "publish what is shown")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		work := o.Publication
		if yes {
			work = o.Publish
		}
		s, err := work(ctx, by, from, to)
		if err != nil {
			return err
		}
		return a.print(map[string]any{"statistics": s, "published": yes}, func(w io.Writer) {
			a.printStatistics(w, s)
			if yes {
				fmt.Fprintln(w, "This is published.")
			} else {
				fmt.Fprintln(w, "Nothing has been published. Add --yes to publish this: it cannot be taken back.")
			}
		})
	})
}

func periodFlags(c *cobra.Command, from, to *string) {
	c.Flags().StringVar(from, "from", "", "first day, such as 2026-01-01")
	c.Flags().StringVar(to, "to", "", "last day, which is still part of the period")
}

// printStatistics prints what a State publishes.
func (a *app) printStatistics(w io.Writer, s directory.StatisticsStatement) {
	fmt.Fprintf(w, "Own cases, %s to %s\n", s.From, s.To)
	var rows []string
	for _, f := range s.Cases {
		closed, median, ninety := "-", "-", "-"
		if f.Closed > 0 {
			closed, median, ninety = fmt.Sprint(f.Closed), fmt.Sprint(f.Median), fmt.Sprint(f.Ninety)
		}
		rows = append(rows, row(f.Type, f.Direction, f.Cases, closed, median, ninety, convention.Label("measure-type", f.Type, a.lang)))
	}
	if len(rows) > 0 {
		table(w, "TYPE\tDIRECTION\tCASES\tCLOSED\tMEDIAN DAYS\t90TH\t", rows)
	}
	rows = nil
	for _, f := range s.Decisions {
		rows = append(rows, row(f.Outcome, f.Direction, f.Measures, convention.Label("decision-outcome", f.Outcome, a.lang)))
	}
	for _, f := range s.Grounds {
		rows = append(rows, row(f.Ground, f.Direction, f.Measures, convention.Label("refusal-ground", f.Ground, a.lang)))
	}
	if len(rows) > 0 {
		table(w, "DECISION OR GROUND\tDIRECTION\tMEASURES\t", rows)
	}
	fmt.Fprintf(w, "Figures left out because they are small: %d\n", s.LeftOut)
}

// printStateFigures prints what States have published, beside what the procedure says.
func (a *app) printStateFigures(w io.Writer, list []auditor.Published) {
	for _, p := range list {
		if p.Corrected {
			continue
		}
		fmt.Fprintf(w, "\nPublished by %s, entry %d, %s\n", p.Party, p.Index, p.Statement.Issued)
		a.printStatistics(w, p.Statement)
		fmt.Fprintf(w, "By the procedure: %d cases asked of %s, %d closed; %d asked by it, %d closed\n",
			p.Incoming.Cases, p.Party, p.Incoming.Closed, p.Outgoing.Cases, p.Outgoing.Closed)
	}
}
