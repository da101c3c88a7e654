package web

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

const authorityPath = "/directory/{authority:[A-Z]{2}\\.[a-z0-9-]{1,40}}"

// verifiedRoutes are where officers say that they have compared a fingerprint.
var verifiedRoutes = []Route{
	{Name: "verified", Method: http.MethodPost, Path: authorityPath + "/compared", Who: Roles(desk.Verifiers...), Fresh: true, Handle: (*Server).verifiedRecord},
	{Name: "verified.second", Method: http.MethodPost, Path: authorityPath + "/compared/second", Who: Roles(desk.Verifiers...), Fresh: true, Handle: (*Server).verifiedSecond},
}

// checkKinds are the colours of how a certificate stands.
var checkKinds = map[string]string{desk.KeyUnverified: "plain", desk.KeyWaiting: "info", desk.KeyVerified: "ok", desk.KeyReplaced: "bad"}

// A checkLine is how a certificate stands, for people.
type checkLine struct {
	desk.KeyCheck
	Tag      page.Tag
	How      string
	At       time.Time
	WaitsHow string
	WaitsAt  time.Time
	Own      bool   // the one who asks is the first officer
	Before   string // fingerprint that was compared, in groups
}

// checksOf are how the certificates of an authority stand; none where it is this
// State's.
func (s *Server) checksOf(c *Call, authority string) (lines []checkLine, err error) {
	if s.ours(authority) {
		return nil, nil
	}
	checks, err := s.Desk.KeyChecks(c.Context(), authority)
	for _, k := range checks {
		line := checkLine{KeyCheck: k, Tag: page.MakeTag(checkKinds[k.State], c.L.T("directory.compared_"+k.State))}
		if k.Last != nil {
			line.How, line.At, line.Before = c.L.T("directory.how."+k.Last.How), c.At(k.Last.SecondAt), grouped(k.Last.Fingerprint)
		}
		if k.Waits != nil {
			line.WaitsHow, line.WaitsAt, line.Own = c.L.T("directory.how."+k.Waits.How), c.At(k.Waits.At), k.Waits.By == c.User.ID
		}
		lines = append(lines, line)
	}
	return lines, err
}

// replaced are the certificates that are others than what two officers compared.
func replaced(lines []checkLine) (out []checkLine) {
	for _, l := range lines {
		if l.State == desk.KeyReplaced {
			out = append(out, l)
		}
	}
	return out
}

// verifiedRecord notes that an officer has compared a fingerprint.
func (s *Server) verifiedRecord(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	err = s.Desk.RecordVerified(c.Context(), c.User.Officer(), desk.Verified{
		Authority: c.Value("authority"), Suite: pgp.Suite(in.Get("suite")), Fingerprint: in.Get("fingerprint"), How: in.Get("how"), Counterpart: in.Get("counterpart"),
	})
	return s.compared(w, c, page.Form{Values: in}, "compared", err)
}

// verifiedSecond has a second officer say so.
func (s *Server) verifiedSecond(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	id, _ := strconv.ParseInt(in.Get("id"), 10, 64) // what is no number is not found
	err = s.Desk.SecondVerified(c.Context(), c.User.Officer(), c.Value("authority"), id)
	return s.compared(w, c, page.Form{}, "compared_twice", err)
}

// compared goes on after a comparison.
func (s *Server) compared(w http.ResponseWriter, c *Call, form page.Form, done string, err error) error {
	if err == nil {
		return s.done(w, c, done, "authority", "authority", c.Value("authority"))
	}
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Code == problem.NotFound || p.Code == problem.Forbidden {
		return err
	}
	field := map[string]string{"how": "how-", "counterpart": "counterpart-"}[p.Field] + form.Values.Get("suite")
	text := c.L.T("directory.compare_again")
	if p.Field == "how" || p.Field == "counterpart" {
		text = c.L.T("directory.wrong." + p.Field)
	}
	for _, name := range []string{"how", "counterpart"} {
		form.Set(name+"-"+form.Values.Get("suite"), form.Values.Get(name))
	}
	form.Fail(field, text)
	return s.showAuthority(w, c, http.StatusUnprocessableEntity, form)
}

// A stanceLine is what the law of an authority's State says, as it states it.
type stanceLine struct {
	Position string
	For      []string // types of measures; none for all
}

// A treatyLine is the treaties in force with a State.
type treatyLine struct {
	With  string
	Ours  bool // it is this State
	Bases []string
}

// stanceOf is what an authority states of its law: positions, treaties, and the rest
// in a language that it has.
func (s *Server) stanceOf(c *Call, st directory.Stance) (positions []stanceLine, treaties []treatyLine, note, lang string) {
	for _, code := range slices.Sorted(maps.Keys(st.Positions)) {
		positions = append(positions, stanceLine{convention.Label("stance", code, c.L.Tag), labels(c, "measure-type", st.Positions[code])})
	}
	for _, code := range slices.Sorted(maps.Keys(st.Treaties)) {
		line := treatyLine{With: code, Ours: code == s.Desk.Party(), Bases: labels(c, "legal-basis", st.Treaties[code])}
		if p, err := s.Desk.Directory().Party(code); err == nil {
			line.With, _ = c.L.Name(p.Statement.Names, code)
		}
		treaties = append(treaties, line)
	}
	slices.SortStableFunc(treaties, func(a, b treatyLine) int {
		if a.Ours != b.Ours && a.Ours {
			return -1
		} else if b.Ours {
			return 1
		}
		return strings.Compare(a.With, b.With)
	})
	if len(st.Notes) > 0 {
		note, lang = c.L.Name(st.Notes, "")
	}
	return positions, treaties, note, lang
}
