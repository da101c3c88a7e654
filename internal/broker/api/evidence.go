package api

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/internal/parts"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/wire"
)

// A place is where evidence or a part of it is, in the path of an address.
type place struct {
	Manifest string `query:"manifest" validate:"omitempty,len=64,hexadecimal,lowercase"`
	Evidence int    `query:"evidence" validate:"min=0"`
	Part     int    `query:"part" validate:"min=0"`
}

// place reads the place from the path.
func (c *call) place() (p place, err error) {
	vars := mux.Vars(c.Request)
	p.Manifest = vars["manifest"]
	for name, n := range map[string]*int{"evidence": &p.Evidence, "part": &p.Part} {
		text, ok := vars[name]
		if !ok {
			continue
		}
		if *n, err = strconv.Atoi(text); err != nil {
			return p, problem.New(problem.InvalidValue, name, "This must be a number.")
		}
	}
	return p, c.valid(p)
}

// begin serves PUT /v1/evidence/{manifest}?from=&to=&size=.
func (s *Server) begin(w http.ResponseWriter, c *call) error {
	at, err := c.place()
	if err != nil {
		return err
	}
	from, err := c.own("from")
	if err != nil {
		return err
	}
	to, err := c.counterpart()
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(c.URL.Query().Get("size"), 10, 64)
	if err != nil || size <= 0 {
		return problem.New(problem.InvalidValue, "size", "The size must be a number above zero.")
	}
	if err := c.octets(); err != nil {
		return err
	}
	list, err := io.ReadAll(http.MaxBytesReader(w, c.Body, evidence.MaxManifestBytes))
	if err != nil {
		return err
	}
	missing, err := s.Broker.BeginEvidence(c.Context(), from, to, at.Manifest, size, list)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, wire.Missing{Parts: missing})
}

// put serves PUT /v1/evidence/{manifest}/parts/{part}?from=.
func (s *Server) put(w http.ResponseWriter, c *call) error {
	at, err := c.place()
	if err != nil {
		return err
	}
	from, err := c.own("from")
	if err != nil {
		return err
	}
	if err := c.octets(); err != nil {
		return err
	}
	if c.ContentLength < 0 {
		return problem.New(problem.InvalidValue, "Content-Length", "The size of the part must be said beforehand.")
	}
	if err := unhurried(w); err != nil {
		return err
	}
	err = s.Broker.PutPart(c.Context(), from, at.Manifest, at.Part, c.ContentLength, http.MaxBytesReader(w, c.Body, evidence.PartBytes))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, wire.Kept{Part: at.Part})
}

// octets checks that the body is said to be bytes.
func (c *call) octets() error {
	if c.Header.Get("Content-Type") != "application/octet-stream" {
		return problem.New(problem.UnsupportedMediaType, "Content-Type", "The body must be application/octet-stream.")
	}
	return nil
}

// unhurried gives a part the time that it needs on a slow line.
func unhurried(w http.ResponseWriter) error {
	line, end := http.NewResponseController(w), time.Now().Add(partTimeout)
	if err := line.SetReadDeadline(end); err != nil {
		return err
	}
	return line.SetWriteDeadline(end)
}

// manifest serves GET /v1/messages/{id}/evidence/{evidence}.
func (s *Server) manifest(w http.ResponseWriter, c *call) error {
	return s.stream(w, c, func(id string, at place) (parts.Part, error) {
		return s.Broker.Manifest(c.Context(), c.authorities, id, at.Evidence)
	})
}

// part serves GET /v1/messages/{id}/evidence/{evidence}/parts/{part}, whole or a
// range of it.
func (s *Server) part(w http.ResponseWriter, c *call) error {
	return s.stream(w, c, func(id string, at place) (parts.Part, error) {
		return s.Broker.Part(c.Context(), c.authorities, id, at.Evidence, at.Part)
	})
}

func (s *Server) stream(w http.ResponseWriter, c *call, open func(id string, at place) (parts.Part, error)) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	at, err := c.place()
	if err != nil {
		return err
	}
	part, err := open(id, at)
	if err != nil {
		return err
	}
	defer part.Close()
	if err := unhurried(w); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, c.Request, "", time.Time{}, part)
	return nil
}
