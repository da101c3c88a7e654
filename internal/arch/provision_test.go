package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// provision is how a place in a treaty is written: 40(21)(a), article 42.
var provision = regexp.MustCompile(`\b[1-6]?[0-9]\([0-9]{1,2}\)(\([a-z]\))?|\b[Aa]rt(icle|\.)s? [0-9]+`)

// TestNoProvisions checks that the law is data: no text of our programs names a
// place in a treaty.
func TestNoProvisions(t *testing.T) {
	t.Parallel()
	looked := 0
	for _, file := range loaded(t).sources {
		if strings.HasSuffix(file.name, "_test.go") {
			continue
		}
		looked++
		ast.Inspect(file.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && provision.MatchString(lit.Value) {
				t.Errorf("%s: %s names a provision; put it into a code list", file.name, lit.Value)
			}
			return true
		})
	}
	if looked < 50 {
		t.Errorf("only %d files were looked at", looked)
	}
}
