package directory_test

import (
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// TestDepositaryRevoked: an older copy of the depositary's certificate does
// not come back after its revocation was published.
func TestDepositaryRevoked(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	locked, err := w.Depositary.Lock([]byte("passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	w.Now = w.Now.Add(time.Hour)
	before := w.Depositary.Certificate().Bytes()
	stolen := w.Depositary
	if w.Depositary, err = pgp.Unlock(locked, []byte("passphrase")); err != nil {
		t.Fatal(err)
	}
	signed, err := directory.Sign(w.Depositary, revoked(t, w), w.Now)
	if err != nil {
		t.Fatal(err)
	}
	w.Directory, err = w.Directory.Apply(signed, w.Directory.Size())
	wantProblem(t, err, "", "")
	w.Now = w.Now.Add(2 * time.Hour)
	s := w.DepositaryStatement()
	s.Certificate = before
	wantProblem(t, apply(w, stolen, s), problem.StatementSigner, "certificate")
}

// revoked returns the depositary's statement with a revocation that is dated
// an hour from now, so that the key can still sign it.
func revoked(t *testing.T, w *states.World) directory.DepositaryStatement {
	t.Helper()
	if err := w.Depositary.Revoke(pgp.Retired, w.Now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return w.DepositaryStatement()
}
