// Package period writes the report of an auditor on a period: a page for print, in
// the languages of the program, a table and JSON, each with a signature by the
// auditor's own key that stock OpenPGP tools verify.
//
// The same report always makes the same bytes: whoever follows the log makes it again
// and compares. The page is one file without scripts and without anything from
// elsewhere, and is never read back.
package period

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/strictjson"
)

// Formats of a report.
const (
	HTML = "html"
	CSV  = "csv"
	JSON = "json"
)

// Formats returns the formats of a report.
func Formats() []string { return []string{JSON, CSV, HTML} }

// maxReport bounds a report that is read, in bytes.
const maxReport = 64 << 20

// Render writes a report in a format. The tags are the languages of the page, one
// below the other; none means all, English first.
func Render(r auditor.PeriodReport, format string, tags ...string) ([]byte, error) {
	switch format {
	case JSON:
		return asJSON(r)
	case CSV:
		return asCSV(r)
	case HTML:
		return asPage(r, tags)
	}
	return nil, fmt.Errorf("period: there is no format %q", format)
}

func asJSON(r auditor.PeriodReport) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("period: %w", err)
	}
	return out.Bytes(), nil
}

// Parse reads the JSON of a report. It accepts the one spelling that Render writes.
func Parse(text []byte) (auditor.PeriodReport, error) {
	var r auditor.PeriodReport
	if err := strictjson.Unmarshal(text, maxReport, &r); err != nil {
		return r, fmt.Errorf("period: this is not a report: %w", err)
	}
	again, err := asJSON(r)
	if err != nil || r.Typ != auditor.TypPeriod || !bytes.Equal(again, text) {
		return r, fmt.Errorf("period: this is not a report, or is spelt in another way")
	}
	return r, nil
}

// columns of the table. Each line has one figure; what does not apply is empty.
var columns = []string{"what", "day", "lane", "requesting", "requested", "name", "value", "text"}

// A line is one of the table.
type line struct {
	what, day, lane, requesting, requested, name string
	value                                        any // empty if it is nil
	text                                         string
}

func asCSV(r auditor.PeriodReport) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.Write(columns); err != nil {
		return nil, fmt.Errorf("period: %w", err)
	}
	for _, l := range lines(r) {
		value := ""
		switch v := l.value.(type) {
		case *int64:
			if v != nil {
				value = strconv.FormatInt(*v, 10)
			}
		case int64, bool, string:
			value = fmt.Sprint(v)
		}
		cells := []string{l.what, l.day, l.lane, l.requesting, l.requested, l.name, value, l.text}
		for i := range cells {
			cells[i] = auditor.Harmless(cells[i])
		}
		if err := w.Write(cells); err != nil {
			return nil, fmt.Errorf("period: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("period: %w", err)
	}
	return out.Bytes(), nil
}

// lines are those of the table. Times are in seconds.
func lines(r auditor.PeriodReport) []line {
	all := []line{
		{what: "report", name: "log", value: r.Origin}, {what: "report", name: "from", value: r.From}, {what: "report", name: "to", value: r.To},
		{what: "report", name: "scope", value: r.Scope}, {what: "checkpoint", name: "size", value: r.Ground.Size},
		{what: "checkpoint", name: "root", value: r.Ground.Root}, {what: "checkpoint", name: "note", text: r.Ground.Note},
		{what: "checkpoint", name: "quorum of witnesses", value: r.Ground.Witnessed},
	}
	for _, w := range r.Ground.Witnesses {
		all = append(all, line{what: "witness", name: w.Name, value: w.At})
	}
	all = append(all, line{what: "method", name: "entries known", value: r.Method.Known}, line{what: "method", name: "entries erased", value: r.Method.Erased},
		line{what: "method", name: "tolerance", value: r.Method.Tolerance}, line{what: "method", name: "grace", value: r.Method.Grace},
		line{what: "method", name: "remarks", value: r.Method.Remarks})
	for _, d := range r.Days {
		all = append(all, line{what: "messages", day: d.Day, lane: d.Lane, value: d.Messages}, line{what: "cases opened", day: d.Day, lane: d.Lane, value: d.Opened})
	}
	for _, f := range slices.Concat(r.Lanes, r.Pairs) {
		all = append(all, figureLines(f)...)
	}
	for _, o := range r.Overdue {
		all = append(all, line{what: "overdue", requesting: o.Requesting, requested: o.Requested, name: o.Clock, value: o.Count})
	}
	for _, c := range r.Rejections {
		all = append(all, line{what: "refusal", name: c.Name, value: c.Count})
	}
	for _, c := range r.Entries {
		all = append(all, line{what: "entry", name: c.Name, value: c.Count})
	}
	for _, s := range r.Statements {
		all = append(all, line{what: "statement", day: s.Time, name: s.Subject, value: s.Number, text: fmt.Sprintf("entry %d, signed by %s, SHA-256 %s, %s %s", s.Index, s.Signer, s.Digest, s.Typ, strings.Join(s.Changes, " "))})
		if s.Key {
			all = append(all, line{what: "key change", day: s.Time, name: s.Subject, value: s.Number})
		}
	}
	return append(all, findingLines(r)...)
}

// figureLines are the figures of the cases of a pair, or of all, in a lane.
func figureLines(f auditor.Figure) []line {
	of := func(name string, value any) line {
		return line{what: "cases", lane: f.Lane, requesting: f.Requesting, requested: f.Requested, name: name, value: value}
	}
	all := []line{of("opened", f.Cases), of("messages", f.Messages), of("deadlines passed", f.Overdue)}
	for _, stage := range slices.Sorted(maps.Keys(f.Stages)) {
		all = append(all, of("stage "+stage, f.Stages[stage]))
	}
	return append(all,
		of("acknowledged", f.Acknowledged), of("acknowledged median", f.AcknowledgedP50), of("acknowledged 90th", f.AcknowledgedP90),
		of("answered", f.Answered), of("answered median", f.AnsweredP50), of("answered 90th", f.AnsweredP90))
}

func findingLines(r auditor.PeriodReport) (all []line) {
	for _, c := range r.Counts {
		all = append(all, line{what: "findings", name: c.Code, value: c.Count})
	}
	for _, f := range r.Findings {
		all = append(all, line{what: "finding", day: f.Time, name: f.Key, value: f.State, text: f.Text})
	}
	if r.Own == nil {
		return all
	}
	for _, f := range r.Own.Findings {
		all = append(all, line{what: "own finding", day: f.Found, name: f.Key, value: f.State, text: f.Text})
	}
	for _, m := range r.Own.Remarks {
		all = append(all, line{what: "remark", day: m.At, name: m.Finding, value: m.State, text: m.By + ": " + m.Comment})
	}
	return append(all, line{what: "remark", name: "last", value: r.Own.Last}, line{what: "own looks", value: r.Own.Looks})
}

//go:embed period.html
var page string

var pages = template.Must(template.New("period").Parse(page))

func asPage(r auditor.PeriodReport, tags []string) ([]byte, error) {
	languages, err := locale.Each(tags...)
	if err != nil {
		return nil, fmt.Errorf("period: %w", err)
	}
	var views []view
	for _, l := range languages {
		views = append(views, view{Localizer: l, PeriodReport: r})
	}
	var out bytes.Buffer
	if err := pages.Execute(&out, views); err != nil {
		return nil, fmt.Errorf("period: %w", err)
	}
	return out.Bytes(), nil
}

// A view is a report in one language.
type view struct {
	*locale.Localizer
	auditor.PeriodReport
}

// Day shows a day.
func (v view) Day(day string) template.HTML {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return locale.V(day)
	}
	return v.DateHTML(at)
}

