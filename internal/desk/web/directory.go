package web

import (
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
)

// directoryRoutes are who is who.
var directoryRoutes = []Route{
	{Name: "directory", Method: http.MethodGet, Path: "/directory", Who: SignedIn, Handle: (*Server).directoryPage},
	{Name: "authority", Method: http.MethodGet, Path: "/directory/{authority:[A-Z]{2}\\.[a-z0-9-]{1,40}}", Who: SignedIn, Handle: (*Server).authorityPage},
}

// changedLately is how long a page warns that a key was exchanged.
const changedLately = 90 * 24 * time.Hour

// A stateLine is a State of the directory with its authorities.
type stateLine struct {
	Code, Name, Lang string
	Standing         page.Tag
	Authorities      []whoLine
}

// A whoLine is an authority in the list.
type whoLine struct {
	ID, Name, Lang string
	Roles          []string
	Standing       page.Tag
	Changed        bool // a key was exchanged lately
	Replaced       bool // a certificate is another than what officers compared
}

// standing is how somebody stands, as a tag.
func standing(c *Call, s string) page.Tag {
	kind := map[string]string{directory.Active: "ok", directory.Suspended: "warn", directory.Revoked: "bad"}[s]
	return page.MakeTag(kind, c.L.T("directory.standing."+s))
}

// directoryPage lists the States and their authorities.
func (s *Server) directoryPage(w http.ResponseWriter, c *Call) error {
	var states []stateLine
	dir := s.Desk.Directory()
	for _, p := range dir.Parties() {
		line := stateLine{Code: p.Code, Standing: standing(c, p.Standing)}
		line.Name, line.Lang = c.L.Name(p.Statement.Names, p.Code)
		for _, a := range dir.Authorities() {
			if a.Party != p.Code {
				continue
			}
			who := whoLine{ID: a.Statement.ID, Roles: labels(c, "authority-role", a.Statement.Roles), Standing: standing(c, a.Standing)}
			who.Name, who.Lang = c.L.Name(a.Statement.Names, who.ID)
			who.Changed = len(s.lately(c, who.ID)) > 0
			checks, err := s.checksOf(c, who.ID)
			if err != nil {
				return err
			}
			who.Replaced = len(replaced(checks)) > 0
			line.Authorities = append(line.Authorities, who)
		}
		states = append(states, line)
	}
	return s.render(w, c, http.StatusOK, "directory.html", struct{ States []stateLine }{states})
}

// lately returns the keys of an authority that were exchanged lately.
func (s *Server) lately(c *Call, authority string) []desk.KeyChange {
	return slices.DeleteFunc(s.Desk.KeyChanges(authority), func(k desk.KeyChange) bool { return c.Now.Sub(k.At) > changedLately })
}

// labels are the names of codes of a list.
func labels(c *Call, list string, codes []string) []string {
	names := make([]string, len(codes))
	for i, code := range codes {
		names[i] = convention.Label(list, code, c.L.Tag)
	}
	return names
}

// An authorityView is the card of an authority.
type authorityView struct {
	ID, Name, Lang        string
	State, StateLang      string
	Roles                 []string
	Standing              page.Tag
	Statement             directory.AuthorityStatement
	Zone                  string
	Now                   string // time of the day there
	Languages             []page.Pair
	Evidence, Quota       string
	ValidFrom, ValidUntil time.Time
	Changed               []keyChangeLine
	Keys                  []keyLine
	Past                  []pastLine
	Form                  page.Form
	Replaced              []checkLine // certificates that are others than what was compared
	Hows                  []page.Choice
	May                   bool // compare fingerprints
	Positions             []stanceLine
	Treaties              []treatyLine
	Note, NoteLang        string
}

// A keyChangeLine warns that a key was exchanged.
type keyChangeLine struct {
	Suite, Before string
	At            time.Time
}

// A keyLine is a key as two people compare it.
type keyLine struct {
	Suite       string
	Fingerprint string // in groups of four
	Words       []string
	Picture     template.HTML
	Expires     time.Time // the zero time for never
	Raw         string    // the fingerprint as it is
	Check       *checkLine
}

