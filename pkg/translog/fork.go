package translog

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/entraide/entraide/pkg/strictjson"
)

// TypFork is the type of a proof that a log has two faces.
const TypFork = "entraide/fork/1"

// MaxForkBytes bounds the text of such a proof.
const MaxForkBytes = 256 << 10

// Failures of proofs that a log has two faces.
var (
	// ErrNoFork says that a proof does not convict: it is not one, its
	// checkpoints are not the log's, or they can both be true.
	ErrNoFork = errors.New("translog: it does not prove a fork")
	// ErrTiles says that a log's public files do not belong to its checkpoint.
	ErrTiles = errors.New("translog: the tiles do not belong to the checkpoint")
)

// A Fork proves, to anybody who has the key of the log, that its operator
// signed two trees of which neither extends the other. Both checkpoints are
// the log's own. If their sizes differ, Root is what the first entries of the
// newer tree hash to, as many as the older has, and Proof is the consistency
// proof from there; Root is not the root that was signed.
type Fork struct {
	Typ   string   `json:"typ"`
	Older string   `json:"older"` // signed note
	Newer string   `json:"newer"` // signed note
	Root  string   `json:"root"`  // base64; empty if the sizes are equal
	Proof []string `json:"proof"` // base64
}

// ProveFork makes the proof from two signed checkpoints, given as notes, of
// the log named origin; read reads the hashes of the larger tree. It returns
// [ErrNoFork] if one of them extends the other, and [ErrTiles] if what read
// returns is not that tree.
func ProveFork(ctx context.Context, a, b []byte, origin string, read ReadHashes, keys ...note.Verifier) (Fork, error) {
	older, err := OpenCheckpoint(a, origin, keys...)
	if err != nil {
		return Fork{}, err
	}
	newer, err := OpenCheckpoint(b, origin, keys...)
	if err != nil {
		return Fork{}, err
	}
	if older.Size > newer.Size {
		a, b, older, newer = b, a, newer, older
	}
	f := Fork{Typ: TypFork, Older: string(a), Newer: string(b), Proof: []string{}}
	if older.Size == newer.Size || older.Size == 0 {
		return f, f.Check(origin, keys...)
	}
	hashes := newReader(ctx, newer.Size, read)
	root, err := tlog.TreeHash(older.Size, hashes)
	if err != nil {
		return Fork{}, err
	}
	proof, err := tlog.ProveTree(newer.Size, older.Size, hashes)
	if err != nil {
		return Fork{}, err
	}
	if err := tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, root); err != nil {
		return Fork{}, ErrTiles
	}
	f.Root = base64.StdEncoding.EncodeToString(root[:])
	f.Proof = FormatHashes(proof)
	return f, f.Check(origin, keys...)
}

// Marshal returns the proof's text.
func (f Fork) Marshal() ([]byte, error) { return strictjson.Marshal(f) }

// ParseFork reads a proof. Errors are [ErrNoFork].
func ParseFork(text []byte) (Fork, error) {
	var f Fork
	if err := strictjson.Unmarshal(text, MaxForkBytes, &f); err != nil {
		return Fork{}, fmt.Errorf("%w: %w", ErrNoFork, err)
	}
	if f.Typ != TypFork {
		return Fork{}, fmt.Errorf("%w: its type is another one", ErrNoFork)
	}
	return f, nil
}

// Check returns nil if the proof convicts the log named origin, and
// [ErrNoFork] if it does not.
func (f Fork) Check(origin string, keys ...note.Verifier) error {
	older, err := OpenCheckpoint([]byte(f.Older), origin, keys...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoFork, err)
	}
	newer, err := OpenCheckpoint([]byte(f.Newer), origin, keys...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoFork, err)
	}
	if older.Size == newer.Size {
		if older.Root == newer.Root {
			return fmt.Errorf("%w: the two checkpoints are the same", ErrNoFork)
		}
		return nil
	}
	if older.Size == 0 {
		if older.Root == emptyRoot() {
			return fmt.Errorf("%w: the first tree is empty", ErrNoFork)
		}
		return nil
	}
	root, err := tlog.ParseHash(f.Root)
	if err != nil {
		return fmt.Errorf("%w: its root is not a hash", ErrNoFork)
	}
	if root == older.Root {
		return fmt.Errorf("%w: the newer tree extends the older", ErrNoFork)
	}
	proof, err := ParseHashes(f.Proof)
	if err != nil {
		return fmt.Errorf("%w: its proof is not a list of hashes", ErrNoFork)
	}
	if err := tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, root); err != nil {
		return fmt.Errorf("%w: its proof does not lead to the newer tree", ErrNoFork)
	}
	return nil
}
