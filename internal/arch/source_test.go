package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Budgets of style.
const (
	maxFunctionLines = 70
	maxFileLines     = 600
	aimFileLines     = 400
	maxDepth         = 3 // elements of the path of a package
)

// A rule returns what is wrong with a file, one sentence for each place.
type rule func(source) []string

// rules are held against every Go file of the module.
var rules = map[string]rule{
	"documented":   undocumented,
	"budgets":      overBudget,
	"clock":        clock,
	"panic":        panics,
	"http.Error":   httpErrors,
	"skip":         silentSkips,
	"sleep":        sleeps,
	"convention":   articleNumbers,
	"process exit": exits,
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, s := range loaded(t).sources {
		for name, rule := range rules {
			for _, wrong := range rule(s) {
				t.Errorf("%s: %s", name, wrong)
			}
		}
	}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	for _, p := range loaded(t).packages {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.path())
		}
		if depth := strings.Count(p.path(), "/") + 1; depth > maxDepth {
			t.Errorf("%s is %d deep; %d is the most", p.path(), depth, maxDepth)
		}
		last := p.path()[strings.LastIndex(p.path(), "/")+1:]
		if slices.Contains([]string{"util", "utils", "common", "helpers", "models", "types", "manager", "service", "misc", "base"}, last) {
			t.Errorf("%s: the name of a package says what it gives", p.path())
		}
	}
}

// undocumented finds exported names without a comment. A group may have one
// comment for all. Methods whose meaning the language fixes need none.
func undocumented(s source) []string {
	if s.test || s.file.Name.Name == "main" {
		return nil
	}
	var wrong []string
	missing := func(n ast.Node, name string) {
		wrong = append(wrong, fmt.Sprintf("%s: %s has no comment", s.at(n), name))
	}
	for _, decl := range s.file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && !isConventional(d) && receiverExported(d) {
				missing(d, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if name := undocumentedSpec(d, spec); name != "" {
					missing(spec, name)
				}
			}
		}
	}
	return wrong
}

// undocumentedSpec returns the exported name that spec of d declares without
// a comment, or "".
func undocumentedSpec(d *ast.GenDecl, spec ast.Spec) string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
			return s.Name.Name
		}
	case *ast.ValueSpec:
		if s.Doc != nil || s.Comment != nil || d.Doc != nil {
			return ""
		}
		for _, name := range s.Names {
			if name.IsExported() {
				return name.Name
			}
		}
	}
	return ""
}

// isConventional reports whether d is a method that everybody knows.
func isConventional(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "Unwrap", "String", "Len", "Less", "Swap", "ServeHTTP"}, d.Name.Name)
}

// receiverExported reports whether d is a function or a method of an exported
// type.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

// overBudget finds functions and files that are too long. A test may be as
// long as its table.
func overBudget(s source) []string {
	var wrong []string
	if n := s.lines(s.file); n > maxFileLines {
		wrong = append(wrong, fmt.Sprintf("%s has %d lines; %d is the most", s.name, n, maxFileLines))
	}
	if s.test {
		return wrong
	}
	for _, decl := range s.file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.lines(f); n > maxFunctionLines {
			wrong = append(wrong, fmt.Sprintf("%s: %s has %d lines; %d is the most", s.at(f), f.Name.Name, n, maxFunctionLines))
		}
	}
	return wrong
}

// readsClock are the packages outside tests that may ask what time it is:
// those that put the others together and hand them a clock, and those for whom
// it bounds a connection or measures a duration and decides nothing else.
var readsClock = []string{
	"cmd", "internal/cli", "internal/demo", "internal/check", "internal/testkit", "internal/store/storetest",
	"internal/broker/api", "internal/desk/web", "internal/auditor/web",
}

// clock finds uses of the machine's clock in code that should be handed a time
// or a clock.
func clock(s source) []string {
	if s.test || slices.ContainsFunc(readsClock, func(dir string) bool { return within(s.pkg, dir) }) {
		return nil
	}
	return uses(s, "time", []string{"Now", "Since", "Until"}, "take a time or a clock")
}

func panics(s source) []string {
	if s.test {
		return nil
	}
	var wrong []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
				wrong = append(wrong, s.at(n)+": panic; return an error")
			}
		}
		return true
	})
	return wrong
}

// exits finds functions that end the process, outside the main packages.
func exits(s source) []string {
	if s.test || s.file.Name.Name == "main" {
		return nil
	}
	return uses(s, "os", []string{"Exit"}, "return an error")
}

func httpErrors(s source) []string {
	if s.test {
		return nil
	}
	return uses(s, "net/http", []string{"Error", "NotFound", "NotFoundHandler"}, "answer with a problem document")
}

// sleeps finds waiting by guess. Inside testing/synctest, sleeping is exact.
func sleeps(s source) []string {
	if s.imports("testing/synctest") {
		return nil
	}
	return uses(s, "time", []string{"Sleep"}, "wait for what happens")
}

// silentSkips finds tests that are skipped without saying what is missing.
func silentSkips(s source) []string {
	var wrong []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if ok && (sel.Sel.Name == "SkipNow" || sel.Sel.Name == "Skip" && len(call.Args) == 0 && s.test) {
			wrong = append(wrong, s.at(n)+": a skipped test names what is missing")
		}
		return true
	})
	return wrong
}

// article matches a cited article of a law: the law is data.
var article = regexp.MustCompile(`(?i)\bart(icles?|s?\.)? ?\d+|\b[1-6]?[0-9]\(\d+\)`)

// articleNumbers finds strings that cite an article.
func articleNumbers(s source) []string {
	if s.test {
		return nil
	}
	var wrong []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		if text, err := strconv.Unquote(lit.Value); err == nil && article.MatchString(text) {
			wrong = append(wrong, fmt.Sprintf("%s: %q cites the Convention; keep it in schemas", s.at(n), article.FindString(text)))
		}
		return true
	})
	return wrong
}

// uses finds mentions of the named members of an imported package.
func uses(s source, path string, members []string, instead string) []string {
	name := path[strings.LastIndex(path, "/")+1:]
	for _, imp := range s.file.Imports {
		if strings.Trim(imp.Path.Value, `"`) == path && imp.Name != nil {
			name = imp.Name.Name
		}
	}
	if !s.imports(path) {
		return nil
	}
	var wrong []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains(members, sel.Sel.Name) {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == name {
				wrong = append(wrong, fmt.Sprintf("%s: %s.%s; %s", s.at(n), name, sel.Sel.Name, instead))
			}
		}
		return true
	})
	return wrong
}
