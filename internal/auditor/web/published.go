package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/directory"
)

// publishedRoutes are what States have published about themselves.
var publishedRoutes = []Route{
	{Name: "published", Method: http.MethodGet, Path: "/published", Handle: (*Server).published},
}

// A publishedView is the page of what States have published.
type publishedView struct {
	Form       page.Form
	Statements []publishedLine
	Asked      bool // the broker was asked, so that there can be some
}

// A publishedLine is a statement beside the procedure's own figures.
type publishedLine struct {
	auditor.Published
	Figures  []figureLine
	Measures []figureLine // decided or refused
	Beside   []figureLine
}

// A figureLine is a line of a table of figures.
type figureLine struct {
	What, Direction string
	Count           int64
	Closed          int64
	Median, Ninety  int64 // days
}

// published shows what States have published about their own cases, beside what the
// procedure says of the same period.
func (s *Server) published(w http.ResponseWriter, c *Call) error {
	query := asked(c.URL.Query(), []string{"party"})
	v := publishedView{Form: page.Form{Values: query}}
	standing, err := s.Book.Standing(c.Context())
	if err != nil {
		return err
	}
	v.Asked = standing.Scope != "files"
	list, err := s.Book.Published(c.Context(), strings.ToUpper(query.Get("party")))
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		v.Statements = append(v.Statements, publishedLineOf(c, list[i]))
	}
	return s.render(w, c, http.StatusOK, "published.html", v)
}

// publishedLineOf shows a statement.
func publishedLineOf(c *Call, p auditor.Published) publishedLine {
	line := publishedLine{Published: p}
	for _, f := range p.Statement.Cases {
		line.Figures = append(line.Figures, figureLine{
			What: label(c, "measure-type", f.Type), Direction: direction(c, f.Direction), Count: f.Cases, Closed: f.Closed, Median: f.Median, Ninety: f.Ninety,
		})
	}
	for _, f := range p.Statement.Decisions {
		line.Measures = append(line.Measures, figureLine{What: label(c, "decision-outcome", f.Outcome), Direction: direction(c, f.Direction), Count: f.Measures})
	}
	for _, f := range p.Statement.Grounds {
		line.Measures = append(line.Measures, figureLine{What: c.L.T("auditor.refused_on", "Ground", label(c, "refusal-ground", f.Ground)), Direction: direction(c, f.Direction), Count: f.Measures})
	}
	for code, f := range map[string]auditor.Procedure{directory.Incoming: p.Incoming, directory.Outgoing: p.Outgoing} {
		one := figureLine{Direction: direction(c, code), Count: f.Cases, Closed: f.Closed}
		if code == directory.Incoming {
			line.Beside = append([]figureLine{one}, line.Beside...)
		} else {
			line.Beside = append(line.Beside, one)
		}
	}
	return line
}

// direction is one of cases in words.
func direction(c *Call, code string) string {
	if code == directory.Incoming {
		return c.L.T("auditor.direction_in")
	}
	return c.L.T("auditor.direction_out")
}

// Since is the first day of the period.
func (l publishedLine) Since() time.Time { return day(l.Statement.From) }

// Until is the last day.
func (l publishedLine) Until() time.Time { return day(l.Statement.To) }

// day reads a day of a verified statement.
func day(text string) time.Time {
	t, _ := time.Parse(time.DateOnly, text) // checked when it was taken
	return t
}
