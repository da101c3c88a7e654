package pgp

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // the format's modification detection code
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

// Decrypt decrypts a message that Encrypt wrote to encryption subkeys with these
// fingerprints, one of them of this key, and returns how many bytes of plaintext
// it wrote to out.
//
// Plaintext is written before it is known that the message is whole, and in
// classic-4 before any of it is known to be intact: what has been written may
// be used only if the error is nil, and only after its size and digest have been
// compared with those that somebody signed. There is no signature inside.
//
// Exactly this is accepted: one encrypted session key for each recipient, in
// this order; encrypted data of the suite, to the end of the input; and in it
// one binary literal and padding. Nothing is decompressed.
//
// The error wraps ErrFraming or ErrNotForUs, or is that of the reader or the
// writer.
func (k *Key) Decrypt(out io.Writer, sealed io.Reader, recipients []string) (int64, error) {
	f := forms[k.suite]
	packets := &packetReader{r: bufio.NewReaderSize(sealed, blockBytes), strict: f.version == 6}
	keys, err := packets.sessionKeys(f, recipients)
	if err != nil {
		return 0, err
	}
	session, err := k.session(framing{keys: keys}, recipients)
	if err != nil {
		return 0, err
	}
	defer clear(session)
	data, err := packets.data(f, session)
	if err != nil {
		return 0, err
	}
	n, err := readLiteral(out, &packetReader{r: data, strict: f.version == 6})
	if err != nil {
		return n, err
	}
	if err := packets.next(); !errors.Is(err, io.EOF) {
		return n, orFraming(err, "there is something behind the encrypted data")
	}
	return n, nil
}

// CheckStream reads the beginning of a message that Encrypt wrote and checks, as
// far as that tells and without a secret, that it is framed as Decrypt demands:
// for one encryption subkey of each recipient's, in this order, and then
// encrypted data of the suite. It returns their fingerprints, for Decrypt.
//
// The error wraps ErrSuite or ErrFraming, or is that of the reader.
func CheckStream(suite Suite, sealed io.Reader, recipients ...[]string) ([]string, error) {
	f, ok := forms[suite]
	if !ok {
		return nil, ErrSuite
	}
	packets := &packetReader{r: sealed, strict: f.version == 6}
	var to []string
	for i, subkeys := range recipients {
		key, err := packets.sessionKey(i)
		if err != nil {
			return nil, err
		}
		j := slices.IndexFunc(subkeys, func(fingerprint string) bool {
			err = f.checkSessionKey(key, fingerprint)
			return err == nil
		})
		if j < 0 {
			return nil, fmt.Errorf("%w: recipient %d: %w", ErrFraming, i+1, errors.Join(err, errNoSubkey))
		}
		to = append(to, subkeys[j])
	}
	_, err := packets.dataHead(f)
	return to, err
}

var errNoSubkey = errors.New("it is for none of the recipient's subkeys in use")

// orFraming returns err, or ErrFraming with a sentence if there is none.
func orFraming(err error, sentence string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrFraming, sentence)
}

// errCut is said of a message that ends too early.
var errCut = fmt.Errorf("%w: %w", ErrFraming, errTruncated)

