package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
)

func (a *app) keyPolicy() *cobra.Command {
	var p desk.KeyPolicy
	c := &cobra.Command{
		Use:   "policy",
		Short: "Show or set how long keys are in use",
		Long: `Show the home's policy for keys, or set what a flag names. A serving desk warns of
what is due; with --automatic it rotates subkeys and renews entries by itself.`,
		Example: "  entraide key policy --automatic --keep-days 3650 --home desk",
		Args:    noArgs,
	}
	f := c.Flags()
	f.IntVar(&p.EncryptionDays, "encryption-days", 0, "days that a subkey for encryption is in use; 0 for ever")
	f.IntVar(&p.SigningDays, "signing-days", 0, "days that a subkey for signing is in use; 0 for ever")
	f.IntVar(&p.KeepDays, "keep-days", 0, "days after which `key destroy` may destroy superseded subkeys; 0 for never")
	f.BoolVar(&p.Automatic, "automatic", false, "let a serving desk rotate and renew")
	c.RunE = a.onDesk(func(_ context.Context, d *desk.Desk, _ []string) error {
		now, err := d.KeyPolicy()
		if err != nil {
			return err
		}
		for name, set := range map[string]func(){
			"encryption-days": func() { now.EncryptionDays = p.EncryptionDays },
			"signing-days":    func() { now.SigningDays = p.SigningDays },
			"keep-days":       func() { now.KeepDays = p.KeepDays },
			"automatic":       func() { now.Automatic = p.Automatic },
		} {
			if f.Changed(name) {
				set()
			}
		}
		if err := d.SetKeyPolicy(now); err != nil {
			return err
		}
		return a.print(now, func(w io.Writer) {
			fmt.Fprintf(w, "encryption  rotated every %s\nsigning     rotated every %s\n", days(now.EncryptionDays), days(now.SigningDays))
			fmt.Fprintf(w, "old keys    may be destroyed after %s\nautomatic   %t\n", days(now.KeepDays), now.Automatic)
		})
	})
	return c
}

// days prints a period of a policy.
func days(n int) string {
	if n == 0 {
		return "- (never)"
	}
	return fmt.Sprintf("%d days", n)
}

func (a *app) keyDestroy() *cobra.Command {
	var before date
	var yes bool
	c := &cobra.Command{
		Use:   "destroy",
		Short: "Destroy old keys, after showing what can then not be opened",
		Long: `Show the keys that went out of use before a time, or longer ago than the policy's
keep-days, and the messages that are sealed to them. With --yes, destroy the keys:
that cannot be taken back, and is noted in the desk's own log. Backups of the key
files are yours to destroy.

What the case file holds in the clear stays readable, and what was verified stays
verifiable. What is lost: the evidence of those messages cannot be opened again,
and their content can no longer be compared with what was sealed.`,
		Example: "  entraide key destroy --before 2026-01-01T00:00:00Z --home desk",
		Args:    noArgs,
	}
	a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, _ []string) (err error) {
		at := before.Time.Time
		if before.IsZero() {
			if at, err = d.DestroyBefore(); err != nil {
				return err
			}
			if at.IsZero() {
				return usage("the policy keeps old keys for ever: say --before, or set `entraide key policy --keep-days`")
			}
		}
		var plan desk.Destruction
		if yes {
			plan, err = d.DestroyKeysBy(ctx, by, at)
		} else {
			plan, err = d.OldKeys(ctx, at)
		}
		if err != nil {
			return err
		}
		return a.print(map[string]any{"plan": plan, "destroyed": yes}, func(w io.Writer) { printDestruction(w, plan, yes) })
	})
	c.Flags().Var(&before, "before", "destroy what went out of use before this time")
	c.Flags().BoolVar(&yes, "yes", false, "destroy what is shown")
	return c
}

func printDestruction(w io.Writer, plan desk.Destruction, done bool) {
	if len(plan.Keys) == 0 {
		fmt.Fprintf(w, "No key here went out of use before %s.\n", plan.Before)
		return
	}
	var rows []string
	for _, k := range plan.Keys {
		rows = append(rows, row(k.Name, k.Since, k.Fingerprint))
	}
	table(w, "KEY\tOUT OF USE SINCE\tFINGERPRINT", rows)
	evidence := 0
	for _, m := range plan.Sealed {
		evidence += m.Evidence
	}
	fmt.Fprintf(w, "%d messages are sealed to them, with %d packages of evidence.\n", len(plan.Sealed), evidence)
	if done {
		fmt.Fprintln(w, "The keys are destroyed. Destroy their copies in backups, too.")
		return
	}
	fmt.Fprintln(w, "Nothing has been destroyed. Add --yes to destroy these keys: that evidence can then never be opened again from its sealed form.")
}
