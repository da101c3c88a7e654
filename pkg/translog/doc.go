// Package translog is the transparency log: entries and their salted leaves,
// the Merkle tree, checkpoints, inclusion and consistency proofs, and receipts
// that anybody verifies offline (protocol section 3).
//
// Outwards it speaks the formats of C2SP only: tlog-checkpoint, signed-note,
// tlog-tiles, tlog-proof, tlog-cosignature, tlog-witness and tlog-policy. The
// tree is that of RFC 6962, computed by golang.org/x/mod/sumdb/tlog; tiles are
// 256 hashes wide.
package translog

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// A Hash is a node of the tree: SHA-256 as in RFC 6962, section 2.1.
type Hash = tlog.Hash

// Failures. All but ErrRead are evidence against whoever vouched for what
// failed.
var (
	// ErrCheckpointSignature says that no trusted key of the log signed the
	// checkpoint, or that it names another log.
	ErrCheckpointSignature = errors.New("translog: the checkpoint is not signed by a trusted key of the log")
	// ErrNotIncluded says that a proof does not lead from the entry to the root.
	ErrNotIncluded = errors.New("translog: the entry is not in the log it was promised to")
	// ErrFork says that of two trees neither extends the other.
	ErrFork = errors.New("translog: the tree does not extend the one signed before")
	// ErrReceipt says that a text is not a receipt.
	ErrReceipt = errors.New("translog: not a c2sp.org/tlog-proof@v1")
	// ErrCheckpoint says that a text is not a checkpoint.
	ErrCheckpoint = errors.New("translog: not a c2sp.org/tlog-checkpoint")
	// ErrEntry says that bytes are not an entry of this version.
	ErrEntry = errors.New("translog: not an entry")
	// ErrPath says that a path is not one of a tile.
	ErrPath = errors.New("translog: not the path of a tile")
)

// LeafHash returns the hash of a leaf (RFC 6962, section 2.1).
func LeafHash(leaf []byte) Hash { return tlog.RecordHash(leaf) }
