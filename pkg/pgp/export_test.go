package pgp

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

func init() { generateRSA = primes() }

// GenerateRSA makes a key of RSA.
func GenerateRSA() (*rsa.PrivateKey, error) { return generateRSA() }

// primes returns what makes RSA keys of primes that are at hand, no two keys of
// the same two: searching for primes would take most of the time of the tests.
func primes() func() (*rsa.PrivateKey, error) {
	var mu sync.Mutex
	var list []*big.Int
	i, j := 0, 0
	return func() (*rsa.PrivateKey, error) {
		mu.Lock()
		defer mu.Unlock()
		if list == nil {
			text, err := os.ReadFile(filepath.Join("testdata", "primes"))
			if err != nil {
				return nil, err
			}
			for _, line := range strings.Fields(string(text)) {
				p, _ := new(big.Int).SetString(line, 16)
				list = append(list, p)
			}
		}
		if j++; j == len(list) {
			i, j = i+1, i+2
		}
		if j >= len(list) {
			return nil, errors.New("there are too few primes")
		}
		return ofPrimes(list[i], list[j])
	}
}

// ofPrimes makes the RSA key of two primes.
func ofPrimes(p, q *big.Int) (*rsa.PrivateKey, error) {
	one := big.NewInt(1)
	k := &rsa.PrivateKey{Primes: []*big.Int{p, q}}
	k.N, k.E = new(big.Int).Mul(p, q), rsaExponent
	k.D = new(big.Int).ModInverse(big.NewInt(rsaExponent), new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)))
	k.Precompute()
	return k, k.Validate()
}

// Secret returns a secret key of k, the primary key if fingerprint is empty, so
// that tests can make what this package refuses to.
func (k *Key) Secret(fingerprint string) *packet.PrivateKey {
	if fingerprint == "" {
		return k.primary
	}
	return k.subkeys[fingerprint]
}

// Change returns a key with the same secrets and another certificate.
func (k *Key) Change(certificate []byte) (*Key, error) {
	public, err := ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	return &Key{suite: k.suite, primary: k.primary, subkeys: k.subkeys, public: public}, nil
}

// Unlocked returns the transferable secret key with its secrets in the clear.
func (k *Key) Unlocked() ([]byte, error) {
	var out bytes.Buffer
	for rest := k.public.data; len(rest) > 0; {
		p, tail, err := cutPacket(rest)
		if err != nil {
			return nil, err
		}
		rest = tail
		if p.tag != tagPublicKey && p.tag != tagPublicSubkey {
			out.Write(p.raw)
			continue
		}
		parsed, err := packet.Read(bytes.NewReader(p.raw))
		if err != nil {
			return nil, err
		}
		secret := k.primary
		if key := parsed.(*packet.PublicKey); key.IsSubkey {
			secret = k.subkeys[fingerprintOf(key)]
		}
		if err := secret.Serialize(&out); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// Packets cuts data into packets: their types, and themselves as they stand.
func Packets(data []byte) (tags []int, raw [][]byte, err error) {
	for len(data) > 0 {
		p, rest, err := cutPacket(data)
		if err != nil {
			return nil, nil, err
		}
		tags, raw, data = append(tags, p.tag), append(raw, p.raw), rest
	}
	return tags, raw, nil
}

// Packet makes a packet.
func Packet(tag byte, body ...[]byte) []byte { return appendPacket(nil, tag, body...) }

// OnePass announces a signature.
func OnePass(sig *packet.Signature) *packet.OnePassSignature { return onePass(sig) }
