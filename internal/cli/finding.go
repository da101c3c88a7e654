package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/problem"
)

func (a *app) auditFinding() *cobra.Command {
	return group("finding", "What does not fit in a log, and what was remarked on it", a.findingList(), a.findingShow(), a.findingRemark())
}

// withBook makes a command that works on the book of the mirror in --home.
func (a *app) withBook(run func(ctx context.Context, b *auditor.Book, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		dir, err := a.homeDir()
		if err != nil {
			return err
		}
		b, err := auditor.OpenBook(cmd.Context(), dir)
		if err != nil {
			return err
		}
		return errors.Join(run(cmd.Context(), b, args), b.Close())
	}
}

func (a *app) findingList() *cobra.Command {
	var f auditor.FindingFilter
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List what the last check has found, with the state of each",
		Long: `List what the last ` + "`entraide audit check`" + ` of the mirror in --home has found, and
what looks at the log have brought up, with the state that people have given each:
open, explained or closed. The counts below the list are of all findings.`,
		Example: `  entraide audit finding list --home mirror --state open --grave
  entraide audit finding list --home mirror --code stage-differs --json`,
		Args: noArgs,
		RunE: a.withBook(func(ctx context.Context, b *auditor.Book, _ []string) error {
			found, _, err := b.FindingsPage(ctx, f, 0, limit)
			if err != nil {
				return err
			}
			counts, err := b.FindingCounts(ctx)
			if err != nil {
				return err
			}
			if found == nil {
				found = []auditor.Finding{}
			}
			return a.print(map[string]any{"findings": found, "counts": counts}, func(w io.Writer) { printFindings(w, found, counts) })
		}),
	}
	c.Flags().StringVar(&f.State, "state", "", "only those that are open, explained or closed")
	c.Flags().StringVar(&f.Code, "code", "", "only those of this code")
	c.Flags().StringVar(&f.Case, "case", "", "only those about this case")
	c.Flags().BoolVar(&f.Grave, "grave", false, "only evidence of misbehaviour")
	c.Flags().IntVar(&limit, "limit", 1000, "how many at most")
	return c
}

// weight says whether a finding is evidence.
func weight(grave bool) string {
	if grave {
		return "EVIDENCE"
	}
	return "notice"
}

func printFindings(w io.Writer, found []auditor.Finding, counts []auditor.FindingCount) {
	if len(found) == 0 {
		fmt.Fprintln(w, "There are no such findings.")
	} else {
		rows := make([]string, len(found))
		for i, f := range found {
			rows[i] = row(f.Key, weight(f.Grave), f.State, len(f.Remarks), orDash(f.Case), f.Text)
		}
		table(w, "FINDING\t\tSTATE\tREMARKS\tCASE\tWHAT", rows)
	}
	for _, c := range counts {
		fmt.Fprintf(w, "%s, %s: %d\n", c.Code, c.State, c.Count)
	}
}

func (a *app) findingShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show FINDING",
		Short: "Show a finding with everything that was remarked on it",
		Long: `Show a finding by its key, such as stage-differs-17, with everything that was
remarked on it. Remarks are shown too on what the last check has not found again.`,
		Example: "  entraide audit finding show stage-differs-17 --home mirror",
		Args:    exactly("FINDING"),
		RunE: a.withBook(func(ctx context.Context, b *auditor.Book, args []string) error {
			f, err := b.Finding(ctx, args[0])
			if problem.CodeOf(err) == problem.NotFound {
				remarks, readErr := b.Remarks(ctx, args[0])
				if readErr != nil || len(remarks) == 0 {
					return errors.Join(err, readErr)
				}
				last := remarks[len(remarks)-1]
				f = auditor.Finding{Key: args[0], Index: -1, Text: "not found by the last check; it said: " + last.About, State: last.State, Remarks: remarks}
			} else if err != nil {
				return err
			}
			return a.print(f, func(w io.Writer) { printFinding(w, f) })
		}),
	}
}

func printFinding(w io.Writer, f auditor.Finding) {
	fmt.Fprintf(w, "%s: %s\n%s\n", f.Key, f.State, f.Text)
	if f.Code != "" {
		fmt.Fprintf(w, "%s, to be answered by the %s; found at %s\n", weight(f.Grave), f.Who, f.Found)
	}
	if f.Case != "" {
		fmt.Fprintf(w, "Case %s\n", f.Case)
	}
	if f.Evidence != "" {
		fmt.Fprintf(w, "Evidence: %s\n", f.Evidence)
	}
	for _, r := range f.Remarks {
		fmt.Fprintf(w, "\n%d. %s, %s: %s\n%s\n", r.Number, r.At, r.By, r.State, r.Comment)
	}
}

func (a *app) findingRemark() *cobra.Command {
	var state, comment, by string
	c := &cobra.Command{
		Use:   "remark FINDING",
		Short: "Remark on a finding, and say whether it is open, explained or closed",
		Long: `Remark on a finding of the mirror in --home and give it a state. The remark is
added to the log of remarks, with who made it and when; none is ever changed or
taken out, and each holds the hash of the one before. Who notes the hash that is
printed can prove later that nothing before it was changed.

A log of remarks that was changed by something else is reported with exit status
3, and the book opens no more: bring private/ back from a backup.`,
		Example: `  entraide audit finding remark stage-differs-17 --state explained --comment "See annex 2." --by "A. Inspector" --home mirror`,
		Args:    exactly("FINDING"),
		RunE: a.withBook(func(ctx context.Context, b *auditor.Book, args []string) error {
			if by == "" {
				who, err := user.Current()
				if err != nil {
					return err
				}
				by = who.Username
			}
			r, err := b.Remark(ctx, args[0], state, comment, by, a.now())
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) {
				fmt.Fprintf(w, "%s is %s. This is remark %d, its hash %s\n", r.Finding, r.State, r.Number, r.Hash)
			})
		}),
	}
	c.Flags().StringVar(&state, "state", "", "open, explained or closed (default: as it is)")
	c.Flags().StringVar(&comment, "comment", "", "what is said of it")
	c.Flags().StringVar(&by, "by", "", "name of the person (default: the one signed in to this machine)")
	return c
}
