package office

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/workflow"
)

// A ConflictError says that another officer has changed a draft meanwhile.
type ConflictError struct {
	By      string    // name of the officer
	At      time.Time // when
	Version int64     // the present one
}

// Error implements error.
func (c *ConflictError) Error() string {
	return fmt.Sprintf("%s has changed this draft at %s; it is version %d now: look at it and make your change again",
		c.By, c.At.UTC().Format(time.RFC3339), c.Version)
}

// A Draft is a message that officers are writing.
type Draft struct {
	ID       string          `json:"id"`
	Case     string          `json:"case,omitempty"` // empty if it opens one
	Act      string          `json:"act"`
	From     string          `json:"from"`
	To       string          `json:"to,omitempty"`
	Lane     string          `json:"lane,omitempty"`
	Final    bool            `json:"final,omitempty"`
	Title    string          `json:"title,omitempty"` // for the office only
	State    string          `json:"state"`           // open, submitted, sent or discarded
	Version  int64           `json:"version"`         // to be given with the next change
	Created  string          `json:"created_by"`
	Changed  string          `json:"changed_by"` // name of the officer
	At       string          `json:"changed_at"` // RFC 3339
	Message  string          `json:"message,omitempty"`
	Evidence []string        `json:"evidence,omitempty"` // directories of sealed evidence
	Body     json.RawMessage `json:"body,omitempty"`     // not in lists
	Findings []Finding       `json:"findings,omitempty"`
	Versions []Version       `json:"versions,omitempty"`
	Events   []Event         `json:"events,omitempty"`
}

// A Finding is what the check of completeness found.
type Finding struct {
	Level      string `json:"level"` // error, warning or hint
	Code       string `json:"code"`
	Pointer    string `json:"pointer"` // JSON pointer into the body
	Message    string `json:"message"`
	Provision  string `json:"provision,omitempty"`
	Overridden bool   `json:"overridden,omitempty"`
}

// A Version says who wrote a version of a draft, and when.
type Version struct {
	Version int64  `json:"version"`
	By      string `json:"by"`
	At      string `json:"at"` // RFC 3339
}

// An Event is what an officer did with a draft, besides writing.
type Event struct {
	What    string `json:"what"`
	By      string `json:"by"`
	At      string `json:"at"` // RFC 3339
	Version int64  `json:"version"`
	Comment string `json:"comment,omitempty"`
}

// A NewDraft says how a draft begins. Its body is the first of: Body, Template
// (of the office), CopyOf (a message of this desk), and an empty one of Kind (a
// kind of content, or a type of measure).
type NewDraft struct {
	Case     string
	Act      string // request if empty and no case is given
	From, To string
	Lane     string
	Final    bool
	Title    string
	Body     json.RawMessage
	Template string
	CopyOf   string
	Kind     string
	// Urgency is the class of a request, and Lang the language in which what is
	// known already is written.
	Urgency string
	Lang    string
	// Relation is what the new request is to the one that is copied: supplements or
	// supersedes, or empty for none.
	Relation string

	known desk.Case // as far as it has come
}

// NewDraft begins a draft. In a case, sender, recipient and lane are those of the
// case.
func (o *Office) NewDraft(ctx context.Context, by desk.Officer, n NewDraft) (Draft, error) {
	if err := by.Require(writers...); err != nil {
		return Draft{}, err
	}
	id, err := message.NewID()
	if err != nil {
		return Draft{}, err
	}
	if n.Act == "" && n.Case == "" {
		n.Act = string(workflow.Request)
	}
	if (n.Case == "") != workflow.Procedure().Opens(workflow.Act(n.Act)) {
		return Draft{}, problem.New(problem.InvalidValue, "act", "Only a request or information opens a case, and nothing else does without one.")
	}
	own, err := o.desk.Authorities()
	if err != nil {
		return Draft{}, err
	}
	if n.From == "" && len(own) > 0 {
		n.From = own[0]
	}
	if n.Case != "" && n.Lang != "" {
		if n.known, err = o.desk.Case(ctx, n.Case); err != nil {
			return Draft{}, err
		}
	}
	d := store.Draft{
		ID: string(id), Case: n.Case, Act: n.Act, From: n.From, To: n.To, Lane: n.Lane, Final: n.Final, Title: n.Title, Evidence: []byte("[]"),
		State: store.DraftOpen, CreatedBy: by.ID,
	}
	if err := o.act(ctx, by, "draft begun", d.ID, func(w store.DeskWriter) error {
		if err := inCase(ctx, w, by, &d); err != nil {
			return err
		}
		body, err := o.firstBody(ctx, w, by, d, n)
		if err != nil {
			return err
		}
		return o.putVersion(ctx, w, by, &d, body)
	}); err != nil {
		return Draft{}, err
	}
	return o.Draft(ctx, by, d.ID)
}

