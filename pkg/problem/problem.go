// Package problem holds the closed catalogue of refusals: everything that one
// side of the exchange tells the other, or its own user, about what it did not
// accept. Each has a stable code; the HTTP status, the title and the remedy
// follow from the code.
package problem

import (
	"errors"
	"fmt"
	"strings"
)

// An Error is a refusal with its code, or our own failure under the code
// Internal.
type Error struct {
	// Code is the kind of refusal.
	Code Code
	// Field is the offending member: a JSON pointer, or a path of members such
	// as core.to.fingerprint, or the name of a parameter. It may be empty.
	Field string
	// Detail is one sentence for the caller. It holds no secret and nothing that
	// the caller may not know.
	Detail string
	// Stage is the stage of the case when an act was not allowed there.
	Stage string
	// Unseen lists digests of messages of the case that the sender had not
	// processed when an act was not allowed.
	Unseen []string
	// Err is the cause. It is for our log and never leaves the process.
	Err error
}

// New returns a refusal without a cause.
func New(code Code, field, detail string) *Error {
	return &Error{Code: code, Field: field, Detail: detail}
}

// Newf is New with a formatted detail.
func Newf(code Code, field, format string, args ...any) *Error {
	return New(code, field, fmt.Sprintf(format, args...))
}

// Wrap returns a refusal whose cause is err.
func Wrap(code Code, field, detail string, err error) *Error {
	return &Error{Code: code, Field: field, Detail: detail, Err: err}
}

// Error implements error. The text includes the cause, unless that says nothing
// else, and is for our log, not for the caller.
func (e *Error) Error() string {
	text := string(e.Code)
	if e.Field != "" {
		text += " at " + e.Field
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err == nil {
		return text
	}
	if cause := e.Err.Error(); e.Detail == "" || !strings.HasSuffix(cause, e.Detail) {
		text += ": " + cause
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first *Error in err's chain, and Internal if
// there is none. It returns "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}

// typePrefix begins the type URI of every problem document.
const typePrefix = "https://entraide.example/problems/"

// A Document is a problem as it is sent: RFC 9457 problem details with the
// extension members code, field, remedy, stage and unseen.
type Document struct {
	Type   string   `json:"type"`
	Title  string   `json:"title"`
	Status int      `json:"status"`
	Detail string   `json:"detail,omitempty"`
	Code   Code     `json:"code"`
	Field  string   `json:"field,omitempty"`
	Remedy string   `json:"remedy"`
	Stage  string   `json:"stage,omitempty"`
	Unseen []string `json:"unseen,omitempty"`
}

// Document returns what the caller is told: everything but the cause.
func (e *Error) Document() Document {
	return Document{
		Type: typePrefix + string(e.Code), Title: e.Code.Title(), Status: e.Code.Status(),
		Detail: e.Detail, Code: e.Code, Field: e.Field, Remedy: e.Code.Remedy(),
		Stage: e.Stage, Unseen: e.Unseen,
	}
}

// Err returns the refusal that a received document reports. A code that is not
// in the catalogue, from a newer peer or from something that is not a peer,
// becomes Internal.
func (d Document) Err() *Error {
	code := d.Code
	if !code.Valid() {
		code = Internal
	}
	return &Error{Code: code, Field: d.Field, Detail: d.Detail, Stage: d.Stage, Unseen: d.Unseen}
}
