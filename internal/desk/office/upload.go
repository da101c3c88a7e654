package office

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// A File is one that officers have brought to the desk for a draft. It stays
// there, unsealed, until it is sealed for the recipient or taken away.
type File struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes that are there
}

// part is what the name of a file ends with while not all of it has arrived. No
// file that is taken has such a name.
const part = ":part"

// incoming is the directory of the files of a draft, if the officer may write the
// draft and it can still be changed.
func (o *Office) incoming(ctx context.Context, by desk.Officer, id string) (string, store.Draft, error) {
	if err := by.Require(writers...); err != nil {
		return "", store.Draft{}, err
	}
	var d store.Draft
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) (err error) {
		d, err = visible(ctx, r, by, id)
		return err
	})
	if err == nil && d.State != store.DraftOpen {
		err = ended(d)
	}
	return filepath.Join(o.desk.DraftDir(id), "files"), d, err
}

// checkName refuses names that are another file's to some file system, that
// deceive who reads them, or that lead elsewhere.
func checkName(name string) error {
	if reason := evidence.CheckPath(name); reason != "" || strings.Contains(name, "/") {
		return problem.New(problem.InvalidValue, "name", "The file cannot be taken under its name: "+cmp.Or(reason, "it has a slash")+". Rename it.")
	}
	return nil
}

// Limit is how many bytes of evidence the recipient of a draft takes; 0 if the
// recipient is not known.
func (o *Office) Limit(to string) int64 {
	a, err := o.desk.Directory().Authority(to)
	if err != nil {
		return 0
	}
	return a.Statement.Limits.EvidenceBytes
}

// Files lists the files that were brought for a draft, by name, and how much has
// arrived of those under way.
func (o *Office) Files(ctx context.Context, by desk.Officer, id string) (whole, underWay []File, err error) {
	dir, _, err := o.incoming(ctx, by, id)
	if err != nil {
		return nil, nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, nil, err
		}
		if name, under := strings.CutSuffix(e.Name(), part); under {
			underWay = append(underWay, File{name, info.Size()})
			continue
		}
		whole = append(whole, File{e.Name(), info.Size()})
	}
	return whole, underWay, nil
}

// A Chunk is a piece of a file that is brought.
type Chunk struct {
	Name   string
	Offset int64 // where it begins: at the end of what has arrived
	Total  int64 // size of the whole file
}

// Receive takes a piece of a file. It returns how much has arrived; if the piece
// does not begin there, nothing is taken and the sender goes on from there. The
// last piece makes the file whole.
func (o *Office) Receive(ctx context.Context, by desk.Officer, id string, c Chunk, in io.Reader) (have int64, err error) {
	dir, d, err := o.incoming(ctx, by, id)
	if err != nil {
		return 0, err
	}
	if err := checkName(c.Name); err != nil {
		return 0, err
	}
	if err := o.fitsLimit(dir, d, c); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	path := filepath.Join(dir, c.Name)
	if _, err := os.Lstat(path); err == nil {
		return 0, problem.New(problem.InvalidValue, "name", "There is a file of that name already. Take it away first, or rename this one.")
	}
	f, err := os.OpenFile(path+part, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if have, err = f.Seek(0, io.SeekEnd); err != nil || have != c.Offset {
		return have, err
	}
	n, err := io.Copy(f, io.LimitReader(in, c.Total-have+1))
	have += n
	if err == nil && have > c.Total {
		err = problem.New(problem.InvalidValue, "size", "The file is longer than was said.")
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return have, errors.Join(err, os.Truncate(path+part, c.Offset))
	}
	if have < c.Total {
		return have, nil
	}
	if err := os.Rename(path+part, path); err != nil {
		return have, err
	}
	return have, o.act(ctx, by, "file brought for a draft", id, func(store.DeskWriter) error { return nil })
}

// fitsLimit refuses a file that the recipient would not take.
func (o *Office) fitsLimit(dir string, d store.Draft, c Chunk) error {
	if c.Total < 1 || c.Offset < 0 || c.Offset >= c.Total {
		return problem.New(problem.InvalidValue, "size", "A file has at least one byte.")
	}
	limit, sum := o.Limit(d.To), c.Total
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.Name() != c.Name+part {
			sum += info.Size()
		}
	}
	if sum > limit {
		return problem.Newf(problem.TooLarge, "size", "%s takes evidence of at most %d bytes; with this file there would be %d.", d.To, limit, sum)
	}
	return nil
}

// RemoveFile takes away a file that was brought, or what has arrived of it.
func (o *Office) RemoveFile(ctx context.Context, by desk.Officer, id, name string) error {
	dir, _, err := o.incoming(ctx, by, id)
	if err != nil {
		return err
	}
	if err := checkName(name); err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	gone := errors.Join(os.Remove(path), os.Remove(path+part))
	if _, err := os.Lstat(path); err == nil {
		return gone
	}
	return o.act(ctx, by, "file taken away from a draft", id, func(store.DeskWriter) error { return nil })
}

// A Packing says what the files of a draft are, when they are sealed as evidence.
type Packing struct {
	Version     int64 // of the draft that the officer saw
	Measure     int64 // that they came of
	Description convention.Text
	Restricted  bool
	Custody     evidence.Custody
	Report      desk.Report // of the bytes that are read, each twice
}

