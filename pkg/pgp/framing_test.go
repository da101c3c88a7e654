package pgp_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

// TestFraming shows what a broker refuses without any secret. What it accepts
// here, only a recipient can refuse (T1, T2, T14).
func TestFraming(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b, c := key(t, suite, alice), key(t, suite, bob), key(t, suite, carol)
		f, both := formOf(suite), encryptionKeys(t, b, a)
		inside := signed(t, signing(t, a), bytes.Repeat(plain, 50), to(b, a))
		sealed := encrypted(t, f, inside, both...)
		_, p, err := pgp.Packets(sealed)
		if err != nil {
			t.Fatal(err)
		}
		first, second, data := p[0], p[1], p[2]
		whole := definite(t, 18, data)
		downgraded, otherCipher, otherMode, hidden := f, f, f, f
		downgraded.aead, otherCipher.cipher, otherMode.mode, hidden.hidden = !f.aead, packet.CipherAES128, packet.AEADModeOCB, true
		for _, tt := range []struct {
			name   string
			sealed []byte
			want   error
		}{
			{"as it ought to be", sealed, nil},
			{"in one part", slices.Concat(first, second, whole), nil},
			{"in the smallest parts", slices.Concat(first, second, inParts(whole)), nil},
			{"in too small a first part", slices.Concat(first, second, []byte{0xd2, 224 + 8}, body(whole)[:256], []byte{1, 0}), pgp.ErrFraming},
			{"empty", nil, pgp.ErrFraming},
			{"one byte", sealed[:1], pgp.ErrFraming},
			{"last byte missing", sealed[:len(sealed)-1], pgp.ErrFraming},
			{"one byte more", append(slices.Clone(sealed), 0), pgp.ErrFraming},
			{"one recipient", slices.Concat(first, data), pgp.ErrFraming},
			{"no recipient", data, pgp.ErrFraming},
			{"recipients swapped", slices.Concat(second, first, data), pgp.ErrFraming},
			{"one recipient twice", slices.Concat(first, first, data), pgp.ErrFraming},
			{"a third recipient", encrypted(t, f, inside, append(both, encryptionKeys(t, c)...)...), pgp.ErrFraming},
			{"another recipient", encrypted(t, f, inside, encryptionKeys(t, c, a)...), pgp.ErrFraming},
			{"hidden recipients", encrypted(t, hidden, inside, both...), pgp.ErrFraming},
			{"to a signing key's fingerprint", slices.Concat(replaced(first, both[0].Fingerprint, signing(t, b).Fingerprint), second, data), refusedIfNamed(suite)},
			{"passphrase packet first", slices.Concat(pgp.Packet(3, make([]byte, 13)), sealed), pgp.ErrFraming},
			{"passphrase packet last", slices.Concat(first, second, pgp.Packet(3, make([]byte, 13)), data), pgp.ErrFraming},
			{"marker", slices.Concat(pgp.Packet(10, []byte("PGP")), sealed), pgp.ErrFraming},
			{"marker behind", slices.Concat(sealed, pgp.Packet(10, []byte("PGP"))), pgp.ErrFraming},
			{"padding", slices.Concat(sealed, pgp.Packet(21, make([]byte, 8))), pgp.ErrFraming},
			{"private packet", slices.Concat(first, pgp.Packet(60, []byte{0}), second, data), pgp.ErrFraming},
			{"data twice", slices.Concat(sealed, data), pgp.ErrFraming},
			{"without integrity (tag 9)", slices.Concat(first, second, pgp.Packet(9, body(whole)[1:])), pgp.ErrFraming},
			{"LibrePGP data (tag 20)", slices.Concat(first, second, pgp.Packet(20, []byte{1, 9, 2, 16}, body(whole))), pgp.ErrFraming},
			{"compressed", compressed(t, inside), pgp.ErrFraming},
			{"compressed behind keys", slices.Concat(first, second, compressed(t, inside)), pgp.ErrFraming},
			{"signed only", inside, pgp.ErrFraming},
			{"data of the other version", encrypted(t, downgraded, inside, both...), pgp.ErrFraming},
			{"data of the other version, keys of this", slices.Concat(first, second, last(t, encrypted(t, downgraded, inside, both...))), pgp.ErrFraming},
			// The cipher of SEIPDv1 is inside of the encrypted session key, whose size tells.
			{"AES-128", encrypted(t, otherCipher, inside, both...), refusedIfNamed(suite)},
			{"OCB", encrypted(t, otherMode, inside, both...), refusedIfNamed(suite)},
			{"chunks of 8 MiB", slices.Concat(first, second, chunks(whole, 17)), refusedIfNamed(suite)},
			{"session key cut", slices.Concat(cut(first), second, data), pgp.ErrFraming},
			{"session key longer", slices.Concat(pgp.Packet(1, body(first), []byte{0}), second, data), pgp.ErrFraming},
			{"session key longer in the middle", slices.Concat(pgp.Packet(1, body(first)[:len(body(first))-49], []byte{0}, body(first)[len(body(first))-49:]), second, data), pgp.ErrFraming},
			{"session key of another size, it says", slices.Concat(says(first, suite), second, data), pgp.ErrFraming},
			{"session key in another packet", slices.Concat(pgp.Packet(60, body(first)), second, data), pgp.ErrFraming},
			{"session key in a passphrase packet", slices.Concat(pgp.Packet(3, body(first)), second, data), pgp.ErrFraming},
			{"length in eight octets", slices.Concat([]byte{0x80 | 1<<2 | 3, 0, 0, 0, 0, 0, 0, byte(len(body(first)) >> 8), byte(len(body(first)))}, body(first), second, data), pgp.ErrFraming},
			{"session key in parts", slices.Concat([]byte{0xc1, 224 + 9}, make([]byte, 512), []byte{0}, second, data), pgp.ErrFraming},
			{"old header around a key", slices.Concat(old(1, body(first)), second, data), refusedIfNamed(suite)},
			{"indeterminate length", slices.Concat(first, second, []byte{0x80 | 9<<2 | 3}, body(whole)), pgp.ErrFraming},
			{"huge length", slices.Concat(first, second, []byte{0xd2, 255, 255, 255, 255, 255}), pgp.ErrFraming},
			{"no data", slices.Concat(first, second, pgp.Packet(18)), pgp.ErrFraming},
			{"hardly any data", slices.Concat(first, second, pgp.Packet(18, body(whole)[:38])), pgp.ErrFraming},
			{"armored", armored(t, "PGP MESSAGE", sealed), pgp.ErrFraming},
			{"signed in the clear", inClear(t, plain, serialized(t, signature(t, signing(t, a), plain))), pgp.ErrFraming},
		} {
			t.Run(tt.name, func(t *testing.T) {
				err := pgp.CheckFraming(suite, tt.sealed, encryption(t, b), encryption(t, a))
				wantError(t, err, tt.want)
				if tt.want != nil {
					_, err := b.Open(tt.sealed, opening(t, a, b))
					wantError(t, err, tt.want)
				}
			})
		}
		wantError(t, pgp.CheckFraming("rsa-2048", sealed, encryption(t, b)), pgp.ErrSuite)
		wantError(t, pgp.CheckFraming(suite, data), pgp.ErrFraming)
		wantError(t, pgp.CheckFraming(suite, sealed, strings.ToLower(encryption(t, b)), encryption(t, a)), nil)
		wantError(t, pgp.CheckFraming(suite, sealed, encryption(t, b)[2:], encryption(t, a)), pgp.ErrFraming)
		wantError(t, pgp.CheckFraming(suite, sealed, "x", encryption(t, a)), pgp.ErrFraming)
	})
}

