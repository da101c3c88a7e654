package pgp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

// stream encrypts plaintext from a to b.
func stream(t testing.TB, plaintext []byte, a, b *pgp.Key) []byte {
	t.Helper()
	var out bytes.Buffer
	n := must(pgp.Encrypt(&out, bytes.NewReader(plaintext), []*pgp.Certificate{b.Certificate(), a.Certificate()}, now))(t)
	if n != int64(len(plaintext)) {
		t.Errorf("%d bytes were read, want %d", n, len(plaintext))
	}
	return out.Bytes()
}

// unstream decrypts what is from a to b with a key.
func unstream(t testing.TB, k *pgp.Key, sealed []byte, a, b *pgp.Key) ([]byte, error) {
	t.Helper()
	var out bytes.Buffer
	n, err := k.Decrypt(&out, bytes.NewReader(sealed), []string{encryption(t, b), encryption(t, a)})
	if n != int64(out.Len()) {
		t.Errorf("Decrypt says it wrote %d bytes, and wrote %d", n, out.Len())
	}
	return out.Bytes(), err
}

// sample returns bytes that do not repeat soon.
func sample(size int) []byte {
	out := make([]byte, size)
	for i := range out {
		out[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return out
}

// sizes are around the edges of blocks, chunks and padding.
var sizes = []int{
	0, 1, 4078, 4079, 4080, 32<<10 - 50, 1<<18 - 12, 1<<18 - 7, 1<<18 - 6, 1<<18 - 5, 1 << 18, 1<<18 + 1, 3<<18 - 6, 3<<18 - 41, 5<<18 + 77,
}

func TestEncrypt(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := key(t, suite, alice), key(t, suite, bob)
		for _, size := range sizes {
			plaintext := sample(size)
			sealed := stream(t, plaintext, a, b)
			for _, k := range []*pgp.Key{a, b} {
				if got, err := unstream(t, k, sealed, a, b); err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("%d bytes: opened as %d bytes, %v", size, len(got), err)
				}
			}
			if got := theirs(t, sealed, b); !bytes.Equal(got, plaintext) {
				t.Errorf("%d bytes: go-crypto opens them as %d bytes", size, len(got))
			}
			wantError(t, pgp.CheckFraming(suite, sealed, encryption(t, b), encryption(t, a)), nil)
		}
	})
}

// theirs opens a message with go-crypto.
func theirs(t testing.TB, sealed []byte, k *pgp.Key) []byte {
	t.Helper()
	r := packet.NewReader(bytes.NewReader(sealed))
	session := must(r.Next())(t).(*packet.EncryptedKey)
	wantError(t, session.Decrypt(k.Secret(encryption(t, k)), &packet.Config{}), nil)
	_ = must(r.Next())(t).(*packet.EncryptedKey)
	data := must(must(r.Next())(t).(*packet.SymmetricallyEncrypted).Decrypt(packet.CipherAES256, session.Key))(t)
	inside := packet.NewReader(data)
	got := must(io.ReadAll(must(inside.Next())(t).(*packet.LiteralData).Body))(t)
	must(io.Copy(io.Discard, data))(t)
	wantError(t, data.Close(), nil)
	return got
}

// chance is by how many bytes messages of a suite differ by chance: RSA gives
// session keys as numbers, which are written without their leading zeros.
var chance = map[pgp.Suite]int{pgp.HSM4: 4}

// TestEncryptSizes: the size of a message says no more of its plaintext than
// the class of its size, and costs little.
func TestEncryptSizes(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := key(t, suite, alice), key(t, suite, bob)
		length := func(size int) int { return len(stream(t, make([]byte, size), a, b)) }
		for _, class := range [][2]int{{0, 4000}, {1<<20 - 1000, 1<<20 - 100}, {1<<20 + 100, 1<<20 + 30000}, {2<<20 + 100, 2<<20 + 60000}} {
			if low, high := length(class[0]), length(class[1]); max(low, high)-min(low, high) > chance[suite] {
				t.Errorf("%v bytes become %d and %d", class, low, high)
			}
		}
		if empty, n := length(0), length(5<<18); n-empty > 5<<18*112/100 {
			t.Errorf("%d bytes become %d", 5<<18, n)
		}
	})
}

