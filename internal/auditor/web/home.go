package web

import (
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
)

// homeRoutes are the overview and what explains the rest.
var homeRoutes = []Route{
	{Name: "home", Method: http.MethodGet, Path: "/", Handle: (*Server).home},
	{Name: "check", Method: http.MethodPost, Path: "/check", Handle: (*Server).check},
	{Name: "witnesses", Method: http.MethodGet, Path: "/witnesses", Handle: (*Server).witnesses},
	{Name: "help", Method: http.MethodGet, Path: "/help", Anybody: true, Handle: (*Server).help},
}

// A homeView is the overview.
type homeView struct {
	State    state
	Standing auditor.Standing
	Agree    int // witnesses that vouch for the newest checkpoint
	Size     int64
	Kept     int64 // entries in the book
	Cases    int64
	Derived  bool
	Findings []findingLine
	Look     look
	Tried    time.Time
	Now      time.Time

	Exchanges, Statements           page.Columns
	Acknowledged, Answered          page.Bars
	Overdue, Stages, Rejected, Keys page.Bars
	OverdueMore                     int // pairs that are not shown
}

// A state is the state of the log in one sentence, and what it says besides.
type state struct {
	Kind      string // of the tag: ok, warn or bad
	Word, Say string
	Others    []string
}

// A findingLine is a kind of finding with how many there are.
type findingLine struct {
	Code, Title string
	Grave       bool
	Count, Open int64
}

// home shows the state of the log at a glance.
func (s *Server) home(w http.ResponseWriter, c *Call) error {
	o, err := s.Book.Overview(c.Context())
	if err != nil {
		return err
	}
	t, err := s.Book.Trends(c.Context())
	if err != nil {
		return err
	}
	v := homeView{Derived: o.Checkpoint != "", Look: s.follower.state(), Now: c.Now}
	if v.Standing, err = s.Book.Standing(c.Context()); err != nil {
		return err
	}
	if v.Findings, err = s.findingLines(c); err != nil {
		return err
	}
	for _, witness := range v.Standing.Witnesses {
		if witness.Now {
			v.Agree++
		}
	}
	if v.Standing.Head != nil {
		v.Size = v.Standing.Head.Size
	}
	for _, n := range o.Entries {
		v.Kept += n
	}
	for _, f := range o.Pairs {
		v.Cases += f.Cases
	}
	v.State = s.stateOf(c, v)
	v.draw(c, o, t)
	return s.render(w, c, http.StatusOK, "home.html", v)
}

// findingLines are the kinds of findings there are, evidence first.
func (s *Server) findingLines(c *Call) ([]findingLine, error) {
	counts, err := s.Book.FindingCounts(c.Context())
	if err != nil {
		return nil, err
	}
	byCode := map[string]*findingLine{}
	for _, n := range counts {
		line := byCode[n.Code]
		if line == nil {
			line = &findingLine{Code: n.Code, Title: findingTitle(c, n.Code)}
			byCode[n.Code] = line
		}
		line.Grave = line.Grave || n.Grave
		line.Count += n.Count
		if n.State == auditor.StateOpen {
			line.Open += n.Count
		}
	}
	var lines []findingLine
	for _, grave := range []bool{true, false} {
		for _, code := range slices.Sorted(maps.Keys(byCode)) {
			if byCode[code].Grave == grave {
				lines = append(lines, *byCode[code])
			}
		}
	}
	return lines, nil
}

// stale is how long ago the log may have been looked at.
const stale = time.Hour

