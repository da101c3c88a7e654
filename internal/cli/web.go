package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/desk/web"
	"github.com/entraide/entraide/internal/page"
)

// setupFile is the file of a home that holds the link with which the first
// administrator sets up its pages.
const setupFile = "set-up-link"

// lastRequests is how long requests may take that run when the pages close.
const lastRequests = 5 * time.Second

// A webForm is where the pages of a desk are.
type webForm struct {
	address, origin  string
	certificate, key string
	training         bool // mark every page as one of an exercise
}

func (f *webForm) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.address, "web", "", "serve the pages for officers: host:port, or unix:PATH for a proxy")
	flags.StringVar(&f.origin, "origin", "", "where browsers find the pages, such as https://desk.example")
	flags.StringVar(&f.certificate, "tls-cert", "", "certificate for the pages (PEM); without it the desk makes one itself")
	flags.StringVar(&f.key, "tls-key", "", "key of the certificate (PEM)")
}

// check refuses flags that do not go together, before anything is opened.
func (f *webForm) check(now time.Time) error {
	if f.address == "" {
		if f.origin != "" || f.certificate != "" || f.key != "" {
			return usage("--origin, --tls-cert and --tls-key belong to --web, which says where the pages are served")
		}
		return nil
	}
	network, address, origin, err := f.place()
	if err != nil {
		return err
	}
	place, err := page.NewOrigin(origin)
	if err != nil {
		return usage("--origin is https:// and a host, with nothing after it, such as https://desk.example")
	}
	if err := free(network, address); err != nil {
		return err
	}
	return f.checkCertificate(network, place, now)
}

// free refuses the path of a socket where something else is.
func free(network, path string) error {
	info, err := os.Lstat(path)
	switch {
	case network != "unix" || errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && info.Mode().Type() != fs.ModeSocket:
		return usage("--web names %s, which is no socket: name a path where nothing is", path)
	}
	return err
}

// checkCertificate refuses a certificate that browsers would warn of, and a key
// that others may read.
func (f *webForm) checkCertificate(network string, origin *page.Origin, now time.Time) error {
	switch {
	case f.certificate == "" && f.key == "":
		return nil
	case network == "unix":
		return usage("behind a proxy, the certificate is the proxy's: leave --tls-cert and --tls-key out")
	case f.certificate == "" || f.key == "":
		return usage("--tls-cert and --tls-key go together")
	}
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return usage("--tls-cert and --tls-key must be a certificate and its key, in PEM: %v", err)
	}
	info, err := os.Stat(f.key)
	if err != nil {
		return err
	}
	u, err := url.Parse(origin.URL)
	switch {
	case err != nil:
		return err
	case info.Mode().Perm()&0o077 != 0:
		return usage("others may read the key %s: make it private with chmod 600", f.key)
	case now.After(pair.Leaf.NotAfter):
		return usage("the certificate of --tls-cert ended on %s: name one that goes on", pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	case pair.Leaf.VerifyHostname(u.Hostname()) != nil:
		return usage("the certificate of --tls-cert is not for %s: name one that is, or another --origin", u.Hostname())
	}
	return nil
}

// place is where the pages listen and how they are reached.
func (f *webForm) place() (network, address, origin string, err error) {
	if path, ok := strings.CutPrefix(f.address, "unix:"); ok {
		if path == "" {
			return "", "", "", usage("--web unix: is followed by the path of a socket")
		}
		if f.origin == "" {
			return "", "", "", usage("behind a proxy, --origin says where browsers find the pages, such as https://desk.example")
		}
		return "unix", path, f.origin, nil
	}
	host, port, err := net.SplitHostPort(f.address)
	if number, wrong := strconv.ParseUint(port, 10, 16); err != nil || host == "" || wrong != nil || number == 0 {
		return "", "", "", usage("--web is host:port, such as 127.0.0.1:8443, or unix:PATH")
	}
	origin = f.origin
	if ip := net.ParseIP(host); origin == "" && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		origin = "https://localhost:" + port
	}
	if origin == "" {
		return "", "", "", usage("--origin says where browsers find the pages, such as https://desk.example")
	}
	return "tcp", f.address, origin, nil
}

