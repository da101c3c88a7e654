package office

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// A SealedPackage is a package that was sealed for a delivery, or an attachment of a
// request, and has not left.
type SealedPackage struct {
	Number     int
	Bytes      int64  // of the archive
	SHA256     string // of the archive, as it is signed
	Restricted bool
	Custody    evidence.Custody
	Files      []evidence.File
}

// SealedPackages describes what is sealed for a draft, for those who check it
// before it leaves.
func (o *Office) SealedPackages(d Draft) ([]SealedPackage, error) {
	var out []SealedPackage
	for i, dir := range d.Evidence {
		p, sealed, file, err := desk.Sealed(dir, i+1)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was sent, and is here no longer
		}
		if err != nil {
			return nil, err
		}
		out = append(out, SealedPackage{i + 1, sealed.PlainBytes, sealed.PlainSHA256, file.Restricted, p.Custody, p.Files})
	}
	return out, nil
}

// Unpack takes what was sealed last out of a delivery, or a request. Its files are
// not brought back: they stay with who brought them.
func (o *Office) Unpack(ctx context.Context, by desk.Officer, id string, version int64) (Draft, error) {
	_, stored, err := o.incoming(ctx, by, id)
	if err != nil {
		return Draft{}, err
	}
	d, err := o.Draft(ctx, by, id)
	if err != nil {
		return Draft{}, err
	}
	body, member := map[string]json.RawMessage{}, sealedAs(d.Act)
	var packages []json.RawMessage
	if err := json.Unmarshal(d.Body, &body); err != nil {
		return Draft{}, err
	}
	if err := json.Unmarshal(body[member], &packages); err != nil || len(d.Evidence) == 0 || len(packages) != len(d.Evidence) {
		return Draft{}, problem.New(problem.NotFound, member, "Nothing was sealed here last.")
	}
	last := len(packages) - 1
	delete(body, member)
	if last > 0 {
		if body[member], err = json.Marshal(packages[:last]); err != nil {
			return Draft{}, err
		}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return Draft{}, err
	}
	saved, err := o.SaveDraft(ctx, by, stored.ID, version, Edit{Body: raw, Evidence: d.Evidence[:last]})
	if err != nil {
		return saved, err
	}
	return saved, os.RemoveAll(d.Evidence[last])
}

// Evidence lists the packages of a case for an officer who may read it.
func (o *Office) Evidence(ctx context.Context, by desk.Officer, caseID string) ([]desk.Received, error) {
	if err := o.desk.Store().Read(ctx, func(r store.DeskReader) error { return mayRead(ctx, r, by, caseID) }); err != nil {
		return nil, err
	}
	return o.desk.Evidence(ctx, caseID)
}

// Package returns one package of a message for an officer who may read its case.
func (o *Office) Package(ctx context.Context, by desk.Officer, messageID string, number int64) (desk.Received, error) {
	m, err := o.Reading(ctx, by, messageID)
	if err != nil {
		return desk.Received{}, err
	}
	all, err := o.desk.Evidence(ctx, m.Message.Case)
	if err != nil {
		return desk.Received{}, err
	}
	i := slices.IndexFunc(all, func(r desk.Received) bool { return r.Message == messageID && r.Number == number })
	if i < 0 {
		return desk.Received{}, notFound("number")
	}
	return all[i], nil
}

// opening are those who may open restricted material, with the permission that
// their law asks for.
var opening = []desk.Role{desk.Approver, desk.DutyOfficer}

// handles lets an officer handle the evidence of a message: who may work on its
// case.
func (o *Office) handles(ctx context.Context, by desk.Officer, messageID string) error {
	if err := by.Require(writers...); err != nil {
		return err
	}
	_, err := o.SeenBy(ctx, by, messageID)
	return err
}

// AskEvidence has the desk fetch a package, check it and keep it opened, or with
// again set compare it once more. Restricted material is for approvers and duty
// officers who say that they have the permission.
func (o *Office) AskEvidence(ctx context.Context, by desk.Officer, f desk.Fetching, again bool) error {
	if err := o.handles(ctx, by, f.Message); err != nil {
		return err
	}
	f.Restricted = f.Restricted && by.Has(opening...)
	if err := o.desk.AskEvidence(ctx, by.ID, f, again); err != nil {
		return err
	}
	what := "evidence asked for"
	switch {
	case again:
		what = "evidence compared again"
	case f.Restricted:
		what = "restricted evidence asked for, with permission"
	}
	return o.act(ctx, by, what, fmt.Sprintf("%s %d", f.Message, f.Number), func(store.DeskWriter) error { return nil })
}

// OpenedPackage describes a package that the desk keeps opened, to an officer who may
// handle it.
func (o *Office) OpenedPackage(ctx context.Context, by desk.Officer, messageID string, number int) (*evidence.Package, error) {
	p, _, err := o.opened(ctx, by, messageID, number)
	return p, err
}

