package message

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
)

// crockford are the symbols of Crockford's base 32: no letter that is taken for
// a digit, and no U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Sizes of a reference and a check code, in symbols of 5 bits each.
const (
	referenceSymbols = 8  // 40 bits of the message id
	codeSymbols      = 10 // 50 bits that nobody but the two desks can derive
)

// checkCodeDomain keeps what a check code is derived from apart from every
// other use of the nonce.
const checkCodeDomain = "entraide/check-code/1\x00"

// ErrMistyped says that a reference and a check code do not belong together or
// are not of the right form: somebody misread or mistyped a symbol.
var ErrMistyped = errors.New("the reference and the check code do not fit each other: a symbol is mistyped")

// Reference returns the reference of a message, which is printed on paper and
// read over the telephone, such as "7Q4W-2M0K": the first 40 bits of its id in
// Crockford's base 32. It is no secret, and two messages may share one.
func Reference(id ID) string {
	raw, err := hex.DecodeString(string(id))
	if err != nil || len(raw) < 5 {
		return ""
	}
	s := symbols(raw, referenceSymbols)
	return s[:4] + "-" + s[4:]
}

// CheckCode returns the check code of the message m whose payload this is, such
// as "K3ZD-9T0A-VX4". The two desks derive it, and nobody else can: the key is
// the nonce inside the sealed payload. The last symbol checks what was typed.
func (p *Payload) CheckCode(m *Message) string {
	nonce, err := hex.DecodeString(p.Nonce)
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, nonce)
	mac.Write([]byte(checkCodeDomain + m.Digest()))
	s := symbols(mac.Sum(nil), codeSymbols)
	s += string(checkSymbol(strings.ReplaceAll(Reference(m.Core.ID), "-", "") + s))
	return s[:4] + "-" + s[4:8] + "-" + s[8:]
}

// ParseCheckCode reads a reference and a check code as people type them, with
// or without hyphens and spaces, in capitals or not, I and L for 1 and O for 0,
// and returns both in their one spelling, and the beginning of the ids that
// have the reference, in lower-case hex. The error is [ErrMistyped].
func ParseCheckCode(reference, code string) (ref, check, idPrefix string, err error) {
	ref, ok := typed(reference, referenceSymbols)
	check, fits := typed(code, codeSymbols+1)
	if !ok || !fits || checkSymbol(ref+check[:codeSymbols]) != check[codeSymbols] {
		return "", "", "", ErrMistyped
	}
	return ref[:4] + "-" + ref[4:], check[:4] + "-" + check[4:8] + "-" + check[8:], prefixOf(ref), nil
}

// ParseReference reads a reference as people type it, and returns it in its one
// spelling. The error is [ErrMistyped].
func ParseReference(reference string) (string, error) {
	ref, ok := typed(reference, referenceSymbols)
	if !ok {
		return "", ErrMistyped
	}
	return ref[:4] + "-" + ref[4:], nil
}

// prefixOf returns the beginning of the ids that a reference stands for.
func prefixOf(ref string) string {
	var bits uint64
	for _, c := range []byte(ref) {
		bits = bits<<5 | uint64(strings.IndexByte(crockford, c))
	}
	return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, bits)[3:])
}

// symbols writes the first n times 5 bits of at least 8 bytes or n times 5 bits.
func symbols(raw []byte, n int) string {
	out := make([]byte, n)
	for i := range out {
		bit := i * 5
		pair := uint16(raw[bit/8]) << 8
		if bit/8+1 < len(raw) {
			pair |= uint16(raw[bit/8+1])
		}
		out[i] = crockford[pair>>(11-bit%8)&31]
	}
	return string(out)
}

// checkSymbol is the remainder of the symbols, as coefficients of a polynomial
// over the field of 32 elements (x^5 + x^2 + 1), times α, at the root α: every
// wrong symbol and every two that are exchanged change it.
func checkSymbol(s string) byte {
	sum := 0
	for _, c := range []byte(s) {
		sum = timesAlpha(sum) ^ strings.IndexByte(crockford, c)
	}
	return crockford[timesAlpha(sum)]
}

func timesAlpha(v int) int {
	v <<= 1
	if v&32 != 0 {
		v ^= 0b100101
	}
	return v
}

// typed brings what a person typed to n symbols, and reports whether it can.
func typed(text string, n int) (string, bool) {
	if len(text) > 4*n {
		return "", false
	}
	clean := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text))
	for _, c := range []byte(clean) {
		if strings.IndexByte(crockford, c) < 0 {
			return "", false
		}
	}
	return clean, len(clean) == n
}
