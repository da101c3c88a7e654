// Package pgserver gives tests a real PostgreSQL: a throw-away server from the
// system's own binaries, or the one that ENTRAIDE_TEST_POSTGRES names.
package pgserver

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"

	"github.com/entraide/entraide/internal/testkit/loopback"
)

// externalServer names a server to use instead of a throw-away one.
const externalServer = "ENTRAIDE_TEST_POSTGRES"

// binaries are where Debian keeps the server.
const binaries = "/usr/lib/postgresql/15/bin"

// shared is the throw-away server of this process.
var shared = sync.OnceValues(func() (*Server, error) { return start() })

// Database returns the address of a fresh, empty database, which ends with the
// test. It is skipped where there is no PostgreSQL.
func Database(t *testing.T) string {
	t.Helper()
	return DatabaseFor(t)
}

// DatabaseFor is Database for benchmarks too.
func DatabaseFor(t testing.TB) string {
	t.Helper()
	if address := os.Getenv(externalServer); address != "" {
		return create(t, address)
	}
	requireBinaries(t)
	s, err := shared()
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	return create(t, s.address("postgres"))
}

func requireBinaries(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(binaries, "postgres")); err != nil {
		t.Skip("PostgreSQL 15 is not installed (Debian package postgresql-15)")
	}
}

// create makes a database with a name of its own.
func create(t testing.TB, address string) string {
	t.Helper()
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	name := "test_" + hex.EncodeToString(random)
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("creating a database: %v", err)
	}
	t.Cleanup(func() { drop(t, address, name) })
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// drop removes a database. A throw-away server may have been killed by its
// test, or be about to end with its process; another's must stay clean.
func drop(t testing.TB, address, name string) {
	if address != os.Getenv(externalServer) {
		return
	}
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
		t.Errorf("removing the database %s: %v", name, err)
	}
}

// A Server is a throw-away server of one test.
type Server struct {
	dir      string
	port     string
	settings []string
	cmd      *exec.Cmd
	ended    chan struct{} // closed when cmd has ended
}

// Start starts a server with settings of its own ("fsync=off"). It ends with
// the test.
func Start(t *testing.T, settings ...string) *Server {
	t.Helper()
	requireBinaries(t)
	s, err := start(settings...)
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(s.dir)
	})
	return s
}

// Database returns the address of a fresh, empty database of the server.
func (s *Server) Database(t *testing.T) string {
	t.Helper()
	return create(t, s.address("postgres"))
}

func (s *Server) address(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%s/%s?sslmode=disable", s.port, database)
}

// memory is where files are kept in memory, on Linux.
const memory = "/dev/shm"

// roomy is how many bytes must be free there.
const roomy = 8 << 30

// place is where the data of servers are: in memory where there is room, since
// thousands of files are synchronised, which nothing here depends on but the time;
// a server that is killed leaves its files there as elsewhere. Else it is the
// directory for what is temporary.
func place() string {
	var s syscall.Statfs_t
	if syscall.Statfs(memory, &s) != nil || uint64(s.Bsize)*s.Bavail < roomy {
		return os.TempDir()
	}
	return memory
}

// start makes a cluster and serves it. The server refuses to run as root, so
// it runs as the user postgres then. It ends with this process.
func start(settings ...string) (*Server, error) {
	sweep()
	dir, err := os.MkdirTemp(place(), directories)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, ownerFile), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return nil, err
	}
	s := &Server{dir: dir, settings: settings}
	credential, err := owner(dir)
	if err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(binaries, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres",
		"--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if _, s.port, err = loopback.Free(); err != nil {
		return nil, err
	}
	return s, s.Run()
}

// directories and ownerFile name the clusters of test processes.
const (
	directories = "entraide-pg-*"
	ownerFile   = "owner"
)

// sweep removes the clusters of test processes that have ended.
func sweep() {
	var found []string
	for _, dir := range []string{os.TempDir(), memory} {
		files, err := filepath.Glob(filepath.Join(dir, directories, ownerFile))
		if err != nil {
			return
		}
		found = append(found, files...)
	}
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(string(text))
		if err == nil && syscall.Kill(pid, 0) != nil {
			os.RemoveAll(filepath.Dir(file))
		}
	}
}

// owner gives the directory to the user that the server runs as.
func owner(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, uid, gid)
}

// Run starts the server again after Kill, and waits until it answers.
func (s *Server) Run() error {
	credential, err := owner(s.dir)
	if err != nil {
		return err
	}
	args := []string{
		"-D", filepath.Join(s.dir, "data"), "-p", s.port, "-k", s.dir, "-c", "listen_addresses=127.0.0.1",
		"-c", "shared_buffers=64MB", "-c", "max_connections=200", "-c", "max_wal_size=256MB",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	for tries := 0; ; tries++ {
		if err = s.launch(credential, args); err == nil || tries == startTries {
			return err
		}
	}
}

// startTries bounds how often a start is tried: after a kill the old server's
// processes take a moment to notice, and it refuses to start beside them.
const startTries = 60

// launch starts the server and waits until it answers or ends.
func (s *Server) launch(credential *syscall.Credential, args []string) error {
	s.cmd = exec.Command(filepath.Join(binaries, "postgres"), args...)
	s.cmd.Dir = s.dir
	// SIGQUIT ends a server at once when this process is gone.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGQUIT}
	if err := startPinned(s.cmd); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait()
	}()
	return s.answer()
}

// answer waits until the server takes connections.
func (s *Server) answer() error {
	db, err := sql.Open("postgres", s.address("postgres")+"&connect_timeout=2")
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.Ping(); err == nil {
			return nil
		}
		select {
		case <-s.ended:
			<-tick.C
			return fmt.Errorf("the server ended: %w", err)
		case <-tick.C:
		}
	}
}

// Kill ends the server without warning; its backends find it gone, and end soon after.
func (s *Server) Kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// startPinned starts a command whose parent-death signal depends on the thread
// that starts it: that thread is kept for good.
func startPinned(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		if cmd.Process != nil {
			select {} // a thread that ends would take the server with it
		}
	}()
	return <-started
}

// Dir returns the directory with all files of the server.
func (s *Server) Dir() string { return s.dir }
