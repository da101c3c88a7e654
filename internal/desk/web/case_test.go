package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// nasty is a text that would harm a page which does not escape it.
const nasty = `<script>alert("x")</script> مرحبا`

// receive puts a message of QN into the case file, as if the desk had opened it
// once.
func (h *house) receive(name, act string, body convention.Body) store.Letter {
	h.t.Helper()
	raw, err := convention.Marshal(body)
	h.must(err)
	l := store.Letter{
		ID: string(states.ID("m" + name)), Case: string(states.ID("c" + name)), From: "QN.mla", To: "QM.24-7", Incoming: true, Act: act, Lane: "urgent",
		Suite: "pq-6", Seq: 1, Digest: "digest of " + name, Index: 7, AcceptedAt: h.now().Unix(), Verdict: "authentic", Body: raw, OpenedAt: 1,
	}
	h.must(h.server.Desk.Store().Write(h.t.Context(), func(w store.DeskWriter) error { return w.PutLetter(h.t.Context(), l) }))
	return l
}

// wants holds that a page says some things.
func wants(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, x := range want {
		if !strings.Contains(page, x) {
			t.Errorf("the page lacks %q:\n%s", x, page)
		}
	}
}

// TestCase looks at a request, notes the office's work on it, and reads it: what
// others wrote stays text, and content is shown to who has opened it.
func TestCase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana, bo, auditor := h.user("ana", desk.Drafter), h.user("bo", desk.Approver), h.user("auditor", desk.NationalAuditor)
	request, ok := states.Content(workflow.Request, "QN", "QM").(*convention.Request)
	if !ok {
		t.Fatal("the sample is no request")
	}
	request.Narrative.Text = nasty
	l := h.receive("1", "request", request)
	at, message := "/cases/"+l.Case, "/messages/"+l.ID
	page := ana.get(at)
	if page.Code != http.StatusOK {
		t.Fatalf("%d\n%s", page.Code, h.log.String())
	}
	wants(t, page.Body.String(), convention.Label("measure-type", request.Measures[0].Type, "en"), "QN.mla", "Genuine", "Our turn", `name="act" value="acknowledge"`, "act=offer", message,
		"entry 7 of the log", "never leaves this State", "What you can do now")
	if got := auditor.get(at).Body.String(); strings.Contains(got, `value="acknowledge"`) || strings.Contains(got, at+"/note") {
		t.Error("an auditor is offered to act")
	}
	for path, form := range map[string]url.Values{
		"/note": {"text": {nasty}}, "/tag": {"tag": {"<b>tag"}}, "/assign": {"officer": {bo.user.ID}, "team": {""}},
	} {
		if got := ana.post(at+path, form); got.Code != http.StatusSeeOther {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
	body := ana.get(at).Body.String()
	wants(t, body, "&lt;script&gt;", "&lt;b&gt;tag", "Name of bo", "Name of ana")
	if strings.Contains(body, "<script>alert") || strings.Contains(body, "<b>tag") {
		t.Error("a note or a tag is not escaped")
	}
	if got := ana.post(at+"/note", url.Values{"text": {" "}}); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), `href="#text"`) {
		t.Errorf("an empty note: %d", got.Code)
	}
	ana.post(at+"/tag", url.Values{"off": {"<b>tag"}})
	if strings.Contains(ana.get(at).Body.String(), "&lt;b&gt;tag") {
		t.Error("the tag was not taken off")
	}
	if got := ana.get(message).Body.String(); strings.Contains(got, "&lt;script&gt;") || !strings.Contains(got, "Open and read") {
		t.Errorf("content is shown before it is opened:\n%s", got)
	}
	if got := ana.post(message+"/open", url.Values{}); got.Header().Get("Location") != message {
		t.Errorf("opening: %d %s", got.Code, got.Body)
	}
	body = ana.get(message).Body.String()
	wants(t, body, "&lt;script&gt;", "Name of ana", "Show me the proof", "entraide verify")
	if strings.Contains(body, "<script>alert") {
		t.Error("content is not escaped")
	}
	if got := auditor.post(message+"/open", url.Values{}); got.Code != http.StatusForbidden {
		t.Errorf("an auditor who is not named opens: %d", got.Code)
	}
}

