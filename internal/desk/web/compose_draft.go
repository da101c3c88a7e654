package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
)

// partNeeded is the page of a draft with all that is still needed, and nothing
// else.
const partNeeded = "needed"

// partFiles are the attachments of a request, which have a page of their own.
const partFiles = "files"

// A part is a group of members of a draft that are filled in on one page.
type part struct {
	ID, Title string
	shape     convention.Shape
	at        string   // pointer of the object
	members   []string // nil for all
}

// holds reports whether a place in the body is on the page of the part.
func (p part) holds(pointer string) bool {
	rest, ok := strings.CutPrefix(pointer, p.at+"/")
	if !ok {
		return p.at != "" && pointer == p.at
	}
	name, _, _ := strings.Cut(rest, "/")
	return p.members == nil || slices.Contains(p.members, name)
}

// partsOf are the parts of a draft: of a request one for each measure and the
// sections of the law; of other kinds all in one.
func partsOf(c *Call, body map[string]any) []part {
	kind := scalar(body["kind"])
	shape, ok := convention.ShapeOf(kind)
	if !ok {
		return nil
	}
	sections := convention.Sections(kind)
	if sections == nil {
		return []part{{ID: "content", Title: convention.Label("kind", kind, c.L.Tag), shape: shape}}
	}
	var out []part
	if in, ok := shape.Input("measures"); ok {
		items, _ := body["measures"].([]any)
		for i, item := range items {
			measure, _ := item.(map[string]any)
			number := strconv.Itoa(i)
			out = append(out, part{
				ID: "measure-" + number, shape: in.Shape, at: "/measures/" + number, members: unnumbered(in),
				Title: convention.Label("measure-type", scalar(measure["type"]), c.L.Tag),
			})
		}
	}
	for _, s := range sections {
		out = append(out, part{ID: s.Name, Title: s.Label(c.L.Tag), shape: shape, members: s.Members})
	}
	return out
}

// attachmentsOf is the list of attachments of a kind of content; it has no name where
// there is none.
func attachmentsOf(kind string) convention.Input {
	shape, _ := convention.ShapeOf(kind)
	in, _ := shape.Input("attachments")
	return in
}

// filesTitle names the page of the files of a draft; empty where it carries none.
func filesTitle(c *Call, kind string) string {
	switch kind {
	case "delivery":
		return c.L.T("compose.files")
	case "request":
		return attachmentsOf(kind).Label(c.L.Tag)
	}
	return ""
}

// readParts are the parts of a message as it is read: those of a draft, and what is
// attached, which has a page of its own.
func readParts(c *Call, body map[string]any) []part {
	kind := scalar(body["kind"])
	parts := partsOf(c, body)
	if convention.Sections(kind) == nil || convention.IsBlank(body["attachments"]) {
		return parts
	}
	shape, _ := convention.ShapeOf(kind)
	return append(parts, part{ID: partFiles, Title: attachmentsOf(kind).Label(c.L.Tag), shape: shape, members: []string{"attachments"}})
}

// objectAt is the object that a part is about.
func objectAt(body map[string]any, at string) map[string]any {
	object, _ := valueAt(body, at).(map[string]any)
	return object
}

