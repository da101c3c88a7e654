package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/entraide/entraide/internal/report"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// Bundle writes everything that the desk has of a case, sealed as it
// travelled, with the proofs that others need to judge it offline, and a report
// for people. The broker is asked for witnessed receipts and for the public log;
// what cannot be had is left out, and the verdict on the bundle says so. It is an
// entry of the desk's own log.
func (d *Desk) Bundle(ctx context.Context, caseID string, out io.Writer) (bundle.Report, error) {
	bare, err := os.CreateTemp(d.home, "bundle-*")
	if err != nil {
		return bundle.Report{}, fmt.Errorf("bundling: %w", err)
	}
	defer os.Remove(bare.Name())
	defer bare.Close()
	b := &bundling{Desk: d, sizes: map[int64]bool{}}
	if err := b.write(ctx, caseID, bare); err != nil {
		return bundle.Report{}, err
	}
	r, err := d.judged(ctx, bare, out)
	if err != nil {
		return r, fmt.Errorf("bundling: %w", err)
	}
	return r, d.db.Write(ctx, func(w store.DeskWriter) error { return d.record(ctx, w, "case bundled", caseID) })
}

// judged verifies a bundle as anybody would, and writes it with the report on
// what was found, misbehaviour included.
func (d *Desk) judged(ctx context.Context, bare *os.File, out io.Writer) (bundle.Report, error) {
	info, err := bare.Stat()
	if err != nil {
		return bundle.Report{}, err
	}
	b, err := bundle.Open(bare, info.Size())
	if err != nil {
		return bundle.Report{}, err
	}
	r, err := b.Verify(ctx, d.trust)
	if err != nil && !errors.Is(err, verify.ErrMisbehaviour) {
		return r, err
	}
	var page bytes.Buffer
	if err := report.Write(&page, r); err != nil {
		return r, err
	}
	w := bundle.NewWriter(out, b.Manifest)
	return r, errors.Join(w.Copy(b), w.Add(bundle.ReportFile, page.Bytes()), w.Close())
}

// write writes the bundle without a report.
func (b *bundling) write(ctx context.Context, caseID string, out io.Writer) error {
	if err := b.gather(ctx, caseID); err != nil {
		return err
	}
	b.zip = bundle.NewWriter(out, bundle.Manifest{
		Case: caseID, Origin: b.trust.Origin, Made: b.now().Format(time.RFC3339), By: b.signer.Name(),
	})
	for _, step := range []func(context.Context) error{
		b.addDirectory, b.addCase, b.addHistory, b.addReadme,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("bundling: %w", err)
		}
	}
	if err := b.zip.Close(); err != nil {
		return fmt.Errorf("bundling: %w", err)
	}
	return nil
}

// A bundling is a bundle in preparation.
type bundling struct {
	*Desk
	zip           *bundle.Writer
	letters       []store.Letter // without their sealed form
	confirmations []store.Confirmation
	deadlines     []store.Deadline
	erasure       *bundle.Erasure // the case is erased
	published     []store.Published
	sizes         map[int64]bool // of the checkpoints that the bundle's proofs are under
}

// gather reads what the desk has of the case.
func (b *bundling) gather(ctx context.Context, caseID string) error {
	return b.db.Read(ctx, func(r store.DeskReader) (err error) {
		if b.letters, err = r.Letters(ctx, caseID); err != nil {
			return err
		}
		if len(b.letters) == 0 {
			return problem.New(problem.NotFound, "case", "This desk has no such case.")
		}
		for _, l := range b.letters {
			confirmed, err := r.Confirmations(ctx, l.ID)
			if err != nil {
				return err
			}
			b.confirmations = append(b.confirmations, confirmed...)
		}
		if b.deadlines, err = r.Deadlines(ctx, caseID); err != nil {
			return err
		}
		if err := b.gatherErasure(ctx, r, caseID); err != nil {
			return err
		}
		b.published, err = r.Published(ctx, -1)
		return err
	})
}

