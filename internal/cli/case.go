package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/casework"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

func (a *app) caseCommand() *cobra.Command {
	return group("case", "Look at the desk's cases, work on them, and end their keeping", a.caseList(), a.caseShow(), a.caseWork(), a.caseAssign(),
		a.caseNote(), a.caseTag(), a.caseName(), a.caseAccept(), a.caseErase(), a.caseHold(), a.caseRelease())
}

func (a *app) caseList() *cobra.Command {
	var l listForm
	c := &cobra.Command{
		Use:   "list",
		Short: "List the cases, the most recently moved first",
		Long: `List the cases that the flags describe, the most recently moved first. With --limit
one page is printed, and the place at which the next one begins.`,
		Example: "  entraide case list --home desk --json\n  entraide case list --direction in --state open --owed us --sort due --home desk",
		Args:    noArgs,
	}
	l.flags(c)
	return a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, _ []string) error {
		if l.due > 0 {
			l.filter.DueBefore = a.now().Add(l.due)
		}
		if l.since > 0 {
			l.filter.Since = a.now().Add(-l.since)
		}
		if l.limit > 0 {
			found, err := d.List(ctx, by, l.filter, l.next, l.limit)
			if err != nil {
				return err
			}
			return a.print(found, func(w io.Writer) { printLines(w, found.Cases, found.Next) })
		}
		all := []desk.Line{}
		for next := l.next; ; {
			found, err := d.List(ctx, by, l.filter, next, mostLines)
			if err != nil {
				return err
			}
			if all, next = append(all, found.Cases...), found.Next; next == "" {
				return a.print(all, func(w io.Writer) { printLines(w, all, "") })
			}
		}
	})
}

// mostLines is how many cases are asked for at a time.
const mostLines = 500

// printLines prints cases in columns.
func printLines(w io.Writer, cases []desk.Line, next string) {
	if len(cases) == 0 {
		fmt.Fprintln(w, "No cases. Begin one with `entraide request send` or `entraide draft new`.")
		return
	}
	var rows []string
	for _, c := range cases {
		rows = append(rows, row(c.Case, c.Stage, c.Lane, c.Counterpart, strings.Join(c.Measures, ","), orDash(c.Due), c.Updated))
	}
	table(w, "CASE\tSTAGE\tLANE\tWITH\tMEASURES\tDUE\tUPDATED", rows)
	if next != "" {
		fmt.Fprintf(w, "More with --next %s\n", next)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) caseShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show CASE",
		Short:   "Show a case: stage, measures, clocks, who owes what, and every message",
		Example: "  entraide case show 0f3c… --home desk",
		Args:    exactly("CASE"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			c, err := d.Case(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(c, func(w io.Writer) { a.printCase(w, c) })
		}),
	}
}

func (a *app) printCase(w io.Writer, c desk.Case) {
	fmt.Fprintf(w, "Case %s\n%s, %s lane: %s asks %s\n", c.Case, convention.Label("stage", c.Stage, a.lang), convention.Label("lane", c.Lane, a.lang), c.Requesting, c.Requested)
	if c.Erased != nil {
		fmt.Fprintf(w, "The content was %s.\n", c.Erased)
	}
	if c.Hold != nil {
		fmt.Fprintf(w, "LEGAL HOLD since %s, by %s: %s\n", c.Hold.Since, c.Hold.By, c.Hold.Basis)
	}
	if c.ClassicalSecrecy {
		fmt.Fprintln(w, "Classical secrecy only: a future quantum computer could read this case.")
	}
	a.printMeasures(w, c)
	a.printSubstance(w, c)
	for _, k := range c.Clocks {
		fmt.Fprintf(w, "  %s due %s (%s)\n", k.Name, k.Due, k.State)
	}
	for _, p := range c.Deadlines {
		fmt.Fprintf(w, "  PASSED: %s was due %s (entry %d)\n", p.Clock, p.Due, p.Index)
	}
	if c.Owed.By != "" {
		fmt.Fprintf(w, "Next: %s may %s\n", c.Owed.By, strings.Join(c.Owed.Acts, ", "))
	}
	fmt.Fprintln(w)
	for _, e := range c.Events {
		fmt.Fprintf(w, "%s  %s → %s  %s  [%s]  entry %d\n", e.Created, e.From, e.To, e.Act, e.Verdict, e.Index)
		if e.Summary != "" {
			fmt.Fprintf(w, "    %s\n", e.Summary)
		}
		if e.Note != "" {
			fmt.Fprintf(w, "    note: %s\n", e.Note)
		}
		fmt.Fprintf(w, "    message %s, digest %s\n", e.ID, e.Digest)
		printCheckCode(w, "    ", e)
		for _, r := range e.Receipts {
			fmt.Fprintf(w, "    %s by %s at %s (entry %d)\n", r.Kind, r.By, r.At, r.Index)
		}
	}
}

// printMeasures says how each measure stands and who is to act.
func (a *app) printMeasures(w io.Writer, c desk.Case) {
	for _, m := range c.Measures {
		fmt.Fprintf(w, "  measure %d  %s %s: %s", m.Number, m.Type, convention.Label("measure-type", m.Type, a.lang), convention.Label("workflow-state", m.State, a.lang))
		if m.Owed != "" {
			fmt.Fprintf(w, " (%s to act)", m.Owed)
		}
		fmt.Fprintln(w)
		if len(m.Next) > 0 {
			labels := make([]string, len(m.Next))
			for i, event := range m.Next {
				labels[i] = casework.EventLabel(workflow.Act(event), a.lang)
			}
			fmt.Fprintf(w, "    you may send: %s\n", strings.Join(labels, "; "))
		}
	}
}

// printSubstance says what is due, what binds and what is missing.
func (a *app) printSubstance(w io.Writer, c desk.Case) {
	for _, d := range c.Dates {
		fmt.Fprintf(w, "  %s: %s", d.Due, convention.Label("clock", d.Clock, a.lang))
		if d.Measure > 0 {
			fmt.Fprintf(w, ", measure %d", d.Measure)
		}
		if d.Owed != "" {
			fmt.Fprintf(w, ", %s", d.Owed)
		}
		fmt.Fprintf(w, " (%s)\n", d.State)
	}
	for _, x := range c.Conditions {
		state := "offered"
		if x.Binding {
			state = "binds"
		}
		fmt.Fprintf(w, "  condition %d (%s): %s — %s\n", x.Number, convention.Label("condition-type", x.Type, a.lang), x.Text, state)
	}
	for _, q := range c.Missing {
		fmt.Fprintf(w, "  missing from %s: answer %d: %s\n", q.By, q.Number, q.Text)
	}
	for _, x := range c.Misplaced {
		fmt.Fprintf(w, "  without effect on measure %d: %s (message %s)\n", x.Measure, x.Reason, x.Message)
	}
}
