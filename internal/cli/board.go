package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
)

func (a *app) pageBoard() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "board", Short: "Show what the watch has before it: calls, what is due, who is on duty", Example: "  entraide page board --home desk", Args: noArgs,
	}, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		b, err := o.Board(ctx, by)
		if err != nil {
			return err
		}
		return a.print(b, func(w io.Writer) { printBoard(w, b) })
	})
}

func printBoard(w io.Writer, b office.Board) {
	if len(b.Pages) == 0 {
		fmt.Fprintln(w, "Nobody is calling.")
	}
	for _, p := range b.Pages {
		what := "EMERGENCY"
		if p.Drill {
			what = "drill"
		}
		fmt.Fprintf(w, "%s  page %s waits for %s\n", what, p.ID, time.Duration(p.Seconds)*time.Second)
	}
	for _, c := range b.Columns {
		fmt.Fprintf(w, "\n%s: %d\n", map[string]string{"overdue": "Overdue", "day": "Less than 24 hours", "days": "Less than 72 hours"}[c.Name], c.Count)
		for _, l := range c.Cases {
			fmt.Fprintf(w, "  %s  %s  %s  %s, owed by %s\n", l.Due, l.Case, l.Counterpart, l.Clock, l.Owed)
		}
	}
	fmt.Fprintln(w)
	if len(b.OnDuty) == 0 {
		fmt.Fprintln(w, "Nobody is on duty: everybody with a contact is called.")
	}
	for _, s := range b.OnDuty {
		fmt.Fprintf(w, "on duty  %s, level %d\n", s.Officer, s.Level)
	}
}