// open makes the pages of a desk ready to be served.
func (f *webForm) open(ctx context.Context, a *app, home string, d *desk.Desk) (serve func(context.Context) error, err error) {
	network, address, origin, err := f.place()
	if err != nil {
		return nil, err
	}
	accounts, err := account.New(d, account.DefaultCost())
	if err != nil {
		return nil, err
	}
	o := web.Options{
		Desk: d, Accounts: accounts, Origin: origin, Training: f.training, Log: a.logger(),
		SetUp: func() error { return endSetup(home) },
	}
	config, err := web.ReadConfig(home)
	if err != nil {
		return nil, err
	}
	if config.Provider != nil {
		if o.Provider, err = web.NewProvider(ctx, *config.Provider, origin); err != nil {
			return nil, err
		}
	}
	pages, err := web.New(o)
	if err != nil {
		return nil, err
	}
	certificate, err := f.identity(home, network, origin, a.now())
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(a.err, "entraide: the pages are at %s\n", origin)
	if err := a.offerSetup(ctx, home, accounts, pages); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return func(ctx context.Context) error {
		return run(ctx, page.HTTPServer(pages, certificate, a.logger()), listener)
	}, nil
}

// identity is the certificate of the pages; nil on a Unix socket, where the
// proxy has it. There is no way to serve them without TLS to anybody else.
func (f *webForm) identity(home, network, origin string, now time.Time) (*tls.Certificate, error) {
	if network == "unix" {
		return nil, nil
	}
	if f.certificate != "" || f.key != "" {
		c, err := tls.LoadX509KeyPair(f.certificate, f.key)
		return &c, err
	}
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	c, err := page.Certificate(home, u.Hostname(), now)
	return &c, err
}

// listen listens, on a socket that the group may use if it is one of Unix.
func listen(ctx context.Context, network, address string) (net.Listener, error) {
	if network == "unix" {
		if err := removeStale(ctx, address); err != nil {
			return nil, err
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, network, address)
	if err != nil || network != "unix" {
		return listener, err
	}
	return listener, os.Chmod(address, 0o660)
}

// removeStale takes away a socket at which nobody listens, as a process leaves it
// that was killed. Anything else stays, and is in the way.
func removeStale(ctx context.Context, path string) error {
	if err := free("unix", path); err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	case err != nil:
		return err
	}
	return errors.Join(conn.Close(), usage("somebody serves at %s already: stop them, or name another path with --web", path))
}

// run serves until the context ends.
func run(ctx context.Context, server *http.Server, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRequests)
		defer cancel()
		if server.Shutdown(ending) != nil {
			server.Close()
		}
	})
	defer stop()
	var err error
	if server.TLSConfig != nil {
		err = server.ServeTLS(listener, "", "")
	} else {
		err = server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// offerSetup hands out the link with which the first administrator sets the
// pages up: in a file that only the owner of the home reads, and on a terminal,
// but never to a log. Once there is an administrator it takes the file away.
func (a *app) offerSetup(ctx context.Context, home string, accounts *account.Accounts, pages *web.Server) error {
	path := filepath.Join(home, setupFile)
	code, err := accounts.FirstCode(ctx)
	if err != nil {
		return err
	}
	if code == "" {
		return endSetup(home)
	}
	link, err := pages.InvitationLink(code)
	if err != nil {
		return err
	}
	if err := errors.Join(endSetup(home), writeNew(path, []byte(link+"\n"))); err != nil {
		return err
	}
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(a.err, "\nSet the pages up within three days, once:\n\n  %s\n\n", link)
		return nil
	}
	fmt.Fprintf(a.err, "entraide: nobody can sign in yet; open the link in %s to set the pages up\n", path)
	return nil
}

// endSetup takes the link away once there is an administrator.
func endSetup(home string) error {
	err := os.Remove(filepath.Join(home, setupFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
