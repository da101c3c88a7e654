package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/pkg/convention"
)

// pagePath is where one page of the watch is.
const pagePath = "/watch/pages/{page:[0-9a-f]{32}}"

// watchRoutes are the board of the 24/7 point.
var watchRoutes = []Route{
	{Name: "watch", Method: http.MethodGet, Path: "/watch", Who: Readers, Handle: (*Server).watch},
	{Name: "watch.again", Method: http.MethodGet, Path: "/watch/again", Who: Readers, Handle: (*Server).watch, Quiet: true},
	{Name: "watch.events", Method: http.MethodGet, Path: "/watch/events", Who: Readers, Handle: (*Server).watchEvents, Quiet: true},
	{Name: "watch.drill", Method: http.MethodPost, Path: "/watch/drill", Who: Roles(desk.Approver, desk.DutyOfficer), Handle: (*Server).watchDrill},
	{Name: "watch.page", Method: http.MethodGet, Path: pagePath, Who: Readers, Handle: (*Server).watchPage},
	{Name: "watch.acknowledge", Method: http.MethodPost, Path: pagePath, Who: Writers, Handle: (*Server).watchAcknowledge},
}

// A watchView is the board.
type watchView struct {
	At      time.Time // in the officer's zone
	UTC     time.Time
	Pages   []pageLine
	Columns []boardColumn
	OnDuty  []dutyLine
	Reached time.Time // the zero time for not yet
	Silent  bool
	Alarm   bool // somebody is to acknowledge something
	May     bool // acknowledge pages
	Drill   bool // raise drills
	Figures office.Figures
	Median  string // minutes and seconds
}

// A pageLine is a page as the board shows it.
type pageLine struct {
	office.Page
	RaisedAt, NextAt, AcknowledgedTime time.Time
	Waits                              string // minutes and seconds
}

// A boardColumn is a column of the board.
type boardColumn struct {
	Name  string
	Count int
	More  int // that are not shown
	Cases []boardCase
}

// A boardCase is a case of a column.
type boardCase struct {
	desk.Line
	With, Lang  string
	Lane, Clock string
	DueAt       time.Time
}

// A dutyLine is an officer on duty.
type dutyLine struct {
	Name   string
	Level  int64
	Shift  office.Shift
	Always bool
}

// watch shows the board.
func (s *Server) watch(w http.ResponseWriter, c *Call) error {
	b, err := s.office.Board(c.Context(), c.User.Officer())
	if err != nil {
		return err
	}
	names, err := s.officerNames(c.Context())
	if err != nil {
		return err
	}
	v := watchView{
		At: c.At(b.At), UTC: b.At, Reached: c.At(b.Reached), Silent: b.Silent, Alarm: len(b.Pages) > 0,
		May: Writers.allows(c.User), Drill: s.routes["watch.drill"].Who.allows(c.User),
	}
	if b.Reached.IsZero() {
		v.Reached = b.Reached
	}
	for _, p := range b.Pages {
		v.Pages = append(v.Pages, showPage(c, p))
	}
	for _, column := range b.Columns {
		v.Columns = append(v.Columns, s.boardColumn(c, column))
	}
	for _, shift := range b.OnDuty {
		v.OnDuty = append(v.OnDuty, dutyLine{Name: nameOf(names, shift.Officer), Level: shift.Level, Shift: shift, Always: shift.Begins == shift.Ends})
	}
	if v.Figures, err = s.office.Figures(c.Context(), c.User.Officer(), b.At); err != nil {
		return err
	}
	v.Median = clock(v.Figures.Median)
	return s.render(w, c, http.StatusOK, "watch.html", v)
}

// officerNames are the names of all officers by id.
func (s *Server) officerNames(ctx context.Context) (map[string]string, error) {
	all, err := s.Accounts.List(ctx)
	names := map[string]string{}
	for _, u := range all {
		names[u.ID] = u.Name
	}
	return names, err
}

// nameOf is the name of an officer; the id of one who has no account.
func nameOf(names map[string]string, id string) string {
	if names[id] != "" {
		return names[id]
	}
	return id
}

func (s *Server) boardColumn(c *Call, column office.Column) boardColumn {
	out := boardColumn{Name: column.Name, Count: column.Count, More: column.Count - len(column.Cases)}
	for _, l := range column.Cases {
		line := boardCase{
			Line: l, With: l.Counterpart, Lane: convention.Label("lane", l.Lane, c.L.Tag), Clock: convention.Label("clock", l.Clock, c.L.Tag),
			DueAt: moment(c, l.Due),
		}
		if a, err := s.Desk.Directory().Authority(l.Counterpart); err == nil {
			line.With, line.Lang = c.L.Name(a.Statement.Names, l.Counterpart)
		}
		out.Cases = append(out.Cases, line)
	}
	return out
}

// moment reads a time that the desk gives as text, for a page; the zero time for
// none.
func moment(c *Call, text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return c.At(t)
}

func showPage(c *Call, p office.Page) pageLine {
	return pageLine{
		Page: p, RaisedAt: moment(c, p.Raised), NextAt: moment(c, p.Next), AcknowledgedTime: moment(c, p.AcknowledgedAt), Waits: clock(p.Seconds),
	}
}

// clock is a number of seconds as 4:05 or 1:04:05.
func clock(seconds int64) string {
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// watchDrill raises a drill.
func (s *Server) watchDrill(w http.ResponseWriter, c *Call) error {
	if _, err := s.office.Drill(c.Context(), c.User.Officer()); err != nil {
		return err
	}
	return s.done(w, c, "drill", "watch")
}

// A watchPageView is one page and who was called for it.
type watchPageView struct {
	Page  pageLine
	Calls []callLine
	May   bool
	Now   time.Time
}

// A callLine is that somebody was called.
type callLine struct {
	Name, Channel, Problem string
	At                     time.Time
	Sent                   bool
}

// watchPage shows one page of the watch.
func (s *Server) watchPage(w http.ResponseWriter, c *Call) error {
	p, err := s.office.Page(c.Context(), c.User.Officer(), c.Value("page"))
	if err != nil {
		return err
	}
	names, err := s.officerNames(c.Context())
	if err != nil {
		return err
	}
	v := watchPageView{Page: showPage(c, p), May: Writers.allows(c.User), Now: c.At(c.Now)}
	for _, call := range p.Called {
		v.Calls = append(v.Calls, callLine{
			Name: nameOf(names, call.Officer), Channel: c.L.T("watch.channel." + call.Channel), Problem: call.Problem, At: moment(c, call.At), Sent: call.Sent,
		})
	}
	return s.render(w, c, http.StatusOK, "watch-page.html", v)
}

// watchAcknowledge notes that the officer has taken a page up.
func (s *Server) watchAcknowledge(w http.ResponseWriter, c *Call) error {
	if err := s.office.Acknowledge(c.Context(), c.User.Officer(), c.Value("page")); err != nil {
		return err
	}
	return s.done(w, c, "acknowledged", "watch.page", "page", c.Value("page"))
}
