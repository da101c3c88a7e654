package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// Bounds of what is verified, in bytes and files.
const (
	uploadBytes = 1 << 30  // all together
	otherBytes  = 16 << 20 // a file that is no bundle
	mostFiles   = 8
	pastedBytes = 64 << 10
)

// Kinds of files, by how they begin.
const (
	isBundle     = "bundle"
	isFork       = "fork"
	isReceipt    = "receipt"
	isCheckpoint = "checkpoint"
	isDirectory  = "directory"
	isMessage    = "message"
	isUnknown    = "unknown"
)

// An upload is a file that was brought, for as long as it is verified.
type upload struct {
	name string // as whoever brought it calls it
	path string
	size int64
	kind string
}

// read returns the bytes of what is no bundle.
func (u upload) read() ([]byte, error) {
	if u.size > otherBytes {
		return nil, problem.New(problem.TooLarge, "files", "Only a case bundle may be as large as this file.")
	}
	return os.ReadFile(u.path)
}

// uploads writes what a form brings to files of a directory, one after the other,
// and holds none in memory.
func uploads(w http.ResponseWriter, c *Call, dir string) (files []upload, add bool, err error) {
	kind, parameters, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, false, invalid("files", "The form brings no files.")
	}
	parts := multipart.NewReader(c.Body, parameters["boundary"])
	for {
		_ = http.NewResponseController(w).SetReadDeadline(c.server.Now().Add(time.Minute)) // where it can be set
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return files, add, nil
		}
		if err != nil {
			return nil, false, unread(err)
		}
		switch {
		case part.FormName() == "add":
			add = true
		case len(files) == mostFiles:
			return nil, false, problem.New(problem.TooLarge, "files", "That is too many files at once.")
		default:
			u, err := keep(part, dir)
			if err != nil {
				return nil, false, unread(err)
			}
			if u.size > 0 {
				files = append(files, u)
			}
		}
	}
}

// unread says that a form could not be read.
func unread(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem.New(problem.TooLarge, "files", "That is more than is verified here; use the command.")
	}
	if _, ok := errors.AsType[*problem.Error](err); ok {
		return err
	}
	return invalid("files", "The form could not be read.")
}

// keep writes one part of a form to a file: one that was brought, or a text that
// was pasted.
func keep(part *multipart.Part, dir string) (u upload, err error) {
	content := io.Reader(part)
	if part.FormName() == "pasted" {
		content, err = pasted(part)
	} else {
		u.name = plainName(part.FileName())
	}
	if err != nil {
		return u, err
	}
	f, err := os.CreateTemp(dir, "file-")
	if err != nil {
		return u, err
	}
	u.path = f.Name()
	if u.size, err = io.Copy(f, content); err == nil {
		u.kind, err = kindOf(f)
	}
	return u, errors.Join(err, f.Close())
}

// pasted reads a text as it was before a form made its lines end otherwise.
func pasted(part io.Reader) (io.Reader, error) {
	text, err := io.ReadAll(io.LimitReader(part, pastedBytes+1))
	if err == nil && len(text) > pastedBytes {
		err = problem.New(problem.TooLarge, "pasted", "The text is longer than any checkpoint or receipt.")
	}
	text = bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	if len(text) > 0 {
		text = append(text, '\n')
	}
	return bytes.NewReader(text), err
}

// kindOf tells by its beginning what a file is.
func kindOf(f io.ReaderAt) (string, error) {
	head := make([]byte, 4096)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return isBundle, nil
	case bytes.HasPrefix(head, []byte(`{"typ":"`+translog.TypFork+`"`)):
		return isFork, nil
	case bytes.HasPrefix(head, []byte("c2sp.org/tlog-proof@")):
		return isReceipt, nil
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte(`{"items":`)):
		return isDirectory, nil
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")):
		return isMessage, nil
	case bytes.Contains(head, []byte("\n\n— ")):
		return isCheckpoint, nil
	}
	return isUnknown, nil
}

// plainName is the name of a file as it is shown: the last part, without what is
// no writing.
func plainName(name string) string {
	name = filepath.Base(strings.ReplaceAll(name, `\`, "/"))
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > 200 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "file"
	}
	return name
}
