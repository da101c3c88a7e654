package web

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// verifyRoutes are where files are verified.
var verifyRoutes = []Route{
	{Name: "verify", Method: http.MethodGet, Path: "/verify", Handle: (*Server).verifyPage},
	{Name: "verify.post", Method: http.MethodPost, Path: "/verify", Handle: (*Server).verify, Body: uploadBytes + 1<<20},
}

// A verifyView is the page on which files are verified.
type verifyView struct {
	Form     page.Form
	Verdicts []verdict
	Added    int // entries that were taken into the book
	DidAdd   bool
	Limit    int64
}

// A verdict is what was found of a file.
type verdict struct {
	Name    string
	Kind    string // of the tag: ok, warn or bad
	Word    string
	Say     string
	Steps   []step
	Reasons []string
	Facts   []page.Pair
	Detail  string // in English, of what failed
	Command string // that repeats it
	Entry   int64  // of the log that it is about; -1 for none
}

// A step is something that was checked.
type step struct {
	Kind string // ok, bad, or plain for what could not be checked
	Text string
}

func (s *Server) verifyPage(w http.ResponseWriter, c *Call) error {
	return s.render(w, c, http.StatusOK, "verify.html", verifyView{Limit: uploadBytes})
}

// verify verifies what a form brings. What is brought is removed when the page is
// made; only what is evidence against the log is kept, by the book.
func (s *Server) verify(w http.ResponseWriter, c *Call) (err error) {
	dir, err := os.MkdirTemp(filepath.Join(s.Home, "private"), "verify-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	v, status := verifyView{Limit: uploadBytes}, http.StatusOK
	files, add, err := uploads(w, c, dir)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		v.Form.Fail("files", c.L.T("auditor.verify_nothing"))
		status = http.StatusUnprocessableEntity
	}
	_ = http.NewResponseController(w).SetWriteDeadline(s.Now().Add(5 * time.Minute)) // where it can be set
	j := &judge{c: c, book: s.Book, home: s.Home, files: files}
	if j.trust, err = s.Book.Trust(); err != nil {
		return err
	}
	for _, u := range files {
		one, err := j.judge(u)
		if err != nil {
			return err
		}
		if one != nil {
			v.Verdicts = append(v.Verdicts, *one)
		}
	}
	if add && len(files) > 0 {
		v.DidAdd = true
		if v.Added, err = s.add(c, files); err != nil {
			return err
		}
	}
	return s.render(w, c, status, "verify.html", v)
}

