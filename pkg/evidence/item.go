package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// An Item is a file or folder on disk that goes into a package. In it, it is
// under the last name of its path: the file /x/disk.img is disk.img, and what is
// in the folder /x/mail is below mail.
type Item struct {
	Path string `json:"path"`
	// Custody is what differs from that of the package, or nil.
	Custody *Custody `json:"custody,omitzero"`
}

// An opener opens a file of a package by its path in it. The error is a
// *FileError.
type opener func(path string) (*os.File, error)

// A source is where an item is.
type source struct {
	root   *os.Root
	folder bool // the item is the root; else it is a file in it
	item   Item
}

// sources are items by their names.
type sources map[string]source

// openSources opens the items. The error joins a *FileError for each that is
// refused; sources are then closed.
func openSources(items []Item) (sources, error) {
	all := sources{}
	var errs []error
	for _, item := range items {
		if err := all.add(item); err != nil {
			errs = append(errs, &FileError{item.Path, err})
		}
	}
	if err := errors.Join(errs...); err != nil {
		all.close()
		return nil, err
	}
	return all, nil
}

// add opens an item.
func (s sources) add(item Item) error {
	path, err := filepath.Abs(item.Path)
	if err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	name := filepath.Base(path)
	if _, twice := s[name]; twice {
		return fmt.Errorf("%w: another item has the same name", ErrPath)
	}
	folder := info.IsDir()
	if !folder && !info.Mode().IsRegular() {
		return ErrKind
	}
	if !folder {
		path = filepath.Dir(path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	s[name] = source{root, folder, item}
	return nil
}

// open is an opener.
func (s sources) open(path string) (*os.File, error) {
	name, below, _ := strings.Cut(path, "/")
	from, ok := s[name]
	if !ok || from.folder != (below != "") {
		return nil, &FileError{path, os.ErrNotExist}
	}
	if !from.folder {
		below = name
	}
	f, err := openRegular(from.root, below)
	if e, ok := errors.AsType[*FileError](err); ok {
		e.Path = path
	}
	return f, err
}

// close ends the use of the items.
func (s sources) close() {
	for _, from := range s {
		_ = from.root.Close() // nothing is written through it
	}
}