func TestEncryptRefuses(t *testing.T) {
	t.Parallel()
	a, b := key(t, pgp.Modern6, alice), key(t, pgp.Classic4, bob)
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		in   io.Reader
		out  io.Writer
		to   []*pgp.Certificate
		want error
	}{
		{"no recipient", bytes.NewReader(plain), io.Discard, nil, pgp.ErrSuite},
		{"two suites", bytes.NewReader(plain), io.Discard, []*pgp.Certificate{a.Certificate(), b.Certificate()}, pgp.ErrSuite},
		{"reader", iotest.ErrReader(broken), io.Discard, []*pgp.Certificate{a.Certificate()}, broken},
		{"writer", bytes.NewReader(plain), failing{broken}, []*pgp.Certificate{a.Certificate()}, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := pgp.Encrypt(tt.out, tt.in, tt.to, now)
			wantError(t, err, tt.want)
		})
	}
	_, err := pgp.Encrypt(io.Discard, bytes.NewReader(plain), []*pgp.Certificate{a.Certificate()}, born.AddDate(-1, 0, 0))
	wantError(t, err, pgp.ErrNotYetValid)
}

// failing is a writer that fails.
type failing struct{ err error }

// Write implements io.Writer.
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestDecryptReads: what other programs may write is read: other sizes of
// chunks, no padding, several paddings.
func TestDecryptReads(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := key(t, suite, alice), key(t, suite, bob)
		padding := pgp.Packet(21, make([]byte, 300))
		for _, plaintext := range [][]byte{nil, plain, sample(1<<14 - 12), sample(1<<14*3 - 12), sample(100_000)} {
			for _, behind := range [][]byte{nil, pgp.Packet(21), slices.Concat(padding, padding)} {
				inside := slices.Concat(pgp.Packet(11, []byte("b\x03a.b1234"), plaintext), behind)
				sealed := encrypted(t, formOf(suite), inside, encryptionKeys(t, b, a)...)
				if got, err := unstream(t, b, sealed, a, b); err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("%d bytes: opened as %d bytes, %v", len(plaintext), len(got), err)
				}
			}
		}
	})
}

func TestDecryptRefuses(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b, c := key(t, suite, alice), key(t, suite, bob), key(t, suite, carol)
		good, keys := literal(plain), encryptionKeys(t, b, a)
		sealed := encrypted(t, formOf(suite), good, keys...)
		_, packets, err := pgp.Packets(sealed)
		wantError(t, err, nil)
		inside := func(parts ...[]byte) []byte { return encrypted(t, formOf(suite), slices.Concat(parts...), keys...) }
		padding := pgp.Packet(21, make([]byte, 10))
		for _, tt := range []struct {
			name   string
			sealed []byte
			want   error
		}{
			{"nothing", nil, pgp.ErrFraming},
			{"the other order", encrypted(t, formOf(suite), good, encryptionKeys(t, a, b)...), pgp.ErrFraming},
			{"one recipient", encrypted(t, formOf(suite), good, keys[0]), pgp.ErrFraming},
			{"another recipient", encrypted(t, formOf(suite), good, append(encryptionKeys(t, c), keys[1])...), pgp.ErrFraming},
			{"no data", slices.Concat(packets[0], packets[1]), pgp.ErrFraming},
			{"a literal instead", slices.Concat(packets[0], packets[1], good), pgp.ErrFraming},
			{"something behind", append(slices.Clone(sealed), padding...), pgp.ErrFraming},
			{"nothing inside", inside(), pgp.ErrFraming},
			{"padding only", inside(padding), pgp.ErrFraming},
			{"padding first", inside(padding, good), pgp.ErrFraming},
			{"two literals", inside(good, good), pgp.ErrFraming},
			{"a signature", signedInside(t, a, keys), pgp.ErrFraming},
			{"text", inside(pgp.Packet(11, []byte("t\x00\x00\x00\x00\x00"), plain)), pgp.ErrFraming},
			{"a literal cut short", inside(good[:len(good)-1]), pgp.ErrFraming},
			{"a literal without head", inside(pgp.Packet(11, []byte("b\x09"))), pgp.ErrFraming},
			{"compressed", inside(pgp.Packet(8, []byte{0}, good)), pgp.ErrFraming},
			{"another cipher", encrypted(t, form{aead: !version4(suite), cipher: packet.CipherAES128, mode: packet.AEADModeGCM}, good, keys...), pgp.ErrFraming},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				_, err := unstream(t, b, tt.sealed, a, b)
				wantError(t, err, tt.want)
			})
		}
		_, err = unstream(t, c, sealed, a, b)
		wantError(t, err, pgp.ErrNotForUs)
	})
}

// signedInside is what Seal makes, encrypted to keys.
func signedInside(t *testing.T, by *pgp.Key, keys []*packet.PublicKey) []byte {
	t.Helper()
	return encrypted(t, formOf(by.Suite()), signed(t, signing(t, by), plain), keys...)
}

