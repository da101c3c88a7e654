package e2e_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestNotesStay looks for what a State notes of a case in every byte that leaves
// it: on the line, at the other side, and in the bundle for a court.
func TestNotesStay(t *testing.T) {
	t.Parallel()
	const canary = "Xanthocanary"
	h := newHub(t)
	qm, qn := h.pair()
	o := office.New(qn)
	who := desk.Officer{ID: canary + "-id", Name: canary + " name", Roles: cy.Roles}
	m := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	must(t, qn.Sync(t.Context()))
	var mu sync.Mutex
	var wire bytes.Buffer
	h.meddle(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		wire.WriteString(r.URL.String())
		wire.Write(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		return err != nil
	})
	must(t, o.Note(t.Context(), who, m.Case, canary+" note"))
	must(t, o.Tag(t.Context(), who, m.Case, canary+"-tag", false))
	must(t, o.PutMember(t.Context(), root, canary+"-team", who.ID, false))
	must(t, o.Assign(t.Context(), who, m.Case, canary+"-officer", canary+"-team"))
	_, err := o.NewDraft(t.Context(), who, office.NewDraft{Case: m.Case, Act: "ask", Title: canary, Body: []byte(`{"kind":"question","x":"` + canary + `"}`)})
	must(t, err)
	_, err = o.Open(t.Context(), who, m.ID)
	must(t, err)
	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", m))
	must(t, qm.Sync(t.Context()))
	work, err := o.Work(t.Context(), who, m.Case)
	if err != nil || len(work.Notes) != 1 || len(work.Tags) != 1 || work.Team != canary+"-team" || len(work.Drafts) != 1 {
		t.Fatalf("the State itself has %+v: %v", work, err)
	}
	var court bytes.Buffer
	_, err = qn.Bundle(t.Context(), m.Case, &court)
	must(t, err)
	places := map[string][]byte{"the line": wire.Bytes(), "the bundle": court.Bytes()}
	files, err := filepath.Glob(filepath.Join(h.dir, "QM", "desk.db*"))
	must(t, err)
	brokers, err := filepath.Glob(filepath.Join(h.dir, "broker", "broker.db*"))
	must(t, err)
	for _, file := range append(files, brokers...) {
		data, err := os.ReadFile(file)
		must(t, err)
		places[file] = data
	}
	if wire.Len() < 1000 || court.Len() < 1000 || len(places) < 4 {
		t.Fatal("nothing has left")
	}
	for place, data := range places {
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))[:12]} {
			if bytes.Contains(data, []byte(form)) {
				t.Errorf("%s holds %q", place, form)
			}
		}
	}
}
