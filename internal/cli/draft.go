package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/tailscale/hujson"
)

// maxDraft bounds the file of a body with its comments.
const maxDraft = 4 << 20

// A draft is the file of a body: JSON that may hold comments and trailing
// commas, as templates do.
type draft struct {
	// body is the JSON alone, as it travels.
	body []byte
	text []byte
	tree *hujson.Value // nil where the text is no such JSON
}

// readDraft reads a file, or standard input for "-". What cannot be understood
// is left for the check of the content to refuse.
func readDraft(in io.Reader, path string) (draft, error) {
	text, err := readInput(in, path, maxDraft)
	if err != nil {
		return draft{}, err
	}
	tree, err := hujson.Parse(bytes.Clone(text))
	if err != nil {
		return draft{body: text, text: text}, nil //nolint:nilerr // the check of the content names the place
	}
	minimal := tree.Clone()
	minimal.Minimize()
	return draft{body: minimal.Pack(), text: text, tree: &tree}, nil
}

// readInput reads a file, or standard input for "-".
func readInput(in io.Reader, path string, limit int64) ([]byte, error) {
	if path == "-" {
		return readAll(in, "the standard input", limit)
	}
	return readFile(path, limit)
}

// line returns the line of the place that a JSON pointer leads to, or of what
// it is missing from; 0 where it is not known.
func (d draft) line(pointer string) int {
	if d.tree == nil {
		return 0
	}
	for {
		if v := d.tree.Find(pointer); v != nil {
			return 1 + bytes.Count(d.text[:v.StartOffset], []byte("\n"))
		}
		i := strings.LastIndexByte(pointer, '/')
		if i < 0 {
			return 1
		}
		pointer = pointer[:i]
	}
}

// errFindings says that a check found errors, which are printed already.
var errFindings = errors.New("the document has errors and cannot be sent as it is")
