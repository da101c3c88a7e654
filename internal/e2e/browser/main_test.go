package browser_test

import (
	"os"
	"testing"

	"github.com/entraide/entraide/internal/lockcost"
)

// TestMain has keys locked cheaply: nobody's passphrase is looked for here.
func TestMain(m *testing.M) {
	lockcost.Cheap()
	os.Exit(m.Run())
}