// valueAt is what stands at a place in a body; nil for nothing.
func valueAt(body map[string]any, at string) any {
	var v any = body
	if at == "" {
		return v
	}
	for _, name := range strings.Split(strings.TrimPrefix(at, "/"), "/") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// A partLine is a part in the list of what is to be done.
type partLine struct {
	part
	State   page.Tag
	Measure int // number of the measure, 0 for others
}

// A findingLine is what the check of completeness found, and why it matters.
type findingLine struct {
	office.Finding
	Tag       page.Tag
	Why       string
	Address   string
	Overrides bool // a reason can be given
}

// A draftView is the page of a draft.
type draftView struct {
	Draft      office.Draft
	Line       draftLine
	Kind       string
	Lane       string
	Parts      []partLine
	Open       []findingLine // errors, and warnings without a reason
	Hints      []findingLine
	Overridden []findingLine
	Form       page.Form
	MayWrite   bool
	Ready      bool
	Needs      []needGroup // measures that can be added
	States     []recipientState
	Opens      bool // it opens a case, so that its recipient can change
	Request    bool
	Files      string // name of the page of its files; empty where it carries none
	Events     []eventLine
}

// An eventLine is what an officer did with a draft.
type eventLine struct {
	office.Event
	At   time.Time
	Text string // what was done
}

// findings are what the check finds in a draft, in the language of the page.
func (s *Server) findings(c *Call, d office.Draft, parts []part) (open, hints, overridden []findingLine, err error) {
	found, err := s.office.Findings(c.Context(), d.To, d.Body, c.L.Tag)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, f := range found {
		line := findingLine{Finding: f, Why: c.L.T("compose.why_" + f.Level), Address: "/drafts/" + d.ID}
		line.Tag = page.MakeTag(map[string]string{"error": "bad", "warning": "warn", "hint": "info"}[f.Level], c.L.T("compose.level_"+f.Level))
		if f.Provision != "" {
			line.Why = c.L.T("compose.why_basis", "Why", line.Why, "Provision", locale.Value(f.Provision))
		}
		for _, p := range parts {
			if p.holds(f.Pointer) {
				line.Address += "/part/" + p.ID + "#" + anchor(f.Pointer)
				break
			}
		}
		switch {
		case f.Overridden:
			overridden = append(overridden, line)
		case f.Level == convention.LevelHint:
			hints = append(hints, line)
		default:
			line.Overrides = f.Level == convention.LevelWarning
			open = append(open, line)
		}
	}
	return open, hints, overridden, nil
}

// anchor is the id of the field at a place: the words of a text are the field of
// the text.
func anchor(pointer string) string { return strings.TrimSuffix(pointer, "/text") }

// stateOf says how far a part is.
func (p part) stateOf(c *Call, body map[string]any, open []findingLine) page.Tag {
	object := objectAt(body, p.at)
	names := order(p.shape, p.members)
	blank := !slices.ContainsFunc(names, func(name string) bool { return !convention.IsBlank(object[name]) })
	wrong := slices.ContainsFunc(open, func(f findingLine) bool { return p.holds(f.Pointer) }) || slices.ContainsFunc(names, func(name string) bool {
		in, ok := p.shape.Input(name)
		return ok && in.Wanted(object) && (&maker{}).lacks(in, object[name])
	})
	switch {
	case !wrong && blank:
		return page.MakeTag("plain", c.L.T("compose.part_optional"))
	case !wrong:
		return page.MakeTag("ok", c.L.T("compose.part_complete"))
	case blank:
		return page.MakeTag("info", c.L.T("compose.part_not_started"))
	}
	return page.MakeTag("warn", c.L.T("compose.part_incomplete"))
}

// draftPage is the list of what is to be done on a draft.
func (s *Server) draftPage(w http.ResponseWriter, c *Call) error {
	d, err := s.office.Draft(c.Context(), c.User.Officer(), c.Value("draft"))
	if err != nil {
		return err
	}
	return s.showDraft(w, c, http.StatusOK, d, page.Form{})
}

func (s *Server) showDraft(w http.ResponseWriter, c *Call, status int, d office.Draft, form page.Form) error {
	body := bodyOf(d)
	parts := partsOf(c, body)
	kind := scalar(body["kind"])
	v := draftView{
		Draft: d, Line: s.draftLine(c, d), Kind: convention.Label("kind", kind, c.L.Tag), Lane: convention.Label("lane", d.Lane, c.L.Tag),
		Form: form, Opens: d.Case == "", Request: kind == "request", Files: filesTitle(c, kind),
		MayWrite: Writers.allows(c.User) && (d.State == "open" || d.State == "submitted"),
	}
	var err error
	if v.Open, v.Hints, v.Overridden, err = s.findings(c, d, parts); err != nil {
		return err
	}
	for i, p := range parts {
		line := partLine{part: p, State: p.stateOf(c, body, v.Open)}
		if strings.HasPrefix(p.ID, "measure-") {
			line.Measure = i + 1
		}
		v.Parts = append(v.Parts, line)
	}
	v.Ready = len(v.Open) == 0 && d.To != ""
	if v.Request && v.MayWrite {
		v.Needs = needs(c)
	}
	if v.Opens && v.MayWrite {
		v.States = s.recipients(c, d.Lane, d.To)
	}
	for _, e := range d.Events {
		at, _ := time.Parse(time.RFC3339, e.At)
		v.Events = append(v.Events, eventLine{e, c.At(at), c.L.T("compose.event_" + strings.ReplaceAll(e.What, " ", "_"))})
	}
	return s.render(w, c, status, "draft.html", v)
}

// edit makes a change of a draft that a form of its page asked for.
func (s *Server) edit(w http.ResponseWriter, c *Call, change func(in url.Values, body map[string]any, e *office.Edit) string) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	d, err := s.office.Draft(c.Context(), c.User.Officer(), c.Value("draft"))
	if err != nil {
		return err
	}
	body, e := bodyOf(d), office.Edit{}
	if refused := change(in, body, &e); refused != "" {
		form := page.Form{Values: in}
		form.Fail(in.Get("field"), refused)
		return s.showDraft(w, c, http.StatusUnprocessableEntity, d, form)
	}
	if e.Body, err = json.Marshal(body); err != nil {
		return err
	}
	_, err = s.office.SaveDraft(c.Context(), c.User.Officer(), d.ID, versionIn(c), e)
	if conflict, ok := errors.AsType[*office.ConflictError](err); ok {
		return s.conflict(w, c, d, conflict, e.Body)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "saved", "draft", "draft", d.ID)
}

