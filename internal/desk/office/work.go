package office

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
)

// Work is what the State itself has noted of a case. None of it ever leaves.
type Work struct {
	Officer string   `json:"officer,omitempty"` // id of whom the case is assigned to
	Team    string   `json:"team,omitempty"`
	Tags    []string `json:"tags"`
	Notes   []Note   `json:"notes"`
	Readers []string `json:"readers"` // officers who are named for a sealed case
	Sealed  bool     `json:"sealed"`
	Drafts  []Draft  `json:"drafts"`
}

// A Note is what an officer wrote of a case for colleagues.
type Note struct {
	By   string `json:"by"` // name of the officer
	At   string `json:"at"` // RFC 3339
	Text string `json:"text"`
}

// Work returns what the State has noted of a case.
func (o *Office) Work(ctx context.Context, by desk.Officer, caseID string) (Work, error) {
	out := Work{Tags: []string{}, Notes: []Note{}, Readers: []string{}}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		if err := mayRead(ctx, r, by, caseID); err != nil {
			return err
		}
		line, err := r.Line(ctx, caseID)
		if err != nil {
			return err
		}
		out.Sealed = line.Sealed
		a, err := r.Assignment(ctx, caseID)
		if err != nil {
			return err
		}
		out.Officer, out.Team = a.Officer, a.Team
		tags, err := r.Tags(ctx, caseID)
		if err != nil {
			return err
		}
		out.Tags = append(out.Tags, tags...)
		readers, err := r.NamedReaders(ctx, caseID)
		if err != nil {
			return err
		}
		out.Readers = append(out.Readers, readers...)
		notes, err := r.Notes(ctx, caseID)
		for _, n := range notes {
			out.Notes = append(out.Notes, Note{n.OfficerName, at(n.At), n.Text})
		}
		return err
	})
	if err != nil {
		return out, err
	}
	out.Drafts, err = o.Drafts(ctx, by, "", caseID)
	return out, err
}

// Assign gives a case to an officer, a team, both or, with both empty, nobody. A
// sealed case may be assigned by who has not read it: an approver or duty officer.
func (o *Office) Assign(ctx context.Context, by desk.Officer, caseID, officer, team string) error {
	return o.act(ctx, by, "case assigned", caseID+" to "+officer+" "+team, func(w store.DeskWriter) error {
		if err := mayWork(ctx, w, by, caseID); err != nil {
			return err
		}
		return w.PutAssignment(ctx, store.Assignment{Case: caseID, Officer: officer, Team: team})
	})
}

// NameReader lets an officer read a sealed case; an approver, or who may read it,
// does so.
func (o *Office) NameReader(ctx context.Context, by desk.Officer, caseID, officer string) error {
	if err := plain("officer", officer, 200); err != nil {
		return err
	}
	return o.act(ctx, by, "officer named for a sealed case", caseID+" "+officer, func(w store.DeskWriter) error {
		if err := mayWork(ctx, w, by, caseID); err != nil {
			return err
		}
		return w.PutNamedReader(ctx, caseID, officer)
	})
}

// A Sealed case is what an approver or duty officer sees of one that is not theirs to
// read, to name who may.
type Sealed struct {
	Case        string   `json:"case"`
	Counterpart string   `json:"counterpart"` // authority
	Lane        string   `json:"lane"`
	Officer     string   `json:"officer,omitempty"` // id of whom it is assigned to
	Team        string   `json:"team,omitempty"`
	Readers     []string `json:"readers"` // ids
}

