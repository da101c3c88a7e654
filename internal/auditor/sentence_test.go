package auditor_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/locale"
)

// TestSentences holds every sentence that a finding is given against the catalogue
// of every language, by its name and by the facts that fill its places. Those of a
// technical account stand behind the sentence.
func TestSentences(t *testing.T) {
	t.Parallel()
	used := sentences(t)
	for _, l := range locale.Languages() {
		data, err := os.ReadFile(fmt.Sprintf("../locale/catalogue/finding.%s.json", l.Tag))
		if err != nil {
			t.Fatal(err)
		}
		var has map[string]string
		if err := json.Unmarshal(data, &has); err != nil {
			t.Fatal(err)
		}
		for key, text := range has {
			var places []string
			for _, m := range regexp.MustCompile(`\{\{\.(\w+)\}\}`).FindAllStringSubmatch(text, -1) {
				places = append(places, m[1])
			}
			slices.Sort(places)
			if facts, ok := used[strings.TrimPrefix(key, "finding.")]; !ok || !slices.Equal(facts, places) {
				t.Errorf("%s: %s has the places %v; findings are given %v", l.Tag, key, places, facts)
			}
		}
		if missing := slices.DeleteFunc(slices.Sorted(maps.Keys(used)), func(name string) bool { return has["finding."+name] != "" }); len(missing) > 0 {
			t.Errorf("%s lacks %v", l.Tag, missing)
		}
	}
}

// sentences returns the sentences that the source gives to findings: the names of
// their facts, sorted, by name.
func sentences(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "said" {
				return true
			}
			var facts []string
			for i := 2; i < len(call.Args); i += 2 {
				if lit, ok := call.Args[i].(*ast.BasicLit); ok {
					facts = append(facts, unquoted(t, lit))
				}
			}
			slices.Sort(facts)
			lit, ok := call.Args[1].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: a sentence without a literal name", name)
				return true
			}
			used[unquoted(t, lit)] = facts
			return true
		})
	}
	return used
}

func unquoted(t *testing.T, lit *ast.BasicLit) string {
	t.Helper()
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
