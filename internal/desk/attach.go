package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// PackageFile is the description of a sealed package, beside its parts. It stays
// on the sealing side.
const PackageFile = evidence.PackageName

// DraftDir is where the desk keeps what belongs to a draft and is no part of its
// database: files that officers bring, and sealed evidence.
func (d *Desk) DraftDir(id string) string { return filepath.Join(d.home, "drafts", id) }

// Progress says how far something is that takes long, in bytes.
type Progress struct {
	Phase string `json:"phase"` // scan, seal, upload, download, open
	Done  int64  `json:"done"`
	Total int64  `json:"total"` // 0 where it is not known
}

// A Report tells how far something is. It may be called by several goroutines.
type Report func(Progress)

// tell reports unless nobody listens.
func (r Report) tell(phase string, done, total int64) {
	if r != nil {
		r(Progress{phase, done, total})
	}
}

// A Sealing is evidence that is to be sealed.
type Sealing struct {
	From, To string // authorities
	Dir      string // where the parts are put; made if need be
	Items    []evidence.Item
	About    evidence.Collection
	Report   Report
}

// SealEvidence makes a package of files and folders and seals it to an authority
// and to the sender. The package is described in PackageFile. What was begun and
// not ended is begun again.
//
// A refusal is a *problem.Error; others are those of [evidence.Scan],
// [evidence.Package.Pack] and [evidence.Seal].
func (d *Desk) SealEvidence(ctx context.Context, s Sealing) (evidence.Sealed, *evidence.Package, error) {
	to, limit, err := d.sealedTo(s.From, s.To)
	if err != nil {
		return evidence.Sealed{}, nil, err
	}
	s.About.Created = d.now()
	scanned := int64(0)
	s.About.Progress = func(n int64) {
		scanned += n
		s.Report.tell("scan", scanned, 0)
	}
	p, err := evidence.Scan(s.Items, s.About)
	if err != nil {
		return evidence.Sealed{}, nil, err
	}
	if p.Bytes() > limit {
		return evidence.Sealed{}, nil, problem.Newf(problem.TooLarge, "size", "%s takes evidence of at most %d bytes; this has %d.", s.To, limit, p.Bytes())
	}
	text, err := p.Text()
	if err != nil {
		return evidence.Sealed{}, nil, err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return evidence.Sealed{}, nil, err
	}
	if err := durable.Replace(filepath.Join(s.Dir, PackageFile), text, 0o600); err != nil {
		return evidence.Sealed{}, nil, err
	}
	archive := p.Archive(s.Items)
	defer archive.Close()
	sealed, err := evidence.Seal(s.Dir, &watched{ctx: ctx, in: archive, tell: func(n int64) { s.Report.tell("seal", n, p.Bytes()) }}, to, d.now())
	if err != nil {
		return sealed, nil, err
	}
	return sealed, p, d.db.Write(ctx, func(w store.DeskWriter) error { return d.record(ctx, w, "evidence sealed", sealed.SHA256()) })
}

// sealedTo returns the certificates that evidence from one authority to another
// is sealed to, in order, and the largest that the recipient takes.
func (d *Desk) sealedTo(from, to string) ([]*pgp.Certificate, int64, error) {
	recipient, err := d.Directory().Check(to, d.now())
	if err != nil {
		return nil, 0, err
	}
	sender, err := d.Directory().Check(from, d.now())
	if err != nil {
		return nil, 0, err
	}
	suite, err := directory.PairSuite(sender, recipient, d.now())
	if err != nil {
		return nil, 0, err
	}
	return []*pgp.Certificate{recipient.Certificates[suite], sender.Certificates[suite]}, recipient.Statement.Limits.EvidenceBytes, nil
}

// A watched reader ends with its context and tells how much was read.
type watched struct {
	ctx  context.Context
	in   interface{ Read([]byte) (int, error) }
	tell func(total int64)
	n    int64
}

// Read implements io.Reader.
func (w *watched) Read(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.in.Read(b)
	w.n += int64(n)
	w.tell(w.n)
	return n, err
}

// An attachment is sealed evidence that an order names.
type attachment struct {
	Dir  string               `json:"dir"`
	Ref  message.EvidenceRef  `json:"ref"`
	File message.EvidenceFile `json:"file"`
}

// attached is what an order says of its evidence.
type attached struct {
	Uploaded bool         `json:"uploaded"`
	Files    []attachment `json:"files"`
}

