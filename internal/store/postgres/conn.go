package postgres

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// A session is what package pq's connections can do.
type session interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// A conn is a connection that prepares every statement with arguments once.
// The server then neither parses nor plans it again, which is a third of the
// time of a single submission, and blobs come back as they are instead of as
// hexadecimal text. A broker has no more statements than are in this package; a
// desk makes some of the filters that are asked for, so a connection that has
// prepared very many ends.
type conn struct {
	session
	prepared map[string]statement
	outdated bool // the schema has changed under a prepared statement, or there are too many
}

const maxPrepared = 1000

// A statement is what package pq's statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

var errDriver = errors.New("postgres: package pq has other connections than it had")

func newConn(made driver.Conn) (*conn, error) {
	s, ok := made.(session)
	if !ok {
		return nil, errors.Join(errDriver, made.Close())
	}
	return &conn{session: s, prepared: map[string]statement{}}, nil
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 0 {
		return c.session.QueryContext(ctx, query, args)
	}
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	c.judge(err)
	return rows, err
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		return c.session.ExecContext(ctx, query, args)
	}
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	c.judge(err)
	return result, err
}

// statement returns the prepared form of a query.
func (c *conn) statement(ctx context.Context, query string) (statement, error) {
	if s, ok := c.prepared[query]; ok {
		return s, nil
	}
	made, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := made.(statement)
	if !ok {
		return nil, errors.Join(errDriver, made.Close())
	}
	c.prepared[query] = s
	c.outdated = c.outdated || len(c.prepared) >= maxPrepared
	return s, nil
}

// judge notes an error that says that what is prepared no longer fits.
func (c *conn) judge(err error) {
	if pq.As(err, pqerror.FeatureNotSupported, pqerror.InvalidSQLStatementName) != nil {
		c.outdated = true
	}
}

// IsValid implements [driver.Validator].
func (c *conn) IsValid() bool { return !c.outdated && c.session.IsValid() }
