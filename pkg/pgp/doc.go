// Package pgp is the project's profile of OpenPGP: keys, certificates, detached
// signatures and sealed payloads in three closed suites (protocol sections 2.2
// to 2.6). It is the one place that knows go-crypto.
//
// Only the packets and primitives of that library are used. Certificates,
// messages and what makes them valid are judged here, from the format (RFC 9580
// and RFC 9980):
//
//   - A certificate is parsed and all its self-signatures are verified once.
//     What remains is immutable: dates, key flags, revocations, public keys.
//     Whether it is valid is computed for an explicit time, never remembered,
//     so that a [Certificate] serves all goroutines and all dates.
//   - A message is opened by a grammar that has one sentence. There is no ring
//     of keys to be searched, no passphrase packet, no compression, no second
//     signature, and no plaintext before the signature is verified.
//   - Everything is binary. Armor is never decoded.
//   - Streams, of any size in constant memory, are encrypted only: [Encrypt] and
//     [Key.Decrypt] leave it to the caller to compare digests that were signed.
package pgp
