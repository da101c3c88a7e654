package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A debianPart is a Debian package that the tests need.
type debianPart struct {
	name  string
	probe string // command on the PATH, or file, that tells it is there
}

// debianParts are the packages of Debian 12.
var debianParts = []debianPart{
	{"git", "git"},
	{"gcc", "gcc"}, // the race detector is linked with it
	{"libc6-dev", "/usr/include/stdlib.h"},
	{"postgresql-15", "/usr/lib/postgresql/15/bin/initdb"},
	{"gnupg", "gpg"},
	{"openssh-client", "ssh-agent"}, // holds the key of litewitness
	{"openssl", "openssl"},
	{"python3", "python3"},
	{"softhsm2", "softhsm2-util"}, // a device for entraide-hsm
	{"strace", "strace"},          // has the disk fail
	{"sq", "sq"},
	{"rnp", "rnp"},
	{"nodejs", "node"},
	{"npm", "npm"},
	{"chromium", "chromium"},
	{"zbar-tools", "zbarimg"}, // reads QR codes
}

// A toolPart is a program of internal/tools, built from the source of others.
type toolPart struct {
	pkg      string
	variable string // tells the tests where it is
}

// toolParts are the programs the tests run.
var toolParts = []toolPart{
	{"github.com/transparency-dev/tessera/cmd/fsck", "ENTRAIDE_FSCK"},
	{"github.com/transparency-dev/tessera/cmd/experimental/migrate/posix", "ENTRAIDE_MIGRATE"},
	{"github.com/transparency-dev/witness/cmd/omniwitness", "ENTRAIDE_OMNIWITNESS"},
	{"filippo.io/torchwood/cmd/litewitness", "ENTRAIDE_LITEWITNESS"},
	{"filippo.io/torchwood/cmd/spicy", "ENTRAIDE_SPICY"},
	{"github.com/entraide/entraide/internal/tools/tlogproof", "ENTRAIDE_TLOGPROOF"},
	{"github.com/versity/versitygw/cmd/versitygw", "ENTRAIDE_VERSITYGW"}, // an S3 service
}

// npmFiles pin the npm modules by their digests.
//
//go:embed npm/package.json npm/package-lock.json
var npmFiles embed.FS

// installDebian installs the missing Debian packages, or names them where it
// may not.
func installDebian(ctx context.Context, c *checker) error {
	missing := missingParts(debianParts)
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("missing: %s\ninstall them, or run the check as root on Debian 12", strings.Join(missing, " "))
	}
	c.printf("installing %s\n", strings.Join(missing, " "))
	c.setenv("DEBIAN_FRONTEND", "noninteractive")
	// The lists may be empty or old; if they cannot be renewed, the install
	// says what is wrong.
	if err := c.do(ctx, "apt-get", "-o", "Acquire::Retries=3", "update"); err != nil {
		c.printf("%v; going on with the package lists as they are\n", err)
	}
	args := []string{"-o", "Acquire::Retries=3", "-o", "Dpkg::Options::=--force-confold", "install", "-y", "--no-install-recommends"}
	if err := c.do(ctx, "apt-get", append(args, missing...)...); err != nil {
		return err
	}
	if missing := missingParts(debianParts); len(missing) > 0 {
		return fmt.Errorf("still missing after installing: %s", strings.Join(missing, " "))
	}
	return nil
}

// missingParts returns the names of the packages whose probe is not found.
func missingParts(parts []debianPart) []string {
	var missing []string
	for _, p := range parts {
		var err error
		if filepath.IsAbs(p.probe) {
			_, err = os.Stat(p.probe)
		} else {
			_, err = exec.LookPath(p.probe)
		}
		if err != nil {
			missing = append(missing, p.name)
		}
	}
	return missing
}

// installNPM installs the npm modules into a directory of the cache that is
// named by what they are locked to, and sets ENTRAIDE_NODE_MODULES.
func installNPM(ctx context.Context, c *checker) error {
	lock, err := npmFiles.ReadFile("npm/package-lock.json")
	if err != nil {
		return err
	}
	dir := filepath.Join(c.cache, fmt.Sprintf("npm-%.8x", sha256.Sum256(lock)))
	c.setenv("ENTRAIDE_NODE_MODULES", filepath.Join(dir, "node_modules"))
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	// Built beside its place and then renamed: an interrupted install is never
	// taken for a whole one.
	building, err := os.MkdirTemp(c.cache, "npm-building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(building)
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := npmFiles.ReadFile("npm/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(building, name), data, 0o644); err != nil {
			return err
		}
	}
	cmd := c.command(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = building
	if err := c.quiet(cmd); err != nil {
		return err
	}
	if err := os.Chmod(building, 0o755); err != nil {
		return err
	}
	if err := os.Rename(building, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// buildTools builds the programs that the tests run and sets their variables.
func buildTools(ctx context.Context, c *checker) error {
	for _, t := range toolParts {
		path, err := c.buildTool(ctx, toolModule, t.pkg)
		if err != nil {
			return err
		}
		c.setenv(t.variable, path)
	}
	path, err := c.buildTool(ctx, hsmModule, "github.com/entraide/entraide/cmd/entraide-hsm")
	if err != nil {
		return err
	}
	c.setenv("ENTRAIDE_HSM", path)
	return nil
}

// Modules beside the main one, with their go.mod in the tree: programs that are
// not ours, and one of ours that needs cgo.
const (
	toolModule = "internal/tools"
	lintModule = "internal/tools/lint"
	hsmModule  = "cmd/entraide-hsm"
)

// buildTool builds a program that one of the modules above names into the
// cache and returns its path.
func (c *checker) buildTool(ctx context.Context, module, pkg string) (string, error) {
	path := filepath.Join(c.cache, "bin", filepath.Base(pkg))
	cmd := c.command(ctx, "go", "build", "-o", path, pkg)
	cmd.Dir = filepath.Join(c.root, filepath.FromSlash(module))
	if module == hsmModule {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1")
	}
	return path, c.quiet(cmd)
}