// add takes the entries of receipts and bundles into the book.
func (s *Server) add(c *Call, files []upload) (n int, err error) {
	m, err := auditor.Open(s.Home, s.Source)
	if errors.Is(err, auditor.ErrBusy) {
		return 0, problem.New(problem.Overloaded, "add", "The mirror is being brought up to date. Try again in a minute.")
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	for _, u := range files {
		if u.kind != isBundle && u.kind != isReceipt {
			continue
		}
		text, err := u.read()
		if err != nil {
			return n, err
		}
		taken, err := s.Book.Add(c.Context(), m, text, c.Now)
		if err != nil {
			s.Log.Info("a file was not taken into the book", "err", err) // its verdict says why
			continue
		}
		n += taken
	}
	return n, nil
}

// A judge verifies the files of one form.
type judge struct {
	c     *Call
	book  *auditor.Book
	home  string
	trust verify.Trust
	files []upload
}

// first returns the first file of a kind.
func (j *judge) first(kind string) (upload, bool) {
	for _, u := range j.files {
		if u.kind == kind {
			return u, true
		}
	}
	return upload{}, false
}

// judge verifies a file; nil for one that only goes with another.
func (j *judge) judge(u upload) (*verdict, error) {
	_, message := j.first(isMessage)
	var v verdict
	var err error
	switch u.kind {
	case isBundle:
		v, err = j.bundle(u)
	case isFork:
		v, err = j.fork(u)
	case isReceipt:
		if message {
			return nil, nil
		}
		v, err = j.receipt(u)
	case isCheckpoint:
		v, err = j.checkpoint(u)
	case isMessage:
		v, err = j.message(u)
	case isDirectory:
		if message {
			return nil, nil
		}
		v = j.unfit("auditor.verify_directory_alone")
	default:
		v = j.unfit("auditor.verify_unknown")
	}
	if v.Name = u.name; v.Name == "" {
		v.Name = j.c.L.T("auditor.verify_pasted")
	}
	return &v, err
}

// unfit is the verdict on what cannot be verified: it is evidence of nothing.
func (j *judge) unfit(key string) verdict {
	return verdict{Kind: "plain", Word: j.c.L.T("auditor.verdict_nothing"), Say: j.c.L.T(key), Entry: -1}
}

// failed makes the verdict of an error, after the steps that were taken.
func (j *judge) failed(v verdict, what string, err error) verdict {
	v.Detail = err.Error()
	v.Steps = append(v.Steps, step{"bad", j.c.L.T("auditor.step_" + what)})
	v.Kind, v.Word, v.Say = "warn", j.c.L.T("auditor.verdict_not"), j.c.L.T("auditor.verdict_not_text")
	if errors.Is(err, verify.ErrMisbehaviour) {
		v.Kind, v.Word, v.Say = "bad", j.c.L.T("auditor.verdict_evidence"), j.c.L.T("auditor.verdict_evidence_text")
	}
	return v
}

// passed notes a step that was taken.
func (j *judge) passed(v *verdict, what string) {
	v.Steps = append(v.Steps, step{"ok", j.c.L.T("auditor.step_" + what)})
}

// command is what repeats a verification, with the name of the file.
func (j *judge) command(verb, name string) string {
	if name == "" {
		name = "FILE"
	}
	return "entraide " + verb + " " + quoted(name) + " --home " + quoted(j.home)
}

// quoted is a word of a command.
func quoted(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// fork verifies the proof of two histories.
func (j *judge) fork(u upload) (verdict, error) {
	v := verdict{Command: j.command("verify", u.name), Entry: -1}
	text, err := u.read()
	if err != nil {
		return v, err
	}
	f, err := translog.ParseFork(bytes.TrimSpace(text))
	if err != nil {
		return j.failed(v, "fork_form", err), nil
	}
	j.passed(&v, "fork_form")
	if err := f.Check(j.trust.Origin, j.trust.Keys()...); err != nil {
		return j.failed(v, "fork_check", err), nil
	}
	j.passed(&v, "fork_check")
	v.Kind, v.Word, v.Say = "bad", j.c.L.T("auditor.verdict_evidence"), j.c.L.T("auditor.verdict_fork")
	return v, nil
}

// receipt verifies a receipt and holds its entry against the mirror.
func (j *judge) receipt(u upload) (verdict, error) {
	v := verdict{Command: j.command("audit hold", u.name), Entry: -1}
	text, err := u.read()
	if err != nil {
		return v, err
	}
	if _, err := translog.ParseReceipt(text); err != nil {
		return j.failed(v, "receipt_form", err), nil
	}
	j.passed(&v, "receipt_form")
	e, under, err := j.book.Hold(j.c.Context(), text)
	behind := errors.Is(err, auditor.ErrBehind)
	if err != nil && !behind {
		if under.Size > 0 && errors.Is(err, verify.ErrMisbehaviour) {
			j.passed(&v, "receipt_log")
			return j.failed(v, "mirror", err), nil
		}
		return j.failed(v, "receipt_log", err), nil
	}
	j.passed(&v, "receipt_log")
	v.Entry = e.Index
	listed := auditor.Listed{Entry: e.Entry}
	listed.Body = e.Private.Body
	v.Facts = []page.Pair{
		{Term: j.c.L.T("auditor.entry"), Value: locale.V(j.c.L.Number(e.Index))},
		{Term: j.c.L.T("auditor.time"), Value: locale.V(e.Entry.Time)},
		{Term: j.c.L.T("auditor.what"), Value: text2html(words(j.c, listed))},
		{Term: j.c.L.T("auditor.log"), Value: locale.V(under.Origin)},
	}
	if behind {
		v.Steps = append(v.Steps, step{"plain", j.c.L.T("auditor.step_mirror_behind")})
		v.Kind, v.Word, v.Say = "ok", j.c.L.T("auditor.verdict_logged"), j.c.L.T("auditor.verdict_logged_ahead")
		return v, nil
	}
	j.passed(&v, "mirror")
	v.Kind, v.Word, v.Say = "ok", j.c.L.T("auditor.verdict_logged"), j.c.L.T("auditor.verdict_logged_text")
	return v, nil
}

// checkpoint verifies a state of the log and holds it against the mirror.
func (j *judge) checkpoint(u upload) (verdict, error) {
	v := verdict{Command: j.command("audit hold", u.name), Entry: -1}
	text, err := u.read()
	if err != nil {
		return v, err
	}
	open, err := j.book.Checkpoint(j.c.Context(), text, j.c.Now)
	behind := errors.Is(err, auditor.ErrBehind)
	if err != nil && !behind {
		if errors.Is(err, auditor.ErrFork) {
			j.passed(&v, "checkpoint_log")
			return j.failed(v, "mirror_extends", err), nil
		}
		return j.failed(v, "checkpoint_log", err), nil
	}
	j.passed(&v, "checkpoint_log")
	var names []string
	for _, by := range open.By {
		names = append(names, by.Key.Name())
	}
	if open.Witnessed && j.trust.Policy() != nil {
		j.passed(&v, "witnesses")
	} else {
		v.Steps = append(v.Steps, step{"plain", j.c.L.T("auditor.step_no_quorum")})
	}
	v.Facts = []page.Pair{
		{Term: j.c.L.T("auditor.log"), Value: locale.V(open.Origin)},
		{Term: j.c.L.T("auditor.size"), Value: text2html(j.c.L.Number(open.Size))},
		{Term: j.c.L.T("auditor.nav_witnesses"), Value: locale.V(strings.Join(names, ", "))},
	}
	v.Kind, v.Word, v.Say = "ok", j.c.L.T("auditor.verdict_state"), j.c.L.T("auditor.verdict_state_text")
	if behind {
		v.Steps = append(v.Steps, step{"plain", j.c.L.T("auditor.step_mirror_behind")})
		v.Say = j.c.L.T("auditor.verdict_state_ahead")
		return v, nil
	}
	j.passed(&v, "mirror_extends")
	return v, nil
}
