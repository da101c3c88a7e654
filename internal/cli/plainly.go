package cli

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// A plainly writer shows texts that may come from other States: what moves a
// cursor, colours a line or turns its direction is written as an escape, so that
// nobody can have a terminal say what the program does not.
type plainly struct{ io.Writer }

// Write implements [io.Writer].
func (s plainly) Write(text []byte) (int, error) {
	if _, err := s.Writer.Write(harmless(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

func harmless(text []byte) []byte {
	if !bytes.ContainsFunc(text, steers) {
		return text
	}
	var b bytes.Buffer
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if steers(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.Write(text[:size])
		}
		text = text[size:]
	}
	return b.Bytes()
}

// steers reports whether a terminal obeys a character instead of showing it. The
// isolates whose direction follows from what is in them turn nothing else.
func steers(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r >= 0x202A && r <= 0x202E, r == 0x2066, r == 0x2067:
		return true
	}
	return unicode.IsControl(r)
}
