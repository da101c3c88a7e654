package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/strictjson"
)

func (a *app) brokerCommand() *cobra.Command {
	return group("broker", "Run a broker",
		a.brokerInit(), a.brokerServe(), a.brokerCheck(), a.brokerErase(), a.brokerHold(), a.brokerRelease(), a.brokerBackup(),
		group("directory", "The directory that the broker serves", a.brokerDirectoryAdd()),
		group("log", "The broker's transparency log", a.brokerLogExport(), a.brokerRotateKey(), a.brokerRetireKey()))
}

func (a *app) brokerInit() *cobra.Command {
	var o home.InitOptions
	var statement string
	c := &cobra.Command{
		Use:   "init",
		Short: "Make a broker's home: keys, log, guard and configuration",
		Long: `Make a broker's home in --home, which must be empty or absent.

The directory of the new broker begins with the depositary's own statement, so
a depositary must exist first (entraide depositary init). Hand the file
broker.json of the new home to every desk over a channel that you trust: it
holds the keys by which they will know the broker and its log.`,
		Example: `  entraide broker init --home /var/lib/entraide/broker \
    --depositary depositary.json --url https://broker.example:8443 --listen 0.0.0.0:8443`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			if o.Depositary, err = readStatement(statement); err != nil {
				return err
			}
			if o.Origin == "" {
				if o.Origin, err = originOf(o.URL); err != nil {
					return err
				}
			}
			o.Now, o.Log = a.now, a.logger()
			public, err := home.Init(cmd.Context(), dir, o)
			if err != nil {
				return err
			}
			return a.print(public, func(w io.Writer) {
				fmt.Fprintf(w, "Broker made in %s\n", dir)
				fmt.Fprintf(w, "Log:  %s\nKey:  %s\n", public.Origin, public.LogKey)
				fmt.Fprintf(w, "Hand %s to every desk.\n", filepath.Join(dir, home.PublicFile))
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&statement, "depositary", "", "the depositary's statement, depositary.json of its home")
	flags.StringVar(&o.URL, "url", "", "address under which desks reach the broker, https")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8443", "address of the API")
	flags.StringVar(&o.AdminListen, "admin-listen", "127.0.0.1:9443", "private address of health and metrics, empty for none")
	flags.StringVar(&o.Origin, "origin", "", "name of the log (default: the host of --url with /log)")
	flags.StringVar(&o.Database, "database", "sqlite:broker.db", "sqlite:FILE, or a postgres:// address without a password")
	required(c, "depositary", "url")
	return c
}

// required marks flags and reports their absence as a usage error.
func required(c *cobra.Command, names ...string) {
	run := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range names {
			if !cmd.Flags().Changed(name) {
				return usage("--%s is missing", name)
			}
		}
		return run(cmd, args)
	}
}

// originOf names the log after the broker's address.
func originOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", usage("--url must be an https address")
	}
	return strings.TrimSuffix(u.Host+u.Path, "/") + "/log", nil
}

// readStatement reads a signed statement from a file.
func readStatement(path string) (directory.Signed, error) {
	var s directory.Signed
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := strictjson.Unmarshal(data, directory.MaxStatementBytes*2, &s); err != nil {
		return s, fmt.Errorf("%s is not a signed statement: %w", path, err)
	}
	return s, nil
}

func (a *app) brokerServe() *cobra.Command {
	var listen, admin string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the broker's API until interrupted",
		Long: `Serve the broker's API until interrupted; then finish what was begun.

Several brokers may serve one home at once if its database is PostgreSQL: give
each its own --listen.`,
		Example: "  entraide broker serve --home /var/lib/entraide/broker",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			s, err := home.Open(cmd.Context(), dir, a.now, a.logger())
			if err != nil {
				return err
			}
			if listen != "" {
				s.Config.Listen = listen
			}
			if cmd.Flags().Changed("admin-listen") {
				s.Config.AdminListen = admin
			}
			err = s.Serve(cmd.Context(), func(address net.Addr) {
				fmt.Fprintf(a.err, "entraide: broker of %s listens on %s\n", s.Config.Origin, address)
			})
			return errors.Join(err, s.Close())
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "address of the API instead of the configured one")
	c.Flags().StringVar(&admin, "admin-listen", "", "address of health and metrics instead of the configured one, empty for none")
	return c
}

