package pgp_test

import (
	"bytes"
	"crypto"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

// hashes by their numbers in OpenPGP.
var hashes = map[int]crypto.Hash{8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 11: crypto.SHA224, 14: crypto.SHA3_512}

var plain = []byte("preserve the traffic data of the account")

func TestSealOpen(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := key(t, suite, alice), key(t, suite, bob)
		for name, plaintext := range map[string][]byte{
			"small": plain, "empty": {}, "large": bytes.Repeat([]byte("0123456789abcde\n"), 1<<15),
		} {
			sealed := must(a.Seal(typ, plaintext, b.Certificate(), now.Add(time.Second/2)))(t)
			if err := pgp.CheckFraming(suite, sealed, encryption(t, b), encryption(t, a)); err != nil {
				t.Fatal(err)
			}
			for who, k := range map[string]*pgp.Key{"recipient": b, "sender": a} {
				got, err := k.Open(sealed, opening(t, a, b))
				if err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("%s, opened by the %s: %d bytes, error %v", name, who, len(got), err)
				}
			}
		}
	})
}

// TestOpenRefuses opens what somebody who knows all public keys, and some of the
// secrets, can make (T1, T13, T15).
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b, c := key(t, suite, alice), key(t, suite, bob), key(t, suite, carol)
		by, f, both := signing(t, a), formOf(suite), encryptionKeys(t, b, a)
		good := to(b, a)
		seal := func(inside []byte) []byte { return encrypted(t, f, inside, both...) }
		sealSigned := func(changes ...change) []byte { return seal(signed(t, by, plain, changes...)) }
		sig := signature(t, by, plain, good)
		ops, lit, end := serialized(t, pgp.OnePass(sig)), literal(plain), serialized(t, sig)
		notLast := pgp.OnePass(sig)
		notLast.IsLast = false
		second := signature(t, signing(t, b), plain, good)
		for _, tt := range []struct {
			name   string
			sealed []byte
			want   error
		}{
			{"as it ought to be", sealSigned(good), nil},
			{"recipients the other way round", sealSigned(to(a, b)), nil},
			{"unsigned", seal(lit), pgp.ErrSignature},
			{"nothing inside", seal(bytes.Repeat([]byte{0xca, 3, 'P', 'G', 'P'}, 30)), pgp.ErrSignature},
			{"signature without announcement", seal(slices.Concat(end, lit)), pgp.ErrSignature},
			{"announced, but no signature", seal(slices.Concat(ops, lit)), pgp.ErrSignature},
			{"two signatures", seal(slices.Concat(
				serialized(t, pgp.OnePass(second)), ops, lit, end, serialized(t, second))), pgp.ErrSignature},
			{"a second signature behind", seal(slices.Concat(ops, lit, end, serialized(t, second))), pgp.ErrSignature},
			{"a second literal", seal(slices.Concat(ops, lit, end, lit)), pgp.ErrSignature},
			{"a literal before", seal(slices.Concat(lit, ops, lit, end)), pgp.ErrSignature},
			{"padding inside", seal(slices.Concat(ops, lit, end, pgp.Packet(21, make([]byte, 9)))), pgp.ErrSignature},
			{"a marker inside", seal(slices.Concat(pgp.Packet(10, []byte("PGP")), ops, lit, end)), pgp.ErrSignature},
			{"announced as one of several", seal(slices.Concat(serialized(t, notLast), lit, end)), pgp.ErrSignature},
			{"announced as another's", seal(slices.Concat(serialized(t, pgp.OnePass(second)), lit, end)), pgp.ErrSignature},
			{"compressed inside", seal(compressed(t, slices.Concat(ops, lit, end))), pgp.ErrSignature},
			{"compressed literal", seal(slices.Concat(ops, compressed(t, lit), end)), pgp.ErrSignature},
			{"encrypted twice", seal(sealSigned(good)), pgp.ErrSignature},
			{"text literal", seal(slices.Concat(ops, pgp.Packet(11, []byte("u\x00\x00\x00\x00\x00"), plain), end)), pgp.ErrSignature},
			{"literal in another packet", seal(slices.Concat(ops, pgp.Packet(60, body(lit)), end)), pgp.ErrSignature},
			{"announced in another packet", seal(slices.Concat(pgp.Packet(60, body(ops)), lit, end)), pgp.ErrSignature},
			{"another plaintext", seal(slices.Concat(ops, literal([]byte("delete")), end)), pgp.ErrSignature},
			{"signed by the recipient", seal(signed(t, signing(t, b), plain, good)), pgp.ErrSignature},
			{"signed by a stranger", seal(signed(t, signing(t, c), plain, good)), pgp.ErrSignature},
			{"signed by the primary key", seal(signed(t, a.Secret(""), plain, good)), pgp.ErrSignature},
			{"forwarded from another recipient", sealSigned(to(c, a)), pgp.ErrSignature},
			{"to one recipient more", sealSigned(to(b, a, c)), pgp.ErrSignature},
			{"to one recipient less", sealSigned(to(b)), pgp.ErrSignature},
			{"to nobody in particular", sealSigned(), pgp.ErrSignature},
			{"for another purpose", sealSigned(good, notations(notation("entraide/other/1"))), pgp.ErrSignature},
			{"for no purpose", sealSigned(good, notations()), pgp.ErrSignature},
			{"for two purposes", sealSigned(good, notations(notation(typ), notation("entraide/other/1"))), pgp.ErrSignature},
			{"at another time", sealSigned(good, at(now.Add(time.Second))), pgp.ErrSignature},
			{"that expires", sealSigned(good, expires(1<<30)), pgp.ErrSignature},
			{"as text", sealSigned(good, func(s *packet.Signature) { s.SigType = packet.SigTypeText }), pgp.ErrSignature},
			{"not encrypted", slices.Concat(ops, lit, end), pgp.ErrFraming},
			{"a naked literal", lit, pgp.ErrFraming},
			{"empty", nil, pgp.ErrFraming},
		} {
			t.Run(tt.name, func(t *testing.T) {
				got, err := b.Open(tt.sealed, opening(t, a, b))
				wantError(t, err, tt.want)
				if (got == nil) != (tt.want != nil) {
					t.Errorf("plaintext is %q", got)
				}
			})
		}
	})
}