// stateOf puts the state of the log into a sentence: what is wrong first.
func (s *Server) stateOf(c *Call, v homeView) state {
	var grave, notices int64
	for _, f := range v.Findings {
		if f.Grave {
			grave += f.Open
		} else {
			notices += f.Open
		}
	}
	st := v.Standing
	var wrong []state
	add := func(yes bool, kind, word, say string) {
		if yes {
			wrong = append(wrong, state{Kind: kind, Word: word, Say: say})
		}
	}
	add(grave > 0, "bad", c.L.T("auditor.word_evidence"), c.L.T("auditor.state_grave", "Count", int(grave)))
	add(v.Look.Failed != nil, "warn", c.L.T("auditor.word_unreached"), c.L.T("auditor.state_unreached"))
	add(st.Head == nil, "warn", c.L.T("auditor.word_new"), c.L.T("auditor.state_never"))
	add(!st.Synced.IsZero() && c.Now.Sub(st.Synced) > stale, "warn", c.L.T("auditor.word_old"), c.L.T("auditor.state_old"))
	add(st.Demanded && st.Head != nil && !st.Head.Witnessed, "warn", c.L.T("auditor.word_unwitnessed"), c.L.T("auditor.state_unwitnessed"))
	add(!v.Derived && st.Head != nil, "warn", c.L.T("auditor.word_unchecked"), c.L.T("auditor.state_unchecked"))
	add(notices > 0, "warn", c.L.T("auditor.word_notice"), c.L.T("auditor.state_notices", "Count", int(notices)))
	if len(wrong) == 0 {
		return state{Kind: "ok", Word: c.L.T("auditor.word_good"), Say: c.L.T("auditor.state_good", "Since", c.L.Date(st.Since))}
	}
	first := wrong[0]
	for _, other := range wrong[1:] {
		first.Others = append(first.Others, other.Say)
	}
	return first
}

// patience is how long a page waits for a look that it has asked for.
const patience = 5 * time.Second

// check looks at the log now.
func (s *Server) check(w http.ResponseWriter, c *Call) error {
	s.follower.now(c.Context(), patience)
	return s.redirect(w, c, "home")
}

// A witnessView is the page of the witnesses.
type witnessView struct {
	Standing auditor.Standing
	Rows     []witnessRow
	Size     int64
	Now      time.Time
}

// A witnessRow is a witness with how far behind it is.
type witnessRow struct {
	auditor.Vouching
	Behind int64
	Tag    page.Tag
}

func (s *Server) witnesses(w http.ResponseWriter, c *Call) error {
	v := witnessView{Now: c.Now}
	var err error
	if v.Standing, err = s.Book.Standing(c.Context()); err != nil {
		return err
	}
	if v.Standing.Head != nil {
		v.Size = v.Standing.Head.Size
	}
	for _, one := range v.Standing.Witnesses {
		row := witnessRow{Vouching: one, Behind: v.Size - one.Size}
		switch {
		case one.At.IsZero():
			row.Tag = page.MakeTag("bad", c.L.T("auditor.witness_never"))
		case one.Now:
			row.Tag = page.MakeTag("ok", c.L.T("auditor.witness_now"))
		default:
			row.Tag = page.MakeTag("warn", c.L.T("auditor.witness_behind"))
		}
		v.Rows = append(v.Rows, row)
	}
	return s.render(w, c, http.StatusOK, "witnesses.html", v)
}

// A helpView is the page that explains the others.
type helpView struct {
	Version string
	Home    string
	Keys    []page.NavItem
	Codes   []page.Choice
}

func (s *Server) help(w http.ResponseWriter, c *Call) error {
	v := helpView{Home: s.Home}
	if c.SignedIn() {
		var err error
		if v.Keys, err = s.pages.Nav(c.L, c.URL.Path, navigation); err != nil {
			return err
		}
	}
	for _, code := range auditor.FindingCodes() {
		v.Codes = append(v.Codes, page.Choice{Value: code, Label: findingTitle(c, code), Hint: c.L.T("auditor.why_" + code)})
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.Version = info.Main.Version
	}
	return s.render(w, c, http.StatusOK, "help.html", v)
}

// findingTitle is what a kind of finding is called.
func findingTitle(c *Call, code string) string { return c.L.T("auditor.find_" + code) }

// query is the address of a list with what it is asked for.
func (s *Server) query(route string, pairs ...string) string {
	address, err := s.url(route)
	if err != nil {
		s.Log.Error("no address", "route", route, "err", err)
		return ""
	}
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return address + "?" + q.Encode()
}
