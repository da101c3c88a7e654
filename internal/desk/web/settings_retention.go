package web

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
)

// retentionRoutes are how long cases are kept.
var retentionRoutes = []Route{
	{Name: "retention", Method: http.MethodGet, Path: "/settings/retention", Who: settingsReaders, Handle: (*Server).retentionPage},
	{Name: "retention.post", Method: http.MethodPost, Path: "/settings/retention", Who: Admins, Fresh: true, Handle: (*Server).retentionPropose},
	{Name: "retention.hold", Method: http.MethodPost, Path: "/settings/retention/holds", Who: Admins, Fresh: true, Handle: (*Server).retentionHold},
}

// Bounds of the page.
const (
	mostDueShown = 200
	aheadDays    = 365
	moreRules    = 2 // empty rows of the form
)

// A retentionView is the page of retention.
type retentionView struct {
	Form     page.Form
	Rules    []ruleLine
	FromFile bool
	Proposal proposalView
	Rows     []ruleRow
	Kinds    []page.Choice
	Holds    []holdLine
	Due      []dueLine
	More     bool // not all are shown
	May      bool
}

// A ruleLine is a rule as it is read.
type ruleLine struct {
	Code, For string
	Days      int
	Basis     string
}

// A ruleRow is a rule as it is written.
type ruleRow struct {
	Number            int
	Type, Days, Basis string // names of the fields
}

// A holdLine is a legal hold.
type holdLine struct {
	desk.Held
	Since time.Time
}

// A dueLine is a case that is or will be due to be erased.
type dueLine struct {
	desk.DueCase
	On   time.Time
	Over bool
}

// ruleLines are rules by what they are for.
func ruleLines(c *Call, rules desk.Retention) (lines []ruleLine) {
	for _, code := range slices.Sorted(maps.Keys(rules)) {
		lines = append(lines, ruleLine{code, ruleFor(c, code), rules[code].Days, rules[code].Basis})
	}
	return lines
}

// ruleFor says what a rule is for.
func ruleFor(c *Call, code string) string {
	if code == "default" || code == "information" {
		return c.L.T("settings.rule_" + code)
	}
	return convention.Label("measure-type", code, c.L.Tag)
}

func (s *Server) retentionPage(w http.ResponseWriter, c *Call) error {
	rules, _, err := s.Desk.RetentionRules(c.Context())
	if err != nil {
		return err
	}
	form := page.Form{}
	for i, r := range ruleLines(c, rules) {
		row := rowOf(i)
		form.Set(row.Type, r.Code)
		form.Set(row.Days, strconv.Itoa(r.Days))
		form.Set(row.Basis, r.Basis)
	}
	form.Set("rows", strconv.Itoa(len(rules)+moreRules))
	return s.showRetention(w, c, http.StatusOK, form)
}

// rowOf names the fields of a row.
func rowOf(i int) ruleRow {
	n := strconv.Itoa(i)
	return ruleRow{i + 1, "type-" + n, "days-" + n, "basis-" + n}
}

// rowsOf are the rows that a form has.
func rowsOf(f page.Form) (rows []ruleRow) {
	n, _ := strconv.Atoi(f.Values.Get("rows")) // what is no number is none
	for i := range min(max(n, moreRules), 60) {
		rows = append(rows, rowOf(i))
	}
	return rows
}

func (s *Server) showRetention(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	v := retentionView{Form: form, May: Admins.allows(c.User), Rows: rowsOf(form)}
	rules, fromFile, err := s.Desk.RetentionRules(c.Context())
	if err != nil {
		return err
	}
	v.Rules, v.FromFile = ruleLines(c, rules), fromFile
	var next desk.Retention
	if v.Proposal, err = s.waiting(c, desk.SettingRetention, &next); err != nil {
		return err
	}
	v.Proposal.Rules = ruleLines(c, next)
	v.Kinds = []page.Choice{{Label: c.L.T("settings.no_rule")}}
	for _, code := range []string{"default", "information"} {
		v.Kinds = append(v.Kinds, page.Choice{Value: code, Label: ruleFor(c, code)})
	}
	for _, code := range convention.Codes("measure-type") {
		v.Kinds = append(v.Kinds, page.Choice{Value: code.Code, Label: ruleFor(c, code.Code)})
	}
	held, err := s.Desk.Holds(c.Context())
	if err != nil {
		return err
	}
	for _, h := range held {
		v.Holds = append(v.Holds, holdLine{h, moment(c, h.Since)})
	}
	due, err := s.Desk.DueBy(c.Context(), c.Now.AddDate(0, 0, aheadDays), mostDueShown)
	if err != nil {
		return err
	}
	for _, d := range due {
		on := moment(c, d.Since)
		v.Due = append(v.Due, dueLine{d, on, !on.After(c.Now)})
	}
	slices.SortStableFunc(v.Due, func(a, b dueLine) int { return a.On.Compare(b.On) })
	v.More = len(due) == mostDueShown
	return s.render(w, c, status, "settings-retention.html", v)
}

// retentionPropose proposes other rules, all of them.
func (s *Server) retentionPropose(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	form, rules := page.Form{Values: in}, desk.Retention{}
	for _, row := range rowsOf(form) {
		code := in.Get(row.Type)
		if code == "" {
			continue
		}
		days, _ := strconv.Atoi(strings.TrimSpace(in.Get(row.Days))) // what is no number is refused with it
		rule := desk.RetentionRule{Days: days, Basis: strings.TrimSpace(in.Get(row.Basis))}
		if _, twice := rules[code]; twice {
			form.Fail(row.Type, c.L.T("settings.wrong.twice"))
			continue
		}
		rules[code] = rule
		one := page.Form{}
		if c.refused(&one, desk.Retention{code: rule}.Check()) {
			field := map[string]string{"days": row.Days, "basis": row.Basis}[one.Errors[0].Field]
			if field == "" {
				field = row.Type
			}
			form.Fail(field, one.Errors[0].Text)
		}
	}
	if len(form.Errors) > 0 {
		return s.showRetention(w, c, http.StatusUnprocessableEntity, form)
	}
	if _, err := s.office.Propose(c.Context(), c.User.Officer(), desk.SettingRetention, rules); err != nil {
		return err
	}
	return s.done(w, c, "proposed", "retention")
}

// retentionHold places a legal hold on a case, or lifts it.
func (s *Server) retentionHold(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	err = s.Desk.HoldBy(c.Context(), c.User.Officer(), strings.TrimSpace(in.Get("case")), strings.TrimSpace(in.Get("basis")), in.Has("lift"))
	form := page.Form{Values: in}
	if c.refused(&form, err) {
		return s.showRetention(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "saved", "retention")
}
