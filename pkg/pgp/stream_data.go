package pgp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the format's modification detection code; digests of the ciphertext are what is relied on
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// saltBytes is the size of the salt of encrypted data of version 2.
const saltBytes = 32

// tagBytes is the size of the authentication tag of a chunk.
const tagBytes = 16

// chunks seals or opens the chunks of encrypted data of version 2 (RFC 9580
// section 5.13.2).
type chunks struct {
	aead  cipher.AEAD
	head  []byte // what every tag also covers: packet type, version, cipher, mode, chunk size
	nonce []byte // ends in the number of the chunk
	next  uint64
	bytes uint64 // of plaintext so far
}

// newChunks derives the key of a message from its session key and salt.
func newChunks(session, salt []byte, chunkOctet byte) (*chunks, error) {
	head := []byte{0xc0 | tagSEIPD, 2, byte(packet.CipherAES256), byte(packet.AEADModeGCM), chunkOctet}
	const prefixBytes = 4
	derived, err := hkdf.Key(sha256.New, session, salt, string(head), sessionKeyBytes+prefixBytes)
	if err != nil {
		return nil, err
	}
	defer clear(derived)
	block, err := aes.NewCipher(derived[:sessionKeyBytes])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	nonce := append(make([]byte, 0, prefixBytes+8), derived[sessionKeyBytes:]...)
	return &chunks{aead: aead, head: head, nonce: nonce[:prefixBytes+8]}, nil
}

// number returns the nonce of the next chunk.
func (c *chunks) number() []byte {
	binary.BigEndian.PutUint64(c.nonce[len(c.nonce)-8:], c.next)
	c.next++
	return c.nonce
}

// seal encrypts a chunk in place, with its tag behind it.
func (c *chunks) seal(chunk []byte) []byte {
	c.bytes += uint64(len(chunk))
	return c.aead.Seal(chunk[:0], c.number(), chunk, c.head)
}

// open decrypts a chunk and its tag in place.
func (c *chunks) open(sealed []byte) ([]byte, error) {
	chunk, err := c.aead.Open(sealed[:0], c.number(), sealed, c.head)
	c.bytes += uint64(len(chunk))
	return chunk, err
}

// end returns what the last tag covers, which says that nothing is missing.
func (c *chunks) end() []byte {
	return binary.BigEndian.AppendUint64(append([]byte(nil), c.head...), c.bytes)
}

// An aeadWriter writes encrypted data of version 2.
type aeadWriter struct {
	out    io.WriteCloser
	chunks *chunks
	chunk  []byte // what has come of the next one
}

func newAEADWriter(out io.WriteCloser, session []byte) (*aeadWriter, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	c, err := newChunks(session, salt, blockOctet-6)
	if err != nil {
		return nil, err
	}
	if _, err := out.Write(append(append([]byte(nil), c.head[1:]...), salt...)); err != nil {
		return nil, err
	}
	return &aeadWriter{out, c, make([]byte, 0, blockBytes+tagBytes)}, nil
}

// Write implements io.Writer.
func (a *aeadWriter) Write(data []byte) (int, error) {
	written := 0
	for len(data) > 0 {
		n := min(len(data), blockBytes-len(a.chunk))
		a.chunk, data = append(a.chunk, data[:n]...), data[n:]
		written += n
		if len(a.chunk) < blockBytes {
			break
		}
		if err := a.flush(); err != nil {
			return written, err
		}
	}
	return written, nil
}

// flush writes the chunk that has come so far.
func (a *aeadWriter) flush() error {
	_, err := a.out.Write(a.chunks.seal(a.chunk))
	a.chunk = a.chunk[:0]
	return err
}

// Close writes the last chunk and the last tag.
func (a *aeadWriter) Close() error {
	if len(a.chunk) > 0 {
		if err := a.flush(); err != nil {
			return err
		}
	}
	end := a.chunks.end()
	if _, err := a.out.Write(a.chunks.aead.Seal(nil, a.chunks.number(), nil, end)); err != nil {
		return err
	}
	return a.out.Close()
}

// prefixBytes is the size of the random bytes that encrypted data of version 1
// begins with, the last two of them twice (RFC 9580 section 5.13.1).
const prefixBytes = aes.BlockSize + 2

// mdcHead begins the modification detection code that ends encrypted data of
// version 1 (RFC 9580 section 5.13.1).
var mdcHead = [2]byte{0xd3, sha1.Size}

// mdcBytes is the size of the modification detection code.
const mdcBytes = len(mdcHead) + sha1.Size

// An mdcWriter writes encrypted data of version 1.
type mdcWriter struct {
	out    io.WriteCloser
	stream cipher.Stream
	code   hash.Hash
	block  []byte
}

func newMDCWriter(out io.WriteCloser, session []byte) (*mdcWriter, error) {
	key, err := aes.NewCipher(session)
	if err != nil {
		return nil, err
	}
	if _, err := out.Write([]byte{1}); err != nil {
		return nil, err
	}
	prefix := make([]byte, prefixBytes)
	if _, err := rand.Read(prefix[:aes.BlockSize]); err != nil {
		return nil, err
	}
	copy(prefix[aes.BlockSize:], prefix[aes.BlockSize-2:])
	m := &mdcWriter{
		out:    out,
		stream: cipher.NewCFBEncrypter(key, make([]byte, aes.BlockSize)), //nolint:staticcheck,gosec // the format demands this mode and no IV: the prefix is random
		code:   sha1.New(),                                               //nolint:gosec // as the format demands
		block:  make([]byte, 32<<10),
	}
	_, err = m.Write(prefix)
	return m, err
}

// Write implements io.Writer.
func (m *mdcWriter) Write(data []byte) (int, error) {
	written := 0
	for len(data) > 0 {
		n := min(len(data), len(m.block))
		m.code.Write(data[:n])
		m.stream.XORKeyStream(m.block[:n], data[:n])
		if _, err := m.out.Write(m.block[:n]); err != nil {
			return written, err
		}
		data, written = data[n:], written+n
	}
	return written, nil
}

// Close writes the modification detection code.
func (m *mdcWriter) Close() error {
	m.code.Write(mdcHead[:])
	if _, err := m.Write(m.code.Sum(mdcHead[:])); err != nil {
		return err
	}
	return m.out.Close()
}
