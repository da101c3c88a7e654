package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/gorilla/mux"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/wire"
)

// A call is a request whose caller is known.
type call struct {
	*http.Request
	server      *Server
	name        string                // for the log: an authority, "depositary", or empty
	authorities []directory.Authority // that the connection speaks for
}

// admit finds out who calls and whether they may.
func (s *Server) admit(c *call, need reach) error {
	depositary, err := s.identify(c)
	if err != nil {
		return err
	}
	switch {
	case need == public:
		return nil
	case len(c.authorities) == 0 && !depositary:
		return problem.New(problem.Unauthenticated, "", "The TLS certificate is not one that the directory names.")
	case need == authority && len(c.authorities) == 0:
		return problem.New(problem.Forbidden, "", "Only an authority may do this.")
	case !s.limiter(c.name).Allow():
		return problem.New(problem.RateLimited, "", "This desk has asked too often.")
	}
	return nil
}

// identify matches the key of the client's TLS certificate with the directory,
// once more if the key is unknown and another broker has published something
// since. It reports whether the depositary calls.
func (s *Server) identify(c *call) (depositary bool, err error) {
	if c.TLS == nil || len(c.TLS.PeerCertificates) == 0 {
		return false, nil
	}
	digest := wire.TransportDigest(c.TLS.PeerCertificates[0])
	known, depositary := c.match(s.Broker.Directory(), digest)
	if known || !s.strangers.Allow() {
		return depositary, nil
	}
	moved, err := s.Broker.Refresh(c.Context())
	if err != nil || !moved {
		return false, err
	}
	_, depositary = c.match(s.Broker.Directory(), digest)
	return depositary, nil
}

// match finds out whose the key is.
func (c *call) match(dir *directory.Directory, digest string) (known, depositary bool) {
	if c.authorities = dir.ByTransport(digest); len(c.authorities) > 0 {
		c.name = c.authorities[0].Statement.ID
		return true, false
	}
	if d, ok := dir.Depositary(); ok && d.Transport == digest {
		c.name = directory.DepositarySubject
		return true, true
	}
	return false, false
}

// body reads a JSON body of at most limit bytes.
func (c *call) body(w http.ResponseWriter, limit int64) ([]byte, error) {
	media, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, problem.New(problem.UnsupportedMediaType, "Content-Type", "The body must be application/json.")
	}
	return io.ReadAll(http.MaxBytesReader(w, c.Body, limit))
}

// decode reads a JSON body strictly into v and validates it.
func (c *call) decode(w http.ResponseWriter, limit int64, v any) error {
	data, err := c.body(w, limit)
	if err != nil {
		return err
	}
	if err := strictjson.Unmarshal(data, int(limit), v); err != nil {
		if e, ok := errors.AsType[*strictjson.Error](err); ok {
			return problem.New(problem.Code(e.Kind), e.Pointer, e.Detail)
		}
		return err
	}
	return c.valid(v)
}

// A cursor is the input of every list.
type cursor struct {
	After int64 `query:"after" validate:"min=-1"`
	Limit int   `query:"limit" validate:"min=1,max=256"`
}

func (c *call) cursor() (cursor, error) {
	in := cursor{After: -1, Limit: wire.MaxPage}
	query := c.URL.Query()
	if text := query.Get("after"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return in, problem.New(problem.InvalidValue, "after", "The cursor must be a number.")
		}
		in.After = n
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return in, problem.New(problem.InvalidValue, "limit", "The limit must be a number.")
		}
		in.Limit = n
	}
	return in, c.valid(in)
}

// An identifier is the input of every single item.
type identifier struct {
	ID string `query:"id" validate:"len=32,hexadecimal,lowercase"`
}

func (c *call) id() (string, error) {
	in := identifier{ID: mux.Vars(c.Request)["id"]}
	return in.ID, c.valid(in)
}

// own returns the caller's authority named in the query; it may be left out
// by a caller that has only one.
func (c *call) own(parameter string) (string, error) {
	name := c.URL.Query().Get(parameter)
	if name == "" && len(c.authorities) == 1 {
		return c.authorities[0].Statement.ID, nil
	}
	for _, a := range c.authorities {
		if a.Statement.ID == name {
			return name, nil
		}
	}
	return "", problem.New(problem.Forbidden, parameter, "The connection does not belong to this authority.")
}

// A counterpart is the input that names another authority.
type counterpart struct {
	To string `query:"to" validate:"required,max=49,contains=."`
}

// counterpart returns the authority that the query names as the recipient.
func (c *call) counterpart() (string, error) {
	in := counterpart{To: c.URL.Query().Get("to")}
	return in.To, c.valid(in)
}

// valid validates input and names the first member that is not.
func (c *call) valid(v any) error {
	err := c.server.validate.Struct(v)
	if err == nil {
		return nil
	}
	fields, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok || len(fields) == 0 {
		return err
	}
	f := fields[0]
	return problem.New(problem.InvalidValue, f.Field(), "The value does not satisfy: "+strings.TrimSpace(f.Tag()+" "+f.Param())+".")
}

// newValidator names members as the query or the document does.
func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		if name := f.Tag.Get("query"); name != "" {
			return name
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	return v
}
