package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// checkFormat compares every Go file of the repository with what gofmt makes
// of it.
func checkFormat(ctx context.Context, c *checker) error {
	list, err := c.output(ctx, "git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go")
	if err != nil {
		return err
	}
	var wrong []string
	for name := range strings.Lines(list) {
		name = strings.TrimSpace(name)
		src, err := os.ReadFile(filepath.Join(c.root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed from the tree, not yet from the index
		}
		if err != nil {
			return err
		}
		formatted, err := format.Source(src)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !bytes.Equal(src, formatted) {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("gofmt would change %s", strings.Join(wrong, " "))
	}
	return nil
}

// checkModules checks that the modules are those go.sum names and that go.mod
// says what is used, no more and no less.
func checkModules(ctx context.Context, c *checker) error {
	if err := c.do(ctx, "go", "mod", "verify"); err != nil {
		return err
	}
	return c.do(ctx, "go", "mod", "tidy", "-diff")
}

// checkGenerated checks that what is generated is up to date. It writes in the
// tree, so it leaves one alone that somebody works in.
func checkGenerated(ctx context.Context, c *checker) error {
	if !c.clean {
		c.printf("the tree has changes of its own: nothing is generated\n")
		return nil
	}
	if err := c.do(ctx, "go", "generate", "./..."); err != nil {
		return err
	}
	return checkTree(ctx, c)
}

// checkTree checks that a tree that was clean still is.
func checkTree(ctx context.Context, c *checker) error {
	if !c.clean {
		return nil
	}
	changes, err := c.output(ctx, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changes == "" {
		return nil
	}
	diff, err := c.output(ctx, "git", "diff")
	if err != nil {
		return err
	}
	return fmt.Errorf("the check has changed the tree:\n%s\n%s", changes, diff)
}

func vet(ctx context.Context, c *checker) error {
	return c.do(ctx, "go", "vet", "./...")
}

// testHSM examines and tests the module of the helper of devices, which has its
// own because it needs cgo.
func testHSM(ctx context.Context, c *checker) error {
	for _, args := range [][]string{{"mod", "tidy", "-diff"}, {"vet", "./..."}, {"test", "-shuffle=on", "./..."}} {
		cmd := c.command(ctx, "go", args...)
		cmd.Dir = filepath.Join(c.root, filepath.FromSlash(hsmModule))
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
		if err := c.quiet(cmd); err != nil {
			return err
		}
	}
	return nil
}

// build builds everything, the programs included.
func build(ctx context.Context, c *checker) error {
	return c.do(ctx, "go", "build", "./...")
}

func lint(ctx context.Context, c *checker) error {
	linter, err := c.buildTool(ctx, lintModule, "github.com/golangci/golangci-lint/v2/cmd/golangci-lint")
	if err != nil {
		return err
	}
	cmd := c.command(ctx, linter, "run", "--timeout=10m", "./...")
	cmd.Env = append(cmd.Env, "GOLANGCI_LINT_CACHE="+filepath.Join(c.cache, "golangci-lint"))
	return c.quiet(cmd)
}

// vulnerabilities reports, where the database of known vulnerabilities can be
// reached, those that our code calls. A report changes from one day to the
// next while our code does not, so it never fails the check.
func vulnerabilities(ctx context.Context, c *checker) error {
	const database = "https://vuln.go.dev/index/db.json"
	reach, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(reach, http.MethodHead, database, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.printf("not run: the database of vulnerabilities cannot be reached: %v\n", err)
		return ctx.Err()
	}
	resp.Body.Close()
	govulncheck, err := c.buildTool(ctx, lintModule, "golang.org/x/vuln/cmd/govulncheck")
	if err != nil {
		return err
	}
	if err := c.do(ctx, govulncheck, "./..."); err != nil {
		c.printf("%v: read the above; it does not fail the check\n", err)
	}
	return ctx.Err()
}
