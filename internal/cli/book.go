package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/verify"
)

// errLogUnfit says that the check of a log has found evidence.
var errLogUnfit = fmt.Errorf("%w: the log does not fit together", verify.ErrMisbehaviour)

// A checking is how a mirror's book is brought up to date and checked.
type checking struct {
	account string // home of the auditor's desk; empty to ask nobody
	from    string // where the log is read
	again   bool   // read all entries once more
	rules   auditor.Rules
}

func (k *checking) flags(c *cobra.Command) {
	defaults := auditor.DefaultRules()
	c.Flags().StringVar(&k.account, "account", "", "home of the auditor's own desk, to read new entries from the broker")
	c.Flags().StringVar(&k.from, "from", "", "directory or http(s) address that publishes the log (default: the broker itself)")
	c.Flags().BoolVar(&k.again, "again", false, "with --account: ask for all entries once more")
	c.Flags().DurationVar(&k.rules.Tolerance, "tolerance", defaults.Tolerance, "how far the time of an entry may be from what is provable")
	c.Flags().DurationVar(&k.rules.Silence, "silence", defaults.Silence, "how long there may be no fresh checkpoint")
}

func (a *app) auditCheck() *cobra.Command {
	var k checking
	c := &cobra.Command{
		Use:   "check",
		Short: "Follow the log, derive every case anew, and report what does not fit",
		Long: `Bring the mirror in --home up to date, read with --account what entries the
auditor may see and does not have yet, and derive every case anew from them. What
does not fit is reported with its place: entries that are not shown, in another
order or dated outside what is provable; messages without entries and entries
without messages; receipts and deadlines that do not match; stages that do not
follow; a log that is silent, was rewound or forked.

Entries are kept in private/ of the mirror, which only its owner may enter. Each
was held against its leaf; what an entry says to be erased loses its private half
here too. Where all entries are needed to judge, nothing is judged before the
broker was asked for them.

The exit status is 3 if a finding is evidence of misbehaviour.`,
		Example: `  entraide audit check --home mirror --account desk
  entraide audit check --home mirror --from https://mirror.example/log --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onBook(cmd.Context(), k.from, func(ctx context.Context, m *auditor.Mirror, b *auditor.Book) error {
				if _, err := auditor.Look(ctx, m, b, a.now()); err != nil {
					return err
				}
				if k.again {
					if err := b.Again(ctx); err != nil {
						return err
					}
				}
				if err := readAs(ctx, k.account, m, b); err != nil {
					return err
				}
				return a.derive(ctx, m, b, k.rules)
			})
		},
	}
	k.flags(c)
	return c
}

// onBook opens the mirror in --home and its book.
func (a *app) onBook(ctx context.Context, from string, run func(context.Context, *auditor.Mirror, *auditor.Book) error) error {
	dir, err := a.homeDir()
	if err != nil {
		return err
	}
	m, err := auditor.Open(dir, sourceOf(from))
	if err != nil {
		return err
	}
	b, err := auditor.OpenBook(ctx, dir)
	if err != nil {
		return errors.Join(err, m.Close())
	}
	return errors.Join(run(ctx, m, b), b.Close(), m.Close())
}

// readAs reads new entries as the auditor whose desk is in a home; with none, it
// reads nothing.
func readAs(ctx context.Context, account string, m *auditor.Mirror, b *auditor.Book) error {
	if account == "" {
		return nil
	}
	c, err := accountClient(account)
	if err != nil {
		return err
	}
	defer c.Close()
	return b.Read(ctx, m, c)
}

// accountClient speaks to the broker of an account, as the account does.
func accountClient(account string) (*client.Client, error) {
	broker, err := readBroker(filepath.Join(account, home.PublicFile))
	if err != nil {
		return nil, err
	}
	identity, err := transport.Load(account)
	if err != nil {
		return nil, err
	}
	return client.New(broker, identity)
}

// derive derives the book and prints what was found.
func (a *app) derive(ctx context.Context, m *auditor.Mirror, b *auditor.Book, rules auditor.Rules) error {
	s, err := b.Derive(ctx, m, rules, a.now())
	if err != nil {
		return err
	}
	found := []auditor.Finding{}
	if err := b.EachFinding(ctx, func(f auditor.Finding) error { found = append(found, f); return nil }); err != nil {
		return err
	}
	if err := a.print(map[string]any{"summary": s, "findings": found}, func(w io.Writer) { printCheck(w, s, found) }); err != nil {
		return err
	}
	if s.Grave > 0 {
		return fmt.Errorf("%w: %d findings are evidence", errLogUnfit, s.Grave)
	}
	return nil
}

func printCheck(w io.Writer, s auditor.Summary, found []auditor.Finding) {
	fmt.Fprintf(w, "The log %s has %d entries. %d of them are in the book (%s), and make up %d cases.\nRoot %s\n", s.Origin, s.Size, s.Entries, s.Scope, s.Cases, s.Root)
	if len(found) == 0 {
		fmt.Fprintln(w, "Nothing was found that does not fit.")
		return
	}
	var rows []string
	for _, f := range found {
		kind := "notice"
		if f.Grave {
			kind = "EVIDENCE"
		}
		place := "-"
		if f.Index >= 0 {
			place = fmt.Sprint(f.Index)
		}
		rows = append(rows, row(kind, f.Code, place, orDash(f.Case), f.Who, f.Text, orDash(f.Evidence)))
	}
	table(w, "\t\tENTRY\tCASE\tWHO\tWHAT\tFILE", rows)
	for _, code := range slices.Sorted(maps.Keys(s.Findings)) {
		fmt.Fprintf(w, "%s: %d\n", code, s.Findings[code])
	}
}

func (a *app) auditAdd() *cobra.Command {
	return &cobra.Command{
		Use:   "add FILE…",
		Short: "Take entries from receipts and case bundles into the book of a mirror",
		Long: `Take the entries that receipts of the log (receipt.tlog-proof) and case bundles
prove into the book of the mirror in --home, each held against the mirror. A
receipt of what the mirrored log does not hold proves two histories: it is kept as
evidence, and the exit status is 3.`,
		Example: "  entraide audit add case.zip m/receipt.tlog-proof --home mirror",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onBook(cmd.Context(), "", func(ctx context.Context, m *auditor.Mirror, b *auditor.Book) error {
				total := 0
				for _, path := range args {
					file, err := readFile(path, maxFile)
					if err != nil {
						return err
					}
					n, err := b.Add(ctx, m, file, a.now())
					if err != nil {
						return fmt.Errorf("%s: %w", path, err)
					}
					total += n
				}
				return a.print(map[string]int{"entries": total}, func(w io.Writer) {
					fmt.Fprintf(w, "Took %d entries. To derive from them: entraide audit check\n", total)
				})
			})
		},
	}
}

func (a *app) auditStatistics() *cobra.Command {
	var party string
	var asCSV bool
	c := &cobra.Command{
		Use:   "statistics",
		Short: "Figures per pair of States and lane, from the book of a mirror",
		Long: `Print figures from the last ` + "`entraide audit check`" + ` of the mirror in --home: cases by
pair, lane and stage; how long acknowledgement and answer took, median and 90th
percentile; deadlines that passed; refusals by code; statements of the directory
by subject. With the checkpoint that they rest on. Beside them stands what States
have published about their own cases, if the book has asked the broker.

--csv is safe to open in a spreadsheet; times are in seconds.`,
		Example: `  entraide audit statistics --home mirror --party QN
  entraide audit statistics --home mirror --csv > figures.csv`,
		Args: noArgs,
		RunE: a.withBook(func(ctx context.Context, b *auditor.Book, _ []string) error {
			s, err := b.Statistics(ctx, party)
			if err != nil {
				return err
			}
			if s.Published, err = b.Published(ctx, party); err != nil {
				return err
			}
			if asCSV {
				return csvStatistics(a.out, s)
			}
			return a.print(s, func(w io.Writer) {
				printStatistics(w, s)
				a.printStateFigures(w, s.Published)
			})
		}),
	}
	c.Flags().StringVar(&party, "party", "", "only pairs with this party")
	c.Flags().BoolVar(&asCSV, "csv", false, "print comma-separated values")
	return c
}

// stagesIn writes counts by name in the order of the names.
func stagesIn(counts map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}

func printStatistics(w io.Writer, s auditor.Statistics) {
	if s.Checkpoint == "" {
		fmt.Fprintln(w, "Nothing has been derived yet. Begin with `entraide audit check`.")
		return
	}
	took := func(seconds *int64) string {
		if seconds == nil {
			return "-"
		}
		return (time.Duration(*seconds) * time.Second).String()
	}
	var rows []string
	for _, f := range s.Pairs {
		rows = append(rows, row(f.Requesting+" > "+f.Requested, f.Lane, f.Cases, stagesIn(f.Stages), took(f.AcknowledgedP50), took(f.AcknowledgedP90),
			took(f.AnsweredP50), took(f.AnsweredP90), f.Overdue))
	}
	if len(rows) == 0 {
		fmt.Fprintln(w, "No cases.")
	} else {
		table(w, "PAIR\tLANE\tCASES\tSTAGES\tACKNOWLEDGED\t90TH\tANSWERED\t90TH\tOVERDUE", rows)
	}
	fmt.Fprintf(w, "\nRefusals: %s\nStatements: %s\nEntries: %s\n\nThese figures (%s) rest on the checkpoint\n\n%s",
		orDash(stagesIn(s.Rejections)), orDash(stagesIn(s.Statements)), orDash(stagesIn(s.Entries)), s.Scope, s.Checkpoint)
}

// csvStatistics prints one line for each pair and lane, then one for each other
// count, in the form kind, name, count.
func csvStatistics(out io.Writer, s auditor.Statistics) error {
	w := csv.NewWriter(out)
	write := func(cells ...any) {
		line := make([]string, len(cells))
		for i, c := range cells {
			if p, ok := c.(*int64); ok {
				if c = ""; p != nil {
					c = *p
				}
			}
			line[i] = auditor.Harmless(fmt.Sprint(c))
		}
		_ = w.Write(line) // Flush tells
	}
	write("what", "requesting", "requested", "lane", "cases", "messages", "stages", "acknowledged", "acknowledged median", "acknowledged 90th",
		"answered", "answered median", "answered 90th", "overdue")
	for _, f := range s.Pairs {
		write("pair", f.Requesting, f.Requested, f.Lane, f.Cases, f.Messages, stagesIn(f.Stages), f.Acknowledged, f.AcknowledgedP50, f.AcknowledgedP90,
			f.Answered, f.AnsweredP50, f.AnsweredP90, f.Overdue)
	}
	for _, group := range []struct {
		what   string
		counts map[string]int64
	}{{"refusal", s.Rejections}, {"statement", s.Statements}, {"entry", s.Entries}} {
		for _, name := range slices.Sorted(maps.Keys(group.counts)) {
			write(group.what, name, "", "", group.counts[name], "", "", "", "", "", "", "", "", "")
		}
	}
	w.Flush()
	return w.Error()
}