func (a *app) brokerCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Verify the whole database against its log",
		Long: `Read every entry, message, receipt, statement and case of the database and verify
them against the log, and the log against the signer guard. Nothing is changed.
The exit status is 3 if anything does not fit.`,
		Example: "  entraide broker check --home /var/lib/entraide/broker",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			report, err := home.Check(cmd.Context(), dir, a.now)
			if err != nil {
				return err
			}
			return a.print(report, func(w io.Writer) {
				fmt.Fprintf(w, "The database agrees with its log: %d entries, %d messages in %d cases, %d receipts, %d statements.\n",
					report.Entries, report.Messages, report.Cases, report.Receipts, report.Statements)
				fmt.Fprintf(w, "Newest checkpoint: %d entries, root %s.\n", report.Signed, report.Root)
			})
		},
	}
}

func (a *app) brokerLogExport() *cobra.Command {
	var to, by string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the public log as static files (c2sp.org/tlog-tiles)",
		Long: `Write checkpoint, tiles, entry bundles and log.vkey to a directory that any web
server can publish and any C2SP verifier can check. Entries appear as salted
commitments: the files say how many there are, and nothing else. That it was
exported, and by whom, is an entry of the log.

On SQLite, stop the broker first.`,
		Example: "  entraide broker log export --home /var/lib/entraide/broker --dir public-log --by 'records office'",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			size, err := home.ExportLog(cmd.Context(), dir, a.now, a.logger(), to, by)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"dir": to, "size": size}, func(w io.Writer) {
				fmt.Fprintf(w, "Wrote the log of %d entries to %s\n", size, to)
			})
		},
	}
	c.Flags().StringVar(&to, "dir", "", "directory to write to")
	c.Flags().StringVar(&by, "by", "", "who does it, for the log")
	required(c, "dir", "by")
	return c
}

// An order is what an operator's act on a case rests on.
type order struct{ basis, by string }

func (o *order) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.basis, "basis", "", "the rule or order that this rests on, for the log")
	c.Flags().StringVar(&o.by, "by", "", "who does it, for the log")
	required(c, "basis", "by")
}

func (a *app) brokerErase() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use:   "erase CASE",
		Short: "Destroy what the broker holds of a closed case, and keep the proof",
		Long: `Destroy the messages and receipts of a closed case, and the private halves of its
entries in the log, in the tables and in the files of the database. The public
log stays as it is; an entry for each erased one says on what basis, and by whom.
A legal hold prevents it. It cannot be undone, and does not reach backups that
were made before.

On SQLite, stop the broker first.`,
		Example: `  entraide broker erase 0f3c… --basis "retention rule 4.2: five years" --by "records office" --home broker`,
		Args:    exactly("CASE"),
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		dir, err := a.homeDir()
		if err != nil {
			return err
		}
		n, err := home.Erase(cmd.Context(), dir, a.now, a.logger(), args[0], o.basis, o.by)
		if n > 0 {
			err = errors.Join(err, a.print(map[string]any{"case": args[0], "entries": n}, func(w io.Writer) {
				fmt.Fprintf(w, "Erased %d entries of case %s. The log says so, and stays whole.\n", n, args[0])
			}))
		}
		return err
	}
	o.flags(c)
	return c
}

func (a *app) brokerHold() *cobra.Command {
	return a.holding("hold CASE", "Keep a case from being erased", "entraide broker hold 0f3c…", "is under a legal hold", false)
}

func (a *app) brokerRelease() *cobra.Command {
	return a.holding("release CASE", "Lift a legal hold", "entraide broker release 0f3c…", "is no longer under a legal hold", true)
}

func (a *app) holding(use, short, example, became string, lift bool) *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: use, Short: short, Long: short + ". It is an entry of the log. On SQLite, stop the broker first.",
		Example: "  " + example + ` --basis "order of the court, 12 March" --by "records office" --home broker`,
		Args:    exactly("CASE"),
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		dir, err := a.homeDir()
		if err != nil {
			return err
		}
		if err := home.Hold(cmd.Context(), dir, a.now, a.logger(), args[0], o.basis, o.by, lift); err != nil {
			return err
		}
		return a.print(map[string]any{"case": args[0], "held": !lift}, func(w io.Writer) { fmt.Fprintf(w, "Case %s %s.\n", args[0], became) })
	}
	o.flags(c)
	return c
}