// inCase takes sender, recipient and lane from the case of a draft.
func inCase(ctx context.Context, r store.DeskReader, by desk.Officer, d *store.Draft) error {
	if d.Case == "" {
		return nil
	}
	if err := mayRead(ctx, r, by, d.Case); err != nil {
		return err
	}
	line, err := r.Line(ctx, d.Case)
	d.From, d.To, d.Lane = line.Own, line.Counterpart, line.Lane
	return err
}

// firstBody is what a draft begins with.
func (o *Office) firstBody(ctx context.Context, r store.DeskReader, by desk.Officer, d store.Draft, n NewDraft) ([]byte, error) {
	switch {
	case n.Body != nil:
		return n.Body, nil
	case n.Template != "":
		all, err := r.Templates(ctx)
		for _, t := range all {
			if t.Name == n.Template {
				return t.Body, nil
			}
		}
		if err != nil {
			return nil, err
		}
		return nil, notFound("template")
	case n.CopyOf != "":
		return copyOf(ctx, r, by, n)
	}
	body, err := convention.New(n.Kind)
	if err != nil {
		return nil, problem.New(problem.InvalidValue, "kind", "It must be a kind of content, or a type of measure such as T05.")
	}
	if b, ok := body.(*convention.Delivery); ok {
		b.Final = n.Final
	}
	if n.Lang != "" {
		o.prefill(body, by, d, n)
	}
	return strictjson.Marshal(body)
}

// own are members of a body that belong to it alone and are not copied.
var own = []string{"own_ref", "overrides", "references", "deadline", "no_notice_until", "attachments", "packages"}

// copyOf takes the body of an earlier message, without what belongs to it alone.
func copyOf(ctx context.Context, r store.DeskReader, by desk.Officer, n NewDraft) ([]byte, error) {
	l, err := r.Letter(ctx, n.CopyOf)
	if err != nil {
		return nil, found(err, "copy_of")
	}
	if err := mayRead(ctx, r, by, l.Case); err != nil {
		return nil, err
	}
	body := map[string]any{}
	if err := json.Unmarshal(l.Body, &body); err != nil {
		return nil, notFound("copy_of")
	}
	for _, member := range own {
		delete(body, member)
	}
	if n.Relation != "" {
		if _, ok := convention.CodeOf("reference-relation", n.Relation); !ok {
			return nil, problem.New(problem.InvalidValue, "relation", "It must be a row of the list reference-relation.")
		}
		body["references"] = []any{map[string]any{"relation": n.Relation, "case": l.Case}}
	}
	return json.Marshal(body)
}

// foldWithin is how long the versions of one officer fold into one.
const foldWithin = 5 * 60

// maxDraftBytes bounds the body of a draft.
const maxDraftBytes = convention.MaxBodyBytes

// putVersion stores a body as the next version of a draft. It folds into the
// version before if that is of the same officer, recent, and nobody was shown it.
func (o *Office) putVersion(ctx context.Context, w store.DeskWriter, by desk.Officer, d *store.Draft, body []byte) error {
	var object map[string]any
	if err := strictjson.Unmarshal(body, maxDraftBytes, &object); err != nil {
		return problem.Wrap(problem.MalformedJSON, "body", "A draft is one JSON object, as complete as it is by now.", err)
	}
	body = follow(d, body)
	versions, err := w.DraftVersions(ctx, d.ID)
	if err != nil {
		return err
	}
	o.touch(d, by)
	if err := w.PutDraft(ctx, *d); err != nil {
		return err
	}
	if len(versions) > 0 {
		last := versions[0]
		if last.Officer == by.ID && !last.Kept && o.now()-last.At < foldWithin {
			if err := w.DeleteDraftVersion(ctx, d.ID, last.Version); err != nil {
				return err
			}
		}
	}
	return w.PutDraftVersion(ctx, store.DraftVersion{
		Draft: d.ID, Version: d.Version, Officer: by.ID, OfficerName: by.Name, At: o.now(), Body: body,
	})
}

// touch notes that an officer changed a draft.
func (o *Office) touch(d *store.Draft, by desk.Officer) {
	d.Version++
	d.ChangedBy, d.ChangedByName, d.ChangedAt = by.ID, by.Name, o.now()
}

