package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
)

func (a *app) officeRename() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "rename-team TEAM NAME", Short: "Give a team another name; its cases go with it",
		Example: "  entraide office rename-team cyber \"Cyber crime\" --home desk", Args: exactly("TEAM", "NAME"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.RenameTeam(ctx, by, args[0], args[1]); err != nil {
			return err
		}
		return a.done("Renamed.")
	})
}

func (a *app) officeDissolve() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "dissolve-team TEAM", Short: "End a team; its cases are assigned to no team",
		Example: "  entraide office dissolve-team cyber --home desk", Args: exactly("TEAM"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.DissolveTeam(ctx, by, args[0]); err != nil {
			return err
		}
		return a.done("Dissolved.")
	})
}

func (a *app) officeTest() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "test-notice OFFICER", Short: "Send a notice that says it is a test to every address of an officer",
		Example: "  entraide office test-notice ana --home desk", Args: exactly("OFFICER"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		trials, err := (&office.Notifier{Office: o}).Test(ctx, by, args[0])
		if err != nil {
			return err
		}
		return a.print(trials, func(w io.Writer) {
			for _, t := range trials {
				if t.Problem == "" {
					t.Problem = "taken"
				}
				fmt.Fprintf(w, "%s: %s\n", t.Channel, t.Problem)
			}
		})
	})
}

func (a *app) officePropose() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "propose NAME JSON", Short: "Propose a setting of security, four-eyes or retention, which another administrator confirms",
		Example: "  entraide office propose four-eyes '{\"lanes\":[\"urgent\",\"routine\"]}' --as root --home desk\n" +
			"  entraide office propose retention '{\"default\":{\"days\":1825,\"basis\":\"Archives Act, section 12\"}}' --as root --home desk",
		Args: exactly("NAME", "JSON"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		value, err := settingOf(args[0], args[1])
		if err != nil {
			return err
		}
		p, err := o.Propose(ctx, by, args[0], value)
		if err != nil {
			return err
		}
		return a.print(p, func(w io.Writer) { printProposal(w, p) })
	})
}

func printProposal(w io.Writer, p office.Proposal) {
	fmt.Fprintf(w, "%s: %s\nproposed by %s at %s; another administrator: entraide office confirm %s %s\n", p.Name, p.Value, p.ByName, p.At, p.Name, p.ID)
}

func (a *app) officeProposals() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "proposals", Short: "Show what is proposed for the settings of security", Example: "  entraide office proposals --home desk", Args: noArgs,
	}, func(ctx context.Context, o *office.Office, _ desk.Officer, _ []string) error {
		all := []office.Proposal{}
		for _, name := range office.SecuritySettings {
			p, err := o.Proposal(ctx, name)
			if err != nil {
				return err
			}
			if p.ID != "" {
				all = append(all, p)
			}
		}
		return a.print(all, func(w io.Writer) {
			for _, p := range all {
				printProposal(w, p)
			}
			if len(all) == 0 {
				fmt.Fprintln(w, "Nothing is proposed.")
			}
		})
	})
}

func (a *app) officeConfirm() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "confirm NAME ID", Short: "Confirm what another administrator proposed", Example: "  entraide office confirm four-eyes 0f3c… --as ines --home desk", Args: exactly("NAME", "ID"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.Confirm(ctx, by, args[0], args[1]); err != nil {
			return err
		}
		return a.done("Confirmed, and in force.")
	})
}

func (a *app) officeWithdraw() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "withdraw NAME ID", Short: "End what is proposed for a setting of security", Example: "  entraide office withdraw four-eyes 0f3c… --home desk", Args: exactly("NAME", "ID"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.Withdraw(ctx, by, args[0], args[1]); err != nil {
			return err
		}
		return a.done("Withdrawn.")
	})
}

// mostDue is how many cases are listed that will be due.
const mostDue = 1000

func (a *app) officeRetention() *cobra.Command {
	var within int
	c := &cobra.Command{
		Use: "retention", Short: "Show the rules of retention, legal holds, and what would be erased and when", Args: noArgs,
		Long: `Show the rules of retention that count, the cases under a legal hold, and the
closed cases whose time is over, or will be within some days. Nothing is erased:
` + "`entraide case erase --due --execute`" + ` does that. Rules are proposed by one
administrator and confirmed by another; until then, those of desk.toml count.`,
		Example: "  entraide office retention --within 90 --home desk",
	}
	c.Flags().IntVar(&within, "within", 0, "days ahead")
	return a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, _ desk.Officer, _ []string) error {
		rules, fromFile, err := d.RetentionRules(ctx)
		if err != nil {
			return err
		}
		held, err := d.Holds(ctx)
		if err != nil {
			return err
		}
		due, err := d.DueBy(ctx, a.now().AddDate(0, 0, within), mostDue)
		if err != nil {
			return err
		}
		return a.print(map[string]any{"rules": rules, "from_file": fromFile, "holds": held, "due": due}, func(w io.Writer) {
			for _, name := range slices.Sorted(maps.Keys(rules)) {
				fmt.Fprintf(w, "%s: %d days, %s\n", name, rules[name].Days, rules[name].Basis)
			}
			if len(rules) == 0 {
				fmt.Fprintln(w, "There is no rule: every case is kept.")
			}
			for _, h := range held {
				fmt.Fprintf(w, "held  %s since %s: %s\n", h.Case, h.Since, h.Basis)
			}
			for _, c := range due {
				fmt.Fprintf(w, "due   %s from %s: %s\n", c.Case, c.Since, c.Basis)
			}
		})
	})
}
