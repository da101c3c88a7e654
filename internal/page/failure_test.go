package page_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/entraide/entraide/internal/page"
)

// TestRecord: the log says what went wrong, and never the name of a file.
func TestRecord(t *testing.T) {
	t.Parallel()
	full := &fs.PathError{Op: "write", Path: "canary.pdf", Err: syscall.ENOSPC}
	for _, err := range []error{full, fmt.Errorf("receiving: %w", full), errors.Join(full, errors.New("closing canary.pdf"))} {
		var log bytes.Buffer
		page.Record(slog.New(slog.NewTextHandler(&log, nil)), http.StatusInternalServerError, "0123", err)
		if got := log.String(); strings.Contains(got, "canary") || !strings.Contains(got, "no space left on device") {
			t.Errorf("%v is recorded as %s", err, got)
		}
	}
}
