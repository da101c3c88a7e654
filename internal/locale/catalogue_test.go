package locale_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/strictjson"
)

// categories are the plural categories of CLDR for whole numbers, as go-i18n
// has them; there, Vietnamese has a form of its own for 0 and 1.
var categories = map[string][]string{
	"ar":      {"few", "many", "one", "other", "two", "zero"},
	"en":      {"one", "other"},
	"es":      {"many", "one", "other"},
	"fr":      {"many", "one", "other"},
	"ru":      {"few", "many", "one", "other"},
	"vi":      {"one", "other"},
	"zh-Hans": {"other"},
}

// A sentence is a message by plural category; one without is "" alone.
type sentence map[string]string

// read reads all catalogues: by language, by key.
func read(t *testing.T) map[string]map[string]sentence {
	t.Helper()
	files, err := filepath.Glob("catalogue/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalogues: %v", err)
	}
	all := map[string]map[string]sentence{}
	for _, file := range files {
		area, tag, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), ".")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var raw map[string]json.RawMessage
		if err := strictjson.Unmarshal(data, 1<<20, &raw); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if all[tag] == nil {
			all[tag] = map[string]sentence{}
		}
		for key, value := range raw {
			if !strings.HasPrefix(key, area+".") {
				t.Errorf("%s: the key %q does not begin with the area", file, key)
			}
			all[tag][key] = sentenceOf(t, file, key, value)
		}
	}
	return all
}

func sentenceOf(t *testing.T, file, key string, value json.RawMessage) sentence {
	t.Helper()
	var plain string
	if json.Unmarshal(value, &plain) == nil {
		return sentence{"": plain}
	}
	var forms sentence
	if err := json.Unmarshal(value, &forms); err != nil {
		t.Fatalf("%s: %s: %v", file, key, err)
	}
	return forms
}

// places returns the named places of all forms of a sentence. The number may
// be left out of a form that says it in words.
func places(s sentence) []string {
	found := map[string]bool{}
	for _, text := range s {
		for _, m := range regexp.MustCompile(`\{\{(.*?)\}\}`).FindAllStringSubmatch(text, -1) {
			found[m[1]] = true
		}
	}
	if _, plain := s[""]; !plain {
		found[".Count"] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func TestCataloguesAgree(t *testing.T) {
	t.Parallel()
	all := read(t)
	for tag := range all {
		if categories[tag] == nil {
			t.Errorf("there are catalogues of %q, which is not spoken", tag)
		}
	}
	for _, l := range locale.Languages() {
		for key := range all[l.Tag] {
			if _, ok := all["en"][key]; !ok {
				t.Errorf("%s: %s is not in English", l.Tag, key)
			}
		}
		for key, english := range all["en"] {
			s, ok := all[l.Tag][key]
			if !ok {
				t.Errorf("%s: %s is missing", l.Tag, key)
				continue
			}
			if _, plain := english[""]; !plain {
				if got := slices.Sorted(maps.Keys(s)); !slices.Equal(got, categories[l.Tag]) {
					t.Errorf("%s: %s has the forms %v, not %v", l.Tag, key, got, categories[l.Tag])
				}
			}
			if got, want := places(s), places(english); !slices.Equal(got, want) {
				t.Errorf("%s: %s has the places %v, not %v", l.Tag, key, got, want)
			}
		}
	}
}

// TestSentences looks at every sentence: nothing but words and named places,
// nothing that only looks translated.
func TestSentences(t *testing.T) {
	t.Parallel()
	place := regexp.MustCompile(`\{\{\.[A-Z][A-Za-z]*\}\}`)
	for tag, keys := range read(t) {
		for key, forms := range keys {
			for form, text := range forms {
				bare := place.ReplaceAllString(text, "")
				switch {
				case strings.TrimSpace(text) == "" || text != strings.TrimSpace(text):
					t.Errorf("%s: %s %s is empty, or begins or ends with a space", tag, key, form)
				case strings.ContainsAny(bare, "<>{}") || strings.Contains(bare, "&#"):
					t.Errorf("%s: %s %s holds HTML or a place without a name: %q", tag, key, form, text)
				case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 }):
					t.Errorf("%s: %s %s holds control characters: %q", tag, key, form, text)
				}
			}
		}
	}
}

// uses are the keys that the program asks for.
type uses struct {
	keys     map[string]string   // to where
	prefixes map[string]string   // of keys that are made at run time
	pairs    map[string][]string // the names of pairs that go with a key
	literals map[string]bool     // every string of the source
}

