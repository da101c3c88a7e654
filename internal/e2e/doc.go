// Package e2e holds tests in which desks and a broker meet on the wire, and
// the wire, or one of them, misbehaves.
package e2e
