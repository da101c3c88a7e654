package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// A Fetching is evidence of a message that is to be fetched and opened.
type Fetching struct {
	Message string // id
	Number  int    // of the package of the delivery, or the attachment of the request, from 1
	Dir     string // folder to make: a bag (RFC 8493)
	// Medium is the folder of a physical medium that carries the parts; empty to
	// fetch them from the broker.
	Medium string
	// Restricted says that the officer may see restricted material.
	Restricted bool
	// KeepParts keeps the sealed parts beside the folder, for checks by hand.
	KeepParts bool
}

// Results of fetching, as in a receipt of evidence.
const (
	resultOK         = "ok"
	resultMismatch   = "mismatch"
	resultUnreadable = "unreadable"
	resultMissing    = "missing"
)

// FetchEvidence fetches the parts of a package that a message delivers, or reads
// them from a medium, and opens it into a new folder, which is there only once
// all is whole and as the sender signed it. What was fetched before is not
// fetched again; a part that is wrong is fetched again alone. What was found is
// kept for the receipt of evidence.
//
// A refusal is a *problem.Error; the error wraps [evidence.ErrPart],
// [evidence.ErrContent] or [evidence.ErrManifest] if the evidence is not what
// was signed.
func (d *Desk) FetchEvidence(ctx context.Context, f Fetching) (*evidence.Package, error) {
	if err := d.refusePending(ctx, f.Message); err != nil {
		return nil, err
	}
	p, err := d.parcel(ctx, f.Message, f.Number)
	if err != nil {
		return nil, err
	}
	if err := p.permits(f); err != nil {
		return nil, err
	}
	lock, err := p.claim(d.home)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Release() }() // it ends with the process in any case
	opened, err := d.open(ctx, p, f)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	if result := resultOf(err); result != "" {
		if err := d.judge(ctx, p, result); err != nil {
			return nil, err
		}
	}
	if err == nil && !f.KeepParts {
		err = os.RemoveAll(p.dir(d.home))
	}
	return opened, err
}

// resultOf is what an attempt says of the evidence; empty if it says nothing.
func resultOf(err error) string {
	switch {
	case err == nil:
		return resultOK
	case errors.Is(err, evidence.ErrContent), errors.Is(err, evidence.ErrPart):
		return resultMismatch
	case errors.Is(err, evidence.ErrManifest), errors.Is(err, pgp.ErrFraming), errors.Is(err, pgp.ErrNotForUs):
		return resultUnreadable
	case problem.CodeOf(err) == problem.MissingEvidence:
		return resultMissing
	}
	return ""
}

// judge keeps what was found.
func (d *Desk) judge(ctx context.Context, p *parcel, result string) error {
	v := store.Verdict{Message: p.id, Number: int64(p.number), Result: result, At: d.now().Unix()}
	if result == resultOK {
		v.SHA256 = string(p.file.SHA256)
	}
	what := "evidence opened"
	if p.file.Restricted {
		what = "restricted evidence opened"
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if err := w.PutVerdict(ctx, v); err != nil {
			return err
		}
		return d.record(ctx, w, what, fmt.Sprintf("%s %d %s", p.id, p.number, result))
	})
}

// Verdicts returns what was found of the evidence of a message.
func (d *Desk) Verdicts(ctx context.Context, id string) (all []store.Verdict, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) (err error) {
		all, err = r.Verdicts(ctx, id)
		return err
	})
	return all, err
}

