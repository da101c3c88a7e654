package pgp

import (
	"encoding/binary"
	"errors"
)

// Packet tags (RFC 9580, section 5).
const (
	tagPKESK     = 1
	tagSignature = 2
	tagPublicKey = 6
	tagUserID    = 13
	tagSubkey    = 14
	tagSEIPD     = 18
)

var errPacket = errors.New("not a well-formed packet")

// A rawPacket is a packet without its header. The body of a packet of partial
// lengths is its first part only.
type rawPacket struct {
	tag     int
	body    []byte
	partial bool
}

// nextPacket splits the first packet off data, by its header alone (RFC 9580,
// section 4.2). Lengths must be definite, but for a container (tag 18), and
// must not reach beyond the data.
func nextPacket(data []byte) (p rawPacket, rest []byte, err error) {
	if len(data) < 2 || data[0]&0x80 == 0 {
		return p, nil, errPacket
	}
	if data[0]&0x40 == 0 {
		return legacyPacket(data)
	}
	p.tag = int(data[0] & 0x3f)
	length, rest, partial, err := packetLength(data[1:])
	if err != nil || length > len(rest) {
		return p, nil, errPacket
	}
	p.body, rest, p.partial = rest[:length], rest[length:], partial
	if partial && (p.tag != tagSEIPD || length < 512) {
		return p, nil, errPacket
	}
	for partial {
		if length, rest, partial, err = packetLength(rest); err != nil || length > len(rest) {
			return p, nil, errPacket
		}
		rest = rest[length:]
	}
	return p, rest, nil
}

// packetLength reads a length of the new format.
func packetLength(data []byte) (length int, rest []byte, partial bool, err error) {
	switch {
	case len(data) < 1:
		return 0, nil, false, errPacket
	case data[0] < 192:
		return int(data[0]), data[1:], false, nil
	case data[0] < 224:
		if len(data) < 2 {
			return 0, nil, false, errPacket
		}
		return (int(data[0])-192)<<8 + int(data[1]) + 192, data[2:], false, nil
	case data[0] < 255:
		return 1 << (data[0] & 0x1f), data[1:], true, nil
	}
	if len(data) < 5 {
		return 0, nil, false, errPacket
	}
	n := binary.BigEndian.Uint32(data[1:])
	if uint64(n) > uint64(len(data)) {
		return 0, nil, false, errPacket
	}
	return int(n), data[5:], false, nil
}

// legacyPacket reads a packet of the old format, which stock tools still
// write. Indeterminate lengths are refused.
func legacyPacket(data []byte) (p rawPacket, rest []byte, err error) {
	p.tag = int(data[0]>>2) & 0x0f
	size := 1 << (data[0] & 3)
	if size > 4 || len(data) < 1+size {
		return p, nil, errPacket
	}
	length := uint64(0)
	for _, b := range data[1 : 1+size] {
		length = length<<8 | uint64(b)
	}
	rest = data[1+size:]
	if length > uint64(len(rest)) {
		return p, nil, errPacket
	}
	p.body, rest = rest[:length], rest[length:]
	return p, rest, nil
}
