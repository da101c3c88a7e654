package translog

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// receiptHeader is the first line of a tlog-proof.
const receiptHeader = "c2sp.org/tlog-proof@v1"

// MaxReceiptBytes bounds the text of a receipt.
const MaxReceiptBytes = 128 << 10

// maxPath is the longest inclusion proof of a tree that can be counted.
const maxPath = 63

// A Receipt proves that an entry is in the log: a c2sp.org/tlog-proof whose
// extra data are the entry's salt and body, so that its holder can recompute
// the leaf.
type Receipt struct {
	Entry      Salted
	Index      int64
	Path       []Hash
	Checkpoint []byte // signed note
}

// Format returns the receipt's text.
func (r Receipt) Format() []byte {
	extra := append(r.Entry.Salt[:len(r.Entry.Salt):len(r.Entry.Salt)], r.Entry.Body...)
	return formatProof("extra "+base64.StdEncoding.EncodeToString(extra)+"\n", r.Inclusion())
}

// ParseReceipt reads a receipt's text. It accepts one spelling only; errors
// are [ErrReceipt].
func ParseReceipt(text []byte) (Receipt, error) {
	line, rest, _ := bytes.Cut(bytes.TrimPrefix(text, []byte(receiptHeader+"\n")), []byte("\n"))
	extra, err := base64.StdEncoding.DecodeString(string(bytes.TrimPrefix(line, []byte("extra "))))
	r := Receipt{}
	if err != nil || len(extra) < len(r.Entry.Salt) {
		return Receipt{}, fmt.Errorf("%w: its extra data are not salt and body", ErrReceipt)
	}
	r.Entry = Salted{Salt: [32]byte(extra), Body: extra[len(r.Entry.Salt):]}
	in, err := parsePlace(rest)
	if err != nil {
		return Receipt{}, err
	}
	r.Index, r.Path, r.Checkpoint = in.Index, in.Path, in.Checkpoint
	if !bytes.Equal(r.Format(), text) {
		return Receipt{}, fmt.Errorf("%w: it is spelt in another way", ErrReceipt)
	}
	return r, nil
}

// Verify checks that the receipt proves its entry to be in the log named
// origin, as signed by one of the log's keys, and returns the checkpoint and
// the entry. It works offline and consults no clock. It proves inclusion in
// one signed tree; that everybody is shown the same tree is for consistency
// proofs and witnesses to show.
//
// Errors wrap [ErrCheckpointSignature], [ErrNotIncluded] or [ErrEntry].
func (r Receipt) Verify(origin string, keys ...note.Verifier) (Checkpoint, Entry, error) {
	c, err := r.Inclusion().Verify(r.Entry.Leaf(), origin, keys...)
	if err != nil {
		return Checkpoint{}, Entry{}, err
	}
	e, err := ParseEntry(r.Entry.Body)
	if err != nil {
		return Checkpoint{}, Entry{}, err
	}
	return c, e, nil
}

// Inclusion returns what is left of the receipt without its entry.
func (r Receipt) Inclusion() Inclusion {
	return Inclusion{Index: r.Index, Path: r.Path, Checkpoint: r.Checkpoint}
}

// An Inclusion proves that a leaf is in the log, and says nothing of the entry
// that the leaf commits to: a c2sp.org/tlog-proof without extra data. It is
// what is left of a receipt when its salt and body have been erased.
type Inclusion struct {
	Index      int64
	Path       []Hash
	Checkpoint []byte // signed note
}

// Format returns the proof's text.
func (i Inclusion) Format() []byte { return formatProof("", i) }

// ParseInclusion reads the text of a proof without extra data. It accepts one
// spelling only; errors are [ErrReceipt].
func ParseInclusion(text []byte) (Inclusion, error) {
	i, err := parsePlace(bytes.TrimPrefix(text, []byte(receiptHeader+"\n")))
	if err == nil && !bytes.Equal(i.Format(), text) {
		err = fmt.Errorf("%w: it is spelt in another way", ErrReceipt)
	}
	return i, err
}

// Verify checks that the proof shows the leaf to be in the log named origin, as
// signed by one of the log's keys, and returns the checkpoint. Errors wrap
// [ErrCheckpointSignature] or [ErrNotIncluded].
func (i Inclusion) Verify(leaf []byte, origin string, keys ...note.Verifier) (Checkpoint, error) {
	c, err := OpenCheckpoint(i.Checkpoint, origin, keys...)
	if err != nil {
		return Checkpoint{}, err
	}
	if i.Index >= c.Size {
		return Checkpoint{}, fmt.Errorf("%w: the tree has %d entries, and this would be entry %d", ErrNotIncluded, c.Size, i.Index)
	}
	if err := tlog.CheckRecord(i.Path, c.Size, c.Root, i.Index, LeafHash(leaf)); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrNotIncluded, err)
	}
	return c, nil
}

// formatProof writes a tlog-proof with its line of extra data, if it has one.
func formatProof(extra string, i Inclusion) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%sindex %d\n", receiptHeader, extra, i.Index)
	for _, h := range i.Path {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(i.Checkpoint)
	return b.Bytes()
}

// parsePlace reads the lines of a tlog-proof from that of the index on. Whether
// they are spelt well is for the caller to find out, by writing them again.
func parsePlace(text []byte) (Inclusion, error) {
	if len(text) > MaxReceiptBytes {
		return Inclusion{}, fmt.Errorf("%w: it is too long", ErrReceipt)
	}
	head, checkpoint, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) > 1+maxPath {
		return Inclusion{}, fmt.Errorf("%w: its lines are others", ErrReceipt)
	}
	i := Inclusion{Checkpoint: []byte(checkpoint)}
	var err error
	if i.Index, err = strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64); err != nil || i.Index < 0 {
		return Inclusion{}, fmt.Errorf("%w: its index is not a number", ErrReceipt)
	}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return Inclusion{}, fmt.Errorf("%w: a hash of its proof is not one", ErrReceipt)
		}
		i.Path = append(i.Path, h)
	}
	return i, nil
}