func (o *Office) opened(ctx context.Context, by desk.Officer, messageID string, number int) (*evidence.Package, string, error) {
	if err := o.handles(ctx, by, messageID); err != nil {
		return nil, "", err
	}
	p, bag, err := o.desk.Opened(messageID, number)
	if err != nil {
		return nil, "", err
	}
	if p.Restricted && !by.Has(opening...) {
		return nil, "", problem.New(problem.Forbidden, "restricted", "This package holds restricted material: an approver or duty officer opens it.")
	}
	return p, bag, nil
}

// A Taking is evidence on its way out of the desk, to an officer.
type Taking struct {
	Name  string // of the file
	Bytes int64
	// Write writes it, in constant memory. It ends with an error, and before the
	// last bytes, if what is kept is not what was signed.
	Write func(io.Writer) error
}

// TakeFile hands out a file of an opened package, the index-th from 0, and notes
// who took it.
func (o *Office) TakeFile(ctx context.Context, by desk.Officer, messageID string, number, index int) (Taking, error) {
	p, bag, err := o.opened(ctx, by, messageID, number)
	if err != nil {
		return Taking{}, err
	}
	if index < 0 || index >= len(p.Files) {
		return Taking{}, notFound("file")
	}
	f := p.Files[index]
	t := Taking{Name: path.Base(f.Path), Bytes: f.Bytes, Write: func(out io.Writer) error { return writeFile(out, bag, f) }}
	detail := fmt.Sprintf("%s %d sha256 %s", messageID, number, f.SHA256)
	return t, o.act(ctx, by, "file of evidence taken", detail, func(store.DeskWriter) error { return nil })
}

// TakePackage hands out an opened package whole, as the archive that the sender
// signed, and notes who took it.
func (o *Office) TakePackage(ctx context.Context, by desk.Officer, messageID string, number int) (Taking, error) {
	p, bag, err := o.opened(ctx, by, messageID, number)
	if err != nil {
		return Taking{}, err
	}
	listed, err := o.Package(ctx, by, messageID, int64(number))
	if err != nil {
		return Taking{}, err
	}
	t := Taking{Name: fmt.Sprintf("evidence-%d.tar", number), Bytes: listed.Bytes, Write: func(out io.Writer) error {
		held := &holder{out: out, hash: sha256.New()}
		if err := p.PackBag(held, bag); err != nil {
			return err
		}
		return held.end(listed.SHA256)
	}}
	detail := fmt.Sprintf("%s %d sha256 %s", messageID, number, listed.SHA256)
	return t, o.act(ctx, by, "package of evidence taken", detail, func(store.DeskWriter) error { return nil })
}

// writeFile writes a file of a bag, whose path the description has checked.
func writeFile(out io.Writer, bag string, f evidence.File) error {
	root, err := os.OpenRoot(filepath.Join(bag, "data"))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	in, err := root.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	held := &holder{out: out, hash: sha256.New()}
	if _, err := io.Copy(held, in); err != nil {
		return err
	}
	return held.end(f.SHA256)
}

// A holder writes all but the last bytes, until it is known that all are right.
type holder struct {
	out  io.Writer
	hash hash.Hash
	last []byte
}

// Write implements io.Writer.
func (h *holder) Write(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	h.hash.Write(data)
	if _, err := h.out.Write(h.last); err != nil {
		return 0, err
	}
	h.last = append(h.last[:0], data...)
	return len(data), nil
}

// end writes the last bytes, if the digest is the one that was signed.
func (h *holder) end(sum string) error {
	if hex.EncodeToString(h.hash.Sum(nil)) != sum {
		return fmt.Errorf("%w: it has changed on this desk since it was opened", evidence.ErrContent)
	}
	_, err := h.out.Write(h.last)
	return err
}

// DraftReceipt begins the receipt of evidence for a delivery, filled in with what
// was found when its packages were opened.
func (o *Office) DraftReceipt(ctx context.Context, by desk.Officer, messageID, lang string) (Draft, error) {
	if err := o.handles(ctx, by, messageID); err != nil {
		return Draft{}, err
	}
	m, err := o.desk.Message(ctx, messageID)
	if err != nil {
		return Draft{}, err
	}
	receipt, err := o.desk.EvidenceReceipt(ctx, m.Case, messageID)
	if err != nil {
		return Draft{}, err
	}
	body, err := strictjson.Marshal(receipt)
	if err != nil {
		return Draft{}, err
	}
	return o.NewDraft(ctx, by, NewDraft{Case: m.Case, Act: "confirm", Body: body, Title: convention.Label("kind", "receipt-of-evidence", lang)})
}
