package casework

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// Follows returns the types of measures that follow a workflow.
func Follows(name string) []string {
	out := []string{}
	for _, c := range convention.Codes("measure-type") {
		if c.Text("workflow") == name {
			out = append(out, c.Code)
		}
	}
	return out
}

// EventLabel names an event of a workflow in a language: the kind of message
// and its variant.
func EventLabel(event workflow.Act, lang string) string {
	kind, variant, _ := strings.Cut(string(event), ":")
	for _, list := range []string{"progress-event", "decision-outcome"} {
		if c, ok := convention.CodeOf(list, variant); ok && (list == "progress-event") == (kind == "progress") {
			return label("kind", kind, lang) + ": " + c.Label(lang)
		}
	}
	return label("workflow-event", string(event), lang)
}

// label is the name of a code; a kind of message without a row of its own is
// named as it is called.
func label(list, code, lang string) string {
	for _, l := range []string{list, "kind"} {
		if c, ok := convention.CodeOf(l, code); ok {
			return c.Label(lang)
		}
	}
	return code
}

// StateLabel names a state of a workflow in a language.
func StateLabel(s workflow.Stage, lang string) string {
	if s == workflow.StageNone {
		return "–"
	}
	return label("workflow-state", string(s), lang)
}

// Print prints the rows of a workflow that change its state, and then those
// that do not.
func Print(w io.Writer, t *workflow.Table, lang string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "EVENT\tBY\tFROM\tTO\tWHEN\tMEANING")
	for _, r := range t.Rules() {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Act, actors(r.By), stages(r.From), orDash(string(r.To)), orDash(strings.Join(r.When, " and ")), EventLabel(r.Act, lang))
	}
	_ = tw.Flush() // a result that cannot be written has nobody to tell
}

func actors(by []workflow.Actor) string {
	var out []string
	for _, a := range by {
		out = append(out, string(a))
	}
	return strings.Join(out, "/")
}

func stages(from []workflow.Stage) string {
	var out []string
	for _, s := range from {
		out = append(out, orDash(string(s)))
	}
	return strings.Join(out, ", ")
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
