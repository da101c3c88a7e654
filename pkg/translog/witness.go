package translog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxWitnessBytes bounds a request to a witness.
const MaxWitnessBytes = 64 << 10

// ErrAddCheckpoint says that a text is not a request to a witness.
var ErrAddCheckpoint = errors.New("translog: not an add-checkpoint request of c2sp.org/tlog-witness")

// An AddCheckpoint is the request to a witness to cosign a checkpoint: it
// extends, as the proof shows, the one of Old entries that the witness cosigned
// last.
type AddCheckpoint struct {
	Old        int64
	Proof      []Hash // consistency proof (RFC 6962, section 2.1.2); empty if Old is 0
	Checkpoint []byte // signed note
}

// Format returns the request's text.
func (a AddCheckpoint) Format() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", a.Old)
	for _, h := range a.Proof {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(a.Checkpoint)
	return b.Bytes()
}

// ParseAddCheckpoint reads a request. It accepts one spelling only; errors are
// [ErrAddCheckpoint].
func ParseAddCheckpoint(text []byte) (AddCheckpoint, error) {
	head, checkpoint, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(text) > MaxWitnessBytes || len(lines) > 1+maxPath {
		return AddCheckpoint{}, fmt.Errorf("%w: its lines are others", ErrAddCheckpoint)
	}
	a := AddCheckpoint{Checkpoint: []byte(checkpoint)}
	var err error
	if a.Old, err = strconv.ParseInt(strings.TrimPrefix(lines[0], "old "), 10, 64); err != nil || a.Old < 0 {
		return AddCheckpoint{}, fmt.Errorf("%w: the old size is not a number", ErrAddCheckpoint)
	}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return AddCheckpoint{}, fmt.Errorf("%w: a hash of its proof is not one", ErrAddCheckpoint)
		}
		a.Proof = append(a.Proof, h)
	}
	if !bytes.Equal(a.Format(), text) {
		return AddCheckpoint{}, fmt.Errorf("%w: it is spelt in another way", ErrAddCheckpoint)
	}
	return a, nil
}
