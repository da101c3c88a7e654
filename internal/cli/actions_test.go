package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestActions checks that every command of the page on actions exists, and that
// every command for officers is on it.
func TestActions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/actions.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	root := (&app{}).root()
	for _, found := range regexp.MustCompile("\\| `entraide ([a-z -]+)` \\|\n").FindAllStringSubmatch(string(text), -1) {
		listed[found[1]] = true
		c, rest, err := root.Find(strings.Fields(found[1]))
		if err != nil || len(rest) > 0 || c.CommandPath() != "entraide "+found[1] {
			t.Errorf("there is no command %q", found[1])
		}
	}
	for _, noun := range []string{"draft", "template", "rota", "page", "office"} {
		c, _, err := root.Find([]string{noun})
		if err != nil {
			t.Fatal(err)
		}
		for _, verb := range c.Commands() {
			if verb.Name() != "help" && !listed[noun+" "+verb.Name()] {
				t.Errorf("the page on actions does not name %s %s", noun, verb.Name())
			}
		}
	}
	if len(listed) < 40 {
		t.Errorf("only %d commands are listed", len(listed))
	}
}
