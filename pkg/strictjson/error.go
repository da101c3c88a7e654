package strictjson

import (
	"errors"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Kind says in which way a document was refused. Kinds are spelt as the
// problem codes that callers answer with.
type Kind string

const (
	// TooLarge is a document of more bytes than the caller accepts.
	TooLarge Kind = "too-large"
	// Syntax is what is not one JSON value in UTF-8, or nests too deeply.
	Syntax Kind = "malformed-json"
	// Duplicate is a member that occurs twice in its object.
	Duplicate Kind = "duplicate-member"
	// Unknown is a member that the type does not have.
	Unknown Kind = "unknown-member"
	// Value is a value of the wrong type or form.
	Value Kind = "invalid-value"
)

// An Error says why and where a document was refused. It repeats no value of
// the document, which may be secret; names of members occur in the pointer.
type Error struct {
	Kind Kind
	// Pointer is the JSON pointer (RFC 6901) of the place, "" for the whole
	// document. It is cut, with an ellipsis, where it would be unreasonably long.
	Pointer string
	// Detail is one sentence.
	Detail string
}

// Error implements error.
func (e *Error) Error() string {
	text := "strictjson: " + string(e.Kind)
	if e.Pointer != "" {
		text += " at " + e.Pointer
	}
	return text + ": " + e.Detail
}

// details holds the sentence for each kind whose cause says nothing better.
var details = map[Kind]string{
	Syntax:    "The text is not a single JSON value in UTF-8, or it nests too deeply.",
	Duplicate: "The member occurs twice.",
	Unknown:   "The member is not known.",
	Value:     "The value has the wrong type or form.",
}

// translate turns an error of the JSON library into ours. An *Error that a
// method of the target type returned keeps its kind and sentence; its pointer
// continues that of the value.
func translate(err error) *Error {
	out := &Error{Kind: Syntax}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		out.Pointer = string(e.JSONPointer)
		if errors.Is(e.Err, jsontext.ErrDuplicateName) {
			out.Kind = Duplicate
		}
	} else if e, ok := errors.AsType[*json.SemanticError](err); ok {
		out.Kind, out.Pointer = Value, string(e.JSONPointer)
		if errors.Is(e.Err, json.ErrUnknownName) {
			out.Kind = Unknown
		}
	}
	out.Detail = details[out.Kind]
	if e, ok := errors.AsType[*Error](err); ok {
		out.Kind, out.Detail = e.Kind, e.Detail
		out.Pointer += e.Pointer
	}
	out.Pointer = bounded(out.Pointer)
	return out
}

// maxPointerBytes bounds what a hostile document can put into an error.
const maxPointerBytes = 256

// bounded cuts a pointer to maxPointerBytes, between characters.
func bounded(pointer string) string {
	if len(pointer) <= maxPointerBytes {
		return pointer
	}
	end := maxPointerBytes
	for !utf8.RuneStart(pointer[end]) {
		end--
	}
	return pointer[:end] + "…"
}
