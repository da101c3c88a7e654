package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxTextBytes is the size above which a file is data and not read.
const maxTextBytes = 1 << 20

// words may stand in no text file of the repository. The patterns are written
// so that they do not match themselves.
var words = map[string]*regexp.Regexp{
	"unfinished work belongs in the tracker": regexp.MustCompile(`\b(TOD[O]|FIXM[E]|HAC[K]|XX[X]:)`),
	"a path of somebody's machine":           regexp.MustCompile(`(^|[\s"'=(:])/(work|roo[t]|User[s]|home)/[a-zA-Z0-9]`),
	aKeyIsMade:                               regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVAT[E] KEY( BLOCK)?-----`),
}

// aKeyIsMade is the reason against keys in the repository (T23). Those of
// fictitious States among the test data are not shipped.
const aKeyIsMade = "a key is made by whom it belongs to, never shipped"

// TestWords looks for words that have no place in the repository.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, name := range repositoryFiles(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > maxTextBytes || !utf8.Valid(text) {
			continue
		}
		for _, wrong := range wordsIn(text, strings.Contains("/"+name, "/testdata/")) {
			t.Errorf("%s:%s", name, wrong)
		}
	}
}

// wordsIn returns the line and the reason of every unwanted word of text.
func wordsIn(text []byte, testdata bool) []string {
	var wrong []string
	n := 0
	for line := range bytes.Lines(text) {
		n++
		for _, reason := range slices.Sorted(maps.Keys(words)) {
			if testdata && reason == aKeyIsMade {
				continue
			}
			if found := words[reason].Find(bytes.TrimSpace(line)); found != nil {
				wrong = append(wrong, fmt.Sprintf("%d: %q: %s", n, found, reason))
			}
		}
	}
	return wrong
}

func TestWordsBite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"// TO" + "DO: later":              1,
		"see \"/ro" + "ot/x\"":             1,
		"dir=/ho" + "me/someone":           1,
		"/wor" + "k/main":                  1,
		"the working directory, ./work/x":  0,
		"-----BEGIN PRIVA" + "TE KEY-----": 1,
		"-----BEGIN CERTIFICATE-----":      0,
	} {
		if got := wordsIn([]byte(text), false); len(got) != want {
			t.Errorf("%q: found %q, want %d", text, got, want)
		}
	}
	if got := wordsIn([]byte("-----BEGIN PRIVA"+"TE KEY-----"), true); len(got) != 0 {
		t.Errorf("a key among the test data: found %q", got)
	}
}

// TestNoXML checks that no XML is written or read anywhere (T6): SVG drawings
// and HTML pages are not in the message path.
func TestNoXML(t *testing.T) {
	t.Parallel()
	for _, name := range repositoryFiles(t) {
		if slices.Contains([]string{".xml", ".xsd", ".xsl", ".xslt"}, filepath.Ext(name)) {
			t.Errorf("%s: there is no XML in the message path", name)
		}
	}
}

// TestNoSignedText checks that no source writes or reads text with a signature below it
// (T2), in which what is signed and what is shown may differ.
func TestNoSignedText(t *testing.T) {
	t.Parallel()
	for _, s := range loaded(t).sources {
		if s.pkg == "internal/arch" {
			continue
		}
		for _, imp := range s.file.Imports {
			if strings.HasSuffix(strings.Trim(imp.Path.Value, `"`), "/clearsign") {
				t.Errorf("%s imports %s", s.name, imp.Path.Value)
			}
		}
		text, err := os.ReadFile(filepath.Join(root, s.name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("PGP SIGNED MESSAGE")) {
			t.Errorf("%s has a text with a signature below it", s.name)
		}
	}
}

// repositoryFiles returns the files of the repository, as slash-separated
// paths in the tree.
func repositoryFiles(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("git is missing, or this is not a working copy: %v", err)
	}
	var names []string
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		// A file may be gone from the tree and still in the index.
		if info, err := os.Stat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	return names
}

// hostileTests is how many tests the list of incidents names, from one on.
const hostileTests = 58

// hostile matches the number of one of them in a comment.
var hostile = regexp.MustCompile(`\bT([1-9][0-9]?)\b`)

// TestHostileTests reports which tests of the list of incidents no test
// carries yet.
func TestHostileTests(t *testing.T) {
	t.Parallel()
	carried := map[int]bool{}
	for _, s := range loaded(t).sources {
		if !s.test || s.pkg == "internal/arch" && !strings.HasSuffix(s.name, "text_test.go") {
			continue
		}
		for _, group := range s.file.Comments {
			for _, match := range hostile.FindAllStringSubmatch(group.Text(), -1) {
				n, err := strconv.Atoi(match[1])
				if err != nil {
					t.Fatal(err)
				}
				carried[n] = true
			}
		}
	}
	var missing []string
	for n := 1; n <= hostileTests; n++ {
		if !carried[n] {
			missing = append(missing, fmt.Sprintf("T%d", n))
		}
	}
	t.Attr("incidents-without-a-test", fmt.Sprintf("%d of %d: %s", len(missing), hostileTests, strings.Join(missing, " ")))
}

// TestFigures reports the sizes that are aimed at and not enforced.
func TestFigures(t *testing.T) {
	t.Parallel()
	var code, tests, exported int
	var long []string
	for _, s := range loaded(t).sources {
		n := s.lines(s.file)
		if s.test {
			tests += n
		} else {
			code += n
		}
		if n > aimFileLines {
			long = append(long, fmt.Sprintf("%s (%d)", s.name, n))
		}
		if within(s.pkg, "pkg") && !s.test {
			exported += exportedNames(s.file)
		}
	}
	t.Attr("lines", fmt.Sprintf("%d of code, %d of tests", code, tests))
	t.Attr("exported-names-in-pkg", strconv.Itoa(exported))
	t.Attr(fmt.Sprintf("files-over-%d-lines", aimFileLines), fmt.Sprintf("%d %s", len(long), strings.Join(long, " ")))
	t.Attr("direct-dependencies", strings.Join(dependenciesInUse(loaded(t).packages), " "))
}

// exportedNames counts the exported functions, types, constants and variables
// of a file, without methods and fields.
func exportedNames(f *ast.File) int {
	n := 0
	count := func(name *ast.Ident) {
		if name.IsExported() {
			n++
		}
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				count(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					count(s.Name)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						count(name)
					}
				}
			}
		}
	}
	return n
}

// dependenciesInUse returns the lines of thirdParty that packages import.
func dependenciesInUse(packages []pkg) []string {
	used := map[string]bool{}
	for _, p := range packages {
		for _, imp := range foreign(slices.Concat(p.Imports, p.testImports())) {
			if d, ok := dependencyOf(imp); ok {
				used[d.path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(used))
}
