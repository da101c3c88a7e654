package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/entraide/entraide/internal/store"
)

// A Cost is what one hash of a password takes, with Argon2id (RFC 9106).
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// DefaultCost returns the cost of an installation that sets none: the second
// recommended choice of RFC 9106, section 4, with two lanes.
func DefaultCost() Cost { return Cost{MemoryKiB: 64 << 10, Passes: 3, Lanes: 2} }

const (
	saltBytes = 16
	hashBytes = 32
	// Bounds on what a stored hash may ask for.
	maxMemoryKiB = 1 << 20
	maxPasses    = 20
)

var errHash = errors.New("the stored hash of a password is damaged")

// hashPassword returns the hash of a password in PHC form.
func hashPassword(password string, c Cost) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	sum := argon2.IDKey(norm.NFC.Bytes([]byte(password)), salt, c.Passes, c.MemoryKiB, c.Lanes, hashBytes)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MemoryKiB, c.Passes, c.Lanes,
		b64.EncodeToString(salt), b64.EncodeToString(sum)), nil
}

// samePassword reports whether a password has a hash.
func samePassword(hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errHash
	}
	var c Cost
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Lanes); err != nil || n != 3 {
		return false, errHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, errHash
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) != hashBytes || c.MemoryKiB > maxMemoryKiB || c.Passes == 0 || c.Passes > maxPasses || c.Lanes == 0 {
		return false, errHash
	}
	got := argon2.IDKey(norm.NFC.Bytes([]byte(password)), salt, c.Passes, c.MemoryKiB, c.Lanes, hashBytes)
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// matches looks at a password, at most a few at once. It takes as long where
// there is no hash.
func (a *Accounts) matches(ctx context.Context, hash, password string) (bool, error) {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	known := hash != ""
	if !known {
		hash = a.nobody
	}
	if utf8.RuneCountInString(password) > MaxLength {
		known, password = false, ""
	}
	same, err := samePassword(hash, password)
	return same && known, err
}

// newHash hashes a password that somebody has chosen.
func (a *Accounts) newHash(ctx context.Context, password string, about ...string) (string, error) {
	if err := checkPassword(password, about...); err != nil {
		return "", err
	}
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return hashPassword(password, a.Cost)
}

// common are passwords that everybody tries first, and parts of them.
var common = []string{
	"password", "passw0rd", "p@ssword", "p@ssw0rd", "motdepasse", "contraseña", "contrasena", "пароль", "йцукен", "mật khẩu", "matkhau",
	"qwerty", "azerty", "qwertz", "1q2w3e", "1qaz2wsx", "zaq12wsx", "asdfgh", "zxcvbn", "123456", "234567", "654321", "987654",
	"abcdef", "abcd1234", "letmein", "iloveyou", "welcome", "sunshine", "princess", "football", "baseball", "superman", "trustno1",
	"administrator", "changeme", "default", "entraide", "justice", "ministry", "dragon", "monkey", "master", "secret",
}

// checkPassword says whether a password may be chosen (NIST SP 800-63B): long
// enough, not common, not made of what everybody knows about its owner. No
// classes of characters are asked for.
func checkPassword(password string, about ...string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || n > MaxLength:
		return &Refusal{"password", PasswordLong}
	case n < MinLength:
		return &Refusal{"password", PasswordShort}
	}
	plain := strings.ToLower(norm.NFC.String(password))
	for _, word := range slices.Concat(common, about) {
		word = strings.ToLower(word)
		if len(word) < 3 {
			continue
		}
		// What is left beside a common word must stand by itself.
		rest := strings.ReplaceAll(plain, word, "")
		if rest != plain && utf8.RuneCountInString(rest) < MinLength {
			return &Refusal{"password", PasswordCommon}
		}
	}
	different := map[rune]bool{}
	for _, r := range plain {
		different[r] = true
	}
	if len(different) < 5 {
		return &Refusal{"password", PasswordCommon}
	}
	return nil
}

// ChangePassword gives a user another password; they prove with the old one
// that it is them. All their other sessions end.
func (a *Accounts) ChangePassword(ctx context.Context, s Session, old, password string) error {
	var row store.Account
	err := a.Desk.Store().Read(ctx, func(r store.DeskReader) (err error) {
		row, err = r.Account(ctx, s.User.ID)
		return found(err)
	})
	if err != nil {
		return err
	}
	same, err := a.matches(ctx, row.Password, old)
	if err != nil {
		return err
	}
	if !same {
		return &Refusal{"old", PasswordWrong}
	}
	hash, err := a.newHash(ctx, password, row.Login, row.Name)
	if err != nil {
		return err
	}
	return a.change(ctx, s.User.ID, change{
		by: s.User.ID, begun: s.User.begun, what: "password-changed",
		apply: func(ctx context.Context, w store.DeskWriter, row *store.Account) error {
			row.Password = hash
			return w.DeleteSessions(ctx, row.ID, s.digest)
		},
	})
}
