package web

import (
	"net/http"
	"slices"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// A readersView is who may read a sealed case, and the form that names others.
type readersView struct {
	Case   string
	Named  []page.Choice
	Others []page.Choice
	Form   page.Form
	May    bool
}

// readersOf are the officers who are named for a case, and those who could be.
func (s *Server) readersOf(c *Call, id string, named []string, users []account.User, form page.Form) readersView {
	v := readersView{Case: id, Form: form, May: s.routes["case.reader"].Who.allows(c.User), Others: []page.Choice{{Label: c.L.T("case.reader_choose")}}}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID] = u.Name
		if Readers.allows(u) && u.Status == account.Active && !slices.Contains(named, u.ID) {
			v.Others = append(v.Others, page.Choice{Value: u.ID, Label: u.Name})
		}
	}
	for _, id := range named {
		v.Named = append(v.Named, page.Choice{Value: id, Label: nameOf(names, id)})
	}
	return v
}

// A sealedCaseView is a sealed case to who may name its readers and not read it.
type sealedCaseView struct {
	office.Sealed
	With, Lane string
	Officer    string
	Readers    readersView
}

// showSealed shows of a sealed case who may read it.
func (s *Server) showSealed(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	found, err := s.office.Sealed(c.Context(), c.User.Officer(), c.Value("case"))
	if err != nil {
		return err
	}
	users, err := s.Accounts.List(c.Context())
	if err != nil {
		return err
	}
	v := sealedCaseView{Sealed: found, With: s.authorityName(c, found.Counterpart), Lane: convention.Label("lane", found.Lane, c.L.Tag)}
	for _, u := range users {
		if u.ID == found.Officer {
			v.Officer = u.Name
		}
	}
	v.Readers = s.readersOf(c, found.Case, found.Readers, users, form)
	return s.render(w, c, status, "case-sealed.html", v)
}

// caseReader names an officer who may read the sealed case, or takes the name off.
func (s *Server) caseReader(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	by, id := c.User.Officer(), c.Value("case")
	if off := in.Get("off"); off != "" {
		err = s.office.UnnameReader(c.Context(), by, id, off)
	} else {
		err = s.office.NameReader(c.Context(), by, id, in.Get("reader"))
	}
	if problem.CodeOf(err) == problem.InvalidValue {
		return s.refuseCase(w, c, in, "reader", "case.reader_missing")
	}
	if err != nil {
		return err
	}
	if off := in.Get("off"); off == by.ID {
		return s.done(w, c, "reader_changed", "inbox")
	}
	return s.done(w, c, "reader_changed", "case", "case", id)
}
