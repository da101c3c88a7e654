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
	var b bytes.Buffer
	extra := append(r.Entry.Salt[:len(r.Entry.Salt):len(r.Entry.Salt)], r.Entry.Body...)
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", receiptHeader, base64.StdEncoding.EncodeToString(extra), r.Index)
	for _, h := range r.Path {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(r.Checkpoint)
	return b.Bytes()
}

// ParseReceipt reads a receipt's text. It accepts one spelling only; errors
// are [ErrReceipt].
func ParseReceipt(text []byte) (Receipt, error) {
	if len(text) > MaxReceiptBytes {
		return Receipt{}, fmt.Errorf("%w: it is too long", ErrReceipt)
	}
	head, checkpoint, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || len(lines) > 3+maxPath || lines[0] != receiptHeader {
		return Receipt{}, fmt.Errorf("%w: its lines are others", ErrReceipt)
	}
	r := Receipt{Checkpoint: []byte(checkpoint)}
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil || len(extra) < len(r.Entry.Salt) {
		return Receipt{}, fmt.Errorf("%w: its extra data are not salt and body", ErrReceipt)
	}
	r.Entry = Salted{Salt: [32]byte(extra), Body: extra[len(r.Entry.Salt):]}
	if r.Index, err = strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64); err != nil || r.Index < 0 {
		return Receipt{}, fmt.Errorf("%w: its index is not a number", ErrReceipt)
	}
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return Receipt{}, fmt.Errorf("%w: a hash of its proof is not one", ErrReceipt)
		}
		r.Path = append(r.Path, h)
	}
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
	c, err := OpenCheckpoint(r.Checkpoint, origin, keys...)
	if err != nil {
		return Checkpoint{}, Entry{}, err
	}
	if r.Index >= c.Size {
		return Checkpoint{}, Entry{}, fmt.Errorf("%w: the tree has %d entries, and this would be entry %d", ErrNotIncluded, c.Size, r.Index)
	}
	if err := tlog.CheckRecord(r.Path, c.Size, c.Root, r.Index, LeafHash(r.Entry.Leaf())); err != nil {
		return Checkpoint{}, Entry{}, fmt.Errorf("%w: %w", ErrNotIncluded, err)
	}
	e, err := ParseEntry(r.Entry.Body)
	if err != nil {
		return Checkpoint{}, Entry{}, err
	}
	return c, e, nil
}
