package auditor

import (
	"fmt"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
)

// cause is the fact that stands behind a sentence and not in it: the technical
// account of an error, which is in English in every language.
const cause = "Cause"

// said gives a finding its sentence: its name in the catalogue, below "finding.",
// and the facts that fill its places, in pairs. What the finding says in English is
// made of them unless it has a text.
func said(f store.Finding, name string, pairs ...any) store.Finding {
	f.Said = store.Saying{Name: name, Facts: make(map[string]string, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Said.Facts[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
	}
	return f
}

// english is what a finding says in JSON and on a terminal: its facts as they are.
func english(s store.Saying) (string, error) {
	l, err := locale.For("en")
	if err != nil {
		return "", fmt.Errorf("auditor: %w", err)
	}
	text := locale.Bare(sentence(l, s, func(_, value string) string { return value }))
	if s.Facts[cause] != "" {
		text += ": " + s.Facts[cause]
	}
	return text, nil
}

// A Sentence is what a finding says to a reader.
type Sentence struct {
	Text  string // in the language of the reader
	Kept  string // in English, of a finding that was kept before there were facts, and has no Text
	Cause string // technical account behind it, in English; may be empty
}

// Sentence says a finding in a language: times, numbers, acts, stages and clocks as its pages show them,
// and every other fact isolated.
func (f Finding) Sentence(l *locale.Localizer) Sentence { return sentenceOf(l, f.Said, f.Text) }

// Sentence says a finding of a report in a language; see [Finding.Sentence].
func (f PeriodFinding) Sentence(l *locale.Localizer) Sentence { return sentenceOf(l, f.Said, f.Text) }

func sentenceOf(l *locale.Localizer, s store.Saying, english string) Sentence {
	if s.Name == "" || !l.Has("finding."+s.Name) { // of a newer program
		return Sentence{Kept: english}
	}
	return Sentence{Text: sentence(l, s, func(name, value string) string { return inWords(l, name, value) }), Cause: s.Facts[cause]}
}

// sentence fills the places of a sentence.
func sentence(l *locale.Localizer, s store.Saying, show func(name, value string) string) string {
	pairs := make([]any, 0, 2*len(s.Facts))
	for name, value := range s.Facts {
		pairs = append(pairs, name, show(name, value))
	}
	return l.T("finding."+s.Name, pairs...)
}

// inWords shows a fact to a reader.
func inWords(l *locale.Localizer, name, value string) string {
	switch name {
	case "Act":
		return convention.Label("act", value, l.Tag)
	case "Stage", "Follows":
		return convention.Label("stage", value, l.Tag)
	case "Clock":
		if value == "delivery" {
			return l.T("auditor.delivery")
		}
		return convention.Label("clock", value, l.Tag)
	case "Entry", "Other", "Number", "Earlier", "Missing":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return locale.Value(l.Number(n))
		}
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return l.DateTime(t, time.UTC)
	}
	return locale.Value(value)
}
