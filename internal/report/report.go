// Package report makes a page for people of what the verification of a case
// bundle has found: for courts and lawyers, in the languages of the program. It
// is made from the result of a verification alone, and is never read back.
//
// The page is one file without scripts and without anything from elsewhere, and
// prints. The same result always makes the same bytes.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/convention"
)

//go:embed report.html
var page string

var pages = template.Must(template.New("report").Parse(page))

// Write writes the page in the languages of the tags, one below the other; none
// means all, English first.
func Write(w io.Writer, r bundle.Report, tags ...string) error {
	languages, err := locale.Each(tags...)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var views []view
	for _, l := range languages {
		views = append(views, view{Localizer: l, Report: r})
	}
	if err := pages.Execute(w, views); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Sentences are the reasons of a verdict, in a language.
func Sentences(l *locale.Localizer, r bundle.Report) []string {
	return view{Localizer: l, Report: r}.Sentences()
}

// A view is a report in one language.
type view struct {
	*locale.Localizer
	bundle.Report
}

// Sentences are the reasons.
func (v view) Sentences() []string {
	var all []string
	for _, r := range v.Reasons {
		all = append(all, v.sentence(r))
	}
	return all
}

// sentence says a reason. Values that a sentence has no place for are left out.
func (v view) sentence(r bundle.Reason) string {
	return v.T("report.reason."+r.Code,
		"Number", r.Values["count"], "Total", r.Values["total"], "Index", r.Values["index"],
		"Broker", v.label("stage", r.Values["broker"]), "Derived", v.label("stage", r.Values["derived"]),
		"Date", v.day(r.Values["date"]), "By", r.Values["by"], "Officer", r.Values["officer"], "Basis", r.Values["basis"])
}

// Detail is what the verifier says of misbehaviour, in English.
func (v view) Detail() string {
	if v.Verdict != bundle.Misbehaviour || len(v.Reasons) == 0 {
		return ""
	}
	return v.Reasons[0].Text
}

// StageName is the stage of the case.
func (v view) StageName() string { return v.label("stage", v.Stage) }

// ActName is what an act is called.
func (v view) ActName(act string) string { return v.label("act", act) }

func (v view) label(list, code string) string { return convention.Label(list, code, v.Tag) }

// Time shows a time; what is none is shown as it is.
func (v view) Time(text string) template.HTML {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return locale.V(text)
	}
	return v.TimeHTML(at, time.UTC)
}

// day shows the day of a time.
func (v view) day(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return v.Date(at)
}

// Proof says what a message rests on.
func (v view) Proof(m bundle.Line) string {
	switch {
	case m.Erased:
		return v.T("report.state.erased")
	case m.Witnessed:
		return v.T("report.state.witnessed")
	}
	return v.T("report.state.logged")
}
