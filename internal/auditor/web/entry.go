package web

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// invalid says that a value is not one.
func invalid(field, detail string) error { return problem.New(problem.InvalidValue, field, detail) }

// An entryView is the page of an entry.
type entryView struct {
	Index          int64
	Size           int64
	Shown          bool
	Row            entryRow
	Sight          string // why the entry is, or is not, shown, in words
	Kind           string // of the tag
	By             int64  // entry that says it to be erased; -1 for none
	JSON           string
	Salt           string
	Leaf, LeafHash string
	Proof          []string
	Checkpoint     string
	Cosigned       []witnessRow
	Witnessed      bool
	Findings       []auditor.Finding
	Older, Newer   bool
	Home           string
}

// sightKinds are the colours of sights.
var sightKinds = map[string]string{
	auditor.Shown: "ok", auditor.Erased: "info", auditor.Unasked: "info", auditor.Withheld: "bad", auditor.Others: "info",
}

// index is the number of the entry that an address names.
func (c *Call) index() int64 {
	n, _ := strconv.ParseInt(c.Value("index"), 10, 64) // fifteen digits
	return n
}

// found returns an entry of the book, if it is there with its private half.
func (s *Server) found(c *Call, index int64) (e auditor.Listed, ok bool, err error) {
	list, err := s.Book.Listed(c.Context(), auditor.Filter{}, index+1, 1)
	if err != nil || len(list) == 0 || list[0].Index != index {
		return e, false, err
	}
	return list[0], list[0].Body != nil, nil
}

// entry shows an entry: in words and as bytes, where it stands, and the proof.
func (s *Server) entry(w http.ResponseWriter, c *Call) error {
	p, err := s.Book.Place(c.Context(), c.index())
	if err != nil {
		return err
	}
	hash := translog.LeafHash(p.Leaf)
	v := entryView{
		Index: p.Index, Size: p.Size, Leaf: hex.EncodeToString(p.Leaf), LeafHash: hex.EncodeToString(hash[:]), Checkpoint: string(p.Signed),
		Witnessed: p.Witnessed, Older: p.Index > 0, Newer: p.Index+1 < p.Size, Home: s.Home,
	}
	for _, h := range p.Path {
		v.Proof = append(v.Proof, base64.StdEncoding.EncodeToString(h[:]))
	}
	for _, by := range p.By {
		v.Cosigned = append(v.Cosigned, witnessRow{Vouching: auditor.Vouching{Name: by.Key.Name(), At: by.At.UTC()}})
	}
	e, shown, err := s.found(c, p.Index)
	if err != nil {
		return err
	}
	if v.Shown = shown; shown {
		v.Row = rowOf(c, e)
		v.JSON, v.Salt = pretty(e.Body), hex.EncodeToString(e.Salt)
	}
	sight, by, err := s.Book.Sight(c.Context(), p.Index)
	if err != nil {
		return err
	}
	standing, err := s.Book.Standing(c.Context())
	if err != nil {
		return err
	}
	if !shown {
		v.Sight, v.Kind, v.By = c.L.T("auditor.sight_"+sight, "Scope", standing.Scope), sightKinds[sight], by
	}
	if v.Findings, _, err = s.Book.FindingsPage(c.Context(), auditor.FindingFilter{Entry: &p.Index}, 0, listRows); err != nil {
		return err
	}
	return s.render(w, c, http.StatusOK, "entry.html", v)
}

// pretty writes a JSON text over several lines.
func pretty(text []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return string(text)
	}
	return b.String()
}

// An entryFile is an entry with all that proves it.
type entryFile struct {
	Index      int64           `json:"index"`
	Entry      json.RawMessage `json:"entry,omitempty"`
	Salt       string          `json:"salt,omitempty"` // hex
	Leaf       string          `json:"leaf"`           // hex
	Proof      []string        `json:"proof"`          // base64
	Checkpoint string          `json:"checkpoint"`     // signed note
}

// entryJSON hands out an entry with all that proves it.
func (s *Server) entryJSON(w http.ResponseWriter, c *Call) error {
	p, err := s.Book.Place(c.Context(), c.index())
	if err != nil {
		return err
	}
	f := entryFile{Index: p.Index, Leaf: hex.EncodeToString(p.Leaf), Proof: translog.FormatHashes(p.Path), Checkpoint: string(p.Signed)}
	e, shown, err := s.found(c, p.Index)
	if err != nil {
		return err
	}
	if shown {
		f.Entry, f.Salt = e.Body, hex.EncodeToString(e.Salt)
	}
	page.Attach(w, "entry-"+c.Value("index")+".json", "application/json")
	return json.NewEncoder(w).Encode(f)
}

// entryProof hands out the proof as a c2sp.org/tlog-proof: a receipt where the
// private half is known, and of the leaf alone where it is not.
func (s *Server) entryProof(w http.ResponseWriter, c *Call) error {
	p, err := s.Book.Place(c.Context(), c.index())
	if err != nil {
		return err
	}
	e, shown, err := s.found(c, p.Index)
	if err != nil {
		return err
	}
	proof := p.Inclusion()
	if shown {
		proof = p.Receipt(translog.Salted{Salt: [32]byte(e.Salt), Body: e.Body})
	}
	page.Attach(w, "entry-"+c.Value("index")+".tlog-proof", "text/plain; charset=utf-8")
	_, _ = w.Write(proof) // the browser may be gone
	return nil
}

// caseRoutes are the cases as they follow from their entries.
var caseRoutes = []Route{
	{Name: "cases", Method: http.MethodGet, Path: "/cases", Handle: (*Server).cases},
	{Name: "case", Method: http.MethodGet, Path: "/cases/{case:[0-9a-f]{32}}", Handle: (*Server).casePage},
}

// laneKinds are the colours of the lanes.
var laneKinds = map[string]string{"emergency": "bad", "urgent": "warn", "routine": "plain"}

// tagOf is a code of the procedure as a tag.
func tagOf(c *Call, list, code string) page.Tag {
	kind := laneKinds[code]
	if kind == "" {
		kind = "plain"
	}
	return page.MakeTag(kind, label(c, list, code))
}

// after is a time some seconds after another; zero for none.
func after(unix, seconds int64) time.Time {
	if seconds < 0 {
		return time.Time{}
	}
	return at(unix + seconds)
}
