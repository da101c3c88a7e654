// Package client speaks to a broker (protocol section 8). It pins the
// broker's TLS key, presents the desk's, bounds what it reads, and turns
// problem documents back into errors. It believes nothing else the broker
// says: verifying receipts, statements and messages is the caller's part.
package client

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/wire"
)

// ErrTransport says that the broker was not reached, did not answer, or was
// not the pinned one. Whether it took what was sent is unknown.
var ErrTransport = errors.New("client: no answer from the broker")

// ErrNotTheBroker says that whoever answered does not have the pinned key.
var ErrNotTheBroker = errors.New("client: the server's TLS key is not the broker's")

const (
	dialTimeout   = 10 * time.Second
	answerTimeout = 60 * time.Second
	// maxAnswer bounds an answer: a page of statements with their receipts.
	maxAnswer = 64 << 20
)

// A Client speaks to one broker. It is safe for concurrent use.
type Client struct {
	broker wire.Broker
	base   *url.URL
	line   atomic.Pointer[line]
}

// A line is how the client connects under one identity.
type line struct {
	http   *http.Client
	stream *http.Client // without a limit on the whole exchange
}

// New returns a client of the broker that presents the certificate, which may
// be empty for the public log.
func New(b wire.Broker, certificate tls.Certificate) (*Client, error) {
	base, err := url.Parse(b.URL)
	if err != nil || base.Scheme != "https" || base.Host == "" {
		return nil, errors.New("client: the broker's address must be an https URL")
	}
	c := &Client{broker: b, base: base}
	c.line.Store(c.connect(certificate))
	return c, nil
}

// Use makes the client present another certificate from now on. What is under way
// ends under the one before.
func (c *Client) Use(certificate tls.Certificate) {
	c.line.Swap(c.connect(certificate)).http.CloseIdleConnections()
}

// connect prepares connections under an identity.
func (c *Client) connect(certificate tls.Certificate) *line {
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		// The broker is known by its key alone, which VerifyConnection checks.
		InsecureSkipVerify: true, //nolint:gosec // pinned below
		VerifyConnection:   func(cs tls.ConnectionState) error { return pinned(cs, c.broker.Transport) },
	}
	if len(certificate.Certificate) > 0 {
		config.Certificates = []tls.Certificate{certificate}
	}
	transport := &http.Transport{
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: answerTimeout,
		ForceAttemptHTTP2:     true,
		// Evidence that arrives faster than the disk takes it stays with the broker.
		HTTP2:               &http.HTTP2Config{MaxReceiveBufferPerStream: 256 << 10, MaxReceiveBufferPerConnection: 1 << 20},
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &line{
		http:   &http.Client{Transport: transport, Timeout: answerTimeout, CheckRedirect: noRedirect},
		stream: &http.Client{Transport: transport, CheckRedirect: noRedirect},
	}
}

// pinned checks that the server has the key whose SPKI has the digest.
func pinned(cs tls.ConnectionState, digest string) error {
	if len(cs.PeerCertificates) == 0 {
		return ErrNotTheBroker
	}
	if wire.TransportDigest(cs.PeerCertificates[0]) != digest {
		return ErrNotTheBroker
	}
	return nil
}

// Close drops idle connections.
func (c *Client) Close() { c.line.Load().http.CloseIdleConnections() }

// Submit submits a message in its wire form and returns the text of the log
// receipt, unverified. A refusal is a *problem.Error. After any other error the
// outcome is unknown: submit the same bytes again.
func (c *Client) Submit(ctx context.Context, message []byte) (receipt string, err error) {
	var a wire.Acceptance
	err = c.post(ctx, "/v1/messages", message, &a)
	return a.Receipt, err
}

// Acknowledge submits a delivery or opening receipt and returns the text of
// the log receipt, unverified.
func (c *Client) Acknowledge(ctx context.Context, signed message.SignedReceipt) (receipt string, err error) {
	body, err := strictjson.Marshal(signed)
	if err != nil {
		return "", err
	}
	var a wire.Acceptance
	err = c.post(ctx, "/v1/receipts", body, &a)
	return a.Receipt, err
}

// Publish submits a directory statement and returns the text of the log
// receipt, unverified.
func (c *Client) Publish(ctx context.Context, signed directory.Signed) (receipt string, err error) {
	body, err := strictjson.Marshal(signed)
	if err != nil {
		return "", err
	}
	var a wire.Acceptance
	err = c.post(ctx, "/v1/directory/statements", body, &a)
	return a.Receipt, err
}

