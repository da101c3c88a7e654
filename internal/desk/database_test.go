package desk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckAddress refuses to entrust a case file to a database where others could
// read it or take its place.
func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name, address string
		secret        bool
		remedy        string // empty where it may be used
	}{
		{"a socket", "postgres://desk@/desk?host=/run/postgresql", false, ""},
		{"this machine", "postgres://desk@localhost/desk", false, ""},
		{"a loopback address", "postgres://desk@[::1]:5432/desk", false, ""},
		{"another machine that proves who it is", "postgres://desk@db.example/desk?sslmode=verify-full", false, ""},
		{"a password in a file", "postgres://desk:secret@127.0.0.1/desk", true, ""},
		{"a password in the settings", "postgres://desk:secret@127.0.0.1/desk", false, "database_file"},
		{"a password as a parameter", "postgres://desk@127.0.0.1/desk?password=secret", false, "database_file"},
		{"another machine", "postgres://desk@db.example/desk", false, "sslmode=verify-full"},
		{"another machine, any certificate", "postgres://desk@192.0.2.7/desk?sslmode=require", false, "sslmode=verify-full"},
		{"one of several is another machine", "postgres://desk@/desk?host=localhost,db.example", false, "sslmode=verify-full"},
		{"pairs", "host=localhost dbname=desk", false, "postgres://USER@HOST/NAME"},
		{"a file", "sqlite:desk.db", false, "postgres://USER@HOST/NAME"},
	} {
		err := CheckAddress(x.address, x.secret)
		switch {
		case x.remedy == "" && err != nil:
			t.Errorf("%s: %v", x.name, err)
		case x.remedy != "" && (!errors.Is(err, ErrDatabase) || !strings.Contains(err.Error(), x.remedy)):
			t.Errorf("%s: %v, want a word of %s", x.name, err, x.remedy)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: the error repeats the password: %v", x.name, err)
		}
	}
}

// TestDatabaseFile reads the address from a file that nobody else may read.
func TestDatabaseFile(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := filepath.Join(home, "address")
	if err := os.WriteFile(file, []byte("postgres://desk:secret@localhost/desk\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := Config{DatabaseFile: "address"}
	if _, err := c.address(home); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("others may read it: %v", err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if address, err := c.address(home); err != nil || address != "postgres://desk:secret@localhost/desk" {
		t.Errorf("%q, %v", address, err)
	}
	c.Database = "postgres://desk@localhost/desk"
	if _, err := c.address(home); !errors.Is(err, ErrConfig) {
		t.Errorf("both: %v", err)
	}
}
