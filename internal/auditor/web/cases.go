package web

import (
	"cmp"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

// A casesView is a list of cases.
type casesView struct {
	Form          page.Form
	Stages, Lanes []page.Choice
	Rows          []caseRow
	Next, First   string
	Filtered      bool
}

// A caseRow is a case in a list.
type caseRow struct {
	matter
	Short       string
	Stage, Lane page.Tag
	OpenedAt    time.Time
}

// matter is a case of the book.
type matter = auditor.Matter

// caseFields are what the list of cases can be asked for.
var caseFields = []string{"party", "requesting", "requested", "stage", "lane", "case", "overdue", "acknowledged_over", "answered_over"}

// caseFilter reads what the list of cases is asked for.
func caseFilter(query url.Values) auditor.Filter {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(query.Get(name), 10, 64) // what is no number does not filter
		return n
	}
	return auditor.Filter{
		Party: strings.ToUpper(query.Get("party")), Requesting: query.Get("requesting"), Requested: query.Get("requested"), Stage: query.Get("stage"),
		Lane: query.Get("lane"), Case: query.Get("case"), Overdue: query.Get("overdue") != "",
		AcknowledgedOver: number("acknowledged_over"), AnsweredOver: number("answered_over"),
	}
}

// cases shows a page of the list of cases.
func (s *Server) cases(w http.ResponseWriter, c *Call) error {
	query := asked(c.URL.Query(), caseFields)
	v := casesView{Form: page.Form{Values: query}, Filtered: len(query) > 0, Stages: codeChoices(c, "stage"), Lanes: codeChoices(c, "lane")}
	before := place(c.URL.Query())
	list, err := s.Book.Cases(c.Context(), caseFilter(query), before, listRows+1)
	if err != nil {
		return err
	}
	shown := 0
	shown, v.First, v.Next = paged(query, before, len(list), func(i int) int64 { return list[i].Last })
	for _, m := range list[:shown] {
		v.Rows = append(v.Rows, caseRow{m, short(m.Case), tagOf(c, "stage", m.Stage), tagOf(c, "lane", m.Lane), at(m.OpenedAt)})
	}
	return s.render(w, c, http.StatusOK, "cases.html", v)
}

// A caseView is a case with everything that the log has of it.
type caseView struct {
	caseRow
	Clocks   []clockLine
	Events   []caseEvent
	More     bool // there are more entries than are shown
	Findings []auditor.Finding
	MovedAt  time.Time
}

// A clockLine is a clock of a case: when it was met, and when it passed.
type clockLine struct {
	Name        string
	Met, Passed time.Time // zero for not
	Took        int64     // seconds from the opening
	Late        int64     // seconds; 0 for not
	Entry       int64     // that says it passed; -1 for none
}

// A caseEvent is an entry of a case.
type caseEvent struct {
	entryRow
	Style    string // of the timeline
	Late     int64  // seconds that the step came after its deadline
	Clock    string // that it met late
	Findings []auditor.Finding
}

// mostEvents bounds the entries of a case that are shown.
const mostEvents = 1000

// casePage shows a case: its clocks, its entries in order, and what does not fit.
func (s *Server) casePage(w http.ResponseWriter, c *Call) error {
	list, err := s.Book.Cases(c.Context(), auditor.Filter{Case: c.Value("case")}, math.MaxInt64, 1)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return problem.New(problem.NotFound, "case", "The last check has not found this case.")
	}
	m := list[0]
	v := caseView{
		caseRow: caseRow{m, short(m.Case), tagOf(c, "stage", m.Stage), tagOf(c, "lane", m.Lane), at(m.OpenedAt)},
		MovedAt: at(m.MovedAt),
	}
	entries, err := s.Book.Listed(c.Context(), auditor.Filter{Case: m.Case}, math.MaxInt64, mostEvents+1)
	if err != nil {
		return err
	}
	if v.More = len(entries) > mostEvents; v.More {
		entries = entries[:mostEvents]
	}
	slices.Reverse(entries)
	if v.Findings, _, err = s.Book.FindingsPage(c.Context(), auditor.FindingFilter{Case: m.Case}, 0, listRows); err != nil {
		return err
	}
	v.Clocks = clockLines(c, m, entries)
	for _, e := range entries {
		v.Events = append(v.Events, v.event(c, e))
	}
	return s.render(w, c, http.StatusOK, "case.html", v)
}

// clockLines are the clocks of a case, with the deadlines that passed.
func clockLines(c *Call, m matter, entries []auditor.Listed) []clockLine {
	var lines []clockLine
	for _, x := range []struct {
		name string
		took int64
	}{{"delivery", m.Delivered}, {"acknowledgement", m.Acknowledged}, {"answer", m.Answered}} {
		line := clockLine{Name: clockLabel(c, x.name), Met: after(m.OpenedAt, x.took), Took: x.took, Entry: -1}
		for _, e := range entries {
			if e.Kind != "deadline" || e.Act != x.name {
				continue
			}
			line.Passed, line.Entry = at(e.Seq), e.Index
			if !line.Met.IsZero() {
				line.Late = max(0, int64(line.Met.Sub(line.Passed).Seconds()))
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// event shows an entry of the case.
func (v caseView) event(c *Call, e auditor.Listed) caseEvent {
	x := caseEvent{entryRow: rowOf(c, e), Style: "note"}
	switch {
	case e.Kind != "message":
	case e.Sender == v.Requesting:
		x.Style = "out"
	default:
		x.Style = "in"
	}
	for _, clock := range v.Clocks {
		if clock.Late > 0 && e.At == clock.Met.Unix() && e.Kind != "deadline" {
			x.Late, x.Clock = clock.Late, clock.Name
		}
	}
	for _, f := range v.Findings {
		if f.Index == e.Index {
			x.Findings = append(x.Findings, f)
		}
	}
	slices.SortFunc(x.Findings, func(a, b auditor.Finding) int { return cmp.Compare(a.Key, b.Key) })
	return x
}
