package web

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/internal/telemetry"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
)

const packagePath = messagePath + "/evidence/{number:[1-9][0-9]{0,2}}"

// evidenceRoutes are the packages that a message delivers: fetched and checked by
// the desk while it serves, and handed out as files.
var evidenceRoutes = []Route{
	{Name: "evidence", Method: http.MethodGet, Path: packagePath, Who: Readers, Handle: (*Server).evidencePage},
	{Name: "evidence.fetch", Method: http.MethodPost, Path: packagePath + "/fetch", Who: Writers, Handle: (*Server).evidenceFetch},
	{Name: "evidence.check", Method: http.MethodPost, Path: packagePath + "/check", Who: Writers, Handle: (*Server).evidenceCheck},
	{Name: "evidence.package", Method: http.MethodPost, Path: packagePath + "/package", Who: Writers, Fresh: true, Handle: (*Server).evidencePackage},
	{Name: "evidence.file", Method: http.MethodPost, Path: packagePath + "/file", Who: Writers, Fresh: true, Handle: (*Server).evidenceFile},
	{Name: "evidence.receipt", Method: http.MethodPost, Path: messagePath + "/receipt", Who: Writers, Handle: (*Server).evidenceReceipt},
}

// A packageLine is a package as lists show it.
type packageLine struct {
	desk.Received
	State page.Tag
	Text  string // the state in a sentence
}

// stageKinds are the colours of the states of a package.
var stageKinds = map[string]string{
	desk.EvidenceExpected: "info", desk.EvidenceUnderway: "info", desk.EvidenceComplete: "info", desk.EvidenceChecking: "info",
	desk.EvidenceVerified: "ok", desk.EvidenceElsewhere: "ok", desk.EvidenceDamaged: "bad", desk.EvidenceMissing: "bad", desk.EvidenceRefused: "bad",
	"sent": "ok", "uploaded": "info", "waiting": "info",
}

// packages are the packages of a case, or of one of its messages.
func (s *Server) packages(c *Call, caseID, message string) ([]packageLine, error) {
	all, err := s.office.Evidence(c.Context(), c.User.Officer(), caseID)
	if err != nil {
		return nil, err
	}
	var out []packageLine
	for _, r := range all {
		if message == "" || r.Message == message {
			out = append(out, stage(c, r))
		}
	}
	return out, nil
}

// stage says how a package stands.
func stage(c *Call, r desk.Received) packageLine {
	line := packageLine{Received: r, State: page.MakeTag(cmp.Or(stageKinds[r.Stage], "plain"), c.L.T("evidence.stage_"+r.Stage))}
	switch {
	case r.Stage == desk.EvidenceUnderway && r.Parts > 0:
		line.Text = c.L.T("evidence.parts", "Here", r.Here, "Count", r.Parts)
	case r.Stage == desk.EvidenceDamaged && r.Part > 0:
		line.Text = c.L.T("evidence.part_wrong", "Part", r.Part)
	case r.Stage == desk.EvidenceRefused:
		line.Text = problemText(c, r.Code)
	}
	return line
}

// An evidenceView is one package.
type evidenceView struct {
	packageLine
	Case       string
	Incoming   bool
	Waits      bool // it is being fetched, or compared
	Files      []evidence.File
	Custody    []page.Pair
	Restricted bool
	Hidden     bool // restricted, and not for this officer
	More       bool // files than are shown
	May        bool // fetch and take
	MayOpen    bool // restricted material
	AskOpen    bool // the box for it is shown
	Confirmed  bool // a receipt of evidence is possible
	Medium     string
	Form       page.Form
}

// maxFilesShown bounds the list of a page; the archive holds all.
const maxFilesShown = 500

// evidencePage shows a package, how it stands, and its files once it is opened.
func (s *Server) evidencePage(w http.ResponseWriter, c *Call) error {
	return s.showEvidence(w, c, http.StatusOK, page.Form{})
}

// numberIn is the number of the package that a path names.
func numberIn(c *Call) int {
	n, _ := strconv.Atoi(c.Value("number"))
	return n
}

func (s *Server) showEvidence(w http.ResponseWriter, c *Call, status int, form page.Form) error {
	by, message := c.User.Officer(), c.Value("message")
	r, err := s.office.Package(c.Context(), by, message, int64(numberIn(c)))
	if err != nil {
		return err
	}
	m, err := s.office.Reading(c.Context(), by, message)
	if err != nil {
		return err
	}
	v := evidenceView{
		packageLine: stage(c, r), Case: m.Message.Case, Incoming: m.Message.Incoming, May: Writers.allows(c.User) && len(m.Pending) == 0, Form: form,
		MayOpen: by.Has(desk.Approver, desk.DutyOfficer), Medium: r.Medium,
	}
	v.Waits = slices.Contains([]string{desk.EvidenceUnderway, desk.EvidenceComplete, desk.EvidenceChecking}, r.Stage)
	v.AskOpen = v.MayOpen && (form.Error("restricted") != "" || r.Code == string(problem.Forbidden))
	if v.Kept && v.May {
		if err := s.openedIn(c, &v); err != nil {
			return err
		}
	}
	v.Confirmed = v.Incoming && !v.Attachment && !v.Waits && r.Stage != desk.EvidenceExpected && r.Stage != desk.EvidenceRefused
	return s.render(w, c, status, "evidence.html", v)
}

