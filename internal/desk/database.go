package desk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/postgres"
	"github.com/entraide/entraide/internal/store/sqlite"
)

// ErrDatabase says that a desk's database cannot be used as its settings name it.
var ErrDatabase = errors.New("the database of the desk")

// openDatabase opens the case file of a home: its own SQLite file, or the PostgreSQL
// database that its settings name, which is the owner's. No error repeats the
// address.
func openDatabase(ctx context.Context, home, owner string) (store.Desk, error) {
	c, err := readConfig(home)
	if err != nil {
		return nil, err
	}
	address, err := c.address(home)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(home, database)
	if address == "" {
		return sqlite.OpenDesk(ctx, file)
	}
	if _, err := os.Stat(file); err == nil {
		return nil, fmt.Errorf("%w: %s names one, and the case file of this home is in %s; a case file stays where it was begun", ErrDatabase, configFile, database)
	}
	return postgres.OpenDesk(ctx, address, owner)
}

// beginDatabase begins the case file of a new home.
func beginDatabase(ctx context.Context, home, address, owner string) (store.Desk, error) {
	if address == "" {
		return sqlite.OpenDesk(ctx, filepath.Join(home, database))
	}
	if err := CheckAddress(address, false); err != nil {
		return nil, err
	}
	return postgres.BeginDesk(ctx, address, owner)
}

// address returns the address of the PostgreSQL database, or "" where there is none.
func (c Config) address(home string) (string, error) {
	switch {
	case c.DatabaseFile == "" && c.Database == "":
		return "", nil
	case c.DatabaseFile == "":
		return c.Database, CheckAddress(c.Database, false)
	case c.Database != "":
		return "", fmt.Errorf("%w: set database or database_file, not both", ErrConfig)
	}
	path := c.DatabaseFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(home, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%w: reading database_file: %w", ErrConfig, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%w: database_file holds a password and others may read it; take their rights away (chmod 600)", ErrConfig)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: reading database_file: %w", ErrConfig, err)
	}
	address := strings.TrimSpace(string(data))
	return address, CheckAddress(address, true)
}

// CheckAddress refuses an address of a database to which a desk must not entrust its
// case file: one that is no postgres:// URL, one that others could read the password
// of, and one whose server is on another machine and does not prove who it is.
func CheckAddress(address string, secret bool) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return fmt.Errorf("%w: its address must be postgres://USER@HOST/NAME", ErrDatabase)
	}
	if _, has := u.User.Password(); !secret && (has || u.Query().Has("password")) {
		return fmt.Errorf("%w: its address holds a password, which others may see; put the address into a file that only this user can read, and name that as database_file in %s", ErrDatabase, configFile)
	}
	if mode := u.Query().Get("sslmode"); mode == "verify-full" {
		return nil
	}
	hosts := u.Query().Get("host")
	if hosts == "" {
		hosts = u.Hostname()
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if !here(host) {
			return fmt.Errorf("%w: its server is on another machine, and everything in it is plain text; have it prove who it is with sslmode=verify-full (and sslrootcert)", ErrDatabase)
		}
	}
	return nil
}

// here reports whether a host is this machine: a socket, or a loopback address.
func here(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || strings.HasPrefix(host, "/") || ip != nil && ip.IsLoopback()
}
