package page

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files of a home that hold the certificate of its pages, if it has been made
// here.
const (
	certificateFile = "web.crt"
	keyFile         = "web.key"
)

// selfMade is how long a certificate lasts that has been made here, and
// renewed how long before its end another takes its place.
const (
	selfMade = 397 * 24 * time.Hour
	renewed  = 30 * 24 * time.Hour
)

// Certificate returns the certificate for the pages at a host that has been made
// here, and makes it as needed. Browsers ask before they trust it: pages that more
// than one machine uses should have one of the State's own.
func Certificate(home, host string, now time.Time) (tls.Certificate, error) {
	paths := [2]string{filepath.Join(home, certificateFile), filepath.Join(home, keyFile)}
	kept, err := tls.LoadX509KeyPair(paths[0], paths[1])
	if err == nil && kept.Leaf.VerifyHostname(host) == nil && now.Before(kept.Leaf.NotAfter.Add(-renewed)) {
		return kept, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return kept, err
	}
	certificate, key, err := makeCertificate(host, now)
	if err != nil {
		return kept, err
	}
	if err := errors.Join(os.WriteFile(paths[0], certificate, 0o600), os.WriteFile(paths[1], key, 0o600)); err != nil {
		return kept, err
	}
	return tls.X509KeyPair(certificate, key)
}

// makeCertificate makes a certificate and its key, in PEM.
func makeCertificate(host string, now time.Time) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Entraide"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfMade),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}
