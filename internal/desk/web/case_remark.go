package web

import (
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// A remark is what an officer should know of a message, in the language of the
// page.
type remark struct {
	Text  string
	Basis string // of an erasure, as somebody wrote it
	Plain string // in English, where there are no words for it
}

// remarks are the notes of a message.
func remarks(c *Call, m desk.Message) (out []remark) {
	for _, note := range []string{m.Note, m.KeyNote} {
		if note != "" {
			out = append(out, remarkOf(c, desk.ReadRemark(note)))
		}
	}
	return out
}

// remarkOf says a remark in the language of the page.
func remarkOf(c *Call, r desk.Remark) remark {
	pairs := make([]any, 0, 2*len(r.Values))
	for name, value := range r.Values {
		switch at, err := time.Parse(time.RFC3339, value); {
		case name == "Time" && err == nil:
			value = c.L.DateTime(at, c.User.Location())
		case name == "Broker" || name == "Here":
			value = convention.Label("stage", value, c.L.Tag)
		case name == "First" || name == "Last":
			value = locale.Value(value)
		}
		pairs = append(pairs, name, value)
	}
	said := remark{Text: problemText(c, string(r.Problem)), Basis: r.Values["Basis"]}
	switch {
	case r.Code != "":
		said.Text = joined(c.L.T("case.note_"+r.Code, pairs...), said.Text)
	case said.Text == "":
		said.Plain = r.Text
	}
	return said
}

// joined is two sentences, of which either may be missing.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// problemText says in a sentence what a problem code means; "" for what is none.
func problemText(c *Call, code string) string {
	if !problem.Code(code).Valid() {
		return ""
	}
	return c.L.T("problem." + code)
}
