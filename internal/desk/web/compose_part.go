package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// A partView is the page of a part of a draft, or of all that is needed.
type partView struct {
	Draft   office.Draft
	Line    draftLine
	ID      string
	Title   string
	Next    string // id of the part that follows; empty for the last
	Groups  []partGroup
	Form    page.Form
	Zone    string // time zone of the times
	Needed  bool
	Changed bool // more is needed because of what was chosen
	Errors  int
	Answers []answered // what it answers
}

// A partGroup are the fields of one part.
type partGroup struct {
	Title        string
	Fields, More []inputView
}

// partPage shows the fields of a part.
func (s *Server) partPage(w http.ResponseWriter, c *Call) error {
	d, err := s.office.Draft(c.Context(), c.User.Officer(), c.Value("draft"))
	if err != nil {
		return err
	}
	return s.showPart(w, c, http.StatusOK, d, nil)
}

// A refusedPart is a form of a part that was not taken whole.
type refusedPart struct {
	typed   url.Values
	errors  map[string]string
	changed bool
}

// chosenParts are the parts on a page, and the id of the part that follows.
func chosenParts(c *Call, body map[string]any) (parts []part, next string, err error) {
	all := partsOf(c, body)
	id := c.Value("part")
	if id == partNeeded {
		return all, "", nil
	}
	i := slices.IndexFunc(all, func(p part) bool { return p.ID == id })
	if i < 0 {
		return nil, "", problem.New(problem.NotFound, "part", "The draft has no such part.")
	}
	if i+1 < len(all) {
		next = all[i+1].ID
	}
	return all[i : i+1], next, nil
}

