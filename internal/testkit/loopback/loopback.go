// Package loopback finds addresses for servers that a test starts in processes of
// their own, kills, and starts again.
package loopback

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strconv"
)

// Ports below those that a system gives to whoever asks for any (from 32768 on
// Linux), so that no other test is given the port while its server is down.
const (
	firstPort = 20000
	ports     = 12000
)

// Free returns an address of loopback ("127.0.0.1:24680") that nobody listens on,
// and its port.
func Free() (address, port string, err error) {
	for range 100 {
		n, randErr := rand.Int(rand.Reader, big.NewInt(ports))
		if randErr != nil {
			return "", "", randErr
		}
		port = strconv.FormatInt(firstPort+n.Int64(), 10)
		address = net.JoinHostPort("127.0.0.1", port)
		l, listenErr := net.Listen("tcp", address)
		if listenErr == nil {
			return address, port, l.Close()
		}
		err = errors.Join(err, listenErr)
	}
	return "", "", fmt.Errorf("no free port: %w", err)
}
