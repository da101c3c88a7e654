package postgres

import (
	"context"
	"net"
	"time"
)

// SetSettleTime makes a test of a database that stays away a short one.
func (db *DB) SetSettleTime(d time.Duration) { db.settleTime = d }

// Dial dials as the connections of a database are dialled.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return newDialer().DialContext(ctx, network, address)
}
