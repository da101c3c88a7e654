package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/entraide/entraide/internal/cli"
	"github.com/entraide/entraide/internal/testkit/loopback"
)

// The pages of a desk, served by a process of its own.

// A served is a desk's home, and the process that serves its pages.
type served struct {
	t    *testing.T
	home string

	process *exec.Cmd
	mu      sync.Mutex
	said    bytes.Buffer // standard error of all processes so far
	ended   chan struct{}
}

// copied is the home in a directory of a test's own.
func (s *served) copied(t *testing.T) *served {
	t.Helper()
	home := filepath.Join(t.TempDir(), "QM")
	err := errors.Join(os.CopyFS(home, os.DirFS(s.home)), filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return errors.Join(err, os.Chmod(path, 0o700))
		}
		return os.Chmod(path, 0o600)
	}))
	if err != nil {
		t.Fatal(err)
	}
	return &served{t: t, home: home}
}

// newServed makes a home, whose broker nobody serves.
func newServed(t *testing.T) *served {
	t.Helper()
	x := &crossing{t: t, dir: t.TempDir(), peak: map[string]int64{}}
	x.run("depositary", "depositary", "init")
	x.run("broker", "broker", "init", "--depositary", filepath.Join(x.home("depositary"), "depositary.json"),
		"--url", "https://127.0.0.1:1", "--listen", "127.0.0.1:1", "--admin-listen", "")
	x.run("QM", "desk", "init", "--party", "QM", "--broker", filepath.Join(x.home("broker"), "broker.json"), "--suites", "modern-6")
	return &served{t: t, home: x.home("QM")}
}

func (s *served) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// serve is the command that serves the desk, with its passphrase.
func (s *served) serve(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.t.Context(), "entraide", append([]string{"desk", "serve", "--home", s.home, "--passphrase-fd", "0"}, args...)...)
	cmd.Stdin = strings.NewReader(secret + "\n")
	return cmd
}

// start serves, and waits until the desk is at work.
func (s *served) start(args ...string) {
	s.t.Helper()
	s.process = s.serve(append(args, "--verbose")...)
	errs, err := s.process.StderrPipe()
	s.must(err)
	s.must(s.process.Start())
	ready, ended := make(chan struct{}), make(chan struct{})
	s.ended = ended
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(errs); lines.Scan(); {
			s.mu.Lock()
			s.said.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
			if strings.HasSuffix(lines.Text(), "the desk is at work") {
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
	case <-ended:
		s.t.Fatalf("the desk is not served:\n%s", s.words())
	}
	process := s.process
	s.t.Cleanup(func() { _ = process.Process.Kill() })
}

// words is what the processes have said.
func (s *served) words() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// stop sends the process a signal and waits until it has ended.
func (s *served) stop(signal os.Signal) error {
	s.t.Helper()
	s.must(s.process.Process.Signal(signal))
	<-s.ended
	return s.process.Wait()
}

// refused serves and returns what was said, and with which status, when that was
// refused.
func (s *served) refused(args ...string) (status int, words string) {
	s.t.Helper()
	out, err := s.serve(args...).CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		s.t.Fatalf("%v ended with %v\n%s", args, err, out)
	}
	return exit.ExitCode(), string(out)
}

// mistaken is refused within this process, where nobody has the passphrase: what
// is wrong is found before it is asked for.
func (s *served) mistaken(args ...string) (status int, words string) {
	var out, errs bytes.Buffer
	status = cli.Run(append([]string{"desk", "serve", "--home", s.home}, args...), strings.NewReader(""), &out, &errs)
	return status, out.String() + errs.String()
}

// A browser is somebody's, at the pages of a served desk.
type browser struct {
	t      *testing.T
	origin string
	client *http.Client
}

