package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
)

// hostile is a text that no page may take for markup.
const hostile = `<script>alert(1)</script>`

// putLine puts a case into the index of a house.
func (h *house) putLine(l store.Line) {
	h.t.Helper()
	l.MovedAt, l.OpenedAt, l.DerivedAt, l.Own = h.now().Unix(), h.now().Unix(), h.now().Unix(), "QM-24-7"
	h.must(h.server.Desk.Store().Write(h.t.Context(), func(w store.DeskWriter) error { return w.PutLine(h.t.Context(), l) }))
}

// TestLists shows cases in the lists they belong to, narrows them, keeps a view, and
// says what to do where there is nothing.
func TestLists(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.user("duty", desk.DutyOfficer)
	page := func(path string) string {
		got := o.get(path)
		if got.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, got.Code, got.Body)
		}
		return got.Body.String()
	}
	for path, empty := range map[string]string{
		"/inbox": "No open request has come in", "/outbox": "You have no open request", "/work": "No open case is assigned to you",
		"/deadlines": "Nothing is due", "/": "Nothing waits for you", "/search?q=nothing": "Nothing found", "/search": "Every word must be there",
	} {
		if body := page(path); !strings.Contains(body, empty) {
			t.Errorf("%s does not say %q:\n%s", path, empty, body)
		}
	}
	late := h.now().Unix() - 7200
	h.putLine(store.Line{
		Case: strings.Repeat("a", 32), Index: 1, Incoming: true, Stage: "delivered", Lane: "emergency", Urgency: 2, Counterpart: "QN-24-7",
		Reference: hostile, Types: []string{"preservation"}, Owed: store.OwedUs, DueAt: late, Unread: 2,
	})
	h.putLine(store.Line{
		Case: strings.Repeat("b", 32), Index: 2, Incoming: true, Stage: "decided", Lane: "routine", Counterpart: "QN-24-7", Reference: "REF-B", Owed: store.OwedThem,
	})
	h.putLine(store.Line{
		Case: strings.Repeat("c", 32), Index: 3, Stage: "delivered", Lane: "routine", Counterpart: "QN-24-7", Reference: "REF-C", Owed: store.OwedThem, Unread: 1,
	})
	inbox := page("/inbox")
	if strings.Contains(inbox, hostile) || !strings.Contains(inbox, "&lt;script&gt;") {
		t.Error("a reference of another State is taken for markup")
	}
	if strings.Index(inbox, "&lt;script&gt;") > strings.Index(inbox, "REF-B") || strings.Contains(inbox, "REF-C") || !strings.Contains(inbox, "2 cases") {
		t.Errorf("the inbox does not hold the emergency and then the other request:\n%s", inbox)
	}
	for _, want := range []string{"2 hours ago", "2 unread", "Overdue", "Our turn"} {
		if !strings.Contains(inbox, want) {
			t.Errorf("the inbox lacks %q:\n%s", want, inbox)
		}
	}
	for path, has := range map[string]bool{
		"/inbox?lane=routine": true, "/inbox?lane=emergency": false, "/inbox?stage=decided": true, "/inbox?counterpart=QN-none": false, "/inbox?type=preservation": false,
		"/inbox?assigned=nobody": true, "/inbox?assigned=me": false, "/inbox?overdue=1": false, "/inbox?unread=1": false, "/inbox?owed=them": true,
		"/inbox?state=closed": false, "/inbox?state=all": true, "/deadlines": false, "/work": false,
	} {
		if got := strings.Contains(page(path), "REF-B"); got != has {
			t.Errorf("%s holds the case: %v", path, got)
		}
	}
	for _, path := range []string{"/inbox?overdue=1", "/deadlines?overdue=1&owed=us", "/inbox?unread=1&lane=emergency&type=preservation"} {
		if !strings.Contains(page(path), "&lt;script&gt;") {
			t.Errorf("%s lacks the overdue emergency", path)
		}
	}
	today := page("/")
	for _, want := range []string{"/deadlines?overdue=1&amp;owed=us", "/inbox?unread=1", "/outbox?unread=1", "/inbox?assigned=nobody"} {
		if !strings.Contains(today, want) {
			t.Errorf("today lacks %s:\n%s", want, today)
		}
	}
	if got := o.get("/inbox?next=nowhere!"); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("a place that is none: %d", got.Code)
	}
}

// TestSavedViews keeps what a list shows, opens it again and ends it; a view of the
// office needs an approver.
func TestSavedViews(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o, other := h.user("duty", desk.DutyOfficer), h.user("approver", desk.Approver)
	form := url.Values{"list": {"inbox"}, "query": {"overdue=1&lane=urgent"}, "name": {hostile}}
	got := o.post("/views", form)
	if to := got.Header().Get("Location"); got.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/inbox?lane=urgent&overdue=1&state=open") {
		t.Fatalf("saving: %d %s %s", got.Code, to, got.Body)
	}
	if body := o.get("/outbox").Body.String(); !strings.Contains(body, "/inbox?lane=urgent&amp;overdue=1") || strings.Contains(body, hostile) {
		t.Errorf("the view is not there, or is markup:\n%s", body)
	}
	if strings.Contains(other.get("/inbox").Body.String(), "overdue=1&amp;state") {
		t.Error("another officer sees the view")
	}
	form.Set("office", "1")
	if got := o.post("/views", form); got.Code != http.StatusForbidden {
		t.Errorf("a duty officer keeps a view of the office: %d", got.Code)
	}
	if got := o.post("/views/end", url.Values{"list": {"inbox"}, "name": {hostile}}); got.Code != http.StatusSeeOther {
		t.Errorf("ending: %d", got.Code)
	}
	if strings.Contains(o.get("/inbox").Body.String(), "lane=urgent") {
		t.Error("the view is still there")
	}
}

// TestConfirmRequest answers a stranger who types what is on a paper, or what no
// request has, and tells nothing else.
func TestConfirmRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.stranger()
	if got := o.get("/confirm-request"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "Check code") {
		t.Fatalf("the page: %d", got.Code)
	}
	got := o.post("/confirm-request", url.Values{"reference": {hostile}, "code": {"x"}})
	if body := got.Body.String(); got.Code != http.StatusUnprocessableEntity || !strings.Contains(body, "mistyped") || strings.Contains(body, hostile) {
		t.Errorf("what is mistyped: %d %s", got.Code, body)
	}
	m := message.Message{Core: message.Core{ID: message.ID(strings.Repeat("0a", 16))}}
	code := (&message.Payload{Nonce: strings.Repeat("0b", 32)}).CheckCode(&m)
	typed := url.Values{"reference": {message.Reference(m.Core.ID)}, "code": {code}}
	if got := o.post("/confirm-request", typed); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "Do not act on the paper") {
		t.Errorf("what nobody sent: %d %s", got.Code, got.Body)
	}
	h.must(h.server.Desk.Store().Write(t.Context(), func(w store.DeskWriter) error {
		return w.PutLetter(t.Context(), store.Letter{
			ID: string(m.Core.ID), Case: strings.Repeat("d", 32), From: "QN-24-7", To: "QM-24-7", Incoming: true, Act: "request", Verdict: "authentic",
			AcceptedAt: h.now().Unix(), Code: code, Body: []byte(`{"secret":"canary"}`),
		})
	}))
	got = o.post("/confirm-request", typed)
	if body := got.Body.String(); got.Code != http.StatusOK || !strings.Contains(body, "Genuine") || !strings.Contains(body, "QN-24-7") ||
		strings.Contains(body, "canary") || strings.Contains(body, strings.Repeat("d", 32)) {
		t.Errorf("a genuine request: %d %s", got.Code, body)
	}
}
