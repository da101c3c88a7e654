package evidence

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// MaxNameBytes bounds the name of a file or folder, as file systems do.
	MaxNameBytes = 255
	// MaxPathBytes bounds a path; what receivers put in front of it has room.
	MaxPathBytes = 1024
	// maxDepth bounds the folders in a path.
	maxDepth = 64
)

// reserved are names that Windows takes for devices, whatever their extension.
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?$`)

// CheckPath returns why a path within a package is refused, or "" if it is not.
// What is accepted is, to every file system and terminal, the same name of a
// file below the folder where it is unpacked, and nothing else: segments between
// slashes, in UTF-8 and normalisation form C, of printable characters.
func CheckPath(path string) (reason string) {
	switch {
	case len(path) > MaxPathBytes:
		return fmt.Sprintf("the path has more than %d bytes", MaxPathBytes)
	case !utf8.ValidString(path):
		return "the name is not in UTF-8"
	case !norm.NFC.IsNormalString(path):
		return "the name is not in Unicode normalisation form C"
	case strings.Count(path, "/") > maxDepth:
		return fmt.Sprintf("there are more than %d folders", maxDepth)
	}
	for segment := range strings.SplitSeq(path, "/") {
		if reason := checkName(segment); reason != "" {
			return reason
		}
	}
	return ""
}

// checkName is CheckPath for what is between slashes.
func checkName(name string) string {
	switch {
	case name == "":
		return "a name is empty"
	case name == "." || name == "..":
		return "it leads to another folder"
	case len(name) > MaxNameBytes:
		return fmt.Sprintf("a name has more than %d bytes", MaxNameBytes)
	case strings.ContainsAny(name, `\:*?"<>|`):
		return `a name has one of the characters \ : * ? " < > |`
	case strings.TrimRight(name, " .") != name || strings.TrimLeft(name, " ") != name:
		return "a name begins or ends with a space, or ends with a full stop"
	case strings.ContainsFunc(name, unprintable):
		return "a name has characters that are not seen or change direction"
	case reserved.MatchString(name):
		return "a name is that of a device"
	}
	return ""
}

// unprintable reports whether a character is not seen, or changes how others
// are. Joiners are needed within words of some scripts.
func unprintable(r rune) bool {
	if r == 0x200c || r == 0x200d || r == ' ' {
		return false
	}
	return !unicode.IsPrint(r)
}

// A pathSet finds paths that some file system takes for one another, or that are
// a file here and a folder there.
type pathSet struct {
	spelling map[string]string // of each path and folder, by its folded form
	folder   map[string]bool   // whether it is a folder, by its spelling
	fold     cases.Caser
}

func newPathSet() *pathSet {
	return &pathSet{map[string]string{}, map[string]bool{}, cases.Fold()}
}

// add adds a path of a file and returns the path before that it collides with, or
// "" if there is none.
func (s *pathSet) add(path string) string {
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		prefix, folder := path[:i], i < len(path)
		folded := norm.NFC.String(s.fold.String(norm.NFD.String(prefix)))
		before, ok := s.spelling[folded]
		if ok && (before != prefix || !folder || !s.folder[prefix]) {
			return before
		}
		s.spelling[folded], s.folder[prefix] = prefix, folder
	}
	return ""
}
