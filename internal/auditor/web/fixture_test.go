package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/testkit/mirrors"
)

const origin = "https://auditor.example"

// end is when the story ends.
var end = time.Date(2026, 3, 20, 9, 0, 0, 0, time.UTC)

// A room is the pages of a mirror, with a clock.
type room struct {
	t      testing.TB
	server *Server
	mirror *mirrors.Mirror
	log    *bytes.Buffer

	mu    sync.Mutex
	clock time.Time
}

// newRoom serves the pages over a story with every fault in it.
func newRoom(t testing.TB) *room {
	t.Helper()
	story := mirrors.NewStory(700, end.Add(-20*24*time.Hour), end).Plant(end)
	m := mirrors.New(t, story.Entries, story.Withheld, end)
	m.Tamper(end)
	r := &room{t: t, mirror: m, log: &bytes.Buffer{}, clock: end.Add(25 * time.Hour)}
	m.Derive(auditor.DefaultRules(), r.clock)
	return r.serve()
}

// serve serves the pages of the mirror.
func (r *room) serve() *room {
	r.t.Helper()
	var err error
	r.server, err = New(Options{
		Home: r.mirror.Home, Book: r.mirror.Book, Source: auditor.Directory(r.mirror.Published), Rules: auditor.DefaultRules(), Every: time.Hour,
		Origin: origin, Now: r.now, Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	r.must(err)
	return r
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock
}

func (r *room) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = r.clock.Add(d)
}

// A visitor is somebody with a browser.
type visitor struct {
	r       *room
	cookies map[string]string
	lang    string
	address string
}

func (r *room) stranger() *visitor {
	return &visitor{r: r, cookies: map[string]string{}, lang: "en", address: "127.0.0.1:1234"}
}

// secret makes a link and returns its secret.
func (r *room) secret() string {
	r.t.Helper()
	link, _, err := NewLink(r.mirror.Home, origin, r.now())
	r.must(err)
	u, err := url.Parse(link)
	r.must(err)
	return u.Query().Get("secret")
}

// auditor comes in with a link.
func (r *room) auditor() *visitor {
	r.t.Helper()
	v := r.stranger()
	if got := v.post("/enter", url.Values{"secret": {r.secret()}, "name": {"Ines Haddad"}}); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/" {
		r.t.Fatalf("coming in: %d %s", got.Code, got.Body)
	}
	return v
}

func (v *visitor) get(path string) *httptest.ResponseRecorder {
	v.r.t.Helper()
	return v.send(httptest.NewRequestWithContext(context.Background(), http.MethodGet, origin+path, nil))
}

// post sends a form as a browser does from a page of the room.
func (v *visitor) post(path string, form url.Values) *httptest.ResponseRecorder {
	v.r.t.Helper()
	return v.send(v.own(v.form(path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))))
}

// own marks a request as one of a page of the room.
func (v *visitor) own(r *http.Request) *http.Request {
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func (v *visitor) form(path, kind string, body io.Reader) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, origin+path, body)
	r.Header.Set("Content-Type", kind)
	return r
}

// A brought file.
type brought struct {
	field, name string
	content     []byte
}

// upload sends files as a browser does.
func (v *visitor) upload(files ...brought) *httptest.ResponseRecorder {
	v.r.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range files {
		var part io.Writer
		var err error
		if f.name == "" {
			part, err = w.CreateFormField(f.field)
		} else {
			part, err = w.CreateFormFile(f.field, f.name)
		}
		v.r.must(err)
		_, err = part.Write(f.content)
		v.r.must(err)
	}
	v.r.must(w.Close())
	return v.send(v.own(v.form("/verify", w.FormDataContentType(), &body)))
}

// send sends a request with the visitor's cookies and keeps those of the answer.
func (v *visitor) send(r *http.Request) *httptest.ResponseRecorder {
	v.r.t.Helper()
	r.RemoteAddr = v.address
	r.Header.Set("Accept-Language", v.lang)
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	w := httptest.NewRecorder()
	v.r.server.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			v.r.t.Errorf("a cookie that is not bound to this room: %s", c)
		}
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
			continue
		}
		v.cookies[c.Name] = c.Value
	}
	return w
}

// left are the files that verifications have left behind.
func (r *room) left() []string {
	r.t.Helper()
	found, err := filepath.Glob(filepath.Join(r.mirror.Home, "private", "verify-*"))
	r.must(err)
	return found
}

// file reads a file of the published log.
func (r *room) file(name string) []byte {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.mirror.Published, name))
	r.must(err)
	return data
}
