package office

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// A move takes a draft from one state to another.
type move struct {
	id      string
	version int64 // that the officer saw
	from    []string
	to      string
	what    string
	comment string
	check   func(store.DeskReader, store.Draft) error // more that must hold; nil for nothing
}

// move makes a move, if the draft is where it begins.
func (o *Office) move(ctx context.Context, by desk.Officer, m move) error {
	if err := by.Require(writers...); err != nil {
		return err
	}
	return o.act(ctx, by, m.what, m.id, func(w store.DeskWriter) error {
		d, err := present(ctx, w, by, m.id, m.version)
		if err != nil {
			return err
		}
		if !slices.Contains(m.from, d.State) {
			return problem.Newf(problem.ActNotAllowed, "draft", "The draft is %s; this is for one that is %s.", d.State, m.from[0])
		}
		if m.check != nil {
			if err := m.check(w, d); err != nil {
				return err
			}
		}
		if err := o.keepNewest(ctx, w, d.ID); err != nil {
			return err
		}
		d.State, d.SubmittedBy = m.to, ""
		if m.to == store.DraftSubmitted {
			d.SubmittedBy = by.ID
		}
		o.touch(&d, by)
		return errors.Join(w.PutDraft(ctx, d), o.event(ctx, w, by, d, m.what, m.comment))
	})
}

// keepNewest keeps the newest version of a draft from being folded into a later
// one: somebody was shown it.
func (o *Office) keepNewest(ctx context.Context, w store.DeskWriter, id string) error {
	versions, err := w.DraftVersions(ctx, id)
	if err != nil || len(versions) == 0 {
		return err
	}
	v, err := w.DraftVersion(ctx, id, versions[0].Version)
	v.Kept = true
	return errors.Join(err, w.PutDraftVersion(ctx, v))
}

// SubmitDraft asks for approval. What would be refused when it is sent is refused
// now: errors, and warnings without a reason.
func (o *Office) SubmitDraft(ctx context.Context, by desk.Officer, id string, version int64) error {
	order, err := o.order(ctx, by, id)
	if err != nil {
		return err
	}
	if err := o.desk.Try(ctx, order); err != nil {
		return err
	}
	return o.move(ctx, by, move{id: id, version: version, from: []string{store.DraftOpen}, to: store.DraftSubmitted, what: "draft submitted for approval"})
}

// TakeBackDraft opens a draft again that waits for an approver; who wrote or
// submitted it may.
func (o *Office) TakeBackDraft(ctx context.Context, by desk.Officer, id string, version int64) error {
	return o.move(ctx, by, move{id: id, version: version, from: []string{store.DraftSubmitted}, to: store.DraftOpen, what: "submission taken back"})
}

// ReturnDraft gives a draft back to be changed, with a comment that says why.
func (o *Office) ReturnDraft(ctx context.Context, by desk.Officer, id string, version int64, comment string) error {
	if err := by.Require(desk.Approver); err != nil {
		return err
	}
	if err := plain("comment", comment, 10_000); err != nil {
		return err
	}
	return o.move(ctx, by, move{id: id, version: version, from: []string{store.DraftSubmitted}, to: store.DraftOpen, what: "draft returned", comment: comment})
}

// An Approval is what an approver decides on.
type Approval struct {
	Draft Draft `json:"draft"`
	// Content is exactly what would be sealed, and Digest its SHA-256.
	Content string `json:"content"`
	Digest  string `json:"digest"`
	// Since is the version that was last shown to an approver, 0 if none was, and
	// Changes what is different now.
	Since   int64    `json:"since,omitempty"`
	Changes []Change `json:"changes"`
	// Writers are those who wrote a version: none of them may approve.
	Writers []string `json:"writers"`
	// May says whether the officer who asks may approve.
	May bool `json:"may"`
}

