package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
)

// A searchView is the page of the search.
type searchView struct {
	Form  page.Form
	Asked bool
	Hits  []hitLine
	Next  string // query of the page after it; empty for none
}

// A hitLine is what was found.
type hitLine struct {
	Row     caseRow
	Kind    string // of the message; empty for a note
	When    time.Time
	Excerpt string
}

// searchPage looks for words.
func (s *Server) searchPage(w http.ResponseWriter, c *Call) error {
	query := c.URL.Query()
	asked := strings.TrimSpace(query.Get("q"))
	v, status := searchView{Form: page.Form{Values: query}, Asked: asked != ""}, http.StatusOK
	if v.Asked {
		found, err := s.Desk.Search(c.Context(), c.User.Officer(), asked, query.Get("next"), 0)
		p, refused := errors.AsType[*problem.Error](err)
		switch {
		case refused && p.Code == problem.InvalidValue:
			v.Form.Fail("q", c.L.T("lists.search_words"))
			v.Asked, status = false, http.StatusUnprocessableEntity
		case err != nil:
			return err
		}
		if found.Next != "" {
			v.Next = "?" + url.Values{"q": {asked}, "next": {found.Next}}.Encode()
		}
		for _, h := range found.Hits {
			v.Hits = append(v.Hits, s.hitLine(c, h))
		}
	}
	return s.render(w, c, status, "lists-search.html", v)
}

func (s *Server) hitLine(c *Call, h desk.Hit) hitLine {
	line := hitLine{Row: s.caseRow(c, h.Line, nil), Excerpt: h.Excerpt}
	if h.Message == nil {
		return line
	}
	line.Kind, line.When = titleOf(c, *h.Message), moment(c, h.Message.Created)
	if line.Excerpt == "" {
		line.Excerpt = h.Message.Summary
	}
	return line
}

// A requestView is the page for somebody who holds a paper with a reference and a
// check code.
type requestView struct {
	Form     page.Form
	Found    *desk.Confirmed
	From     string
	At       time.Time
	No       bool
	TooMany  bool
	TryAgain time.Time
}

func (s *Server) requestPage(w http.ResponseWriter, c *Call) error {
	return s.render(w, c, http.StatusOK, "lists-request.html", requestView{})
}

// requestConfirm says whether this desk has received a request, and nothing else
// of it.
func (s *Server) requestConfirm(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	v, status := requestView{Form: page.Form{Values: in}}, http.StatusOK
	found, err := s.Desk.Confirm(c.Context(), strings.TrimSpace(in.Get("reference")), strings.TrimSpace(in.Get("code")))
	tooMany, limited := errors.AsType[desk.TooManyCodes](err)
	switch {
	case errors.Is(err, message.ErrMistyped):
		v.Form.Fail("code", c.L.T("lists.request_mistyped"))
		status = http.StatusUnprocessableEntity
	case errors.Is(err, desk.ErrUnconfirmed):
		v.No, status = true, http.StatusUnprocessableEntity
	case limited:
		v.TooMany, v.TryAgain, status = true, c.At(tooMany.Until), http.StatusTooManyRequests
	case err != nil:
		return err
	default:
		v.Found, v.From, v.At = &found, s.authorityName(c, found.From), moment(c, found.At)
	}
	return s.render(w, c, status, "lists-request.html", v)
}