// TestAnotherCipherInside: the cipher of SEIPDv1 can be seen only by who opens.
func TestAnotherCipherInside(t *testing.T) {
	t.Parallel()
	a, b := key(t, pgp.Classic4, alice), key(t, pgp.Classic4, bob)
	f := formOf(pgp.Classic4)
	f.cipher = packet.CipherAES128
	sealed := encrypted(t, f, signed(t, signing(t, a), plain, to(b, a)), encryptionKeys(t, b, a)...)
	_, err := b.Open(sealed, opening(t, a, b))
	wantError(t, err, pgp.ErrFraming)
}

// TestHugeArmorHeader: decoding armor takes quadratic time; here nobody tries.
func TestHugeArmorHeader(t *testing.T) { // not parallel: it counts allocations
	k := key(t, pgp.Classic4, alice)
	header := "-----BEGIN PGP MESSAGE-----\nComment: " + strings.Repeat("a: b ", 1<<20)
	if n := testing.AllocsPerRun(10, func() {
		wantError(t, pgp.CheckFraming(pgp.Classic4, []byte(header), encryption(t, k)), pgp.ErrFraming)
	}); n > 1000 {
		t.Errorf("%v allocations", n)
	}
	_, err := pgp.ParseCertificate([]byte(header[:60<<10]))
	wantError(t, err, pgp.ErrCertificate)
	wantError(t, k.Certificate().Verify(typ, plain, []byte(header[:16<<10]), now), pgp.ErrSignature)
}