// browse returns a browser that finds the origin at an address, and trusts the
// certificates of a file alone.
func browse(t *testing.T, origin, network, address, trusted string) *browser {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	if trusted != "" {
		data, err := os.ReadFile(trusted)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(data)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	t.Cleanup(transport.CloseIdleConnections)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, origin, &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// ask sends a request and returns status, body and where it leads.
func (b *browser) ask(method, target string, form url.Values) (status int, body, location string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.StatusCode, string(data), answer.Header.Get("Location")
}

// signedIn reports whether somebody is signed in.
func (b *browser) signedIn() bool {
	b.t.Helper()
	status, _, location := b.ask(http.MethodGet, b.origin+"/security", nil)
	return status == http.StatusOK && location == ""
}

// aSecret is the secret of a second factor as the page of an invitation shows it.
var aSecret = regexp.MustCompile(`[A-Z2-7]{4}(?: [A-Z2-7]{4}){7}`)

// TestPages serves the pages of a desk.
func TestPages(t *testing.T) {
	t.Parallel()
	made := newServed(t)
	t.Run("over TLS", func(t *testing.T) {
		t.Parallel()
		testOverTLS(t, made.copied(t))
	})
	t.Run("behind a proxy", func(t *testing.T) {
		t.Parallel()
		testBehindProxy(t, made.copied(t))
	})
	t.Run("refusals", func(t *testing.T) {
		t.Parallel()
		s := made.copied(t)
		s.refusals()
		s.unsafe()
	})
}

// testOverTLS sets a desk's pages up in a browser, over TLS, and finds everything
// as it was after the process was killed.
func testOverTLS(t *testing.T, s *served) {
	t.Helper()
	address, port, err := loopback.Free()
	s.must(err)
	origin := "https://localhost:" + port
	s.start("--web", address)
	file := filepath.Join(s.home, "set-up-link")
	info, err := os.Stat(file)
	s.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the link may be read by others: %v", info.Mode())
	}
	data, err := os.ReadFile(file)
	s.must(err)
	link, err := url.Parse(strings.TrimSpace(string(data)))
	s.must(err)
	code := link.Query().Get("code")
	if !strings.HasPrefix(link.String(), origin+"/welcome?code=") || len(code) < 32 {
		t.Fatal("the file holds no link to the pages")
	}
	b := browse(t, origin, "tcp", address, filepath.Join(s.home, "web.crt"))
	factor := b.setUp(link.String(), code)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link is still there although there is an administrator: %v", err)
	}
	if status, _, _ := b.ask(http.MethodGet, link.String(), nil); status != http.StatusUnprocessableEntity {
		t.Errorf("the link serves twice: %d", status)
	}

	// Without TLS there is nothing.
	plain := browse(t, "http://localhost", "tcp", address, "")
	if status, _, _ := plain.ask(http.MethodGet, "http://localhost/", nil); status != http.StatusBadRequest {
		t.Errorf("plain HTTP is answered with %d", status)
	}

	if err := s.stop(syscall.SIGKILL); err == nil {
		t.Error("the process ended by itself")
	}
	s.start("--web", address)
	if !b.signedIn() {
		t.Error("the session is gone after the process was killed")
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another link was made: %v", err)
	}
	next, err := totp.GenerateCode(factor, time.Now().Add(30*time.Second)) // the present one was used
	s.must(err)
	other := browse(t, origin, "tcp", address, filepath.Join(s.home, "web.crt"))
	status, _, _ := other.ask(http.MethodPost, origin+"/sign-in", url.Values{"login": {"ana"}, "password": {pagesPassword}, "code": {next}})
	if status != http.StatusSeeOther || !other.signedIn() {
		t.Errorf("signing in anew: %d", status)
	}
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Errorf("the process was asked to end: %v", err)
	}
	for _, kept := range []string{code, factor, pagesPassword, secret} {
		if strings.Contains(s.words(), kept) {
			t.Error("a secret is on the log")
		}
	}
	if !strings.Contains(s.words(), "route=setup.post") {
		t.Error("the log does not say what was asked for")
	}
}

const pagesPassword = "nine orange bicycles"

// setUp opens the link and makes the first administrator; it returns the secret of
// their second factor.
func (b *browser) setUp(link, code string) (factor string) {
	b.t.Helper()
	status, body, _ := b.ask(http.MethodGet, link, nil)
	factor = strings.ReplaceAll(aSecret.FindString(body), " ", "")
	if status != http.StatusOK || factor == "" {
		b.t.Fatalf("the link leads to %d without a second factor", status)
	}
	now, err := totp.GenerateCode(factor, time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	status, body, _ = b.ask(http.MethodPost, b.origin+"/welcome", url.Values{
		"code": {code}, "login": {"ana"}, "name": {"Ana Example"}, "password": {pagesPassword}, "repeat": {pagesPassword}, "factor": {now},
	})
	if status != http.StatusSeeOther || !b.signedIn() {
		b.t.Fatalf("set-up: %d %s", status, body)
	}
	return factor
}

// testBehindProxy serves on a Unix socket.
func testBehindProxy(t *testing.T, s *served) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "web.sock")
	const origin = "https://desk.example"
	at := []string{"--web", "unix:" + socket, "--origin", origin}
	s.start(at...)
	proxy := browse(t, origin, "unix", socket, "")
	status, body, _ := proxy.ask(http.MethodGet, "http://desk.example/sign-in", nil)
	if status != http.StatusOK || !strings.Contains(body, `name="password"`) {
		t.Errorf("behind a proxy the pages answer %d", status)
	}
	if status, _, location := proxy.ask(http.MethodGet, "http://other.example/sign-in", nil); status != http.StatusSeeOther || location != origin+"/sign-in" {
		t.Errorf("under another name they answer %d, %s", status, location)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket has mode %v: %v", info.Mode(), err)
	}
	if status, words := s.refused(at...); status != 2 || !strings.Contains(words, "somebody serves at") {
		t.Errorf("a second process: %d %s", status, words)
	}
	// A socket that a killed process has left is not in the way.
	_ = s.stop(syscall.SIGKILL) // ends with an error, as asked
	s.start(at...)
	if status, _, _ := proxy.ask(http.MethodGet, "http://desk.example/sign-in", nil); status != http.StatusOK {
		t.Errorf("after the process was killed: %d", status)
	}
	s.must(s.stop(syscall.SIGTERM))
}

