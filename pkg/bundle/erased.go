package bundle

import (
	"fmt"

	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/workflow"
)

// An Erasure is a party's record that it has erased the case, with the proofs
// that what it names stands in the log: of its messages first, then of its
// entries.
type Erasure struct {
	Signed message.SignedErasure `json:"signed"`
	Proofs []string              `json:"proofs"` // tlog-proof without extra data
}

// readErasure verifies the record of erasure, if there is one. What it names
// is accounted for, on the word of the authority that erased it; a message
// that is there all the same must be the one that it names.
func (c *check) readErasure() error {
	data, err := c.named(ErasureFile)
	if err != nil || data == nil {
		return err
	}
	var in Erasure
	if err := strictjson.Unmarshal(data, MaxFileBytes, &in); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBundle, ErasureFile, err)
	}
	e, checkpoints, err := c.trust.Erasure(in.Signed, in.Proofs, c.directory)
	if err != nil {
		return fmt.Errorf("%s: %w", ErasureFile, err)
	}
	if string(e.Case) != c.Manifest.Case {
		return fmt.Errorf("%w: the erasure is of another case", ErrBundle)
	}
	for _, cp := range checkpoints {
		c.checkpoints[cp] = true
	}
	erased := 0
	for _, m := range e.Messages {
		has, ok := c.indices[m.Index]
		if ok && has != string(m.Digest) {
			return verify.Misbehaviour(verify.ErasureInvalid, fmt.Sprintf("%s: entry %d is another message than the record says", ErasureFile, m.Index), nil)
		}
		if !ok {
			c.readErased(m)
			erased++
		}
	}
	at := e.At.String()
	c.report.Erased = &Erased{At: at, By: e.By, Officer: e.Officer, Basis: e.Basis, Messages: erased, Entries: len(e.Entries)}
	if erased > 0 {
		c.report.reason(ReasonErased, "basis", e.Basis, "by", e.By, "count", erased, "date", at, "officer", e.Officer)
	}
	return nil
}

// readErased takes a message that was erased for what the record says.
func (c *check) readErased(m message.ErasedMessage) {
	c.digests[string(m.Digest)], c.indices[m.Index] = true, string(m.Digest)
	act := workflow.Act(m.Act)
	if workflow.Procedure().Opens(act) {
		c.opening = m.ID
	}
	c.events = append(c.events, event{
		index: m.Index, message: m.ID, from: m.From,
		Event: workflow.Event{Act: act, Lane: workflow.Lane(m.Lane), Final: m.Final},
	})
	c.report.Messages = append(c.report.Messages, Line{
		Index: m.Index, ID: string(m.ID), From: m.From, To: m.To, Act: m.Act, Digest: string(m.Digest), Logged: m.Logged.String(), Erased: true,
	})
}
