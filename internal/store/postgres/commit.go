package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lib/pq"
	"golang.org/x/sys/unix"

	"github.com/entraide/entraide/internal/store"
)

const (
	// connectTime bounds making a connection.
	connectTime = 5 * time.Second
	// userTimeout is how long sent data may stay unacknowledged before a dead
	// line is given up: without it a read on a cut line hangs for minutes.
	userTimeout = 6 * time.Second
)

// A dialer makes connections that notice when the other side is gone.
type dialer struct{}

// Dial implements pq.Dialer.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer.
func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext implements pq.DialerContext.
func (dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	nd := net.Dialer{
		Timeout:         connectTime,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control: func(network, _ string, c syscall.RawConn) (err error) {
			if network == "unix" {
				return nil
			}
			control := c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
			})
			return errors.Join(err, control)
		},
	}
	return nd.DialContext(ctx, network, address)
}

// A connector makes connections whose warnings are heard: PostgreSQL answers a
// cancelled wait for its standby with a warning, and success.
type connector struct{ *pq.Connector }

func newConnector(address string) (*connector, error) {
	c, err := pq.NewConnector(address)
	if err != nil {
		return nil, errors.New("postgres: the database address cannot be read")
	}
	c.Dialer(dialer{})
	return &connector{c}, nil
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	w := &warnings{}
	pq.SetNoticeHandler(made, w.hear)
	return &conn{Conn: made, warnings: w}, nil
}

// warnings remembers whether a connection has warned.
type warnings struct{ heard atomic.Bool }

// notLocal is the SQLSTATE of warnings, with which the server says that a
// commit is durable here but perhaps on no standby.
const notLocal = "01000"

func (w *warnings) hear(e *pq.Error) {
	if e.Code == notLocal {
		w.heard.Store(true)
	}
}

// commit commits. It returns nil only if the batch is durable wherever the
// database promises it to be.
func (db *DB) commit(ctx context.Context, c *sql.Conn, w *writer) error {
	err := w.tx.Commit()
	warned := false
	if rawErr := c.Raw(func(raw any) error {
		if own, ok := raw.(*conn); ok {
			warned = own.warnings.heard.Load()
		}
		if warned {
			return driver.ErrBadConn // do not use it again
		}
		return nil
	}); rawErr != nil && !warned {
		err = errors.Join(err, rawErr)
	}
	if warned {
		return fmt.Errorf("%w: the wait for the standby was cancelled", store.ErrOutcomeUnknown)
	}
	if err == nil {
		return nil
	}
	if serverRefused(err) {
		return fmt.Errorf("postgres: committing: %w", err)
	}
	return db.reread(ctx, w, err)
}

// serverRefused reports whether the server itself said that it did not commit.
func serverRefused(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	// Class 57 (operator intervention) and 08 (connection) leave it open.
	return ok && e.Code.Class() != "57" && e.Code.Class() != "08"
}

// reread finds out what became of a commit whose answer was lost. The head row
// was ours alone: either it has moved by our batch, or it has not.
func (db *DB) reread(ctx context.Context, w *writer, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, rereadTime)
	defer cancel()
	tick := time.NewTicker(reconnectLeast)
	defer tick.Stop()
	for {
		committed, err := db.committed(ctx, w)
		switch {
		case err == nil && committed:
			return nil
		case err == nil:
			return fmt.Errorf("postgres: committing: %w", cause)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", store.ErrOutcomeUnknown, cause)
		case <-tick.C:
		}
	}
}

// committed asks with a write, so that the answer itself is durable: whether
// the first entry of the batch stands in its place. A transaction that is still
// ending holds the head row, and is waited for.
func (db *DB) committed(ctx context.Context, w *writer) (bool, error) {
	if !w.appended || len(w.batch.Entries) == 0 {
		return false, nil
	}
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after the commit
	if _, err := tx.ExecContext(ctx, `UPDATE log_head SET touched = touched + 1`); err != nil {
		return false, err
	}
	first := w.batch.Entries[0]
	var leaf []byte
	err = tx.QueryRowContext(ctx, `SELECT leaf FROM log_entry WHERE idx = $1`, first.Index).Scan(&leaf)
	if errors.Is(err, sql.ErrNoRows) {
		return false, tx.Commit()
	}
	if err != nil {
		return false, err
	}
	return bytes.Equal(leaf, first.Leaf), tx.Commit()
}
