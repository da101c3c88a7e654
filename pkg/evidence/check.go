package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// CheckBag compares a bag in a folder with the description in it. It returns the
// description and a *FileError for each file that is not as described: missing,
// changed, or not described at all. Those wrap fs.ErrNotExist, ErrContent and
// ErrKind, or fs.ErrExist.
//
// The error wraps ErrManifest if there is no description to compare with.
func CheckBag(bag string) (*Package, []*FileError, error) {
	text, err := readFile(filepath.Join(bag, PackageName), MaxPackageBytes)
	if err != nil {
		return nil, nil, err
	}
	p, err := ParsePackage(text)
	if err != nil {
		return nil, nil, err
	}
	tags, err := p.tagFiles()
	if err != nil {
		return nil, nil, err
	}
	root, err := os.OpenRoot(bag)
	if err != nil {
		return nil, nil, fmt.Errorf("evidence: checking: %w", err)
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	c := &checker{root: root, described: map[string]bool{}}
	for _, tag := range tags {
		c.check(tag.name, File{Path: tag.name, Bytes: int64(len(tag.text)), SHA256: digestOf(tag.text)})
	}
	for _, f := range p.Files {
		c.check(path.Join(bagDataFolder, f.Path), f)
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !c.described[path] {
			c.found = append(c.found, &FileError{path, fmt.Errorf("%w: it is not described", fs.ErrExist)})
		}
		if len(c.found) > MaxFiles {
			return errMany
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("evidence: checking: %w", err)
	}
	return p, c.found, nil
}

// A checker compares files with what is said of them.
type checker struct {
	root      *os.Root
	described map[string]bool
	found     []*FileError
}

func (c *checker) check(name string, f File) {
	c.described[name] = true
	if err := c.compare(name, f); err != nil {
		cause := err
		if e, ok := errors.AsType[*FileError](err); ok {
			cause = e.Err
		}
		c.found = append(c.found, &FileError{name, cause})
	}
}

func (c *checker) compare(name string, f File) error {
	in, err := openRegular(c.root, name)
	if err != nil {
		return err
	}
	defer in.Close()
	content := f.content(in)
	if _, err := io.Copy(io.Discard, content); err != nil {
		return err
	}
	if content.end() != nil {
		return fmt.Errorf("%w: its size or digest is another", ErrContent)
	}
	return nil
}
