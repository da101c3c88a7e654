package e2e_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// An outcome is what becomes of a key, a certificate or a statement: when somebody
// sends with it or publishes it, when it reaches another State, and for messages that
// were there before.
type outcome struct{ send, receive, read string }

// said returns what an attempt came to: its code, or the kind of error.
func said(err error) string {
	p, ok := errors.AsType[*problem.Error](err)
	switch {
	case err == nil:
		return "taken"
	case ok && p.Code.Remedy() == "":
		return "refused without a remedy"
	case ok:
		return string(p.Code)
	}
	for _, kind := range []error{
		pgp.ErrPassphrase, pgp.ErrKey, pgp.ErrTooLarge, pgp.ErrCertificate, pgp.ErrExpired, pgp.ErrRevoked, pgp.ErrNotYetValid,
		keyring.ErrExposed, keyring.ErrNoKey,
	} {
		if errors.Is(err, kind) {
			return strings.TrimPrefix(kind.Error(), "pgp: ")
		}
	}
	return err.Error()
}

// A bench is where bad keys are tried.
type bench struct {
	*hub
	qm, qn *desk.Desk
	party  *pgp.Key // of QN
	rows   int
}

// TestBadKeys is the table of bad input: what becomes of each for those who send, those
// who receive, and those who read what was there before (T18, T19, T20, T21, T22, T24, T25).
func TestBadKeys(t *testing.T) {
	t.Parallel()
	b := &bench{hub: newHub(t)}
	b.qm, b.qn = b.pair()
	request := b.send(b.qm, b.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	b.must(b.qn.Sync(t.Context()))
	b.send(b.qn, b.order(workflow.Acknowledge, "QN.mla", "QM.mla", request))
	b.must(b.qm.Sync(t.Context()))
	locked, err := os.ReadFile(filepath.Join(b.dir, "QN", "keys", "party.key"))
	b.must(err)
	b.party, err = pgp.Unlock(locked, passphrase)
	b.must(err)

	b.certificates()
	b.statements()
	b.lives()
	b.files()
	b.stale()
	if b.rows < 30 {
		t.Errorf("the table has %d rows", b.rows)
	}
}

// row holds one row against what it must be, and prints it.
func (b *bench) row(name string, got, want outcome) {
	b.t.Helper()
	b.rows++
	if got != want {
		b.t.Errorf("%s: %+v, want %+v", name, got, want)
	}
	b.t.Logf("%2d | %-46s | send: %-26s | receive: %-24s | read old: %s", b.rows, name, got.send, got.receive, got.read)
}

// readOld verifies what QM received before anything went wrong.
func (b *bench) readOld() string {
	if _, err := b.qm.VerifyMessages(b.t.Context()); err != nil {
		return err.Error()
	}
	return "authentic"
}

// publish has QN publish a statement about QN.mla after a change, and returns what the
// broker says, and what a desk says that a lying broker hands it to nevertheless.
func (b *bench) publish(by *pgp.Key, change func(*directory.AuthorityStatement)) outcome {
	b.t.Helper()
	a, err := b.qn.Directory().Authority("QN.mla")
	b.must(err)
	s := a.Statement
	s.Number, s.Previous = b.qn.Directory().Next("QN.mla")
	s.Issued = directory.At(b.now())
	change(&s)
	signed, err := directory.Sign(by, s, s.Issued.Time)
	if err != nil {
		return outcome{said(err), said(err), b.readOld()}
	}
	_, refused := b.as("QN").Publish(b.t.Context(), signed)
	_, doubted := b.qm.Directory().Apply(signed, b.qm.Directory().Size()+1000)
	return outcome{said(refused), said(doubted), b.readOld()}
}

// naming makes a statement name a certificate in a suite.
func naming(suite pgp.Suite, certificate []byte) func(*directory.AuthorityStatement) {
	return func(s *directory.AuthorityStatement) { s.Certificates = map[pgp.Suite][]byte{suite: certificate} }
}

// certificates tries those that nobody may use.
func (b *bench) certificates() {
	invalid := outcome{"statement-invalid", "statement-invalid", "authentic"}
	dir := filepath.Join("..", "..", "pkg", "pgp", "testdata", "hostile")
	files, err := os.ReadDir(dir)
	b.must(err)
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		b.must(err)
		suite := pgp.Modern6
		switch name := f.Name(); name {
		case "rsa-1024.pgp", "dsa-1024.pgp", "sha-1.pgp", "unknown-algorithm.pgp":
			suite = pgp.Classic4
		}
		b.row("certificate: "+strings.TrimSuffix(f.Name(), ".pgp"), b.publish(b.party, naming(suite, data)), invalid)
	}
	generate := func(user string, at time.Time, life time.Duration) *pgp.Certificate {
		key, err := pgp.Generate(pgp.Modern6, user, at, life)
		b.must(err)
		return key.Certificate()
	}
	certified := func(c *pgp.Certificate) []byte {
		out, err := b.party.Certify(c, b.now(), 0)
		b.must(err)
		return out.Bytes()
	}
	own := "QN.mla <mla@qn.example>"
	plain := generate(own, b.now().Add(-time.Hour), 0)
	flooded := certified(plain)
	flooded = append(flooded, bytes.Repeat(flooded[len(plain.Bytes()):], 10_000)...)
	old := generate(own, b.now().Add(-2*time.Hour), time.Hour)
	for _, tt := range []struct {
		name string
		data []byte
		want outcome
	}{
		{"certificate: 10,000 foreign signatures", flooded, outcome{"too-large", "too-large", "authentic"}},
		{"certificate: not certified by the party", plain.Bytes(), invalid},
		{"certificate: another State's, certified here", certified(generate("QM.mla <mla@qm.example>", b.now().Add(-time.Hour), 0)), invalid},
		{"certificate: made in the future", certified(generate(own, b.now().Add(time.Hour), 0)), invalid},
		{"certificate: expired", certified(old), invalid},
		{"certificate: armored", []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), invalid},
	} {
		b.row(tt.name, b.publish(b.party, naming(pgp.Modern6, tt.data)), tt.want)
	}
	b.row("certificate: filed under another suite", b.publish(b.party, naming(pgp.PQ6, certified(plain))), invalid)
}