// ForApproval shows a draft as it would be sealed, to an officer who decides.
func (o *Office) ForApproval(ctx context.Context, by desk.Officer, id string) (Approval, error) {
	out := Approval{Changes: []Change{}}
	var err error
	if out.Draft, err = o.Draft(ctx, by, id); err != nil {
		return out, err
	}
	order, err := o.order(ctx, by, id)
	if err != nil {
		return out, err
	}
	text, digest, err := o.desk.Content(ctx, order)
	if err != nil {
		return out, err
	}
	out.Content, out.Digest = string(text), digest
	wrote := map[string]bool{}
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		versions, err := r.DraftVersions(ctx, id)
		if err != nil {
			return err
		}
		for i, v := range versions {
			wrote[v.Officer] = true
			if !slices.Contains(out.Writers, v.OfficerName) {
				out.Writers = append(out.Writers, v.OfficerName)
			}
			if i > 0 && v.Kept && out.Since == 0 {
				out.Since = v.Version
			}
		}
		if out.Since == 0 {
			return nil
		}
		before, err := r.DraftVersion(ctx, id, out.Since)
		out.Changes = Changes(before.Body, out.Draft.Body)
		return err
	})
	out.May = by.Has(desk.Approver) && !wrote[by.ID] && out.Draft.State == store.DraftSubmitted
	return out, err
}

// order is a draft as an order to the desk.
func (o *Office) order(ctx context.Context, by desk.Officer, id string) (order desk.Order, err error) {
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		d, err := visible(ctx, r, by, id)
		if err != nil {
			return err
		}
		body, err := newestBody(ctx, r, id)
		if err != nil {
			return err
		}
		order = desk.Order{
			From: d.From, To: d.To, Case: message.ID(d.Case), Act: workflow.Act(d.Act), Final: d.Final, Lane: workflow.Lane(d.Lane), Body: body,
		}
		return json.Unmarshal(d.Evidence, &order.Evidence)
	})
	return order, err
}

// A Decision names what an officer releases: the version and the digest that the
// officer was shown.
type Decision struct {
	Draft   string
	Version int64
	Digest  string
	Reason  string // of an emergency
}

// ApproveDraft releases a draft that another officer wrote and submitted: it goes
// to the outbox in the same transaction, and nothing but the content with that
// digest is ever sealed. It returns the id of the message. Who wrote any version
// may not approve.
func (o *Office) ApproveDraft(ctx context.Context, by desk.Officer, x Decision) (messageID string, err error) {
	if err := by.Require(desk.Approver); err != nil {
		return "", err
	}
	return o.release(ctx, by, x, false)
}

// ReleaseInEmergency releases an own draft without a second person, in the
// emergency lane only: a duty officer may. It is marked, and another officer has
// to look at it afterwards; see [Office.EmergencyReleases].
func (o *Office) ReleaseInEmergency(ctx context.Context, by desk.Officer, x Decision) (messageID string, err error) {
	if err := by.Require(desk.DutyOfficer); err != nil {
		return "", err
	}
	if err := plain("reason", x.Reason, 10_000); err != nil {
		return "", err
	}
	return o.release(ctx, by, x, true)
}

// release puts a draft into the outbox as an officer decided.
func (o *Office) release(ctx context.Context, by desk.Officer, x Decision, emergency bool) (string, error) {
	order, err := o.order(ctx, by, x.Draft)
	if err != nil {
		return "", err
	}
	r := store.Release{
		Draft: x.Draft, Version: x.Version, Digest: x.Digest, ReleasedBy: by.ID, Emergency: emergency, At: o.now(), Comment: x.Reason,
	}
	// What is read here is read again in the transaction of the release.
	if err := o.desk.Store().Read(ctx, func(v store.DeskReader) error {
		d, err := releasable(ctx, v, by, x, emergency)
		r.SubmittedBy = d.SubmittedBy
		return err
	}); err != nil {
		return "", err
	}
	id, _, err := o.desk.SendReleased(ctx, order, r, func(w store.DeskWriter, id, caseID string) error {
		d, err := releasable(ctx, w, by, x, emergency)
		if err != nil {
			return err
		}
		return o.released(ctx, w, by, d, r, id, caseID)
	})
	return string(id), err
}

// releasable returns a draft that an officer may release, as far as it says
// itself.
func releasable(ctx context.Context, r store.DeskReader, by desk.Officer, x Decision, emergency bool) (store.Draft, error) {
	d, err := present(ctx, r, by, x.Draft, x.Version)
	if err != nil {
		return d, err
	}
	if emergency {
		if d.Lane != string(workflow.Emergency) {
			return d, problem.New(problem.Forbidden, "lane", "Only in the emergency lane is one officer enough.")
		}
		var rule desk.FourEyes
		if err := setting(ctx, r, desk.SettingFourEyes, &rule); err != nil {
			return d, err
		}
		if rule.EmergencyNeedsTwo {
			return d, problem.New(problem.Forbidden, "officer", "The office wants a second officer in emergencies, too: submit the draft.")
		}
		if d.State != store.DraftOpen && d.State != store.DraftSubmitted {
			return d, ended(d)
		}
		return d, nil
	}
	if d.State != store.DraftSubmitted {
		return d, problem.New(problem.ActNotAllowed, "draft", "The draft was not submitted for approval.")
	}
	wrote, err := writersOf(ctx, r, d.ID)
	if err == nil && (wrote[by.ID] || d.SubmittedBy == by.ID) {
		err = problem.New(problem.Forbidden, "officer", "Nobody approves what they have written or submitted themselves.")
	}
	return d, err
}

