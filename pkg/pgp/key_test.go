package pgp_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/ProtonMail/go-crypto/openpgp/s2k"

	"github.com/entraide/entraide/pkg/pgp"
)

var passphrase = []byte("correct horse battery staple")

func TestSuites(t *testing.T) {
	t.Parallel()
	if got := pgp.Suites(); !slices.Equal(got, []pgp.Suite{pgp.PQ6, pgp.Modern6, pgp.HSM4, pgp.Classic4}) {
		t.Errorf("suites are %v", got)
	}
	if pgp.Suite("rsa-2048").Valid() || !pgp.Classic4.Valid() {
		t.Error("Valid is wrong")
	}
	for _, tt := range []struct {
		a, b []pgp.Suite
		want pgp.Suite
	}{
		{pgp.Suites(), pgp.Suites(), pgp.PQ6},
		{pgp.Suites(), []pgp.Suite{pgp.Classic4, pgp.Modern6}, pgp.Modern6},
		{[]pgp.Suite{pgp.Classic4}, pgp.Suites(), pgp.Classic4},
		{[]pgp.Suite{pgp.Classic4}, []pgp.Suite{pgp.PQ6}, ""},
		{nil, pgp.Suites(), ""},
	} {
		if got, ok := pgp.BestCommon(tt.a, tt.b); got != tt.want || ok != (tt.want != "") {
			t.Errorf("BestCommon(%v, %v) = %v, %v", tt.a, tt.b, got, ok)
		}
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		suite  pgp.Suite
		userID string
		at     time.Time
		life   time.Duration
		want   error
	}{
		{"any text", pgp.Modern6, "QM (وزارة العدل) <a@b>, \"x\"", born, 0, nil},
		{"unknown suite", "rsa-2048", alice, born, 0, pgp.ErrSuite},
		{"no User ID", pgp.Modern6, "", born, 0, pgp.ErrKey},
		{"two lines", pgp.Modern6, "a\nb", born, 0, pgp.ErrKey},
		{"no time", pgp.Modern6, alice, time.Time{}, 0, pgp.ErrKey},
		{"no life", pgp.Modern6, alice, born, -1, pgp.ErrKey},
		{"hardly any life", pgp.Modern6, alice, born, time.Millisecond, pgp.ErrKey},
	} {
		k, err := pgp.Generate(tt.suite, tt.userID, tt.at, tt.life)
		wantError(t, err, tt.want)
		if err == nil && k.Certificate().UserID() != tt.userID {
			t.Errorf("%s: User ID is %q", tt.name, k.Certificate().UserID())
		}
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k, b := fresh(t, suite, alice), key(t, suite, bob)
		wantError(t, k.RotateEncryption(now), nil)
		wantError(t, k.RevokeSubkey(must(k.Certificate().SigningSubkey(now))(t), pgp.Superseded, now.AddDate(1, 0, 0)), nil)
		for name, lock := range map[string]func([]byte) ([]byte, error){"Lock": k.Lock, "Export": k.Export} {
			locked := must(lock(passphrase))(t)
			again := must(pgp.Unlock(locked, passphrase))(t)
			if again.Certificate().Digest() != k.Certificate().Digest() || again.Suite() != suite || again.Fingerprint() != k.Fingerprint() {
				t.Errorf("%s: another key comes out", name)
			}
			sig := must(again.Sign(typ, plain, now))(t)
			wantError(t, k.Certificate().Verify(typ, plain, sig, now), nil)
			sealed := must(b.Seal(typ, passphrase, again.Certificate(), now))(t)
			_, err := again.Open(sealed, opening(t, b, again))
			wantError(t, err, nil)
			must(again.Certify(b.Certificate(), now, 0))(t)

			_, err = pgp.Unlock(locked, []byte("wrong"))
			wantError(t, err, pgp.ErrPassphrase)
			_, err = lock(nil)
			wantError(t, err, pgp.ErrPassphrase)
			unlocked := must(k.Unlocked())(t)
			for _, secret := range secretsOf(t, k) {
				if bytes.Contains(locked, secret) || !bytes.Contains(unlocked, secret) {
					t.Errorf("%s: a secret is in the clear", name)
				}
			}
		}
	})
}

// TestLockForm checks how a key is locked at rest: with Argon2, 12 passes, 4
// lanes, 16 MiB, and authenticated; and how for other tools.
func TestLockForm(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k := key(t, suite, alice)
		locked := must(k.Lock(passphrase))(t)
		// S2K usage 253, (count,) AES-256, OCB, (count,) Argon2, 16 octets of salt, t, p, m.
		if n := countArgon2(locked); n != 3 {
			t.Errorf("%d secret keys are locked as they should be", n)
		}
		exported := must(k.Export(passphrase))(t)
		if n := countArgon2(exported); n != 0 {
			t.Errorf("%d exported keys are locked with Argon2", n)
		}
	})
}

