package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/entraide/entraide/internal/parts"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// Evidence says what the broker does with sealed evidence.
type Evidence struct {
	// Quota is how many bytes are kept for an authority that uploads.
	Quota int64 `toml:"quota_bytes"`
	// Unused is how long evidence is kept that no message names.
	Unused time.Duration `toml:"unused"`
	// Delivered is how long evidence is kept after the broker accepted its
	// message, once that is delivered. What has not been delivered stays.
	Delivered time.Duration `toml:"delivered"`
}

// DefaultEvidence keeps 1 TiB for an authority, a week for what is being
// uploaded, and a quarter of a year for what was delivered.
func DefaultEvidence() Evidence {
	return Evidence{Quota: 1 << 40, Unused: 7 * 24 * time.Hour, Delivered: 91 * 24 * time.Hour}
}

// BeginEvidence begins or resumes the upload of sealed evidence, of a size in
// bytes and with a list of parts, from one authority for another. It returns the
// indices of the parts that the broker does not hold. What is larger than the
// recipient takes or than there is room for is refused here, before any part of
// it.
//
// Codes: invalid-value, wrong-digest, unknown-authority and the like of the
// recipient, too-large, quota-exceeded, overloaded.
func (b *Broker) BeginEvidence(ctx context.Context, from, to, manifest string, size int64, list []byte) ([]int, error) {
	parted, err := evidence.ParseParts(list, size)
	if err != nil {
		return nil, problem.Wrap(problem.InvalidValue, "manifest", "This is not a list of the parts of evidence of that size.", err)
	}
	if parted.SHA256() != manifest {
		return nil, problem.New(problem.WrongDigest, "manifest", "The list of parts has another digest.")
	}
	recipient, err := b.dir.Load().Check(to, b.Now())
	if err != nil {
		return nil, err
	}
	if limit := recipient.Statement.Limits.EvidenceBytes; size > limit {
		return nil, problem.Newf(problem.TooLarge, "size", "%s takes evidence of at most %d bytes, sealed; this has %d.", to, limit, size)
	}
	u := store.Upload{Authority: from, Manifest: manifest, Recipient: to, Bytes: size, At: b.Now().Unix()}
	if err := b.reserve(ctx, u, recipient.Statement.Limits.QuotaBytes); err != nil {
		return nil, err
	}
	if err := b.Parts.Put(ctx, manifest, manifest, int64(len(list)), bytes.NewReader(list)); err != nil {
		return nil, partRefusal(err)
	}
	return b.missingParts(ctx, manifest, parted)
}