// TestCaseOfOthers holds that a case that is unknown, or sealed for others, is not
// there, and neither are its messages.
func TestCaseOfOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	request, ok := states.Content(workflow.Request, "QN", "QM").(*convention.Request)
	if !ok {
		t.Fatal("the sample is no request")
	}
	request.Confidentiality = "SEALED"
	l := h.receive("1", "request", request)
	unknown := string(states.ID("unknown"))
	for _, path := range []string{"/cases/" + l.Case, "/messages/" + l.ID, "/cases/" + unknown, "/messages/" + unknown} {
		if got := ana.get(path); got.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	for _, path := range []string{"/cases/" + l.Case + "/note", "/cases/" + l.Case + "/tag", "/messages/" + l.ID + "/open", "/messages/" + l.ID + "/proof"} {
		if got := ana.post(path, url.Values{"text": {"x"}, "tag": {"x"}}); got.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}

// TestConditionsOnPage holds back a message until its conditions are accepted, by
// somebody who may.
func TestConditionsOnPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana, bo := h.user("ana", desk.Drafter), h.user("bo", desk.Approver)
	told, ok := states.Content(workflow.Inform, "QN", "QM").(*convention.Information)
	if !ok {
		t.Fatal("the sample is no information")
	}
	told.Information.Text = "Wiretap canary"
	told.Conditions = []convention.Condition{{Number: 1, Type: "use", Text: convention.Text{Lang: "en", Text: "For this case only.", Authentic: true}, BeforeOpening: true}}
	l := h.receive("1", "inform", told)
	message := "/messages/" + l.ID
	body := ana.get(message).Body.String()
	wants(t, body, "For this case only.", "An approver or duty officer accepts them")
	if got := ana.post(message+"/open", url.Values{}); got.Code != http.StatusForbidden {
		t.Errorf("it opens before its condition was accepted: %d", got.Code)
	}
	if got := ana.post(message+"/accept", url.Values{}); got.Code != http.StatusForbidden {
		t.Errorf("a drafter accepts: %d", got.Code)
	}
	wants(t, bo.get(message).Body.String(), message+"/accept")
	if got := bo.post(message+"/accept", url.Values{}); got.Code != http.StatusSeeOther {
		t.Errorf("accepting: %d %s", got.Code, got.Body)
	}
	ana.post(message+"/open", url.Values{})
	wants(t, ana.get(message).Body.String(), "Wiretap canary")
}

// TestConditionsOnEvidence shows nothing of the packages of a delivery before its
// conditions are accepted, and fetches none.
func TestConditionsOnEvidence(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana, bo := h.user("ana", desk.Drafter), h.user("bo", desk.Approver)
	l := h.receive("1", "request", states.Content(workflow.Request, "QN", "QM"))
	body, ok := states.Content(workflow.Deliver, "QN", "QM").(*convention.Delivery)
	if !ok {
		t.Fatal("the sample is no delivery")
	}
	body.Conditions = []convention.Condition{{Number: 1, Type: "use", Text: convention.Text{Lang: "en", Text: "For this case only.", Authentic: true}, BeforeOpening: true}}
	body.Packages = []convention.Package{{
		Number: 1, Measure: 1, Description: convention.Text{Lang: "en", Text: "Wiretap canary", Authentic: true}, Origin: "QN", AcquiredAt: convention.At(h.now()),
		Method: "order", MediaType: "application/x-tar", Size: 7, SHA256: strings.Repeat("a", 64),
		Custody: []convention.CustodyEvent{{At: convention.At(h.now()), By: "QN", Event: "acquired", Code: "acquired"}},
	}}
	raw, err := convention.Marshal(body)
	h.must(err)
	delivery := l
	delivery.ID, delivery.Act, delivery.Digest, delivery.Index, delivery.Body = string(states.ID("m2")), "deliver", "digest of 2", 8, raw
	h.must(h.server.Desk.Store().Write(t.Context(), func(w store.DeskWriter) error { return w.PutLetter(t.Context(), delivery) }))
	at := "/messages/" + delivery.ID
	for _, path := range []string{"/cases/" + l.Case, at, at + "/evidence/1"} {
		if got := ana.get(path); got.Code != http.StatusOK || strings.Contains(got.Body.String(), "Wiretap canary") {
			t.Errorf("%s: %d; content is shown before its condition is accepted", path, got.Code)
		}
	}
	if got := ana.post(at+"/evidence/1/fetch", url.Values{}); got.Code != http.StatusForbidden {
		t.Errorf("evidence is fetched before its condition is accepted: %d", got.Code)
	}
	bo.post(at+"/accept", url.Values{})
	wants(t, ana.get("/cases/"+l.Case).Body.String(), "Wiretap canary")
}

