package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/auditor"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// TestVerify brings files of every kind, right and wrong; what was brought is gone
// afterwards.
func TestVerify(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	receipt, state := r.mirror.Receipt(3), r.file("checkpoint")
	found, _, err := r.mirror.Book.FindingsPage(t.Context(), auditor.FindingFilter{Code: auditor.FindFork}, 0, 1)
	r.must(err)
	fork, err := os.ReadFile(found[0].Evidence)
	r.must(err)
	f := r.mirror.Fork(r.mirror.Size()-5, 3)
	forked := f.Checkpoint(f.Size(), nil)
	damaged := bytes.Replace(receipt, []byte("\nindex 3\n"), []byte("\nindex 4\n"), 1)
	for _, tt := range []struct {
		name    string
		files   []brought
		want    string
		command string
	}{
		{"receipt", []brought{{"files", "receipt.tlog-proof", receipt}}, "In the log", "entraide audit hold receipt.tlog-proof"},
		{"receipt, pasted", []brought{{"pasted", "", receipt}}, "In the log", "entraide audit hold FILE"},
		{"damaged receipt", []brought{{"files", "x", damaged}}, "Not verified", "entraide audit hold x"},
		{"receipt of another history", []brought{{"files", "x", r.mirror.Other()}}, "Evidence of misbehaviour", ""},
		{"state", []brought{{"pasted", "", bytes.ReplaceAll(state, []byte("\n"), []byte("\r\n"))}}, "A state of this log", ""},
		{"state of another history", []brought{{"pasted", "", forked}}, "Evidence of misbehaviour", ""},
		{"altered state", []brought{{"pasted", "", bytes.Replace(state, []byte("broker"), []byte("brokes"), 1)}}, "Not verified", ""},
		{"fork", []brought{{"files", "fork.json", fork}}, "signed two histories", "entraide verify fork.json"},
		{"damaged fork", []brought{{"files", "fork.json", fork[:len(fork)/2]}}, "Not verified", ""},
		{"no bundle", []brought{{"files", "case.zip", []byte("PK\x03\x04 and nothing")}}, "Not verified", "entraide verify case.zip"},
		{"no message", []brought{{"files", "m.json", []byte("{}")}}, "Not verified", ""},
		{"directory alone", []brought{{"files", "d.json", []byte(`{"items":[]}`)}}, "together with a message", ""},
		{"nothing known", []brought{{"files", "x", []byte("hello")}}, "Cannot be verified", ""},
		{"a hostile name", []brought{{"files", "../../'; rm -rf ~ <b>", receipt}}, "&#39;\\&#39;&#39;; rm -rf ~ &lt;b&gt;", ""},
		{"a name of controls", []brought{{"files", "a\u202eb", receipt}}, "<bdi>file</bdi>", ""},
		{"two at once", []brought{{"files", "a", receipt}, {"files", "b", fork}}, "signed two histories", ""},
	} {
		got := v.upload(tt.files...)
		if body := got.Body.String(); got.Code != http.StatusOK || !strings.Contains(body, tt.want) || !strings.Contains(body, tt.command) {
			t.Errorf("%s: %d, no %q:\n%s", tt.name, got.Code, tt.want, body[max(0, strings.Index(body, "<main")):])
		}
	}
	if left := r.left(); len(left) > 0 {
		t.Errorf("what was brought is left behind: %v", left)
	}
}

// TestHostileUploads brings what nobody should: too much, too many, no form, a form
// that ends in its middle, a form of another kind.
func TestHostileUploads(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	many := make([]brought, mostFiles+1)
	for i := range many {
		many[i] = brought{"files", "x", []byte("x")}
	}
	for name, want := range map[string]struct {
		files []brought
		code  int
	}{
		"nothing":         {nil, http.StatusUnprocessableEntity},
		"empty files":     {[]brought{{"files", "x", nil}, {"pasted", "", nil}}, http.StatusUnprocessableEntity},
		"too many":        {many, http.StatusRequestEntityTooLarge},
		"a long text":     {[]brought{{"pasted", "", make([]byte, pastedBytes+1)}}, http.StatusRequestEntityTooLarge},
		"a large receipt": {[]brought{{"files", "x", append([]byte("c2sp.org/tlog-proof@v1\n"), make([]byte, otherBytes)...)}}, http.StatusRequestEntityTooLarge},
	} {
		if got := v.upload(want.files...); got.Code != want.code {
			t.Errorf("%s: %d, want %d", name, got.Code, want.code)
		}
	}
	for name, request := range map[string]*http.Request{
		"no form":      v.form("/verify", "application/x-www-form-urlencoded", strings.NewReader("files=x")),
		"no boundary":  v.form("/verify", "multipart/form-data", strings.NewReader("x")),
		"cut short":    v.form("/verify", "multipart/form-data; boundary=b", strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"x\"\r\n\r\nabc")),
		"another kind": v.form("/verify", "application/json", strings.NewReader("{}")),
	} {
		if got := v.send(v.own(request)); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, got.Code)
		}
	}
	if left := r.left(); len(left) > 0 {
		t.Errorf("what was brought is left behind: %v", left)
	}
}

// TestTake takes the entries of a receipt into the book of an auditor who has no
// account.
func TestTake(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	got := v.upload(brought{"files", "receipt.tlog-proof", r.mirror.Receipt(3)}, brought{"add", "", []byte("1")})
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "1 entry was taken") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// TestEntryFile holds the file of an entry against the mirror.
func TestEntryFile(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	var f entryFile
	r.must(json.Unmarshal(v.get("/entries/3/entry.json").Body.Bytes(), &f))
	if f.Index != 3 || f.Salt == "" || len(f.Proof) == 0 || string(f.Entry) != string(r.mirror.Salted(3).Body) {
		t.Errorf("%+v", f)
	}
	for index := range r.mirror.Size() {
		if sight, _, err := r.mirror.Book.Sight(t.Context(), index); err == nil && sight == auditor.Withheld {
			page := v.get("/entries/" + jsonNumber(index)).Body.String()
			if !strings.Contains(page, "That is evidence.") || !strings.Contains(page, "Entry withheld") {
				t.Error("a withheld entry does not say so")
			}
			return
		}
	}
	t.Error("no entry is withheld")
}

func jsonNumber(n int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

// TestHome looks at what the program leaves in the mirror: nothing that others may
// read, besides the public log.
func TestHome(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.auditor()
	r.secret()
	r.must(KeepOrigin(r.mirror.Home, origin))
	r.must(filepath.WalkDir(filepath.Join(r.mirror.Home, "private"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return err
	}))
	if known, err := KnownOrigin(r.mirror.Home); err != nil || known != origin {
		t.Errorf("%q, %v", known, err)
	}
}
