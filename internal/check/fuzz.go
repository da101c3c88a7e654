package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"
)

const (
	// fuzzEach is how long a fuzz target is given if there are few.
	fuzzEach = 5 * time.Second
	// fuzzAll bounds the time that all targets are given together.
	fuzzAll = 60 * time.Second
)

// fuzz gives every fuzz target that the tests ran a short time of its own. A
// finding is kept by the go command under testdata/fuzz of its package.
func fuzz(ctx context.Context, c *checker) error {
	if len(c.tests.fuzz) == 0 {
		return nil
	}
	each := fuzzTime(len(c.tests.fuzz))
	c.printf("%d targets, %s each\n", len(c.tests.fuzz), each)
	for _, target := range c.tests.fuzz {
		if err := c.fuzzTarget(ctx, target, each); err != nil {
			return err
		}
	}
	return nil
}

// fuzzTime is how long each of n targets is given.
func fuzzTime(n int) time.Duration {
	return min(fuzzEach, (fuzzAll / time.Duration(n)).Round(100*time.Millisecond))
}

func (c *checker) fuzzTarget(ctx context.Context, target testName, each time.Duration) error {
	run := func() ([]byte, error) {
		return c.command(ctx, "go", "test", "-run=^$", "-fuzz=^"+target.Test+"$", "-fuzztime="+each.String(), "-fuzzminimizetime=100x", target.Package).CombinedOutput()
	}
	out, err := run()
	if err != nil && endedAtDeadline(out) {
		out, err = run()
	}
	if err != nil {
		c.out.Write(out)
		return fmt.Errorf("%s: %w", target, err)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	for _, line := range lines[max(0, len(lines)-3):] {
		if bytes.HasPrefix(line, []byte("fuzz: elapsed")) {
			io.WriteString(c.out, target.String()+" ")
			c.out.Write(append(line, '\n'))
			break
		}
	}
	return nil
}

// endedAtDeadline reports whether the go command took the end of the fuzzing
// time itself for a failure (golang.org/issue/48591): no input was at fault.
func endedAtDeadline(out []byte) bool {
	return bytes.Contains(out, []byte("context deadline exceeded")) && !bytes.Contains(out, []byte("Failing input"))
}
