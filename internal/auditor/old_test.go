package auditor_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/translog"
)

// TestOldCheckpoint shows a mirror a checkpoint that a witness has vouched for a
// while ago, or none has (row 16 of the threats): the report says that it is old
// after an hour. A log without witnesses is never said to be.
func TestOldCheckpoint(t *testing.T) {
	t.Parallel()
	l := newLog(t).grow(10, "leaf")
	published := t.TempDir()
	l.publish(published)
	now := time.Now()
	secret, vkey, err := translog.GenerateWitnessKey("witness.example")
	l.must(err)
	cosigner, err := translog.ParseCosigner(secret, func() time.Time { return now })
	l.must(err)
	key, err := translog.ParseVerifier(l.vkey)
	l.must(err)
	signed, err := os.ReadFile(filepath.Join(published, "checkpoint"))
	l.must(err)
	cp, err := translog.OpenCheckpoint(signed, origin, key)
	l.must(err)
	line, err := cosigner.Cosign(cp)
	l.must(err)
	for _, tt := range []struct {
		name, policy string
		note         []byte
		later        time.Duration
		old          bool
	}{
		{"fresh", "witness w " + vkey + "\nquorum w\n", append(signed, line...), time.Minute, false},
		{"yesterday's", "witness w " + vkey + "\nquorum w\n", append(signed, line...), 24 * time.Hour, true},
		{"vouched for by nobody", "witness w " + vkey + "\nquorum w\n", signed, time.Minute, true},
		{"no quorum asked for", "witness w " + vkey + "\nquorum none\n", signed, 24 * time.Hour, false},
		{"no witnesses", "", signed, 24 * time.Hour, false},
	} {
		l.must(os.WriteFile(filepath.Join(published, "checkpoint"), tt.note, 0o600))
		b := l.broker()
		b.Policy = tt.policy
		home := filepath.Join(t.TempDir(), "mirror")
		l.must(auditor.Create(home, b))
		m := l.open(home, auditor.Directory(published))
		if r, err := auditor.Look(t.Context(), m, nil, now.Add(tt.later)); err != nil || r.Old != tt.old {
			t.Errorf("%s: %+v, %v", tt.name, r, err)
		}
	}
}
