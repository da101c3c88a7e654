package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/pkg/casework"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

func (a *app) workflowCommand() *cobra.Command {
	return group("workflow", "Look at the workflows of measures", a.workflowList(), a.workflowShow())
}

func (a *app) workflowList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the workflows and the measures that follow them",
		Example: "  entraide workflow list --lang ar",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			type line struct {
				Name     string   `json:"name"`
				Title    string   `json:"title"`
				Measures []string `json:"measures"`
			}
			var lines []line
			for _, name := range workflow.Names() {
				t, _ := workflow.Substance(name)
				lines = append(lines, line{name, t.Title(a.lang), casework.Follows(name)})
			}
			return a.print(lines, func(w io.Writer) {
				var rows []string
				for _, l := range lines {
					rows = append(rows, row(l.Name, strings.Join(l.Measures, ","), l.Title))
				}
				table(w, "NAME\tMEASURES\tTITLE", rows)
			})
		},
	}
}

func (a *app) workflowShow() *cobra.Command {
	var diagram bool
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a workflow: which message by whom leads from which state to which",
		Long: `Print the table of a workflow, and its diagram in the language of Mermaid. The
law behind a row is a row of the code list "rule".`,
		Example: `  entraide workflow show preservation
  entraide workflow show mla --mermaid
  entraide workflow show freezing --lang vi`,
		Args: exactly("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			t, ok := workflow.Substance(args[0])
			if !ok {
				return problem.Newf(problem.NotFound, "name", "There is no such workflow; there are %s.", strings.Join(workflow.Names(), ", "))
			}
			if diagram {
				_, err := io.WriteString(a.out, t.Mermaid())
				return err
			}
			return a.print(t.Rules(), func(w io.Writer) {
				fmt.Fprintf(w, "%s\n\n", t.Title(a.lang))
				a.printRules(w, t)
				fmt.Fprintf(w, "\n%s", t.Mermaid())
			})
		},
	}
	c.Flags().BoolVar(&diagram, "mermaid", false, "print the diagram alone")
	return c
}

// printRules prints the rows of a workflow.
func (a *app) printRules(w io.Writer, t *workflow.Table) {
	var rows []string
	for _, r := range t.Rules() {
		when := []string{strings.Join(r.When, " and ")}
		rows = append(rows, row(r.Act, casework.Words(r.By, "/"), casework.Words(r.From, ", "), casework.Words([]workflow.Stage{r.To}, ""),
			casework.Words(when, ""), casework.EventLabel(r.Act, a.lang)))
	}
	table(w, "EVENT\tBY\tFROM\tTO\tWHEN\tMEANING", rows)
}