// draftRecipient changes whom a draft goes to.
func (s *Server) draftRecipient(w http.ResponseWriter, c *Call) error {
	return s.edit(w, c, func(in url.Values, _ map[string]any, e *office.Edit) string {
		to := in.Get("to")
		if _, err := s.Desk.Directory().Authority(to); err != nil || directory.PartyOf(to) == s.Desk.Party() {
			return c.L.T("compose.choose_recipient")
		}
		e.To = &to
		return ""
	})
}

// draftMeasure adds a measure to a request, or takes one away.
func (s *Server) draftMeasure(w http.ResponseWriter, c *Call) error {
	return s.edit(w, c, func(in url.Values, body map[string]any, _ *office.Edit) string {
		items, _ := body["measures"].([]any)
		if n, err := strconv.Atoi(in.Get("remove")); err == nil {
			if n < 1 || n > len(items) || len(items) == 1 {
				return c.L.T("compose.last_measure")
			}
			items = slices.Delete(items, n-1, n)
		} else {
			code, ok := convention.CodeOf("measure-type", in.Get("type"))
			if !ok || !code.Has("request") {
				return c.L.T("compose.choose_need")
			}
			lang := textLanguage(c, body)
			items = append(items, map[string]any{
				"type": code.Code, "description": map[string]any{"lang": lang, "text": code.Label(lang), "authentic": true},
			})
		}
		number(items)
		body["measures"] = items
		return ""
	})
}

// draftOverride goes past a warning with a reason, or takes that back.
func (s *Server) draftOverride(w http.ResponseWriter, c *Call) error {
	return s.edit(w, c, func(in url.Values, body map[string]any, _ *office.Edit) string {
		items, _ := body["overrides"].([]any)
		items = slices.DeleteFunc(items, func(x any) bool {
			o, _ := x.(map[string]any)
			return scalar(o["finding"]) == in.Get("finding") && scalar(o["at"]) == in.Get("at")
		})
		if in.Get("undo") == "" {
			reason := strings.TrimSpace(in.Get(in.Get("field")))
			if reason == "" {
				return c.L.T("compose.reason_missing")
			}
			o := map[string]any{"finding": in.Get("finding"), "reason": map[string]any{"lang": textLanguage(c, body), "text": reason, "authentic": true}}
			if at := in.Get("at"); at != "" {
				o["at"] = at
			}
			items = append(items, o)
		}
		body["overrides"] = items
		if len(items) == 0 {
			delete(body, "overrides")
		}
		return ""
	})
}

// draftTemplate keeps the body of a draft as a template of the office.
func (s *Server) draftTemplate(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	d, err := s.office.Draft(c.Context(), c.User.Officer(), c.Value("draft"))
	if err != nil {
		return err
	}
	if name := strings.TrimSpace(in.Get("name")); name != "" && len(name) <= 200 {
		if err := s.office.PutTemplate(c.Context(), c.User.Officer(), name, d.Body); err != nil {
			return err
		}
		return s.done(w, c, "saved", "draft", "draft", d.ID)
	}
	form := page.Form{Values: in}
	form.Fail("name", c.L.T("compose.name_missing"))
	return s.showDraft(w, c, http.StatusUnprocessableEntity, d, form)
}

// draftDiscard ends a draft that will not be sent.
func (s *Server) draftDiscard(w http.ResponseWriter, c *Call) error {
	if _, err := c.Fields(); err != nil {
		return err
	}
	if err := s.office.DiscardDraft(c.Context(), c.User.Officer(), c.Value("draft"), versionIn(c)); err != nil {
		return s.stale(w, c, err)
	}
	return s.done(w, c, "draft_discarded", "drafts")
}
