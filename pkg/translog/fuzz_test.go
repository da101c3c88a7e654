package translog_test

import (
	"testing"

	"github.com/entraide/entraide/pkg/translog"
)

// What parses has one spelling: it is written back identically. A log must not
// be able to sign or prove one thing in two ways.

func FuzzParseCheckpoint(f *testing.F) {
	f.Add("broker.example/log\n3\n61COl2PVahWBT5hGMJKFDiMK860ppNQB5J/lSSYoXTM=\n")
	f.Add("broker.example/log\n03\n61COl2PVahWBT5hGMJKFDiMK860ppNQB5J/lSSYoXTM=\n")
	f.Add("broker.example/log\n3\n61COl2PVahWBT5hGMJKFDiMK860ppNQB5J/lSSYoXTN=\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := translog.ParseCheckpoint(text); err == nil && c.Text() != text {
			t.Errorf("%q is written back as %q", text, c.Text())
		}
	})
}

func FuzzParseReceipt(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra " +
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nindex 2\n27uF6f6TixyGpN6eBJ3N2Sl4HjPfT/mveFcr2EfrF/k=\n\nbroker.example/log\n"))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 02\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := translog.ParseReceipt(text); err == nil && string(r.Format()) != string(text) {
			t.Errorf("%q is written back as %q", text, r.Format())
		}
	})
}

func FuzzParseInclusion(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 2\n27uF6f6TixyGpN6eBJ3N2Sl4HjPfT/mveFcr2EfrF/k=\n\nbroker.example/log\n"))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 02\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if i, err := translog.ParseInclusion(text); err == nil && string(i.Format()) != string(text) {
			t.Errorf("%q is written back as %q", text, i.Format())
		}
	})
}

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"typ":"entraide/entry/1","kind":"configuration","time":"2026-03-02T09:00:00Z","configuration":{"what":"a","detail":"b"}}`))
	f.Add([]byte(`{"typ":"entraide/entry/1","kind":"message","time":"2026-03-02T09:00:00Z"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := translog.ParseEntry(body)
		if err != nil {
			return
		}
		if again, err := e.Marshal(); err != nil || string(again) != string(body) {
			t.Errorf("%q is written back as %q, %v", body, again, err)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	f.Add("tile/0/x001/234.p/5")
	f.Add("tile/entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		if p, err := translog.ParsePath(path); err == nil && (p.String() != path || p.From() < 0 || p.To() <= p.From()) {
			t.Errorf("%q is %+v, written back as %q", path, p, p)
		}
	})
}
