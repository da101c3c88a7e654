package directory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/problem"
)

// TypStatistics is the type of what a State publishes about its own cases.
const TypStatistics = "entraide/statistics/1"

// Bounds of published statistics.
const (
	// LeastCount is the smallest number that is published: fewer cases could be
	// recognised.
	LeastCount = 5
	// LeastPeriodDays and MostPeriodDays bound a period.
	LeastPeriodDays = 28
	MostPeriodDays  = 366

	mostCount   = 1_000_000_000
	mostDays    = 36_600 // a hundred years
	mostFigures = 256
)

// Directions of cases.
const (
	Incoming = "in"  // asked of the State
	Outgoing = "out" // asked by the State
)

// A StatisticsStatement (entraide/statistics/1) is what a State publishes about its
// own cases of a period: numbers, and no personal data. The party signs it. Its
// subject is not the party itself, so that it stands in nobody's way there: see
// [StatisticsSubject].
//
// Every number is at least [LeastCount]; a figure with a smaller one is left out, and
// so is one from which a smaller one would follow. Lists are in ascending order of
// what they count, and then of the direction.
type StatisticsStatement struct {
	Heading
	// From and To are the first and the last day of the period, such as 2026-03-31,
	// in UTC. Periods do not overlap; the same period again corrects what was said.
	From string `json:"from"`
	To   string `json:"to"`
	// Cases counts those that were opened in the period, by what they ask for; a case
	// that asks for several things counts for each.
	Cases []CaseFigure `json:"cases"`
	// Decisions counts measures that were decided in the period, by outcome.
	Decisions []OutcomeFigure `json:"decisions"`
	// Grounds counts measures that were refused in the period, by ground.
	Grounds []GroundFigure `json:"grounds"`
	// LeftOut is how many figures of the lists were left out because they are small.
	LeftOut int64 `json:"left_out"`
}

// A CaseFigure counts cases that ask for a type of measure.
type CaseFigure struct {
	Type      string `json:"type"` // row of measure-type
	Direction string `json:"direction"`
	Cases     int64  `json:"cases"`
	// Closed is how many of them were closed when it was published, and Median and
	// Ninety how many days that took from the opening: half of them, and nine of ten,
	// took no longer. They are 0 where Closed is left out, as 0.
	Closed int64 `json:"closed"`
	Median int64 `json:"median_days"`
	Ninety int64 `json:"p90_days"`
}

// An OutcomeFigure counts measures by how they were decided: in by the State, out by
// others.
type OutcomeFigure struct {
	Outcome   string `json:"outcome"` // row of decision-outcome
	Direction string `json:"direction"`
	Measures  int64  `json:"measures"`
}

// A GroundFigure counts measures that were refused on a ground.
type GroundFigure struct {
	Ground    string `json:"ground"` // row of refusal-ground
	Direction string `json:"direction"`
	Measures  int64  `json:"measures"`
}

// statisticsLabel follows the code of a party in the subject of its statistics.
const statisticsLabel = "-statistics"

// StatisticsSubject is the subject of the statistics of a party.
func StatisticsSubject(party string) string { return party + statisticsLabel }