// TestJunkPassphrase: with a passphrase packet, however senseless, go-crypto
// does not check the intended recipients, and a stolen signature verifies.
func TestJunkPassphrase(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b, c := key(t, suite, alice), key(t, suite, bob), key(t, suite, carol)
		stolen := signed(t, signing(t, a), plain, to(b, a))
		forwarded := encrypted(t, formOf(suite), stolen, encryptionKeys(t, c, a)...)
		skesk := pgp.Packet(3, []byte{4, 9, 3, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x60})
		_, packets, err := pgp.Packets(forwarded)
		if err != nil {
			t.Fatal(err)
		}
		o := opening(t, a, c)
		_, err = c.Open(forwarded, o)
		wantError(t, err, pgp.ErrSignature)
		for i := range len(packets) + 1 {
			_, err := c.Open(slices.Concat(slices.Insert(slices.Clone(packets), i, skesk)...), o)
			wantError(t, err, pgp.ErrFraming)
		}
	})
}

func TestAllowNoIntended(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b, c := key(t, suite, alice), key(t, suite, bob), key(t, suite, carol)
		by, both := signing(t, a), encryptionKeys(t, b, a)
		o := opening(t, a, b)
		o.AllowNoIntended = true
		var absent error
		if !version4(suite) {
			absent = pgp.ErrSignature
		}
		_, err := b.Open(encrypted(t, formOf(suite), signed(t, by, plain), both...), o)
		wantError(t, err, absent)
		// Never different ones.
		_, err = b.Open(encrypted(t, formOf(suite), signed(t, by, plain, to(c, a)), both...), o)
		wantError(t, err, pgp.ErrSignature)
	})
}

func TestOpening(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b, c := key(t, suite, alice), key(t, suite, bob), key(t, suite, carol)
		sealed := must(a.Seal(typ, plain, b.Certificate(), now))(t)
		for _, tt := range []struct {
			name   string
			by     *pgp.Key
			change func(*pgp.Opening)
			want   error
		}{
			{"exactly as large", b, func(o *pgp.Opening) { o.MaxBytes = len(plain) }, nil},
			{"one byte too large", b, func(o *pgp.Opening) { o.MaxBytes = len(plain) - 1 }, pgp.ErrTooLarge},
			{"recipients expected the other way round", b, func(o *pgp.Opening) { slices.Reverse(o.Recipients) }, pgp.ErrFraming},
			{"one recipient expected", b, func(o *pgp.Opening) { o.Recipients = o.Recipients[:1] }, pgp.ErrFraming},
			{"three recipients expected", b, func(o *pgp.Opening) { o.Recipients = append(o.Recipients, encryption(t, c)) }, pgp.ErrFraming},
			{"no recipient expected", b, func(o *pgp.Opening) { o.Recipients = nil }, pgp.ErrFraming},
			{"opened by a stranger", c, func(*pgp.Opening) {}, pgp.ErrNotForUs},
			{"another sender expected", b, func(o *pgp.Opening) { o.Sender = c.Certificate() }, pgp.ErrSignature},
			{"no sender expected", b, func(o *pgp.Opening) { o.Sender = nil }, pgp.ErrSignature},
			{"another purpose expected", b, func(o *pgp.Opening) { o.Typ = "entraide/other/1" }, pgp.ErrSignature},
			{"no purpose expected", b, func(o *pgp.Opening) { o.Typ = "" }, pgp.ErrSignature},
			{"another time expected", b, func(o *pgp.Opening) { o.At = now.Add(-time.Second) }, pgp.ErrSignature},
			{"nobody intended", b, func(o *pgp.Opening) { o.Intended = nil }, pgp.ErrSignature},
			{"somebody else intended", b, func(o *pgp.Opening) { o.Intended[0] = c.Fingerprint() }, pgp.ErrSignature},
			{"no fingerprint intended", b, func(o *pgp.Opening) { o.Intended[0] = "QN" }, pgp.ErrSignature},
		} {
			t.Run(tt.name, func(t *testing.T) {
				o := opening(t, a, b)
				tt.change(&o)
				_, err := tt.by.Open(sealed, o)
				wantError(t, err, tt.want)
			})
		}
	})
}