// unsealed opens a message of the case file anew, and returns it with the
// directory of its place in the log.
func (d *Desk) unsealed(ctx context.Context, id string) (*message.Message, *message.Payload, *pgp.Key, *directory.Directory, error) {
	var letter store.Letter
	err := d.readDirectory(ctx) // what another process has fetched
	if err != nil {
		return nil, nil, nil, nil, err
	}
	err = d.db.Read(ctx, func(r store.DeskReader) (err error) {
		letter, err = r.Letter(ctx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, nil, nil, problem.New(problem.NotFound, "id", "This desk has no such message.")
	}
	if err != nil {
		return nil, nil, nil, nil, err
	}
	m, err := message.Parse(letter.Sealed)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	key, err := d.reader(m, letter.Incoming)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	then := d.Directory().AsOf(letter.Index)
	payload, err := m.Open(key, then)
	return m, payload, key, then, err
}

// open fetches what is missing and opens the package, again after parts that
// were wrong on this side have been fetched again.
func (d *Desk) open(ctx context.Context, p *parcel, f Fetching) (*evidence.Package, error) {
	if _, err := os.Lstat(f.Dir); !errors.Is(err, fs.ErrNotExist) {
		return nil, usageOf(f.Dir, err)
	}
	dir := f.Medium
	if dir == "" {
		dir = p.dir(d.home)
	}
	for round := 0; ; round++ {
		parted, err := d.collect(ctx, p, dir, f.Medium == "")
		if err != nil {
			return nil, err
		}
		sealed := evidence.Sealed{Parts: parted, PlainBytes: p.file.Size, PlainSHA256: string(p.file.SHA256)}
		recipients, err := p.sealedTo(dir, parted)
		if err != nil {
			return nil, err
		}
		opened, err := evidence.OpenPackage(f.Dir, f.Dir+".quarantine", p.key, recipients, sealed, d.telling(ctx, dir, parted))
		if err == nil {
			err = p.check(opened, f.Dir)
		}
		wrong, ok := errors.AsType[*evidence.PartError](err)
		if !ok || f.Medium != "" || round == maxRounds {
			return opened, err
		}
		d.Log.Warn("a part is wrong and is fetched again", "part", wrong.Index+1)
		if err := os.Remove(filepath.Join(dir, wrong.SHA256)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// usageOf says why nothing is opened into a folder.
func usageOf(dir string, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%s is there already: name a folder that is not: %w", dir, fs.ErrExist)
}

// telling is the source of parts in a directory that reports them.
func (d *Desk) telling(ctx context.Context, dir string, parted evidence.Parts) evidence.Source {
	read := int64(0)
	source := evidence.Directory(dir)
	return func(index int, digest string) (io.ReadSeekCloser, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d.Report.tell("open", read, parted.Bytes)
		read += parted.Size(index)
		return source(index, digest)
	}
}

// collect returns the list of parts, once all of them are in a directory: from
// the broker, or a medium where they must be.
func (d *Desk) collect(ctx context.Context, p *parcel, dir string, broker bool) (evidence.Parts, error) {
	list, err := os.ReadFile(filepath.Join(dir, evidence.ManifestName))
	if errors.Is(err, fs.ErrNotExist) && broker {
		if list, err = d.client.Manifest(ctx, p.id, p.position); err != nil {
			return evidence.Parts{}, err
		}
	}
	if err != nil {
		return evidence.Parts{}, fmt.Errorf("reading the list of parts: %w", err)
	}
	parted, err := evidence.ParseParts(list, p.bytes)
	if err == nil && parted.SHA256() != p.manifest {
		err = fmt.Errorf("%w: it is not the list that the sender signed", evidence.ErrManifest)
	}
	if err != nil || !broker {
		return parted, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return parted, err
	}
	if err := durable.Replace(filepath.Join(dir, evidence.ManifestName), list, 0o600); err != nil {
		return parted, err
	}
	return parted, d.download(ctx, p, dir, parted)
}

// download fetches the parts that are not there, several at once.
func (d *Desk) download(ctx context.Context, p *parcel, dir string, parted evidence.Parts) error {
	done := atomic.Int64{}
	var missing []int
	for i, digest := range parted.Digests {
		if info, err := os.Stat(filepath.Join(dir, digest)); err == nil && info.Size() == parted.Size(i) {
			done.Add(info.Size())
		} else {
			missing = append(missing, i)
		}
	}
	if err := several(ctx, missing, func(i int) error {
		err := d.downloadPart(ctx, p, dir, parted, i)
		if err == nil {
			d.Report.tell("download", done.Add(parted.Size(i)), parted.Bytes)
		}
		return err
	}); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

// maxTries bounds how often a part is fetched that arrives wrong.
const maxTries = 3

// downloadPart fetches a part, going on where it was interrupted, and once more
// if it is wrong.
func (d *Desk) downloadPart(ctx context.Context, p *parcel, dir string, parted evidence.Parts, i int) (err error) {
	path := filepath.Join(dir, parted.Digests[i])
	for range maxTries {
		if err = d.continuePart(ctx, p, path+".partial", parted, i); err == nil {
			return os.Rename(path+".partial", path)
		}
		if _, wrong := errors.AsType[*evidence.PartError](err); !wrong {
			return err
		}
		if removed := os.Remove(path + ".partial"); removed != nil {
			return removed
		}
	}
	return err
}

// continuePart appends to what is there of a part and checks the whole.
func (d *Desk) continuePart(ctx context.Context, p *parcel, path string, parted evidence.Parts, i int) error {
	out, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	hash := sha256.New()
	has, err := io.Copy(hash, out)
	if err != nil {
		return err
	}
	if has < parted.Size(i) {
		in, err := d.client.Part(ctx, p.id, p.position, i, has)
		if err != nil {
			return err
		}
		defer in.Close()
		n, err := io.Copy(io.MultiWriter(out, hash), io.LimitReader(&throttled{ctx, in, d.bandwidth}, parted.Size(i)-has+1))
		if err != nil {
			return fmt.Errorf("fetching part %d: %w", i+1, err)
		}
		has += n
	}
	if err := parted.Verdict(i, has, hex.EncodeToString(hash.Sum(nil))); err != nil {
		return err
	}
	return out.Sync()
}

// VerifyEvidence compares an opened package with what the sender signed: every
// file against its description, and all together, packed again, with the signed
// digest. It returns what is not as it must be.
func (d *Desk) VerifyEvidence(ctx context.Context, bag, id string, number int) (*evidence.Package, []*evidence.FileError, error) {
	p, err := d.parcel(ctx, id, number)
	if err != nil {
		return nil, nil, err
	}
	described, found, err := evidence.CheckBag(bag)
	if err != nil || len(found) > 0 {
		return described, found, err
	}
	sum := sha256.New()
	if err := described.PackBag(sum, bag); err != nil {
		return described, nil, err
	}
	if hex.EncodeToString(sum.Sum(nil)) != string(p.file.SHA256) {
		return described, nil, fmt.Errorf("%w: the description is another", evidence.ErrContent)
	}
	return described, nil, nil
}