// reserve notes an upload if there is room for it: the broker's for the sender,
// and the recipient's own.
func (b *Broker) reserve(ctx context.Context, u store.Upload, quota int64) error {
	b.reserving.Lock()
	defer b.reserving.Unlock()
	err := b.Store.Read(ctx, func(r store.Reader) error {
		_, err := r.Upload(ctx, u.Authority, u.Manifest)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return err // what goes on has its room
		}
		kept, err := r.Kept(ctx, u.Authority, u.Recipient)
		switch {
		case err != nil:
			return err
		case u.Bytes > b.Evidence.Quota-kept.From:
			return problem.Newf(problem.QuotaExceeded, "size", "%d of %d bytes are used by %s; this has %d.", kept.From, b.Evidence.Quota, u.Authority, u.Bytes)
		case u.Bytes > quota-kept.To:
			return problem.Newf(problem.QuotaExceeded, "size", "%d of %d bytes wait for %s; this has %d.", kept.To, quota, u.Recipient, u.Bytes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.Store.SaveUpload(ctx, u)
}

// missingParts returns the indices of the parts that are not held.
func (b *Broker) missingParts(ctx context.Context, manifest string, parted evidence.Parts) ([]int, error) {
	missing := []int{}
	for i, digest := range parted.Digests {
		size, err := b.Parts.Stat(ctx, manifest, digest)
		if err != nil && !errors.Is(err, parts.ErrNotFound) {
			return nil, err
		}
		if err != nil || size != parted.Size(i) {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// PutPart takes a part, of a size in bytes, of evidence whose upload has begun.
// Nothing of it is kept unless it is what the list says.
//
// Codes: missing-evidence if the upload has not begun, invalid-value,
// wrong-digest, overloaded.
func (b *Broker) PutPart(ctx context.Context, from, manifest string, index int, size int64, content io.Reader) error {
	var u store.Upload
	err := b.Store.Read(ctx, func(r store.Reader) (err error) {
		u, err = r.Upload(ctx, from, manifest)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return problem.New(problem.MissingEvidence, "manifest", "The upload of this evidence has not begun, or was given up; begin it again.")
	}
	if err != nil {
		return err
	}
	digest, want, err := b.part(ctx, manifest, u.Bytes, index)
	if err != nil {
		return err
	}
	if size != want {
		return problem.Newf(problem.WrongDigest, "size", "Part %d has %d bytes, and not %d.", index, want, size)
	}
	return partRefusal(b.Parts.Put(ctx, manifest, digest, size, content))
}

// part returns digest and size of a part of evidence of a size.
func (b *Broker) part(ctx context.Context, manifest string, size int64, index int) (digest string, want int64, err error) {
	list, err := b.Parts.Open(ctx, manifest, manifest)
	if err != nil {
		return "", 0, partRefusal(err)
	}
	defer list.Close()
	digest, want, err = evidence.FindPart(list, size, index)
	if err != nil {
		err = problem.Wrap(problem.InvalidValue, "index", "The evidence has no such part.", err)
	}
	return digest, want, err
}

// partRefusal is what a caller is told of an error of the store of parts.
func partRefusal(err error) error {
	switch {
	case errors.Is(err, parts.ErrDigest), errors.Is(err, parts.ErrSize):
		return problem.Wrap(problem.WrongDigest, "part", "What arrived is not the part with this digest; send it again.", err)
	case errors.Is(err, parts.ErrNotFound):
		return problem.Wrap(problem.MissingEvidence, "part", "The broker does not hold this part.", err)
	case errors.Is(err, parts.ErrFull):
		return problem.Wrap(problem.Overloaded, "", "The broker has no room for evidence left.", err)
	}
	return err
}

// Manifest returns the list of parts of evidence of a message, counted from 0,
// to one of its parties. Codes: not-found, missing-evidence.
func (b *Broker) Manifest(ctx context.Context, callers []directory.Authority, id string, n int) (parts.Part, error) {
	ref, err := b.evidenceOf(ctx, callers, id, n)
	if err != nil {
		return nil, err
	}
	list, err := b.Parts.Open(ctx, string(ref.SHA256), string(ref.SHA256))
	return list, partRefusal(err)
}

// Part returns a part of evidence of a message, both counted from 0, to one of
// its parties. Codes: not-found, invalid-value, missing-evidence.
func (b *Broker) Part(ctx context.Context, callers []directory.Authority, id string, n, index int) (parts.Part, error) {
	ref, err := b.evidenceOf(ctx, callers, id, n)
	if err != nil {
		return nil, err
	}
	digest, _, err := b.part(ctx, string(ref.SHA256), ref.Size, index)
	if err != nil {
		return nil, err
	}
	part, err := b.Parts.Open(ctx, string(ref.SHA256), digest)
	return part, partRefusal(err)
}

// evidenceOf returns what a message says of its evidence, to one of its parties.
func (b *Broker) evidenceOf(ctx context.Context, callers []directory.Authority, id string, n int) (ref message.EvidenceRef, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		row, err := messageOf(ctx, r, callers, id)
		if err != nil {
			return err
		}
		header, err := message.ParseHeader(string(row.Header))
		if err != nil {
			return fmt.Errorf("broker: reading message %s: %w", id, err)
		}
		if n < 0 || n >= len(header.Evidence) {
			return problem.New(problem.NotFound, "evidence", "The message has no such evidence.")
		}
		ref = header.Evidence[n]
		return nil
	})
	return ref, err
}

// checkEvidence checks that the broker holds all evidence that a message names,
// uploaded by its sender and sealed as it must be, and that it does not give it
// up while the message waits for its turn.
func (b *Broker) checkEvidence(ctx context.Context, m *message.Message) error {
	for i, ref := range m.Header.Evidence {
		if err := b.checkOne(ctx, m, i, ref); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) checkOne(ctx context.Context, m *message.Message, i int, ref message.EvidenceRef) error {
	field := fmt.Sprintf("evidence.%d", i)
	missing := func(detail string) error { return problem.New(problem.MissingEvidence, field, detail) }
	manifest := string(ref.SHA256)
	u := store.Upload{
		Authority: m.Core.From.Authority, Manifest: manifest, Recipient: m.Core.To.Authority, Bytes: ref.Size, At: b.Now().Unix(),
	}
	err := b.Store.Read(ctx, func(r store.Reader) error {
		known, err := r.Upload(ctx, u.Authority, manifest)
		if errors.Is(err, store.ErrNotFound) || err == nil && (known.Bytes != u.Bytes || known.Recipient != u.Recipient) {
			return missing("The sender has not uploaded this evidence for the recipient.")
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := b.Store.SaveUpload(ctx, u); err != nil {
		return err
	}
	parted, err := readManifest(ctx, b.Parts, manifest, ref.Size)
	if err != nil {
		return partRefusal(err)
	}
	lacks, err := b.missingParts(ctx, manifest, parted)
	if err != nil {
		return err
	}
	if len(lacks) > 0 {
		return missing(fmt.Sprintf("%d of %d parts have not been uploaded.", len(lacks), len(parted.Digests)))
	}
	head, err := b.Parts.Open(ctx, manifest, parted.Digests[0])
	if err != nil {
		return partRefusal(err)
	}
	defer head.Close()
	_, err = m.CheckEvidence(b.dir.Load(), i, head)
	return err
}

// readManifest reads the list of the parts of evidence of a size.
func readManifest(ctx context.Context, kept parts.Store, manifest string, size int64) (evidence.Parts, error) {
	list, err := kept.Open(ctx, manifest, manifest)
	if err != nil {
		return evidence.Parts{}, err
	}
	defer list.Close()
	text, err := io.ReadAll(list)
	if err != nil {
		return evidence.Parts{}, err
	}
	return evidence.ParseParts(text, size)
}

// sweepEvery is how often evidence is looked through for what may go.
const sweepEvery = time.Hour

// watchEvidence gives up evidence whose time is over, now and every hour.
func (b *Broker) watchEvidence(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := b.SweepEvidence(ctx); err != nil && ctx.Err() == nil {
			b.Log.Error("evidence not swept", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// SweepEvidence gives up evidence that no message names, after its time; that
// was delivered, after its time, which is an entry of the log; and that belongs
// to nothing.
func (b *Broker) SweepEvidence(ctx context.Context) error {
	if err := b.dropDelivered(ctx); err != nil {
		return err
	}
	remove := func(manifest string) error { return b.Parts.RemoveSet(ctx, manifest) }
	if err := b.Store.SweepUploads(ctx, b.Now().Add(-b.Evidence.Unused).Unix(), remove); err != nil {
		return err
	}
	return b.Parts.Sets(ctx, func(manifest string) error {
		var kept bool
		err := b.Store.Read(ctx, func(r store.Reader) (err error) {
			kept, err = r.IsKept(ctx, manifest)
			return err
		})
		if err != nil || kept {
			return err
		}
		return b.Parts.RemoveSet(ctx, manifest)
	})
}

// sweepPage is how many messages lose their evidence at a time.
const sweepPage = 64

// dropDelivered drops the evidence of messages that were delivered and whose
// time is over.
func (b *Broker) dropDelivered(ctx context.Context) error {
	for {
		var ids []string
		err := b.Store.Read(ctx, func(r store.Reader) (err error) {
			ids, err = r.Delivered(ctx, b.Now().Add(-b.Evidence.Delivered).Unix(), sweepPage)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := b.drop(ctx, id); err != nil {
				return err
			}
		}
		if len(ids) < sweepPage {
			return nil
		}
	}
}

// drop drops the evidence of a message.
func (b *Broker) drop(ctx context.Context, id string) error {
	d := &dropping{id: id}
	err := b.Store.Read(ctx, func(r store.Reader) (err error) {
		d.uses, err = r.Uses(ctx, id)
		return err
	})
	if err == nil {
		_, err = b.propose(ctx, d)
	}
	return err
}

// evidenceDropped is what an entry says of a message whose evidence is no longer
// kept.
const evidenceDropped = "evidence dropped"

// A dropping is the end of a message's evidence on its way into the log.
type dropping struct {
	id   string
	uses []store.Use
}

func (*dropping) kind() string { return "dropping" }

func (*dropping) size() int { return 0 }

func (d *dropping) wants(w *wants) { w.messages = append(w.messages, d.id) }

func (d *dropping) apply(t *turn) (int64, bool, error) {
	m, ok := t.messages[d.id]
	if !ok {
		return 0, false, problem.New(problem.NotFound, "id", "There is no such message, or it was erased.")
	}
	index, err := t.append(translog.Entry{
		Kind: translog.KindOperator, Operator: &translog.OperatorFact{By: "broker", What: evidenceDropped, Detail: m.Digest},
	})
	for _, u := range d.uses {
		u.DroppedBy = index
		t.batch.Uses = append(t.batch.Uses, u)
	}
	return index, false, err
}
