package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/lib/pq"
)

// errAddress says what is wrong with an address without repeating any of it.
var errAddress = errors.New("postgres: the database address is neither postgres://user@host/name nor key=value pairs, or a value in it is not allowed")

// defaults are the settings of a connection that the address leaves open. A
// server that does not accept writes is not ours, whatever its name.
var defaults = []struct{ key, value string }{
	{"connect_timeout", "2"},
	{"target_session_attrs", "read-write"},
}

// withDefaults adds our defaults to an address.
func withDefaults(address string) (string, error) {
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		for _, d := range defaults {
			address = d.key + "=" + d.value + " " + address // of two values the later counts
		}
		return address, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", errAddress
	}
	q := u.Query()
	for _, d := range defaults {
		if !q.Has(d.key) {
			q.Set(d.key, d.value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// A connector opens connections and prepares them for their work.
type connector struct{ *pq.Connector }

// newConnector reads an address, and returns it with our defaults as well.
func newConnector(address string) (string, *connector, error) {
	address, err := withDefaults(address)
	if err != nil {
		return "", nil, err
	}
	config, err := pq.NewConfig(address)
	if err != nil {
		return "", nil, errAddress
	}
	// Blobs and arrays travel as they are, and a query is one round trip.
	config.BinaryParameters = true
	c, err := pq.NewConnectorConfig(config)
	if err != nil {
		return "", nil, errAddress
	}
	c.Dialer(newDialer())
	return address, &connector{c}, nil
}

// settings are those of every session. The time-outs free what a broker holds
// that has stopped in the middle of a transaction, or whose machine is gone.
// Each of our queries has its index, and its plan is kept: one that was made
// while the table was empty must not read it from end to end ever after, nor
// be compiled for what that is thought to cost. Warnings reach us, whatever
// the database or the role says, and nothing milder: a commit must hear them.
const settings = `SET idle_in_transaction_session_timeout = '60s'; SET tcp_user_timeout = 8000;
	SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;
	SET enable_seqscan = off; SET jit = off; SET client_min_messages = 'warning'`

// Connect implements [driver.Connector].
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own, err := newConn(made)
	if err != nil {
		return nil, err
	}
	if _, err := own.ExecContext(ctx, settings, nil); err != nil {
		return nil, errors.Join(err, own.Close())
	}
	return own, nil
}

// userTimeout is how long sent data may stay unacknowledged before a dead line
// is given up: without it a read on a cut line hangs for minutes.
const userTimeout = 6 * time.Second

// A dialer makes connections that notice when the other side is gone.
type dialer struct{ net.Dialer }

func newDialer() *dialer {
	return &dialer{net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control:         setUserTimeout,
	}}
}

// DialTimeout implements [pq.Dialer].
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	limited := d.Dialer
	limited.Timeout = timeout
	return limited.Dial(network, address)
}