// statements tries those that break the chain, or are not their signer's to make.
func (b *bench) statements() {
	same := func(*directory.AuthorityStatement) {}
	chain := outcome{"statement-chain", "statement-chain", "authentic"}
	signer := outcome{"statement-signer", "statement-signer", "authentic"}
	b.row("statement: a gap in the chain", b.publish(b.party, func(s *directory.AuthorityStatement) { s.Number += 2 }), chain)
	b.row("statement: a fork of the chain", b.publish(b.party, func(s *directory.AuthorityStatement) { s.Number, s.Previous = 1, "" }), chain)
	b.row("statement: after another than the newest", b.publish(b.party, func(s *directory.AuthorityStatement) {
		s.Previous = strings.Repeat("0", 64)
	}), chain)
	b.row("statement: dated before its signer", b.publish(b.party, func(s *directory.AuthorityStatement) {
		s.Issued = directory.At(b.now().Add(-30 * day))
	}), outcome{"statement-signer", "statement-signer", "authentic"})
	stranger, err := pgp.Generate(pgp.Classic4, "QN <party@qn.example>", b.now().Add(-time.Hour), 0)
	b.must(err)
	b.row("statement: signed by a stranger's key", b.publish(stranger, same), signer)
	b.row("statement: signed in another State's name", b.publish(b.party, func(s *directory.AuthorityStatement) { s.Signer = "QM" }), signer)
	b.row("statement: TLS key of another State", b.publish(b.party, func(s *directory.AuthorityStatement) {
		other, err := b.qn.Directory().Authority("QM.mla")
		b.must(err)
		s.Transport = other.Statement.Transport
	}), outcome{"statement-invalid", "statement-invalid", "authentic"})
	// What is dated ahead of the clock is the broker's to refuse: the directory has none.
	b.row("statement: dated in the future", b.publish(b.party, func(s *directory.AuthorityStatement) {
		s.Issued = directory.At(b.now().Add(day))
	}), outcome{"statement-invalid", "taken", "authentic"})
}

// A turn is a key of QN.mla whose life takes a turn.
type turn struct {
	*states.World
	t      *testing.T
	before *directory.Directory
	old    *message.Message // taken before the turn
	key    *pgp.Key         // of QN.mla, before it
}

// newTurn makes a world in which QN.mla has written to QM.mla, a day ago.
func newTurn(t *testing.T) *turn {
	w := states.New(t, pgp.Modern6)
	w.Keys["QN.mla"] = w.Keys["QN.mla"].Clone()
	u := &turn{World: w, t: t, before: w.Directory, key: w.Keys["QN.mla"].Clone()}
	u.old = w.Seal(t, w.Draft(t, "QN.mla", "QM.mla", "old"))
	w.Now = w.Now.Add(day)
	return u
}

