package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// An event is one line of go test -json (cmd/test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // instead of Package, of build output
	Test       string
	Output     string
	Elapsed    float64 // seconds
	Key, Value string  // of the action "attr" (testing.T.Attr)
}

// A testName names a test, or a whole package where Test is empty.
type testName struct {
	Package, Test string
}

func (n testName) String() string {
	if n.Test == "" {
		return n.Package
	}
	return n.Package + "." + n.Test
}

// A result is a test that did not pass, and what it printed.
type result struct {
	testName
	output string
}

// A report is what a run of go test came to. Tests and subtests are counted.
type report struct {
	packages int // with tests
	passed   int
	failed   []result
	skipped  []result
	fuzz     []testName // the fuzz targets that ran their seeds
	figures  []string   // what tests report by testing.T.Attr

	printed map[testName]*strings.Builder // by what is still running
	current map[string]int                // tests passed so far in a package
}

func newReport() *report {
	return &report{printed: map[testName]*strings.Builder{}, current: map[string]int{}}
}

// addLine adds one line of go test -json. What is not an event, such as a
// complaint of the go command, is written to w, as is one line for each
// package that ends.
func (r *report) addLine(line []byte, w io.Writer) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		fmt.Fprintf(w, "%s\n", line)
		return
	}
	if e.Package == "" {
		e.Package = e.ImportPath
	}
	name := testName{e.Package, e.Test}
	switch e.Action {
	case "run":
		if strings.HasPrefix(e.Test, "Fuzz") && !strings.Contains(e.Test, "/") {
			r.fuzz = append(r.fuzz, name)
		}
	case "output", "build-output":
		b := r.printed[name]
		if b == nil {
			b = new(strings.Builder)
			r.printed[name] = b
		}
		b.WriteString(e.Output)
	case "attr":
		r.figures = append(r.figures, fmt.Sprintf("%s: %s", e.Key, e.Value))
	case "build-fail":
		r.failed = append(r.failed, r.take(name))
	case "pass", "fail", "skip":
		r.end(e, name, w)
	}
}

// end adds the end of a test or, if e names no test, of a package.
func (r *report) end(e event, name testName, w io.Writer) {
	res := r.take(name)
	if e.Test == "" {
		r.endPackage(e, res, w)
		return
	}
	switch e.Action {
	case "pass":
		r.passed++
		r.current[e.Package]++
	case "fail":
		r.failed = append(r.failed, res)
	case "skip":
		r.skipped = append(r.skipped, res)
	}
}

// endPackage adds the end of a package. A package may fail without any test:
// it does not build, or its TestMain fails.
func (r *report) endPackage(e event, res result, w io.Writer) {
	if e.Action == "skip" {
		return // it has no tests
	}
	r.packages++
	verdict := "ok  "
	if e.Action == "fail" {
		verdict = "FAIL"
		if !slices.ContainsFunc(r.failed, func(f result) bool { return f.Package == e.Package }) {
			r.failed = append(r.failed, res)
		}
	}
	took := rounded(time.Duration(e.Elapsed * float64(time.Second)))
	fmt.Fprintf(w, "%s %s %s (%d passed)\n", verdict, e.Package, took, r.current[e.Package])
}

// take returns what a test printed and forgets it.
func (r *report) take(name testName) result {
	res := result{testName: name}
	if b := r.printed[name]; b != nil {
		res.output = b.String()
		delete(r.printed, name)
	}
	return res
}

// writeProblems writes each failed and skipped test with what it printed.
func (r *report) writeProblems(w io.Writer) {
	for _, f := range r.failed {
		fmt.Fprintf(w, "\nFAILED %s\n%s", f, f.output)
	}
	for _, s := range r.skipped {
		fmt.Fprintf(w, "\nSKIPPED %s\n%s", s, s.output)
	}
}

// writeFigures writes what the tests report about the project.
func (r *report) writeFigures(w io.Writer) {
	for _, f := range r.figures {
		fmt.Fprintln(w, f)
	}
}
