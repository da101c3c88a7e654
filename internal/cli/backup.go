package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/broker/home"
)

func (a *app) brokerBackup() *cobra.Command {
	var out, by, recorded string
	c := group("backup", "Back the broker's database up, and restore it", a.backupVerify(), a.backupRestore())
	c.Long = `Write a backup of an SQLite broker to a new file, and log that: the database as of one
moment, and of the configuration what is not secret. Stop the broker first. What was
erased is not in it. Not in it either: the signer guard, which must never be
restored; the key of the log and the TLS key, of which you keep a copy in a safe;
sealed evidence, which is copied with the tools of its store.

A PostgreSQL database is backed up with tools of its own, such as pgBackRest; log
that with --recorded and the name that the backup has there.`
	c.Example = `  entraide broker backup --home broker --out 2026-03-02.backup --by 'night operator'
  entraide broker backup --home broker --recorded 20260302-010003F --by 'night operator'
  entraide broker backup verify 2026-03-02.backup`
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		dir, err := a.homeDir()
		if err != nil {
			return err
		}
		if by == "" || (out == "") == (recorded == "") {
			return usage("say who does it with --by, and give one of --out and --recorded")
		}
		if recorded != "" {
			if err := home.NoteBackup(cmd.Context(), dir, a.now, a.logger(), recorded, by); err != nil {
				return err
			}
			return a.print(map[string]string{"recorded": recorded}, func(w io.Writer) { fmt.Fprintf(w, "The log says that %s was made.\n", recorded) })
		}
		m, err := home.Backup(cmd.Context(), dir, a.now, a.logger(), out, by)
		if err != nil {
			return err
		}
		return a.print(m, func(w io.Writer) {
			fmt.Fprintf(w, "Wrote %s: the database with a log of %d entries, %d files.\n", out, m.Size, len(m.Files))
			fmt.Fprintf(w, "Verify it where it is kept: entraide broker backup verify %s\n", out)
		})
	}
	c.Flags().StringVar(&out, "out", "", "file to write, which must not exist")
	c.Flags().StringVar(&by, "by", "", "who does it, for the log")
	c.Flags().StringVar(&recorded, "recorded", "", "only log a backup that other tools have made, by its name there")
	return c
}

func (a *app) backupVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify a backup: every file, and the database against its log",
		Long: `Read the whole backup: every file against its digest, and every entry, message and
receipt of the database against the log in it. No home is needed. Room for the
database is needed beside the file.`,
		Example: "  entraide broker backup verify 2026-03-02.backup",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, report, err := home.VerifyBackup(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(map[string]any{"backup": m, "report": report}, func(w io.Writer) {
				fmt.Fprintf(w, "The backup of %s is whole: %d entries of %s, %d messages in %d cases.\n",
					m.Made.Format(time.RFC3339), report.Entries, m.Origin, report.Messages, report.Cases)
			})
		},
	}
}

func (a *app) backupRestore() *cobra.Command {
	var by string
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put the database of a backup into a home that has lost its own",
		Long: `Verify the backup, put its database into --home, and log that. The home must have its
keys and its signer guard, and no database: move the old one away first.

A backup that is older than what the log has signed is refused, and nothing is
changed: signing on would fork the log. See docs/operator.md, "A restored
database".`,
		Example: "  entraide broker backup restore 2026-03-02.backup --home broker --by 'night operator'",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			m, err := home.Restore(cmd.Context(), dir, a.now, a.logger(), args[0], by)
			if err != nil {
				return err
			}
			return a.print(m, func(w io.Writer) {
				fmt.Fprintf(w, "Restored the backup of %s. The log says so.\n", m.Made.Format(time.RFC3339))
			})
		},
	}
	c.Flags().StringVar(&by, "by", "", "who does it, for the log")
	required(c, "by")
	return c
}