// TestKeys walks every template and every Go file of the program and holds the
// keys they use against the catalogues.
func TestKeys(t *testing.T) {
	t.Parallel()
	all := read(t)["en"]
	used := uses{map[string]string{}, map[string]string{}, map[string][]string{}, map[string]bool{}}
	for _, dir := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || d.Name() == "node_modules"):
				return filepath.SkipDir
			case strings.HasSuffix(path, ".html"):
				used.template(t, path)
			case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
				used.source(t, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for key, where := range used.keys {
		if _, ok := all[key]; !ok {
			t.Errorf("%s: there is no sentence %q", where, key)
		}
	}
	for prefix, where := range used.prefixes {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(key string) bool { return strings.HasPrefix(key, prefix) }) {
			t.Errorf("%s: there is no sentence that begins with %q", where, prefix)
		}
	}
	for key := range all {
		if used.keys[key] == "" && !used.literals[key] && !used.prefixed(key) {
			t.Errorf("nobody uses %q", key)
		}
	}
	for key, names := range used.pairs {
		for _, place := range places(all[key]) {
			if !slices.Contains(names, strings.TrimPrefix(place, ".")) {
				t.Errorf("%s: %q is used without %s", used.keys[key], key, place)
			}
		}
	}
}

func (u *uses) prefixed(key string) bool {
	for prefix := range u.prefixes {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// template notes the keys of a template: {{T "key" "Name" .Value}}, in a
// pipeline or in brackets, and {{T (print "prefix." .Value)}}.
func (u *uses) template(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tree := parse.New(path)
	tree.Mode = parse.SkipFuncCheck
	trees := map[string]*parse.Tree{}
	if _, err := tree.Parse(string(text), "", "", trees); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, tree := range trees {
		u.node(path, tree.Root)
	}
}

// node walks the nodes of a template.
func (u *uses) node(path string, n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, n := range n.Nodes {
				u.node(path, n)
			}
		}
	case *parse.ActionNode:
		u.node(path, n.Pipe)
	case *parse.IfNode:
		u.branch(path, &n.BranchNode)
	case *parse.RangeNode:
		u.branch(path, &n.BranchNode)
	case *parse.WithNode:
		u.branch(path, &n.BranchNode)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			u.node(path, n.Pipe)
		}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			u.node(path, c)
		}
	case *parse.CommandNode:
		u.command(path, n)
	case *parse.StringNode:
		u.literals[n.Text] = true
	case *parse.ChainNode:
		u.node(path, n.Node)
	}
}

func (u *uses) branch(path string, b *parse.BranchNode) {
	u.node(path, b.Pipe)
	u.node(path, b.List)
	u.node(path, b.ElseList)
}

// command notes a call of T and looks into its arguments.
func (u *uses) command(path string, c *parse.CommandNode) {
	for _, arg := range c.Args {
		u.node(path, arg)
	}
	name := ""
	switch f := c.Args[0].(type) {
	case *parse.IdentifierNode:
		name = f.Ident
	case *parse.FieldNode:
		name = f.Ident[len(f.Ident)-1]
	case *parse.VariableNode:
		name = f.Ident[len(f.Ident)-1]
	}
	if name != "T" || len(c.Args) < 2 {
		return
	}
	switch key := c.Args[1].(type) {
	case *parse.StringNode:
		var names []string
		for i := 2; i < len(c.Args); i += 2 {
			if s, ok := c.Args[i].(*parse.StringNode); ok {
				names = append(names, s.Text)
			}
		}
		u.note(path, key.Text, names)
	case *parse.PipeNode:
		if args := key.Cmds[0].Args; len(args) > 1 {
			if s, ok := args[1].(*parse.StringNode); ok && args[0].String() == "print" {
				u.prefixes[s.Text] = path
			}
		}
	}
}

// note notes that a key is used with pairs of these names.
func (u *uses) note(where, key string, names []string) {
	u.keys[key] = where
	if old, ok := u.pairs[key]; ok {
		names = slices.DeleteFunc(old, func(n string) bool { return !slices.Contains(names, n) })
	}
	u.pairs[key] = names
}

// source notes the keys of a Go file: l.T("key", "Name", value) and
// l.T("prefix."+x); and every string, since keys may stand in tables.
func (u *uses) source(t *testing.T, path string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			u.literals[literal(n)] = true
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "T" && len(n.Args) > 0 {
				u.call(files.Position(n.Pos()).String(), n.Args)
			}
		}
		return true
	})
}

func (u *uses) call(where string, args []ast.Expr) {
	if sum, ok := args[0].(*ast.BinaryExpr); ok {
		if prefix := literal(sum.X); prefix != "" {
			u.prefixes[prefix] = where
		}
		return
	}
	key := literal(args[0])
	if key == "" {
		return
	}
	var names []string
	for i := 1; i < len(args); i += 2 {
		names = append(names, literal(args[i]))
	}
	u.note(where, key, names)
}

// literal returns the text of a string literal, or "".
func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}
