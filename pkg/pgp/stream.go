package pgp

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// blockBytes is how much of a stream is in memory at once, in each of the few
// buffers it goes through: the chunks of modern suites (RFC 9580 section
// 5.13.2), and the parts that packets of unknown length are written in.
const (
	blockOctet = 18
	blockBytes = 1 << blockOctet
)

// Encrypt encrypts what it reads from plaintext, until its end, to the newest
// encryption subkeys of certificates, in this order, and writes one OpenPGP
// message to out. It returns how many bytes it read. Plaintext may be of any
// size; a few blocks of it are in memory.
//
// There is no signature: who vouches for the plaintext signs its digest. There
// is no compression and no file name. Behind the plaintext comes padding
// (RFC 9580 section 5.14), so that the size of the message is one of few; it
// depends on nothing but the padded size. GnuPG, among others, passes over it.
//
// The error wraps ErrSuite if the certificates are not all of one suite,
// ErrNotYetValid, ErrExpired or ErrRevoked if one cannot be used at that time,
// or the error of the reader or the writer. What has been written by then is
// worthless.
//
// Format: RFC 9580 section 10.3, an encrypted message.
func Encrypt(out io.Writer, plaintext io.Reader, to []*Certificate, at time.Time) (int64, error) {
	if len(to) == 0 {
		return 0, fmt.Errorf("%w: there is no recipient", ErrSuite)
	}
	suite := to[0].suite
	var subkeys []*component
	for _, c := range to {
		if c.suite != suite {
			return 0, fmt.Errorf("%w: the recipients are of %s and of %s", ErrSuite, suite, c.suite)
		}
		m, err := c.newest(false, at)
		if err != nil {
			return 0, fmt.Errorf("pgp: encrypting: %w", err)
		}
		subkeys = append(subkeys, m)
	}
	data, err := suite.encryptTo(out, subkeys)
	if err != nil {
		return 0, fmt.Errorf("pgp: encrypting: %w", err)
	}
	inside := &counter{w: data}
	n, err := writeLiteral(inside, plaintext)
	if err == nil {
		err = writePadding(inside, paddedSize(inside.n))
	}
	if err == nil {
		err = data.Close()
	}
	if err != nil {
		return n, fmt.Errorf("pgp: encrypting: %w", err)
	}
	return n, nil
}

// encryptTo writes the session key for each subkey and returns a writer of what
// is encrypted with it. Its Close ends the message.
func (s Suite) encryptTo(out io.Writer, to []*component) (io.WriteCloser, error) {
	f, config := forms[s], s.config(time.Time{})
	session := make([]byte, sessionKeyBytes)
	if _, err := rand.Read(session); err != nil {
		return nil, err
	}
	defer clear(session)
	var head bytes.Buffer
	for _, m := range to {
		if err := packet.SerializeEncryptedKeyAEAD(&head, m.key, packet.CipherAES256, f.aead(), session, config); err != nil {
			return nil, err
		}
	}
	head.WriteByte(0xc0 | tagSEIPD)
	if _, err := out.Write(head.Bytes()); err != nil {
		return nil, err
	}
	if f.aead() {
		return newAEADWriter(newBodyWriter(out), session)
	}
	return newMDCWriter(newBodyWriter(out), session)
}

// A counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// writeLiteral writes what it reads as a literal packet, and returns how many
// bytes that were.
func writeLiteral(out io.Writer, plaintext io.Reader) (int64, error) {
	if _, err := out.Write([]byte{0xc0 | tagLiteral}); err != nil {
		return 0, err
	}
	body := newBodyWriter(out)
	if _, err := body.Write(literalHead[:]); err != nil {
		return 0, err
	}
	// A file would otherwise choose its own, smaller, buffer.
	n, err := io.CopyBuffer(body, struct{ io.Reader }{plaintext}, make([]byte, blockBytes))
	if err != nil {
		return n, err
	}
	return n, body.Close()
}

// A bodyWriter writes the body of a packet whose size is not known before its
// end: blocks, each with its length (RFC 9580 section 4.2.1.4), and a rest.
type bodyWriter struct {
	w     io.Writer
	block []byte // the octet of the length, and what has come of the block
}

func newBodyWriter(w io.Writer) *bodyWriter {
	return &bodyWriter{w, append(make([]byte, 0, 1+blockBytes), 224+blockOctet)}
}

// Write implements io.Writer.
func (b *bodyWriter) Write(data []byte) (int, error) {
	written := 0
	for len(data) > 0 {
		// A full block is kept until it is known that it is not the last.
		if len(b.block) == cap(b.block) {
			if _, err := b.w.Write(b.block); err != nil {
				return written, err
			}
			b.block = b.block[:1]
		}
		n := min(len(data), cap(b.block)-len(b.block))
		b.block, data = append(b.block, data[:n]...), data[n:]
		written += n
	}
	return written, nil
}

// Close writes the rest, perhaps a whole block.
func (b *bodyWriter) Close() error {
	rest := b.block[1:]
	if _, err := b.w.Write(binary.BigEndian.AppendUint32([]byte{255}, uint32(len(rest)))); err != nil {
		return err
	}
	_, err := b.w.Write(rest)
	clear(rest)
	return err
}

const (
	// paddingHead is the size of the header of a padding packet.
	paddingHead = 1 + 5
	// minPadded is the size that the smallest plaintexts are padded to.
	minPadded = 4 << 10
	// maxPadding is the size of the largest body of a padding packet.
	maxPadding = 1 << 30
)

// paddedSize returns the size up to which a literal packet of n bytes is padded:
// room for the header of a padding packet, and up to the next number whose
// binary digits below the leading few are zero. At most 12 % are added, and for
// large sizes much less (Padmé: Nikitin et al., "Reducing Metadata Leakage from
// Encrypted Files and Communication with PURBs", PoPETs 2019(4), section 4).
func paddedSize(n int64) int64 {
	n = max(n+paddingHead, minPadded)
	exponent := bits.Len64(uint64(n)) - 1
	free := exponent - bits.Len64(uint64(exponent))
	mask := int64(1)<<free - 1
	return (n + mask) &^ mask
}

// writePadding fills up with padding packets to a total size.
func writePadding(out *counter, total int64) error {
	zeros := make([]byte, 32<<10)
	for out.n < total {
		left := total - out.n
		if left > paddingHead+maxPadding {
			// What follows has room for a header.
			left = maxPadding
		}
		size := left - paddingHead
		head := binary.BigEndian.AppendUint32([]byte{0xc0 | tagPadding, 255}, uint32(size))
		if _, err := out.Write(head); err != nil {
			return err
		}
		for size > 0 {
			n, err := out.Write(zeros[:min(size, int64(len(zeros)))])
			if err != nil {
				return err
			}
			size -= int64(n)
		}
	}
	return nil
}
