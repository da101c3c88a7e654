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

// EventLabel names an event of a workflow in a language: the kind of message
// and its variant.
func EventLabel(event workflow.Act, lang string) string {
	kind, variant, _ := strings.Cut(string(event), ":")
	list := "decision-outcome"
	if kind == "progress" {
		list = "progress-event"
	}
	if c, ok := convention.CodeOf(list, variant); ok {
		return convention.Label("kind", kind, lang) + ": " + c.Label(lang)
	}
	if c, ok := convention.CodeOf("workflow-event", string(event)); ok {
		return c.Label(lang)
	}
	return convention.Label("kind", string(event), lang)
}

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
