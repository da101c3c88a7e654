package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

// A checkView shows exactly what would be signed.
type checkView struct {
	Approval   office.Approval
	Draft      office.Draft
	Line       draftLine
	Parts      []shownPart
	Letter     letter
	Pretty     string // the content, as it is signed
	Open       []findingLine
	Overridden []findingLine
	Refused    string // why it cannot be sent as it is
	Recipient  recipient
	From       string
	Compared   []checkLine // how the recipient's certificates stand
	Replaced   []checkLine
	Finger     []page.Pair // fingerprints of the recipient
	Changes    []changeLine
	Form       page.Form
	MaySubmit  bool
	MayApprove bool
	MayRelease bool
	MayBack    bool
	Waits      bool // for an approver
	Measures   bool
	Sealed     []sealedView
}

// draftCheck shows a draft exactly as it would be signed, to who wrote it and to
// who decides.
func (s *Server) draftCheck(w http.ResponseWriter, c *Call) error {
	return s.showCheck(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showCheck(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	by := c.User.Officer()
	d, err := s.office.Draft(c.Context(), by, c.Value("draft"))
	if err != nil {
		return err
	}
	open := d.State == "open"
	v := checkView{
		Draft: d, Line: s.draftLine(c, d), Parts: s.shownParts(c, d, open && Writers.allows(c.User)), Letter: s.letterOf(c, d.From, d.To, bodyOf(d)),
		Form: form, From: s.authorityName(c, d.From), Waits: d.State == "submitted",
	}
	if v.Open, _, v.Overridden, err = s.findings(c, d, partsOf(c, bodyOf(d))); err != nil {
		return err
	}
	v.Approval, err = s.office.ForApproval(c.Context(), by, d.ID)
	if refusal, ok := errors.AsType[*problem.Error](err); ok {
		v.Refused = string(refusal.Code)
	} else if err != nil {
		return err
	}
	if v.Sealed, err = s.sealedOf(c, d); err != nil {
		return err
	}
	if err := s.recipientOf(c, &v); err != nil {
		return err
	}
	v.Changes = changeLines(c, d, v.Approval.Changes)
	sendable := v.Refused == "" && len(v.Open) == 0
	v.Pretty = pretty(v.Approval.Content)
	v.MaySubmit = sendable && open && Writers.allows(c.User)
	v.MayApprove = sendable && v.Approval.May
	v.MayBack = v.Waits && Writers.allows(c.User) && slices.Contains(v.Approval.Writers, c.User.Name)
	v.MayRelease = sendable && d.Lane == "emergency" && by.Has(desk.DutyOfficer) && (open || v.Waits)
	if v.MayRelease {
		var rule desk.FourEyes
		if err := s.office.Setting(c.Context(), desk.SettingFourEyes, &rule); err != nil {
			return err
		}
		v.MayRelease = !rule.EmergencyNeedsTwo
	}
	return s.render(w, c, status, "draft-check.html", v)
}

// recipientOf describes the recipient of a draft, with how its fingerprints were
// compared.
func (s *Server) recipientOf(c *Call, v *checkView) error {
	a, err := s.Desk.Directory().Authority(v.Draft.To)
	if err != nil {
		return nil //nolint:nilerr // the page says that there is none
	}
	v.Recipient = describe(c, a, v.Draft.Lane, "")
	for suite, certificate := range a.Certificates {
		v.Finger = append(v.Finger, page.Pair{Term: string(suite), Value: locale.V(spaced(certificate.Fingerprint()))})
	}
	slices.SortFunc(v.Finger, func(a, b page.Pair) int { return strings.Compare(a.Term, b.Term) })
	v.Compared, err = s.checksOf(c, v.Draft.To)
	v.Replaced = replaced(v.Compared)
	return err
}

// versionIn is the version of a draft that a form was made from.
func versionIn(c *Call) int64 {
	n, _ := strconv.ParseInt(c.PostForm.Get("version"), 10, 64)
	return n
}

// draftSubmit asks for approval.
func (s *Server) draftSubmit(w http.ResponseWriter, c *Call) error {
	if _, err := c.Fields(); err != nil {
		return err
	}
	if err := s.office.SubmitDraft(c.Context(), c.User.Officer(), c.Value("draft"), versionIn(c)); err != nil {
		return s.stale(w, c, err)
	}
	return s.done(w, c, "draft_submitted", "draft.check", "draft", c.Value("draft"))
}

// draftBack takes a submission back.
func (s *Server) draftBack(w http.ResponseWriter, c *Call) error {
	if _, err := c.Fields(); err != nil {
		return err
	}
	if err := s.office.TakeBackDraft(c.Context(), c.User.Officer(), c.Value("draft"), versionIn(c)); err != nil {
		return s.stale(w, c, err)
	}
	return s.done(w, c, "draft_taken_back", "draft", "draft", c.Value("draft"))
}

// draftReturn gives a draft back with a comment.
func (s *Server) draftReturn(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	comment := strings.TrimSpace(in.Get("comment"))
	if comment == "" {
		form := page.Form{Values: in}
		form.Fail("comment", c.L.T("compose.comment_missing"))
		return s.showCheck(w, c, http.StatusUnprocessableEntity, form)
	}
	if err := s.office.ReturnDraft(c.Context(), c.User.Officer(), c.Value("draft"), versionIn(c), comment); err != nil {
		return s.stale(w, c, err)
	}
	return s.done(w, c, "draft_returned", "drafts")
}

// decision is what a form decides on: the version and digest that were shown.
func decision(c *Call, reason string) office.Decision {
	return office.Decision{Draft: c.Value("draft"), Version: versionIn(c), Digest: c.PostForm.Get("digest"), Reason: reason}
}

// draftApprove signs and sends a draft that another officer wrote.
func (s *Server) draftApprove(w http.ResponseWriter, c *Call) error {
	if _, err := c.Fields(); err != nil {
		return err
	}
	if _, err := s.office.ApproveDraft(c.Context(), c.User.Officer(), decision(c, "")); err != nil {
		return s.stale(w, c, err)
	}
	return s.redirect(w, c, "draft.sent", "draft", c.Value("draft"))
}

// draftRelease signs and sends an own draft in an emergency, with the reason why
// nobody else could look at it.
func (s *Server) draftRelease(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(in.Get("reason"))
	if reason == "" {
		form := page.Form{Values: in}
		form.Fail("reason", c.L.T("compose.reason_missing"))
		return s.showCheck(w, c, http.StatusUnprocessableEntity, form)
	}
	if _, err := s.office.ReleaseInEmergency(c.Context(), c.User.Officer(), decision(c, reason)); err != nil {
		return s.stale(w, c, err)
	}
	return s.redirect(w, c, "draft.sent", "draft", c.Value("draft"))
}

// stale explains that a draft is not what the page showed; other errors are
// returned.
func (s *Server) stale(w http.ResponseWriter, c *Call, err error) error {
	conflict, ok := errors.AsType[*office.ConflictError](err)
	if !ok {
		return err
	}
	d, err := s.office.Draft(c.Context(), c.User.Officer(), c.Value("draft"))
	if err != nil {
		return err
	}
	return s.conflict(w, c, d, conflict, nil)
}

// A sentView says what became of a draft that was released.
type sentView struct {
	Draft    office.Draft
	Line     draftLine
	Message  desk.Message
	Accepted bool
	Created  time.Time
	Problem  string // why the broker refused it
	Alone    bool   // released by one officer
}

// draftSent shows how far a released draft is: in the outbox, with the broker, or
// refused.
func (s *Server) draftSent(w http.ResponseWriter, c *Call) error {
	d, err := s.office.Draft(c.Context(), c.User.Officer(), c.Value("draft"))
	if err != nil {
		return err
	}
	if d.Message == "" {
		return s.redirect(w, c, "draft", "draft", d.ID)
	}
	v := sentView{Draft: d, Line: s.draftLine(c, d)}
	for _, e := range d.Events {
		v.Alone = v.Alone || strings.Contains(e.What, "emergency")
	}
	v.Message, err = s.Desk.Sent(c.Context(), d.Message)
	if refusal, ok := errors.AsType[*problem.Error](err); ok {
		v.Problem = string(refusal.Code)
	} else if err != nil {
		return err
	}
	v.Accepted = v.Message.Created != ""
	if at, err := time.Parse(time.RFC3339, v.Message.Created); err == nil {
		v.Created = c.At(at)
	}
	return s.render(w, c, http.StatusOK, "draft-sent.html", v)
}

// A versionsView compares two versions of a draft.
type versionsView struct {
	Draft    office.Draft
	Line     draftLine
	Versions []page.Choice
	From, To string
	Changes  []changeLine
	Form     page.Form
}

// draftVersions lists the versions of a draft and what changed between two of
// them.
func (s *Server) draftVersions(w http.ResponseWriter, c *Call) error {
	by := c.User.Officer()
	d, err := s.office.Draft(c.Context(), by, c.Value("draft"))
	if err != nil {
		return err
	}
	v := versionsView{Draft: d, Line: s.draftLine(c, d), Form: page.Form{Values: c.URL.Query()}}
	for _, x := range d.Versions {
		at, _ := time.Parse(time.RFC3339, x.At)
		v.Versions = append(v.Versions, page.Choice{
			Value: strconv.FormatInt(x.Version, 10), Label: strconv.FormatInt(x.Version, 10) + " · " + x.By + " · " + c.L.DateTime(at, c.User.Location()),
		})
	}
	v.From, v.To = c.URL.Query().Get("from"), c.URL.Query().Get("to")
	if v.To == "" && len(v.Versions) > 0 {
		v.To, v.From = v.Versions[0].Value, v.Versions[min(1, len(v.Versions)-1)].Value
	}
	v.Form.Set("from", v.From)
	v.Form.Set("to", v.To)
	var bodies [2][]byte
	for i, x := range []string{v.From, v.To} {
		n, _ := strconv.ParseInt(x, 10, 64)
		if bodies[i], err = s.office.DraftBody(c.Context(), by, d.ID, n); err != nil {
			return err
		}
	}
	v.Changes = changeLines(c, d, office.Changes(bodies[0], bodies[1]))
	return s.render(w, c, http.StatusOK, "draft-versions.html", v)
}

// A releasesView lists the releases by one officer.
type releasesView struct {
	Waiting, Seen []releaseLine
	May           bool
	Form          page.Form
}

// A releaseLine is a release in an emergency, for who looks at it afterwards.
type releaseLine struct {
	office.Released
	Name string // of the officer
	When time.Time
	Who  string // countersigned by
}

// releasesPage lists what one officer released in an emergency.
func (s *Server) releasesPage(w http.ResponseWriter, c *Call) error {
	all, err := s.office.EmergencyReleases(c.Context(), c.User.Officer(), true)
	if err != nil {
		return err
	}
	v := releasesView{May: Approvers.allows(c.User)}
	for _, r := range all {
		line := releaseLine{Released: r, Name: s.userName(c, r.By), Who: s.userName(c, r.CountersignedBy)}
		if at, err := time.Parse(time.RFC3339, r.At); err == nil {
			line.When = c.At(at)
		}
		if r.CountersignedBy == "" {
			v.Waiting = append(v.Waiting, line)
		} else {
			v.Seen = append(v.Seen, line)
		}
	}
	return s.render(w, c, http.StatusOK, "releases.html", v)
}

// userName is the name of a user, or the id of one who is no longer there.
func (s *Server) userName(c *Call, id string) string {
	if u, err := s.Accounts.Get(c.Context(), id); err == nil {
		return u.Name
	}
	return id
}

// releaseCountersign notes that an approver stands by an emergency release.
func (s *Server) releaseCountersign(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	if err := s.office.Countersign(c.Context(), c.User.Officer(), c.Value("message"), strings.TrimSpace(in.Get("comment"))); err != nil {
		return err
	}
	return s.done(w, c, "countersigned", "releases")
}
