package desk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/time/rate"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// ErrExposed says that others than the owner may enter the home.
var ErrExposed = errors.New("others may read this home: make it private with chmod 700")

// ErrNoHome says that a directory is not a desk's home.
var ErrNoHome = errors.New("this is not a desk's home; make one with `entraide desk init`")

// ErrNoKey says that the home has no key of an authority in a suite.
var ErrNoKey = keyring.ErrNoKey

// Options are what a desk is opened with.
type Options struct {
	// Passphrase is called when a key is needed, once for all keys; reading
	// needs none.
	Passphrase func() ([]byte, error)
	Now        func() time.Time
	Log        *slog.Logger
	// Report is told how far evidence is; nil if nobody wants to know.
	Report Report
}

// A Desk is an open home. It is safe for concurrent use, and several processes
// may have one home open.
type Desk struct {
	Options
	home      string
	public    wire.Broker
	trust     verify.Trust
	client    *client.Client
	identity  atomic.Pointer[tls.Certificate] // that the client presents
	bandwidth *rate.Limiter                   // of evidence; nil for no bound
	db        store.Desk
	keys      keyring.Home
	signer    note.Signer      // of the desk's own log
	witness   *witness.Witness // of the broker's log; nil if the home has none
	reached   atomic.Int64     // when the broker last answered, in Unix seconds; 0 for not since Open

	mu     sync.Mutex
	dir    *directory.Directory
	warned map[string]bool // notices of keys that have been logged
}

// Open opens a desk's home. Nothing is unlocked before it is needed.
func Open(ctx context.Context, home string, o Options) (*Desk, error) {
	d := &Desk{Options: o, home: home}
	if err := d.readFiles(); err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, home, d.signer.Name())
	if err != nil {
		return nil, err
	}
	d.db = indexed{db, d.now}
	for _, step := range []func(context.Context) error{d.readDirectory, d.ensureIndex, d.announceRecovery} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// readFiles reads what a home holds besides its database.
func (d *Desk) readFiles() error {
	info, err := os.Stat(d.home)
	if err != nil {
		return ErrNoHome
	}
	if info.Mode().Perm()&0o077 != 0 {
		return ErrExposed
	}
	data, err := os.ReadFile(filepath.Join(d.home, brokerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoHome
	}
	if err != nil {
		return err
	}
	if err := strictjson.Unmarshal(data, 1<<16, &d.public); err != nil {
		return fmt.Errorf("reading %s: %w", brokerFile, err)
	}
	if d.trust, err = verify.NewTrust(d.public); err != nil {
		return err
	}
	secret, err := os.ReadFile(filepath.Join(d.home, logKeyFile))
	if err != nil {
		return fmt.Errorf("reading the key of the desk's log: %w", err)
	}
	if d.signer, err = translog.ParseSigner(strings.TrimSpace(string(secret))); err != nil {
		return fmt.Errorf("reading the key of the desk's log: %w", err)
	}
	d.keys = keyring.OpenHome(filepath.Join(d.home, keysDir), d.Passphrase)
	if err := d.openWitness(); err != nil {
		return err
	}
	return d.connect()
}

// connect prepares the connection to the broker.
func (d *Desk) connect() error {
	if err := d.install(); err != nil {
		return err
	}
	identity, err := transport.Load(d.home)
	if err != nil {
		return err
	}
	d.identity.Store(&identity)
	d.client, err = client.New(d.public, identity)
	return err
}

// readDirectory rebuilds the directory from the statements that the desk has
// verified, verifying them again.
func (d *Desk) readDirectory(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dir == nil {
		d.dir = directory.New(d.trust.Anchor)
	}
	return d.db.Read(ctx, func(r store.DeskReader) error {
		published, err := r.Published(ctx, d.dir.Size()-1)
		if err != nil {
			return err
		}
		for _, p := range published {
			next, err := d.trust.Statement(statementOf(p), d.dir)
			if err != nil {
				return fmt.Errorf("the stored directory is damaged at %d: %w", p.Index, err)
			}
			d.dir = next
		}
		return nil
	})
}

// statementOf is a stored statement as it was served.
func statementOf(p store.Published) wire.Statement {
	return wire.Statement{Index: p.Index, Statement: string(p.Text), Signature: p.Signature, Receipt: string(p.Receipt)}
}

// Close releases the home.
func (d *Desk) Close() error {
	d.client.Close()
	return d.db.Close()
}

// Directory returns the directory as the desk has verified it.
func (d *Desk) Directory() *directory.Directory {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dir
}

// Broker returns the description of the desk's broker.
func (d *Desk) Broker() wire.Broker { return d.public }

// Authorities returns the ids of the authorities that this desk has keys for, or
// that the directory says are connected by it, in order.
func (d *Desk) Authorities() ([]string, error) {
	keys, err := d.keys.List()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, k := range keys {
		if k.Authority != "" {
			ids = append(ids, k.Authority)
		}
	}
	for _, a := range d.Directory().ByTransport(transportOf(d.identity.Load())) {
		ids = append(ids, a.Statement.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// transportOf returns the digest by which the directory knows a TLS identity; empty
// if it cannot be read.
func transportOf(identity *tls.Certificate) string {
	c, err := x509.ParseCertificate(identity.Certificate[0])
	if err != nil {
		return ""
	}
	return wire.TransportDigest(c)
}

// now is the present, in whole seconds.
func (d *Desk) now() time.Time { return d.Now().UTC().Truncate(time.Second) }