// TestNobody: naming nobody where nobody is expected is not agreement.
func TestNobody(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := key(t, suite, alice), key(t, suite, bob)
		o := opening(t, a, b)
		o.Intended = nil
		_, err := b.Open(encrypted(t, formOf(suite), signed(t, signing(t, a), plain), encryptionKeys(t, b, a)...), o)
		wantError(t, err, pgp.ErrSignature)
	})
}

// TestOpenToSigningKey: a payload to a key of ours that does not decrypt is not
// for us.
func TestOpenToSigningKey(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := key(t, suite, alice), key(t, suite, bob)
		sealed := must(a.Seal(typ, plain, b.Certificate(), now))(t)
		from, to := b.Secret(encryption(t, b)).Fingerprint, signing(t, b).Fingerprint
		if version4(suite) { // a key ID
			from, to = from[12:], to[12:]
		}
		o := opening(t, a, b)
		o.Recipients[0] = must(b.Certificate().SigningSubkey(now))(t)
		_, err := b.Open(bytes.Replace(sealed, from, to, 1), o)
		wantError(t, err, pgp.ErrNotForUs)
	})
}

// TestOpenAltered: no byte of a sealed message can be changed so that it says
// something else: what is handed on is what was signed (T3).
func TestOpenAltered(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		a, b := key(t, suite, alice), key(t, suite, bob)
		sealed := must(a.Seal(typ, plain, b.Certificate(), now))(t)
		o := opening(t, a, b)
		// Every third byte, and the same bytes in every run.
		for i := 0; i < len(sealed); i += 3 * costly(suite) {
			altered := slices.Clone(sealed)
			altered[i] ^= 1 << (i % 8)
			got, err := b.Open(altered, o)
			if err == nil && !bytes.Equal(got, plain) {
				t.Fatalf("byte %d: opened as %q", i, got)
			}
		}
		for _, n := range []int{1, 2, 16, 22, 100} {
			if _, err := b.Open(sealed[:len(sealed)-n], o); err == nil {
				t.Errorf("opened without its last %d bytes", n)
			}
		}
	})
}

// TestOpenMixedSuites: a message in one suite is never one in another.
func TestOpenMixedSuites(t *testing.T) {
	t.Parallel()
	for _, suite := range pgp.Suites() {
		for _, other := range pgp.Suites() {
			a, b := key(t, suite, alice), key(t, other, bob)
			_, err := a.Seal(typ, plain, b.Certificate(), now)
			if suite != other {
				wantError(t, err, pgp.ErrSuite)
				// With the inside signed by a key of the other suite.
				c := key(t, suite, carol)
				signedByOther := signed(t, signing(t, b), plain, to(c, a))
				o := opening(t, a, c)
				_, err = c.Open(encrypted(t, formOf(suite), signedByOther, encryptionKeys(t, c, a)...), o)
				wantError(t, err, pgp.ErrSignature)
				o.Sender = b.Certificate()
				_, err = c.Open(encrypted(t, formOf(suite), signedByOther, encryptionKeys(t, c, a)...), o)
				wantError(t, err, pgp.ErrSignature)
			}
		}
	}
}

// notations replaces the notations of a signature.
func notations(n ...*packet.Notation) change {
	return func(s *packet.Signature) { s.Notations = n }
}

// at changes when a signature says it was made.
func at(t time.Time) change {
	return func(s *packet.Signature) { s.CreationTime = t }
}

// expires makes a signature expire after some seconds.
func expires(seconds uint32) change {
	return func(s *packet.Signature) { s.SigLifetimeSecs = &seconds }
}

// compressed compresses packets.
func compressed(t testing.TB, inside []byte) []byte {
	t.Helper()
	var out closeable
	w := must(packet.SerializeCompressed(&out, packet.CompressionZLIB, nil))(t)
	must(w.Write(inside))(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// closeable is a buffer that can be closed.
type closeable struct{ bytes.Buffer }

func (*closeable) Close() error { return nil }
