package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/filelock"
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
func Sealed(dir string, number int) (*evidence.Package, evidence.Sealed, message.EvidenceFile, error) {
	sealed, err := evidence.ReadSealed(dir)
	if err != nil {
		return nil, sealed, message.EvidenceFile{}, err
	}
	text, err := os.ReadFile(filepath.Join(dir, PackageFile))
	if err != nil {
		return nil, sealed, message.EvidenceFile{}, fmt.Errorf("reading the description of the sealed package: %w", err)
	}
	p, err := evidence.ParsePackage(text)
	if err != nil {
		return nil, sealed, message.EvidenceFile{}, err
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
	delivery, ok := body.(*convention.Delivery)
	if !ok {
		return nil, problem.New(problem.InvalidValue, "evidence", "Only a delivery carries evidence.")
	}
	var a attached
	for i, dir := range o.Evidence {
		field := fmt.Sprintf("evidence.%d", i)
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
		_, sealed, file, err := Sealed(dir, i+1)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s is not a directory of sealed evidence: %w", dir, err)
		case sealed.Bytes > limit:
			return nil, problem.Newf(problem.TooLarge, field, "%s takes evidence of at most %d bytes, sealed; this has %d.", o.To, limit, sealed.Bytes)
		case !delivery.Describes(file.Size, string(file.SHA256)):
			return nil, problem.New(problem.InvalidValue, "packages", "The delivery lists no package with the size and digest of "+dir+".")
		}
		if err := d.checkSealed(dir, sealed, to); err != nil {
			return nil, problem.Wrap(problem.WrongEncryptionKey, field, "It is sealed to other keys than the present ones of "+o.To+" and "+o.From+": seal it again.", err)
		}
		a.Files = append(a.Files, attachment{dir, message.EvidenceRef{Size: sealed.Bytes, SHA256: message.Digest(sealed.SHA256())}, file})
	}
	return json.Marshal(a)
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

// uploadLock is the file whose lock the process has that uploads.
const uploadLock = "upload.lock"

// Upload uploads the evidence of the orders that wait, parts that the broker
// lacks only, so that the orders can be sent. The mail goes on meanwhile. If
// another process of this desk is doing so, there is nothing to do.
func (d *Desk) Upload(ctx context.Context) error {
	lock, err := filelock.Try(filepath.Join(d.home, uploadLock))
	if errors.Is(err, filelock.ErrHeld) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claiming the upload: %w", err)
	}
	defer func() { _ = lock.Release() }() // it ends with the process in any case
	orders, err := d.waiting(ctx)
	if err != nil {
		return err
	}
	for _, o := range orders {
		if err := d.uploadOrder(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// uploadOrder uploads what an order needs.
func (d *Desk) uploadOrder(ctx context.Context, o store.Order) error {
	a, err := evidenceOf(o)
	if err != nil || a.Uploaded || len(a.Files) == 0 {
		return err
	}
	for _, f := range a.Files {
		err := d.uploadFile(ctx, o, f)
		if refusal, ok := errors.AsType[*problem.Error](err); ok && refusal.Code.Status() < 500 && refusal.Code != problem.RateLimited {
			return d.refused(ctx, o, refusal)
		}
		if err != nil {
			return fmt.Errorf("%w: uploading evidence: %w", errLater, err)
		}
	}
	return d.markUploaded(ctx, o.ID, true)
}

// markUploaded notes of an order that is still there whether its evidence is
// with the broker.
func (d *Desk) markUploaded(ctx context.Context, id string, uploaded bool) error {
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		o, err := w.Order(ctx, id)
		if err != nil {
			return err
		}
		a, err := evidenceOf(o)
		if err != nil {
			return err
		}
		a.Uploaded = uploaded
		if o.Evidence, err = json.Marshal(a); err != nil {
			return err
		}
		if err := w.PutOrder(ctx, o); err != nil || !uploaded {
			return err
		}
		return d.record(ctx, w, "evidence uploaded", id)
	})
}

// maxRounds bounds how often parts are asked for again that were just sent.
const maxRounds = 3

// uploadFile sends the parts that the broker lacks, and none twice.
func (d *Desk) uploadFile(ctx context.Context, o store.Order, f attachment) error {
	sealed, err := evidence.ReadSealed(f.Dir)
	if err != nil {
		return err
	}
	if sealed.SHA256() != string(f.Ref.SHA256) {
		return problem.New(problem.WrongDigest, "evidence", f.Dir+" holds other evidence than the message names.")
	}
	list := sealed.Text()
	for range maxRounds {
		missing, err := d.client.BeginEvidence(ctx, o.From, o.To, sealed.SHA256(), sealed.Bytes, list)
		if err != nil || len(missing) == 0 {
			return err
		}
		if err := d.uploadParts(ctx, o.From, f.Dir, sealed, missing); err != nil {
			return err
		}
	}
	return errors.New("the broker lacks parts that it took")
}

// uploadParts sends some of the parts, several at once.
func (d *Desk) uploadParts(ctx context.Context, from, dir string, sealed evidence.Sealed, missing []int) error {
	done := atomic.Int64{}
	done.Store(sealed.Bytes)
	for _, i := range missing {
		done.Add(-sealed.Size(i))
	}
	return several(ctx, missing, func(i int) error {
		err := d.uploadPart(ctx, from, dir, sealed, i)
		if err == nil {
			d.Report.tell("upload", done.Add(sealed.Size(i)), sealed.Bytes)
		}
		return err
	})
}

func (d *Desk) uploadPart(ctx context.Context, from, dir string, sealed evidence.Sealed, i int) error {
	part, err := evidence.Directory(dir)(i, sealed.Digests[i])
	if err != nil {
		return &lostPart{dir, i, err}
	}
	defer part.Close()
	err = d.client.PutPart(ctx, from, sealed.SHA256(), i, sealed.Size(i), &throttled{ctx, part, d.bandwidth})
	if problem.CodeOf(err) == problem.WrongDigest {
		return problem.Newf(problem.WrongDigest, "evidence", "Part %d in %s is not as it was sealed: seal the evidence again.", i+1, dir)
	}
	return err
}

// A lostPart is a sealed part that can no longer be read.
type lostPart struct {
	dir   string
	index int
	err   error
}

// Error implements error.
func (l *lostPart) Error() string {
	return fmt.Sprintf("reading part %d in %s: %v", l.index+1, l.dir, l.err)
}

// Unwrap returns the cause.
func (l *lostPart) Unwrap() error { return l.err }

// Limit bounds what evidence takes of the line from now on, in bytes per second.
func (d *Desk) Limit(bytesPerSecond int64) {
	d.bandwidth = rate.NewLimiter(rate.Limit(bytesPerSecond), throttleBlock)
}

// throttleBlock is how much passes at once where there is a limit.
const throttleBlock = 64 << 10

// A throttled reader passes on as much as its limiter allows.
type throttled struct {
	ctx     context.Context
	in      interface{ Read([]byte) (int, error) }
	limiter *rate.Limiter
}

// Read implements io.Reader.
func (t *throttled) Read(b []byte) (int, error) {
	if t.limiter == nil {
		return t.in.Read(b)
	}
	n, err := t.in.Read(b[:min(len(b), throttleBlock)])
	if waited := t.limiter.WaitN(t.ctx, n); waited != nil {
		return n, waited
	}
	return n, err
}

// runUploads uploads what waits until ctx ends.
func (d *Desk) runUploads(ctx context.Context) {
	tick := time.NewTicker(uploadEvery)
	defer tick.Stop()
	for {
		if err := d.Upload(ctx); err != nil && ctx.Err() == nil {
			d.Log.Warn("uploading evidence", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// uploadEvery is how often a serving desk looks for evidence to upload.
const uploadEvery = 2 * time.Second
