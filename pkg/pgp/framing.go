package pgp

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Parameters of the container in the version 6 suites (RFC 9580, sections 9.3,
// 9.6 and 5.13.2).
const (
	cipherAES256  = 9
	aeadGCM       = 3
	maxChunk      = 16 // chunks of 2^(16+6) = 4 MiB
	seipd2Header  = 4 + 32
	minContainer1 = 1 + 18 + 22 // version, prefix, modification detection
	minContainer2 = seipd2Header + 16
)

// CheckFraming checks, without any secret, that sealed is exactly what the
// suite prescribes: one encrypted session key for each of the recipients,
// given by the fingerprints of their encryption subkeys (upper-case hex), in
// this order; then one encrypted and integrity-protected container of the
// suite's version, cipher and mode, to the end. There is no passphrase packet,
// no hidden recipient, marker, padding, older container, compressed or naked
// data, and no armor.
//
// The error wraps [ErrFraming], or is [ErrSuite].
//
// Format: RFC 9580, sections 4.2, 5.1 and 5.13; RFC 9980 for pq-6.
func CheckFraming(suite Suite, sealed []byte, recipients ...string) error {
	f, ok := forms[suite]
	if !ok {
		return ErrSuite
	}
	rest := sealed
	for i, recipient := range recipients {
		var p rawPacket
		var err error
		if p, rest, err = nextPacket(rest); err != nil {
			return fmt.Errorf("%w: session key %d is %w", ErrFraming, i+1, err)
		}
		if p.tag != tagPKESK || !f.isFor(p.body, recipient) {
			return fmt.Errorf("%w: packet %d is not the session key for recipient %d in the form of %s", ErrFraming, i+1, i+1, suite)
		}
	}
	p, rest, err := nextPacket(rest)
	if err != nil {
		return fmt.Errorf("%w: the container is %w", ErrFraming, err)
	}
	if p.tag != tagSEIPD || !f.isContainer(p) {
		return fmt.Errorf("%w: behind the session keys there is no container in the form of %s", ErrFraming, suite)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: something follows the container", ErrFraming)
	}
	return nil
}

// isFor reports whether the body of a session-key packet has the suite's
// version and algorithm and names the recipient's subkey: by key id in version
// 3, which is all that it can carry, and by fingerprint in version 6.
func (f form) isFor(body []byte, recipient string) bool {
	fingerprint, err := hex.DecodeString(recipient)
	if err != nil || strings.ToUpper(recipient) != recipient {
		return false
	}
	if f.pkesk == 3 {
		const head = 1 + 8 + 1
		return len(fingerprint) == 20 && len(body) > head && body[0] == 3 &&
			string(body[1:9]) == string(fingerprint[12:]) && body[9] == byte(f.encrypt)
	}
	const head = 1 + 1 + 1 + 32 + 1
	return len(fingerprint) == 32 && len(body) > head && body[0] == 6 && body[1] == 33 && body[2] == 6 &&
		string(body[3:35]) == string(fingerprint) && body[35] == byte(f.encrypt)
}

// isContainer reports whether a container has the suite's version, cipher,
// mode and a chunk size that is allowed.
func (f form) isContainer(p rawPacket) bool {
	if f.seipd == 1 {
		return (p.partial || len(p.body) >= minContainer1) && len(p.body) > 0 && p.body[0] == 1
	}
	return (p.partial || len(p.body) >= minContainer2) && len(p.body) >= seipd2Header && p.body[0] == 2 &&
		p.body[1] == cipherAES256 && p.body[2] == aeadGCM && p.body[3] <= maxChunk
}
