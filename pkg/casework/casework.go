// Package casework says how a case stands in substance: the state of every
// measure, the clocks, the conditions that bind, what is missing and who is to
// act. All of it is derived from the signed messages of the case in the order of
// the log, by the tables of schemas/workflows and nothing else, so that both
// sides, and whoever audits them, arrive at the same.
package casework

import (
	"time"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// An Entry is a message at its place in the log.
type Entry struct {
	// Digest is that of the message.
	Digest string
	Actor  workflow.Actor
	// At is when the broker accepted the message.
	At time.Time
	// Body is nil where the message could not be opened.
	Body convention.Body
	// Linked says that the message belongs to another case that refers to this
	// one: a request for data that it preserves, or an extension.
	Linked bool
}
