package web

import (
	"encoding/json"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
)

// A member is a part of a message as people read it: a name, and what it says or
// the members inside it. The partial "members" shows a list of them.
type member struct {
	Label  string
	Value  template.HTML
	Inside []member
	Change string // address; empty for none
}

// members shows an object of a message, in the language of l, which is that of
// the page, or of the letter.
func (c *Call) members(l *locale.Localizer, s convention.Shape, object map[string]any, names []string) []member {
	var out []member
	for _, name := range order(s, names) {
		in, ok := s.Input(name)
		v, has := object[name]
		if !ok || !has || in.Form != convention.FormFlag && convention.IsBlank(v) {
			continue
		}
		out = append(out, c.member(l, in, v))
	}
	return out
}

// member shows one member.
func (c *Call) member(l *locale.Localizer, in convention.Input, v any) member {
	m := member{Label: in.Label(l.Tag)}
	if in.Form == convention.FormGroup {
		items, many := v.([]any)
		if !many {
			object, _ := v.(map[string]any)
			m.Inside = c.members(l, in.Shape, object, nil)
			return m
		}
		for i, item := range items {
			object, _ := item.(map[string]any)
			m.Inside = append(m.Inside, member{Label: strconv.Itoa(i + 1), Inside: c.members(l, in.Shape, object, unnumbered(in))})
		}
		return m
	}
	items, many := v.([]any)
	if !many {
		items = []any{v}
	}
	var parts []string
	for _, item := range items {
		parts = append(parts, string(c.shown(l, in, item)))
	}
	m.Value = template.HTML(strings.Join(parts, "<br>")) //nolint:gosec // made by shown
	return m
}

// shown shows one value.
func (c *Call) shown(l *locale.Localizer, in convention.Input, v any) template.HTML {
	switch in.Form {
	case convention.FormText:
		return c.shownText(l, v)
	case convention.FormFlag:
		on, _ := v.(bool)
		if on {
			return template.HTML(template.HTMLEscapeString(l.T("compose.yes"))) //nolint:gosec // escaped
		}
		return template.HTML(template.HTMLEscapeString(l.T("compose.no"))) //nolint:gosec // escaped
	case convention.FormChoice:
		return locale.Prose(in.ValueLabel(scalar(v), l.Tag))
	case convention.FormLanguage:
		return locale.Prose(l.LanguageName(scalar(v)))
	case convention.FormTime:
		if t, err := time.Parse(time.RFC3339, scalar(v)); err == nil {
			return l.TimeHTML(t, c.User.Location())
		}
	case convention.FormMoment:
		if t, err := time.Parse(time.RFC3339, scalar(v)); err == nil {
			return l.TimeHTML(t, t.Location())
		}
	case convention.FormLine:
		return locale.Prose(scalar(v))
	}
	return locale.V(scalar(v))
}

// shownText shows a text that binds, and its translations marked as such.
func (c *Call) shownText(l *locale.Localizer, v any) template.HTML {
	object, _ := v.(map[string]any)
	out := textHTML(scalar(object["lang"]), scalar(object["text"]))
	translations, _ := object["translations"].([]any)
	if len(translations) > 0 {
		out = template.HTML("<small>"+template.HTMLEscapeString(l.T("compose.binding", "Language", l.LanguageName(scalar(object["lang"]))))+"</small> ") + out //nolint:gosec // escaped
	}
	for _, t := range translations {
		tr, _ := t.(map[string]any)
		label := l.T("compose.translation", "Language", l.LanguageName(scalar(tr["lang"])), "Method", convention.ValueLabel("translation.method", scalar(tr["method"]), l.Tag))
		out += template.HTML("<br><small>"+template.HTMLEscapeString(label)+"</small> ") + textHTML(scalar(tr["lang"]), scalar(tr["text"])) //nolint:gosec // escaped
	}
	return out
}

// A shownPart is a part of a message with what it says.
type shownPart struct {
	Title   string
	Members []member
	Change  string
}

