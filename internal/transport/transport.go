// Package transport makes and reads the TLS identities of brokers, desks and
// depositaries. An identity is a key; the self-signed certificate around it
// carries no authority. Whom a key belongs to is said by the directory, and
// for the broker by the file that it hands out (protocol section 8).
package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/pkg/wire"
)

// Names of the files in a home.
const (
	keyFile         = "tls.key"
	certificateFile = "tls.crt"
)

// lifetime of the certificate around a key. The key is what is pinned.
const lifetime = 10 * 365 * 24 * time.Hour

// Create makes an identity in the directory dir, which must not have one, and
// returns the digest of its key. The name appears in the certificate only.
func Create(dir, name string, now time.Time) (digest string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("transport: generating a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return "", fmt.Errorf("transport: choosing a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", fmt.Errorf("transport: making a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("transport: writing the key: %w", err)
	}
	if err := create(filepath.Join(dir, keyFile), "PRIVATE KEY", secret); err != nil {
		return "", err
	}
	if err := create(filepath.Join(dir, certificateFile), "CERTIFICATE", der); err != nil {
		return "", err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return "", fmt.Errorf("transport: reading the certificate: %w", err)
	}
	return wire.TransportDigest(parsed), nil
}

// create writes a PEM file that only the owner can read and that must not
// exist yet.
func create(path, kind string, der []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("transport: %w", err)
	}
	if err := pem.Encode(f, &pem.Block{Type: kind, Bytes: der}); err != nil {
		f.Close()
		return fmt.Errorf("transport: writing %s: %w", filepath.Base(path), err)
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return fmt.Errorf("transport: writing %s: %w", filepath.Base(path), err)
	}
	return f.Close()
}

// Load reads the identity in the directory dir.
func Load(dir string) (tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(filepath.Join(dir, certificateFile), filepath.Join(dir, keyFile))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("transport: reading the TLS identity: %w", err)
	}
	return c, nil
}
