package web

import (
	"net/http"
	"strings"
	"testing"
)

// TestTraining looks at every page of an exercise, those of strangers and those
// of mistakes among them: all are marked. Those of a real desk are not.
func TestTraining(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o, stranger := h.admin(), h.stranger()
	marks := func(body string) bool {
		return strings.Contains(body, `<div class="ed-training"`) && strings.Contains(body, "ed-body--training")
	}
	if marks(o.get("/").Body.String()) {
		t.Error("a page of a real desk is marked")
	}
	h.server.Training = true
	pages := 0
	look := func(o *officer, path string) {
		got := o.get(path)
		body := got.Body.String()
		if !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") || !strings.Contains(body, "<body") {
			return
		}
		pages++
		if !marks(body) {
			t.Errorf("%s (%d) is not marked", path, got.Code)
		}
	}
	for _, e := range allRoutes() {
		if e.Method == http.MethodGet && e.Name != "signout" {
			look(o, e.address(t))
		}
	}
	look(o, "/nothing")
	look(stranger, "/sign-in")
	if pages < 10 {
		t.Errorf("only %d pages were looked at", pages)
	}
}
