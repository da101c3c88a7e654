// Package page is what the applications of desks and of auditors have in common:
// how their pages look and are put together, how forms are shown again, how errors
// become pages, and what every answer and every request must satisfy. It knows
// neither desks nor logs.
//
// A [Set] holds the parsed pages of an application. Templates of the application
// are files with the blocks "title" and "main" (and "head", where a page renews
// itself); layout.html, partials.html and error.html, in this package, are part of
// every application, which therefore has routes named home, language and, if it
// has sessions, signout and stay.
package page

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

// Timeouts and sizes of a server.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 60 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// MaxFormBytes bounds a form, unless its route says otherwise.
const MaxFormBytes = 256 << 10

// HTTPServer returns a server for the pages of an application. certificate is nil
// for a server behind a proxy on a Unix socket.
func HTTPServer(pages http.Handler, certificate *tls.Certificate, log *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if certificate != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}}
	}
	return server
}
