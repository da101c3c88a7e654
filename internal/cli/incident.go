package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
)

func (a *app) deskIncident() *cobra.Command {
	return group("incident", "Incidents: what went wrong that must not", a.incidentList(), a.incidentExport())
}

func (a *app) incidentList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List incidents, the oldest first", Example: "  entraide desk incident list --home desk", Args: noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			all, err := d.Incidents(ctx)
			if err != nil {
				return err
			}
			return a.print(all, func(w io.Writer) {
				printIncidents(w, all)
				if len(all) == 0 {
					fmt.Fprintln(w, "There is no incident.")
				}
			})
		}),
	}
}

func (a *app) incidentExport() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "export NUMBER", Short: "Write the evidence of an incident to a new directory", Example: "  entraide desk incident export 2 --dir incident-2 --home desk", Args: exactly("NUMBER"),
	}
	c.Flags().StringVar(&dir, "dir", "", "new directory for the files")
	required(c, "dir")
	return a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		number, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return usage("%q is not the number of an incident", args[0])
		}
		if err := d.ExportIncident(ctx, by, number, dir); err != nil {
			return err
		}
		return a.print(map[string]any{"incident": number, "dir": dir}, func(w io.Writer) { fmt.Fprintf(w, "The evidence of incident %d is in %s.\n", number, dir) })
	})
}
