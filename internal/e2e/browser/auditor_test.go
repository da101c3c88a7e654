package browser_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	auditorweb "github.com/entraide/entraide/internal/auditor/web"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/internal/testkit/mirrors"
)

// planted is how many entries the log has among which the faults are.
const planted = 100_000

// TestAuditor has an auditor find, in a log of a hundred thousand entries, every
// fault that was planted: one of each kind that there is, and ten late
// acknowledgements.
func TestAuditor(t *testing.T) {
	t.Parallel()
	w := &world{t: t, dir: t.TempDir(), desks: map[string]*place{}}
	w.clock = httptest.NewServer(http.HandlerFunc(w.answer))
	t.Cleanup(w.clock.Close)
	begun := time.Now()
	end := w.now().Add(-25 * time.Hour).Truncate(time.Second) // the witnesses have been silent for a day
	story := mirrors.NewStory(planted, end.Add(-80*24*time.Hour), end).Plant(end)
	m := mirrors.New(t, story.Entries, story.Withheld, end)
	m.Tamper(end)
	w.desks["QM"] = w.room(m)
	w.desks["QM"].Faults, w.desks["QM"].Late = auditor.FindingCodes(), mirrors.Late
	w.desks["QM"].Files = w.files(m)
	t.Logf("%d entries and the faults among them took %v", m.Size(), time.Since(begun).Round(time.Millisecond))

	now := w.now().Truncate(time.Second)
	w.desks["sound"] = w.room(mirrors.New(t, mirrors.NewStory(500, now.Add(-10*24*time.Hour), now).Order().Entries, nil, now))
	w.run("auditor")
}

// room serves the pages of a mirror, and follows its log.
func (w *world) room(m *mirrors.Mirror) *place {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	origin := fmt.Sprintf("https://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	pages, err := auditorweb.New(auditorweb.Options{
		Home: m.Home, Book: m.Book, Source: auditor.Directory(m.Published), Rules: auditor.DefaultRules(), Every: time.Hour, Origin: origin, Pseudo: true,
		Now: w.now, Log: discard,
	})
	w.must(err)
	certificate, err := page.Certificate(w.t.TempDir(), "localhost", time.Now())
	w.must(err)
	served := page.HTTPServer(pages, &certificate, discard)
	go func() { _ = served.ServeTLS(listener, "", "") }()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- pages.Follow(ctx) }()
	w.t.Cleanup(func() {
		served.Close()
		stop()
		if err := <-over; err != nil {
			w.t.Error(err)
		}
	})
	link, _, err := auditorweb.NewLink(m.Home, origin, w.now())
	w.must(err)
	return &place{Origin: origin, Setup: link}
}

// files are what an auditor may want to verify.
func (w *world) files(m *mirrors.Mirror) map[string]string {
	w.t.Helper()
	found, _, err := m.Book.FindingsPage(w.t.Context(), auditor.FindingFilter{Code: auditor.FindFork}, 0, 1)
	w.must(err)
	fork, err := os.ReadFile(found[0].Evidence)
	w.must(err)
	state, err := os.ReadFile(filepath.Join(m.Published, "checkpoint"))
	w.must(err)
	files := map[string]string{}
	for name, content := range map[string][]byte{
		"receipt.tlog-proof": m.Receipt(3), "other.tlog-proof": m.Other(), "fork.json": fork, "checkpoint": state, "notes.txt": []byte("nothing\n"),
	} {
		files[name] = filepath.Join(w.dir, name)
		w.must(os.WriteFile(files[name], content, 0o600))
	}
	return files
}
