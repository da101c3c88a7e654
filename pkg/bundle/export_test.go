package bundle

import (
	"time"

	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// Dated judges the times of entries that were accepted, as a verification does.
func Dated(accepted ...verify.Accepted) error {
	c := &check{checkpoints: map[translog.Checkpoint]bool{}}
	for _, a := range accepted {
		c.note(a)
	}
	return c.dated()
}

// Tolerance is how far a claimed time may be from what witnesses have seen.
const Tolerance time.Duration = tolerance
