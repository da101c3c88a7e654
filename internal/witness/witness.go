// Package witness watches logs for others: it cosigns a checkpoint only if the
// log proves that it extends everything the witness has cosigned before
// (c2sp.org/tlog-witness). What it cosigned last lies in one file for each
// log, written before the answer leaves; so neither a crash nor a second
// process makes it vouch for two histories.
//
// Of a log that signed two trees it keeps the proof.
package witness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/pkg/translog"
)

// Refusals.
var (
	// ErrMalformed says that a request is not one.
	ErrMalformed = errors.New("witness: the request is malformed")
	// ErrUnknownLog says that the witness does not follow the log.
	ErrUnknownLog = errors.New("witness: the log is not known here")
	// ErrUntrusted says that no known key of the log signed the checkpoint.
	ErrUntrusted = errors.New("witness: the checkpoint is not signed by a known key of its log")
	// ErrProof says that the proof does not lead from what was cosigned to the
	// checkpoint.
	ErrProof = errors.New("witness: the checkpoint is not proved to extend the one cosigned before")
)

// A Conflict says that the witness stands elsewhere than the client thinks, or
// that it cosigned another tree of the same size.
type Conflict struct {
	Size int64 // of the checkpoint that the witness cosigned last
}

// Error implements error.
func (c *Conflict) Error() string {
	return fmt.Sprintf("witness: the checkpoint cosigned last has %d entries", c.Size)
}

// A Witness cosigns checkpoints. It is safe for concurrent use, and several
// processes may have one home open.
type Witness struct {
	cosigner *translog.Cosigner
	logs     map[string]*followed // by origin
	evidence string               // directory
	log      *slog.Logger
}

// A followed log has one or more keys, and what was cosigned of it last.
type followed struct {
	origin string
	keys   []note.Verifier
	last   *guard.File
}

// Key returns the witness's public key.
func (w *Witness) Key() *translog.WitnessKey { return w.cosigner.Key() }

// Add cosigns a checkpoint and returns the signature line, after the
// checkpoint is kept. It returns [ErrMalformed], [ErrUnknownLog],
// [ErrUntrusted], [ErrProof] or a *[Conflict].
func (w *Witness) Add(ctx context.Context, a translog.AddCheckpoint) (line []byte, err error) {
	origin, _, _ := strings.Cut(string(a.Checkpoint), "\n")
	l, ok := w.logs[origin]
	if !ok {
		return nil, ErrUnknownLog
	}
	next, err := translog.OpenCheckpoint(a.Checkpoint, origin, l.keys...)
	if errors.Is(err, translog.ErrCheckpoint) {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	if a.Old > next.Size {
		return nil, fmt.Errorf("%w: the old size is beyond the new", ErrMalformed)
	}
	signed, err := l.own(a.Checkpoint)
	if err != nil {
		return nil, err
	}
	err = l.last.Advance(ctx, func(last []byte) ([]byte, error) {
		if err := w.extends(l, last, next, signed, a); err != nil {
			return nil, err
		}
		line, err = w.cosigner.Cosign(next)
		return append(signed, line...), err
	})
	return line, err
}

// own returns a verified checkpoint with the signatures in the log's own name
// only. Those of keys that are not known here stay: they may be in a while.
func (l *followed) own(signed []byte) ([]byte, error) {
	_, err := note.Open(signed, note.VerifierList())
	var read *note.UnverifiedNoteError
	if !errors.As(err, &read) {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	mine := slices.DeleteFunc(read.Note.UnverifiedSigs, func(s note.Signature) bool { return s.Name != l.origin })
	return note.Sign(&note.Note{Text: read.Note.Text, UnverifiedSigs: mine})
}

// extends checks that next extends what was cosigned last.
func (w *Witness) extends(l *followed, last []byte, next translog.Checkpoint, signed []byte, a translog.AddCheckpoint) error {
	prev := translog.Checkpoint{Origin: l.origin, Root: translog.NewTree().Root()}
	if len(last) > 0 {
		var err error
		if prev, err = translog.OpenCheckpoint(last, l.origin, l.keys...); err != nil {
			return fmt.Errorf("witness: the checkpoint cosigned last is damaged: %w", err)
		}
	}
	if prev.Size == next.Size && prev.Root != next.Root {
		return errors.Join(&Conflict{prev.Size}, w.keepFork(l, last, signed))
	}
	if a.Old != prev.Size {
		return &Conflict{prev.Size}
	}
	if len(a.Proof) > 0 && (prev.Size == 0 || prev.Size == next.Size) {
		return fmt.Errorf("%w: there is nothing to prove", ErrProof)
	}
	if err := translog.CheckConsistency(prev, next, a.Proof); err != nil {
		return errors.Join(ErrProof, w.keepRefused(l, signed))
	}
	return nil
}

// keepFork writes the proof that the log signed two trees of one size.
func (w *Witness) keepFork(l *followed, last, signed []byte) error {
	fork, err := translog.ProveFork(context.Background(), last, signed, l.origin, nil, l.keys...)
	if errors.Is(err, translog.ErrCheckpointSignature) { // the empty tree, of which nothing was signed yet
		return w.keepRefused(l, signed)
	}
	if err != nil {
		return err
	}
	text, err := fork.Marshal()
	if err != nil {
		return err
	}
	w.log.Error("the log has signed two trees of one size", "log", l.origin)
	return w.keep("fork", append(text, '\n'))
}

// keepRefused writes a signed checkpoint whose proof failed: with the files of
// the log, it may turn out to be one of two faces.
func (w *Witness) keepRefused(l *followed, signed []byte) error {
	w.log.Warn("a checkpoint is not proved to extend the last", "log", l.origin)
	return w.keep("refused", signed)
}

// maxEvidence bounds the files that are kept: what is sent here costs its
// sender nothing.
const maxEvidence = 256

// keep writes evidence once.
func (w *Witness) keep(kind string, content []byte) error {
	if err := os.MkdirAll(w.evidence, 0o700); err != nil {
		return fmt.Errorf("witness: keeping evidence: %w", err)
	}
	names, err := os.ReadDir(w.evidence)
	if err != nil {
		return fmt.Errorf("witness: keeping evidence: %w", err)
	}
	sum := sha256.Sum256(content)
	path := filepath.Join(w.evidence, kind+"-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(path); err == nil || len(names) >= maxEvidence {
		return nil
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("witness: keeping evidence: %w", err)
	}
	return nil
}

// Size returns the size of the checkpoint of a log that the witness cosigned
// last, 0 before the first. It is [ErrUnknownLog] if it does not follow the log.
func (w *Witness) Size(ctx context.Context, origin string) (int64, error) {
	l, ok := w.logs[origin]
	if !ok {
		return 0, ErrUnknownLog
	}
	last, err := l.last.Last(ctx)
	if err != nil || len(last) == 0 {
		return 0, err
	}
	cp, err := translog.OpenCheckpoint(last, origin, l.keys...)
	return cp.Size, err
}

// Last returns the checkpoint of a log that the witness cosigned last, with
// its cosignature, by the SHA-256 of the log's origin in hex. It is
// [ErrUnknownLog] if there is none.
func (w *Witness) Last(ctx context.Context, originHash string) ([]byte, error) {
	for origin, l := range w.logs {
		if hashOf(origin) != originHash {
			continue
		}
		last, err := l.last.Last(ctx)
		if err == nil && len(last) == 0 {
			err = ErrUnknownLog
		}
		return last, err
	}
	return nil, ErrUnknownLog
}

// hashOf names a log in paths.
func hashOf(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}
