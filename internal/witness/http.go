package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/translog"
)

// Timeouts and sizes of the server.
const (
	serverTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// sizeType is the media type of a conflict's body.
const sizeType = "text/x.tlog.size"

// Server returns the witness's HTTP server: POST /add-checkpoint, and GET
// /HASH/checkpoint for what was cosigned last of the log whose origin has the
// SHA-256 HASH. Requests need no authentication beyond the log's signature.
func (w *Witness) Server() *http.Server {
	routes := http.NewServeMux()
	routes.HandleFunc("POST /add-checkpoint", w.add)
	routes.HandleFunc("GET /{hash}/checkpoint", w.checkpoint)
	return &http.Server{
		Handler: routes, ReadHeaderTimeout: serverTimeout, ReadTimeout: serverTimeout, WriteTimeout: serverTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
}

// add serves POST /add-checkpoint.
func (w *Witness) add(out http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(out, r.Body, translog.MaxWitnessBytes))
	if err != nil {
		answer(out, http.StatusRequestEntityTooLarge, "", []byte("the request is too long\n"))
		return
	}
	var line []byte
	a, err := translog.ParseAddCheckpoint(text)
	if err == nil {
		line, err = w.Add(r.Context(), a)
	}
	if err == nil {
		answer(out, http.StatusOK, "", line)
		return
	}
	if c, ok := errors.AsType[*Conflict](err); ok {
		answer(out, http.StatusConflict, sizeType, fmt.Appendf(nil, "%d\n", c.Size))
		return
	}
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		w.log.Error("checkpoint not cosigned", "err", err)
		err = errors.New("the witness cannot answer now")
	}
	answer(out, status, "", []byte(err.Error()+"\n"))
}

// statusOf is the status that the protocol gives a refusal.
func statusOf(err error) int {
	for _, s := range []struct {
		is     error
		status int
	}{
		{translog.ErrAddCheckpoint, http.StatusBadRequest},
		{ErrMalformed, http.StatusBadRequest},
		{ErrUnknownLog, http.StatusNotFound},
		{ErrUntrusted, http.StatusForbidden},
		{ErrProof, http.StatusUnprocessableEntity},
	} {
		if errors.Is(err, s.is) {
			return s.status
		}
	}
	return http.StatusInternalServerError
}

// checkpoint serves GET /{hash}/checkpoint.
func (w *Witness) checkpoint(out http.ResponseWriter, r *http.Request) {
	last, err := w.Last(r.Context(), r.PathValue("hash"))
	if err != nil {
		answer(out, statusOf(err), "", []byte("there is no such checkpoint\n"))
		return
	}
	answer(out, http.StatusOK, "", last)
}

func answer(out http.ResponseWriter, status int, media string, body []byte) {
	if media == "" {
		media = "text/plain; charset=utf-8"
	}
	out.Header().Set("Content-Type", media)
	out.Header().Set("Cache-Control", "no-store")
	out.Header().Set("X-Content-Type-Options", "nosniff")
	out.WriteHeader(status)
	_, _ = out.Write(body) // the client may be gone; there is nobody left to tell
}

// maxAnswer bounds what is read of a witness's answer.
const maxAnswer = 16 << 10

// Ask asks the witness at a submission prefix to cosign, and returns its
// signature lines, unverified. The error is a *[Conflict] if the witness
// stands elsewhere, and [ErrProof] if it does not believe the proof.
func Ask(ctx context.Context, client *http.Client, url string, a translog.AddCheckpoint) (lines []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+"/add-checkpoint", bytes.NewReader(a.Format()))
	if err != nil {
		return nil, fmt.Errorf("witness: asking: %w", err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("witness: asking: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("witness: reading the answer: %w", err)
	}
	switch res.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusConflict:
		size, err := strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
		if err != nil || size < 0 {
			return nil, errors.New("witness: the answer to a conflict names no size")
		}
		return nil, &Conflict{Size: size}
	case http.StatusUnprocessableEntity:
		return nil, ErrProof
	}
	return nil, fmt.Errorf("witness: it answers with status %d", res.StatusCode)
}