func (s *Server) showPart(w http.ResponseWriter, c *Call, status int, d office.Draft, refused *refusedPart) error {
	body := bodyOf(d)
	parts, next, err := chosenParts(c, body)
	if err != nil {
		return err
	}
	open, _, _, err := s.findings(c, d, parts)
	if err != nil {
		return err
	}
	needed := c.Value("part") == partNeeded
	k, err := s.maker(c, d, body)
	if err != nil {
		return err
	}
	k.brief = needed
	v := partView{
		Draft: d, Line: s.draftLine(c, d), ID: c.Value("part"), Next: next, Needed: needed, Zone: c.Now.In(c.User.Location()).Format("MST -07:00"),
		Title: c.L.T("compose.needed_title"),
	}
	if !needed {
		v.Title = parts[0].Title
	}
	if v.Answers, err = s.answering(c, d, scalar(body["kind"])); err != nil {
		return err
	}
	// A draft that was just begun is not scolded: what is wrong is said of what was
	// filled in.
	for _, f := range open {
		if f.Code != "required" && !needed || needed && asks(body, f) {
			k.errors[anchor(f.Pointer)] = f.Message
		}
	}
	fresh := refused == nil && needed && c.URL.Query().Get("again") == ""
	if refused != nil {
		v.Changed, k.typed = refused.changed, refused.typed
		for at, text := range refused.errors {
			k.errors[at] = text
			v.Form.Fail(at, text)
		}
	}
	for _, p := range parts {
		g := partGroup{Title: p.Title}
		g.Fields, g.More = k.fields(p.shape, objectAt(body, p.at), p.at, p.members)
		if fresh {
			calm(g.Fields)
		}
		if len(g.Fields)+len(g.More) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	return s.render(w, c, status, "draft-part.html", v)
}

// asks reports whether a finding asks for something to be filled in: an error
// does, and a warning where nothing is yet. Other warnings are for who checks.
func asks(body map[string]any, f findingLine) bool {
	return f.Level == convention.LevelError || convention.IsBlank(valueAt(body, f.Pointer))
}

// calm takes away that fields which nobody has seen yet are missing.
func calm(fields []inputView) {
	for i := range fields {
		fields[i].Error = ""
		calm(fields[i].Fields)
		calm(fields[i].Items)
	}
}

// maker prepares to make the fields of a draft.
func (s *Server) maker(c *Call, d office.Draft, body map[string]any) (*maker, error) {
	k := &maker{c: c, errors: map[string]string{}, typed: url.Values{}, lang: textLanguage(c, body), refer: map[string][]page.Choice{}}
	for _, p := range s.Desk.Directory().Parties() {
		name, _ := c.L.Name(p.Statement.Names, p.Code)
		k.parties = append(k.parties, page.Choice{Value: p.Code, Label: name})
	}
	for _, list := range []string{"subjects", "measures", "attachments"} {
		items, _ := body[list].([]any)
		for i, item := range items {
			object, _ := item.(map[string]any)
			k.refer[list] = append(k.refer[list], page.Choice{Value: strconv.Itoa(i + 1), Label: strconv.Itoa(i+1) + ". " + nameOfItem(c, list, object)})
		}
	}
	if d.Case == "" {
		return k, nil
	}
	file, err := s.Desk.Case(c.Context(), d.Case)
	if err != nil {
		return nil, err
	}
	for _, m := range file.Measures {
		n := strconv.FormatInt(m.Number, 10)
		k.refer["measures"] = append(k.refer["measures"], page.Choice{Value: n, Label: n + ". " + convention.Label("measure-type", m.Type, c.L.Tag)})
	}
	for _, e := range file.Events {
		k.refer["messages"] = append(k.refer["messages"], page.Choice{
			Value: e.Digest, Label: titleOf(c, e) + ", " + s.authorityName(c, e.From) + ", " + e.Created,
		})
	}
	return k, nil
}

// nameOfItem is a short name of an item of a list of a request.
func nameOfItem(c *Call, list string, object map[string]any) string {
	switch list {
	case "measures":
		return convention.Label("measure-type", scalar(object["type"]), c.L.Tag)
	case "attachments":
		return scalar(object["name"])
	}
	for _, at := range []string{"/person/name", "/entity/name", "/account"} {
		inner := objectAt(object, at)
		for _, name := range []string{"full", "provider"} {
			if x := scalar(inner[name]); x != "" {
				return x
			}
		}
	}
	return convention.ValueLabel("subject.kind", scalar(object["kind"]), c.L.Tag)
}

// textLanguage is the language in which a draft is written: that of a text it
// has, or that of the page.
func textLanguage(c *Call, body map[string]any) string {
	for _, name := range []string{"narrative", "information", "text", "next_step", "question"} {
		if text, ok := body[name].(map[string]any); ok && scalar(text["lang"]) != "" {
			return scalar(text["lang"])
		}
	}
	if !slices.Contains(convention.Languages, c.L.Tag) {
		return "en" // a language of tests
	}
	return c.L.Tag
}

// partSave takes the form of a part. What can be read is stored even where
// something cannot.
func (s *Server) partSave(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	d, err := s.office.Draft(c.Context(), c.User.Officer(), c.Value("draft"))
	if err != nil {
		return err
	}
	body := bodyOf(d)
	parts, next, err := chosenParts(c, body)
	if err != nil {
		return err
	}
	before := shownIn(s, c, d, body, parts)
	r := newReader(c, in, textLanguage(c, body))
	for _, p := range parts {
		setAt(body, p.at, r.object(p.shape, p.at, objectAt(body, p.at)))
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	saved, err := s.office.SaveDraft(c.Context(), c.User.Officer(), d.ID, versionIn(c), office.Edit{Body: raw})
	if conflict, ok := errors.AsType[*office.ConflictError](err); ok {
		return s.conflict(w, c, d, conflict, raw)
	}
	if err != nil {
		return err
	}
	if in.Get("auto") != "" {
		return s.autosaved(w, saved)
	}
	return s.afterPart(w, c, saved, r, afterwards{next, before, parts})
}

// afterwards is what decides where an officer goes after a part was saved.
type afterwards struct {
	next   string
	before int
	parts  []part
}

// afterPart leads on: to the same page where something was wrong, was added, or
// more is needed because of what was chosen.
func (s *Server) afterPart(w http.ResponseWriter, c *Call, d office.Draft, r *reader, a afterwards) error {
	if len(r.errors) > 0 {
		return s.showPart(w, c, http.StatusUnprocessableEntity, d, &refusedPart{typed: r.in, errors: r.errors})
	}
	if r.does == "add" || r.does == "remove" || r.does == "stay" {
		to, err := s.url("draft.section", "draft", d.ID, "part", c.Value("part"))
		if err != nil {
			return err
		}
		http.Redirect(w, c.Request, to+"?again=1#"+r.place, http.StatusSeeOther)
		return nil
	}
	after := shownIn(s, c, d, bodyOf(d), a.parts)
	if c.Value("part") == partNeeded {
		if after == 0 {
			return s.redirect(w, c, "draft.check", "draft", d.ID)
		}
		return s.showPart(w, c, http.StatusUnprocessableEntity, d, &refusedPart{})
	}
	if after > a.before {
		return s.showPart(w, c, http.StatusUnprocessableEntity, d, &refusedPart{changed: true})
	}
	if r.does == "next" && a.next != "" {
		return s.redirect(w, c, "draft.section", "draft", d.ID, "part", a.next)
	}
	if open, _, _, err := s.findings(c, d, a.parts); err == nil && r.does == "next" && len(open) == 0 && d.Case != "" {
		return s.redirect(w, c, "draft.check", "draft", d.ID) // a reply is one part
	}
	return s.done(w, c, "saved", "draft", "draft", d.ID)
}

// shownIn counts what is still needed on a page.
func shownIn(s *Server, c *Call, d office.Draft, body map[string]any, parts []part) int {
	open, _, _, err := s.findings(c, d, parts)
	if err != nil {
		return 0
	}
	k := &maker{c: c, errors: map[string]string{}, brief: true, lang: "en"}
	if c.Value("part") == partNeeded {
		for _, f := range open {
			if asks(body, f) {
				k.errors[anchor(f.Pointer)] = f.Message
			}
		}
	}
	n := 0
	for _, p := range parts {
		fields, _ := k.fields(p.shape, objectAt(body, p.at), p.at, p.members)
		n += count(fields)
	}
	return n
}

// count counts fields, those inside groups and lists too.
func count(fields []inputView) int {
	n := 0
	for _, f := range fields {
		if len(f.Fields)+len(f.Items) == 0 {
			n++
		}
		n += count(f.Fields) + count(f.Items)
	}
	return n
}

// setAt puts an object in its place.
func setAt(body map[string]any, at string, object map[string]any) {
	if at == "" {
		clear(body)
		for name, v := range object {
			body[name] = v
		}
		return
	}
	place := objectAt(body, at)
	clear(place)
	for name, v := range object {
		place[name] = v
	}
}

// autosaved answers a page that saves by itself.
func (s *Server) autosaved(w http.ResponseWriter, d office.Draft) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]int64{"version": d.Version})
}

// A conflictView shows what another officer has changed meanwhile, and what was
// typed.
type conflictView struct {
	Draft   office.Draft
	By      string
	When    time.Time
	Theirs  []changeLine // empty where the version that was opened is no longer kept
	Mine    []changeLine // what the change would make of theirs
	Typed   url.Values
	Address string
}

// conflict shows both sides of a conflict; the officer chooses.
func (s *Server) conflict(w http.ResponseWriter, c *Call, d office.Draft, x *office.ConflictError, mine []byte) error {
	v := conflictView{Draft: d, By: x.By, When: c.At(x.At), Typed: url.Values{}, Address: c.URL.Path}
	if before, err := s.office.DraftBody(c.Context(), c.User.Officer(), d.ID, versionIn(c)); err == nil {
		v.Theirs = changeLines(c, d, office.Changes(before, d.Body))
	}
	if mine != nil {
		v.Mine = changeLines(c, d, office.Changes(d.Body, mine))
	}
	for name, values := range c.PostForm {
		if mine == nil {
			break // a button, that is pressed again where the draft is read
		}
		if name != "version" && name != "auto" {
			v.Typed[name] = values
		}
	}
	return s.render(w, c, http.StatusConflict, "draft-conflict.html", v)
}
