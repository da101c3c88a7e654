package message

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/workflow"
)

// A wire is the wire form of a message. The two binary members are read as
// text and decoded here, so that each has its own size and its own fault.
type wire struct {
	Header    string `json:"header"`
	Signature string `json:"signature"`
	Payload   string `json:"payload"`
}

// Parse reads a message in its wire form: sizes, strict JSON, types, and the
// syntax of every member (the first three steps of protocol section 2.5). It
// accepts only a header and core in canonical form. It checks neither
// signature nor digests, and needs neither directory nor clock.
//
// The error is a *problem.Error: too-large, malformed-json, duplicate-member,
// unknown-member, wrong-type, missing-recipient, wrong-suite for a suite that
// does not exist, or invalid-value.
func Parse(data []byte) (*Message, error) {
	var w wire
	if err := unmarshal(data, MaxWireBytes, "", &w); err != nil {
		return nil, err
	}
	m := &Message{HeaderText: w.Header}
	var err error
	if m.Signature, err = decode(w.Signature, MaxSignatureBytes, "signature"); err != nil {
		return nil, err
	}
	if m.Payload, err = decode(w.Payload, MaxPayloadBytes, "payload"); err != nil {
		return nil, err
	}
	if m.Header, err = ParseHeader(m.HeaderText); err != nil {
		return nil, err
	}
	if err := unmarshal([]byte(m.Header.Core), MaxHeaderBytes, "core", &m.Core); err != nil {
		return nil, err
	}
	if err := m.Core.check(); err != nil {
		return nil, err
	}
	if err := m.Header.check(); err != nil {
		return nil, err
	}
	if err := canonical(m.Header.Core, "core", m.Core); err != nil {
		return nil, err
	}
	if err := canonical(m.HeaderText, "header", m.Header); err != nil {
		return nil, err
	}
	return m, nil
}

// ParseHeader reads the text of a header. [Parse] makes further checks, which
// every accepted message has passed.
func ParseHeader(text string) (Header, error) {
	var h Header
	if err := unmarshal([]byte(text), MaxHeaderBytes, "header", &h); err != nil {
		return Header{}, err
	}
	if h.Typ != TypMessage {
		return Header{}, problem.New(problem.WrongType, "typ", "This is not a message of version 1.")
	}
	return h, nil
}

// decode reads the one base64 spelling of at least one and at most maxBytes
// bytes.
func decode(text string, maxBytes int, field string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	switch {
	// The decoder overlooks line breaks and stray bits at the end.
	case err != nil || base64.StdEncoding.EncodeToString(data) != text:
		return nil, problem.New(problem.InvalidValue, field, "This is not base64 with padding and without line breaks.")
	case len(data) == 0:
		return nil, problem.New(problem.InvalidValue, field, "This is missing.")
	case len(data) > maxBytes:
		return nil, problem.New(problem.TooLarge, field, fmt.Sprintf("This is larger than %d bytes.", maxBytes))
	}
	return data, nil
}

// Wire returns the wire form of the message, which Parse reads back.
func (m *Message) Wire() ([]byte, error) {
	data, err := strictjson.Marshal(wire{
		Header:    m.HeaderText,
		Signature: base64.StdEncoding.EncodeToString(m.Signature),
		Payload:   base64.StdEncoding.EncodeToString(m.Payload),
	})
	if err != nil {
		return nil, problem.Wrap(problem.MalformedJSON, "header", "The message cannot be written as strict JSON.", err)
	}
	return data, nil
}

// check holds the members of the core to their syntax.
func (c *Core) check() error {
	f := form{prefix: "core"}
	f.must(c.Typ == TypCore, problem.WrongType, "typ", "This is not a core of version 1.")
	f.must(c.Suite.Valid(), problem.WrongSuite, "suite", "There is no such suite.")
	f.id(c.ID, "id")
	f.id(c.Case, "case")
	f.must(slices.Contains(workflow.Procedure().Acts(), c.Act), problem.InvalidValue, "act", "There is no such act.")
	f.must(c.Act == workflow.Deliver || !c.Final, problem.InvalidValue, "final", "Only a delivery can be final.")
	f.must(slices.Contains(workflow.Procedure().Lanes(), c.Lane), problem.InvalidValue, "lane", "There is no such lane.")
	f.time(c.Created, "created")
	f.must(c.NotAfter.After(c.Created.Time) && c.NotAfter.Sub(c.Created.Time) <= MaxValidity, problem.InvalidValue, "not_after",
		"This must be after the creation, and at most 31 days.")
	f.authority(c.From.Authority, "from.authority")
	f.fingerprint(c.From.Fingerprint, "from.fingerprint")
	f.digest(c.From.Certificate, "from.certificate")
	f.must(c.To.Authority != "", problem.MissingRecipient, "to", "The message names no recipient.")
	f.authority(c.To.Authority, "to.authority")
	f.fingerprint(c.To.Fingerprint, "to.fingerprint")
	f.digest(c.To.Certificate, "to.certificate")
	f.fingerprint(c.To.Encryption, "to.encryption")
	f.must(c.From.Authority != c.To.Authority, problem.InvalidValue, "to.authority", "Nobody writes to itself.")
	f.must(len(c.After) <= MaxAfter, problem.InvalidValue, "after", fmt.Sprintf("There are more than %d.", MaxAfter))
	f.ascending(c.After, "after")
	f.size(c.Seq, 1, MaxSeq, "seq")
	f.must((c.Seq == 1) == (c.Prev == ""), problem.InvalidValue, "prev", "Number 1 has no predecessor, and every other has one.")
	f.must(c.Prev == "" || Digest(c.Prev).Valid(), problem.InvalidValue, "prev", "A digest is 64 lower-case hex digits.")
	f.size(c.Directory, 1, MaxSeq, "directory")
	return f.err()
}

// check holds the members of the header to their syntax.
func (h *Header) check() error {
	var f form
	f.size(h.Payload.Size, 1, MaxPayloadBytes, "payload.size")
	f.digest(h.Payload.SHA256, "payload.sha256")
	f.digest(h.Payload.Commitment, "payload.commitment")
	for i, e := range h.Evidence {
		f.size(e.Size, 1, MaxSeq, fmt.Sprintf("evidence.%d.size", i))
		f.digest(e.SHA256, fmt.Sprintf("evidence.%d.sha256", i))
		twice := slices.ContainsFunc(h.Evidence[:i], func(before EvidenceRef) bool { return before.SHA256 == e.SHA256 })
		f.must(!twice, problem.InvalidValue, fmt.Sprintf("evidence.%d.sha256", i), "The same evidence is named twice.")
	}
	return f.err()
}
