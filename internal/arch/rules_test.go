package arch

import (
	"strings"
	"testing"
)

// TestRulesBite holds each rule against a file that breaks it and one that
// does not: a rule that never finds anything is no rule.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\n", maxFunctionLines)
	for _, tt := range []struct {
		name string
		rule string
		pkg  string
		file string // a.go if empty
		src  string
		want int // places found
	}{
		{name: "function without comment", rule: "documented", src: "func F() {}", want: 1},
		{name: "function with comment", rule: "documented", src: "// F does.\nfunc F() {}"},
		{name: "method of an unexported type", rule: "documented", src: "func (t *a) F() {}"},
		{name: "method of an exported type", rule: "documented", src: "func (t *A[T]) F() {}", want: 1},
		{name: "conventional method", rule: "documented", src: "func (t A) Error() string { return \"\" }"},
		{name: "type without comment", rule: "documented", src: "type A int", want: 1},
		{name: "group with one comment", rule: "documented", src: "// All of them.\nconst (\n\tA = 1\n\tB = 2\n)"},
		{name: "group without comment", rule: "documented", src: "const (\n\tA = 1\n\tB = 2 // two\n)", want: 1},
		{name: "function at the limit", rule: "budgets", src: "func f() {" + long[1:] + "}"},
		{name: "function one line over", rule: "budgets", src: "func f() {" + long + "}", want: 1},
		{name: "long test", rule: "budgets", file: "a_test.go", src: "func f() {" + long + "}"},
		{name: "file over", rule: "budgets", file: "a_test.go", src: strings.Repeat("\n", maxFileLines) + "var x int", want: 1},
		{name: "clock called", rule: "clock", pkg: "pkg/a", src: "import \"time\"\n\nvar x = time.Now()", want: 1},
		{name: "clock mentioned", rule: "clock", pkg: "internal/broker", src: "import clock \"time\"\n\nvar x = clock.Now", want: 1},
		{name: "clock wired", rule: "clock", pkg: "internal/cli", src: "import \"time\"\n\nvar x = time.Now"},
		{name: "clock in a test", rule: "clock", pkg: "pkg/a", file: "a_test.go", src: "import \"time\"\n\nvar x = time.Now"},
		{name: "panic", rule: "panic", src: "func f() { panic(1) }", want: 1},
		{name: "http.Error", rule: "http.Error", src: "import \"net/http\"\n\nfunc f(w http.ResponseWriter) { http.Error(w, \"\", 500) }", want: 1},
		{name: "skip without a word", rule: "skip", file: "a_test.go", src: "func f(t T) { t.Skip(); t.SkipNow() }", want: 2},
		{name: "skip with one", rule: "skip", file: "a_test.go", src: "func f(t T) { t.Skip(\"gpg is missing\") }"},
		{name: "sleep", rule: "sleep", file: "a_test.go", src: "import \"time\"\n\nfunc f() { time.Sleep(1) }", want: 1},
		{name: "exact sleep", rule: "sleep", file: "a_test.go", src: "import (\n\t\"testing/synctest\"\n\t\"time\"\n)\n\nfunc f() { time.Sleep(1) }"},
		{name: "article in words", rule: "convention", src: "var x = \"under Article 42\"", want: 1},
		{name: "article in short", rule: "convention", src: "var x = `art. 40(20)`", want: 1},
		{name: "paragraph", rule: "convention", src: "var x = \"see 42(5)\"", want: 1},
		{name: "article in a comment", rule: "convention", src: "// as in art. 40(20)\nvar x = \"part 3 of 40\""},
		{name: "exit", rule: "process exit", src: "import \"os\"\n\nfunc f() { os.Exit(1) }", want: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := tt.file
			if file == "" {
				file = "a.go"
			}
			s, err := parse(tt.pkg, file, []byte("package a\n\n"+tt.src+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := rules[tt.rule](s); len(got) != tt.want {
				t.Errorf("found %q, want %d places", got, tt.want)
			}
		})
	}
}

func TestImportRulesBite(t *testing.T) {
	t.Parallel()
	if testMayNotImport("pkg/a", "internal/desk") == "" {
		t.Error("the tests of pkg may import internal")
	}
	if testMayNotImport("pkg/a", "internal/testkit/pgserver") != "" {
		t.Error("the tests of pkg may not import testkit")
	}
	if testMayNotImport("internal/broker/api", "internal/desk") == "" || testMayNotImport("internal/desk", "internal/broker") == "" {
		t.Error("the tests of the broker may import the desk, or the other way round")
	}
	if reasonAgainst(forbidden, "golang.org/x/crypto/openpgp/armor") == "" {
		t.Error("the frozen OpenPGP package may be imported")
	}
	if d, ok := dependencyOf("github.com/lib/pq/oid"); !ok || d.path != "github.com/lib/pq" {
		t.Errorf("dependencyOf = %v, %v", d, ok)
	}
	if _, ok := dependencyOf("github.com/lib/pqx"); ok {
		t.Error("a dependency without a line is taken for another")
	}
}
