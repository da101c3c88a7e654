package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/entraide/entraide/internal/filelock"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
)

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