// Time shows a time.
func (v view) Time(text string) template.HTML {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return locale.V(text)
	}
	return v.TimeHTML(at, time.UTC)
}

// Took shows how long something took, in days, hours, minutes and seconds.
func (v view) Took(seconds *int64) template.HTML {
	if seconds == nil {
		return locale.V("–")
	}
	d := time.Duration(*seconds) * time.Second
	text := (d % (24 * time.Hour)).String()
	if days := d / (24 * time.Hour); days > 0 {
		text = fmt.Sprintf("%dd %s", days, text)
	}
	return locale.V(text)
}

// LaneName is what a lane is called.
func (v view) LaneName(lane string) string { return convention.Label("lane", lane, v.Tag) }

// StageName is what a stage is called.
func (v view) StageName(stage string) string { return convention.Label("stage", stage, v.Tag) }

// ClockName is what a clock is called.
func (v view) ClockName(clock string) string {
	if clock == "delivery" {
		return v.T("period.delivery")
	}
	return convention.Label("clock", clock, v.Tag)
}

// Weight says whether a finding is evidence.
func (v view) Weight(grave bool) string {
	if grave {
		return v.T("period.evidence")
	}
	return v.T("period.notice")
}

// StateName is what the state of a finding is called.
func (v view) StateName(state string) string { return v.T("period.state." + state) }

// ScopeText says whose exchanges the report covers.
func (v view) ScopeText() string {
	switch v.Scope {
	case "all":
		return v.T("period.scope.all")
	case "files":
		return v.T("period.scope.files")
	}
	return v.T("period.scope.party", "Party", v.Scope)
}

// Again is the command that makes the report again.
func (v view) Again() string {
	r := v.PeriodReport
	command := fmt.Sprintf("entraide audit report --from %s --to %s --checkpoint report.json --out AGAIN --home MIRROR", r.From, r.To)
	if r.Method.Remarks {
		command += " --remarks"
	}
	return command
}

// A row is a line of figures in a language.
type row struct {
	auditor.Figure
	View view
}

// Row makes a line of figures.
func (v view) Row(f auditor.Figure) row { return row{f, v} }