// shownParts are the parts of a draft that say something.
func (s *Server) shownParts(c *Call, d office.Draft, change bool) []shownPart {
	body := bodyOf(d)
	var out []shownPart
	for _, p := range readParts(c, body) {
		shown := shownPart{Title: p.Title, Members: c.members(c.L, p.shape, objectAt(body, p.at), p.members)}
		if len(shown.Members) == 0 {
			continue
		}
		if change {
			shown.Change = "/drafts/" + d.ID + "/part/" + p.ID
		}
		if change && p.ID == partFiles {
			shown.Change = "/drafts/" + d.ID + "/files"
		}
		out = append(out, shown)
	}
	return out
}

// A letter is a message as it is printed, in its own language.
type letter struct {
	Lang, Dir, Title string
	From, To         string
	Members          []member
	Marks            []page.Pair // by which a paper is told from another: of what was sent
	Where            string      // how to ask whether it is genuine
}

// mark puts on a letter by what it is known: its reference, the fingerprint of the
// sender's certificate, and the check code with where to ask.
func (s *Server) mark(c *Call, out *letter, m desk.Message) error {
	l, err := locale.For(out.Lang)
	if err != nil {
		l = c.L
	}
	fingerprint, err := s.Desk.SenderFingerprint(c.Context(), m.ID)
	if err != nil {
		return err
	}
	for _, x := range [][2]string{
		{l.T("case.reference"), m.Reference}, {l.T("case.check_code"), m.CheckCode}, {l.T("case.sender_fingerprint"), spaced(fingerprint)},
		{l.T("compose.digest"), m.Digest},
	} {
		if x[1] != "" {
			out.Marks = append(out.Marks, page.Pair{Term: x[0], Value: locale.V(x[1])})
		}
	}
	if m.CheckCode == "" {
		return nil
	}
	address, err := s.url("request.confirm")
	if err != nil {
		return err
	}
	if m.Incoming {
		out.Where = l.T("case.where_here", "Address", s.Origin+address)
	} else {
		out.Where = l.T("case.where_there", "Authority", out.To)
	}
	return nil
}

// letterOf is the printable letter of a body, in the language of its text that
// binds.
func (s *Server) letterOf(c *Call, from, to string, body map[string]any) letter {
	lang := textLanguage(c, body)
	l, err := locale.For(lang)
	if err != nil {
		l = c.L
	}
	kind := scalar(body["kind"])
	out := letter{Lang: l.Tag, Dir: l.Dir, Title: convention.Label("kind", kind, l.Tag), From: s.authorityName(c, from), To: s.authorityName(c, to)}
	if shape, ok := convention.ShapeOf(kind); ok {
		out.Members = c.members(l, shape, body, nil)
	}
	return out
}

// spaced parts a fingerprint into groups of four.
func spaced(fingerprint string) string {
	var b strings.Builder
	for i, r := range fingerprint {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// pretty writes a JSON document on several lines.
func pretty(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return text
	}
	return string(out)
}

// labelAt names the place in a body that a pointer leads to.
func labelAt(c *Call, body map[string]any, pointer string) string {
	shape, ok := convention.ShapeOf(scalar(body["kind"]))
	if !ok {
		return pointer
	}
	var names []string
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		if n, err := strconv.Atoi(name); err == nil {
			names = append(names, strconv.Itoa(n+1))
			continue
		}
		in, ok := shape.Input(name)
		if !ok {
			names = append(names, name)
			break
		}
		names, shape = append(names, in.Label(c.L.Tag)), in.Shape
		if in.Form != convention.FormGroup && in.Form != convention.FormText {
			break
		}
	}
	return strings.Join(names, " › ")
}

// A changeLine is a member that two versions have differently.
type changeLine struct {
	office.Change
	Label string
}

// changeLines names the places of changes.
func changeLines(c *Call, d office.Draft, changes []office.Change) []changeLine {
	out := make([]changeLine, len(changes))
	for i, x := range changes {
		out[i] = changeLine{x, labelAt(c, bodyOf(d), x.Pointer)}
	}
	return out
}