var (
	statisticsForm = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}` + statisticsLabel + `$`)
	groundForm     = regexp.MustCompile(`^[A-Z0-9][A-Z0-9_]{0,63}$`)
)

func (s *StatisticsStatement) check() *problem.Error {
	var f form
	f.heading(&s.Heading, statisticsForm)
	s.checkPeriod(&f)
	for i, c := range s.Cases {
		field := fmt.Sprintf("cases.%d", i)
		f.must(measureForm.MatchString(c.Type), field+".type", "This is not a type of measure, such as T05.")
		f.count(c.Cases, field+".cases")
		f.must(c.Closed == 0 || c.Closed >= LeastCount && (c.Closed == c.Cases || c.Closed <= c.Cases-LeastCount), field+".closed",
			fmt.Sprintf("Of the closed and of the open cases there are none or at least %d, or nothing is said.", LeastCount))
		f.must(c.Median >= 0 && c.Median <= c.Ninety && c.Ninety <= mostDays && (c.Closed > 0 || c.Ninety == 0), field+".p90_days",
			"These are not durations of the cases that were closed.")
	}
	for i, d := range s.Decisions {
		field := fmt.Sprintf("decisions.%d", i)
		f.must(tokenForm.MatchString(d.Outcome), field+".outcome", "This is not an outcome, such as refused.")
		f.count(d.Measures, field+".measures")
	}
	for i, g := range s.Grounds {
		field := fmt.Sprintf("grounds.%d", i)
		f.must(groundForm.MatchString(g.Ground), field+".ground", "This is not a ground, such as 21A_FORM.")
		f.count(g.Measures, field+".measures")
	}
	figures(&f, s.Cases, "cases", func(c CaseFigure) (string, string) { return c.Type, c.Direction })
	figures(&f, s.Decisions, "decisions", func(d OutcomeFigure) (string, string) { return d.Outcome, d.Direction })
	figures(&f, s.Grounds, "grounds", func(g GroundFigure) (string, string) { return g.Ground, g.Direction })
	f.must(s.LeftOut >= 0 && s.LeftOut <= 3*mostFigures, "left_out", "This is not a possible number of figures.")
	return f.fault
}

// checkPeriod checks that the period is over, and neither short nor long.
func (s *StatisticsStatement) checkPeriod(f *form) {
	from, to := f.day(s.From, "from"), f.day(s.To, "to")
	if f.fault != nil {
		return
	}
	end := to.AddDate(0, 0, 1)
	days := int(end.Sub(from) / (24 * time.Hour))
	f.must(days >= LeastPeriodDays && days <= MostPeriodDays, "to", fmt.Sprintf("A period has from %d to %d days.", LeastPeriodDays, MostPeriodDays))
	f.must(!s.Issued.Before(end), "to", "The period was not over when the statement was issued.")
}

// day checks a day.
func (f *form) day(text, field string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	f.must(err == nil && day.Format(time.DateOnly) == text && day.Year() > 1, field, "This is not a day such as 2026-03-31.")
	return day
}

// count checks a number that is published.
func (f *form) count(n int64, field string) {
	f.must(n >= LeastCount && n <= mostCount, field, fmt.Sprintf("What is fewer than %d is not published.", LeastCount))
}

// figures checks that a list is in order, with nothing in it twice.
func figures[T any](f *form, list []T, field string, key func(T) (code, direction string)) {
	f.must(list != nil, field, "The list is missing.")
	f.must(len(list) <= mostFigures, field, fmt.Sprintf("There are more than %d.", mostFigures))
	for i, item := range list {
		_, direction := key(item)
		f.must(direction == Incoming || direction == Outgoing, fmt.Sprintf("%s.%d.direction", field, i), "The direction is in or out.")
	}
	f.must(slices.IsSortedFunc(list, func(a, b T) int {
		codeA, directionA := key(a)
		codeB, directionB := key(b)
		return cmp.Or(strings.Compare(codeA, codeB), strings.Compare(directionA, directionB), -1) // nothing comes twice
	}), field, "The list is not in ascending order, or has something twice.")
}

// takeStatistics takes statistics behind those before them. Overlapping periods would
// tell what neither says alone.
func (s *state) takeStatistics(statement *StatisticsStatement) error {
	if s.before != nil && s.before.statistics != nil {
		last := s.before.statistics
		again := statement.From == last.From && statement.To == last.To
		if !again && statement.From <= last.To {
			return problem.New(problem.StatementInvalid, "from", fmt.Sprintf("The period must begin after %s, or be that of the statement before.", last.To))
		}
	}
	s.statistics = statement
	return nil
}

// Statistics returns what a party has published about its own cases, oldest first; of
// a period that was corrected, only the newest.
func (d *Directory) Statistics(party string) []StatisticsStatement {
	var all []StatisticsStatement
	for s := d.subjects[StatisticsSubject(party)]; s != nil; s = s.before {
		if n := len(all); s.statistics != nil && (n == 0 || all[n-1].From != s.statistics.From) {
			all = append(all, *s.statistics)
		}
	}
	slices.Reverse(all)
	return all
}