// TestUnreadable says of a message that failed its check that it did, and offers
// nobody to open it.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	l := h.receive("1", "request", states.Content(workflow.Request, "QN", "QM"))
	l.Body, l.Verdict = nil, string(problem.WrongDigest)
	h.must(h.server.Desk.Store().Write(t.Context(), func(w store.DeskWriter) error { return w.PutLetter(t.Context(), l) }))
	wants(t, ana.get("/cases/"+l.Case).Body.String(), "Not confirmed", string(problem.WrongDigest), "Do not act on it")
	page := ana.get("/messages/" + l.ID).Body.String()
	wants(t, page, "could not be decrypted")
	if strings.Contains(page, "/open") {
		t.Error("a message without content is offered to be opened")
	}
}

// TestCaseQuick acknowledges a request from its page with one button: what is
// proposed there is in the draft, and the officer sees what would be signed.
func TestCaseQuick(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	l := h.receive("1", "request", states.Content(workflow.Request, "QN", "QM"))
	at := "/cases/" + l.Case
	reference := "QM-" + l.Case[:8]
	wants(t, ana.get(at).Body.String(), `value="`+reference+`"`, "is being examined", "See what will be signed")
	got := ana.post("/drafts/new", url.Values{
		"case": {l.Case}, "act": {"acknowledge"}, "go": {"check"}, "/reference": {reference}, "/next_step/text": {"It is being examined."},
	})
	to := got.Header().Get("Location")
	if got.Code != http.StatusSeeOther || !strings.HasSuffix(to, "/check") {
		t.Fatalf("%d, leads to %s: %s", got.Code, to, got.Body)
	}
	wants(t, ana.get(to).Body.String(), reference, "It is being examined.", "Name of ana")
	all, err := h.server.office.Drafts(t.Context(), ana.user.Officer(), "open", l.Case)
	if err != nil || len(all) != 1 || all[0].Act != "acknowledge" {
		t.Fatalf("drafts: %+v, %v", all, err)
	}
}

// TestCaseAnswer answers the questions of the other side on the page of the case.
func TestCaseAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	put := func(name, act, from, to string, index int64, body convention.Body) string {
		t.Helper()
		raw, err := convention.Marshal(body)
		h.must(err)
		l := store.Letter{
			ID: string(states.ID("m" + name)), Case: string(states.ID("c")), From: from, To: to, Incoming: from == "QN.mla", Act: act, Lane: "urgent",
			Suite: "pq-6", Seq: 1, Digest: "digest of " + name, Index: index, AcceptedAt: h.now().Unix(), Verdict: "authentic", Body: raw, OpenedAt: 1,
		}
		h.must(h.server.Desk.Store().Write(t.Context(), func(w store.DeskWriter) error { return w.PutLetter(t.Context(), l) }))
		return "/cases/" + l.Case
	}
	put("1", "request", "QM.24-7", "QN.mla", 7, states.Content(workflow.Request, "QM", "QN"))
	question, ok := states.Content(workflow.Ask, "QN", "QM").(*convention.Question)
	if !ok {
		t.Fatal("the sample is no question")
	}
	at := put("2", "ask", "QN.mla", "QM.24-7", 8, question)
	body := ana.get(at).Body.String()
	wants(t, body, `name="/answers/0/text/text"`, "Answer and see what will be signed")
	form := url.Values{"case": {strings.TrimPrefix(at, "/cases/")}, "act": {"answer"}, "go": {"check"}}
	for i, q := range question.Questions {
		form.Set(fmt.Sprintf("/answers/%d/number", i), fmt.Sprint(q.Number))
		form.Set(fmt.Sprintf("/answers/%d/text/text", i), fmt.Sprintf("The answer to number %d.", q.Number))
	}
	to := ana.post("/drafts/new", form).Header().Get("Location")
	if !strings.HasSuffix(to, "/check") {
		t.Fatalf("leads to %q", to)
	}
	wants(t, ana.get(to).Body.String(), "The answer to number 1.")
}