// whole is io.ReadFull for what may not end here.
func whole(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

// A packetReader reads packets one after the other, and the body of each, from a
// stream.
type packetReader struct {
	r      io.Reader
	strict bool // refuses the header format before 1998

	tag     int
	partial bool  // another part follows
	left    int64 // of this part of the body, in bytes
}

// next goes to the next packet; the body of the one before has been read. The
// error is io.EOF at the end.
func (p *packetReader) next() error {
	var head [1]byte
	if n, err := io.ReadFull(p.r, head[:]); n == 0 {
		return err
	}
	malformed := fmt.Errorf("%w: %w", ErrFraming, errHeader)
	if head[0]&0x80 == 0 {
		return malformed
	}
	if head[0]&0x40 != 0 {
		p.tag = int(head[0] & 0x3f)
		if err := p.length(); err != nil {
			return err
		}
		if p.partial && p.left < minFirstPartial {
			return malformed
		}
		return nil
	}
	octets := 1 << (head[0] & 3)
	if p.strict || octets == 8 {
		return malformed
	}
	p.tag, p.partial, p.left = int(head[0]>>2&0x0f), false, 0
	var length [4]byte
	if err := whole(p.r, length[:octets]); err != nil {
		return err
	}
	for _, b := range length[:octets] {
		p.left = p.left<<8 | int64(b)
	}
	return nil
}

// length reads the length of a packet or of a part of one.
func (p *packetReader) length() error {
	var octets [5]byte
	if err := whole(p.r, octets[:1]); err != nil {
		return err
	}
	size := 1
	switch {
	case octets[0] == 255:
		size = 5
	case octets[0] >= 192 && octets[0] < 224:
		size = 2
	}
	if err := whole(p.r, octets[1:size]); err != nil {
		return err
	}
	// No error: there are as many octets as it needs.
	left, partial, _, _ := cutLength(octets[:size])
	p.left, p.partial = int64(left), partial
	return nil
}

// Read implements io.Reader for the body of the packet.
func (p *packetReader) Read(b []byte) (int, error) {
	for p.left == 0 {
		if !p.partial {
			return 0, io.EOF
		}
		if err := p.length(); err != nil {
			return 0, err
		}
	}
	n, err := p.r.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	if n > 0 {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = errCut
	}
	return 0, err
}

// maxSessionKey bounds an encrypted session key packet, in bytes.
const maxSessionKey = 4 << 10

// sessionKeys reads the encrypted session key of each recipient.
func (p *packetReader) sessionKeys(f form, recipients []string) ([]rawPacket, error) {
	var keys []rawPacket
	for i, fingerprint := range recipients {
		key, err := p.sessionKey(i)
		if err != nil {
			return nil, err
		}
		if err := f.checkSessionKey(key, fingerprint); err != nil {
			return nil, fmt.Errorf("%w: recipient %d: %w", ErrFraming, i+1, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// sessionKey reads the encrypted session key of the i-th recipient.
func (p *packetReader) sessionKey(i int) (key rawPacket, err error) {
	if err := p.next(); err != nil && !errors.Is(err, io.EOF) {
		return key, err
	}
	if p.tag != tagPKESK || p.partial || p.left > maxSessionKey {
		return key, fmt.Errorf("%w: recipient %d: there is another packet", ErrFraming, i+1)
	}
	body := make([]byte, p.left)
	if err := whole(p, body); err != nil {
		return key, err
	}
	if key, _, err = cutPacket(appendPacket(nil, tagPKESK, body)); err != nil {
		return key, fmt.Errorf("%w: recipient %d: %w", ErrFraming, i+1, err)
	}
	return key, nil
}

// dataHead reads how encrypted data of the suite begins, and checks it.
func (p *packetReader) dataHead(f form) ([]byte, error) {
	if err := p.next(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if p.tag != tagSEIPD {
		return nil, fmt.Errorf("%w: there is a packet of type %d instead of encrypted data", ErrFraming, p.tag)
	}
	size := 1
	if f.aead() {
		size = 4 + saltBytes
	}
	head := make([]byte, size)
	if err := whole(p, head); err != nil {
		return nil, err
	}
	if !f.aead() && head[0] != 1 {
		return nil, fmt.Errorf("%w: the encrypted data is of another version", ErrFraming)
	}
	if !f.aead() {
		return head, nil
	}
	if err := checkAEADHead(head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraming, err)
	}
	return head, nil
}

// data reads how encrypted data begins and returns a reader of what is in it,
// whose io.EOF means that all of it is there and intact.
func (p *packetReader) data(f form, session []byte) (io.Reader, error) {
	head, err := p.dataHead(f)
	if err != nil {
		return nil, err
	}
	if !f.aead() {
		return newMDCReader(p, session)
	}
	c, err := newChunks(session, head[4:], head[3])
	if err != nil {
		return nil, fmt.Errorf("pgp: decrypting: %w", err)
	}
	return &aeadReader{in: p, chunks: c, buf: make([]byte, 1<<(head[3]+6)+2*tagBytes)}, nil
}

// readLiteral writes the data of a literal packet to out and reads what follows:
// padding, and the end.
func readLiteral(out io.Writer, inside *packetReader) (int64, error) {
	if err := inside.next(); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	head := make([]byte, 2)
	if inside.tag != tagLiteral {
		return 0, fmt.Errorf("%w: there is a packet of type %d instead of a literal", ErrFraming, inside.tag)
	}
	if err := whole(inside, head); err != nil {
		return 0, err
	}
	if head[0] != 'b' {
		return 0, fmt.Errorf("%w: the literal is not binary", ErrFraming)
	}
	// Its file name and date say nothing to us.
	if err := whole(inside, make([]byte, int(head[1])+4)); err != nil {
		return 0, err
	}
	// A file would otherwise choose its own, smaller, buffer.
	n, err := io.CopyBuffer(struct{ io.Writer }{out}, inside, make([]byte, blockBytes))
	if err != nil {
		return n, err
	}
	for {
		if err := inside.next(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		if inside.tag != tagPadding || inside.partial {
			return n, fmt.Errorf("%w: there is a packet of type %d behind the literal", ErrFraming, inside.tag)
		}
		if _, err := io.Copy(io.Discard, inside); err != nil {
			return n, err
		}
	}
}

// errNotIntact is one error for whatever is wrong: the details could help a
// forger.
var errNotIntact = fmt.Errorf("%w: the encrypted data is not intact", ErrFraming)

// fill reads until b is full or the input ends, and returns how much it read.
func fill(r io.Reader, b []byte) (int, error) {
	n, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// An aeadReader reads what is in encrypted data of version 2, a chunk at a time.
type aeadReader struct {
	in     io.Reader
	chunks *chunks
	buf    []byte // room for a chunk, its tag, and what may be the last tag
	kept   int    // bytes at the beginning of buf that belong to what follows
	plain  []byte // of the present chunk, not yet read
	done   bool
}

// Read implements io.Reader.
func (a *aeadReader) Read(b []byte) (int, error) {
	for len(a.plain) == 0 {
		if a.done {
			return 0, io.EOF
		}
		if err := a.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(b, a.plain)
	a.plain = a.plain[n:]
	return n, nil
}

// advance opens the next chunk, and the last tag if it is the last chunk.
func (a *aeadReader) advance() error {
	// What was kept lies behind the chunk that has been read.
	copy(a.buf, a.buf[len(a.buf)-a.kept:])
	n, err := fill(a.in, a.buf[a.kept:])
	if err != nil {
		return err
	}
	n += a.kept
	if n < tagBytes {
		return errCut
	}
	sealed := a.buf[:n-tagBytes]
	a.kept, a.done = tagBytes, n < len(a.buf)
	if len(sealed) > 0 {
		if a.plain, err = a.chunks.open(sealed); err != nil {
			return errNotIntact
		}
	}
	if a.done {
		end := a.chunks.end()
		if _, err := a.chunks.aead.Open(nil, a.chunks.number(), a.buf[n-tagBytes:n], end); err != nil {
			return errNotIntact
		}
	}
	return nil
}

// An mdcReader reads what is in encrypted data of version 1.
type mdcReader struct {
	in     io.Reader
	stream cipher.Stream
	code   hash.Hash
	buf    []byte
	kept   int    // bytes at the beginning of buf, deciphered, that may be the code
	plain  []byte // in buf, not yet read
	done   bool
}

func newMDCReader(in io.Reader, session []byte) (*mdcReader, error) {
	head := make([]byte, prefixBytes)
	if err := whole(in, head); err != nil {
		return nil, err
	}
	key, err := aes.NewCipher(session)
	if err != nil {
		return nil, fmt.Errorf("pgp: decrypting: %w", err)
	}
	m := &mdcReader{
		in:     in,
		stream: cipher.NewCFBDecrypter(key, make([]byte, aes.BlockSize)), //nolint:staticcheck // the format demands this mode
		code:   sha1.New(),                                               //nolint:gosec // as the format demands
		buf:    make([]byte, 32<<10),
	}
	// Whether the last two bytes repeat is not looked at: who can ask that often
	// learns of the plaintext (RFC 9580 section 13.4).
	m.stream.XORKeyStream(head, head)
	m.code.Write(head)
	return m, nil
}

// Read implements io.Reader.
func (m *mdcReader) Read(b []byte) (int, error) {
	for len(m.plain) == 0 {
		if m.done {
			return 0, io.EOF
		}
		if err := m.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(b, m.plain)
	m.plain = m.plain[n:]
	return n, nil
}

// advance deciphers the next block, and checks the code at the end.
func (m *mdcReader) advance() error {
	copy(m.buf, m.buf[len(m.buf)-m.kept:])
	n, err := fill(m.in, m.buf[m.kept:])
	if err != nil {
		return err
	}
	got := m.buf[m.kept : m.kept+n]
	m.stream.XORKeyStream(got, got)
	n += m.kept
	if n < mdcBytes {
		return errCut
	}
	m.plain, m.kept, m.done = m.buf[:n-mdcBytes], mdcBytes, n < len(m.buf)
	m.code.Write(m.plain)
	if !m.done {
		return nil
	}
	m.code.Write(mdcHead[:])
	if subtle.ConstantTimeCompare(m.code.Sum(mdcHead[:]), m.buf[n-mdcBytes:n]) != 1 {
		return errNotIntact
	}
	return nil
}
