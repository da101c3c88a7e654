// Command check is the one command that tells whether the project is sound:
//
//	go run ./internal/check
//
// On a Debian machine where it may install packages it first brings the real
// parts that the tests speak to: PostgreSQL, gpg, sq, rnp, OpenPGP.js and the
// verifiers of other people's logs. Elsewhere it names what is missing. With
// every part present a skipped test is a failure. Then it runs the steps of
// the table below in their order and stops at the first that fails. What it
// installs besides Debian packages is kept in the user's cache directory,
// never in the tree.
//
// The tests find the parts that are on no PATH through ENTRAIDE_NODE_MODULES
// and the variables of toolParts; ENTRAIDE_CHECK=1 tells them who runs them.
// What a test reports with testing.T.Attr is printed at the end.
//
// With -quick the steps that take minutes are left out; -run limits the tests
// to those that match, as in go test.
//
// To add a Debian package, an npm module, a tool or a step, add one line:
// to [debianParts], to npm/package.json (and npm install --package-lock-only),
// to [toolParts] (after go get -tool in its module), to [steps].
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

// maxDuration bounds a whole run, so that a hung test cannot hold a machine.
const maxDuration = 75 * time.Minute

// A step is one part of the check.
type step struct {
	name string
	slow bool // left out with -quick
	do   func(context.Context, *checker) error
}

// steps are run in this order.
var steps = []step{
	{name: "debian", do: installDebian},
	{name: "npm", do: installNPM},
	{name: "tools", do: buildTools},
	{name: "format", do: checkFormat},
	{name: "modules", do: checkModules},
	{name: "generate", do: checkGenerated},
	{name: "vet", do: vet},
	{name: "build", do: build},
	{name: "test", do: test},
	{name: "hsm", do: testHSM},
	{name: "race", slow: true, do: race},
	{name: "fuzz", slow: true, do: fuzz},
	{name: "lint", slow: true, do: lint},
	{name: "vulnerabilities", slow: true, do: vulnerabilities},
	{name: "tree", do: checkTree},
}

// A checker carries what the steps share.
type checker struct {
	root    string    // of the repository
	cache   string    // directory for what is installed outside the tree
	env     []string  // of every command, grown by the steps that install parts
	out     io.Writer // the report
	pattern string    // tests to run, all if empty
	clean   bool      // the tree had no changes when the check began
	tests   *report   // of the step "test"
}

func main() {
	quick := flag.Bool("quick", false, "leave out the steps that take minutes: race, fuzz, lint, vulnerabilities")
	pattern := flag.String("run", "", "run only the tests that match this `regexp`")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "check: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(*quick, *pattern); err != nil {
		fmt.Fprintf(os.Stderr, "check: %v\n", err)
		os.Exit(1)
	}
}

// run does the check and prints the closing line, "N passed, 0 failed".
func run(quick bool, pattern string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, maxDuration)
	defer cancel()

	c, err := newChecker(ctx, pattern)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, s := range steps {
		if quick && s.slow {
			c.printf("--- %s: left out (-quick)\n", s.name)
			continue
		}
		if err := c.step(ctx, s); err != nil {
			return err
		}
	}
	c.printf("\n")
	c.tests.writeFigures(c.out)
	c.printf("all steps passed in %s; %d packages, shuffled\n", rounded(time.Since(began)), c.tests.packages)
	c.printf("%d passed, 0 failed\n", c.tests.passed)
	return nil
}

// step runs s and prints its name and how long it took.
func (c *checker) step(ctx context.Context, s step) error {
	c.printf("=== %s\n", s.name)
	began := time.Now()
	err := s.do(ctx, c)
	if err != nil {
		c.printf("--- %s: FAILED after %s\n", s.name, rounded(time.Since(began)))
		return fmt.Errorf("%s: %w", s.name, err)
	}
	c.printf("--- %s: ok, %s\n", s.name, rounded(time.Since(began)))
	return nil
}

// newChecker finds the repository around the working directory and the cache.
func newChecker(ctx context.Context, pattern string) (*checker, error) {
	c := &checker{env: os.Environ(), out: os.Stdout, pattern: pattern}
	mod, err := c.output(ctx, "go", "env", "GOMOD")
	if err != nil {
		return nil, err
	}
	c.root = filepath.Dir(mod)
	if filepath.Base(mod) != "go.mod" {
		return nil, errors.New("run me inside the repository")
	}
	base, err := os.UserCacheDir()
	if err != nil {
		// A CI machine may have no HOME; the parts then live for one run.
		base = os.TempDir()
	}
	c.cache = filepath.Join(base, "entraide-check")
	if err := os.MkdirAll(c.cache, 0o755); err != nil {
		return nil, err
	}
	c.setenv("ENTRAIDE_CHECK", "1")
	// What is tested is what is released: a program without C.
	c.setenv("CGO_ENABLED", "0")
	changes, err := c.output(ctx, "git", "status", "--porcelain")
	c.clean = err == nil && changes == ""
	return c, nil
}

func (c *checker) printf(format string, args ...any) {
	fmt.Fprintf(c.out, format, args...)
}

// rounded is d as a person reads it.
func rounded(d time.Duration) time.Duration {
	return d.Round(100 * time.Millisecond)
}