// refusedIfNamed is what framing says of something that only data of version 2
// says in the clear, or that only classic-4 may do.
func refusedIfNamed(suite pgp.Suite) error {
	if version4(suite) {
		return nil
	}
	return pgp.ErrFraming
}

// body returns the body of a packet of definite length.
func body(p []byte) []byte {
	switch {
	case p[1] < 192:
		return p[2:]
	case p[1] < 224:
		return p[3:]
	}
	return p[6:]
}

// definite writes a packet, in parts or not, in one part.
func definite(t testing.TB, tag uint8, p []byte) []byte {
	t.Helper()
	o := must(packet.NewOpaqueReader(bytes.NewReader(p)).Next())(t)
	return pgp.Packet(tag, o.Contents)
}

// inParts writes a packet with as many parts as there can be.
func inParts(p []byte) []byte {
	rest := body(p)
	out := append([]byte{p[0], 224 + 9}, rest[:512]...)
	for rest = rest[512:]; len(rest) > 1; rest = rest[1:] {
		out = append(out, 224, rest[0])
	}
	return append(append(out, byte(len(rest))), rest...)
}

// chunks changes the size of the chunks that encrypted data names.
func chunks(p []byte, octet byte) []byte {
	b := slices.Clone(body(p))
	b[3] = octet
	return pgp.Packet(18, b)
}

// cut takes the last byte of the body of a packet.
func cut(p []byte) []byte {
	b := body(p)
	return pgp.Packet(p[0]&0x3f, b[:len(b)-1])
}

// says makes an encrypted session key packet state another size of what is
// wrapped.
func says(p []byte, suite pgp.Suite) []byte {
	wrapped := 40
	if version4(suite) {
		wrapped = 48
	}
	changed := slices.Clone(p)
	if suite == pgp.HSM4 { // the bits of the integer, behind header and key ID
		changed[len(p)-len(body(p))+1+8+1+1]--
		return changed
	}
	changed[len(p)-wrapped-1]--
	return changed
}

// old writes a packet with a header of the format before 1998.
func old(tag byte, b []byte) []byte {
	return append([]byte{0x80 | tag<<2 | 1, byte(len(b) >> 8), byte(len(b))}, b...)
}

// last returns the last packet.
func last(t testing.TB, data []byte) []byte {
	t.Helper()
	_, p, err := pgp.Packets(data)
	if err != nil {
		t.Fatal(err)
	}
	return p[len(p)-1]
}

// replaced replaces one fingerprint by another where it stands.
func replaced(p, from, to []byte) []byte { return bytes.Replace(p, from, to, 1) }

// armored writes ASCII armor.
func armored(t testing.TB, kind string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := must(armor.Encode(&out, kind, nil))(t)
	must(w.Write(data))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// inClear is the cleartext signature framework around a text and its signature.
func inClear(t testing.TB, text, sig []byte) []byte {
	t.Helper()
	return slices.Concat([]byte("-----BEGIN PGP SIGNED"+" MESSAGE-----\nHash: SHA512\n\n"), text, []byte("\n"), armored(t, "PGP SIGNATURE", sig))
}