// evidenceOf reads what an order says of its evidence.
func evidenceOf(o store.Order) (a attached, err error) {
	if len(o.Evidence) > 0 {
		err = json.Unmarshal(o.Evidence, &a)
	}
	return a, err
}

// Sealed describes what is in a directory of SealEvidence: the package that a
// delivery lists, and the file as a message names it, the number-th from 1.
func Sealed(dir string, number int) (p *evidence.Package, sealed evidence.Sealed, file message.EvidenceFile, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s is not a directory of sealed evidence: %w", dir, err)
		}
	}()
	if sealed, err = evidence.ReadSealed(dir); err != nil {
		return nil, sealed, file, err
	}
	text, err := os.ReadFile(filepath.Join(dir, PackageFile))
	if err != nil {
		return nil, sealed, file, fmt.Errorf("reading the description of the sealed package: %w", err)
	}
	if p, err = evidence.ParsePackage(text); err != nil {
		return nil, sealed, file, err
	}
	return p, sealed, message.EvidenceFile{
		Name: fmt.Sprintf("evidence-%d.tar", number), MediaType: "application/x-tar", Size: sealed.PlainBytes,
		SHA256: message.Digest(sealed.PlainSHA256), Restricted: p.Restricted, Custody: p.Custody,
	}, nil
}

// attach reads the sealed evidence of an order and checks all that can be
// checked without the broker.
func (d *Desk) attach(o Order, body convention.Body) ([]byte, error) {
	if len(o.Evidence) == 0 {
		return nil, nil
	}
	to, limit, err := d.sealedTo(o.From, o.To)
	if err != nil {
		return nil, err
	}
	if err := carries(body, len(o.Evidence)); err != nil {
		return nil, err
	}
	var a attached
	for i, dir := range o.Evidence {
		field := fmt.Sprintf("evidence.%d", i)
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
		p, sealed, file, err := Sealed(dir, i+1)
		switch {
		case err != nil:
			return nil, err
		case sealed.Bytes > limit:
			return nil, problem.Newf(problem.TooLarge, field, "%s takes evidence of at most %d bytes, sealed; this has %d.", o.To, limit, sealed.Bytes)
		}
		switch b := body.(type) {
		case *convention.Delivery:
			if !b.Describes(file.Size, string(file.SHA256)) {
				return nil, problem.New(problem.InvalidValue, "packages", "The delivery lists no package with the size and digest of "+dir+".")
			}
		case *convention.Request:
			if !holdsOnly(p, b.Attachments[i]) {
				return nil, problem.Newf(problem.InvalidValue, "attachments", "Attachment %d is not the only file in %s, by name, size and digest.", i+1, dir)
			}
		}
		if err := d.checkSealed(dir, sealed, to); err != nil {
			return nil, problem.Wrap(problem.WrongEncryptionKey, field, "It is sealed to other keys than the present ones of "+o.To+" and "+o.From+": seal it again.", err)
		}
		a.Files = append(a.Files, attachment{dir, message.EvidenceRef{Size: sealed.Bytes, SHA256: message.Digest(sealed.SHA256())}, file})
	}
	return json.Marshal(a)
}

// carries checks that a body may carry so many packages of evidence.
func carries(body convention.Body, packages int) error {
	switch b := body.(type) {
	case *convention.Delivery:
		return nil
	case *convention.Request:
		if len(b.Attachments) == packages {
			return nil
		}
		return problem.Newf(problem.InvalidValue, "attachments", "The request lists %d attachments, and %d sealed packages were given: one for each.", len(b.Attachments), packages)
	}
	return problem.New(problem.InvalidValue, "evidence", "Only a delivery carries evidence, and a request its attachments.")
}

// holdsOnly reports whether a package holds an attachment and nothing else.
func holdsOnly(p *evidence.Package, a convention.Attachment) bool {
	return len(p.Files) == 1 && p.Files[0].Path == a.Name && p.Files[0].Bytes == a.Size && p.Files[0].SHA256 == a.SHA256
}

// checkSealed checks to whom evidence is sealed.
func (d *Desk) checkSealed(dir string, s evidence.Sealed, to []*pgp.Certificate) error {
	var subkeys [][]string
	for _, c := range to {
		valid, err := c.EncryptionSubkeys(d.now())
		if err != nil {
			return err
		}
		subkeys = append(subkeys, valid)
	}
	first, err := evidence.Directory(dir)(0, s.Digests[0])
	if err != nil {
		return err
	}
	defer first.Close()
	_, err = pgp.CheckStream(to[0].Suite(), first, subkeys...)
	return err
}