// present returns a draft that is still in the version that an officer saw, or a
// *ConflictError that names who changed it.
func present(ctx context.Context, r store.DeskReader, by desk.Officer, id string, version int64) (store.Draft, error) {
	d, err := visible(ctx, r, by, id)
	if err != nil {
		return d, err
	}
	if d.Version != version {
		return d, &ConflictError{By: d.ChangedByName, At: time.Unix(d.ChangedAt, 0), Version: d.Version}
	}
	return d, nil
}

// visible returns a draft that the officer may see.
func visible(ctx context.Context, r store.DeskReader, by desk.Officer, id string) (store.Draft, error) {
	if err := by.Require(desk.Readers...); err != nil {
		return store.Draft{}, err
	}
	d, err := r.Draft(ctx, id)
	if err != nil {
		return d, found(err, "draft")
	}
	if d.Case != "" {
		return d, mayRead(ctx, r, by, d.Case)
	}
	return d, mayReadNew(ctx, r, by, d)
}

// mayReadNew refuses a draft that opens a case for named officers only to whoever
// neither wrote of it nor may release it.
func mayReadNew(ctx context.Context, r store.DeskReader, by desk.Officer, d store.Draft) error {
	body, err := newestBody(ctx, r, d.ID)
	if err != nil {
		return err
	}
	var said struct {
		Confidentiality string `json:"confidentiality"`
	}
	_ = json.Unmarshal(body, &said) // a draft may hold anything
	if code, ok := convention.CodeOf("confidentiality", said.Confidentiality); !ok || !code.Has("named") || by.Has(desk.Approver) {
		return nil
	}
	wrote, err := writersOf(ctx, r, d.ID)
	if err == nil && !wrote[by.ID] {
		err = notFound("draft")
	}
	return err
}

// An Edit changes a draft; what is nil stays as it is.
type Edit struct {
	Body     json.RawMessage
	From, To *string // only where the draft opens a case
	Lane     *string
	Title    *string
	Final    *bool
	Evidence []string // directories of sealed evidence; empty, not nil, for none
}

// SaveDraft stores a change to the version that the officer saw; if another
// officer has changed the draft since, the error is a *ConflictError. A draft that
// waits for an approver is open again: what was submitted is no longer what it is.
func (o *Office) SaveDraft(ctx context.Context, by desk.Officer, id string, version int64, e Edit) (Draft, error) {
	if err := by.Require(writers...); err != nil {
		return Draft{}, err
	}
	if err := o.desk.Store().Write(ctx, func(w store.DeskWriter) error {
		d, err := present(ctx, w, by, id, version)
		if err != nil {
			return err
		}
		if d.State != store.DraftOpen && d.State != store.DraftSubmitted {
			return ended(d)
		}
		if d.State == store.DraftSubmitted {
			d.State, d.SubmittedBy = store.DraftOpen, ""
			if err := o.event(ctx, w, by, d, "changed after submission", ""); err != nil {
				return err
			}
		}
		return o.change(ctx, w, by, &d, e)
	}); err != nil {
		return Draft{}, err
	}
	return o.Draft(ctx, by, id)
}

// ended refuses a change of a draft that was sent or discarded.
func ended(d store.Draft) error {
	return problem.Newf(problem.ActNotAllowed, "draft", "The draft was %s; copy it to write another.", d.State)
}

// change makes an edit.
func (o *Office) change(ctx context.Context, w store.DeskWriter, by desk.Officer, d *store.Draft, e Edit) error {
	if d.Case == "" {
		if e.To != nil && *e.To != d.To && string(d.Evidence) != "[]" {
			return problem.Newf(problem.InvalidValue, "to", "What is attached is sealed for %s: take it out before you choose another recipient.", d.To)
		}
		set(&d.From, e.From)
		set(&d.To, e.To)
		set(&d.Lane, e.Lane)
	}
	set(&d.Title, e.Title)
	if e.Final != nil {
		d.Final = *e.Final
	}
	if e.Evidence != nil {
		evidence, err := json.Marshal(e.Evidence)
		if err != nil {
			return err
		}
		d.Evidence = evidence
	}
	body := []byte(e.Body)
	if body == nil {
		var err error
		if body, err = newestBody(ctx, w, d.ID); err != nil {
			return err
		}
	}
	return o.putVersion(ctx, w, by, d, body)
}

func set(member, value *string) {
	if value != nil {
		*member = *value
	}
}

