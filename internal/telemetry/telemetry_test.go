package telemetry_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/entraide/entraide/internal/telemetry"
)

// TestCause: what went wrong is said, and no name.
func TestCause(t *testing.T) {
	t.Parallel()
	why := errors.New("why")
	for _, err := range []error{
		why, fmt.Errorf("canary.pdf: %w", why), fmt.Errorf("one: %w", fmt.Errorf("%w: canary.pdf", why)),
		errors.Join(fmt.Errorf("canary.pdf: %w", why), errors.New("canary.pdf")), fmt.Errorf("canary.pdf: %w: %w", why, errors.New("canary.pdf")),
		errors.Join(errors.New("canary.pdf"), &fs.PathError{Op: "open", Path: "canary.pdf", Err: why}),
	} {
		if got := telemetry.Cause(err); got.Error() != "why" {
			t.Errorf("the cause of %v is %v", err, got)
		}
	}
}
