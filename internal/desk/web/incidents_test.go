package web

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
)

// incident puts an incident into the case file.
func (h *house) incident(what, kind string) {
	h.t.Helper()
	h.must(h.server.Desk.Store().Write(h.t.Context(), func(w store.DeskWriter) error {
		return w.PutIncident(h.t.Context(), store.Incident{At: h.now().Unix(), What: what, Kind: kind, A: []byte("first"), B: []byte("second")})
	}))
}

// TestIncidentPages shows incidents, hands out their evidence, and has one settled
// by somebody who may, with a reason, once and for all.
func TestIncidentPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.incident("a statement about this State that this desk did not make: QM.24-7 <b>", desk.KindUnasked)
	h.incident("the broker's log has two faces: evidence", "two-histories")
	h.incident("from before kinds were kept", "")
	bo, ana, aud := h.user("bo", desk.Approver), h.user("ana", desk.Drafter), h.user("aud", desk.NationalAuditor)
	if body := bo.get("/").Body.String(); !strings.Contains(body, `<a href="/incidents">There are 3 proofs`) {
		t.Errorf("the first page:\n%s", body)
	}
	body := ana.get("/incidents").Body.String()
	for _, want := range []string{"that this desk did not make.", "The log has signed two histories", "Something contradicts what was signed", "Call the depositary"} {
		if !strings.Contains(body, want) {
			t.Errorf("the list lacks %q:\n%s", want, body)
		}
	}
	if body = ana.get("/incidents/1").Body.String(); !strings.Contains(body, "&lt;b&gt;") || strings.Contains(body, "/incidents/1/settle") || strings.Contains(body, "/incidents/1/files") {
		t.Errorf("a drafter sees:\n%s", body)
	}
	bo.wrong("/incidents/1/settle", url.Values{"why": {" "}}, "Say in a line why")
	bo.wrong("/incidents/2/settle", url.Values{"why": {"it was nothing"}}, "cannot be settled")
	if got := aud.post("/incidents/1/settle", url.Values{"why": {"x"}}).Code; got != http.StatusForbidden {
		t.Errorf("an auditor settles: %d", got)
	}
	if body = bo.takes("/incidents/1/settle", url.Values{"why": {"We had asked for it by telephone."}}); !strings.Contains(body, "by telephone") {
		t.Errorf("after it was settled:\n%s", body)
	}
	if body = ana.get("/incidents/1").Body.String(); !strings.Contains(body, "Name of bo") {
		t.Errorf("who settled it is not shown:\n%s", body)
	}
	got := aud.post("/incidents/2/files", nil)
	files, err := zip.NewReader(bytes.NewReader(got.Body.Bytes()), int64(got.Body.Len()))
	if err != nil || len(files.File) != 3 {
		t.Fatalf("the evidence: %d %v", got.Code, err)
	}
	first, err := files.Open("evidence-1")
	h.must(err)
	if content, err := io.ReadAll(first); err != nil || string(content) != "first" {
		t.Errorf("the evidence is %q: %v", content, err)
	}
	entries, _, err := h.server.Desk.FindLog(t.Context(), aud.user.Officer(), desk.LogFilter{By: bo.user.ID, What: "incident settled"}, 0, 10)
	if err != nil || len(entries) != 1 || !strings.Contains(entries[0].Detail, "by telephone") {
		t.Errorf("the log says %+v: %v", entries, err)
	}
	if got := ana.get("/incidents/9").Code; got != http.StatusNotFound {
		t.Errorf("an incident that there is not: %d", got)
	}
}