// gatherErasure reads the record of the case's erasure, if there is one, and
// what stayed of the receipts.
func (b *bundling) gatherErasure(ctx context.Context, r store.DeskReader, caseID string) error {
	row, err := r.CaseErasure(ctx, caseID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	b.erasure = &bundle.Erasure{Signed: message.SignedErasure{Erasure: string(row.Record), Signature: row.Signature}}
	e, err := message.ParseErasure(b.erasure.Signed)
	if err != nil {
		return err
	}
	proofs := map[int64][]byte{}
	for _, l := range b.letters {
		proofs[l.Index] = l.Receipt
	}
	for _, c := range b.confirmations {
		proofs[c.Index] = c.Proof
	}
	for _, p := range b.deadlines {
		proofs[p.Index] = p.Proof
	}
	for _, m := range e.Messages {
		b.erasure.Proofs = append(b.erasure.Proofs, string(proofs[m.Index]))
	}
	for _, x := range e.Entries {
		b.erasure.Proofs = append(b.erasure.Proofs, string(proofs[x.Index]))
	}
	return nil
}

func (b *bundling) addDirectory(context.Context) error {
	all := wire.Statements{Items: []wire.Statement{}}
	for _, p := range b.published {
		all.Items = append(all.Items, statementOf(p))
	}
	return b.zip.AddJSON(bundle.DirectoryFile, all)
}

// addCase adds what the case consists of, or the record of its erasure.
func (b *bundling) addCase(ctx context.Context) error {
	if b.erasure != nil {
		for _, proof := range b.erasure.Proofs {
			if err := b.remember([]byte(proof)); err != nil {
				return err
			}
		}
		return b.zip.AddJSON(bundle.ErasureFile, b.erasure)
	}
	for _, step := range []func(context.Context) error{b.addMessages, b.addConfirmations, b.addDeadlines} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundling) addMessages(ctx context.Context) error {
	for _, l := range b.letters {
		err := b.db.Read(ctx, func(r store.DeskReader) (err error) {
			l, err = r.Letter(ctx, l.ID)
			return err
		})
		if err != nil {
			return err
		}
		m, err := message.Parse(l.Sealed)
		if err != nil {
			return err
		}
		receipt := l.Receipt
		if better, err := b.witnessed(ctx, m, l); err == nil {
			receipt = better
		}
		if err := b.zip.Add(bundle.MessageFile(l.Index), l.Sealed); err != nil {
			return err
		}
		if err := b.addProof(bundle.ProofFile(l.Index), receipt); err != nil {
			return err
		}
	}
	return nil
}

// errNotWitnessed says that there is no witnessed receipt to be had.
var errNotWitnessed = errors.New("no witnessed receipt")

// witnessed asks the broker for a witnessed receipt of the message, and
// verifies it.
func (b *bundling) witnessed(ctx context.Context, m *message.Message, l store.Letter) ([]byte, error) {
	if b.trust.Policy() == nil {
		return nil, errNotWitnessed
	}
	r, err := b.client.Receipt(ctx, l.ID)
	if err != nil {
		return nil, err
	}
	a, err := b.trust.Message(m, []byte(r.Receipt), b.Directory())
	if err != nil {
		return nil, b.incident(ctx, err, l.Receipt, []byte(r.Receipt))
	}
	if !a.Witnessed || a.Index != l.Index {
		return nil, errNotWitnessed
	}
	return []byte(r.Receipt), nil
}

// addProof adds a receipt, whose checkpoint it remembers.
func (b *bundling) addProof(name string, proof []byte) error {
	if err := b.remember(proof); err != nil {
		return err
	}
	return b.zip.Add(name, proof)
}

// remember notes the size of the checkpoint of a receipt, or of a proof without
// its entry.
func (b *bundling) remember(proof []byte) error {
	cp, err := b.trust.Checkpoint(signedIn(proof))
	if err != nil {
		return err
	}
	b.sizes[cp.Size] = true
	return nil
}

func (b *bundling) addConfirmations(context.Context) error {
	for _, c := range b.confirmations {
		if c.Proof == nil {
			continue // the broker has not logged it yet
		}
		if err := b.remember(c.Proof); err != nil {
			return err
		}
		if err := b.zip.AddJSON(bundle.ConfirmationFile(c.Index), bundle.Confirmation{
			Signed: message.SignedReceipt{Receipt: string(c.Text), Signature: c.Signature}, Proof: string(c.Proof),
		}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundling) addDeadlines(context.Context) error {
	for _, p := range b.deadlines {
		if err := b.addProof(bundle.DeadlineFile(p.Index), p.Proof); err != nil {
			return err
		}
	}
	return nil
}

// addHistory adds the log's newest checkpoint, and the proofs that it extends
// every other in the bundle.
func (b *bundling) addHistory(ctx context.Context) error {
	newest, signed, err := b.fetchCheckpoint(ctx)
	if errors.Is(err, errLater) {
		b.Log.Warn("bundling without the newest checkpoint", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	if err := b.observe(ctx, newest, signed); err != nil {
		return err
	}
	links := bundle.Links{Items: []bundle.Consistency{}}
	for size := range b.sizes {
		if size >= newest.Size {
			continue
		}
		proof, err := translog.ProveConsistency(ctx, size, newest.Size, translog.TileReader(newest, b.client.Fetch))
		if err != nil {
			return err
		}
		links.Items = append(links.Items, bundle.Consistency{Size: size, Proof: translog.FormatHashes(proof)})
	}
	if err := b.zip.Add(bundle.CheckpointFile, signed); err != nil {
		return err
	}
	return b.zip.AddJSON(bundle.ConsistencyFile, links)
}

func (b *bundling) addReadme(context.Context) error {
	return b.zip.Add(bundle.ReadmeFile, []byte(bundleReadme))
}

const bundleReadme = `A case bundle of Entraide.

messages/        each message as it travelled, sealed, with the log's receipt
confirmations/   receipts of delivery and opening, with their proofs
deadlines/       deadlines that passed, with their proofs
erasure.json     instead of these: the record of a party that has erased the case
directory.json   the directory's statements, each with its receipt
checkpoint       the log's newest checkpoint when the bundle was made
consistency.json proofs that it extends every other checkpoint in the bundle
report.html      what a verification found, for people; it proves nothing itself
manifest.json    the digests of all files

Offline, with the broker.json that you were given by the broker's operator:

  entraide verify FILE.zip --broker broker.json --report report.html
`
