package message_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// wantProblem checks the code and field of an error; an empty code means nil.
func wantProblem(t *testing.T, err error, code problem.Code, field string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Fatalf("err = %v, want nil", err)
		}
		return
	}
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		t.Fatalf("err = %v, want a problem %s", err, code)
	}
	if p.Code != code || p.Field != field {
		t.Fatalf("problem %s in %q (%v), want %s in %q", p.Code, p.Field, err, code, field)
	}
}

// A forge makes a message from QM.24-7 to QN.24-7 step by step as Seal does,
// with a hook behind each step. It can sign what Seal would not.
type forge struct {
	core      func(*message.Core)
	coreText  func(string) string
	payload   func(*message.Payload)
	plaintext func(string) string
	sealed    func([]byte) []byte
	header    func(*message.Header)
	text      func(string) string
	signature func([]byte) []byte

	sealer, signer     *pgp.Key
	sealedTo           *pgp.Certificate
	sealTyp, signTyp   string
	sealLate, signLate time.Duration
}

// make makes the message, as Parse would return it.
func (f forge) make(t testing.TB, w *states.World) *message.Message {
	t.Helper()
	base := w.Seal(t, w.Draft(t, "QM.24-7", "QN.24-7", "forged"))
	plain, err := base.Open(w.Keys["QN.24-7"], w.Directory)
	if err != nil {
		t.Fatal(err)
	}
	m := &message.Message{Core: base.Core, Header: base.Header}
	run(f.core, &m.Core)
	m.Header.Core = edited(f.coreText, marshal(t, m.Core))
	plain.CoreSHA256 = message.DigestOf([]byte(m.Header.Core))
	run(f.payload, plain)
	text := edited(f.plaintext, marshal(t, plain))

	sealer := either(f.sealer, w.Keys["QM.24-7"])
	to := either(f.sealedTo, w.Authority(t, "QN.24-7").Certificates[w.Suite])
	m.Payload, err = sealer.Seal(either(f.sealTyp, message.TypPayload), []byte(text), to, m.Core.Created.Add(f.sealLate))
	if err != nil {
		t.Fatal(err)
	}
	if f.sealed != nil {
		m.Payload = f.sealed(m.Payload)
	}
	m.Header.Payload = message.PayloadRef{
		Size: int64(len(m.Payload)), SHA256: message.DigestOf(m.Payload), Commitment: message.DigestOf([]byte(text)),
	}
	run(f.header, &m.Header)
	m.HeaderText = edited(f.text, marshal(t, m.Header))
	signer := either(f.signer, w.Keys["QM.24-7"])
	m.Signature, err = signer.Sign(either(f.signTyp, message.TypMessage), []byte(m.HeaderText), m.Core.Created.Add(f.signLate))
	if err != nil {
		t.Fatal(err)
	}
	if f.signature != nil {
		m.Signature = f.signature(m.Signature)
	}
	return m
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	data, err := strictjson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// wire returns the wire form of a message.
func wire(t testing.TB, m *message.Message) []byte {
	t.Helper()
	data, err := m.Wire()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func run[T any](edit func(*T), v *T) {
	if edit != nil {
		edit(v)
	}
}

func edited(edit func(string) string, text string) string {
	if edit == nil {
		return text
	}
	return edit(text)
}

func either[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// replace returns an edit that replaces old, which must be there.
func replace(old, new string) func(string) string {
	return func(text string) string {
		if !strings.Contains(text, old) {
			return "no " + old + " in " + text
		}
		return strings.Replace(text, old, new, 1)
	}
}

// A packet is an OpenPGP packet with its header.
type packet []byte

// packets splits an OpenPGP message into packets of definite length; what
// follows the first of partial length belongs to it.
func packets(data []byte) []packet {
	var all []packet
	for len(data) > 1 {
		header, length, ok := packetLength(data)
		if !ok || header+length > len(data) {
			return append(all, data)
		}
		all = append(all, data[:header+length])
		data = data[header+length:]
	}
	return all
}

// packetLength reads a packet header in the OpenPGP format (RFC 9580 section
// 4.2.1); not ok means a partial length.
func packetLength(data []byte) (header, length int, ok bool) {
	switch first := int(data[1]); {
	case first < 192:
		return 2, first, true
	case first < 224:
		return 3, (first-192)<<8 + int(data[2]) + 192, true
	case first == 255:
		return 6, int(data[2])<<24 | int(data[3])<<16 | int(data[4])<<8 | int(data[5]), true
	}
	return 0, 0, false
}

// repack edits the packets of a payload.
func repack(edit func([]packet) []packet) func([]byte) []byte {
	return func(data []byte) []byte {
		return slices.Concat(edit(packets(data))...)
	}
}

// Packets that have no place in a payload.
var (
	// marker is the obsolete marker packet.
	marker = packet("\xca\x03PGP")
	// skesk is a passphrase packet (version 4, AES-256, simple S2K of SHA-256)
	// that fits nothing.
	skesk = packet("\xc3\x04\x04\x09\x00\x08")
	// literal is a naked literal packet: "{}".
	literal = packet("\xcb\x08b\x00\x00\x00\x00\x00{}")
)
