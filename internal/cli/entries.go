package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
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

// entryHeading names the columns of entries.
var entryHeading = []string{"index", "time", "kind", "concerns", "case", "stage or code", "detail"}

// entryPrinter returns what prints an entry, and what ends the printing.
func (a *app) entryPrinter(asCSV bool) (put func(auditor.Entry) error, end func() error) {
	switch {
	case a.json:
		return jsonEntries(a.out)
	case asCSV:
		return csvEntries(a.out)
	}
	var rows []string
	return func(e auditor.Entry) error {
			rows = append(rows, strings.Join(entryCells(e), "\t"))
			return nil
		}, func() error {
			if len(rows) == 0 {
				fmt.Fprintln(a.out, "No entry was found that this auditor may see.")
				return nil
			}
			table(a.out, strings.ToUpper(strings.Join(entryHeading, "\t")), rows)
			return nil
		}
}

// jsonEntries prints entries as the elements of one array.
func jsonEntries(w io.Writer) (put func(auditor.Entry) error, end func() error) {
	before := "[\n"
	put = func(e auditor.Entry) error {
		text, err := strictjson.Marshal(e)
		if err == nil {
			_, err = fmt.Fprintf(w, "%s  %s", before, text)
		}
		before = ",\n"
		return err
	}
	return put, func() error {
		if before == "[\n" {
			_, err := fmt.Fprintln(w, "[]")
			return err
		}
		_, err := fmt.Fprintln(w, "\n]")
		return err
	}
}

// csvEntries prints entries as comma-separated values.
func csvEntries(out io.Writer) (put func(auditor.Entry) error, end func() error) {
	w := csv.NewWriter(out)
	_ = w.Write(entryHeading) // Flush tells
	put = func(e auditor.Entry) error {
		cells := entryCells(e)
		for i := range cells {
			cells[i] = harmless(cells[i])
		}
		return w.Write(cells)
	}
	return put, func() error {
		w.Flush()
		return w.Error()
	}
}

// harmless keeps a spreadsheet from taking a cell for a formula (peers.md T45).
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n|%", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// entryCells are the columns of an entry.
func entryCells(e auditor.Entry) []string {
	concerns, caseID, state, detail := entryFacts(e.Entry)
	return []string{fmt.Sprint(e.Index), e.Entry.Time, string(e.Entry.Kind), concerns, caseID, state, detail}
}

// entryFacts say what an entry is about, in the words of the protocol.
func entryFacts(e translog.Entry) (concerns, caseID, state, detail string) {
	switch {
	case e.Message != nil:
		f := e.Message
		return f.From + " > " + f.To, f.Case, f.Stage, fmt.Sprintf("%s, %s, number %d, %s", f.Act, f.Lane, f.Seq, f.ID)
	case e.Rejection != nil:
		return e.Rejection.By, "", e.Rejection.Code, e.Rejection.Digest
	case e.Statement != nil:
		return e.Statement.Subject, "", "", fmt.Sprintf("number %d, signed by %s", e.Statement.Number, e.Statement.Signer)
	case e.Receipt != nil:
		return e.Receipt.By, "", "", e.Receipt.Kind + " " + e.Receipt.Message
	case e.Deadline != nil:
		return e.Deadline.From + " > " + e.Deadline.To, e.Deadline.Case, "", e.Deadline.Clock + " was due " + e.Deadline.Due
	case e.Access != nil:
		return e.Access.By, "", "", fmt.Sprintf("%s of %s in [%d, %d)", e.Access.What, allOr(e.Access.Scope), e.Access.From, e.Access.To)
	case e.Mailbox != nil:
		return e.Mailbox.Authority, "", "", fmt.Sprintf("%d items as of %d entries", e.Mailbox.Items, e.Mailbox.Size)
	case e.Anchor != nil:
		return e.Anchor.Authority, "", "", fmt.Sprintf("own log of %d entries, root %s", e.Anchor.Size, e.Anchor.Root)
	case e.Configuration != nil:
		return "", "", "", e.Configuration.What + ": " + e.Configuration.Detail
	case e.Erasure != nil:
		return e.Erasure.By, "", "", fmt.Sprintf("entry %d: %s", e.Erasure.Index, e.Erasure.Basis)
	}
	for _, f := range []*translog.OperatorFact{e.Operator, e.Backup, e.Restore} {
		if f != nil {
			return f.By, "", "", f.What + ": " + f.Detail
		}
	}
	return "", "", "", ""
}

// allOr names a party, or all of them.
func allOr(party string) string {
	if party == "" {
		return "all"
	}
	return party
}
