package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// Sizes of what is uploaded at once: by a script in pieces, without one whole.
const (
	chunkBytes  = 4 << 20
	wholeBytes  = 256 << 20
	memoryBytes = 1 << 20 // of a form with files; the rest goes to a file
)

// wholeWithin is how long large files may take on a slow line.
const wholeWithin = time.Hour

// uploadRoutes are how files come to the desk. A script sends them in pieces
// ("file.chunk": the bytes as the body; name, offset and total in the query) and
// shows how far it is; where no script runs, the form sends them whole. A page of
// another area that wants files sends officers to "draft.files".
var uploadRoutes = []Route{
	{Name: "draft.files", Method: http.MethodGet, Path: draftPath + "/files", Who: Writers, Handle: (*Server).filesPage},
	{Name: "draft.files.post", Method: http.MethodPost, Path: draftPath + "/files", Who: Writers, Handle: (*Server).filesTake, Body: wholeBytes},
	{Name: "file.chunk", Method: http.MethodPost, Path: draftPath + "/files/chunk", Who: Writers, Handle: (*Server).fileChunk, Body: chunkBytes + 1},
	{Name: "file.remove", Method: http.MethodPost, Path: draftPath + "/files/remove", Who: Writers, Handle: (*Server).fileRemove},
	{Name: "draft.unpack", Method: http.MethodPost, Path: draftPath + "/files/unseal", Who: Writers, Handle: (*Server).draftUnpack},
	{Name: "draft.pack", Method: http.MethodPost, Path: draftPath + "/files/seal", Who: Writers, Handle: (*Server).draftPack},
	{Name: "draft.attach", Method: http.MethodPost, Path: draftPath + "/files/attach", Who: Writers, Handle: (*Server).draftAttach},
}

// A filesView is the page of the files of a draft.
type filesView struct {
	Draft    office.Draft
	Line     draftLine
	Whole    []office.File
	UnderWay []office.File
	Limit    int64
	Chunk    int
	Most     int64 // without a script
	Sealed   []sealedView
	Measures []page.Choice
	Form     page.Form
	Zone     string
	To       string
	Title    string
	Attach   []attachInput // of a request; nil for a delivery
	Waits    bool          // files are being sealed
	Percent  int64         // how far
}

// An attachInput is something that is said of files that are attached.
type attachInput struct {
	Name, Label string
	Choices     []page.Choice // nil for a box to be ticked
}

// attachInputs are what is said of the files that are attached to a request.
func attachInputs(k *maker) []attachInput {
	list := attachmentsOf("request")
	var out []attachInput
	for _, name := range []string{"role", "lang", "translation_of", "certified"} {
		in, ok := list.Shape.Input(name)
		if !ok || name == "translation_of" && len(k.refer[in.Refers]) == 0 {
			continue
		}
		x := attachInput{Name: name, Label: in.Label(k.c.L.Tag)}
		if in.Form != convention.FormFlag {
			x.Choices = []page.Choice{{}}
		}
		for _, o := range k.options(in, nil) {
			x.Choices = append(x.Choices, o.Choice)
		}
		out = append(out, x)
	}
	return out
}

// A sealedView is a package that is sealed for a delivery, or an attachment: what its
// recipient will find in it.
type sealedView struct {
	office.SealedPackage
	Attachment bool
	Terms      []page.Pair // custody
	More       bool        // files than are shown
}

// sealedOf are the packages of a draft.
func (s *Server) sealedOf(c *Call, d office.Draft) ([]sealedView, error) {
	packages, err := s.office.SealedPackages(d)
	var out []sealedView
	for _, p := range packages {
		v := sealedView{SealedPackage: p, Attachment: d.Act == string(workflow.Request), Terms: custodyPairs(c, p.Custody), More: len(p.Files) > maxFilesShown}
		v.Files = v.Files[:min(len(p.Files), maxFilesShown)]
		out = append(out, v)
	}
	return out, err
}

// filesPage shows the files that were brought, and what is sealed already.
func (s *Server) filesPage(w http.ResponseWriter, c *Call) error {
	return s.showFiles(w, c, http.StatusOK, page.Form{})
}

func (s *Server) showFiles(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	by := c.User.Officer()
	d, err := s.office.Draft(c.Context(), by, c.Value("draft"))
	if err != nil {
		return err
	}
	v := filesView{
		Draft: d, Line: s.draftLine(c, d), Limit: s.office.Limit(d.To), Chunk: chunkBytes, Most: wholeBytes, Form: form, To: s.authorityName(c, d.To),
		Zone: c.Now.In(c.User.Location()).Format("MST -07:00"),
	}
	if v.Whole, v.UnderWay, err = s.office.Files(c.Context(), by, d.ID); err != nil {
		return err
	}
	body := bodyOf(d)
	k, err := s.maker(c, d, body)
	if err != nil {
		return err
	}
	kind := scalar(body["kind"])
	v.Title, v.Measures = filesTitle(c, kind), k.refer["measures"]
	if kind == "request" {
		v.Attach = attachInputs(k)
	}
	if v.Sealed, err = s.sealedOf(c, d); err != nil {
		return err
	}
	s.sealingIn(c, &v)
	if form.Values == nil {
		v.Form.Set("acquired_by", c.User.Name)
	}
	return s.render(w, c, status, "draft-files.html", v)
}