// Message fetches a message by its id.
func (c *Client) Message(ctx context.Context, id string) (d wire.Delivery, err error) {
	err = c.get(ctx, "/v1/messages/"+url.PathEscape(id), nil, &d)
	return d, err
}

// Receipt fetches the best receipt of a message that the broker has,
// unverified.
func (c *Client) Receipt(ctx context.Context, id string) (r wire.Receipt, err error) {
	err = c.get(ctx, "/v1/messages/"+url.PathEscape(id)+"/receipt", nil, &r)
	return r, err
}

// Cosign hands in a checkpoint, as a signed note, with the caller's
// cosignature.
func (c *Client) Cosign(ctx context.Context, signed []byte) error {
	body, err := strictjson.Marshal(wire.Cosigned{Checkpoint: string(signed)})
	if err != nil {
		return err
	}
	var out wire.Cosigned
	return c.post(ctx, "/v1/cosignatures", body, &out)
}

// Anchor hands in the head of the log that the authority's desk keeps of its own;
// what is answered is unverified.
func (c *Client) Anchor(ctx context.Context, authority string, a wire.Anchor) (out wire.Anchored, err error) {
	body, err := strictjson.Marshal(a)
	if err != nil {
		return out, err
	}
	data, err := c.do(ctx, http.MethodPost, "/v1/anchors", url.Values{"authority": {authority}}, body)
	if err != nil {
		return out, err
	}
	return out, read(data, &out)
}

// BeginEvidence begins or resumes an upload of sealed evidence of a size in
// bytes, from one authority for another, with the list of its parts. It returns
// the indices of the parts that the broker lacks.
func (c *Client) BeginEvidence(ctx context.Context, from, to, manifest string, size int64, list []byte) ([]int, error) {
	query := url.Values{"from": {from}, "to": {to}, "size": {decimal(size)}}
	data, err := c.send(ctx, c.line.Load().http, octets(http.MethodPut, "/v1/evidence/"+url.PathEscape(manifest), query, bytes.NewReader(list)))
	if err != nil {
		return nil, err
	}
	var m wire.Missing
	return m.Parts, read(data, &m)
}

// PutPart uploads a part of a size in bytes.
func (c *Client) PutPart(ctx context.Context, from, manifest string, index int, size int64, part io.Reader) error {
	r := octets(http.MethodPut, fmt.Sprintf("/v1/evidence/%s/parts/%d", url.PathEscape(manifest), index), url.Values{"from": {from}}, part)
	r.size = size
	_, err := c.send(ctx, c.line.Load().stream, r)
	return err
}

// Manifest fetches the list of parts of evidence of a message, counted from 0,
// unverified.
func (c *Client) Manifest(ctx context.Context, id string, n int) ([]byte, error) {
	return c.do(ctx, http.MethodGet, fmt.Sprintf("/v1/messages/%s/evidence/%d", url.PathEscape(id), n), nil, nil)
}

// Part fetches a part of evidence of a message, both counted from 0, from an
// offset in bytes on, unverified.
func (c *Client) Part(ctx context.Context, id string, n, index int, offset int64) (io.ReadCloser, error) {
	address := c.address(fmt.Sprintf("/v1/messages/%s/evidence/%d/parts/%d", url.PathEscape(id), n, index), nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	want := http.StatusOK
	if offset > 0 {
		req.Header.Set("Range", "bytes="+decimal(offset)+"-")
		want = http.StatusPartialContent
	}
	res, err := c.line.Load().stream.Do(req)
	if err != nil {
		return nil, unreached(err)
	}
	if res.StatusCode != want {
		defer res.Body.Close()
		return nil, refused(res)
	}
	return res.Body, nil
}

// Inbox returns what is addressed to the authority behind the cursor.
func (c *Client) Inbox(ctx context.Context, authority string, after int64) (in wire.Inbox, err error) {
	err = c.get(ctx, "/v1/inbox", url.Values{"authority": {authority}, "after": {decimal(after)}}, &in)
	return in, err
}

// Sent returns the authority's own accepted messages to another with a number
// beyond after.
func (c *Client) Sent(ctx context.Context, from, to string, after int64) (s wire.Sent, err error) {
	err = c.get(ctx, "/v1/sent", url.Values{"from": {from}, "to": {to}, "after": {decimal(after)}}, &s)
	return s, err
}

// Case returns what the broker knows of a case, with its messages behind the
// cursor.
func (c *Client) Case(ctx context.Context, id string, after int64) (out wire.Case, err error) {
	err = c.get(ctx, "/v1/cases/"+url.PathEscape(id), url.Values{"after": {decimal(after)}}, &out)
	return out, err
}

// Statements returns directory statements behind the cursor.
func (c *Client) Statements(ctx context.Context, after int64) (s wire.Statements, err error) {
	err = c.get(ctx, "/v1/directory/statements", url.Values{"after": {decimal(after)}}, &s)
	return s, err
}

// AuditEntries asks for entries of the log, as an auditor; unverified.
func (c *Client) AuditEntries(ctx context.Context, q wire.AuditQuery) (out wire.AuditEntries, err error) {
	err = c.get(ctx, "/v1/audit/entries", q.Values(), &out)
	return out, err
}

// Fetch returns the bytes at a path of the public log: "checkpoint" or a tile
// path (c2sp.org/tlog-tiles).
func (c *Client) Fetch(ctx context.Context, path string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "/"+path, nil, nil)
}

