package main

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// concurrentImports are the packages whose users share memory between
// goroutines, though they may start none themselves.
var concurrentImports = []string{
	"golang.org/x/sync/errgroup",
	"golang.org/x/sync/singleflight",
	"net/http",
	"net/http/httptest",
	"sync",
	"sync/atomic",
}

// elsewhere are the packages whose own tests show the race detector nothing: they
// run programs and browsers, read source, or compute one thing after another. The
// tests of others, of e2e above all, show it the same code in use.
var elsewhere = []string{
	"cmd/entraide", "internal/arch", "internal/check", "internal/demo", "internal/e2e/browser",
	"pkg/convention", "pkg/message", "pkg/pgp", "pkg/workflow",
}

// concurrentPackages returns the import paths of the packages of the module
// that start goroutines or import one of [concurrentImports], tests included.
func (c *checker) concurrentPackages(ctx context.Context) ([]string, error) {
	list, err := c.output(ctx, "go", "list", "-f", "{{.ImportPath}}\t{{.Dir}}", "./...")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(list) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if slices.ContainsFunc(elsewhere, func(other string) bool { return strings.HasSuffix(path, "/"+other) }) {
			continue
		}
		concurrent, err := isConcurrent(dir)
		if err != nil {
			return nil, err
		}
		if concurrent {
			found = append(found, path)
		}
	}
	return found, nil
}

// isConcurrent reports whether a Go file of dir starts a goroutine or imports
// one of [concurrentImports].
func isConcurrent(dir string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return false, err
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return false, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return false, err
		}
		if fileIsConcurrent(f) {
			return true, nil
		}
	}
	return false, nil
}

func fileIsConcurrent(f *ast.File) bool {
	for _, imp := range f.Imports {
		if slices.Contains(concurrentImports, strings.Trim(imp.Path.Value, `"`)) {
			return true
		}
	}
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if _, ok := n.(*ast.GoStmt); ok {
			found = true
		}
		return !found
	})
	return found
}
