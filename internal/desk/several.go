package desk

import (
	"context"
	"sync"
	"sync/atomic"
)

// parallel is how many parts travel at once.
const parallel = 4

// several does something for each of some parts, a few at once. After an error
// nothing new is begun, and what was begun is brought to its end: a part that is
// nearly there is not to be sent again. It returns the first error.
func several(ctx context.Context, indices []int, do func(index int) error) error {
	var next atomic.Int64
	var stop atomic.Bool
	var once sync.Once
	var first error
	fail := func(err error) {
		once.Do(func() { first = err })
		stop.Store(true)
	}
	var workers sync.WaitGroup
	for range min(parallel, len(indices)) {
		workers.Go(func() {
			for !stop.Load() {
				i := int(next.Add(1)) - 1
				if i >= len(indices) {
					return
				}
				if err := ctx.Err(); err != nil {
					fail(err)
				} else if err := do(indices[i]); err != nil {
					fail(err)
				}
			}
		})
	}
	workers.Wait()
	return first
}
