package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// A messageView is one message: what is known of it, and its content once the
// officer has opened it.
type messageView struct {
	office.Reading
	What, From, To string
	At             time.Time
	Verdict        verdict
	Remarks        []remark
	SeenBy         []sightLine
	Pending        []conditionText
	Opened         bool
	Parts          []shownPart
	Letter         letter
	Pretty         string
	MayAccept      bool
	Grade          gradeLine
	Packages       []packageLine
}

// A gradeLine says how well the receipt of a message is vouched for (protocol
// section 3).
type gradeLine struct {
	Tag page.Tag
	// Names are the witnesses that have cosigned.
	Names []string
	Text  string
}

// gradeOf verifies who vouches for the receipt of a message. What was erased has
// none.
func (s *Server) gradeOf(c *Call, message string) (gradeLine, error) {
	g, err := s.Desk.GradeOf(c.Context(), message)
	if _, refused := errors.AsType[*problem.Error](err); refused {
		return gradeLine{}, nil
	}
	if err != nil {
		return gradeLine{}, err
	}
	line := gradeLine{Names: g.Witnesses, Tag: page.MakeTag("info", c.L.T("case.grade_logged")), Text: c.L.T("case.witnesses_none")}
	if g.Of > 0 {
		line.Text = c.L.T("case.witnesses", "Count", len(g.Witnesses), "Of", g.Of)
	}
	if g.Witnessed {
		line.Tag = page.MakeTag("ok", c.L.T("case.grade_witnessed"))
	}
	return line, nil
}

// A sightLine is that an officer has read a message.
type sightLine struct {
	Name string
	At   time.Time
}

// A conditionText is a condition that is to be accepted first.
type conditionText struct {
	Type, Text, Lang string
}

// titleOf names a message: by its kind, or by the act where nothing more is known.
func titleOf(c *Call, m desk.Message) string {
	if m.Kind != "" {
		return convention.Label("kind", m.Kind, c.L.Tag)
	}
	return convention.Label("act", m.Act, c.L.Tag)
}

// messagePage shows a message; its content to an officer who has opened it.
func (s *Server) messagePage(w http.ResponseWriter, c *Call) error {
	by := c.User.Officer()
	r, err := s.office.Reading(c.Context(), by, c.Value("message"))
	if err != nil {
		return err
	}
	m := r.Message
	v := messageView{
		Reading: r, What: titleOf(c, m), From: s.authorityName(c, m.From), To: s.authorityName(c, m.To),
		At: moment(c, m.Created), Verdict: s.verdictOf(c, m.Verdict), Remarks: remarks(c, m), MayAccept: s.routes["message.accept"].Who.allows(c.User),
	}
	for _, x := range r.Pending {
		v.Pending = append(v.Pending, conditionText{convention.Label("condition-type", x.Type, c.L.Tag), x.Text.Text, x.Text.Lang})
	}
	if v.Grade, err = s.gradeOf(c, m.ID); err != nil {
		return err
	}
	if v.Packages, err = s.packages(c, m.Case, m.ID); err != nil {
		return err
	}
	for _, x := range r.SeenBy {
		v.SeenBy = append(v.SeenBy, sightLine{x.Name, moment(c, x.At)})
	}
	if slices.ContainsFunc(r.SeenBy, func(x office.Sight) bool { return x.Officer == by.ID }) && len(r.Pending) == 0 {
		if err := s.readMessage(c, &v); err != nil {
			return err
		}
	}
	return s.render(w, c, http.StatusOK, "case-message.html", v)
}

// readMessage fills in the content of a message that the officer has opened
// before; each reading is in the desk's own log.
func (s *Server) readMessage(c *Call, v *messageView) error {
	raw, err := s.office.Open(c.Context(), c.User.Officer(), v.Message.ID)
	if err != nil {
		return err
	}
	body := map[string]any{}
	if err := json.Unmarshal(raw, &body); err != nil {
		return err
	}
	for _, p := range readParts(c, body) {
		if members := c.members(c.L, p.shape, objectAt(body, p.at), p.members); len(members) > 0 {
			v.Parts = append(v.Parts, shownPart{Title: p.Title, Members: members})
		}
	}
	v.Opened, v.Pretty, v.Letter = true, pretty(string(raw)), s.letterOf(c, v.Message.From, v.Message.To, body)
	if err := s.mark(c, &v.Letter, v.Message); err != nil {
		return err
	}
	return nil
}

// messageOpen opens a message: its sender is told, once, and the desk notes who
// read it.
func (s *Server) messageOpen(w http.ResponseWriter, c *Call) error {
	if _, err := s.office.Open(c.Context(), c.User.Officer(), c.Value("message")); err != nil {
		return err
	}
	return s.redirect(w, c, "message", "message", c.Value("message"))
}

// messageAccept accepts the conditions of a message.
func (s *Server) messageAccept(w http.ResponseWriter, c *Call) error {
	if err := s.office.Accept(c.Context(), c.User.Officer(), c.Value("message")); err != nil {
		return err
	}
	return s.done(w, c, "conditions_accepted", "message", "message", c.Value("message"))
}

// messageProof hands out a message as it travelled, with its proofs.
func (s *Server) messageProof(w http.ResponseWriter, c *Call) error {
	dir, err := os.MkdirTemp("", "entraide-message-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := filepath.Join(dir, "message")
	if err := s.office.Export(c.Context(), c.User.Officer(), c.Value("message"), files); err != nil {
		return err
	}
	s.handOut(w, "message-"+c.Value("message")+".zip", files)
	return nil
}
