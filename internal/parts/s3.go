package parts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 keeps parts as objects of a bucket of an S3-compatible service, named
// PREFIX/set/digest. The service must be one that shows an object only when all
// of it is durable, as that of Amazon does. The bucket must keep no versions:
// what is removed from one that does is still there.
type S3 struct {
	client         *minio.Client
	bucket, prefix string
}

// OpenS3 opens a bucket, which must exist, at an address such as
// https://s3.example/bucket/prefix; http is for services on the same host.
func OpenS3(ctx context.Context, address, accessKey, secretKey string) (*S3, error) {
	u, err := url.Parse(address)
	if err != nil || !isAddress(u) {
		return nil, errors.New("parts: the address of the service is written like https://s3.example/bucket/prefix")
	}
	if u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" && u.Hostname() != "::1" {
		return nil, errors.New("parts: http is for a service on the same host; others are reached by https")
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	client, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Secure: u.Scheme == "https"})
	if err != nil {
		return nil, fmt.Errorf("parts: opening the service: %w", err)
	}
	s := &S3{client, bucket, prefix}
	return s, s.Check(ctx)
}

// isAddress refuses all that would be ignored, and a path that is not the one
// that its objects would be listed under.
func isAddress(u *url.URL) bool {
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		u.Path != "" && u.Path != "/" && strings.TrimSuffix(u.Path, "/") == path.Clean(u.Path)
}

// key is the name of an object.
func (s *S3) key(set, name string) string { return path.Join(s.prefix, set, name) }

// Put implements [Store].
func (s *S3) Put(ctx context.Context, set, name string, size int64, r io.Reader) error {
	if err := checkNames(set, name); err != nil {
		return err
	}
	if size < 1 || size > MaxBytes {
		return ErrSize
	}
	checked := &checkedReader{in: r, gaveUp: ctx.Err, hash: sha256.New(), left: size, want: name}
	_, err := s.client.PutObject(ctx, s.bucket, s.key(set, name), checked, size,
		minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true})
	switch {
	case checked.err != nil: // the service says that it was cut off
		return checked.err
	case err == nil:
		return nil
	}
	if answer := minio.ToErrorResponse(err); answer.StatusCode == http.StatusInsufficientStorage || strings.Contains(answer.Code, "Full") || strings.Contains(answer.Code, "Quota") {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("parts: writing: %w", err)
}

// holdBytes is how much is held back of what is read, until it is known whether
// it is the end.
const holdBytes = 64 << 10

// A checkedReader gives the last of what it reads away only once the whole is
// known to be of the right size and digest, and is still wanted: a service that gets
// all bytes keeps them.
type checkedReader struct {
	in     io.Reader
	gaveUp func() error // why it is not wanted any more
	hash   hash.Hash
	want   string
	left   int64 // to be read, in bytes
	held   []byte
	buf    [holdBytes]byte
	err    error // what is wrong with what was read
}

// Read implements io.Reader.
func (c *checkedReader) Read(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(c.held) == 0 {
		if c.left == 0 {
			return 0, io.EOF
		}
		if c.err = c.fill(); c.err != nil {
			return 0, c.err
		}
	}
	n := copy(b, c.held)
	c.held = c.held[n:]
	return n, nil
}

// fill reads the next block, and all that is to be said of the last.
func (c *checkedReader) fill() error {
	block := c.buf[:min(c.left, holdBytes)]
	n, err := io.ReadFull(c.in, block)
	c.hash.Write(block[:n])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrSize
	}
	if err != nil {
		return err
	}
	c.held, c.left = block, c.left-int64(n)
	if c.left > 0 {
		return nil
	}
	if n, _ := io.ReadFull(c.in, make([]byte, 1)); n > 0 {
		return ErrSize
	}
	if hex.EncodeToString(c.hash.Sum(nil)) != c.want {
		return ErrDigest
	}
	return c.gaveUp()
}

// Open implements [Store].
func (s *S3) Open(ctx context.Context, set, name string) (Part, error) {
	if err := checkNames(set, name); err != nil {
		return nil, err
	}
	object, err := s.client.GetObject(ctx, s.bucket, s.key(set, name), minio.GetObjectOptions{})
	if err != nil {
		return nil, notThere(err)
	}
	if _, err := object.Stat(); err != nil { // the first that asks the service
		return nil, errors.Join(notThere(err), object.Close())
	}
	return object, nil
}

// Stat implements [Store].
func (s *S3) Stat(ctx context.Context, set, name string) (int64, error) {
	if err := checkNames(set, name); err != nil {
		return 0, err
	}
	info, err := s.client.StatObject(ctx, s.bucket, s.key(set, name), minio.StatObjectOptions{})
	if err != nil {
		return 0, notThere(err)
	}
	return info.Size, nil
}

// notThere turns the absence of an object into ErrNotFound.
func notThere(err error) error {
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
		return ErrNotFound
	}
	return fmt.Errorf("parts: reading: %w", err)
}

// RemoveSet implements [Store].
func (s *S3) RemoveSet(ctx context.Context, set string) error {
	if err := checkNames(set); err != nil {
		return err
	}
	return s.list(ctx, s.key(set, "")+"/", func(key string) error {
		if err := s.client.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{}); err != nil {
			return fmt.Errorf("parts: removing: %w", err)
		}
		return nil
	})
}

// Sets implements [Store].
func (s *S3) Sets(ctx context.Context, fn func(string) error) error {
	within := ""
	if s.prefix != "" {
		within = s.prefix + "/"
	}
	return s.list(ctx, within, func(key string) error {
		set := path.Base(key)
		if ours := strings.HasSuffix(key, "/") && checkNames(set) == nil; !ours {
			return nil
		}
		return fn(set)
	})
}

// list calls fn for every object or folder in a folder.
func (s *S3) list(ctx context.Context, folder string, fn func(key string) error) error {
	ctx, stop := context.WithCancel(ctx) // ends the list early
	defer stop()
	for o := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: folder}) {
		if o.Err != nil {
			return fmt.Errorf("parts: listing: %w", o.Err)
		}
		if err := fn(o.Key); err != nil {
			return err
		}
	}
	return nil
}

// Check implements [Store].
func (s *S3) Check(ctx context.Context) error {
	there, err := s.client.BucketExists(ctx, s.bucket)
	if err != nil {
		return fmt.Errorf("parts: the service cannot be asked for its bucket; check address and credentials: %w", err)
	}
	if !there {
		return fmt.Errorf("parts: there is no bucket %s; make it", s.bucket)
	}
	return nil
}
