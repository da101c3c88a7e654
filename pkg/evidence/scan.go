package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
)

// maxRefusals bounds the files that one error names.
const maxRefusals = 100

// errMany ends a list of refusals that would be longer.
var errMany = errors.New("evidence: and others")

// Scan describes the items, and the regular files below those that are folders,
// each read once from beginning to end. Folders without files are not described. Symbolic links are not
// followed: they, devices, pipes and sockets are refused, as are names that
// CheckPath refuses and names that are the same on some systems.
//
// The error joins a *FileError for each refusal, up to 100, that wraps ErrPath,
// ErrKind or ErrChanged; or wraps ErrManifest, if there are no files or too many,
// or the collection is malformed.
func Scan(items []Item, c Collection) (*Package, error) {
	all, err := openSources(items)
	if err != nil {
		return nil, err
	}
	defer all.close()
	s := &scanner{open: all.open, paths: newPathSet(), buf: make([]byte, 256<<10), hash: sha256.New(), progress: c.Progress}
	s.p = &Package{Typ: TypPackage, Created: timeText(c.Created), Restricted: c.Restricted, Custody: c.Custody}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := s.item(name, all[name]); err != nil {
			return nil, errors.Join(append(s.refused, err)...)
		}
	}
	if len(s.refused) > 0 {
		return nil, errors.Join(s.refused...)
	}
	slices.SortFunc(s.p.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	if _, err := s.p.Text(); err != nil {
		return nil, err
	}
	return s.p, nil
}

// A scanner goes through items.
type scanner struct {
	open     opener
	custody  *Custody // of the present item
	p        *Package
	paths    *pathSet
	buf      []byte
	hash     hash.Hash
	progress func(int64)
	refused  []error
}

// item describes the files of an item.
func (s *scanner) item(name string, from source) error {
	s.custody = from.item.Custody
	if !from.folder {
		return s.visit(name, 0)
	}
	return fs.WalkDir(from.root.FS(), ".", func(below string, d fs.DirEntry, err error) error {
		if err != nil {
			return &FileError{path.Join(name, below), err}
		}
		if d.IsDir() {
			return nil
		}
		return s.visit(path.Join(name, below), d.Type())
	})
}

// visit describes a file, or notes why it is refused.
func (s *scanner) visit(path string, kind fs.FileMode) error {
	if err := s.add(path, kind); err != nil {
		if _, ok := errors.AsType[*FileError](err); !ok {
			return err
		}
		if s.refused = append(s.refused, err); len(s.refused) == maxRefusals {
			return errMany
		}
	}
	return nil
}

// add describes a file.
func (s *scanner) add(path string, kind fs.FileMode) error {
	if reason := CheckPath(path); reason != "" {
		return &FileError{path, fmt.Errorf("%w: %s", ErrPath, reason)}
	}
	if !kind.IsRegular() {
		return &FileError{path, ErrKind}
	}
	if before := s.paths.add(path); before != "" {
		return &FileError{path, fmt.Errorf("%w: on some systems it is the same as %q", ErrPath, before)}
	}
	if len(s.p.Files) == MaxFiles {
		return fmt.Errorf("%w: there are more than %d files", ErrManifest, MaxFiles)
	}
	f, err := s.open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	described, err := s.describe(f)
	if err != nil {
		return &FileError{path, err}
	}
	described.Path, described.Custody = path, s.custody
	s.p.Files = append(s.p.Files, described)
	return nil
}

// describe reads a file to its end.
func (s *scanner) describe(f *os.File) (File, error) {
	before, err := f.Stat()
	if err != nil {
		return File{}, err
	}
	s.hash.Reset()
	kind, n := "application/octet-stream", int64(0)
	for {
		got, err := io.ReadFull(f, s.buf)
		s.hash.Write(s.buf[:got])
		if s.progress != nil {
			s.progress(int64(got))
		}
		if n == 0 && got > 0 && !s.p.Restricted {
			kind, _, _ = strings.Cut(http.DetectContentType(s.buf[:got]), ";")
		}
		if n += int64(got); n > before.Size() {
			return File{}, ErrChanged
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return File{}, err
		}
	}
	after, err := f.Stat()
	if err != nil {
		return File{}, err
	}
	if n != before.Size() || after.Size() != n || !after.ModTime().Equal(before.ModTime()) {
		return File{}, ErrChanged
	}
	return File{Bytes: n, SHA256: hex.EncodeToString(s.hash.Sum(nil)), MediaType: kind, Modified: timeText(after.ModTime())}, nil
}

// openRegular opens a regular file below a folder; it follows no link at the end
// of the path.
//
// The error is a *FileError.
func openRegular(root *os.Root, path string) (*os.File, error) {
	before, err := root.Lstat(path)
	if err != nil {
		return nil, &FileError{path, err}
	}
	if !before.Mode().IsRegular() {
		return nil, &FileError{path, ErrKind}
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, &FileError{path, err}
	}
	if after, err := f.Stat(); err != nil || !os.SameFile(before, after) {
		f.Close()
		return nil, &FileError{path, ErrChanged}
	}
	return f, nil
}
