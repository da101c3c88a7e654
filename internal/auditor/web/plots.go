package web

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
)

// lanes are those of the procedure, the most pressing first.
var lanes = []string{"emergency", "urgent", "routine"}

// mostBars bounds the bars of a drawing, and mostPairs the lines of a list of
// pairs.
const (
	mostBars  = 92
	mostPairs = 15
)

// draw fills what the overview draws. Every figure leads to the list behind it.
func (v *homeView) draw(c *Call, o auditor.Overview, t auditor.Trends) {
	l, s := c.L, c.server
	v.Exchanges = page.Columns{ID: "exchanges", Title: l.T("auditor.plot_exchanges"), Label: l.T("auditor.plot_days")}
	for _, lane := range lanes {
		v.Exchanges.Series = append(v.Exchanges.Series, convention.Label("lane", lane, l.Tag))
	}
	v.Exchanges.Bars = columns(t.Messages, func(d auditor.DayCount) int { return slices.Index(lanes, d.Lane) }, len(lanes), func(from, to string, part int) string {
		return s.query("entries", "kind", "message", "lane", lanes[part], "since", from, "until", to)
	})
	v.Statements = page.Columns{
		ID: "statements", Title: l.T("auditor.plot_statements"), Label: l.T("auditor.plot_days"), Series: []string{l.T("auditor.kind_statement")},
		Bars: columns(t.Statements, func(auditor.DayCount) int { return 0 }, 1, func(from, to string, _ int) string {
			return s.query("entries", "kind", "statement", "since", from, "until", to)
		}),
	}
	v.Acknowledged = durations(c, l.T("auditor.plot_acknowledged"), t.Acknowledged, "acknowledged_over")
	v.Answered = durations(c, l.T("auditor.plot_answered"), t.Answered, "answered_over")
	v.overdue(c, o.Pairs)
	v.stages(c, o.Pairs)
	v.Rejected = counts(c, l.T("auditor.plot_rejected"), l.T("auditor.code"), o.Rejections, func(code string) string {
		return s.query("entries", "kind", "rejection", "code", code)
	})
	v.Keys = counts(c, l.T("auditor.plot_keys"), l.T("auditor.subject"), o.Statements, func(subject string) string {
		return s.query("entries", "kind", "statement", "code", subject)
	})
}

// columns makes bars of counts by day: of days, or of weeks or months where there
// would be too many.
func columns(counts []auditor.DayCount, part func(auditor.DayCount) int, parts int, address func(from, to string, part int) string) []page.Column {
	if len(counts) == 0 {
		return nil
	}
	days := make([]time.Time, len(counts))
	for i, n := range counts {
		days[i], _ = time.Parse(time.DateOnly, n.Day) // a day of the database; else it is the first of all
	}
	first, last := slices.MinFunc(days, time.Time.Compare), slices.MaxFunc(days, time.Time.Compare)
	begin, next := stepOf(first, last)
	var bars []page.Column
	var starts []time.Time
	for from := begin(first); !from.After(last); from = next(from) {
		bar := page.Column{Label: from.Format(time.DateOnly), Parts: make([]page.Amount, parts)}
		for i := range bar.Parts {
			bar.Parts[i].Address = address(bar.Label, next(from).AddDate(0, 0, -1).Format(time.DateOnly), i)
		}
		bars, starts = append(bars, bar), append(starts, from)
	}
	for i, n := range counts {
		at, _ := slices.BinarySearchFunc(starts, begin(days[i]), time.Time.Compare)
		if p := part(n); p >= 0 && at < len(bars) {
			bars[at].Parts[p].Count += n.Count
		}
	}
	return bars
}

// stepOf returns the first day of what a day belongs to, and of what comes after:
// days, weeks, months or years, so that there are not too many from first to last.
func stepOf(first, last time.Time) (begin, next func(time.Time) time.Time) {
	date := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	switch days := int(last.Sub(first).Hours() / 24); {
	case days < mostBars:
		return func(t time.Time) time.Time { return t }, func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
	case days < 7*mostBars:
		return func(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }, func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }
	case days < 30*mostBars:
		return func(t time.Time) time.Time { return date(t.Year(), t.Month(), 1) }, func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }
	default:
		width := days/365/mostBars + 1
		return func(t time.Time) time.Time { return date(t.Year()/width*width, 1, 1) }, func(t time.Time) time.Time { return t.AddDate(width, 0, 0) }
	}
}