// newestBody returns the body of a draft.
func newestBody(ctx context.Context, r store.DeskReader, id string) ([]byte, error) {
	versions, err := r.DraftVersions(ctx, id)
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	v, err := r.DraftVersion(ctx, id, versions[0].Version)
	return v.Body, err
}

// event notes what an officer did with a draft, for the draft's own page.
func (o *Office) event(ctx context.Context, w store.DeskWriter, by desk.Officer, d store.Draft, what, comment string) error {
	return w.PutDraftEvent(ctx, store.DraftEvent{
		Draft: d.ID, Version: d.Version, Officer: by.ID, OfficerName: by.Name, What: what, Comment: comment, At: o.now(),
	})
}

// DiscardDraft ends a draft that will not be sent. It is kept.
func (o *Office) DiscardDraft(ctx context.Context, by desk.Officer, id string, version int64) error {
	return o.move(ctx, by, move{id: id, version: version, from: []string{store.DraftOpen, store.DraftSubmitted}, to: store.DraftDiscarded, what: "draft discarded"})
}

// Draft returns a draft whole, with what the check of completeness finds now.
func (o *Office) Draft(ctx context.Context, by desk.Officer, id string) (out Draft, err error) {
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		d, err := visible(ctx, r, by, id)
		if err != nil {
			return err
		}
		if out, err = shown(d); err != nil {
			return err
		}
		if out.Body, err = newestBody(ctx, r, id); err != nil {
			return err
		}
		versions, err := r.DraftVersions(ctx, id)
		for _, v := range versions {
			out.Versions = append(out.Versions, Version{v.Version, v.OfficerName, at(v.At)})
		}
		if err != nil {
			return err
		}
		events, err := r.DraftEvents(ctx, id)
		for _, e := range events {
			out.Events = append(out.Events, Event{e.What, e.OfficerName, at(e.At), e.Version, e.Comment})
		}
		return err
	})
	if err != nil {
		return out, err
	}
	out.Findings, err = o.Findings(ctx, out.To, out.Body, "en")
	return out, err
}

// Findings holds a body against the law, and what the recipient has published
// where it is known. Messages are in the language.
func (o *Office) Findings(ctx context.Context, to string, body []byte, lang string) ([]Finding, error) {
	var all []convention.Finding
	if _, unknown := o.desk.Directory().Authority(to); unknown != nil {
		all = convention.Review(body, convention.Setting{Now: o.desk.Now()})
	} else {
		var err error
		if all, err = o.desk.Review(ctx, to, body); err != nil {
			return nil, err
		}
	}
	out := make([]Finding, len(all))
	for i, f := range all {
		out[i] = Finding{f.Level, f.Code, f.Pointer, f.Message(lang), f.Provision, f.Overridden}
	}
	return out, nil
}

// DraftBody returns the body of one version.
func (o *Office) DraftBody(ctx context.Context, by desk.Officer, id string, version int64) (body []byte, err error) {
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		if _, err := visible(ctx, r, by, id); err != nil {
			return err
		}
		v, err := r.DraftVersion(ctx, id, version)
		body = v.Body
		return found(err, "version")
	})
	return body, err
}

// maxDrafts bounds a list of drafts.
const maxDrafts = 500

// Drafts lists the drafts in a state ("" for all), or of a case, the last changed
// first, as far as the officer may see them, without bodies.
func (o *Office) Drafts(ctx context.Context, by desk.Officer, state, caseID string) ([]Draft, error) {
	out := []Draft{}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		if err := by.Require(desk.Readers...); err != nil {
			return err
		}
		all, err := r.Drafts(ctx, state, caseID, maxDrafts)
		if err != nil {
			return err
		}
		for _, d := range all {
			if _, err := visible(ctx, r, by, d.ID); problem.CodeOf(err) == problem.NotFound {
				continue
			} else if err != nil {
				return err
			}
			line, err := shown(d)
			if err != nil {
				return err
			}
			out = append(out, line)
		}
		return nil
	})
	return out, err
}

// shown is a draft without what is read of it separately.
func shown(d store.Draft) (Draft, error) {
	out := Draft{
		ID: d.ID, Case: d.Case, Act: d.Act, From: d.From, To: d.To, Lane: d.Lane, Final: d.Final, Title: d.Title, State: d.State,
		Version: d.Version, Created: d.CreatedBy, Changed: d.ChangedByName, At: at(d.ChangedAt), Message: d.Message,
	}
	return out, json.Unmarshal(d.Evidence, &out.Evidence)
}