// Sealed returns a sealed case to an approver or duty officer, who names who may read
// it without reading it.
func (o *Office) Sealed(ctx context.Context, by desk.Officer, caseID string) (Sealed, error) {
	out := Sealed{Case: caseID, Readers: []string{}}
	if err := by.Require(desk.Approver, desk.DutyOfficer); err != nil {
		return out, err
	}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		line, err := r.Line(ctx, caseID)
		if err != nil {
			return found(err, "case")
		}
		if !line.Sealed {
			return notFound("case")
		}
		out.Counterpart, out.Lane = line.Counterpart, line.Lane
		a, err := r.Assignment(ctx, caseID)
		if err != nil {
			return err
		}
		out.Officer, out.Team = a.Officer, a.Team
		readers, err := r.NamedReaders(ctx, caseID)
		out.Readers = append(out.Readers, readers...)
		return err
	})
	return out, err
}

// UnnameReader takes the name of an officer off a sealed case again. Who is assigned
// to it, or in the team that is, still reads it.
func (o *Office) UnnameReader(ctx context.Context, by desk.Officer, caseID, officer string) error {
	return o.act(ctx, by, "officer no longer named for a sealed case", caseID+" "+officer, func(w store.DeskWriter) error {
		if err := mayWork(ctx, w, by, caseID); err != nil {
			return err
		}
		return w.DeleteNamedReader(ctx, caseID, officer)
	})
}

// mayWork refuses the work on a case to who may not do it.
func mayWork(ctx context.Context, r store.DeskReader, by desk.Officer, caseID string) error {
	if err := by.Require(writers...); err != nil {
		return err
	}
	if by.Has(desk.Approver, desk.DutyOfficer) {
		_, err := r.Line(ctx, caseID)
		return found(err, "case")
	}
	return mayRead(ctx, r, by, caseID)
}

// Note adds a note to a case, for colleagues.
func (o *Office) Note(ctx context.Context, by desk.Officer, caseID, text string) error {
	if err := plain("text", text, 50_000); err != nil {
		return err
	}
	return o.act(ctx, by, "note written", caseID, func(w store.DeskWriter) error {
		if err := readAndWrite(ctx, w, by, caseID); err != nil {
			return err
		}
		return o.desk.PutNote(ctx, w, store.Note{Case: caseID, Officer: by.ID, OfficerName: by.Name, At: o.now(), Text: text})
	})
}

// readAndWrite refuses what needs both rights.
func readAndWrite(ctx context.Context, r store.DeskReader, by desk.Officer, caseID string) error {
	if err := by.Require(writers...); err != nil {
		return err
	}
	return mayRead(ctx, r, by, caseID)
}

// Tag adds a tag to a case, or takes it off.
func (o *Office) Tag(ctx context.Context, by desk.Officer, caseID, tag string, off bool) error {
	if err := plain("tag", tag, 100); err != nil {
		return err
	}
	if slices.Contains([]byte(tag), '\n') {
		return problem.New(problem.InvalidValue, "tag", "A tag is one line.")
	}
	return o.act(ctx, by, "case tagged", caseID, func(w store.DeskWriter) error {
		if err := readAndWrite(ctx, w, by, caseID); err != nil {
			return err
		}
		if off {
			return w.DeleteTag(ctx, caseID, tag)
		}
		return w.PutTag(ctx, caseID, tag)
	})
}

// Tags lists every tag in use.
func (o *Office) Tags(ctx context.Context, by desk.Officer) (tags []string, err error) {
	if err := by.Require(desk.Readers...); err != nil {
		return nil, err
	}
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) (err error) {
		tags, err = r.AllTags(ctx)
		return err
	})
	return tags, err
}

// A Sight is that an officer has read a message.
type Sight struct {
	Officer string `json:"officer"` // id
	Name    string `json:"name"`
	At      string `json:"at"` // RFC 3339, the first time
}

