package evidence

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Names in a bag (RFC 8493 section 2).
const (
	// PackageName is the name of the file that holds the description.
	PackageName   = "package.json"
	bagName       = "bagit.txt"
	bagInfoName   = "bag-info.txt"
	bagFilesName  = "manifest-sha256.txt"
	bagTagsName   = "tagmanifest-sha256.txt"
	bagDataFolder = "data"
	// archiveFolder is the one folder of an archive, with the bag in it.
	archiveFolder = "evidence"
)

// A tagFile is a file of a bag that says something about the others.
type tagFile struct {
	name string
	text []byte
}

// tagFiles returns the files of the bag other than the described ones, in the
// order in which they are packed. They follow from the description alone.
func (p *Package) tagFiles() ([]tagFile, error) {
	description, err := p.Text()
	if err != nil {
		return nil, err
	}
	tags := []tagFile{
		{bagName, []byte("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")},
		{PackageName, description},
		{bagInfoName, p.bagInfo()},
		{bagFilesName, p.bagFiles()},
	}
	var list bytes.Buffer
	for _, tag := range tags {
		fmt.Fprintf(&list, "%s  %s\n", digestOf(tag.text), tag.name)
	}
	return append(tags, tagFile{bagTagsName, list.Bytes()}), nil
}

// bagInfo returns the text about the bag (RFC 8493 section 2.2.2).
func (p *Package) bagInfo() []byte {
	var out bytes.Buffer
	date, _, _ := strings.Cut(p.Created, "T")
	fmt.Fprintf(&out, "Bagging-Date: %s\nPayload-Oxum: %d.%d\n", date, p.Bytes(), len(p.Files))
	for _, line := range [][2]string{
		{"External-Identifier", p.Custody.Identifier}, {"External-Description", p.Custody.Origin}, {"Contact-Name", p.Custody.AcquiredBy},
	} {
		if value := strings.TrimSpace(line[1]); value != "" {
			fmt.Fprintf(&out, "%s: %s\n", line[0], value)
		}
	}
	return out.Bytes()
}

// bagFiles returns the list of the described files (RFC 8493 section 2.1.3). A
// percent sign is the one character of our paths that is spelt in another way.
func (p *Package) bagFiles() []byte {
	var out bytes.Buffer
	for _, f := range p.Files {
		fmt.Fprintf(&out, "%s  %s/%s\n", f.SHA256, bagDataFolder, strings.ReplaceAll(f.Path, "%", "%25"))
	}
	return out.Bytes()
}

// A putter takes a file of a bag: its path, its size, and its content to be read
// to its end.
type putter func(path string, size int64, content io.Reader) error

// putAll puts all files of the bag, the described ones as open gives them.
func (p *Package) putAll(open opener, put putter) error {
	tags, err := p.tagFiles()
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if err := put(tag.name, int64(len(tag.text)), bytes.NewReader(tag.text)); err != nil {
			return fmt.Errorf("evidence: packing %s: %w", tag.name, err)
		}
	}
	for _, f := range p.Files {
		if err := f.putFrom(open, put); err != nil {
			return err
		}
	}
	return nil
}

// putFrom puts a file, if it is still as described.
func (f File) putFrom(open opener, put putter) error {
	in, err := open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	content := f.content(in)
	if err := put(bagDataFolder+"/"+f.Path, f.Bytes, content); err != nil {
		return &FileError{f.Path, err}
	}
	if err := content.end(); err != nil {
		return &FileError{f.Path, err}
	}
	return nil
}

// content returns a reader of as many bytes of a file as are described.
func (f File) content(in io.Reader) *contentReader {
	r := &contentReader{rest: in, sum: f.SHA256}
	hash := sha256.New()
	r.limited = io.LimitedReader{R: io.TeeReader(in, hash), N: f.Bytes}
	r.digest = func() string { return hex.EncodeToString(hash.Sum(nil)) }
	return r
}

// A contentReader reads a file that is described.
type contentReader struct {
	limited io.LimitedReader
	rest    io.Reader
	sum     string
	digest  func() string
}

// Read implements io.Reader.
func (r *contentReader) Read(b []byte) (int, error) { return r.limited.Read(b) }

// end returns ErrChanged if the file was not as described: of another digest, or
// shorter or longer.
func (r *contentReader) end() error {
	if n, err := r.rest.Read(make([]byte, 1)); n > 0 || err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(ErrChanged, err)
	}
	if r.limited.N > 0 || r.digest() != r.sum {
		return ErrChanged
	}
	return nil
}

// Pack writes the files that p describes, from the items that were scanned, and
// the description, as a bag in a tar archive. Files are read again, and the
// archive depends on nothing but them and p.
//
// The error wraps ErrManifest, or is a *FileError that wraps ErrChanged or
// ErrKind if a file is no longer as described, or is that of out. What has been
// written by then is worthless.
func (p *Package) Pack(out io.Writer, items []Item) error {
	all, err := openSources(items)
	if err != nil {
		return err
	}
	defer all.close()
	return p.pack(out, all.open)
}

// PackBag is Pack from a bag that OpenPackage made: it writes the archive again
// that the bag was unpacked from.
func (p *Package) PackBag(out io.Writer, bag string) error {
	root, err := os.OpenRoot(filepath.Join(bag, bagDataFolder))
	if err != nil {
		return fmt.Errorf("evidence: packing: %w", err)
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	return p.pack(out, func(path string) (*os.File, error) { return openRegular(root, path) })
}

func (p *Package) pack(out io.Writer, open opener) error {
	created, err := time.Parse(time.RFC3339, p.Created)
	if err != nil {
		return fmt.Errorf("%w: the time of creation", ErrManifest)
	}
	archive, buf := tar.NewWriter(out), make([]byte, 256<<10)
	err = p.putAll(open, func(name string, size int64, content io.Reader) error {
		head := &tar.Header{
			Format: tar.FormatPAX, Typeflag: tar.TypeReg, Name: path.Join(archiveFolder, name), Size: size, Mode: 0o600, ModTime: created,
		}
		if err := archive.WriteHeader(head); err != nil {
			return err
		}
		n, err := io.CopyBuffer(struct{ io.Writer }{archive}, content, buf)
		if err == nil && n < size {
			err = ErrChanged
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("evidence: packing: %w", err)
	}
	return nil
}

// newFolder makes a folder, fills it and puts it on disk, and removes it if that
// fails.
func newFolder(folder string, fill func(*os.Root) error) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err == nil {
		if err = fill(root); err == nil {
			err = syncFolders(root)
		}
		err = errors.Join(err, root.Close())
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	return nil
}

// syncFolders puts the names in a folder and those below it on disk.
func syncFolders(root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(filepath.Join(root.Name(), path))
	})
}

// putFile writes a new file, and the folders above it, below a folder and onto
// the disk.
func putFile(root *os.Root, name string, content io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	return f.Sync()
}