// openedIn fills in what is known of a package once it is opened.
func (s *Server) openedIn(c *Call, v *evidenceView) error {
	p, err := s.office.OpenedPackage(c.Context(), c.User.Officer(), v.Message, numberIn(c))
	if problem.CodeOf(err) == problem.Forbidden {
		v.Hidden = true
		return nil
	}
	if err != nil {
		return err
	}
	v.Files, v.Restricted, v.Custody = p.Files, p.Restricted, custodyPairs(c, p.Custody)
	v.More = len(p.Files) > maxFilesShown
	v.Files = v.Files[:min(len(p.Files), maxFilesShown)]
	return nil
}

// custodyPairs are the terms of a custody record (ISO/IEC 27037) and what it says.
func custodyPairs(c *Call, r evidence.Custody) []page.Pair {
	var out []page.Pair
	for _, x := range [][2]string{
		{"evidence.identifier", r.Identifier}, {"compose.pack_origin", r.Origin}, {"compose.pack_by", r.AcquiredBy}, {"compose.pack_method", r.Method},
		{"evidence.tool", r.Tool},
	} {
		if x[1] != "" {
			out = append(out, page.Pair{Term: c.L.T(x[0]), Value: textHTML("", x[1])})
		}
	}
	if at, err := time.Parse(time.RFC3339, r.AcquiredAt); err == nil {
		out = append(out, page.Pair{Term: c.L.T("compose.pack_at"), Value: c.L.TimeHTML(at, c.User.Location())})
	}
	return out
}

// fetching is what a form of the page of a package asks for.
func fetching(c *Call, restricted bool) desk.Fetching {
	return desk.Fetching{Message: c.Value("message"), Number: numberIn(c), Restricted: restricted}
}

// evidenceFetch has the desk fetch the package and check it.
func (s *Server) evidenceFetch(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	err = s.office.AskEvidence(c.Context(), c.User.Officer(), fetching(c, in.Get("restricted") != ""), false)
	if refusal, ok := errors.AsType[*problem.Error](err); ok && refusal.Code == problem.Forbidden && refusal.Field == "restricted" {
		form := page.Form{Values: in}
		form.Fail("restricted", c.L.T("evidence.restricted_needs"))
		return s.showEvidence(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return s.redirect(w, c, "evidence", "message", c.Value("message"), "number", c.Value("number"))
}

// evidenceCheck has the desk compare what it keeps with what was signed, again.
func (s *Server) evidenceCheck(w http.ResponseWriter, c *Call) error {
	if err := s.office.AskEvidence(c.Context(), c.User.Officer(), fetching(c, true), true); err != nil {
		return err
	}
	return s.redirect(w, c, "evidence", "message", c.Value("message"), "number", c.Value("number"))
}

// evidencePackage hands out the whole package as the sender signed it.
func (s *Server) evidencePackage(w http.ResponseWriter, c *Call) error {
	t, err := s.office.TakePackage(c.Context(), c.User.Officer(), c.Value("message"), numberIn(c))
	if err != nil {
		return err
	}
	s.take(w, t)
	return nil
}

// evidenceFile hands out one file of the package.
func (s *Server) evidenceFile(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	index, err := strconv.Atoi(in.Get("file"))
	if err != nil {
		return problem.New(problem.InvalidValue, "file", "A file is named by its number on the page.")
	}
	t, err := s.office.TakeFile(c.Context(), c.User.Officer(), c.Value("message"), numberIn(c), index)
	if err != nil {
		return err
	}
	s.take(w, t)
	return nil
}

// take hands out evidence as a file to keep, never to be shown by the browser: it
// may be anything. What is not whole breaks off, before its end.
func (s *Server) take(w http.ResponseWriter, t office.Taking) {
	page.Attach(w, "evidence", "application/octet-stream")
	if disposition := mime.FormatMediaType("attachment", map[string]string{"filename": t.Name}); disposition != "" {
		w.Header().Set("Content-Disposition", disposition)
	}
	w.Header().Set("Content-Length", strconv.FormatInt(t.Bytes, 10))
	if err := t.Write(&patient{w, http.NewResponseController(w)}); err != nil {
		s.Log.Warn("evidence was not taken whole", "err", telemetry.Cause(err))
	}
}

// takeWithin is how long a browser may take for a piece of a file.
const takeWithin = time.Minute

// A patient writer gives the browser time for every piece, however long the whole
// takes.
type patient struct {
	out    io.Writer
	stream *http.ResponseController
}

// Write implements io.Writer.
func (p *patient) Write(data []byte) (int, error) {
	_ = p.stream.SetWriteDeadline(time.Now().Add(takeWithin)) // tests have no connection
	return p.out.Write(data)
}

// evidenceReceipt begins the receipt of evidence, filled in with what was found.
func (s *Server) evidenceReceipt(w http.ResponseWriter, c *Call) error {
	lang := c.L.Tag
	if convention.Label("kind", "receipt-of-evidence", lang) == "" {
		lang = "en"
	}
	d, err := s.office.DraftReceipt(c.Context(), c.User.Officer(), c.Value("message"), lang)
	if err != nil {
		return err
	}
	return s.redirect(w, c, "draft.check", "draft", d.ID)
}
