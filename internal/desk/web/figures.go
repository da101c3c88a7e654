package web

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// figureReaders see the State's own figures.
var figureReaders = Roles(append([]desk.Role{desk.Administrator}, desk.Readers...)...)

// figureRoutes are the State's own figures.
var figureRoutes = []Route{
	{Name: "figures", Method: http.MethodGet, Path: "/statistics", Who: figureReaders, Handle: (*Server).figuresPage},
	{Name: "figures.csv", Method: http.MethodGet, Path: "/statistics/figures.csv", Who: figureReaders, Handle: (*Server).figuresCSV},
	{Name: "figures.json", Method: http.MethodGet, Path: "/statistics/figures.json", Who: figureReaders, Handle: (*Server).figuresJSON},
	{Name: "figures.refused", Method: http.MethodGet, Path: "/statistics/refused", Who: Readers, Handle: (*Server).figuresRefused},
}

// A period is what figures are of: from a day on, and before another.
type period struct{ From, To time.Time }

// mostYears bounds a period.
const mostYears = 20

// periodOf is the period that an address asks for; a year up to this month
// otherwise.
func periodOf(c *Call) period {
	p := period{day(c.URL.Query().Get("from")), day(c.URL.Query().Get("to"))}
	if p.From.IsZero() || !p.From.Before(p.To) || p.To.After(p.From.AddDate(mostYears, 0, 0)) {
		next := time.Date(c.Now.Year(), c.Now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		p = period{next.AddDate(-1, 0, 0), next}
	}
	return p
}

// query is the period as an address says it.
func (p period) query() url.Values {
	return url.Values{"from": {daySaid(p.From)}, "to": {daySaid(p.To)}}
}

// A figuresView is the page of figures.
type figuresView struct {
	Form                page.Form
	Totals              []totalLine
	Months              page.Columns
	Types, Ack, Answers page.Bars
	With                page.Bars
	Grounds             page.Bars
	Any                 bool
	Query               string
}

// A totalLine is what there is of all types together, in one direction.
type totalLine struct {
	office.TypeCount
	Address, Late string // of the lists behind it; empty for who reads no cases
	Share         string // overdue, of those that are open
}

// listed is the address of the list behind a figure; empty for who reads no cases.
func listed(c *Call, way string, p period, more ...string) string {
	if !Readers.allows(c.User) {
		return ""
	}
	query := p.query()
	query.Set("state", "all")
	for i := 0; i+1 < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	list := "/outbox"
	if way == "in" {
		list = "/inbox"
	}
	return list + "?" + query.Encode()
}

func (s *Server) figuresPage(w http.ResponseWriter, c *Call) error {
	p := periodOf(c)
	found, err := s.office.Statistics(c.Context(), c.User.Officer(), p.From, p.To)
	if err != nil {
		return err
	}
	v := figuresView{Query: p.query().Encode(), Any: len(found.Totals)+len(found.Grounds) > 0, Form: page.Form{Values: p.query()}}
	for _, t := range found.Totals {
		line := totalLine{TypeCount: t, Address: listed(c, t.Direction, p), Late: listed(c, t.Direction, p, "overdue", "1")}
		if t.Open > 0 {
			line.Share = c.L.T("figures.share", "Percent", 100*t.Overdue/t.Open)
		}
		v.Totals = append(v.Totals, line)
	}
	v.Months = monthColumns(c, p, found.Months)
	v.Types, v.Ack, v.Answers = typeBars(c, p, found.Types)
	s.withBars(c, p, &v, found)
	return s.render(w, c, http.StatusOK, "figures.html", v)
}

// monthColumns draw the cases of each month.
func monthColumns(c *Call, p period, months []office.MonthCount) page.Columns {
	out := page.Columns{ID: "months", Title: c.L.T("figures.months"), Label: c.L.T("figures.month"), Series: []string{c.L.T("figures.in"), c.L.T("figures.out")}}
	for _, m := range months {
		first := day(m.Month + "-01")
		of := period{later(first, p.From), earlier(first.AddDate(0, 1, 0), p.To)}
		out.Bars = append(out.Bars, page.Column{Label: m.Month, Parts: []page.Amount{
			{Count: int64(m.In), Address: listed(c, "in", of)}, {Count: int64(m.Out), Address: listed(c, "out", of)},
		}})
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// typeBars draw the cases by what they ask for, and how long they took.
func typeBars(c *Call, p period, types []office.TypeCount) (count, ack, answers page.Bars) {
	names := []string{c.L.T("figures.median"), c.L.T("figures.p90"), c.L.T("figures.of")}
	count = page.Bars{Title: c.L.T("figures.types"), Label: c.L.T("figures.type"), Names: []string{c.L.T("figures.cases"), c.L.T("figures.open"), c.L.T("figures.overdue")}}
	ack = page.Bars{Title: c.L.T("figures.to_acknowledge"), Label: c.L.T("figures.type"), Names: names}
	answers = page.Bars{Title: c.L.T("figures.to_answer"), Label: c.L.T("figures.type"), Names: names}
	for _, t := range types {
		label := c.L.T("figures.way_"+t.Direction, "Type", convention.Label("measure-type", t.Type, c.L.Tag))
		all := listed(c, t.Direction, p, "type", t.Type)
		count.Rows = append(count.Rows, page.Bar{Label: label, Values: []page.Value{
			counted(c, t.Cases, all),
			counted(c, t.Open, listed(c, t.Direction, p, "type", t.Type, "state", "open")),
			counted(c, t.Overdue, listed(c, t.Direction, p, "type", t.Type, "overdue", "1")),
		}})
		for _, x := range []struct {
			bars *page.Bars
			took office.Duration
		}{{&ack, t.Acknowledged}, {&answers, t.Answered}} {
			if x.took.Cases > 0 {
				x.bars.Rows = append(x.bars.Rows, page.Bar{Label: label, Values: []page.Value{
					long(c, x.took.Median, all), long(c, x.took.Ninety, all), {Size: -1, Text: c.L.Number(int64(x.took.Cases)), Address: all},
				}})
			}
		}
	}
	return count, ack, answers
}

// long is how long something took: hours below two days.
func long(c *Call, days float64, address string) page.Value {
	v := page.Value{Size: int64(math.Ceil(days * 24)), Address: address}
	if days < 2 {
		v.Text = c.L.T("figures.hours", "Count", int(v.Size))
	} else {
		v.Text = c.L.T("figures.days", "Count", int(math.Round(days)))
	}
	return v
}

// counted is a value that leads to what it counts, if that is anything.
func counted(c *Call, n int, address string) page.Value {
	if n == 0 {
		address = ""
	}
	return page.Value{Size: int64(n), Text: c.L.Number(int64(n)), Address: address}
}

// withBars draw the cases by who is on the other side, and the grounds of refusals.
func (s *Server) withBars(c *Call, p period, v *figuresView, found office.Statistics) {
	v.With = page.Bars{Title: c.L.T("figures.with"), Label: c.L.T("figures.authority"), Names: []string{c.L.T("figures.in"), c.L.T("figures.out")}}
	slices.SortStableFunc(found.With, func(a, b office.PartyCount) int { return cmp.Compare(b.In+b.Out, a.In+a.Out) })
	for _, x := range found.With {
		v.With.Rows = append(v.With.Rows, page.Bar{Label: s.authorityName(c, x.Authority), Values: []page.Value{
			counted(c, x.In, listed(c, "in", p, "counterpart", x.Authority)),
			counted(c, x.Out, listed(c, "out", p, "counterpart", x.Authority)),
		}})
	}
	v.Grounds = page.Bars{Title: c.L.T("figures.grounds"), Label: c.L.T("figures.ground"), Names: []string{c.L.T("figures.measures")}}
	for _, g := range found.Grounds {
		address := ""
		if Readers.allows(c.User) {
			query := p.query()
			query.Set("ground", g.Ground)
			query.Set("way", g.Direction)
			address = "/statistics/refused?" + query.Encode()
		}
		v.Grounds.Rows = append(v.Grounds.Rows, page.Bar{
			Label:  c.L.T("figures.by_"+g.Direction, "Ground", convention.Label("refusal-ground", g.Ground, c.L.Tag)),
			Values: []page.Value{counted(c, g.Measures, address)},
		})
	}
}

// A refusedView lists the cases in which something was refused on a ground.
type refusedView struct {
	Ground string
	Back   string
	Rows   []refusedLine
	Hidden int // that the officer may not read
	More   bool
}

// A refusedLine is such a case.
type refusedLine struct {
	Case, Short, With string
	OpenedAt          time.Time
}

// figuresRefused lists the cases behind a ground of refusal.
func (s *Server) figuresRefused(w http.ResponseWriter, c *Call) error {
	p, ground, way := periodOf(c), c.URL.Query().Get("ground"), c.URL.Query().Get("way")
	if !slices.ContainsFunc(convention.Codes("refusal-ground"), func(x convention.Code) bool { return x.Code == ground }) || way != "in" && way != "out" {
		return problem.New(problem.NotFound, "ground", "There is no such ground.")
	}
	by := c.User.Officer()
	cases, all, err := s.office.Refused(c.Context(), by, p.From, p.To, ground, way)
	if err != nil {
		return err
	}
	v := refusedView{
		Ground: c.L.T("figures.by_"+way, "Ground", convention.Label("refusal-ground", ground, c.L.Tag)), Back: "/statistics?" + p.query().Encode(),
		Hidden: all - len(cases), More: len(cases) > listRows,
	}
	for _, l := range cases[:min(len(cases), listRows)] {
		v.Rows = append(v.Rows, refusedLine{l.Case, cmp.Or(l.Reference, l.Case[:8]), s.authorityName(c, l.Counterpart), c.At(time.Unix(l.OpenedAt, 0))})
	}
	return s.render(w, c, http.StatusOK, "figures-refused.html", v)
}

// figuresJSON hands the figures out as they are.
func (s *Server) figuresJSON(w http.ResponseWriter, c *Call) error {
	p := periodOf(c)
	found, err := s.office.Statistics(c.Context(), c.User.Officer(), p.From, p.To)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	page.Attach(w, "figures.json", "application/json")
	_, err = w.Write(append(text, '\n'))
	return err
}

// figuresCSV hands the figures out as a table: figure, direction, what it is of,
// value.
func (s *Server) figuresCSV(w http.ResponseWriter, c *Call) error {
	p := periodOf(c)
	found, err := s.office.Statistics(c.Context(), c.User.Officer(), p.From, p.To)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	if err := out.WriteAll(figureRows(found)); err != nil {
		return fmt.Errorf("writing the figures: %w", err)
	}
	page.Attach(w, "figures.csv", "text/csv; charset=utf-8")
	_, err = w.Write(b.Bytes())
	return err
}

// figureRows are figures as rows.
func figureRows(found office.Statistics) [][]string {
	rows := [][]string{{"figure", "direction", "of", "value"}}
	add := func(figure, way, of string, value float64) {
		rows = append(rows, []string{figure, way, of, strconv.FormatFloat(value, 'f', -1, 64)})
	}
	for _, m := range found.Months {
		add("cases_by_month", "in", m.Month, float64(m.In))
		add("cases_by_month", "out", m.Month, float64(m.Out))
	}
	for _, t := range slices.Concat(found.Types, found.Totals) {
		of := cmp.Or(t.Type, "all")
		add("cases", t.Direction, of, float64(t.Cases))
		add("open", t.Direction, of, float64(t.Open))
		add("overdue", t.Direction, of, float64(t.Overdue))
		for _, took := range []struct {
			name string
			office.Duration
		}{{"to_close", t.Duration}, {"to_acknowledge", t.Acknowledged}, {"to_answer", t.Answered}} {
			if took.Cases > 0 {
				add(took.name+"_cases", t.Direction, of, float64(took.Cases))
				add(took.name+"_median_days", t.Direction, of, took.Median)
				add(took.name+"_p90_days", t.Direction, of, took.Ninety)
			}
		}
	}
	for _, g := range found.Grounds {
		add("refused_measures", g.Direction, g.Ground, float64(g.Measures))
	}
	for _, x := range found.With {
		add("cases_with", "in", x.Authority, float64(x.In))
		add("cases_with", "out", x.Authority, float64(x.Out))
	}
	return rows
}
