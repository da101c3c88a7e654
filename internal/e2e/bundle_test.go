package e2e_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// A packed bundle is taken apart and put together again by these tests.
type packed struct {
	bundle.Manifest
	files map[string][]byte
}

func (h *hub) unpack(data []byte) packed {
	h.t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	h.must(err)
	b, err := bundle.Open(bytes.NewReader(data), int64(len(data)))
	h.must(err)
	p := packed{Manifest: b.Manifest, files: map[string][]byte{}}
	for _, f := range z.File {
		r, err := f.Open()
		h.must(err)
		p.files[f.Name], err = io.ReadAll(r)
		h.must(err)
		h.must(r.Close())
	}
	return p
}

// judged packs the files again, with a manifest that fits them, and verifies
// the bundle.
func (h *hub) judged(p packed) (bundle.Report, error) {
	h.t.Helper()
	var out bytes.Buffer
	w := bundle.NewWriter(&out, p.Manifest)
	for _, f := range p.Files {
		if data, ok := p.files[f.Name]; ok {
			h.must(w.Add(f.Name, data))
		}
	}
	h.must(w.Close())
	b, err := bundle.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
	h.must(err)
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	return b.Verify(h.t.Context(), trust)
}

// exchange has QM ask and QN acknowledge, under a witness, and bundles the
// case at QM.
func (h *hub) exchange() (packed, *desk.Desk, desk.Message) {
	h.t.Helper()
	line, _ := h.auditor("auditor")
	h.witnesses(line + "quorum auditor\n")
	qm, qn := h.pair()
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(h.t.Context()))
	answer := h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", sent))
	h.must(qm.Sync(h.t.Context()))
	h.must(qn.Sync(h.t.Context()))
	h.until("witnessed receipts", func() bool { return h.graded(h.as("QM"), answer.ID).Grade == wire.GradeWitnessed })
	h.must(qm.Sync(h.t.Context()))
	var out bytes.Buffer
	h.bundle(qm, sent.Case, &out)
	return h.unpack(out.Bytes()), qm, sent
}

// bundle writes a bundle, whose report for people says what a verification says.
func (h *hub) bundle(d *desk.Desk, caseID string, out *bytes.Buffer) {
	h.t.Helper()
	made, err := d.Bundle(h.t.Context(), caseID, out)
	h.must(err)
	p := h.unpack(out.Bytes())
	if again, err := h.judged(p); err != nil || again.Verdict != made.Verdict {
		h.t.Errorf("the desk says %s of its bundle, and a verification %s, %v", made.Verdict, again.Verdict, err)
	}
	if page := string(p.files[bundle.ReportFile]); strings.Count(page, `<section class="verdict `+string(made.Verdict)+`">`) != 7 {
		h.t.Error("the report in the bundle does not give the verdict in seven languages")
	}
	if left, err := filepath.Glob(filepath.Join(h.dir, "Q?", "bundle-*")); err != nil || len(left) > 0 {
		h.t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestBundle gives each of the four verdicts, from one bundle that is changed
// in one way after the other.
func TestBundle(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	whole, qm, sent := h.exchange()
	r, err := h.judged(whole)
	if err != nil || r.Verdict != bundle.Proven || len(r.Messages) != 2 || r.Stage != "acknowledged" || r.Confirmations == 0 {
		t.Fatalf("judged %+v, %v", r, err)
	}
	messages := []string{bundle.MessageFile(r.Messages[0].Index), bundle.MessageFile(r.Messages[1].Index)}
	proofs := []string{bundle.ProofFile(r.Messages[0].Index), bundle.ProofFile(r.Messages[1].Index)}
	for _, tt := range []struct {
		name   string
		change func(map[string][]byte)
		want   bundle.Verdict
		reason string
	}{
		{"with a report that lies", func(f map[string][]byte) { f[bundle.ReportFile] = []byte("<p>misbehaviour") }, bundle.Proven, "every message"},
		{"without a report", func(f map[string][]byte) { delete(f, bundle.ReportFile) }, bundle.Proven, "every message"},
		{"without the checkpoint", func(f map[string][]byte) { delete(f, bundle.CheckpointFile) }, bundle.Authentic, "one history"},
		{"without consistency", func(f map[string][]byte) { delete(f, bundle.ConsistencyFile) }, bundle.Authentic, "one history"},
		{"without cosignatures", func(f map[string][]byte) { f[proofs[1]] = lastLineCut(f[proofs[1]]) }, bundle.Authentic, "1 of 2 messages"},
		{"without its first message", func(f map[string][]byte) { delete(f, messages[0]); delete(f, proofs[0]) }, bundle.Incomplete, "refer to"},
		{"without the answer's receipt", func(f map[string][]byte) { delete(f, proofs[1]) }, bundle.Misbehaviour, "not one"},
		{"receipts exchanged", func(f map[string][]byte) { f[proofs[0]], f[proofs[1]] = f[proofs[1]], f[proofs[0]] }, bundle.Misbehaviour, "another message"},
		{"signature altered", func(f map[string][]byte) { f[messages[0]] = altSignature(f[messages[0]]) }, bundle.Misbehaviour, "must refuse"},
		{"directory shortened", func(f map[string][]byte) { f[bundle.DirectoryFile] = []byte(`{"items":[],"more":false}`) }, bundle.Misbehaviour, "must refuse"},
		{"directory altered", func(f map[string][]byte) {
			f[bundle.DirectoryFile] = bytes.Replace(f[bundle.DirectoryFile], []byte("QN.mla"), []byte("QN.mlb"), 1)
		}, bundle.Misbehaviour, "another statement"},
		{"checkpoint altered", func(f map[string][]byte) {
			f[bundle.CheckpointFile] = bytes.Replace(f[bundle.CheckpointFile], []byte("\n1"), []byte("\n2"), 1)
		}, bundle.Misbehaviour, "checkpoint is not the log's"},
	} {
		changed := packed{Manifest: whole.Manifest, files: map[string][]byte{}}
		for name, data := range whole.files {
			changed.files[name] = bytes.Clone(data)
		}
		tt.change(changed.files)
		r, err := h.judged(changed)
		said := ""
		for _, reason := range r.Reasons {
			said += reason.Text + "; "
		}
		if err != nil {
			said = err.Error()
		}
		if r.Verdict != tt.want || !strings.Contains(said, tt.reason) || errors.Is(err, verify.ErrMisbehaviour) != (tt.want == bundle.Misbehaviour) {
			t.Errorf("%s: %s, %v, %v; want %s, %q", tt.name, r.Verdict, r.Reasons, err, tt.want, tt.reason)
		}
	}
	// Cut off from the broker, a desk still bundles what it has, which proves
	// less.
	h.meddle(cutOff)
	var out bytes.Buffer
	h.bundle(qm, sent.Case, &out)
	h.meddle(nil)
	if r, err := h.judged(h.unpack(out.Bytes())); err != nil || r.Verdict != bundle.Authentic {
		t.Errorf("made without the broker: %s, %v", r.Verdict, err)
	}
	if _, err := qm.Bundle(t.Context(), strings.Repeat("0", 32), io.Discard); err == nil {
		t.Error("a case that there is not was bundled")
	}
}

// lastLineCut drops the last line.
func lastLineCut(text []byte) []byte {
	return text[:bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n')+1]
}

// altSignature changes the signature of a message in its wire form.
func altSignature(wire []byte) []byte {
	i := bytes.Index(wire, []byte(`"signature":"`)) + len(`"signature":"`) + 60
	if wire[i] == 'A' {
		wire[i] = 'B'
	} else {
		wire[i] = 'A'
	}
	return wire
}