// writersOf returns the officers who wrote a version of a draft.
func writersOf(ctx context.Context, r store.DeskReader, id string) (map[string]bool, error) {
	versions, err := r.DraftVersions(ctx, id)
	wrote := map[string]bool{}
	for _, v := range versions {
		wrote[v.Officer] = true
	}
	return wrote, err
}

// released notes a release in the draft, in the log, and, since they know it
// anyway, lets those who had part in it read the case if it is sealed.
func (o *Office) released(ctx context.Context, w store.DeskWriter, by desk.Officer, d store.Draft, r store.Release, id, caseID string) error {
	what := "draft approved and sent"
	if r.Emergency {
		what = "draft released in an emergency by one officer"
	}
	if err := o.keepNewest(ctx, w, d.ID); err != nil {
		return err
	}
	d.State, d.Message, d.Case = store.DraftSent, id, caseID
	o.touch(&d, by)
	if err := errors.Join(w.PutDraft(ctx, d), o.event(ctx, w, by, d, what, r.Comment)); err != nil {
		return err
	}
	wrote, err := writersOf(ctx, w, d.ID)
	if err != nil {
		return err
	}
	wrote[by.ID] = true
	for officer := range wrote {
		if err := w.PutNamedReader(ctx, caseID, officer); err != nil {
			return err
		}
	}
	return o.desk.Record(ctx, w, by.ID, what, d.ID+" "+id+" "+r.Digest)
}

// A Released is a release in an emergency, for the officer who looks at it
// afterwards.
type Released struct {
	Draft           string `json:"draft"`
	Message         string `json:"message"`
	By              string `json:"by"` // id of the officer
	At              string `json:"at"` // RFC 3339
	Reason          string `json:"reason"`
	Digest          string `json:"digest"`
	CountersignedBy string `json:"countersigned_by,omitempty"`
	CountersignedAt string `json:"countersigned_at,omitempty"` // RFC 3339
}

// EmergencyReleases lists the releases by one officer that nobody has
// countersigned yet, oldest first; with all set, every one.
func (o *Office) EmergencyReleases(ctx context.Context, by desk.Officer, all bool) ([]Released, error) {
	if err := by.Require(desk.Approver, desk.NationalAuditor); err != nil {
		return nil, err
	}
	out := []Released{}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		rows, err := r.EmergencyReleases(ctx, all)
		for _, x := range rows {
			line := Released{
				Draft: x.Draft, Message: x.Message, By: x.ReleasedBy, At: at(x.At), Reason: x.Comment, Digest: x.Digest, CountersignedBy: x.CountersignedBy,
			}
			if x.CountersignedAt > 0 {
				line.CountersignedAt = at(x.CountersignedAt)
			}
			out = append(out, line)
		}
		return err
	})
	return out, err
}

// Countersign notes that an approver has looked at an emergency release and stands
// by it; the approver must not have written it. The comment is added to the reason.
func (o *Office) Countersign(ctx context.Context, by desk.Officer, messageID, comment string) error {
	if err := by.Require(desk.Approver); err != nil {
		return err
	}
	return o.act(ctx, by, "emergency release countersigned", messageID, func(w store.DeskWriter) error {
		r, err := w.Release(ctx, messageID)
		if err != nil {
			return found(err, "message")
		}
		wrote, err := writersOf(ctx, w, r.Draft)
		if err != nil {
			return err
		}
		if wrote[by.ID] || r.ReleasedBy == by.ID {
			return problem.New(problem.Forbidden, "officer", "Nobody countersigns what they have written or released themselves.")
		}
		r.CountersignedBy, r.CountersignedAt = by.ID, o.now()
		if comment != "" {
			r.Comment += "\n" + comment
		}
		return found(w.Countersign(ctx, r), "message")
	})
}
