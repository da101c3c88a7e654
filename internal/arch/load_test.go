package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module is the path of the module with a slash, so that what follows it is
// the path of a package in the tree.
const module = "github.com/entraide/entraide/"

// inModule returns the path in the tree of an import that is ours; that of the
// top is ".".
func inModule(imp string) (path string, ours bool) {
	if imp+"/" == module {
		return ".", true
	}
	return strings.CutPrefix(imp, module)
}

// A pkg is what go list says of a package of the module.
type pkg struct {
	ImportPath     string
	Dir            string
	Name           string
	Doc            string
	GoFiles        []string
	CgoFiles       []string
	IgnoredGoFiles []string // of other systems
	TestGoFiles    []string
	XTestGoFiles   []string
	Imports        []string
	TestImports    []string
	XTestImports   []string
	Deps           []string // imports, and theirs, and so on
}

// path is the path of the package in the tree.
func (p pkg) path() string {
	path, _ := inModule(p.ImportPath)
	return path
}

// testImports are the imports of the tests alone.
func (p pkg) testImports() []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.TestImports, p.XTestImports))))
}

// A source is a parsed Go file.
type source struct {
	pkg  string // path of its package in the tree
	name string // path in the tree
	test bool
	file *ast.File
	fset *token.FileSet
}

// at is the position of n, for a message.
func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.fset.Position(n.Pos()).Line)
}

// lines is how many lines n takes.
func (s source) lines(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// imports reports whether the file imports path.
func (s source) imports(path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool { return strings.Trim(i.Path.Value, `"`) == path })
}

// A tree is the module as the rules see it.
type tree struct {
	packages []pkg
	sources  []source
}

// loadOnce lists and parses the module for all tests together.
var loadOnce = sync.OnceValues(load)

func loaded(t *testing.T) tree {
	t.Helper()
	tr, err := loadOnce()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// load lists the packages of the module and parses their files.
func load() (tree, error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Name,Doc,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return tree{}, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var tr tree
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return tree{}, err
		}
		tr.packages = append(tr.packages, p)
	}
	for _, p := range tr.packages {
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return tree{}, err
			}
			s, err := parse(p.path(), name, src)
			if err != nil {
				return tree{}, err
			}
			tr.sources = append(tr.sources, s)
		}
	}
	return tr, nil
}

// parse parses the file name of the package at path.
func parse(path, name string, src []byte) (source, error) {
	fset := token.NewFileSet()
	name = path + "/" + name
	f, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	return source{pkg: path, name: name, test: strings.HasSuffix(name, "_test.go"), file: f, fset: fset}, err
}

// root is the root of the repository, seen from this package.
var root = filepath.Join("..", "..")
