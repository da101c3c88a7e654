package pgp_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/entraide/entraide/pkg/pgp"
)

// hostileUser is whose certificates those in testdata/hostile claim to be.
const hostileUser = "QN.mla <mla@qn.example>"

// hostile are the certificates in testdata/hostile, which are read by tests of what
// becomes of them elsewhere, and why each is refused. Those without a maker were made
// with GnuPG 2.2: rsa-1024 and dsa-1024 with keys of these kinds, sha-1 with
// --cert-digest-algo SHA1, unknown-algorithm from a good one with another number in
// the primary key.
var hostile = map[string]struct {
	why  string
	made func(t *testing.T, k, victim *pgp.Key) func(*parts)
}{
	"rsa-1024":          {"no suite has keys of version 4 and algorithm 1", nil},
	"dsa-1024":          {"no suite has keys of version 4 and algorithm 17", nil},
	"sha-1":             {"no signatures with SHA-1", nil},
	"unknown-algorithm": {"", nil},
	"no-back-signature": {"missing cross-signature", func(t *testing.T, k, _ *pgp.Key) func(*parts) {
		return binding(t, k, signing(t, k), nil)
	}},
	"foreign-back-signature": {"cross-signature", func(t *testing.T, k, v *pgp.Key) func(*parts) {
		return binding(t, k, signing(t, k), signsBack(t, signing(t, v), &signing(t, k).PublicKey, &k.Secret("").PublicKey))
	}},
	"adopted": {"", func(t *testing.T, k, v *pgp.Key) func(*parts) {
		return binding(t, k, signing(t, v), signsBack(t, signing(t, v), &signing(t, v).PublicKey, &v.Secret("").PublicKey))
	}},
	"bound-by-another": {"signature by another key", func(t *testing.T, _, v *pgp.Key) func(*parts) {
		return func(p *parts) { p.encrSig = apart(t, v).encrSig }
	}},
	"primary-that-signs": {"certifies and does nothing else", func(t *testing.T, k, _ *pgp.Key) func(*parts) {
		prim := k.Secret("")
		return func(p *parts) {
			p.direct = overKey(t, prim, packet.SigTypeDirectSignature, &prim.PublicKey, flags("certify", "sign"))
		}
	}},
	"signed-by-another-only": {"no self-signature", func(t *testing.T, k, v *pgp.Key) func(*parts) {
		return func(p *parts) {
			p.certs = over(t, v.Secret(""), packet.SigTypePositiveCert, hostileUser, &k.Secret("").PublicKey)
		}
	}},
	"nine-certifications": {"more than 8", func(t *testing.T, k, v *pgp.Key) func(*parts) {
		foreign := over(t, v.Secret(""), packet.SigTypePositiveCert, hostileUser, &k.Secret("").PublicKey)
		return func(p *parts) {
			p.certs = slices.Concat(p.certs, slices.Concat(slices.Repeat([][]byte{foreign}, 9)...))
		}
	}},
	"secret-key": {"", func(t *testing.T, k, _ *pgp.Key) func(*parts) {
		return func(p *parts) { p.primary = serialized(t, k.Secret("")) }
	}},
	"two-certificates": {"where none belongs", func(t *testing.T, _, v *pgp.Key) func(*parts) {
		return func(p *parts) { p.encrSig = slices.Concat(p.encrSig, apart(t, v).whole()) }
	}},
}

// binding replaces the signing subkey and its binding.
func binding(t *testing.T, k *pgp.Key, sub *packet.PrivateKey, back *packet.Signature) func(*parts) {
	return func(p *parts) {
		p.signing = public(t, sub)
		p.signingSig = binds(t, k.Secret(""), packet.SigTypeSubkeyBinding, &sub.PublicKey, back, flags("sign"))
	}
}

// TestHostile parses the certificates in testdata/hostile (T19 to T21). With -update
// it makes those anew that it can.
func TestHostile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "hostile")
	if *update {
		for name, h := range hostile {
			if h.made == nil {
				continue
			}
			k, victim := fresh(t, pgp.Modern6, hostileUser), fresh(t, pgp.Modern6, bob)
			if err := os.WriteFile(filepath.Join(dir, name+".pgp"), apart(t, k).whole(h.made(t, k, victim)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	files := must(os.ReadDir(dir))(t)
	if len(files) != len(hostile) {
		t.Errorf("%d files for %d entries", len(files), len(hostile))
	}
	for name, h := range hostile {
		data := must(os.ReadFile(filepath.Join(dir, name+".pgp")))(t)
		_, err := pgp.ParseCertificate(data)
		wantError(t, err, pgp.ErrCertificate)
		if err != nil && !strings.Contains(err.Error(), h.why) {
			t.Errorf("%s: %v, want %q", name, err, h.why)
		}
	}
}
