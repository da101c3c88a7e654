package evidence

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/entraide/entraide/pkg/pgp"
)

// Archive is Pack for those who read: the archive that it would write. Close
// ends it early.
func (p *Package) Archive(items []Item) io.ReadCloser {
	in, out := io.Pipe()
	go func() { out.CloseWithError(p.Pack(out, items)) }()
	return in
}

// OpenPackage is Open and Unpack in one, into a folder that has its name only
// once all is whole, right and on disk. Until then it is in quarantine, another
// path in the same file system; what is there is removed.
//
// The error wraps fs.ErrExist if there is something at bag, and otherwise what
// Open's or Unpack's does.
func OpenPackage(bag, quarantine string, key *pgp.Key, recipients []string, s Sealed, source Source) (*Package, error) {
	if _, err := os.Lstat(bag); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("evidence: opening: %w", cmp.Or(err, fs.ErrExist))
	}
	if err := os.RemoveAll(quarantine); err != nil {
		return nil, fmt.Errorf("evidence: opening: %w", err)
	}
	in, out := io.Pipe()
	opened := make(chan error, 1)
	go func() {
		err := Open(out, key, recipients, s, source)
		out.CloseWithError(err)
		opened <- err
	}()
	p, err := Unpack(in, quarantine)
	// If unpacking failed, this is why opening does; if not, it has ended.
	in.CloseWithError(err)
	if failed := <-opened; failed != nil {
		return nil, errors.Join(failed, os.RemoveAll(quarantine))
	}
	if err != nil {
		return nil, err
	}
	if err := os.Rename(quarantine, bag); err != nil {
		return nil, fmt.Errorf("evidence: opening: %w", err)
	}
	if err := syncDir(filepath.Dir(bag)); err != nil {
		return nil, fmt.Errorf("evidence: opening: %w", err)
	}
	return p, nil
}

// Unpack reads an archive that Pack wrote to its end and writes the bag into a
// new folder, which the caller keeps in quarantine until then. The archive must
// be exactly what the description in it makes, so that no other name is ever
// written.
//
// The error wraps ErrContent or ErrManifest, or fs.ErrExist, or is that of the
// reader or of a file; the folder is then removed, unless it was there before.
func Unpack(in io.Reader, bag string) (*Package, error) {
	var p *Package
	err := newFolder(bag, func(root *os.Root) error {
		u := &unpacker{archive: tar.NewReader(in), root: root}
		err := u.all()
		if err == nil {
			err = onlyZeros(in)
		}
		p = u.p
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// onlyZeros reads what is behind an archive: programs fill up to a whole block.
func onlyZeros(in io.Reader) error {
	buf := make([]byte, 4<<10)
	for {
		n, err := in.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return fmt.Errorf("%w: there is something behind the archive", ErrContent)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("evidence: unpacking: %w", err)
		}
	}
}

// An unpacker reads an archive.
type unpacker struct {
	archive *tar.Reader
	root    *os.Root
	p       *Package
}

func (u *unpacker) all() error {
	// The description comes second; all else follows from it.
	first, err := u.tag(bagName, 1<<10)
	if err != nil {
		return err
	}
	second, err := u.tag(PackageName, MaxPackageBytes)
	if err != nil {
		return err
	}
	if u.p, err = ParsePackage(second); err != nil {
		return err
	}
	tags, err := u.p.tagFiles()
	if err != nil {
		return err
	}
	for i, tag := range tags {
		text := first
		if i == 1 {
			text = second
		} else if i > 1 {
			if text, err = u.tag(tag.name, int64(len(tag.text))); err != nil {
				return err
			}
		}
		if !bytes.Equal(text, tag.text) {
			return fmt.Errorf("%w: %s does not follow from the description", ErrContent, tag.name)
		}
		if err := putFile(u.root, tag.name, bytes.NewReader(text)); err != nil {
			return fmt.Errorf("evidence: unpacking %s: %w", tag.name, err)
		}
	}
	for _, f := range u.p.Files {
		if err := u.file(f); err != nil {
			return err
		}
	}
	if _, err := u.archive.Next(); !errors.Is(err, io.EOF) {
		return errors.Join(fmt.Errorf("%w: there are more files than described", ErrContent), err)
	}
	return nil
}

// next goes to the file that must come next, and returns its size.
func (u *unpacker) next(name string) (int64, error) {
	head, err := u.archive.Next()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader) {
		return 0, fmt.Errorf("%w: the archive ends, or is none, before %q", ErrContent, name)
	}
	if err != nil {
		return 0, fmt.Errorf("evidence: unpacking: %w", err)
	}
	if head.Typeflag != tar.TypeReg || head.Name != path.Join(archiveFolder, name) {
		return 0, fmt.Errorf("%w: the archive has something else instead of %q", ErrContent, name)
	}
	return head.Size, nil
}

// tag reads a file of at most limit bytes.
func (u *unpacker) tag(name string, limit int64) ([]byte, error) {
	size, err := u.next(name)
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrContent, name, limit)
	}
	text, err := io.ReadAll(u.archive)
	if err != nil {
		return nil, u.cut(name, err)
	}
	return text, nil
}

// file writes a described file.
func (u *unpacker) file(f File) error {
	name := path.Join(bagDataFolder, f.Path)
	if size, err := u.next(name); err != nil {
		return err
	} else if size != f.Bytes {
		return &FileError{f.Path, fmt.Errorf("%w: its size is another", ErrContent)}
	}
	content := f.content(u.archive)
	if err := putFile(u.root, name, content); err != nil {
		return &FileError{f.Path, u.cut(f.Path, err)}
	}
	if content.end() != nil {
		return &FileError{f.Path, fmt.Errorf("%w: its digest is another", ErrContent)}
	}
	return nil
}

// cut says of an archive that ends within a file what is wrong with it.
func (u *unpacker) cut(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the archive ends within %q", ErrContent, name)
	}
	return err
}
