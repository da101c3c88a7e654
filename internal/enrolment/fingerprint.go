package enrolment

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"rsc.io/qr"

	"github.com/entraide/entraide/schemas"
)

// wordLists reads the two lists of 256 words: one for the bytes at even places,
// short ones, and one for those at odd places, long ones, so that a word that was
// left out, repeated or exchanged with its neighbour is heard.
var wordLists = sync.OnceValues(func() (lists [2][]string, err error) {
	data, err := schemas.FS.ReadFile("words.json")
	if err != nil {
		return lists, err
	}
	var file struct{ Even, Odd []string }
	if err := json.Unmarshal(data, &file); err != nil {
		return lists, fmt.Errorf("enrolment: reading the words: %w", err)
	}
	return [2][]string{file.Even, file.Odd}, nil
})

// Words returns a fingerprint in words, one for each byte, to be read aloud.
func Words(fingerprint string) ([]string, error) {
	raw, err := hex.DecodeString(fingerprint)
	if err != nil {
		return nil, fmt.Errorf("enrolment: not a fingerprint: %w", err)
	}
	lists, err := wordLists()
	if err != nil {
		return nil, err
	}
	words := make([]string, len(raw))
	for i, b := range raw {
		words[i] = lists[i%2][b]
	}
	return words, nil
}

// URI returns a fingerprint as OpenPGP programs read it from a QR code.
func URI(fingerprint string) string { return "OPENPGP4FPR:" + strings.ToUpper(fingerprint) }

// A QR is a QR code (ISO/IEC 18004).
type QR struct{ code *qr.Code }

// quiet is the white margin of a QR code, in modules.
const quiet = 4

// NewQR returns the QR code of a fingerprint, as [URI] writes it.
func NewQR(fingerprint string) (QR, error) {
	code, err := qr.Encode(URI(fingerprint), qr.M)
	return QR{code}, err
}

// PNG returns the code as a picture.
func (q QR) PNG() []byte { return q.code.PNG() }

// SVG returns the code as a drawing that can be printed at any size.
func (q QR) SVG() []byte {
	var out bytes.Buffer
	size := q.code.Size + 2*quiet
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`, size, size)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`, size, size)
	for y := range q.code.Size {
		for x := range q.code.Size {
			if q.code.Black(x, y) {
				fmt.Fprintf(&out, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	out.WriteString("\"/></svg>\n")
	return out.Bytes()
}

// Text returns the code in block characters, two modules above each other in
// one. White modules are drawn, for terminals that are dark.
func (q QR) Text() string {
	var out strings.Builder
	white := func(x, y int) int {
		if q.code.Black(x, y) {
			return 0
		}
		return 1
	}
	for y := -quiet; y < q.code.Size+quiet; y += 2 {
		for x := -quiet; x < q.code.Size+quiet; x++ {
			out.WriteString([]string{" ", "▄", "▀", "█"}[2*white(x, y)+white(x, y+1)])
		}
		out.WriteByte('\n')
	}
	return out.String()
}
