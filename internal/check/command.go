package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// setenv sets a variable for the commands that follow.
func (c *checker) setenv(name, value string) {
	c.env = append(c.env, name+"="+value)
}

// command prepares a command at the root of the repository. It has no standard
// input, and an interrupt gives it ten seconds to end.
func (c *checker) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = c.root
	cmd.Env = slices.Clip(c.env) // the caller may append to it
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// output returns what a command prints on standard output, without the white
// space around it.
func (c *checker) output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := c.command(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}

// quiet runs cmd and shows what it printed only if it fails.
func (c *checker) quiet(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		io.Copy(c.out, &out)
		return fmt.Errorf("%s: %w", cmd, err)
	}
	return nil
}

// do is quiet for a command with no environment of its own.
func (c *checker) do(ctx context.Context, name string, args ...string) error {
	return c.quiet(c.command(ctx, name, args...))
}
