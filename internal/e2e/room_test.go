package e2e_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/auditor/web"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/workflow"
)

const roomOrigin = "https://auditor.example"

// TestRoomHoldsNoKey has an auditor follow a broker in the room, read as an account
// there, verify a case and take it into the book, and see what a State has published
// about itself. Nothing in the files of the mirror is a secret
// key of anybody, holds a part of one, or opens a sealed message; what was written is
// in none of them. The same search in the home of a party finds its keys, and they
// open the message.
func TestRoomHoldsNoKey(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	h.must(qn.Sync(t.Context()))
	h.join("XA")
	h.must(h.keeper.NameAuditors(t.Context(), []string{"XA.mla"}))
	day := func(days int) string { return h.now().AddDate(0, 0, days).UTC().Format(time.DateOnly) }
	h.must(qm.PublishStatistics(t.Context(), directory.StatisticsStatement{
		From: day(-60), To: day(-10), LeftOut: 2, Decisions: []directory.OutcomeFigure{{Outcome: "refused", Direction: directory.Outgoing, Measures: 7}},
		Grounds: []directory.GroundFigure{{Ground: "21A_FORM", Direction: directory.Outgoing, Measures: 7}},
		Cases:   []directory.CaseFigure{{Type: "T05", Direction: directory.Incoming, Cases: 1234, Closed: 600, Median: 20, Ninety: 44}},
	}))
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", sent))
	h.must(qm.Sync(t.Context()))
	var packed bytes.Buffer
	h.bundle(qm, sent.Case, &packed)
	mirror := filepath.Join(h.dir, "mirror")
	h.must(auditor.Create(mirror, h.public))
	h.reviewed(mirror, packed.Bytes())

	first := h.first(packed.Bytes())
	if keys, opened := h.keys(mirror, first, qn.Directory()); keys+opened > 0 {
		t.Errorf("the mirror holds %d keys, of which %d open the message", keys, opened)
	}
	if keys, opened := h.keys(filepath.Join(h.dir, "QN"), first, qn.Directory()); keys == 0 || opened == 0 {
		t.Errorf("a party holds %d keys, of which %d open the message: nothing is proved", keys, opened)
	}
	for name, secret := range h.secrets() {
		h.must(filepath.WalkDir(mirror, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, secret) {
				t.Errorf("%s holds a part of %s", path, name)
			}
			return err
		}))
	}
}

// reviewed serves the room over a mirror, comes in, looks at the log, brings a
// bundle, and looks at the pages.
func (h *hub) reviewed(mirror string, packed []byte) {
	h.t.Helper()
	book, err := auditor.OpenBook(h.t.Context(), mirror)
	h.must(err)
	defer book.Close()
	room, err := web.New(web.Options{
		Home: mirror, Book: book, Read: h.reading("XA"), Rules: auditor.DefaultRules(), Every: time.Hour, Origin: roomOrigin, Now: h.now, Log: slog.New(slog.DiscardHandler),
	})
	h.must(err)
	ctx, stop := context.WithCancel(h.t.Context())
	over := make(chan error, 1)
	go func() { over <- room.Follow(ctx) }()
	var cookie string
	ask := func(method, path, kind string, body *bytes.Buffer) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(h.t.Context(), method, roomOrigin+path, body)
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Origin", roomOrigin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		room.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookie = c.Name + "=" + c.Value
		}
		return w
	}
	link, _, err := web.NewLink(mirror, roomOrigin, h.now())
	h.must(err)
	u, err := url.Parse(link)
	h.must(err)
	const form = "application/x-www-form-urlencoded"
	ask(http.MethodPost, "/enter", form, bytes.NewBufferString(url.Values{"secret": {u.Query().Get("secret")}, "name": {"A. Inspector"}}.Encode()))
	ask(http.MethodPost, "/check", form, &bytes.Buffer{})
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("files", "case.zip")
	h.must(err)
	_, err = part.Write(packed)
	h.must(err)
	h.must(w.WriteField("add", "1"))
	h.must(w.Close())
	got := ask(http.MethodPost, "/verify", w.FormDataContentType(), &body)
	if text := got.Body.String(); got.Code != http.StatusOK || !strings.Contains(text, ">Authentic<") || !strings.Contains(text, "entries were taken into the book") || strings.Contains(text, "wrong</strong>") {
		h.t.Errorf("the bundle in the room: %d %s", got.Code, text[max(0, strings.Index(text, "<main")):])
	}
	ask(http.MethodPost, "/check", form, &bytes.Buffer{})
	for path, want := range map[string]string{
		"/": "Complete and consistent", "/cases": "data-row", "/entries": "You are shown the procedure of all exchanges", "/findings": "Nothing was found",
		"/published": "1234", "/published?party=QN": "No State has published anything",
	} {
		if got := ask(http.MethodGet, path, "", &bytes.Buffer{}); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), want) {
			h.t.Errorf("%s: %d, no %q: %s", path, got.Code, want, got.Body)
		}
	}
	for _, l := range locale.Languages() {
		if got := ask(http.MethodGet, "/published?lang="+l.Tag, "", &bytes.Buffer{}); got.Code != http.StatusOK || strings.Contains(got.Body.String(), "⟦") {
			h.t.Errorf("published figures in %s: %d %s", l.Tag, got.Code, got.Body)
		}
	}
	stop()
	h.must(<-over)
}

// reading reads the log as the account of a party.
func (h *hub) reading(party string) func(context.Context, *auditor.Mirror, *auditor.Book) error {
	return func(ctx context.Context, m *auditor.Mirror, b *auditor.Book) error {
		identity, err := transport.Load(filepath.Join(h.dir, party))
		if err != nil {
			return err
		}
		c, err := client.New(h.public, identity)
		if err != nil {
			return err
		}
		defer c.Close()
		return b.Read(ctx, m, c)
	}
}

// first returns the first message of a bundle.
func (h *hub) first(packed []byte) *message.Message {
	h.t.Helper()
	files := h.unpack(packed).files
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".mla.json") {
			m, err := message.Parse(files[name])
			h.must(err)
			return m
		}
	}
	h.t.Fatal("the bundle has no message")
	return nil
}

// keys takes every file of a home for a secret key, locked with the passphrase of
// the parties, and returns how many are one, and how many of these open a message.
func (h *hub) keys(dir string, m *message.Message, d *directory.Directory) (keys, opened int) {
	h.t.Helper()
	h.must(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := pgp.LockedCertificate(data); err == nil {
			keys++
		}
		if k, err := pgp.Unlock(data, passphrase); err == nil {
			if _, err := m.Open(k, d); err == nil {
				opened++
			}
		}
		return nil
	}))
	return keys, opened
}

// secrets are parts of what only parties and broker hold: of every locked key, and
// of the text of the request.
func (h *hub) secrets() map[string][]byte {
	h.t.Helper()
	found := map[string][]byte{}
	for _, party := range []string{"QM", "QN"} {
		h.must(filepath.WalkDir(filepath.Join(h.dir, party), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if _, locked := pgp.LockedCertificate(data); locked == nil {
				found[path] = data[len(data)-48:]
			}
			return err
		}))
	}
	if len(found) == 0 {
		h.t.Error("no locked keys were found")
	}
	found["the request"] = []byte("preservation")
	return found
}