// refusals are mistakes in the command line, each with what to do.
func (s *served) refusals() {
	s.t.Helper()
	dir := s.t.TempDir()
	socket := filepath.Join(dir, "web.sock")
	good, key := pair(s.t, dir, "good", "desk.example", time.Hour)
	over, overKey := pair(s.t, dir, "over", "desk.example", -time.Hour)
	file := filepath.Join(dir, "file")
	s.must(os.WriteFile(file, []byte("no certificate"), 0o600))
	open := filepath.Join(dir, "open.key")
	data, err := os.ReadFile(key)
	s.must(err)
	s.must(os.WriteFile(open, data, 0o600))
	s.must(os.Chmod(open, 0o644))
	const at, origin = "192.0.2.1:8443", "https://desk.example"
	for _, r := range []struct {
		args []string
		say  string
	}{
		{[]string{"--web", "8443"}, "--web is host:port"},
		{[]string{"--web", "127.0.0.1:https-port"}, "--web is host:port"},
		{[]string{"--web", "127.0.0.1:99999"}, "--web is host:port"},
		{[]string{"--web", "unix:"}, "path of a socket"},
		{[]string{"--web", "unix:" + socket}, "behind a proxy, --origin says"},
		{[]string{"--web", "unix:" + socket, "--origin", origin, "--tls-cert", good, "--tls-key", key}, "leave --tls-cert and --tls-key out"},
		{[]string{"--web", at}, "--origin says where"},
		{[]string{"--web", at, "--origin", "http://desk.example"}, "--origin is https://"},
		{[]string{"--web", at, "--origin", "https://desk.example/desk"}, "--origin is https://"},
		{[]string{"--web", at, "--origin", origin, "--tls-cert", good}, "go together"},
		{[]string{"--web", at, "--origin", origin, "--tls-cert", file, "--tls-key", file}, "a certificate and its key, in PEM"},
		{[]string{"--web", at, "--origin", origin, "--tls-cert", good, "--tls-key", filepath.Join(dir, "none")}, "no such file"},
		{[]string{"--web", at, "--origin", origin, "--tls-cert", good, "--tls-key", overKey}, "does not match"},
		{[]string{"--web", at, "--origin", origin, "--tls-cert", good, "--tls-key", open}, "chmod 600"},
		{[]string{"--web", at, "--origin", origin, "--tls-cert", over, "--tls-key", overKey}, "ended on"},
		{[]string{"--web", at, "--origin", "https://other.example", "--tls-cert", good, "--tls-key", key}, "is not for other.example"},
		{[]string{"--origin", origin}, "belong to --web"},
	} {
		status, words := s.mistaken(r.args...)
		if status != 2 || !strings.Contains(words, r.say) || !strings.Contains(words, "entraide: hint: ") {
			s.t.Errorf("%v: exit status %d, want 2 and %q:\n%s", r.args, status, r.say, words)
		}
	}
	if _, err := os.Stat(socket); !errors.Is(err, fs.ErrNotExist) {
		s.t.Errorf("a refusal left a socket: %v", err)
	}
}

// unsafe are states in which a desk is not served.
func (s *served) unsafe() {
	s.t.Helper()
	at := []string{"--web", "unix:" + filepath.Join(s.t.TempDir(), "web.sock"), "--origin", "https://desk.example"}
	expect := func(what, say string, try func(...string) (int, string), args ...string) {
		s.t.Helper()
		if status, words := try(args...); status != 1 || !strings.Contains(words, say) {
			s.t.Errorf("%s: exit status %d, want 1 and %q:\n%s", what, status, say, words)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	expect("a port that is taken", "somebody serves there already", s.refused, "--web", taken.Addr().String())
	s.must(taken.Close())

	if status, words := s.mistaken("--web", "unix:"+filepath.Join(s.home, "desk.db"), "--origin", "https://desk.example"); status != 2 ||
		!strings.Contains(words, "which is no socket") {
		s.t.Errorf("a file in the way: exit status %d, want 2:\n%s", status, words)
	}
	key := filepath.Join(s.home, "keys", "party.key")
	s.must(os.Chmod(key, 0o644))
	expect("a key that others may read", "private with chmod 600", s.refused, at...)
	s.must(os.Chmod(key, 0o600))

	config := filepath.Join(s.home, "web.toml")
	s.must(os.WriteFile(config, []byte("sign_in = \"nobody\"\n"), 0o600))
	expect("a key that is not known", "reading web.toml: sign_in is not known", s.mistaken, at...)
	s.must(os.Remove(config))

	s.must(os.Chmod(s.home, 0o755))
	expect("a home that others may read", "chmod 700", s.mistaken, at...)
	s.must(os.Chmod(s.home, 0o700))
}

// pair makes a certificate for a host, and its key, and returns their files.
func pair(t *testing.T, dir, name, host string, left time.Duration) (certificate, key string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(left),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(err)
	certificate, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	must(os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return certificate, key
}
