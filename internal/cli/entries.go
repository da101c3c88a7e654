package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/wire"
)

// A search is how entries are asked for on the command line.
type search struct {
	query        wire.AuditQuery
	since, until string
	from, mirror string
	csv          bool
}

func (a *app) auditEntries() *cobra.Command {
	var s search
	c := &cobra.Command{
		Use:   "entries",
		Short: "Read entries of the log that an auditor may see",
		Long: `Ask the broker for entries of its log, as the auditor whose desk is in --home, and
verify each against the mirror: the leaf there commits to it. The mirror is
brought up to date first.

An authority with the role auditor sees its State's exchanges; one that the
depositary has named sees the procedure of all; neither sees content. What is
read, and by whom, becomes an entry of the log, and the broker must prove it.

--json prints an array; --csv is safe to open in a spreadsheet. The exit
status is 3 if the broker shows what its log does not hold.`,
		Example: `  entraide audit entries --home desk --mirror mirror --kind rejection --since 2026-03-01
  entraide audit entries --home desk --mirror mirror --party QN --csv > qn.csv`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.readEntries(cmd.Context(), &s) },
	}
	flags := c.Flags()
	flags.StringVar(&s.mirror, "mirror", "", "directory of the auditor's own mirror (entraide audit mirror)")
	flags.StringVar(&s.from, "from", "", "directory or http(s) address that publishes the log (default: the broker itself)")
	flags.Int64Var(&s.query.From, "first", 0, "index of the first entry")
	flags.Int64Var(&s.query.To, "last", -1, "index of the last entry (default: the newest)")
	flags.StringVar(&s.query.Party, "party", "", "a party or an authority that the entry concerns")
	flags.StringVar(&s.query.Kind, "kind", "", "kind of entry, such as message or access")
	flags.StringVar(&s.query.Case, "case", "", "a case")
	flags.StringVar(&s.query.Stage, "stage", "", "stage of the case after a message")
	flags.StringVar(&s.query.Code, "code", "", "code of a refusal")
	flags.StringVar(&s.since, "since", "", "time, or day, of the first, by the broker's clock")
	flags.StringVar(&s.until, "until", "", "time, or day, before which to stop")
	flags.BoolVar(&s.csv, "csv", false, "print comma-separated values")
	required(c, "mirror")
	return c
}

// readEntries prints what is found.
func (a *app) readEntries(ctx context.Context, s *search) (err error) {
	dir, err := a.homeDir()
	if err != nil {
		return err
	}
	if s.query.Since, err = moment(s.since); err != nil {
		return err
	}
	if s.query.Until, err = moment(s.until); err != nil {
		return err
	}
	s.query.To++ // an index that is not included
	c, err := accountClient(dir)
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := auditor.Open(s.mirror, sourceOf(s.from))
	if err != nil {
		return err
	}
	if _, err := m.Sync(ctx); err != nil {
		return errors.Join(err, m.Close())
	}
	put, end := a.entryPrinter(s.csv)
	err = m.Entries(ctx, c, s.query, put)
	return errors.Join(err, end(), m.Close())
}

// moment reads a time or a day; empty is none.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usage("%q is neither a time such as 2026-03-02T09:00:00Z nor a day such as 2026-03-02", text)
}

// entryPrinter returns what prints an entry, and what ends the printing.
func (a *app) entryPrinter(asCSV bool) (put func(auditor.Entry) error, end func() error) {
	switch {
	case a.json:
		return auditor.JSON(a.out)
	case asCSV:
		return auditor.CSV(a.out)
	}
	var rows []string
	return func(e auditor.Entry) error {
			rows = append(rows, strings.Join(auditor.Cells(e), "\t"))
			return nil
		}, func() error {
			if len(rows) == 0 {
				fmt.Fprintln(a.out, "No entry was found that this auditor may see.")
				return nil
			}
			table(plainly{a.out}, strings.ToUpper(strings.Join(auditor.Columns(), "\t")), rows)
			return nil
		}
}
