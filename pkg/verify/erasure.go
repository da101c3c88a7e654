package verify

import (
	"fmt"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
)

// Erasure verifies a party's record that it has erased a case: that the
// authority, which the directory knew, has signed it, and that every leaf that
// it names stands at its place in the log. proofs are tlog-proofs without extra
// data, of the messages first and then of the other entries. It returns the
// checkpoints that they are under.
//
// What the leaves committed to cannot be shown any more: the digests rest on
// the word of the authority.
func (t Trust) Erasure(s message.SignedErasure, proofs []string, d *directory.Directory) (message.Erasure, []translog.Checkpoint, error) {
	e, err := message.ParseErasure(s)
	if err != nil {
		return e, nil, Misbehaviour(ErasureInvalid, "the record of erasure is not one", err)
	}
	by, err := d.AsOf(e.Directory).Authority(e.By)
	if err == nil {
		err = s.Verify(by)
	}
	if err != nil {
		return e, nil, Misbehaviour(ErasureInvalid, "the record of erasure is not its authority's", err)
	}
	if len(proofs) != len(e.Messages)+len(e.Entries) {
		return e, nil, Misbehaviour(ErasureInvalid, "the record of erasure lacks proofs", nil)
	}
	var checkpoints []translog.Checkpoint
	for i, proof := range proofs {
		index, leaf := placeIn(e, i)
		cp, err := t.Place([]byte(proof), index, leaf)
		if err != nil {
			return e, nil, err
		}
		checkpoints = append(checkpoints, cp)
	}
	return e, checkpoints, nil
}

// placeIn returns what the record says of the entry that proof i is of.
func placeIn(e message.Erasure, i int) (index int64, leaf []byte) {
	if i < len(e.Messages) {
		return e.Messages[i].Index, e.Messages[i].Leaf
	}
	x := e.Entries[i-len(e.Messages)]
	return x.Index, x.Leaf
}

// Place verifies that the log holds a leaf at an index.
func (t Trust) Place(proof []byte, index int64, leaf []byte) (translog.Checkpoint, error) {
	in, err := translog.ParseInclusion(proof)
	if err == nil && in.Index != index {
		err = fmt.Errorf("it is of entry %d", in.Index)
	}
	if err != nil {
		return translog.Checkpoint{}, Misbehaviour(ReceiptInvalid, fmt.Sprintf("the proof of entry %d is not one", index), err)
	}
	cp, err := in.Verify(leaf, t.Origin, t.Keys()...)
	if err != nil {
		return cp, Misbehaviour(ReceiptInvalid, fmt.Sprintf("the proof does not prove entry %d", index), err)
	}
	return cp, nil
}
