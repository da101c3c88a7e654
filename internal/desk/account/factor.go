package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/entraide/entraide/internal/store"
)

// The second factor is a time-based code (RFC 6238) as every authenticator
// application makes them.
const (
	totpDigits  = 6
	totpPeriod  = 30 // seconds
	totpSkew    = 1  // steps that a clock may be off
	totpSecret  = 20 // bytes
	recoveryLen = 10 // bytes of a recovery code
	// recoveryLength is that of one as it is written, in groups of four.
	recoveryLength = 16 + 3
	// RecoveryCodes is how many a user is given at a time.
	RecoveryCodes = 10
)

// totpStep returns the time step whose code was typed, if it is one of now and
// later than the newest that was taken.
func totpStep(secret []byte, typed string, now time.Time, newest int64) (int64, bool) {
	if len(secret) == 0 {
		return 0, false
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	at := now.Unix() / totpPeriod
	for step := at - totpSkew; step <= at+totpSkew; step++ {
		code, err := hotp.GenerateCodeCustom(text, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && step > newest && subtle.ConstantTimeCompare([]byte(code), []byte(typed)) == 1 {
			return step, true
		}
	}
	return 0, false
}

// newSecret returns the secret of a second factor.
func newSecret() []byte {
	b := make([]byte, totpSecret)
	_, _ = rand.Read(b) // never fails
	return b
}

// An Enrolment is a second factor to be set up: the text to type into an
// authenticator application, and the address that a QR code holds.
type Enrolment struct{ Secret, Address string }

// enrolment describes a secret.
func (a *Accounts) enrolment(login string, secret []byte) (Enrolment, error) {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: "Entraide " + a.Desk.Party(), AccountName: login, Secret: secret, SecretSize: totpSecret,
	})
	if err != nil {
		return Enrolment{}, err
	}
	return Enrolment{Secret: key.Secret(), Address: key.URL()}, nil
}

// NewFactor proposes a second factor in place of the present one. The secret
// is kept by the caller until a code shows that it was set up.
func (a *Accounts) NewFactor(u User) (secret []byte, e Enrolment, err error) {
	secret = newSecret()
	e, err = a.enrolment(u.Login, secret)
	return secret, e, err
}

// SetFactor replaces a user's second factor, once a code of the new one was
// typed.
func (a *Accounts) SetFactor(ctx context.Context, u User, secret []byte, code string) error {
	step, ok := totpStep(secret, code, a.now(), 0)
	if !ok {
		return &Refusal{"code", CodeWrong}
	}
	return a.change(ctx, u.ID, change{by: u.ID, begun: u.begun, what: "second-factor-set", apply: func(_ context.Context, _ store.DeskWriter, row *store.Account) error {
		row.TOTP, row.TOTPStep = secret, step
		return nil
	}})
}

// NewRecoveryCodes gives a user new recovery codes in place of those they had.
// Only their digests are kept.
func (a *Accounts) NewRecoveryCodes(ctx context.Context, u User) ([]string, error) {
	codes := make([]string, RecoveryCodes)
	rows := make([]store.RecoveryCode, RecoveryCodes)
	for i := range codes {
		codes[i] = newCode(recoveryLen)
		rows[i] = store.RecoveryCode{Account: u.ID, Digest: digest(codes[i])}
	}
	err := a.change(ctx, u.ID, change{by: u.ID, begun: u.begun, what: "recovery-codes-made", apply: func(ctx context.Context, w store.DeskWriter, _ *store.Account) error {
		return w.PutRecoveryCodes(ctx, u.ID, rows)
	}})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// CodesLeft returns how many recovery codes a user has.
func (a *Accounts) CodesLeft(ctx context.Context, u User) (n int, err error) {
	err = a.Desk.Store().Read(ctx, func(r store.DeskReader) error {
		codes, err := r.RecoveryCodes(ctx, u.ID)
		n = len(codes)
		return err
	})
	return n, err
}
