package pgp

import (
	"encoding/binary"
	"errors"
)

// Packet types (RFC 9580 section 5) that may occur. All others are refused.
const (
	tagPKESK        = 1
	tagSignature    = 2
	tagOnePass      = 4
	tagSecretKey    = 5
	tagPublicKey    = 6
	tagSecretSubkey = 7
	tagLiteral      = 11
	tagUserID       = 13
	tagPublicSubkey = 14
	tagSEIPD        = 18
	tagPadding      = 21
)

// minFirstPartial is the least size of the first part of a packet in parts
// (RFC 9580 section 4.2.1.4).
const minFirstPartial = 512

var (
	errTruncated = errors.New("a packet is cut short")
	errHeader    = errors.New("a packet header is malformed")
)

// A rawPacket is one packet as it stands, not looked into.
type rawPacket struct {
	tag     int
	legacy  bool   // header of the format before 1998
	partial bool   // body in parts
	raw     []byte // with its header
	first   []byte // body, or its first part
	size    int    // of the body, in bytes
}

// cutPacket returns the first packet of data and what follows. It allocates
// nothing.
func cutPacket(data []byte) (p rawPacket, rest []byte, err error) {
	if len(data) < 2 {
		return p, nil, errTruncated
	}
	if data[0]&0x80 == 0 {
		return p, nil, errHeader
	}
	if data[0]&0x40 == 0 {
		return cutLegacy(data)
	}
	p.tag = int(data[0] & 0x3f)
	rest = data[1:]
	for n := 0; ; n++ {
		length, partial, tail, err := cutLength(rest)
		if err != nil {
			return p, nil, err
		}
		if length < 0 || length > len(tail) {
			return p, nil, errTruncated
		}
		if n == 0 {
			p.first, p.partial = tail[:length], partial
			if partial && length < minFirstPartial {
				return p, nil, errHeader
			}
		}
		p.size += length
		rest = tail[length:]
		if !partial {
			break
		}
	}
	p.raw = data[:len(data)-len(rest)]
	return p, rest, nil
}

// cutLength returns the length that data begins with (RFC 9580 section 4.2.1),
// whether it is of a part that others follow, and what comes after it.
func cutLength(data []byte) (length int, partial bool, rest []byte, err error) {
	switch {
	case len(data) == 0:
		return 0, false, nil, errTruncated
	case data[0] < 192:
		return int(data[0]), false, data[1:], nil
	case data[0] >= 224 && data[0] < 255:
		return 1 << (data[0] & 0x1f), true, data[1:], nil
	case data[0] < 224:
		if len(data) < 2 {
			return 0, false, nil, errTruncated
		}
		return int(data[0]-192)<<8 + int(data[1]) + 192, false, data[2:], nil
	}
	if len(data) < 5 {
		return 0, false, nil, errTruncated
	}
	return int(binary.BigEndian.Uint32(data[1:])), false, data[5:], nil
}

// cutLegacy is cutPacket for the format of header before 1998, which GnuPG
// still writes. A body of indeterminate length is refused.
func cutLegacy(data []byte) (p rawPacket, rest []byte, err error) {
	p.tag, p.legacy = int(data[0]>>2&0x0f), true
	octets := 1 << (data[0] & 3)
	if octets == 8 {
		return p, nil, errHeader
	}
	if len(data) < 1+octets {
		return p, nil, errTruncated
	}
	for _, b := range data[1 : 1+octets] {
		p.size = p.size<<8 | int(b)
	}
	rest = data[1+octets:]
	if p.size < 0 || p.size > len(rest) {
		return p, nil, errTruncated
	}
	p.first, rest = rest[:p.size], rest[p.size:]
	p.raw = data[:len(data)-len(rest)]
	return p, rest, nil
}

// body returns the whole body. The caller may not write to it.
func (p rawPacket) body() []byte {
	if !p.partial {
		return p.first
	}
	joined := make([]byte, 0, p.size)
	for rest, more := p.raw[1:], true; more; {
		// No error: cutPacket has gone this way before.
		length, partial, tail, _ := cutLength(rest)
		joined = append(joined, tail[:length]...)
		rest, more = tail[length:], partial
	}
	return joined
}

// appendPacket appends a packet with a header of the present format.
func appendPacket(out []byte, tag byte, body ...[]byte) []byte {
	size := 0
	for _, b := range body {
		size += len(b)
	}
	out = append(out, 0xc0|tag)
	switch {
	case size < 192:
		out = append(out, byte(size))
	case size < 8384:
		out = append(out, byte((size-192)>>8+192), byte(size-192))
	default:
		out = binary.BigEndian.AppendUint32(append(out, 255), uint32(size))
	}
	for _, b := range body {
		out = append(out, b...)
	}
	return out
}
