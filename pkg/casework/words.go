package casework

import (
	"strings"

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

// EventLabel names an event of a workflow in a language: by its own row (an act of the procedure has one, too), or as
// the kind of message and its variant.
func EventLabel(event workflow.Act, lang string) string {
	for _, list := range []string{"workflow-event", "act"} {
		if c, ok := convention.CodeOf(list, string(event)); ok {
			return c.Label(lang)
		}
	}
	kind, variant, _ := strings.Cut(string(event), ":")
	label := convention.Label("kind", kind, lang)
	if list, ok := variants[kind]; ok && variant != "" {
		label += ": " + convention.Label(list, variant, lang)
	}
	return label
}

// variants are the code lists of the variants of kinds.
var variants = map[string]string{"decision": "decision-outcome", "progress": "progress-event"}

// Words joins the actors, states or conditions of a row of a workflow. The state
// before the beginning is a dash.
func Words[T ~string](items []T, separator string) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = string(item)
		if item == "" {
			words[i] = "–"
		}
	}
	return strings.Join(words, separator)
}
