package web

import (
	"strconv"

	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/pkg/convention"
)

// An answered line is what a reply answers, as the other side wrote it: the officer
// sees it beside the fields.
type answered struct {
	Number string
	Title  string // kind of condition; empty for a question
	Text   string
}

// answering is what a reply answers by number: questions, or conditions that were
// offered.
func (s *Server) answering(c *Call, d office.Draft, kind string) ([]answered, error) {
	if d.Case == "" || kind != "answers" && kind != "condition-answer" {
		return nil, nil
	}
	found, err := s.office.Case(c.Context(), c.User.Officer(), d.Case)
	if err != nil {
		return nil, err
	}
	var out []answered
	if kind == "answers" {
		for _, q := range found.Missing {
			if s.ours(q.By) {
				out = append(out, answered{Number: strconv.FormatInt(q.Number, 10), Text: q.Text})
			}
		}
		return out, nil
	}
	for _, x := range found.Conditions {
		if !x.Binding {
			out = append(out, answered{strconv.FormatInt(x.Number, 10), convention.Label("condition-type", x.Type, c.L.Tag), x.Text})
		}
	}
	return out, nil
}

// chooses reports whether what a kind of content says lies in boxes that may stay
// empty, so that the page of what is needed would hide it.
func chooses(kind string) bool { return kind == "condition-answer" }
