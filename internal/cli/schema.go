package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

func (a *app) schemaCommand() *cobra.Command {
	return group("schema", "Look at the content types and code lists", a.schemaList(), a.schemaShow(), a.schemaValidate())
}

// A schemaLine is a content type in a list.
type schemaLine struct {
	Type  string `json:"type"` // of the measure, such as T05; empty for a kind that is no measure
	Kind  string `json:"kind"`
	Title string `json:"title"`
	File  string `json:"file"` // below schemas
}

func (a *app) schemaList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the types of measures, the kinds of messages and the code lists",
		Example: `  entraide schema list
  entraide schema list --json --lang fr`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			lines := schemaLines(a.lang)
			return a.print(lines, func(w io.Writer) {
				var rows []string
				for _, l := range lines {
					rows = append(rows, row(orDash(l.Type), l.Kind, l.Title, l.File))
				}
				table(w, "TYPE\tKIND\tTITLE\tFILE", rows)
			})
		},
	}
}

// schemaLines lists measures, kinds and code lists.
func schemaLines(lang string) []schemaLine {
	var lines []schemaLine
	for _, c := range convention.Codes("measure-type") {
		if c.Has("request") {
			lines = append(lines, schemaLine{Type: c.Code, Kind: "request", Title: c.Label(lang), File: "bodies/request.json"})
		}
	}
	for _, k := range convention.Kinds() {
		lines = append(lines, schemaLine{Kind: k.Kind, Title: convention.Label("kind", k.Kind, lang), File: k.File})
	}
	for _, l := range convention.Lists() {
		lines = append(lines, schemaLine{Kind: l.Name, Title: l.Title(lang), File: "codes/" + l.Name + ".json"})
	}
	return lines
}

func (a *app) schemaShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Print the JSON Schema of a kind, the template of a measure, or a code list",
		Long: `Print, for a kind of message such as "decision", its JSON Schema; for a type of
measure such as "T05", what a request for it holds; for a code list such as
"refusal-ground", its codes with the provisions they rest on. A provision marked
with ? was not yet checked against an authentic text.`,
		Example: `  entraide schema show decision
  entraide schema show T05 --lang es
  entraide schema show refusal-ground`,
		Args: exactly("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if codes := convention.Codes(args[0]); codes != nil {
				return a.printCodes(codes)
			}
			schema, err := convention.Schema(args[0])
			if err != nil || schema != nil {
				_, werr := a.out.Write(schema)
				return errors.Join(err, werr)
			}
			body, err := convention.New(args[0])
			if err != nil {
				return problem.New(problem.NotFound, "name", "There is no kind, measure or code list of this name; see `entraide schema list`.")
			}
			_, err = a.out.Write(convention.Template(body, a.lang))
			return err
		},
	}
}

// A codeLine is a row of a code list.
type codeLine struct {
	Code      string            `json:"code"`
	Label     string            `json:"label"`
	Labels    map[string]string `json:"labels"`
	Provision string            `json:"provision"`
	Verified  bool              `json:"verified"`
	Source    string            `json:"source"`
}

func (a *app) printCodes(codes []convention.Code) error {
	var lines []codeLine
	for _, c := range codes {
		lines = append(lines, codeLine{c.Code, c.Label(a.lang), c.Labels, c.Provision, c.Verified, c.Source})
	}
	return a.print(lines, func(w io.Writer) {
		var rows []string
		for _, l := range lines {
			provision := orDash(l.Provision)
			if l.Provision != "" && !l.Verified {
				provision += "?"
			}
			rows = append(rows, row(l.Code, l.Label, provision))
		}
		table(w, "CODE\tMEANING\tPROVISION", rows)
	})
}

func (a *app) schemaValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE",
		Short: "Check that a file is a well-formed body of its kind",
		Long: `Check a JSON file against the rules of its content type. What is wrong is named
by its place in the file. A request is better checked with request check, which
says everything that is wrong at once, and what is usually asked for.`,
		Example: "  entraide schema validate decision.json",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := readDraft(a.in, args[0])
			if err != nil {
				return err
			}
			body, err := convention.ParseBody(d.body)
			if err != nil {
				return err
			}
			return a.print(map[string]string{"kind": body.Kind(), "summary": convention.Summary(body)}, func(w io.Writer) {
				fmt.Fprintf(w, "Good: %s\n", convention.Summary(body))
			})
		},
	}
}
