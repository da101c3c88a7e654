package keyring

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

// maxFrame bounds a request and an answer, in bytes: a plaintext of 1 MiB in
// base64 and what belongs to it.
const maxFrame = 4 << 20

// Operations of a holder of keys (docs/custody.md).
const (
	opList     = "list"
	opKey      = "key"
	opSign     = "sign"
	opSession  = "session-key"
	opCertify  = "certify"
	opChange   = "change"
	opGenerate = "generate"
	opLock     = "lock"
	opUnlock   = "unlock"
)

// A request asks the holder of keys for one thing. Members that an operation
// has no use for are left out.
type request struct {
	Op          string    `json:"op"`
	Key         string    `json:"key,omitempty"` // its name
	Typ         string    `json:"typ,omitempty"`
	Data        []byte    `json:"data,omitempty"`
	Intended    []string  `json:"intended,omitempty"`
	Subkey      string    `json:"subkey,omitempty"`
	Packet      []byte    `json:"packet,omitempty"`
	Certificate []byte    `json:"certificate,omitempty"`
	LifetimeS   int64     `json:"lifetime_s,omitempty"`
	Kind        string    `json:"kind,omitempty"`
	Reason      int       `json:"reason,omitempty"`
	UserID      string    `json:"user_id,omitempty"`
	Suite       pgp.Suite `json:"suite,omitempty"`
	At          int64     `json:"at,omitempty"` // Unix time in seconds
	Passphrase  []byte    `json:"passphrase,omitempty"`
}

// at returns the time that the request names.
func (r request) at() time.Time { return time.Unix(r.At, 0).UTC() }

// An answer is what the holder says: an error, or what the operation returns.
type answer struct {
	Code        string   `json:"code,omitempty"` // of the error
	Error       string   `json:"error,omitempty"`
	Keys        []string `json:"keys,omitempty"`
	Certificate []byte   `json:"certificate,omitempty"`
	Signature   []byte   `json:"signature,omitempty"`
	SessionKey  []byte   `json:"session_key,omitempty"`
}

var (
	// ErrLocked says that the keys are locked.
	ErrLocked = fmt.Errorf("%w: its keys are locked", pgp.ErrUnavailable)
	// ErrUnsupported says that a holder cannot do what it was asked to.
	ErrUnsupported = errors.New("the holder of the keys cannot do that")
)

// codes are the errors that a holder can tell of, each with its code.
var codes = []struct {
	code string
	is   error
}{
	{"locked", ErrLocked}, // before unavailable, which it is too
	{"unavailable", pgp.ErrUnavailable},
	{"no-key", ErrNoKey},
	{"exposed", ErrExposed},
	{"unsupported", ErrUnsupported},
	{"wrong-passphrase", pgp.ErrPassphrase},
	{"expired", pgp.ErrExpired},
	{"revoked", pgp.ErrRevoked},
	{"not-yet-valid", pgp.ErrNotYetValid},
	{"not-for-us", pgp.ErrNotForUs},
	{"bad-framing", pgp.ErrFraming},
	{"wrong-suite", pgp.ErrSuite},
	{"too-large", pgp.ErrTooLarge},
	{"bad-key", pgp.ErrKey}, // before what is wrong with it
	{"bad-certificate", pgp.ErrCertificate},
}

// refusal is the answer that tells of an error.
func refusal(err error) answer {
	for _, c := range codes {
		if errors.Is(err, c.is) {
			return answer{Code: c.code, Error: err.Error()}
		}
	}
	return answer{Code: "failed", Error: err.Error()}
}

// A told error is one that a holder told of.
type told struct {
	is   error
	text string
}

func (e told) Error() string { return e.text }
func (e told) Unwrap() error { return e.is }

// err returns the error that the answer tells of, if it does.
func (a answer) err() error {
	if a.Code == "" {
		return nil
	}
	for _, c := range codes {
		if c.code == a.Code {
			return told{c.is, a.Error}
		}
	}
	return errors.New(a.Error)
}

// writeFrame writes a JSON value behind its length in four octets.
func writeFrame(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	defer clear(data)
	if len(data) > maxFrame {
		return fmt.Errorf("%w: more than %d bytes", pgp.ErrTooLarge, maxFrame)
	}
	frame := append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(data)), uint32(len(data))), data...)
	defer clear(frame)
	_, err = w.Write(frame)
	return err
}

// readFrame reads what writeFrame has written. The error is io.EOF if there is
// nothing.
func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return fmt.Errorf("%w: a frame of %d bytes", pgp.ErrTooLarge, size)
	}
	data := make([]byte, size)
	defer clear(data)
	if _, err := io.ReadFull(r, data); err != nil {
		return io.ErrUnexpectedEOF
	}
	return json.Unmarshal(data, v)
}
