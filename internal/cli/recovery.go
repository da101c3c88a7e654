package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
)

func (a *app) keyRecovery() *cobra.Command {
	return group("recovery", "Restore lost keys with the help of several people", a.recoverySetup(), a.recoveryStatus(), a.recoveryRestore())
}

func (a *app) recoverySetup() *cobra.Command {
	var shares, threshold int
	var dir string
	c := &cobra.Command{
		Use:   "setup",
		Short: "Make recovery shares, of which some together restore the home's keys",
		Long: `Seal copies of the home's keys, now and whenever a key changes, to a recovery
key, and split what opens it among --shares people, of whom --threshold together
can restore the keys and fewer can do nothing.

--dir gets one file for each person. Print it or hand it over, and destroy it: it
is not shown again. Shares of an earlier setup are worthless from then on. The
sealed copies, keys/recovery in the home, belong into the home's backup. Keys in a
device are not in them.`,
		Example: "  entraide key recovery setup --shares 5 --threshold 3 --dir shares --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		texts, r, err := d.SetUpRecovery(ctx, shares, threshold)
		if err != nil {
			return errors.Join(err, os.Remove(dir))
		}
		for i, text := range texts {
			content := fmt.Sprintf("Entraide: recovery share %d of %d, of which %d restore the keys\nSet %s, made %s\nKeep it apart from the others. Whoever has %d of them has the keys.\n\n%s\n",
				i+1, r.Shares, r.Threshold, r.ID, time.Unix(r.Made, 0).UTC().Format(time.DateOnly), r.Threshold, text)
			if err := writeNew(filepath.Join(dir, fmt.Sprintf("share-%d.txt", i+1)), []byte(content)); err != nil {
				return err
			}
		}
		return a.print(map[string]any{"set": r.ID, "shares": r.Shares, "threshold": r.Threshold, "dir": dir}, func(w io.Writer) {
			fmt.Fprintf(w, "Wrote %d shares to %s; any %d of them restore the keys.\n", r.Shares, dir, r.Threshold)
			fmt.Fprintln(w, "Give each to another person, and destroy the files: they are not shown again.")
		})
	})
	c.Flags().IntVar(&shares, "shares", 5, "how many people get a share")
	c.Flags().IntVar(&threshold, "threshold", 3, "how many of them restore the keys")
	c.Flags().StringVar(&dir, "dir", "", "directory to make for the shares")
	required(c, "dir")
	return c
}

func (a *app) recoveryStatus() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show whether and how the home's keys can be restored",
		Example: "  entraide key recovery status --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(_ context.Context, d *desk.Desk, _ []string) error {
			r, err := d.Recovery()
			if err != nil {
				return err
			}
			made := time.Unix(r.Made, 0).UTC().Format(time.RFC3339)
			return a.print(map[string]any{"set": r.ID, "shares": r.Shares, "threshold": r.Threshold, "made": made}, func(w io.Writer) {
				fmt.Fprintf(w, "Set %s of %s: any %d of %d shares restore the keys.\n", r.ID, made, r.Threshold, r.Shares)
			})
		}),
	}
}

func (a *app) recoveryRestore() *cobra.Command {
	var from string
	var files []string
	var replace bool
	c := &cobra.Command{
		Use:   "restore",
		Short: "Restore a home's keys with enough recovery shares",
		Long: `Restore the keys of --home with the shares in the files of --share, from the
sealed copies in --from: keys/recovery of the home or of its backup. The keys are
locked with a new passphrase, which is asked for.

The restoration is an entry of the desk's own log and an incident that "entraide
desk check" shows. Tell the national auditor; whoever could restore the keys could
have done so before.`,
		Example: "  entraide key recovery restore --share 1.txt --share 3.txt --share 4.txt --from backup/keys/recovery --home desk",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			if from == "" {
				from = filepath.Join(dir, "keys", "recovery")
			}
			r := desk.Restoration{From: from, Replace: replace, Now: a.now(), Passphrase: func() ([]byte, error) { return a.newPassphrase(dir) }}
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					return err
				}
				r.Shares = append(r.Shares, string(text))
			}
			names, err := desk.RestoreKeys(dir, r)
			if err != nil {
				return err
			}
			// Opening the home announces it; a home that is nothing but keys
			// cannot be opened yet.
			if d, err := a.openDesk(cmd.Context()); err == nil {
				err = d.Close()
				if err != nil {
					return err
				}
			} else if !errors.Is(err, desk.ErrNoHome) {
				return err
			}
			return a.print(map[string]any{"keys": names}, func(w io.Writer) {
				for _, name := range names {
					fmt.Fprintf(w, "Restored %s\n", name)
				}
				fmt.Fprintln(w, "Tell the national auditor that recovery shares were used.")
			})
		},
	}
	c.Flags().StringArrayVar(&files, "share", nil, "file with a share; give it once for each")
	c.Flags().StringVar(&from, "from", "", "directory with the sealed copies (keys/recovery of the home)")
	c.Flags().BoolVar(&replace, "replace", false, "replace keys that are there")
	required(c, "share")
	return c
}
