// Package recovery splits a secret among people, so that some of them together
// can restore it and fewer learn nothing. The sharing is Shamir's, of CIRCL; this
// package writes shares for paper and tells which of them is wrong.
package recovery

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/secretsharing"
)

// Limits of a set of shares.
const (
	MinThreshold = 2
	MaxShares    = 16
)

var (
	// ErrShare says that a text is not a share, or not as it was written.
	ErrShare = errors.New("not a good recovery share")
	// ErrTooFew says that shares are missing.
	ErrTooFew = errors.New("there are too few recovery shares")
)

// A Set is what everybody may know of the shares of one secret.
type Set struct {
	ID        string   `json:"id"`     // tells sets apart
	Shares    int      `json:"shares"` // how many there are
	Threshold int      `json:"threshold"`
	Digests   []string `json:"digests"` // SHA-256 of each, in hexadecimal
}

// in is where the arithmetic is done: the numbers below the order of Ristretto,
// of 252 bits.
var in = group.Ristretto255

// Sizes of a share in bytes, in its order.
const (
	setBytes   = 4
	valueBytes = 32
	checkBytes = 4
	shareBytes = 1 + setBytes + 1 + 1 + valueBytes + checkBytes // with version, threshold and number
)

// version begins every share.
const version = 1

// Split makes a secret of 252 bits and shares of it, one text for each, in order.
func Split(shares, threshold int) (secret []byte, texts []string, set Set, err error) {
	if threshold < MinThreshold || shares < threshold || shares > MaxShares {
		return nil, nil, set, fmt.Errorf("there may be up to %d shares, of which at least %d and at most all are needed", MaxShares, MinThreshold)
	}
	id := make([]byte, setBytes)
	if _, err := rand.Read(id); err != nil {
		return nil, nil, set, err
	}
	set = Set{ID: hex.EncodeToString(id), Shares: shares, Threshold: threshold}
	number := in.RandomScalar(rand.Reader)
	if secret, err = number.MarshalBinary(); err != nil {
		return nil, nil, set, err
	}
	for i, s := range secretsharing.New(rand.Reader, uint(threshold-1), number).Share(uint(shares)) {
		value, err := s.Value.MarshalBinary()
		if err != nil {
			return nil, nil, set, err
		}
		share := append([]byte{version}, id...)
		share = append(append(share, byte(threshold), byte(i+1)), value...)
		share = append(share, check(share)...)
		set.Digests = append(set.Digests, digest(share))
		texts = append(texts, text(share))
	}
	return secret, texts, set, nil
}

// check returns the checksum of a share.
func check(share []byte) []byte {
	sum := sha256.Sum256(share)
	return sum[:checkBytes]
}

// digest returns the digest of a share.
func digest(share []byte) string {
	sum := sha256.Sum256(share)
	return hex.EncodeToString(sum[:])
}

// groupOf is how many characters of a share stand together.
const groupOf = 4

// text writes a share for paper.
func text(share []byte) string {
	plain := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(share)
	var groups []string
	for len(plain) > groupOf {
		groups, plain = append(groups, plain[:groupOf]), plain[groupOf:]
	}
	return strings.Join(append(groups, plain), " ")
}

// A Share is one that was read.
type Share struct {
	Number int
	raw    []byte
}

// Parse reads a share: the last line of a text that is not empty, in any case,
// with or without spaces.
//
// The error wraps ErrShare.
func Parse(text string) (Share, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	plain := strings.ToUpper(strings.Join(strings.Fields(lines[len(lines)-1]), ""))
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(plain)
	if err != nil || len(raw) != shareBytes {
		return Share{}, fmt.Errorf("%w: it is not of %d letters and digits", ErrShare, base32.StdEncoding.WithPadding(base32.NoPadding).EncodedLen(shareBytes))
	}
	body := raw[:shareBytes-checkBytes]
	if !bytes.Equal(check(body), raw[shareBytes-checkBytes:]) {
		return Share{}, fmt.Errorf("%w: its checksum is wrong: compare it with the paper", ErrShare)
	}
	if raw[0] != version {
		return Share{}, fmt.Errorf("%w: it is of version %d", ErrShare, raw[0])
	}
	return Share{Number: int(raw[1+setBytes+1]), raw: raw}, nil
}

// String writes the share as Split has written it.
func (s Share) String() string { return text(s.raw) }

// set returns the id of the set that the share is of.
func (s Share) set() string { return hex.EncodeToString(s.raw[1 : 1+setBytes]) }

// Combine restores the secret of a set from texts of shares. The order does not
// matter, nor do more than are needed.
//
// The error wraps ErrShare and names the share that is wrong, by its place among
// the texts, or ErrTooFew.
func (set Set) Combine(texts []string) ([]byte, error) {
	seen := map[int]bool{}
	var shares []secretsharing.Share
	for i, t := range texts {
		s, err := Parse(t)
		if err == nil {
			err = set.knows(s)
		}
		if err != nil {
			return nil, fmt.Errorf("share %d of those given: %w", i+1, err)
		}
		if seen[s.Number] {
			continue // the same paper twice
		}
		seen[s.Number] = true
		value := in.NewScalar()
		if err := value.UnmarshalBinary(s.raw[1+setBytes+2 : shareBytes-checkBytes]); err != nil {
			return nil, fmt.Errorf("share %d of those given: %w", i+1, ErrShare)
		}
		shares = append(shares, secretsharing.Share{ID: in.NewScalar().SetUint64(uint64(s.Number)), Value: value})
	}
	if len(shares) < set.Threshold {
		return nil, fmt.Errorf("%w: %d of set %s are needed, %d different ones were given", ErrTooFew, set.Threshold, set.ID, len(shares))
	}
	number, err := secretsharing.Recover(uint(set.Threshold-1), shares)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTooFew, err)
	}
	return number.MarshalBinary()
}

// knows checks that a share is one of the set.
func (set Set) knows(s Share) error {
	if s.set() != set.ID {
		return fmt.Errorf("%w: it is of set %s, these keys were shared with set %s", ErrShare, s.set(), set.ID)
	}
	if s.Number < 1 || s.Number > len(set.Digests) || digest(s.raw) != set.Digests[s.Number-1] {
		return fmt.Errorf("%w: it is not one that was made", ErrShare)
	}
	return nil
}
