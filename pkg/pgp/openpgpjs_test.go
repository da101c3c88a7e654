package pgp_test

import (
	"bytes"
	_ "embed"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

//go:embed testdata/openpgp.cjs
var script []byte

// TestOpenPGPjs: OpenPGP.js unlocks what Lock and Export write, reads
// certificates, signatures and payloads; we read its signatures, and its payloads
// where the protocol allows. It knows no keys of pq-6.
func TestOpenPGPjs(t *testing.T) {
	t.Parallel()
	modules := os.Getenv("ENTRAIDE_NODE_MODULES")
	if _, err := os.Stat(filepath.Join(modules, "openpgp")); modules == "" || err != nil {
		t.Skip("the npm package openpgp is not in the directory ENTRAIDE_NODE_MODULES")
	}
	for _, suite := range []pgp.Suite{pgp.Classic4, pgp.Modern6} {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			w := workbench(t, "node")
			w.env = append(w.env, "NODE_PATH="+modules)
			a, b := key(t, suite, alice), key(t, suite, bob)
			for name, data := range map[string][]byte{
				"script.cjs": script, "passphrase": passphrase, "typ": []byte(typ), "plain": plain,
				"a.cert":     must(b.Certify(a.Certificate(), now, 0))(t).Bytes(),
				"b.locked":   must(b.Lock(passphrase))(t),
				"b.exported": must(b.Export(passphrase))(t),
				"sig":        must(a.Sign(typ, plain, now))(t),
				"sealed":     must(a.Seal(typ, plain, b.Certificate(), now))(t),
			} {
				w.put(t, name, data)
			}
			w.run(t, "node", "script.cjs", now.Format(time.RFC3339))
			if got := w.get(t, "opened"); !bytes.Equal(got, plain) {
				t.Errorf("OpenPGP.js opens %q", got)
			}
			for _, name := range []string{"b.sig.0", "b.sig.1"} {
				wantError(t, b.Certificate().Verify(typ, plain, w.get(t, name), now), nil)
			}
			answer := w.get(t, "answer")
			if suite == pgp.Classic4 {
				opens(t, answer, b, a)
				return
			}
			// It names no intended recipients, which only classic-4 is forgiven.
			o := opening(t, b, a)
			o.AllowNoIntended = true
			_, err := a.Open(answer, o)
			wantError(t, err, pgp.ErrSignature)
		})
	}
}