// A pastLine is a statement of the history.
type pastLine struct {
	desk.Statement
	When     time.Time
	Standing page.Tag // if it changes that
}

// authorityPage shows the card of an authority.
func (s *Server) authorityPage(w http.ResponseWriter, c *Call) error {
	return s.showAuthority(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showAuthority(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	a, err := s.Desk.Directory().Authority(c.Value("authority"))
	if err != nil {
		return err
	}
	st := a.Statement
	v := authorityView{
		ID: st.ID, Roles: labels(c, "authority-role", st.Roles), Standing: standing(c, a.Standing), Statement: st, Zone: st.TimeZone,
		Evidence: c.L.Bytes(st.Limits.EvidenceBytes), Quota: c.L.Bytes(st.Limits.QuotaBytes),
		ValidFrom: c.At(st.ValidFrom.Time), ValidUntil: c.At(st.ValidUntil.Time), Form: form, May: Roles(desk.Verifiers...).allows(c.User),
	}
	v.Name, v.Lang = c.L.Name(st.Names, st.ID)
	if p, err := s.Desk.Directory().Party(a.Party); err == nil {
		v.State, v.StateLang = c.L.Name(p.Statement.Names, a.Party)
	}
	if zone, err := time.LoadLocation(st.TimeZone); err == nil {
		v.Now = c.Now.In(zone).Format("15:04")
	}
	for _, lane := range slices.Sorted(maps.Keys(st.Languages)) {
		v.Languages = append(v.Languages, page.Pair{Term: convention.Label("lane", lane, c.L.Tag), Value: template.HTML(template.HTMLEscapeString(strings.Join(st.Languages[lane], ", ")))}) //nolint:gosec // escaped
	}
	for _, k := range s.lately(c, st.ID) {
		v.Changed = append(v.Changed, keyChangeLine{string(k.Suite), grouped(k.Before), c.At(k.At)})
	}
	if v.Keys, err = keyLines(c, a); err != nil {
		return err
	}
	checks, err := s.checksOf(c, st.ID)
	if err != nil {
		return err
	}
	v.Replaced = replaced(checks)
	for i := range v.Keys {
		for _, k := range checks {
			if string(k.Suite) == v.Keys[i].Suite {
				v.Keys[i].Check = &k
			}
		}
	}
	v.Hows = []page.Choice{{Label: c.L.T("directory.choose_how")}}
	for _, how := range desk.VerifiedHow() {
		v.Hows = append(v.Hows, page.Choice{Value: how, Label: c.L.T("directory.how." + how)})
	}
	v.Positions, v.Treaties, v.Note, v.NoteLang = s.stanceOf(c, st.Stance)
	if v.Past, err = s.past(c, st.ID); err != nil {
		return err
	}
	return s.render(w, c, status, "authority.html", v)
}

// keyLines are the keys of an authority, for comparing.
func keyLines(c *Call, a directory.Authority) (lines []keyLine, err error) {
	for _, suite := range slices.Sorted(maps.Keys(a.Certificates)) {
		cert := a.Certificates[suite]
		line := keyLine{Suite: string(suite), Fingerprint: grouped(cert.Fingerprint()), Raw: cert.Fingerprint()}
		if line.Words, err = enrolment.Words(cert.Fingerprint()); err != nil {
			return nil, err
		}
		if line.Picture, err = picture(enrolment.URI(cert.Fingerprint())); err != nil {
			return nil, err
		}
		if at, ends := cert.Expires(c.Now); ends {
			line.Expires = c.At(at)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// past is the history of a subject, the newest first.
func (s *Server) past(c *Call, subject string) ([]pastLine, error) {
	all, err := s.Desk.History(c.Context(), subject)
	if err != nil {
		return nil, err
	}
	var lines []pastLine
	for _, e := range slices.Backward(all) {
		line := pastLine{Statement: e, When: moment(c, e.Logged)}
		if e.Standing != "" {
			line.Standing = standing(c, e.Standing)
		}
		lines = append(lines, line)
	}
	return lines, nil
}
