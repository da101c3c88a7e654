package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestDatedOtherwise has the operator, who holds the log's key, date an entry an
// hour back or ahead, with a tree and a signature that agree with it. The
// sender's own signature says when the message was made, and convicts the
// receipt (audit.md, threat 7).
func TestDatedOtherwise(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	found, err := h.as("QM").Message(t.Context(), sent.ID)
	h.must(err)
	m, err := message.Parse(found.Message)
	h.must(err)
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	honest, err := trust.Message(m, []byte(found.Receipt), qm.Directory())
	h.must(err)

	secret, err := os.ReadFile(filepath.Join(h.dir, "broker", "log.key"))
	h.must(err)
	signer, err := translog.ParseSigner(strings.TrimSpace(string(secret)))
	h.must(err)
	for _, shift := range []time.Duration{0, -time.Hour, time.Hour} {
		receipt, err := translog.ParseReceipt([]byte(found.Receipt))
		h.must(err)
		at := honest.At.Add(shift).Format(time.RFC3339)
		receipt.Entry, err = translog.NewSalted(bytes.Replace(receipt.Entry.Body, []byte(honest.At.Format(time.RFC3339)), []byte(at), 1))
		h.must(err)
		hashes := make([]translog.Hash, receipt.Index+1) // the other entries may be anything
		hashes[receipt.Index] = translog.LeafHash(receipt.Entry.Leaf())
		growth, err := translog.NewTree().Append(hashes)
		h.must(err)
		receipt.Path, err = translog.ProveInclusion(t.Context(), receipt.Index, receipt.Index+1,
			func(_ context.Context, _ int, from, to int64) ([]translog.Hash, error) { return hashes[from:to], nil })
		h.must(err)
		receipt.Checkpoint, err = translog.Checkpoint{Origin: trust.Origin, Size: receipt.Index + 1, Root: growth.After.Root()}.Sign(signer)
		h.must(err)
		_, err = trust.Message(m, receipt.Format(), qm.Directory())
		if got := errors.Is(err, verify.ErrMisbehaviour); got != (shift != 0) {
			t.Errorf("dated %v otherwise: %v", shift, err)
		}
	}
}
