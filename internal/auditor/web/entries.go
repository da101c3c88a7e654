package web

import (
	"maps"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
)

// entryRoutes are the explorer of the log.
var entryRoutes = []Route{
	{Name: "entries", Method: http.MethodGet, Path: "/entries", Handle: (*Server).entries},
	{Name: "entries.csv", Method: http.MethodGet, Path: "/entries.csv", Handle: (*Server).entriesCSV},
	{Name: "entries.json", Method: http.MethodGet, Path: "/entries.json", Handle: (*Server).entriesJSON},
	{Name: "entry", Method: http.MethodGet, Path: "/entries/{index:[0-9]{1,15}}", Handle: (*Server).entry},
	{Name: "entry.json", Method: http.MethodGet, Path: "/entries/{index:[0-9]{1,15}}/entry.json", Handle: (*Server).entryJSON},
	{Name: "entry.proof", Method: http.MethodGet, Path: "/entries/{index:[0-9]{1,15}}/proof", Handle: (*Server).entryProof},
}

// listRows are the lines of a page of a list.
const listRows = 50

// paged returns how many lines a page shows of those that were found before a place,
// one more than it may show being asked for, and the addresses of the first page and
// of the next, where there are. place is that of a line.
func paged(query url.Values, before int64, found int, place func(int) int64) (shown int, first, next string) {
	if before != math.MaxInt64 {
		first = "?" + query.Encode()
	}
	if found <= listRows {
		return found, first, ""
	}
	further := maps.Clone(query)
	further.Set("before", strconv.FormatInt(place(listRows-1), 10))
	return listRows, first, "?" + further.Encode()
}

// An entriesView is a page of the explorer.
type entriesView struct {
	Form                 page.Form
	Kinds, Stages, Lanes []page.Choice
	Rows                 []entryRow
	Next, First, Export  string // queries; empty for none
	Filtered             bool
	Standing             auditor.Standing
	Size                 int64
}

// An entryRow is an entry in a list.
type entryRow struct {
	auditor.Listed
	When  time.Time
	Kind  string
	Words string
	Short string // beginning of the case
}

// entryFields are what the explorer can be asked for.
var entryFields = []string{"since", "until", "party", "kind", "stage", "lane", "case", "code"}

// asked is what a page asks for, without the place in the list.
func asked(query url.Values, fields []string) url.Values {
	out := url.Values{}
	for _, name := range fields {
		if v := strings.TrimSpace(query.Get(name)); v != "" {
			out.Set(name, v)
		}
	}
	return out
}

// entryFilter reads what the explorer is asked for, and notes in the form what
// was not understood.
func entryFilter(c *Call, query url.Values, form *page.Form) auditor.Filter {
	f := auditor.Filter{
		Party: strings.ToUpper(query.Get("party")), Kind: query.Get("kind"), Stage: query.Get("stage"), Lane: query.Get("lane"),
		Case: query.Get("case"), Code: query.Get("code"),
	}
	day := func(field string, after int) int64 {
		text := query.Get(field)
		if text == "" {
			return 0
		}
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			form.Fail(field, c.L.T("auditor.day_wrong"))
		}
		return max(1, t.AddDate(0, 0, after).Unix())
	}
	f.Since, f.Until = day("since", 0), day("until", 1)
	return f
}

// place reads the place in a list, which is its end at first.
func place(query url.Values) int64 {
	before, err := strconv.ParseInt(query.Get("before"), 10, 64)
	if err != nil || before < 0 {
		return math.MaxInt64
	}
	return before
}

// entries shows a page of the explorer.
func (s *Server) entries(w http.ResponseWriter, c *Call) error {
	query := asked(c.URL.Query(), entryFields)
	v := entriesView{
		Form: page.Form{Values: query}, Filtered: len(query) > 0, Kinds: kindChoices(c), Stages: codeChoices(c, "stage"), Lanes: codeChoices(c, "lane"),
		Export: query.Encode(),
	}
	f := entryFilter(c, query, &v.Form)
	var err error
	if v.Standing, err = s.Book.Standing(c.Context()); err != nil {
		return err
	}
	if v.Standing.Head != nil {
		v.Size = v.Standing.Head.Size
	}
	if len(v.Form.Errors) > 0 {
		return s.render(w, c, http.StatusUnprocessableEntity, "entries.html", v)
	}
	before := place(c.URL.Query())
	list, err := s.Book.Listed(c.Context(), f, before, listRows+1)
	if err != nil {
		return err
	}
	shown := 0
	shown, v.First, v.Next = paged(query, before, len(list), func(i int) int64 { return list[i].Index })
	for _, e := range list[:shown] {
		v.Rows = append(v.Rows, rowOf(c, e))
	}
	return s.render(w, c, http.StatusOK, "entries.html", v)
}

// rowOf shows an entry in a list.
func rowOf(c *Call, e auditor.Listed) entryRow {
	return entryRow{Listed: e, When: at(e.At), Kind: c.L.T("auditor.kind_" + e.Kind), Words: words(c, e), Short: short(e.Case)}
}

// short is the beginning of an identifier.
func short(id string) string { return id[:min(8, len(id))] }

// exportRows are read at once for an export.
const exportRows = 1000

// each calls put with the entries that a query asks for, the newest first, and
// moves the deadline of the answer on.
func (s *Server) each(w http.ResponseWriter, c *Call, put func(auditor.Entry) error) error {
	var form page.Form
	f := entryFilter(c, asked(c.URL.Query(), entryFields), &form)
	answer := http.NewResponseController(w)
	for before := int64(math.MaxInt64); ; {
		list, err := s.Book.Listed(c.Context(), f, before, exportRows)
		if err != nil || len(list) == 0 {
			return err
		}
		_ = answer.SetWriteDeadline(s.Now().Add(time.Minute)) // where it can be set
		for _, e := range list {
			before = e.Index
			if e.Body == nil {
				continue
			}
			if err := put(auditor.Entry{Index: e.Index, Entry: e.Entry}); err != nil {
				return nil //nolint:nilerr // the browser is gone
			}
		}
	}
}

// wellAsked refuses an export of what was not understood.
func wellAsked(c *Call) error {
	var form page.Form
	entryFilter(c, asked(c.URL.Query(), entryFields), &form)
	if len(form.Errors) > 0 {
		return invalid(form.Errors[0].Field, "A day is written 2026-03-02.")
	}
	return nil
}

// entriesCSV writes the entries that fit as a table.
func (s *Server) entriesCSV(w http.ResponseWriter, c *Call) error {
	if err := wellAsked(c); err != nil {
		return err
	}
	page.Attach(w, "entries.csv", "text/csv; charset=utf-8")
	put, end := auditor.CSV(w)
	return s.ended(s.each(w, c, put), end())
}

// entriesJSON writes the entries that fit as an array.
func (s *Server) entriesJSON(w http.ResponseWriter, c *Call) error {
	if err := wellAsked(c); err != nil {
		return err
	}
	page.Attach(w, "entries.json", "application/json")
	put, end := auditor.JSON(w)
	err := s.each(w, c, put)
	if err != nil {
		return s.ended(err, nil) // an array without its end is none
	}
	return s.ended(nil, end())
}

// ended notes why an export was broken off: its beginning is sent already.
func (s *Server) ended(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			s.Log.Error("an export was broken off", "err", err)
		}
	}
	return nil
}