// durations are medians and ninetieth percentiles by lane; each leads to the cases
// that took longer.
func durations(c *Call, title string, by map[string]auditor.Took, filter string) page.Bars {
	l := c.L
	b := page.Bars{Title: title, Label: l.T("auditor.lane"), Names: []string{l.T("auditor.median"), l.T("auditor.ninety")}}
	for _, lane := range lanes {
		took, ok := by[lane]
		if !ok {
			continue
		}
		longer := func(seconds int64) string {
			return c.server.query("cases", "lane", lane, filter, strconv.FormatInt(max(1, seconds), 10))
		}
		b.Rows = append(b.Rows, page.Bar{
			Label: convention.Label("lane", lane, l.Tag), Address: c.server.query("cases", "lane", lane),
			Values: []page.Value{
				{Size: took.Median, Text: seconds(c, took.Median), Address: longer(took.Median)},
				{Size: took.Ninety, Text: seconds(c, took.Ninety), Address: longer(took.Ninety)},
			},
		})
	}
	return b
}

// seconds writes a number of seconds in words.
func seconds(c *Call, n int64) string { return took(c.L, n) }

// overdue are the pairs of parties with the most deadlines that passed.
func (v *homeView) overdue(c *Call, pairs []auditor.Figure) {
	type pair struct{ from, to string }
	sums := map[pair]int64{}
	for _, f := range pairs {
		if f.Overdue > 0 {
			sums[pair{f.Requesting, f.Requested}] += f.Overdue
		}
	}
	keys := slices.SortedFunc(maps.Keys(sums), func(a, b pair) int {
		return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a.from+a.to, b.from+b.to))
	})
	v.OverdueMore = max(0, len(keys)-mostPairs)
	v.Overdue = page.Bars{Title: c.L.T("auditor.plot_overdue"), Label: c.L.T("auditor.pair"), Names: []string{c.L.T("auditor.number")}}
	for _, key := range keys[:min(len(keys), mostPairs)] {
		v.Overdue.Rows = append(v.Overdue.Rows, page.Bar{
			Label: key.from + " > " + key.to, Machine: true, Values: []page.Value{{Size: sums[key], Text: c.L.Number(sums[key])}},
			Address: c.server.query("cases", "requesting", key.from, "requested", key.to, "overdue", "1"),
		})
	}
}

// stages are where the cases stand.
func (v *homeView) stages(c *Call, pairs []auditor.Figure) {
	sums := map[string]int64{}
	for _, f := range pairs {
		for stage, n := range f.Stages {
			sums[stage] += n
		}
	}
	v.Stages = page.Bars{Title: c.L.T("auditor.plot_stages"), Label: c.L.T("auditor.stage"), Names: []string{c.L.T("auditor.number")}}
	for _, code := range convention.Codes("stage") {
		if n := sums[code.Code]; n > 0 {
			v.Stages.Rows = append(v.Stages.Rows, page.Bar{
				Label: code.Label(c.L.Tag), Values: []page.Value{{Size: n, Text: c.L.Number(n)}}, Address: c.server.query("cases", "stage", code.Code),
			})
		}
	}
}

// counts are numbers by name, the largest first.
func counts(c *Call, title, label string, by map[string]int64, address func(string) string) page.Bars {
	b := page.Bars{Title: title, Label: label, Names: []string{c.L.T("auditor.number")}}
	names := slices.SortedFunc(maps.Keys(by), func(x, y string) int { return cmp.Or(cmp.Compare(by[y], by[x]), cmp.Compare(x, y)) })
	for _, name := range names[:min(len(names), mostPairs)] {
		b.Rows = append(b.Rows, page.Bar{
			Label: name, Machine: true, Values: []page.Value{{Size: by[name], Text: c.L.Number(by[name])}}, Address: address(name),
		})
	}
	return b
}
