package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/pgp"
)

func (a *app) directoryCompared() *cobra.Command {
	return &cobra.Command{
		Use: "compared AUTHORITY", Short: "Show whether officers have compared an authority's fingerprints, how, and who",
		Example: "  entraide directory compared QN.mla --home desk", Args: exactly("AUTHORITY"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			checks, err := d.KeyChecks(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(checks, func(w io.Writer) {
				for _, k := range checks {
					fmt.Fprintf(w, "%s  %s  %s\n", k.Suite, k.Fingerprint, k.State)
					if k.Last != nil {
						fmt.Fprintf(w, "    %s, %s and %s, %s: %s\n", k.Last.SecondAt.Format("2006-01-02"), k.Last.ByName, k.Last.Second, k.Last.How, k.Last.Fingerprint)
					}
					if k.Waits != nil {
						fmt.Fprintf(w, "    %s waits for a second officer: entraide directory second %s %d\n", k.Waits.ByName, args[0], k.Waits.ID)
					}
				}
			})
		}),
	}
}

func (a *app) directoryCompare() *cobra.Command {
	var v desk.Verified
	var suite string
	c := &cobra.Command{
		Use: "compare AUTHORITY FINGERPRINT", Short: "Note that you have compared a fingerprint with its owner, outside this network",
		Example: "  entraide directory compare QN.mla 3F0E…9A --suite modern-6 --how phone --with 'Ms Lindqvist' --as ana --home desk",
		Args:    exactly("AUTHORITY", "FINGERPRINT"),
	}
	c.Flags().StringVar(&suite, "suite", "", "suite of the certificate")
	c.Flags().StringVar(&v.How, "how", "", "in-person, phone or note-verbale")
	c.Flags().StringVar(&v.Counterpart, "with", "", "who spoke for the other side, or the number of the note")
	required(c, "suite", "how", "with")
	return a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		v.Authority, v.Suite, v.Fingerprint = args[0], pgp.Suite(suite), strings.ToUpper(strings.ReplaceAll(args[1], " ", ""))
		if err := d.RecordVerified(ctx, by, v); err != nil {
			return err
		}
		return a.done("Noted. It counts once a second officer says so.")
	})
}

func (a *app) directorySecond() *cobra.Command {
	return a.asOfficerOn(&cobra.Command{
		Use: "second AUTHORITY NUMBER", Short: "Say as the second officer that a fingerprint was compared",
		Example: "  entraide directory second QN.mla 3 --as bo --home desk", Args: exactly("AUTHORITY", "NUMBER"),
	}, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		id, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return usage("%q is not a number of what waits", args[1])
		}
		if err := d.SecondVerified(ctx, by, args[0], id); err != nil {
			return err
		}
		return a.done("Noted.")
	})
}