// filesTake takes files that a form sends whole.
func (s *Server) filesTake(w http.ResponseWriter, c *Call) error {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(wholeWithin)) // tests have no connection
	if err := c.ParseMultipartForm(memoryBytes); err != nil {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return tooLarge
		}
		return problem.New(problem.InvalidValue, "", "The form could not be read.")
	}
	defer func() { _ = c.MultipartForm.RemoveAll() }() // temporary files
	form := page.Form{Values: url.Values{}}
	for _, header := range c.MultipartForm.File["files"] {
		f, err := header.Open()
		if err != nil {
			return err
		}
		_, err = s.office.Receive(c.Context(), c.User.Officer(), c.Value("draft"), office.Chunk{Name: header.Filename, Total: header.Size}, f)
		f.Close()
		if refusal, ok := errors.AsType[*problem.Error](err); ok && (refusal.Code == problem.InvalidValue || refusal.Code == problem.TooLarge) {
			reason := c.L.T("compose.file_size")
			if refusal.Field == "name" {
				reason = c.L.T("compose.file_name")
			}
			form.Fail("files", c.L.T("compose.file_refused", "Name", printable(header.Filename), "Reason", reason))
			continue
		}
		if err != nil {
			return err
		}
	}
	if len(c.MultipartForm.File["files"]) == 0 {
		form.Fail("files", c.L.T("compose.file_none"))
	}
	if len(form.Errors) > 0 {
		return s.showFiles(w, c, http.StatusUnprocessableEntity, form)
	}
	return s.done(w, c, "saved", "draft.files", "draft", c.Value("draft"))
}

// printable is a name that was refused, as it can be shown: what turns or hides
// text is replaced.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
}

// fileChunk takes a piece of a file from a script, and answers how much has
// arrived.
func (s *Server) fileChunk(w http.ResponseWriter, c *Call) error {
	q := c.URL.Query()
	offset, errOffset := strconv.ParseInt(q.Get("offset"), 10, 64)
	total, errTotal := strconv.ParseInt(q.Get("total"), 10, 64)
	if errOffset != nil || errTotal != nil {
		return problem.New(problem.InvalidValue, "size", "Offset and total are numbers.")
	}
	have, err := s.office.Receive(c.Context(), c.User.Officer(), c.Value("draft"), office.Chunk{Name: q.Get("name"), Offset: offset, Total: total},
		io.LimitReader(c.Body, chunkBytes))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]int64{"have": have})
}

// fileRemove takes a file away.
func (s *Server) fileRemove(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	if err := s.office.RemoveFile(c.Context(), c.User.Officer(), c.Value("draft"), in.Get("name")); err != nil {
		return err
	}
	return s.done(w, c, "saved", "draft.files", "draft", c.Value("draft"))
}

// draftPack seals the files as one package of the delivery.
func (s *Server) draftPack(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	form := page.Form{Values: in}
	for _, name := range []string{"description", "origin", "acquired_by", "method", "acquired_at", "measure"} {
		if strings.TrimSpace(in.Get(name)) == "" {
			form.Fail(name, c.L.T("compose.missing"))
		}
	}
	measure, _ := strconv.ParseInt(in.Get("measure"), 10, 64)
	at, err := time.ParseInLocation("2006-01-02T15:04", in.Get("acquired_at"), c.User.Location())
	if err != nil && in.Get("acquired_at") != "" {
		form.Fail("acquired_at", c.L.T("compose.not_time"))
	}
	if len(form.Errors) > 0 {
		return s.showFiles(w, c, http.StatusUnprocessableEntity, form)
	}
	lang := c.L.Tag
	if len(convention.Label("kind", "delivery", lang)) == 0 {
		lang = "en"
	}
	by, draft, packing := c.User.Officer(), c.Value("draft"), office.Packing{
		Version: versionIn(c), Measure: measure, Restricted: in.Get("restricted") != "",
		Description: convention.Text{Lang: lang, Text: strings.TrimSpace(in.Get("description")), Authentic: true},
		Custody: evidence.Custody{
			Origin: strings.TrimSpace(in.Get("origin")), AcquiredBy: strings.TrimSpace(in.Get("acquired_by")),
			Method: strings.TrimSpace(in.Get("method")), AcquiredAt: at.UTC().Format(time.RFC3339),
		},
	}
	return s.seal(w, c, form, func(ctx context.Context, report desk.Report) error {
		packing.Report = report
		_, err := s.office.Pack(ctx, by, draft, packing)
		return err
	})
}

// draftAttach seals the files as attachments of the request.
func (s *Server) draftAttach(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	form := page.Form{Values: in}
	if in.Get("role") == "" {
		form.Fail("role", c.L.T("compose.missing"))
		return s.showFiles(w, c, http.StatusUnprocessableEntity, form)
	}
	number, _ := strconv.ParseInt(in.Get("translation_of"), 10, 64)
	about := convention.Attachment{Role: in.Get("role"), Lang: in.Get("lang"), TranslationOf: number, Certified: in.Get("certified") != ""}
	by, draft, attaching := c.User.Officer(), c.Value("draft"), office.Attaching{Version: versionIn(c), About: about}
	return s.seal(w, c, form, func(ctx context.Context, report desk.Report) error {
		attaching.Report = report
		_, err := s.office.Attach(ctx, by, draft, attaching)
		return err
	})
}

// draftUnpack takes out again what was sealed last.
func (s *Server) draftUnpack(w http.ResponseWriter, c *Call) error {
	if _, err := c.Fields(); err != nil {
		return err
	}
	if _, err := s.office.Unpack(c.Context(), c.User.Officer(), c.Value("draft"), versionIn(c)); err != nil {
		return s.stale(w, c, err)
	}
	return s.done(w, c, "saved", "draft.files", "draft", c.Value("draft"))
}
