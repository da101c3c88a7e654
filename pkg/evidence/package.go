package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/strictjson"
)

// TypPackage is the type of a description of a package.
const TypPackage = "entraide/package/1"

const (
	// MaxFiles bounds the files of a package.
	MaxFiles = 50_000
	// MaxPackageBytes bounds the description, which is held in memory.
	MaxPackageBytes = 16 << 20
	// MaxFileBytes bounds a file; JSON readers can tell larger numbers apart no
	// longer.
	MaxFileBytes = 1<<53 - 1
)

// A Package describes files and their folders, and how they were acquired.
type Package struct {
	Typ     string `json:"typ"`     // TypPackage
	Created string `json:"created"` // RFC 3339, UTC, whole seconds
	// Restricted is material that may be shown to nobody but those with a
	// permission of their own, such as that of child abuse: there is no preview,
	// no extraction of text, no look at the content to tell what it is.
	Restricted bool    `json:"restricted"`
	Custody    Custody `json:"custody"` // of all files
	Files      []File  `json:"files"`   // in the order of the bytes of their paths
}

// A File describes a file.
type File struct {
	Path      string `json:"path"`   // with slashes, as CheckPath accepts it
	Bytes     int64  `json:"bytes"`  // size
	SHA256    string `json:"sha256"` // lower-case hex
	MediaType string `json:"media_type"`
	Modified  string `json:"modified"` // as the file system said; RFC 3339, UTC, whole seconds
	// Custody is what differs from that of the package, or nil.
	Custody *Custody `json:"custody,omitzero"`
}

// Bytes returns the size of all files together.
func (p *Package) Bytes() int64 {
	total := int64(0)
	for _, f := range p.Files {
		total += f.Bytes
	}
	return total
}

// CustodyOf returns the custody record of a file: its own, or that of the
// package.
func (p *Package) CustodyOf(f File) Custody {
	if f.Custody != nil {
		return *f.Custody
	}
	return p.Custody
}

// Text returns the description as it is written, if it is one.
//
// The error wraps ErrManifest.
func (p *Package) Text() ([]byte, error) {
	if reason := p.check(); reason != "" {
		return nil, fmt.Errorf("%w: %s", ErrManifest, reason)
	}
	text, err := strictjson.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrManifest, err)
	}
	if len(text) > MaxPackageBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrManifest, MaxPackageBytes)
	}
	return text, nil
}

// ParsePackage reads a description. What it accepts, Text writes back byte for
// byte.
//
// The error wraps ErrManifest.
func ParsePackage(text []byte) (*Package, error) {
	var p Package
	if err := strictjson.Unmarshal(text, MaxPackageBytes, &p); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrManifest, err)
	}
	again, err := p.Text()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, text) {
		return nil, fmt.Errorf("%w: it is spelt in another way than it must be", ErrManifest)
	}
	return &p, nil
}

// IsMediaType reports whether s is a media type, such as application/x-tar.
func IsMediaType(s string) bool { return mediaType.MatchString(s) }

var mediaType = regexp.MustCompile(`^[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}$`)

// check returns what is wrong with the description, or "" if nothing is.
func (p *Package) check() string {
	switch {
	case p.Typ != TypPackage:
		return "it is not a package of version 1"
	case !isTime(p.Created):
		return "the time of creation is not RFC 3339, UTC, in whole seconds"
	case len(p.Files) == 0 || len(p.Files) > MaxFiles:
		return fmt.Sprintf("there are not 1 to %d files", MaxFiles)
	case !slices.IsSortedFunc(p.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) }):
		return "the files are not in the order of their paths"
	}
	if reason := p.Custody.Check(); reason != "" {
		return "custody: " + reason
	}
	paths, total := newPathSet(), int64(0)
	for i, f := range p.Files {
		reason := f.check()
		if reason == "" && f.Bytes > MaxFileBytes-total {
			reason = "all files together are too large"
		}
		if reason == "" && paths.add(f.Path) != "" {
			reason = "another has the same path on some systems"
		}
		if reason != "" {
			return fmt.Sprintf("file %d: %s", i+1, reason)
		}
		total += f.Bytes
	}
	return ""
}

func (f File) check() string {
	switch {
	case CheckPath(f.Path) != "":
		return CheckPath(f.Path)
	case f.Bytes < 0 || f.Bytes > MaxFileBytes:
		return "the size is out of range"
	case !isDigest(f.SHA256):
		return "the digest is not one"
	case !IsMediaType(f.MediaType):
		return "the media type is not one"
	case !isTime(f.Modified):
		return "the time of modification is not RFC 3339, UTC, in whole seconds"
	case f.Custody != nil:
		return f.Custody.Check()
	}
	return ""
}

// A FileError says why a file is refused, or in what it differs from its
// description.
type FileError struct {
	Path string // as found; it may hold anything
	Err  error
}

// Error implements error. The path is quoted.
func (e *FileError) Error() string { return fmt.Sprintf("evidence: %q: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Why files are refused. They come in a *FileError.
var (
	ErrPath    = errors.New("not a path for a package")
	ErrKind    = errors.New("neither a regular file nor a folder")
	ErrChanged = errors.New("it changed while it was read")
)

// A Collection says what Scan is to write about the files.
type Collection struct {
	Created    time.Time // of the package
	Restricted bool
	Custody    Custody
	// Progress is told how many more bytes were read, unless it is nil.
	Progress func(bytes int64)
}
