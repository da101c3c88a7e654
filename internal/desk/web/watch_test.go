package web

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
)

// TestWatchBoard raises a drill, sees it called along the rota, and acknowledges
// it; the stream tells, and an auditor only looks on.
func TestWatchBoard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	duty, auditor := h.user("duty", desk.DutyOfficer, desk.Approver), h.user("auditor", desk.NationalAuditor)
	o := office.New(h.server.Desk)
	if body := duty.get("/watch").Body.String(); strings.Contains(body, "data-alarm") || !strings.Contains(body, "Nobody is on duty") || !strings.Contains(body, "Broker not reached") {
		t.Errorf("an empty board does not say so:\n%s", body)
	}
	shift := office.Shift{Officer: duty.user.ID, Level: 1, Begins: "00:00", Ends: "00:00", Zone: "UTC"}
	if _, err := o.PutShift(t.Context(), duty.user.Officer(), shift); err != nil {
		t.Fatal(err)
	}
	if got := duty.post("/watch/drill", url.Values{}); got.Code != http.StatusSeeOther {
		t.Fatalf("a drill: %d %s", got.Code, got.Body)
	}
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.pass(90 * time.Second)
	board := auditor.get("/watch").Body.String()
	for _, want := range []string{"data-alarm", "This is an exercise", "waiting for \u20681:30\u2069", "Name of duty", `http-equiv="refresh"`} {
		if !strings.Contains(board, want) {
			t.Errorf("the board lacks %q:\n%s", want, board)
		}
	}
	if strings.Contains(board, "I am taking this up") {
		t.Error("an auditor is offered to acknowledge")
	}
	pages, err := o.Pages(t.Context(), duty.user.Officer(), "raised", time.Time{})
	if err != nil || len(pages) != 1 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	path := "/watch/pages/" + pages[0].ID
	if got := auditor.post(path, url.Values{}); got.Code != http.StatusForbidden {
		t.Errorf("an auditor acknowledges: %d", got.Code)
	}
	if got := duty.post(path, url.Values{}); got.Code != http.StatusSeeOther {
		t.Errorf("acknowledging: %d %s", got.Code, got.Body)
	}
	if got := duty.post(path, url.Values{}); got.Code != http.StatusConflict {
		t.Errorf("acknowledging twice: %d", got.Code)
	}
	if body := auditor.get(path).Body.String(); !strings.Contains(body, "Acknowledged") || !strings.Contains(body, "on this board") {
		t.Errorf("the page does not say who was called and who answered:\n%s", body)
	}
	if strings.Contains(auditor.get("/watch").Body.String(), "data-alarm") {
		t.Error("the board sounds after the acknowledgement")
	}
}

// TestWatchKeepsNobody holds that a board that renews itself does not keep its
// officer signed in.
func TestWatchKeepsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.user("duty", desk.DutyOfficer)
	for range 4 {
		h.pass(5 * time.Minute)
		o.get("/watch/again")
		o.get("/watch/events")
	}
	if got := o.get("/watch/again"); got.Code != http.StatusUnauthorized {
		t.Errorf("after 20 minutes without the officer: %d", got.Code)
	}
}

// TestWaitingKeepsNobody holds the same of a page that loads itself again while it
// waits for something; once somebody asks for it, they stay.
func TestWaitingKeepsNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.user("duty", desk.DutyOfficer)
	h.pass(10 * time.Minute)
	o.get("/inbox")
	for range 2 {
		h.pass(5 * time.Minute)
		if got := o.get("/inbox?again="); got.Code != http.StatusOK {
			t.Errorf("the page that waits: %d", got.Code)
		}
	}
	h.pass(6 * time.Minute)
	if got := o.get("/inbox?again="); got.Code != http.StatusSeeOther || !strings.HasPrefix(got.Header().Get("Location"), "/sign-in") {
		t.Errorf("after 16 minutes without the officer: %d to %s", got.Code, got.Header().Get("Location"))
	}
}

// TestWatchStream reads the stream of the board over a connection: a drill is told.
func TestWatchStream(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.user("duty", desk.DutyOfficer)
	served := httptest.NewServer(h.server)
	defer served.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, served.URL+"/watch/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "desk.example"
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: o.cookies[sessionCookie]})
	answer, err := served.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("the stream is %d %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(answer.Body)
	for asked := false; lines.Scan(); {
		switch {
		case lines.Text() == "event: change":
			return
		case strings.HasPrefix(lines.Text(), "retry:") && !asked:
			asked = true
			if got := o.post("/watch/drill", url.Values{}); got.Code != http.StatusSeeOther {
				t.Fatalf("a drill: %d", got.Code)
			}
		}
	}
	t.Fatalf("the stream ended before the change: %v", lines.Err())
}

// TestWatchColumns shows a case whose time is nearly over, and leads to it.
func TestWatchColumns(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.user("duty", desk.DutyOfficer)
	id := strings.Repeat("ab", 16)
	h.must(h.server.Desk.Store().Write(t.Context(), func(w store.DeskWriter) error {
		return w.PutLine(t.Context(), store.Line{
			Case: id, Own: "QM.24-7", Counterpart: "QN.mla", Lane: "urgent", Stage: "open", Incoming: true, Owed: store.OwedUs,
			DueAt: h.now().Add(90 * time.Minute).Unix(), DueClock: "answer",
		})
	}))
	body := o.get("/watch").Body.String()
	for _, want := range []string{"in 1 hour", "answer to the request", "Our turn", "QN.mla", "/cases/" + id} {
		if !strings.Contains(body, want) {
			t.Errorf("the board lacks %q:\n%s", want, body)
		}
	}
}
