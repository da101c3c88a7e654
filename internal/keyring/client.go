package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

// Patience with a holder: for what is computed, and for a device that makes keys.
const (
	patience     = 30 * time.Second
	longPatience = 5 * time.Minute
)

// A Client asks the holder of keys behind a Unix socket, a key agent or the
// helper of a device. It connects anew for every request, so that a holder that
// was started again is found.
type Client struct {
	socket string
	remedy string
}

// NewAgentClient returns a client of a key agent.
func NewAgentClient(socket string) *Client {
	return &Client{socket, "start it with `entraide key agent`"}
}

// NewHSMClient returns a client of the helper of a device.
func NewHSMClient(socket string) *Client {
	return &Client{socket, "start it with `entraide-hsm serve`"}
}

// ask sends a request and returns the answer to it.
func (c *Client) ask(r request) (a answer, err error) {
	if err := c.check(); err != nil {
		return a, err
	}
	wait := patience
	if r.Op == opGenerate || r.Op == opChange || r.Op == opUnlock {
		wait = longPatience
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.socket)
	if err != nil {
		return a, c.gone(err)
	}
	defer func() { _ = conn.Close() }() // the answer is there, or has failed
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := writeFrame(conn, r); err != nil {
		return a, c.gone(err)
	}
	if err := readFrame(conn, &a); err != nil {
		return a, c.gone(err)
	}
	return a, a.err()
}

// check looks whose socket it is: whoever answers there learns what is signed.
func (c *Client) check() error {
	info, err := os.Lstat(c.socket)
	if errors.Is(err, fs.ErrNotExist) {
		return c.gone(errors.New("there is no such socket"))
	}
	if err != nil {
		return c.gone(err)
	}
	if info.Mode()&fs.ModeSocket == 0 || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%w: %s is not a private socket", ErrExposed, c.socket)
	}
	return nil
}

// gone is the error of a holder that does not answer.
func (c *Client) gone(err error) error {
	return fmt.Errorf("%w: nobody answers at %s, %s: %w", pgp.ErrUnavailable, c.socket, c.remedy, err)
}

// Names returns the names of the keys that are held.
func (c *Client) Names() ([]string, error) {
	a, err := c.ask(request{Op: opList})
	return a.Keys, err
}

// Key lends a key, as [Keyring] says.
func (c *Client) Key(name string) (*pgp.Key, error) {
	a, err := c.ask(request{Op: opKey, Key: name})
	if err != nil {
		return nil, err
	}
	return pgp.Held(a.Certificate, holder{c, name})
}

// Generate has a device make a key for a User ID and lends it.
func (c *Client) Generate(name string, suite pgp.Suite, userID string, at time.Time) (*pgp.Key, error) {
	a, err := c.ask(request{Op: opGenerate, Key: name, Suite: suite, UserID: userID, At: at.Unix()})
	if err != nil {
		return nil, err
	}
	return pgp.Held(a.Certificate, holder{c, name})
}

// Lock has the holder forget its keys until Unlock.
func (c *Client) Lock() error {
	_, err := c.ask(request{Op: opLock})
	return err
}

// Unlock has the holder unlock its keys.
func (c *Client) Unlock(passphrase []byte) error {
	_, err := c.ask(request{Op: opUnlock, Passphrase: passphrase})
	return err
}

// A holder is a pgp.Holder of one key.
type holder struct {
	client *Client
	name   string
}

// Sign implements pgp.Holder.
func (h holder) Sign(typ string, data []byte, intended []string, at time.Time) ([]byte, error) {
	a, err := h.client.ask(request{Op: opSign, Key: h.name, Typ: typ, Data: data, Intended: intended, At: at.Unix()})
	return a.Signature, err
}

// SessionKey implements pgp.Holder.
func (h holder) SessionKey(subkey string, packet []byte) ([]byte, error) {
	a, err := h.client.ask(request{Op: opSession, Key: h.name, Subkey: subkey, Packet: packet})
	return a.SessionKey, err
}

// Certify implements pgp.Holder.
func (h holder) Certify(certificate []byte, at time.Time, lifetime time.Duration) ([]byte, error) {
	a, err := h.client.ask(request{Op: opCertify, Key: h.name, Certificate: certificate, At: at.Unix(), LifetimeS: int64(lifetime / time.Second)})
	return a.Certificate, err
}

// Change implements pgp.Holder.
func (h holder) Change(c pgp.Change) ([]byte, error) {
	a, err := h.client.ask(request{Op: opChange, Key: h.name, Kind: c.Kind, Subkey: c.Subkey, Reason: int(c.Reason), At: c.At.Unix()})
	return a.Certificate, err
}
