package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
)

// TestSealing: large files are sealed beside the page that asked for it. It shows how
// far they are, and once what has become of them.
func TestSealing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	d, err := office.New(h.server.Desk).NewDraft(t.Context(), ana.user.Officer(), office.NewDraft{From: "QM.24-7", Body: []byte(`{"kind":"request","version":1}`)})
	h.must(err)
	files := "/drafts/" + d.ID + "/files"
	shows := func(want ...string) {
		t.Helper()
		got := ana.get(files)
		for _, x := range want {
			if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), x) {
				t.Errorf("%d: the page lacks %q:\n%s", got.Code, x, got.Body)
			}
		}
	}
	goOn := make(chan error)
	work := func(_ context.Context, report desk.Report) error {
		report(desk.Progress{Done: 30, Total: 120})
		goOn <- nil
		return <-goOn
	}
	for _, end := range []struct {
		err  error
		want string
	}{{errors.New("the disk is full"), "could not be sealed"}, {nil, "multipart/form-data"}} {
		job := h.server.sealings.begin(t.Context(), d.ID, work)
		<-goOn
		if again := h.server.sealings.begin(t.Context(), d.ID, work); again != job {
			t.Error("the same files are sealed twice at once")
		}
		shows("Being sealed", `value="25"`)
		goOn <- end.err
		<-job.ended
		shows(end.want)
		shows("multipart/form-data")
		if got := ana.get(files).Body.String(); strings.Contains(got, "could not be sealed") || strings.Contains(got, "Being sealed") {
			t.Error("the end is told twice")
		}
	}
}