// Open returns the content of a message to an officer, tells the sender, once,
// that it was opened, and notes who has read it. A message whose conditions must
// be accepted first is refused until [desk.Desk.AcceptConditions]. A national
// auditor reads content only where named for the case.
func (o *Office) Open(ctx context.Context, by desk.Officer, messageID string) ([]byte, error) {
	if err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		l, err := r.Letter(ctx, messageID)
		if err != nil {
			return found(err, "message")
		}
		if err := mayRead(ctx, r, by, l.Case); err != nil || by.Has(writers...) {
			return err
		}
		named, err := r.MayRead(ctx, l.Case, by.ID)
		if err == nil && !named {
			err = problem.New(problem.Forbidden, "officer", "An auditor reads content only where named for the case.")
		}
		return err
	}); err != nil {
		return nil, err
	}
	body, err := o.desk.Body(ctx, messageID)
	if err != nil {
		return nil, err
	}
	return body, o.act(ctx, by, "message read", messageID, func(w store.DeskWriter) error {
		return w.PutSight(ctx, store.Sight{Message: messageID, Officer: by.ID, OfficerName: by.Name, At: o.now()})
	})
}

// Accept accepts the conditions of a message, so that it may be read. Only who may
// read the case does.
func (o *Office) Accept(ctx context.Context, by desk.Officer, messageID string) error {
	if _, err := o.SeenBy(ctx, by, messageID); err != nil {
		return err
	}
	return o.desk.AcceptConditions(ctx, by, messageID)
}

// SeenBy returns who has read a message, in the order of time.
func (o *Office) SeenBy(ctx context.Context, by desk.Officer, messageID string) ([]Sight, error) {
	out := []Sight{}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		l, err := r.Letter(ctx, messageID)
		if err != nil {
			return found(err, "message")
		}
		if err := mayRead(ctx, r, by, l.Case); err != nil {
			return err
		}
		seen, err := r.SeenBy(ctx, messageID)
		for _, s := range seen {
			out = append(out, Sight{s.Officer, s.OfficerName, at(s.At)})
		}
		return err
	})
	return out, err
}

// A View is a filter of lists under a name, of an officer or of the office.
type View struct {
	Name   string          `json:"name"`
	Office bool            `json:"office"`
	Filter desk.ListFilter `json:"filter"`
	Search string          `json:"search,omitempty"` // words, where the view is a search
}

// storedView is what is kept of a view.
type storedView struct {
	Filter desk.ListFilter `json:"filter"`
	Search string          `json:"search,omitempty"`
}

// Views lists the saved views of an officer, and those of the office.
func (o *Office) Views(ctx context.Context, by desk.Officer) ([]View, error) {
	if err := by.Require(desk.Readers...); err != nil {
		return nil, err
	}
	out := []View{}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		all, err := r.Views(ctx, by.ID)
		for _, v := range all {
			var s storedView
			if err := json.Unmarshal(v.Filter, &s); err != nil {
				return err
			}
			out = append(out, View{v.Name, v.Owner == "", s.Filter, s.Search})
		}
		return err
	})
	return out, err
}

// PutView saves a view in the place of one of that name; one of the office needs an
// approver.
func (o *Office) PutView(ctx context.Context, by desk.Officer, v View) error {
	if err := mayKeep(by, v); err != nil {
		return err
	}
	filter, err := json.Marshal(storedView{v.Filter, v.Search})
	if err != nil {
		return err
	}
	return o.act(ctx, by, "view saved", v.Name, func(w store.DeskWriter) error {
		return w.PutView(ctx, store.SavedView{Owner: ownerOf(by, v), Name: v.Name, Filter: filter})
	})
}

// DeleteView ends a view.
func (o *Office) DeleteView(ctx context.Context, by desk.Officer, v View) error {
	if err := mayKeep(by, v); err != nil {
		return err
	}
	return o.act(ctx, by, "view ended", v.Name, func(w store.DeskWriter) error { return w.DeleteView(ctx, ownerOf(by, v), v.Name) })
}

func mayKeep(by desk.Officer, v View) error {
	if err := plain("name", v.Name, 200); err != nil {
		return err
	}
	if v.Office {
		return by.Require(desk.Approver)
	}
	return by.Require(desk.Readers...)
}

func ownerOf(by desk.Officer, v View) string {
	if v.Office {
		return ""
	}
	return by.ID
}
