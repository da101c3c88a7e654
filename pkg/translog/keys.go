package translog

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// WhatLogKey is the name of the configuration entries that say which keys the
// log has.
const WhatLogKey = "log key"

// Failures of keys of a log. The first two also wrap [ErrCheckpointSignature].
var (
	// ErrOtherKey says that a checkpoint is signed in the log's name with a key
	// that is not known here: the log has changed its key, or somebody else signs.
	ErrOtherKey = errors.New("translog: it is signed with a key of the log that is not known here")
	// ErrTerm says that a key of the log signed a tree that it is not good for:
	// one larger than there was when the key was replaced, or smaller than there
	// was when it was made.
	ErrTerm = errors.New("translog: it is signed with a key of the log that is not good for a tree of this size")
	// ErrLogKeys says that a text is not a list of keys of one log.
	ErrLogKeys = errors.New("translog: not the keys of a log")
	// ErrRotation says that nothing vouches for a new key of a log.
	ErrRotation = errors.New("translog: the log's former key does not vouch for the new one")
)

// LogKeys are the keys that a log has had, the oldest first, each with the sizes
// of the trees that it is good for: from the size at which it was made to the
// one at which the next was.
//
// As text they are verifier keys, and between two of them the size at which the
// one took over from the other, separated by spaces. The keys of a later time
// begin with those of an earlier one.
type LogKeys struct {
	text string
	keys []term
}

// A term is a key for trees of some sizes, both ends included.
type term struct {
	note.Verifier
	vkey        string
	from, until int64 // until is -1 for a key that has not been replaced
}

// covers reports whether the key is good for a tree of the size.
func (t term) covers(size int64) bool { return size >= t.from && (t.until < 0 || size <= t.until) }

// Verify implements [note.Verifier] for checkpoints that the key is good for.
func (t term) Verify(text, signature []byte) bool {
	c, err := ParseCheckpoint(string(text))
	return err == nil && t.covers(c.Size) && t.Verifier.Verify(text, signature)
}

// ParseLogKeys reads the keys of a log. It accepts one spelling only; errors are
// [ErrLogKeys].
func ParseLogKeys(text string) (LogKeys, error) {
	k := LogKeys{text: text}
	from := int64(0)
	for i, field := range strings.Split(text, " ") {
		if i%2 == 1 {
			size, err := strconv.ParseInt(field, 10, 64)
			if err != nil || size < from || strconv.FormatInt(size, 10) != field {
				return LogKeys{}, fmt.Errorf("%w: %q is not the size of a later tree", ErrLogKeys, field)
			}
			k.keys[len(k.keys)-1].until, from = size, size
			continue
		}
		v, err := note.NewVerifier(field)
		if err != nil {
			return LogKeys{}, fmt.Errorf("%w: %w", ErrLogKeys, err)
		}
		for _, has := range k.keys {
			if has.Name() != v.Name() || has.KeyHash() == v.KeyHash() {
				return LogKeys{}, fmt.Errorf("%w: they are keys of two logs, or one is there twice", ErrLogKeys)
			}
		}
		k.keys = append(k.keys, term{Verifier: v, vkey: field, from: from, until: -1})
	}
	if last := k.keys[len(k.keys)-1]; last.until >= 0 {
		return LogKeys{}, fmt.Errorf("%w: the last key is missing", ErrLogKeys)
	}
	return k, nil
}

// String returns the keys as text.
func (k LogKeys) String() string { return k.text }

// Newest returns the verifier key, as text, that has not been replaced.
func (k LogKeys) Newest() string { return k.keys[len(k.keys)-1].vkey }

// Rotated reports whether there has been more than one key.
func (k LogKeys) Rotated() bool { return len(k.keys) > 1 }

// Verifiers returns the keys. Each verifies nothing but checkpoints of trees
// that it is good for.
func (k LogKeys) Verifiers() []note.Verifier {
	all := make([]note.Verifier, len(k.keys))
	for i, t := range k.keys {
		all[i] = t
	}
	return all
}

// Rotate returns the keys with another one that takes over at a tree of the size.
func (k LogKeys) Rotate(vkey string, size int64) (LogKeys, error) {
	return ParseLogKeys(fmt.Sprintf("%s %d %s", k.text, size, vkey))
}

// CheckRotation checks that these keys are those of before with one new key, and
// that receipt, a tlog-proof, proves the log's own entry of it: under a
// checkpoint that the key of before and the new one have both signed. Whoever
// trusts the keys of before can then trust these. Errors wrap [ErrRotation].
func (k LogKeys) CheckRotation(before LogKeys, receipt []byte) error {
	if !strings.HasPrefix(k.text, before.text+" ") || len(k.keys) != len(before.keys)+1 {
		return fmt.Errorf("%w: they are not the keys that are known here, and one more", ErrRotation)
	}
	r, err := ParseReceipt(receipt)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRotation, err)
	}
	origin := before.keys[0].Name()
	for _, newest := range []term{before.keys[len(before.keys)-1], k.keys[len(k.keys)-1]} {
		_, e, err := r.Verify(origin, newest)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRotation, err)
		}
		if e.Configuration == nil || *e.Configuration != (ConfigurationFact{What: WhatLogKey, Detail: k.text}) {
			return fmt.Errorf("%w: the entry says something else", ErrRotation)
		}
	}
	return nil
}

// forSize returns the keys that are good for the tree of a signed checkpoint, of
// whose text nothing is known yet.
func forSize(signed []byte, keys []note.Verifier) (good []note.Verifier) {
	text, _, _ := strings.Cut(string(signed), "\n\n")
	c, err := ParseCheckpoint(text + "\n")
	for _, key := range keys {
		if t, ok := key.(term); ok && err == nil && !t.covers(c.Size) {
			continue
		}
		good = append(good, key)
	}
	return good
}

// whyUnsigned says more of a checkpoint that none of the good keys has signed.
func whyUnsigned(err error, signed []byte, origin string, keys []note.Verifier) error {
	known, unknown := signers(signed, origin, keys)
	switch {
	case known:
		return fmt.Errorf("%w: %w", ErrTerm, err)
	case unknown:
		return fmt.Errorf("%w: %w", ErrOtherKey, err)
	}
	return err
}

// signers says whether a checkpoint has signatures, of which none is verified,
// that name keys of the log, and some that name others of it.
func signers(signed []byte, origin string, keys []note.Verifier) (known, unknown bool) {
	_, err := note.Open(signed, note.VerifierList())
	var read *note.UnverifiedNoteError
	if !errors.As(err, &read) {
		return false, false
	}
	for _, s := range read.Note.UnverifiedSigs {
		one := s.Name == origin && slices.ContainsFunc(keys, func(key note.Verifier) bool { return key.KeyHash() == s.Hash })
		known = known || one
		unknown = unknown || s.Name == origin && !one
	}
	return known, unknown
}

// CheckSigners returns [ErrOtherKey] if a checkpoint carries a signature in the
// log's name with another key than these: they are not all that there are.
func CheckSigners(signed []byte, origin string, keys ...note.Verifier) error {
	if _, unknown := signers(signed, origin, keys); unknown {
		return ErrOtherKey
	}
	return nil
}
