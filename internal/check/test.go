package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strings"
)

// maxEventBytes bounds one line of go test -json.
const maxEventBytes = 16 << 20

// parallelTests is how many tests of a package run at once. Many wait most of the time,
// for the next checkpoint of a log, so there are more than processors.
const parallelTests = "-parallel=4"

// uninstrumented has the race detector pass by SQLite, which is C translated into Go and
// takes most of the time if it looks. The package has no generic function: an instance
// of one, which the linker may take for all, must not be without the detector's eyes.
const uninstrumented = "-gcflags=modernc.org/sqlite/lib=-race=false"

// test runs every test, in random order. A skip is a failure: with all parts
// installed there is no reason for one.
func test(ctx context.Context, c *checker) error {
	args := []string{"-shuffle=on", "-timeout=25m", parallelTests}
	if c.pattern != "" {
		args = append(args, "-run="+c.pattern)
	}
	r, err := c.goTest(ctx, nil, append(args, "./...")...)
	c.tests = r
	if err == nil && len(r.skipped) == 0 {
		return nil
	}
	r.writeProblems(c.out)
	c.printf("\n%d passed, %d failed, %d skipped\n", r.passed, len(r.failed), len(r.skipped))
	if err == nil {
		err = fmt.Errorf("a skipped test is a failure: %s", names(r.skipped))
	}
	return err
}

// race runs the tests of the packages that use concurrency once more, under
// the race detector, which needs C. It is several times slower, so long tests
// may shorten or leave out (testing.Short) what they have just done without. The
// desks of fictitious States, which were in SQLite before, are in PostgreSQL now.
func race(ctx context.Context, c *checker) error {
	packages, err := c.concurrentPackages(ctx)
	if err != nil || len(packages) == 0 {
		return err
	}
	args := []string{"-race", uninstrumented, "-short", "-shuffle=on", "-timeout=25m", parallelTests}
	if c.pattern != "" {
		args = append(args, "-run="+c.pattern)
	}
	r, err := c.goTest(ctx, []string{"CGO_ENABLED=1", "ENTRAIDE_TEST_DESKS=postgres"}, append(args, packages...)...)
	if err != nil {
		r.writeProblems(c.out)
		return err
	}
	if len(r.skipped) > 0 {
		c.printf("left out under the race detector: %s\n", names(r.skipped))
	}
	return nil
}

// goTest runs go test -json, with env besides the environment of every command,
// and reports what came of it.
func (c *checker) goTest(ctx context.Context, env []string, args ...string) (*report, error) {
	r := newReport()
	cmd := c.command(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer // apart: c.out is written to while the command runs
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	if err := cmd.Start(); err != nil {
		return r, err
	}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxEventBytes)
	for lines.Scan() {
		r.addLine(lines.Bytes(), c.out)
	}
	scanErr := lines.Err()
	if err := cmd.Wait(); err != nil {
		c.out.Write(stderr.Bytes())
		return r, fmt.Errorf("go test: %w", err)
	}
	return r, scanErr
}

// names joins the names of results.
func names(results []result) string {
	var list []string
	for _, r := range results {
		list = append(list, r.String())
	}
	return strings.Join(list, " ")
}
