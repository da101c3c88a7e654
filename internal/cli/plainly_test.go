package cli

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlainly shows names and texts of others so that they cannot steer a terminal
// (T5), and everything else as it is.
func TestPlainly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a line\n\tand another":  "a line\n\tand another",
		"red \x1b[31m":           `red \u001b[31m`,
		"a bell \a, a return \r": `a bell \u0007, a return \u000d`,
		"C1 \u009b31m":           `C1 \u009b31m`,
		"invoice\u202egnp.exe":   `invoice\u202egnp.exe`,
		"\u2067turned\u2069":     `\u2067turned` + "\u2069",
		"جمهورية ميريديا 梅里迪亚共和国": "جمهورية ميريديا 梅里迪亚共和国",
		"\u2068QM.24-7\u2069":       "\u2068QM.24-7\u2069",
		"not UTF-8 \xff\xfe at all": "not UTF-8 \xff\xfe at all",
	} {
		var b strings.Builder
		if n, err := fmt.Fprint(plainly{&b}, text); err != nil || n != len(text) {
			t.Errorf("%q: wrote %d, %v", text, n, err)
		}
		if b.String() != want {
			t.Errorf("%q is shown as %q, want %q", text, b.String(), want)
		}
	}
}