// Events calls wake for every event of the authority's inbox until ctx ends
// or the line breaks, which is an error.
func (c *Client) Events(ctx context.Context, authority string, after int64, wake func()) error {
	u := c.address("/v1/inbox/events", url.Values{"authority": {authority}, "after": {decimal(after)}})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := c.line.Load().stream.Do(req)
	if err != nil {
		return unreached(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refused(res)
	}
	lines := bufio.NewScanner(io.LimitReader(res.Body, 1<<40))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") {
			wake()
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fmt.Errorf("%w: the line to the broker ended", ErrTransport)
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func (c *Client) address(path string, query url.Values) string {
	u := *c.base
	u.Path = strings.TrimSuffix(u.Path, "/") + path
	u.RawQuery = query.Encode()
	return u.String()
}

func (c *Client) get(ctx context.Context, path string, query url.Values, v any) error {
	data, err := c.do(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	return read(data, v)
}

func (c *Client) post(ctx context.Context, path string, body []byte, v any) error {
	data, err := c.do(ctx, http.MethodPost, path, nil, body)
	if err != nil {
		return err
	}
	return read(data, v)
}

func read(data []byte, v any) error {
	if err := strictjson.Unmarshal(data, maxAnswer, v); err != nil {
		return fmt.Errorf("%w: its answer is not understood: %w", ErrTransport, err)
	}
	return nil
}

// do makes one exchange, in which JSON is sent, and returns the body of a
// successful answer.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	r := request{method: method, path: path, query: query, body: bytes.NewReader(body)}
	if body != nil {
		r.media = "application/json"
	}
	return c.send(ctx, c.line.Load().http, r)
}

// A request is what is asked of the broker.
type request struct {
	method, path string
	query        url.Values
	body         io.Reader
	media        string // type of the body
	size         int64  // of a body that is no *bytes.Reader
}

// octets is a request that sends bytes.
func octets(method, path string, query url.Values, body io.Reader) request {
	return request{method: method, path: path, query: query, body: body, media: "application/octet-stream"}
}

// send makes one exchange and returns the body of a successful answer.
func (c *Client) send(ctx context.Context, line *http.Client, r request) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.address(r.path, r.query), r.body)
	if err != nil {
		return nil, err
	}
	if r.size > 0 {
		req.ContentLength = r.size
	}
	if r.media != "" {
		req.Header.Set("Content-Type", r.media)
	}
	res, err := line.Do(req)
	if err != nil {
		return nil, unreached(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return nil, refused(res)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, unreached(err)
	}
	if len(data) > maxAnswer {
		return nil, fmt.Errorf("%w: its answer is too long", ErrTransport)
	}
	return data, nil
}

// unreached hides addresses, which the standard library puts into its errors.
func unreached(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("%w: %w", ErrTransport, err)
}

// refused reads a problem document.
func refused(res *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return unreached(err)
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	var doc problem.Document
	if media != "application/problem+json" || strictjson.Unmarshal(data, len(data), &doc) != nil {
		return fmt.Errorf("%w: it answered with status %d", ErrTransport, res.StatusCode)
	}
	return doc.Err()
}
