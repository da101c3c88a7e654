package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/auditor/period"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/pkg/pgp"
)

// A reporting is how a report on a period is made.
type reporting struct {
	auditor.PeriodQuery
	checkpoint string
	format     string
	out        string
	unsigned   bool
}

func (a *app) auditReport() *cobra.Command {
	var r reporting
	c := &cobra.Command{
		Use:   "report",
		Short: "Report on a period: figures, findings, method and the checkpoint they rest on",
		Long: `Write a report on the days from --from to --to (UTC, both included) into the
directory --out, from the book of the mirror in --home: report.json, report.csv,
and report.html for print, in the language of --lang or in all. Each file is signed
by the auditor's own key (see ` + "`entraide audit key`" + `), in a file of its own, with a
signature that stock OpenPGP tools verify.

The report follows from the checkpoint, the period and what the auditor may see, and
from nothing else: made again, at any time later, or by another auditor who sees the
same, it is the same byte for byte. It rests on the newest checkpoint, or on the one
of --size entries, or on the signed one in --checkpoint, which may be the
report.json of the report that is to be made again.

What only this mirror has is not in it: what its own looks at the log have brought
up, such as a fork, and the states and remarks that people have given findings. With
--remarks that is added, and only the rest can be made again elsewhere.`,
		Example: `  entraide audit report --from 2026-01-01 --to 2026-03-31 --out q1 --home mirror
  entraide audit report --from 2026-01-01 --to 2026-03-31 --checkpoint q1/report.json --out again --home other
  gpg --import q1/auditor.pgp && gpg --verify q1/report.json.sig q1/report.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.From == "" || r.To == "" || r.out == "" {
				return usage("say which period, with --from DAY and --to DAY, and where to write, with --out DIR")
			}
			var tags []string
			if cmd.Flags().Changed("lang") {
				tags = append(tags, a.lang)
			}
			return a.withBook(func(ctx context.Context, b *auditor.Book, _ []string) error { return a.report(ctx, b, r, tags) })(cmd, nil)
		},
	}
	c.Flags().StringVar(&r.From, "from", "", "first day, such as 2026-01-01")
	c.Flags().StringVar(&r.To, "to", "", "last day, which is still part of the period")
	c.Flags().StringVar(&r.format, "format", "all", "one of html, csv, json, all")
	c.Flags().StringVar(&r.out, "out", "", "directory to write to")
	c.Flags().Int64Var(&r.Size, "size", 0, "rest on the checkpoint of this many entries (default: the newest)")
	c.Flags().StringVar(&r.checkpoint, "checkpoint", "", "file with the signed checkpoint to rest on, or a report.json that has it")
	c.Flags().BoolVar(&r.Remarks, "remarks", false, "add what only this mirror has")
	c.Flags().BoolVar(&r.unsigned, "unsigned", false, "sign nothing")
	c.AddCommand(a.reportVerify())
	return c
}

// report makes a report and writes it.
func (a *app) report(ctx context.Context, b *auditor.Book, r reporting, tags []string) error {
	formats := period.Formats()
	if r.format != "all" {
		if !slices.Contains(formats, r.format) {
			return usage("--format is one of html, csv, json, all")
		}
		formats = []string{r.format}
	}
	if r.checkpoint != "" {
		note, err := checkpointIn(r.checkpoint)
		if err != nil {
			return err
		}
		r.Checkpoint = note
	}
	key, err := a.reportKey(r.unsigned)
	if err != nil {
		return err
	}
	made, err := b.Period(ctx, r.PeriodQuery)
	if err != nil {
		return err
	}
	files, err := period.Files(made, formats, tags, key, a.now())
	if err != nil {
		return err
	}
	if err := period.Write(r.out, files); err != nil {
		return err
	}
	left, err := a.leftOut(ctx, b, r.Remarks)
	if err != nil {
		return err
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	result := map[string]any{"files": names, "size": made.Ground.Size, "root": made.Ground.Root, "findings": made.Counts, "left_out": left}
	return a.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "The report on %s to %s rests on %d entries of %s. In %s: %s\n", made.From, made.To, made.Ground.Size, made.Origin, r.out, strings.Join(names, ", "))
		if left > 0 {
			fmt.Fprintf(w, "NOT IN IT: %d findings of this mirror's own looks. They are added with --remarks.\n", left)
		}
	})
}

// leftOut counts the findings that rest on the mirror's own looks and so are in no
// report without remarks.
func (a *app) leftOut(ctx context.Context, b *auditor.Book, remarks bool) (n int64, err error) {
	if remarks {
		return 0, nil
	}
	counts, err := b.FindingCounts(ctx)
	for _, c := range counts {
		if slices.Contains(auditor.OwnCodes(), c.Code) {
			n += c.Count
		}
	}
	return n, err
}

// checkpointIn reads a signed checkpoint, or that of a report.
func checkpointIn(path string) ([]byte, error) {
	text, err := readFile(path, maxFile)
	if err != nil || !strings.HasPrefix(string(text), "{") {
		return text, err
	}
	r, err := period.Parse(text)
	return []byte(r.Ground.Note), err
}

// reportKey unlocks the key that signs reports.
func (a *app) reportKey(unsigned bool) (*pgp.Key, error) {
	if unsigned {
		return nil, nil
	}
	dir, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	if _, err := period.Certificate(dir); err != nil {
		return nil, err
	}
	passphrase, err := a.passphrase(dir)
	if err != nil {
		return nil, err
	}
	return period.OpenKey(dir, passphrase)
}

func (a *app) reportVerify() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:   "verify DIR",
		Short: "Verify a report: signatures, and that it follows from the log",
		Long: `Verify the report in a directory: that report.csv and report.html are made of
report.json, and that all are signed by one key. With --home, the report is made
again from that mirror, which must see what the auditor saw, and compared byte for
byte; a difference is named.

The key is that of --key, or else the one in the directory, whose fingerprint is to
be compared with the auditor over another channel.`,
		Example: `  entraide audit report verify q1 --key auditor.pgp
  entraide audit report verify q1 --home mirror`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var by *pgp.Certificate
			if key != "" {
				data, err := readFile(key, maxFile)
				if err != nil {
					return err
				}
				if by, err = pgp.ParseCertificate(data); err != nil {
					return err
				}
			}
			c, err := period.Check(args[0], by)
			if err != nil {
				return err
			}
			if a.home != "" {
				if err := a.withBook(func(ctx context.Context, b *auditor.Book, _ []string) error { return c.Repeat(ctx, b) })(cmd, nil); err != nil {
					return err
				}
			}
			return a.print(c, func(w io.Writer) { printChecked(w, c) })
		},
	}
	c.Flags().StringVar(&key, "key", "", "certificate of the auditor (default: the one in DIR)")
	return c
}

func printChecked(w io.Writer, c period.Checked) {
	fmt.Fprintf(w, "The report on %s to %s rests on %d entries of %s. Whole: %s\n", c.Report.From, c.Report.To, c.Report.Ground.Size, c.Report.Origin, strings.Join(c.Files, ", "))
	if c.Signer == "" {
		fmt.Fprintln(w, "It is not signed.")
	} else {
		fmt.Fprintf(w, "Signed at %s by %s, key %s\n", c.Signed, c.Name, c.Signer)
	}
	if c.Repeated {
		fmt.Fprintln(w, "Made again from this mirror, it is the same byte for byte.")
	} else {
		fmt.Fprintln(w, "That it follows from the log was not checked: name a mirror with --home.")
	}
}

func (a *app) auditKey() *cobra.Command {
	return group("key", "The auditor's own key, which signs reports", a.auditKeyInit(), a.auditKeyShow())
}

func (a *app) auditKeyInit() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the key that signs the reports of a mirror",
		Long: `Make a key in private/ of the mirror in --home, locked with a passphrase, that signs
reports in the name of --name. It is the auditor's own: it is no key of any State,
nothing is ever encrypted to it, and nothing of the exchange can be opened with it.`,
		Example: `  entraide audit key init --name "Court of Audit of QZ" --home mirror`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if name == "" {
				return usage("say whose key it is, with --name")
			}
			dir, err := a.mirrorHome()
			if err != nil {
				return err
			}
			passphrase, err := a.newPassphrase(dir)
			if err != nil {
				return err
			}
			key, err := period.MakeKey(dir, name, passphrase, a.now())
			if err != nil {
				return err
			}
			return a.printKey(key.Certificate())
		},
	}
	c.Flags().StringVar(&name, "name", "", "whose key it is")
	return c
}

// mirrorHome returns --home, if it is a mirror.
func (a *app) mirrorHome() (string, error) {
	dir, err := a.homeDir()
	if err != nil {
		return "", err
	}
	_, err = readBroker(filepath.Join(dir, home.PublicFile))
	return dir, err
}

func (a *app) auditKeyShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show",
		Short:   "Show the fingerprint of the key that signs reports",
		Example: "  entraide audit key show --home mirror",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			c, err := period.Certificate(dir)
			if err != nil {
				return err
			}
			return a.printKey(c)
		},
	}
}

func (a *app) printKey(c *pgp.Certificate) error {
	return a.print(map[string]string{"name": c.UserID(), "fingerprint": c.Fingerprint()}, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n%s\nHand the fingerprint out over a channel of its own. The certificate is in every signed report (auditor.pgp).\n", c.UserID(), c.Fingerprint())
	})
}
