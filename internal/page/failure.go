package page

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/entraide/entraide/internal/telemetry"
	"github.com/entraide/entraide/pkg/problem"
)

// FailureFile is the page of an error: its view is a [Failure].
const FailureFile = "error.html"

// What a router answers where it has no route.
var (
	ErrNowhere = problem.New(problem.NotFound, "", "There is nothing at this address.")
	ErrMethod  = problem.New(problem.MethodNotAllowed, "", "This address does not take this method.")
)

// StatusOf is the status that an error becomes, which is 500 unless it says what
// was wrong with the request.
func StatusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	p, ok := errors.AsType[*problem.Error](err)
	switch {
	case !ok:
		return http.StatusInternalServerError
	case p.Code == problem.InvalidValue:
		return http.StatusUnprocessableEntity
	}
	return p.Document().Status
}

// explained are the statuses that have words of their own; every other is told as
// a failure of the server.
var explained = map[int]string{
	http.StatusUnauthorized:          "401",
	http.StatusForbidden:             "403",
	http.StatusNotFound:              "404",
	http.StatusMethodNotAllowed:      "405",
	http.StatusConflict:              "409",
	http.StatusRequestEntityTooLarge: "413",
	http.StatusUnprocessableEntity:   "422",
	http.StatusTooManyRequests:       "429",
	http.StatusInternalServerError:   "500",
	http.StatusServiceUnavailable:    "503",
}

// A Failure is what the page of an error shows.
type Failure struct {
	Status   int
	Code     string // of the status, in the catalogue
	Problem  string // a problem code; empty if the status says it all
	Detail   string // in English, for the administrator
	Incident string // names a failure in the log
	SignIn   string // where to sign in; empty elsewhere
}

// NewFailure is the page of an error that is answered with a status. What is not a
// refusal stays private.
func NewFailure(err error, status int) Failure {
	v := Failure{Status: status, Code: explained[status]}
	if v.Code == "" {
		v.Status = http.StatusInternalServerError
		v.Code = explained[v.Status]
	}
	if v.Status >= http.StatusInternalServerError {
		var b [4]byte
		_, _ = rand.Read(b[:]) // never fails
		v.Incident = hex.EncodeToString(b[:])
	} else if p, ok := errors.AsType[*problem.Error](err); ok {
		v.Problem, v.Detail = string(p.Code), p.Detail
	}
	return v
}

// Record writes the one log line of a request, which says of it only attrs: a route
// by its name, never a path, and neither addresses nor contents.
func Record(log *slog.Logger, status int, incident string, err error, attrs ...any) {
	switch {
	case err == nil:
		log.Info("page", attrs...)
	case status >= http.StatusInternalServerError:
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			err = telemetry.Cause(err)
		}
		log.Error("page failed", append(attrs, "incident", incident, "err", err)...)
	default:
		log.Info("page refused", append(attrs, "status", status)...)
	}
}