// Pack seals the files that were brought for a delivery, as one package for its
// recipient, lists the package in the delivery, and removes the files.
func (o *Office) Pack(ctx context.Context, by desk.Officer, id string, p Packing) (Draft, error) {
	b, err := o.brought(ctx, by, id, p.Version)
	if err != nil {
		return Draft{}, err
	}
	b.report = p.Report
	if err := b.seal(ctx, o.desk, evidence.Collection{Restricted: p.Restricted, Custody: p.Custody}, b.files...); err != nil {
		return Draft{}, err
	}
	listed, err := desk.ListPackage(b.sealed[len(b.sealed)-1], int64(len(b.sealed)), p.Measure, p.Description)
	if err != nil {
		return Draft{}, err
	}
	return o.list(ctx, by, b, listed)
}

// An Attaching says what the files of a draft are, when they are attached to it.
type Attaching struct {
	Version int64                 // of the draft that the officer saw
	About   convention.Attachment // kind, language and the like; its other members are left alone
	Report  desk.Report           // of the bytes that are read, each twice
}

// Attach seals the files that were brought for a request, each for itself, lists them
// as attachments, and removes the files.
func (o *Office) Attach(ctx context.Context, by desk.Officer, id string, a Attaching) (Draft, error) {
	b, err := o.brought(ctx, by, id, a.Version)
	if err != nil {
		return Draft{}, err
	}
	b.report = a.Report
	var all []any
	for _, f := range b.files {
		if err := b.seal(ctx, o.desk, evidence.Collection{}, f); err != nil {
			return Draft{}, err
		}
		listed, err := desk.ListAttachment(b.sealed[len(b.sealed)-1], int64(len(b.sealed)), a.About)
		if err != nil {
			return Draft{}, err
		}
		all = append(all, listed)
	}
	return o.list(ctx, by, b, all...)
}

// A bringing is files that were brought for a draft and are to be sealed.
type bringing struct {
	dir    string // of the files
	into   string // where directories of sealed evidence are made
	draft  store.Draft
	files  []File
	sealed []string // directories of sealed evidence, with those of before
	report desk.Report
	read   int64 // bytes, each twice
}

// brought are the files of a draft that stands at a version, all of which have
// arrived.
func (o *Office) brought(ctx context.Context, by desk.Officer, id string, version int64) (*bringing, error) {
	dir, stored, err := o.incoming(ctx, by, id)
	if err != nil {
		return nil, err
	}
	whole, underWay, err := o.Files(ctx, by, id)
	switch {
	case err != nil:
		return nil, err
	case len(whole) == 0 || len(underWay) > 0:
		return nil, problem.New(problem.InvalidValue, "files", "Bring the files first, and wait until all have arrived.")
	case stored.Version != version:
		return nil, &ConflictError{By: stored.ChangedByName, At: time.Unix(stored.ChangedAt, 0), Version: stored.Version}
	}
	b := &bringing{dir: dir, into: o.desk.DraftDir(id), draft: stored, files: whole}
	if err := json.Unmarshal(stored.Evidence, &b.sealed); err != nil {
		return nil, fmt.Errorf("reading the evidence of a draft: %w", err)
	}
	return b, nil
}

// sizeOf is the size of files together.
func sizeOf(files []File) (sum int64) {
	for _, f := range files {
		sum += f.Size
	}
	return sum
}

// seal seals files as the next package of the draft.
func (b *bringing) seal(ctx context.Context, d *desk.Desk, about evidence.Collection, files ...File) error {
	into := filepath.Join(b.into, "sealed-"+strconv.Itoa(len(b.sealed)+1))
	if err := os.RemoveAll(into); err != nil { // of an attempt that did not end
		return err
	}
	b.sealed = append(b.sealed, into)
	s := desk.Sealing{From: b.draft.From, To: b.draft.To, Dir: into, About: about, Report: b.telling(b.read, sizeOf(files))}
	for _, f := range files {
		s.Items = append(s.Items, evidence.Item{Path: filepath.Join(b.dir, f.Name)})
	}
	b.read += 2 * sizeOf(files)
	_, _, err := d.SealEvidence(ctx, s)
	return err
}

// telling reports how far a package of a size is among all that is to be sealed: it is
// read once to be described, and once to be sealed.
func (b *bringing) telling(before, size int64) desk.Report {
	if b.report == nil {
		return nil
	}
	return func(p desk.Progress) {
		if p.Phase == "seal" {
			p.Done += size
		}
		b.report(desk.Progress{Phase: "seal", Done: before + p.Done, Total: 2 * sizeOf(b.files)})
	}
}

// sealedAs is the member of a body that lists what is sealed for it: the packages of
// a delivery, the attachments of a request.
func sealedAs(act string) string {
	if act == string(workflow.Request) {
		return "attachments"
	}
	return "packages"
}

// list puts what was sealed into the body of the draft, and removes the files.
func (o *Office) list(ctx context.Context, by desk.Officer, b *bringing, sealed ...any) (Draft, error) {
	d, err := o.Draft(ctx, by, b.draft.ID)
	if err != nil {
		return d, err
	}
	body := map[string]json.RawMessage{}
	if err := json.Unmarshal(d.Body, &body); err != nil {
		return d, err
	}
	var items []any
	member := sealedAs(d.Act)
	if had, ok := body[member]; ok {
		if err := json.Unmarshal(had, &items); err != nil {
			return d, err
		}
	}
	if body[member], err = json.Marshal(slices.Concat(items, sealed)); err != nil {
		return d, err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return d, err
	}
	d, err = o.SaveDraft(ctx, by, d.ID, d.Version, Edit{Body: raw, Evidence: b.sealed}) // changed since, perhaps: large files take long
	if err != nil {
		return d, err
	}
	for _, f := range b.files { // not one that was brought meanwhile
		if err := os.Remove(filepath.Join(b.dir, f.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return d, err
		}
	}
	return d, nil
}
