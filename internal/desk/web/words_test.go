package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/problem"
)

// TestProblemsHaveWords finds a sentence for every problem code in every language:
// pages show no other.
func TestProblemsHaveWords(t *testing.T) {
	t.Parallel()
	for _, lang := range locale.Languages() {
		l, err := locale.For(lang.Tag)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range problem.Codes() {
			if !l.Has("problem." + string(code)) {
				t.Errorf("%s: there are no words for %s", lang.Tag, code)
			}
		}
	}
}

// TestEntriesHaveWords finds a sentence for everything that the desk's packages
// write to its own log.
func TestEntriesHaveWords(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			recorded(t, path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 60 {
		t.Fatalf("only %d kinds of entries were found", len(found))
	}
	l, err := locale.For("en")
	if err != nil {
		t.Fatal(err)
	}
	for what, where := range found {
		if did(&Call{L: l}, what) == "" {
			t.Errorf("%s: there is no sentence auditlog.did_… for entries %q", where, what)
		}
	}
}

// recorded notes what a file writes to the log: the argument of Record, record or
// act, the member what of a change, and what variables and constants of that kind
// are given.
func recorded(t *testing.T, path string, found map[string]string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	note := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && text != "" {
				found[text] = path
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if place, known := map[string]int{"Record": 3, "record": 2, "act": 2}[selected(f, ok)]; known && len(n.Args) > place {
				note(n.Args[place])
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "what" {
				note(n.Value)
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if strings.HasPrefix(name.Name, "record") && i < len(n.Values) {
					note(n.Values[i])
				}
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if name, ok := to.(*ast.Ident); ok && name.Name == "what" && n.Tok != token.ADD_ASSIGN && i < len(n.Rhs) {
					note(n.Rhs[i])
				}
			}
		}
		return true
	})
}

// selected is the name that a call selects.
func selected(f *ast.SelectorExpr, ok bool) string {
	if !ok {
		return ""
	}
	return f.Sel.Name
}
