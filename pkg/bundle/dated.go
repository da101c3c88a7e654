package bundle

import (
	"fmt"
	"slices"
	"time"

	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// tolerance is how far a claimed time may be from what witnesses have seen. The
// broker itself takes messages within five minutes of their making.
const tolerance = 5 * time.Minute

// A claim is the time that an entry claims.
type claim struct {
	index int64
	at    time.Time
}

// A sight is a tree that a quorum of witnesses has seen.
type sight struct {
	size          int64
	first, newest time.Time // of the cosignatures
}

// note remembers what is known of the time of an entry.
func (c *check) note(a verify.Accepted) {
	c.checkpoints[a.Checkpoint] = true
	c.claims = append(c.claims, claim{a.Index, a.At})
	if !a.Witnessed || len(a.Cosigned) == 0 {
		return
	}
	by := func(a, b translog.Cosignature) int { return a.At.Compare(b.At) }
	c.sights = append(c.sights, sight{
		size: a.Checkpoint.Size, first: slices.MinFunc(a.Cosigned, by).At, newest: slices.MaxFunc(a.Cosigned, by).At,
	})
}

// dated holds the time that each entry claims against the trees that witnesses
// have seen: an entry was made before one that has it, and not before one that
// does not have it yet.
func (c *check) dated() error {
	for _, e := range c.claims {
		for _, s := range c.sights {
			text := ""
			switch {
			case e.index < s.size && e.at.After(s.newest.Add(tolerance)):
				text = "witnesses had seen it by"
			case e.index >= s.size && e.at.Before(s.first.Add(-tolerance)):
				text = "the log that witnesses saw did not have it at"
			default:
				continue
			}
			return verify.Misbehaviour(verify.TimeContradicted, fmt.Sprintf("entry %d claims %s, and %s %s",
				e.index, e.at.Format(time.RFC3339), text, s.newest.UTC().Format(time.RFC3339)), nil)
		}
	}
	return nil
}
