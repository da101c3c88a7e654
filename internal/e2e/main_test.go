package e2e_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/lockcost"
)

// oneByOne are the tests that the race detector, which is several times slower, does
// not see (go test -short): they are long, and do one thing after another.
var oneByOne = []string{
	"TestAlone", "TestBadKeys", "TestBundle", "TestDraftWalk", "TestErasure", "TestEvidenceDamaged", "TestExercise", "TestKeyLife", "TestLogRotation",
	"TestPublishedAndReported", "TestRoomHoldsNoKey", "TestTamperMatrix", "TestTamperedFiles",
}

// TestMain leaves them out. Nobody's passphrase is looked for here.
func TestMain(m *testing.M) {
	flag.Parse()
	if skip := flag.Lookup("test.skip").Value; testing.Short() && skip.String() == "" {
		if err := skip.Set("^(" + strings.Join(oneByOne, "|") + ")$"); err != nil {
			panic(err)
		}
	}
	lockcost.Cheap()
	os.Exit(m.Run())
}
