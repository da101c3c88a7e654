package auditor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/wire"
)

// errMissing says that a source answers, and does not have a file.
var errMissing = errors.New("auditor: there is no such file")

const (
	// maxFile bounds a file of a log: a bundle of 256 leaves of 64 KiB.
	maxFile = 256 * (2 + 1<<16)
	// fetchTimeout bounds the wait for one.
	fetchTimeout = 60 * time.Second
)

// A Source returns the bytes at a path of a log: "checkpoint", or that of a
// tile (c2sp.org/tlog-tiles).
type Source func(ctx context.Context, path string) ([]byte, error)

// Directory reads a log from static files.
func Directory(dir string) Source {
	return func(_ context.Context, path string) ([]byte, error) {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(path))) //nolint:gosec // paths of tiles, made by package translog
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s", errMissing, path)
		}
		if err != nil {
			return nil, fmt.Errorf("auditor: reading %s: %w", path, err)
		}
		defer f.Close()
		return bounded(f, path)
	}
}

// Web reads a log from a web server that publishes it below an address.
func Web(address string) Source {
	c := &http.Client{Timeout: fetchTimeout}
	return func(ctx context.Context, path string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/"+path, nil)
		if err != nil {
			return nil, fmt.Errorf("auditor: fetching %s: %w", path, err)
		}
		res, err := c.Do(req)
		if err != nil {
			return nil, fmt.Errorf("auditor: fetching %s: %w", path, err)
		}
		defer res.Body.Close()
		switch res.StatusCode {
		case http.StatusOK:
			return bounded(res.Body, path)
		case http.StatusNotFound, http.StatusGone:
			return nil, fmt.Errorf("%w: %s", errMissing, path)
		}
		return nil, fmt.Errorf("auditor: fetching %s: status %d", path, res.StatusCode)
	}
}

// Broker reads a log from the broker that keeps it, known by its TLS key.
func Broker(b wire.Broker) (Source, error) {
	c, err := client.New(b, tls.Certificate{})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, path string) ([]byte, error) {
		data, err := c.Fetch(ctx, path)
		if problem.CodeOf(err) == problem.NotFound {
			return nil, fmt.Errorf("%w: %s", errMissing, path)
		}
		return data, err
	}, nil
}

func bounded(r io.Reader, path string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("auditor: reading %s: %w", path, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: %s is larger than any file of a log", ErrAltered, path)
	}
	return data, nil
}

// ahead is how many files are fetched before they are needed.
const ahead = 8

// A fetched file, or why not.
type fetched struct {
	data []byte
	err  error
}

// prefetch fetches the files in the order of the paths, a few ahead of whoever
// receives. It ends with ctx.
func prefetch(ctx context.Context, source Source, paths func(yield func(string) bool)) <-chan fetched {
	pending := make(chan chan fetched, ahead)
	out := make(chan fetched)
	go func() {
		defer close(pending)
		for path := range paths {
			one := make(chan fetched, 1)
			select {
			case pending <- one:
			case <-ctx.Done():
				return
			}
			go func() {
				data, err := source(ctx, path)
				one <- fetched{data, err}
			}()
		}
	}()
	go func() {
		defer close(out)
		for one := range pending {
			select {
			case out <- <-one:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
