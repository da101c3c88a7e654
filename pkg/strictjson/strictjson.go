// Package strictjson reads and writes JSON in the one spelling that signed
// objects may have (protocol section 1).
//
// Two programs that read the same signed bytes must understand the same thing.
// Ordinary JSON leaves too much open for that: a duplicate member may mean the
// first or the last, an unknown one may be ignored, a name may match without
// regard to case, and a number may lose digits. This package refuses every
// document on which readers could differ. It follows I-JSON (RFC 7493) and is
// stricter: integers only, no null, and strings in Unicode normalisation
// form C.
package strictjson

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"
)

const (
	// MaxDepth is how deeply arrays and objects may nest.
	MaxDepth = 32
	// MaxInteger is the largest magnitude of a number: beyond it, readers that
	// hold numbers as IEEE 754 doubles cannot tell neighbours apart (RFC 7493
	// section 2.2).
	MaxInteger = 1<<53 - 1
)

// reading is how Unmarshal reads. The decoder refuses duplicate names, invalid
// UTF-8 and names that differ in case by itself.
var reading = json.JoinOptions(
	json.RejectUnknownMembers(true),
	json.WithUnmarshalers(json.UnmarshalFromFunc(readBytes)),
)

// writing is how Marshal writes: maps in order, so that equal values have equal
// bytes.
var writing = json.Deterministic(true)

// Unmarshal parses data, of at most maxBytes bytes, into the value that v
// points to.
//
// It accepts UTF-8 in normalisation form C, without byte-order mark; names that
// match exactly and occur once; integers of at most MaxInteger in magnitude,
// written without fraction, exponent or negative zero; nesting up to MaxDepth;
// base64 (of a []byte) in its one padded
// spelling; and one value with nothing but white space
// around it. It refuses null, everywhere. Raw members are held to the same
// rules, unknown members excepted.
//
// A member that is absent leaves its field as it was: whether one is required
// is the caller's to check. The error is always an *Error, and v is then of no
// use.
func Unmarshal(data []byte, maxBytes int, v any) error {
	if len(data) > maxBytes {
		return &Error{Kind: TooLarge, Detail: "The document is larger than " + strconv.Itoa(maxBytes) + " bytes."}
	}
	if err := check(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, reading); err != nil {
		return translate(err)
	}
	return nil
}

// Marshal writes v compactly: struct members in the order of their
// declaration, map members in the order of their names, nothing escaped that
// need not be, nil slices as []. What Unmarshal would not accept is not
// written; the error is then an *Error.
//
// The tag option omitempty leaves out what would be written as "", [] or {}; a
// number or bool that is to be left out when zero needs omitzero.
func Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v, writing)
	if err != nil {
		return nil, translate(err)
	}
	if err := check(data); err != nil {
		return nil, err
	}
	return data, nil
}

// check walks all tokens of data and holds them to the rules that do not depend
// on the type the document is read into.
func check(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return translate(err)
		}
		if dec.StackDepth() > MaxDepth {
			return &Error{Kind: Syntax, Detail: details[Syntax]}
		}
		if detail := fault(token); detail != "" {
			return &Error{Kind: Value, Pointer: bounded(string(dec.StackPointer())), Detail: detail}
		}
	}
}

// fault says in a sentence what is wrong with a token, or "".
func fault(token jsontext.Token) string {
	switch token.Kind() {
	case jsontext.KindNull:
		return "The value null is not used; leave the member out."
	case jsontext.KindString:
		if !norm.NFC.IsNormalString(token.String()) {
			return "The text is not in Unicode normalisation form C."
		}
	case jsontext.KindNumber:
		// The literal is compared, not its value: 1.0, 1e3 and -0 have another
		// spelling.
		n, err := strconv.ParseInt(token.String(), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != token.String() || n > MaxInteger || n < -MaxInteger {
			return "The number is not a plain integer within 2^53."
		}
	}
	return ""
}

// readBytes reads base64 text. Unlike the default, it refuses a last digit with
// stray bits, so that the same bytes have one spelling.
func readBytes(dec *jsontext.Decoder, v *[]byte) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != jsontext.KindString {
		return errors.New("base64 text expected")
	}
	data, err := base64.StdEncoding.Strict().DecodeString(token.String())
	if err != nil || strings.ContainsAny(token.String(), "\r\n") {
		return &Error{Kind: Value, Detail: "The text is not base64 in its canonical, padded form."}
	}
	*v = data
	return nil
}