// publish publishes the present key of QN.mla.
func (u *turn) publish(change func(*directory.AuthorityStatement)) {
	s := u.AuthorityStatement(u.t, "QN.mla")
	change(&s)
	u.Publish(u.t, u.Parties["QN"], s)
}

// check makes the checks of the broker and those of the recipient.
func (u *turn) check(m *message.Message, d *directory.Directory, at time.Time) error {
	for _, check := range []func() error{
		func() error { return m.CheckParties(d, at) },
		func() error { return m.CheckSignature(d) },
		func() error { return m.CheckPayload(d) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	_, err := m.Open(u.Keys["QM.mla"], d)
	return err
}

// outcome tries the former key: whether its holder can send as the directory is now,
// whether what it sealed by the directory of before is still taken, and how the old
// message reads.
func (u *turn) outcome() outcome {
	u.t.Helper()
	m, err := message.Seal(u.Draft(u.t, "QN.mla", "QM.mla", "new"), u.key, u.Now)
	if err == nil {
		err = u.check(m, u.Directory, u.Now)
	}
	late := *u.World
	late.Directory = u.before
	sealed, failed := message.Seal(late.Draft(u.t, "QN.mla", "QM.mla", "late"), u.key, u.Now)
	if failed == nil {
		failed = u.check(sealed, u.Directory, u.Now)
	}
	got := outcome{send: said(err), receive: said(failed), read: "authentic"}
	if err := u.check(u.old, u.Directory.AsOf(u.before.Size()), u.old.Core.Created.Time); err != nil {
		got.read = said(err)
	}
	return got
}

// lives tries keys whose life has taken a turn after they were good.
func (b *bench) lives() {
	subkey := func(u *turn, signs bool) string {
		c := u.Keys["QN.mla"].Certificate()
		find := c.EncryptionSubkey
		if signs {
			find = c.SigningSubkey
		}
		fingerprint, err := find(u.Now)
		b.must(err)
		return fingerprint
	}
	revoke := func(signs bool, reason pgp.Reason) func(*turn) {
		return func(u *turn) {
			key, was := u.Keys["QN.mla"], subkey(u, signs)
			rotate := key.RotateEncryption
			if signs {
				rotate = key.RotateSigning
			}
			b.must(errors.Join(rotate(u.Now), key.RevokeSubkey(was, reason, u.Now)))
			u.publish(func(*directory.AuthorityStatement) {})
		}
	}
	replaced := func(u *turn) {
		u.Keys["QN.mla"] = u.Key(u.t, pgp.Modern6, states.UserID("QN.mla"))
		u.publish(func(*directory.AuthorityStatement) {})
	}
	for _, tt := range []struct {
		name string
		turn func(*turn)
		want outcome
	}{
		{"key: as it ought to be", func(*turn) {}, outcome{"taken", "taken", "authentic"}},
		{"key: signing subkey superseded, revoked softly", revoke(true, pgp.Superseded), outcome{"bad-signature", "wrong-certificate", "authentic"}},
		{"key: signing subkey compromised, revoked hard", revoke(true, pgp.Compromised), outcome{"bad-signature", "wrong-certificate", "authentic"}},
		{"key: encryption subkey retired, revoked softly", revoke(false, pgp.Retired), outcome{"bad-framing", "wrong-certificate", "authentic"}},
		{"key: encryption subkey compromised, revoked hard", revoke(false, pgp.Compromised), outcome{"bad-framing", "wrong-certificate", "authentic"}},
		{"key: lost, and replaced by the party", replaced, outcome{"wrong-certificate", "wrong-certificate", "authentic"}},
		{"key: stolen, replaced and named as compromised", func(u *turn) {
			was := u.Keys["QN.mla"].Fingerprint()
			u.Keys["QN.mla"] = u.Key(u.t, pgp.Modern6, states.UserID("QN.mla"))
			u.publish(func(s *directory.AuthorityStatement) {
				s.Compromised = []directory.Compromised{{Fingerprint: was, Since: directory.At(u.Now.Add(-time.Hour))}}
			})
		}, outcome{"wrong-certificate", "wrong-certificate", "authentic"}},
		{"authority: its entry has ended", func(u *turn) { u.Now = u.Now.AddDate(2, 0, 0) }, outcome{"expired-authority", "expired-authority", "authentic"}},
		{"authority: suspended", func(u *turn) { u.SetStanding(u.t, "QN.mla", "QN", directory.Suspended) }, outcome{"suspended-authority", "suspended-authority", "authentic"}},
		{"authority: revoked", func(u *turn) { u.SetStanding(u.t, "QN.mla", "QN", directory.Revoked) }, outcome{"suspended-authority", "suspended-authority", "authentic"}},
		{"party: suspended by the depositary", func(u *turn) { u.SetStanding(u.t, "QN", directory.DepositarySubject, directory.Suspended) }, outcome{"suspended-authority", "suspended-authority", "authentic"}},
		{"party: its key replaced by the depositary", func(u *turn) {
			u.Parties["QN"] = u.Key(u.t, pgp.Modern6, "QN <party@qn.example>")
			u.Publish(u.t, u.Depositary, u.PartyStatement("QN"))
		}, outcome{"taken", "taken", "authentic"}},
	} {
		u := newTurn(b.t)
		tt.turn(u)
		b.row(tt.name, u.outcome(), tt.want)
	}
}

// files tries what may become of the key files of QM, while a message waits.
func (b *bench) files() {
	ctx, path := b.t.Context(), filepath.Join(b.dir, "QM", "keys", "QM.mla.modern-6.key")
	good, err := os.ReadFile(path)
	b.must(err)
	altered := bytes.Clone(good)
	altered[12] ^= 1 // of the public part
	for _, tt := range []struct {
		name   string
		secret string
		spoil  func() error
		want   outcome
	}{
		{"key file: wrong passphrase", "wrong", func() error { return nil }, outcome{"wrong passphrase", "wrong passphrase", "read"}},
		{"key file: public part altered (T18)", string(passphrase), func() error { return os.WriteFile(path, altered, 0o600) }, outcome{"not a usable secret key", "not a usable secret key", "read"}},
		{"key file: cut off", string(passphrase), func() error { return os.WriteFile(path, good[:200], 0o600) }, outcome{"not a usable secret key", "not a usable secret key", "read"}},
		{"key file: missing (T25)", string(passphrase), func() error { return os.Remove(path) }, outcome{"this home has no such key", "this home has no such key", "read"}},
		{"key file: others may read it", string(passphrase), func() error { return os.Chmod(path, 0o644) }, outcome{"others may read this", "others may read this", "read"}},
	} {
		b.must(tt.spoil())
		d, err := desk.Open(ctx, filepath.Join(b.dir, "QM"), desk.Options{
			Passphrase: func() ([]byte, error) { return []byte(tt.secret), nil }, Now: b.now, Log: slog.New(slog.DiscardHandler),
		})
		b.must(err)
		got := outcome{read: "read"}
		id, _, err := d.Send(ctx, b.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
		b.must(err)
		_, err = d.Await(ctx, id)
		got.send = said(err)
		b.send(b.qn, b.order(workflow.Request, "QN.mla", "QM.mla", desk.Message{}))
		got.receive = said(d.Sync(ctx))
		if all, err := d.Messages(ctx); err != nil || len(all) == 0 || all[0].Verdict != "authentic" || all[0].Summary == "" {
			got.read = "not read"
		}
		b.must(d.Close())
		b.must(os.WriteFile(path, good, 0o600))
		b.must(os.Chmod(path, 0o600))
		b.row(tt.name, got, tt.want)
		// Nothing was lost: with the key as it was, all that waited is sent and read.
		if _, err := b.qm.Await(ctx, id); err != nil {
			b.t.Errorf("%s: what waited is not sent: %v", tt.name, err)
		}
	}
	b.must(b.qm.Sync(ctx))
	all, err := b.qm.Messages(ctx)
	b.must(err)
	for _, m := range all {
		if m.Verdict != "authentic" {
			b.t.Errorf("%+v", m)
		}
	}
}

// stale has the line cut for longer than a directory is good for.
func (b *bench) stale() {
	b.must(b.qm.Sync(b.t.Context()))
	b.meddle(cutOff)
	b.pass(25 * time.Hour)
	id, _, err := b.qm.Send(b.t.Context(), b.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	b.must(err)
	_, err = b.qm.Await(b.t.Context(), id)
	got := outcome{send: "waits", receive: "waits", read: b.readOld()}
	if err == nil {
		got.send = "sent"
	}
	if err := b.qm.Sync(b.t.Context()); err == nil {
		got.receive = "received"
	}
	b.row("directory: older than a day, broker silent", got, outcome{"waits", "waits", "authentic"})
	b.meddle(nil)
	if _, err := b.qm.Await(b.t.Context(), id); err != nil {
		b.t.Errorf("it is not sent when the line is back: %v", err)
	}
}