// TestUnlockAltered: an attacker who can write to the key store cannot make us
// use another public part with our secrets.
func TestUnlockAltered(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k, other := key(t, suite, alice), key(t, suite, bob)
		cheap := cheaply(t, k)
		if _, err := pgp.Unlock(cheap, passphrase); err != nil {
			t.Fatal(err)
		}
		_, raw, err := pgp.Packets(cheap)
		if err != nil {
			t.Fatal(err)
		}
		offset := 0
		for _, p := range raw {
			for i := 0; i < len(p); i += 1 + len(p)/40 {
				altered := slices.Clone(cheap)
				altered[offset+i] ^= 1
				got, err := pgp.Unlock(altered, passphrase)
				if err == nil && !sameKeys(t, got, k) {
					t.Fatalf("byte %d: unlocked another key", offset+i)
				}
			}
			offset += len(p)
		}
		// Our subkey behind their primary key, and their subkey behind ours.
		_, theirs, err := pgp.Packets(cheaply(t, other))
		if err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			mixed := slices.Clone(raw)
			mixed[i] = theirs[i]
			_, err := pgp.Unlock(slices.Concat(mixed...), passphrase)
			wantError(t, err, pgp.ErrKey)
		}
	})
}

// TestUnlockSpliced: secrets of ours, still locked, in a key file that somebody
// else has written around them, are not used: each signature with them would
// tell more of them.
func TestUnlockSpliced(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		_, ours, err := pgp.Packets(cheaply(t, key(t, suite, alice)))
		if err != nil {
			t.Fatal(err)
		}
		other := key(t, suite, bob)
		_, theirs, err := pgp.Packets(cheaply(t, other))
		if err != nil {
			t.Fatal(err)
		}
		_, public, err := pgp.Packets(other.Certificate().Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range theirs {
			tag := p[0] & 0x3f
			if tag != 5 && tag != 7 {
				continue
			}
			n := len(body(public[i]))
			spliced := slices.Clone(theirs)
			spliced[i] = pgp.Packet(tag, body(p)[:n], body(ours[i])[n:])
			_, err := pgp.Unlock(slices.Concat(spliced...), passphrase)
			wantError(t, err, pgp.ErrKey)
		}
	})
}

func TestUnlockRefuses(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, suite pgp.Suite) {
		k := key(t, suite, alice)
		locked := cheaply(t, k)
		_, raw, err := pgp.Packets(locked)
		if err != nil {
			t.Fatal(err)
		}
		withPublic := slices.Clone(raw)
		withPublic[len(raw)-2] = apart(t, k).encryption
		for name, data := range map[string][]byte{
			"empty":         nil,
			"certificate":   k.Certificate().Bytes(),
			"not locked":    must(k.Unlocked())(t),
			"cut":           locked[:len(locked)-1],
			"one more byte": append(slices.Clone(locked), 0),
			"two keys":      append(slices.Clone(locked), locked...),
			"armored":       armored(t, "PGP PRIVATE KEY BLOCK", locked),
			"part missing":  slices.Concat(withPublic...),
			"too large":     append(slices.Clone(locked), make([]byte, 128<<10)...),
		} {
			_, err := pgp.Unlock(data, passphrase)
			if !errors.Is(err, pgp.ErrKey) {
				t.Errorf("%s: error is %v", name, err)
			}
		}
	})
}

// sameKeys reports whether two keys have the same public parts.
func sameKeys(t testing.TB, a, b *pgp.Key) bool {
	t.Helper()
	return a.Fingerprint() == b.Fingerprint() && encryption(t, a) == encryption(t, b) &&
		bytes.Equal(signing(t, a).Fingerprint, signing(t, b).Fingerprint)
}

// secretsOf returns the secret parts of a key that could be seen in a file.
func secretsOf(t testing.TB, k *pgp.Key) [][]byte {
	t.Helper()
	var secrets [][]byte
	for _, s := range []*packet.PrivateKey{k.Secret(""), signing(t, k), k.Secret(encryption(t, k))} {
		all, head := serialized(t, s), serialized(t, &s.PublicKey)
		tail := all[len(body(head))+8:]
		secrets = append(secrets, tail[:min(24, len(tail))])
	}
	return secrets
}

// cheaply locks a key with parameters that take no time.
func cheaply(t testing.TB, k *pgp.Key) []byte {
	t.Helper()
	data := must(k.Unlocked())(t)
	config := &packet.Config{
		DefaultCipher: packet.CipherAES256,
		S2KConfig:     &s2k.Config{S2KMode: s2k.IteratedSaltedS2K, S2KCount: 65536},
	}
	_, raw, err := pgp.Packets(data)
	if err != nil {
		t.Fatal(err)
	}
	var secrets []*packet.PrivateKey
	var places []int
	for i, p := range raw {
		if tag := p[0] & 0x3f; tag == 5 || tag == 7 {
			s := must(packet.Read(bytes.NewReader(p)))(t)
			secrets, places = append(secrets, s.(*packet.PrivateKey)), append(places, i)
		}
	}
	if err := packet.EncryptPrivateKeys(secrets, passphrase, config); err != nil {
		t.Fatal(err)
	}
	for i, s := range secrets {
		raw[places[i]] = serialized(t, s)
	}
	return slices.Concat(raw...)
}

// countArgon2 counts the places where Argon2 is asked for as Lock does.
func countArgon2(locked []byte) int {
	n := 0
	for i := range locked {
		rest := locked[i:]
		if len(rest) < 24 || rest[0] != 9 || rest[1] != 2 {
			continue // AES-256, OCB
		}
		rest = rest[2:]
		if rest[0] == 20 {
			rest = rest[1:] // version 6 counts
		}
		if rest[0] == 4 && bytes.Equal(rest[17:20], []byte{12, 4, 14}) {
			n++
		}
	}
	return n
}
