//go:build !linux

package postgres

import "syscall"

// setUserTimeout does nothing where the system has no such limit; probes on an
// idle line remain.
func setUserTimeout(string, string, syscall.RawConn) error { return nil }