// TestDecryptMutations: no byte can be changed and none be missing without an
// error, or nothing changes (T14).
func TestDecryptMutations(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := key(t, suite, alice), key(t, suite, bob)
		sealed := stream(t, plain, a, b)
		tail := len(sealed) - 100 // what is between is padding, of one kind
		for i := 0; i < len(sealed); i += costly(suite) {
			if i > 600 && i < tail && i%29 != 0 {
				continue
			}
			if _, err := unstream(t, b, sealed[:i], a, b); !errors.Is(err, pgp.ErrFraming) {
				t.Errorf("cut to %d bytes: %v", i, err)
			}
			mutant := slices.Clone(sealed)
			mutant[i] ^= 0x41
			if got, err := unstream(t, b, mutant, a, b); err == nil && !bytes.Equal(got, plain) {
				t.Errorf("byte %d: opened as %q", i, got)
			}
		}
	})
}

// TestDecryptErrors: trouble with files is told from trouble with the message, and what
// comes a byte at a time is read (T36).
func TestDecryptErrors(t *testing.T) {
	t.Parallel()
	a, b := key(t, pgp.Modern6, alice), key(t, pgp.Modern6, bob)
	sealed, broken := stream(t, sample(600_000), a, b), errors.New("broken")
	to := []string{encryption(t, b), encryption(t, a)}
	for _, n := range []int{0, 10, 300, 400, 300_000, len(sealed)} {
		in := io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(broken))
		_, err := b.Decrypt(io.Discard, in, to)
		wantError(t, err, broken)
		if errors.Is(err, pgp.ErrFraming) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	_, err := b.Decrypt(failing{broken}, bytes.NewReader(sealed), to)
	wantError(t, err, broken)
	got, err := b.Decrypt(io.Discard, iotest.OneByteReader(bytes.NewReader(sealed)), to)
	if got != 600_000 || err != nil {
		t.Errorf("a byte at a time: %d, %v", got, err)
	}
}

// FuzzDecrypt: whatever is decrypted was encrypted: with the key known, a
// message made of what is fuzzed opens only as one literal.
func FuzzDecrypt(f *testing.F) {
	a, b := fixed(f, pgp.Classic4, alice), fixed(f, pgp.Classic4, bob)
	f.Add(literal(plain))
	f.Add(append(literal(nil), pgp.Packet(21, make([]byte, 9))...))
	f.Add(pgp.Packet(11, []byte("t")))
	f.Add([]byte{0xcb, 0xea, 'b', 0})
	keys := encryptionKeys(f, b, a)
	f.Fuzz(func(t *testing.T, inside []byte) {
		got, err := unstream(t, b, encrypted(t, formOf(pgp.Classic4), inside, keys...), a, b)
		if err != nil {
			wantError(t, err, pgp.ErrFraming)
			return
		}
		if !bytes.Contains(inside, got) && len(inside) < 512 {
			t.Errorf("%x opens as %x", inside, got)
		}
	})
}

// TestEncryptGnuPG: GnuPG decrypts what Encrypt writes and passes over the
// padding, and Decrypt reads what it writes.
func TestEncryptGnuPG(t *testing.T) {
	t.Parallel()
	w, gpg := gnupg(t)
	a, b := key(t, pgp.Classic4, alice), key(t, pgp.Classic4, bob)
	w.put(t, "b.key", must(b.Export(passphrase))(t))
	w.put(t, "a.cert", a.Certificate().Bytes())
	gpg(t, now, "--import", "b.key", "a.cert")
	for i, size := range sizes {
		plaintext := sample(size)
		w.put(t, "sealed", stream(t, plaintext, a, b))
		wantIn(t, gpg(t, now, "--output", "opened", "--decrypt", "sealed"), "GOODMDC")
		if got := w.get(t, "opened"); !bytes.Equal(got, plaintext) {
			t.Errorf("%d bytes: GnuPG opens them as %d bytes", size, len(got))
		}
		name := fmt.Sprintf("plain%d", i)
		w.put(t, name, plaintext)
		gpg(t, now, "--output", "sealed", "--compress-algo", "none", "--recipient", b.Fingerprint(), "--recipient", a.Fingerprint(), "--encrypt", name)
		if got, err := unstream(t, b, w.get(t, "sealed"), a, b); err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("%d bytes of GnuPG: opened as %d bytes, %v", size, len(got), err)
		}
	}
}
