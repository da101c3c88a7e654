package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threats are the attacks on the log that the project defends against, by their
// number in the threat table, and the tests that hold each defence, by package.
var threats = []struct {
	row    int
	attack string
	held   []string
}{
	{1, "the operator deletes an old entry", []string{"internal/e2e.TestTamperMatrix", "internal/auditor.TestFindings", "internal/broker/home.TestForeignVerifier"}},
	{2, "the database's administrator edits what an entry says", []string{"internal/e2e.TestTamperMatrix"}},
	{3, "the administrator edits a leaf or a hash", []string{"internal/e2e.TestTamperMatrix", "internal/broker/home.TestForeignVerifier"}},
	{4, "the administrator rewrites everything consistently", []string{"internal/broker/home.TestForkedDatabase", "internal/e2e.TestRewoundUnderWitness", "internal/e2e.TestForeignWitnesses"}},
	{5, "entries are put in another order", []string{"internal/e2e.TestTamperMatrix", "internal/auditor.TestFindings"}},
	{6, "two parties are shown different logs", []string{"internal/e2e.TestSplitView", "internal/e2e.TestTwoFaces", "internal/e2e.TestForeignWitnesses", "pkg/translog.TestFork"}},
	{7, "an entry is dated back or ahead", []string{"internal/e2e.TestDatedOtherwise"}},
	{8, "an accepted message is sent again", []string{"internal/broker/api.TestRepeat", "internal/e2e.TestManyAtOnce"}},
	{9, "a message is dropped before it is accepted", []string{"internal/e2e.TestDropped"}},
	{10, "an accepted message is withheld", []string{"internal/e2e.TestWithheld", "internal/broker/api.TestMailbox"}},
	{11, "the broker's clock is moved", []string{"internal/e2e.TestClockOfWitnesses"}},
	{12, "the log's key is stolen", []string{"internal/e2e.TestStolenLogKey", "internal/e2e.TestLogRotation", "pkg/translog.TestTermsOfKeys", "internal/broker/home.TestInterruptedRotation"}},
	{13, "a witness colludes, or its key is stolen", []string{"internal/e2e.TestClockOfWitnesses", "pkg/translog.TestPolicy"}},
	{14, "an old backup is restored", []string{"internal/broker/home.TestRestoredDatabase", "internal/e2e.TestBackup", "internal/e2e.TestRewoundUnderWitness"}},
	{15, "a failover loses the end of the log", []string{"internal/store/postgres.TestStandby", "internal/broker/home.TestRestoredDatabase"}},
	{16, "an old state of the log is shown", []string{"internal/e2e.TestYesterdaysCheckpoint", "internal/auditor.TestOldCheckpoint"}},
	{17, "several brokers fork the log", []string{"internal/store/postgres.TestSharedWriters", "internal/store/postgres.TestSharedDatabase", "internal/witness.TestRace"}},
	{18, "a crash between commit and signature", []string{"internal/store/postgres.TestServerKilled", "internal/store/postgres.TestLostCommit", "internal/store/sqlite.TestKilled", "internal/guard.TestKill"}},
	{19, "the database may lose what it acknowledged", []string{"internal/broker/home.TestUnsafeDatabase", "internal/store/postgres.TestUnsafe"}},
	{20, "evidence is hidden under the name of erasure", []string{"internal/e2e.TestErasure", "internal/e2e.TestAuditorChecks"}},
	{21, "the signer guard is deleted or rolled back", []string{"internal/broker/home.TestMissingGuard", "internal/broker/home.TestEmptiedDatabase", "internal/e2e.TestRewoundUnderWitness"}},
	{22, "leaves are guessed, to learn who talks to whom", []string{"pkg/translog.TestLeafTellsNothing"}},
	{23, "a checker of others says yes to a damaged log", []string{"internal/broker/home.TestForeignVerifier"}},
}

// TestThreats holds that every row of the threat table has a test: those that are
// named exist. With -v it prints the table.
func TestThreats(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	for i, threat := range threats {
		if threat.row != i+1 {
			t.Errorf("row %d stands in the place of %d", threat.row, i+1)
		}
		for _, name := range threat.held {
			dot := strings.LastIndex(name, ".")
			if dot < 0 || !hasTest(t, name[:dot], name[dot+1:]) {
				t.Errorf("row %d, %s: there is no %s", threat.row, threat.attack, name)
			}
		}
		fmt.Fprintf(&table, "\n%2d  %-56s %s", threat.row, threat.attack, strings.Join(threat.held, " "))
		if len(threat.held) == 0 {
			t.Errorf("row %d, %s: no test holds it", threat.row, threat.attack)
		}
	}
	if len(threats) != 23 {
		t.Errorf("%d rows, want 23", len(threats))
	}
	t.Log(table.String())
}

// hasTest looks for a test function in the files of a package.
func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	is := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(name) + `\(t \*testing\.T\)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if is.Match(text) {
			return true
		}
	}
	return false
}
