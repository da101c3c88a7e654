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
}

// Pack seals the files that were brought for a delivery, as one package for its
// recipient, lists the package in the delivery, and removes the files.
func (o *Office) Pack(ctx context.Context, by desk.Officer, id string, p Packing) (Draft, error) {
	dir, stored, err := o.incoming(ctx, by, id)
	if err != nil {
		return Draft{}, err
	}
	whole, underWay, err := o.Files(ctx, by, id)
	switch {
	case err != nil:
		return Draft{}, err
	case len(whole) == 0 || len(underWay) > 0:
		return Draft{}, problem.New(problem.InvalidValue, "files", "Bring the files first, and wait until all have arrived.")
	}
	var sealed []string
	if err := json.Unmarshal(stored.Evidence, &sealed); err != nil {
		return Draft{}, fmt.Errorf("reading the evidence of a draft: %w", err)
	}
	if stored.Version != p.Version {
		return Draft{}, &ConflictError{By: stored.ChangedByName, At: time.Unix(stored.ChangedAt, 0), Version: stored.Version}
	}
	into := filepath.Join(o.desk.DraftDir(id), "sealed-"+strconv.Itoa(len(sealed)+1))
	if err := os.RemoveAll(into); err != nil { // of an attempt that did not end
		return Draft{}, err
	}
	items := make([]evidence.Item, len(whole))
	for i, f := range whole {
		items[i] = evidence.Item{Path: filepath.Join(dir, f.Name)}
	}
	if _, _, err := o.desk.SealEvidence(ctx, desk.Sealing{
		From: stored.From, To: stored.To, Dir: into, Items: items, About: evidence.Collection{Restricted: p.Restricted, Custody: p.Custody},
	}); err != nil {
		return Draft{}, err
	}
	d, err := o.listPackage(ctx, by, id, p, append(sealed, into))
	if err != nil {
		return d, err
	}
	return d, os.RemoveAll(dir)
}

// listPackage puts the package that was sealed last into a delivery.
func (o *Office) listPackage(ctx context.Context, by desk.Officer, id string, p Packing, sealed []string) (Draft, error) {
	d, err := o.Draft(ctx, by, id)
	if err != nil {
		return d, err
	}
	listed, err := desk.ListPackage(sealed[len(sealed)-1], int64(len(sealed)), p.Measure, p.Description)
	if err != nil {
		return d, err
	}
	body := map[string]json.RawMessage{}
	if err := json.Unmarshal(d.Body, &body); err != nil {
		return d, err
	}
	var packages []json.RawMessage
	if had, ok := body["packages"]; ok {
		if err := json.Unmarshal(had, &packages); err != nil {
			return d, err
		}
	}
	one, err := json.Marshal(listed)
	if err != nil {
		return d, err
	}
	if body["packages"], err = json.Marshal(slices.Concat(packages, []json.RawMessage{one})); err != nil {
		return d, err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return d, err
	}
	return o.SaveDraft(ctx, by, id, p.Version, Edit{Body: raw, Evidence: sealed})
}
