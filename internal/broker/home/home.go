package home

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/postgres"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// Files of a home.
const (
	logKeyFile  = "log.key"  // a signer key on each line
	vkeyFile    = "log.vkey" // the newest verifier key
	logKeysFile = "log.keys" // all that there were, once there were several
	// PublicFile describes the broker to those who will trust it.
	PublicFile = "broker.json"
)

// shutdownTimeout is how long running requests may take when a server stops.
const shutdownTimeout = 10 * time.Second

// InitOptions describe a new broker.
type InitOptions struct {
	URL, Listen, AdminListen, Origin, Database string
	Depositary                                 directory.Signed // the depositary's own statement
	Now                                        func() time.Time
	Log                                        *slog.Logger
}

// Init makes a broker's home in the directory, which must be empty or absent:
// configuration, log key, TLS identity, guard, and the log with its first
// entries: the inception, the configuration, the depositary's statement. It returns what desks
// must know of the broker, which is also written to PublicFile.
func Init(ctx context.Context, home string, o InitOptions) (wire.Broker, error) {
	if err := makeEmpty(home); err != nil {
		return wire.Broker{}, err
	}
	anchor, err := anchorOf(o.Depositary)
	if err != nil {
		return wire.Broker{}, fmt.Errorf("reading the depositary's statement: %w", err)
	}
	c := Config{
		URL: o.URL, Listen: o.Listen, AdminListen: o.AdminListen, Origin: o.Origin, Database: o.Database,
		Guard: filepath.Join("guard", "checkpoint"), Depositary: anchor,
		Limits: api.DefaultLimits(), Clocks: broker.DefaultClocks(), Parts: defaultParts, Evidence: broker.DefaultEvidence(),
		WithoutQuorum: broker.DefaultWithoutQuorum,
	}
	if err := c.check(); err != nil {
		return wire.Broker{}, err
	}
	public, err := writeHome(home, c, o.Now())
	if err != nil {
		return wire.Broker{}, err
	}
	b, err := Open(ctx, home, o.Now, o.Log)
	if err != nil {
		return wire.Broker{}, err
	}
	_, err = b.Broker.Publish(ctx, "depositary", o.Depositary)
	if err := errors.Join(err, b.Close()); err != nil {
		return wire.Broker{}, fmt.Errorf("publishing the depositary's statement: %w", err)
	}
	return public, nil
}

// anchorOf returns the fingerprint of a depositary from its own statement,
// which must be valid.
func anchorOf(signed directory.Signed) (string, error) {
	var s directory.DepositaryStatement
	if err := strictjson.Unmarshal([]byte(signed.Statement), directory.MaxStatementBytes, &s); err != nil {
		return "", err
	}
	certificate, err := pgp.ParseCertificate(s.Certificate)
	if err != nil {
		return "", err
	}
	_, err = directory.New(certificate.Fingerprint()).Apply(signed, 0)
	return certificate.Fingerprint(), err
}

// makeEmpty makes the directory, or checks that it is empty.
func makeEmpty(home string) error {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	names, err := os.ReadDir(home)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%s is not empty; choose another directory", home)
	}
	return nil
}

// writeHome writes keys, guard and configuration of a new home.
func writeHome(home string, c Config, now time.Time) (wire.Broker, error) {
	signer, verifier, err := translog.GenerateKey(c.Origin)
	if err != nil {
		return wire.Broker{}, err
	}
	digest, err := transport.Create(home, "entraide broker", now)
	if err != nil {
		return wire.Broker{}, err
	}
	public := wire.Broker{URL: c.URL, Transport: digest, Origin: c.Origin, LogKey: verifier, Depositary: c.Depositary}
	description, err := strictjson.Marshal(public)
	if err != nil {
		return wire.Broker{}, err
	}
	if err := os.MkdirAll(filepath.Dir(within(home, c.Guard)), 0o700); err != nil {
		return wire.Broker{}, err
	}
	if err := guard.Create(within(home, c.Guard)); err != nil {
		return wire.Broker{}, err
	}
	for name, content := range map[string]string{
		logKeyFile: signer + "\n", vkeyFile: verifier + "\n", PublicFile: string(description) + "\n", configFile: c.text(),
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			return wire.Broker{}, err
		}
	}
	return public, nil
}

// A Server is an open home: a broker ready to serve.
type Server struct {
	Broker *broker.Broker
	Config Config
	home   string
	store  store.Broker
	log    *slog.Logger
}

// Open opens the home's database and guard and starts the broker's loops. It
// refuses an unsafe state and says why: see [broker.Open], [guard.ErrMissing].
func Open(ctx context.Context, home string, now func() time.Time, log *slog.Logger) (*Server, error) {
	c, err := read(home)
	if err != nil {
		return nil, err
	}
	keys, err := readLogKeys(home)
	if err != nil {
		return nil, err
	}
	g, err := guard.Open(within(home, c.Guard))
	if err != nil {
		return nil, err
	}
	policy, text, err := c.policy(home)
	if err != nil {
		return nil, err
	}
	kept, err := c.openParts(ctx, home, now())
	if err != nil {
		return nil, err
	}
	effective, err := c.effective(home, keys)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, home, c)
	if err != nil {
		return nil, err
	}
	b, err := broker.Open(ctx, broker.Options{
		Store: db, Guard: g, Origin: c.Origin, Signers: keys.signers, Keys: keys.Verifiers(), Configuration: effective,
		Policy: policy, WithoutQuorum: c.WithoutQuorum, Anchor: c.Depositary, Clocks: c.Clocks, Parts: kept, Evidence: c.Evidence, Now: now, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &Server{Broker: b, Config: c, home: home, store: db, log: log}
	if err := s.describe(ctx, text, keys); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openDatabase opens the engine that the configuration names.
func openDatabase(ctx context.Context, home string, c Config) (store.Broker, error) {
	address, err := c.database(home)
	if err != nil {
		return nil, err
	}
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		return sqlite.Open(ctx, within(home, file))
	}
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		return postgres.Open(ctx, address)
	}
	return nil, fmt.Errorf("%w: database must be sqlite:FILE or a postgres:// address", ErrConfig)
}

// Serve answers the API, and health and metrics where configured, until ctx
// ends; then it finishes what runs. ready is called with the API's address
// once it listens.
func (s *Server) Serve(ctx context.Context, ready func(net.Addr)) error {
	certificate, err := transport.Load(s.home)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.Config.Listen)
	if err != nil {
		return err
	}
	servers := []*http.Server{api.New(s.Broker, s.Config.Limits, s.log).HTTPServer(certificate)}
	failed := make(chan error, 2)
	go func() { failed <- servers[0].ServeTLS(listener, "", "") }()
	if s.Config.AdminListen != "" {
		admin, err := net.Listen("tcp", s.Config.AdminListen)
		if err != nil {
			return errors.Join(err, servers[0].Close())
		}
		servers = append(servers, api.Admin(s.Broker))
		go func() { failed <- servers[1].Serve(admin) }()
	}
	ready(listener.Addr())
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	s.Broker.Stop()
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(stopping))
	}
	return err
}

// Close ends the broker and closes its database.
func (s *Server) Close() error {
	s.Broker.Close()
	return s.store.Close()
}
