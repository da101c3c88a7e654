package e2e_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/cli"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/wire"
)

// command runs a command line on a desk's home, and returns its exit status and
// all it says.
func (h *hub) command(party string, args ...string) (status int, said string) {
	h.t.Helper()
	var out bytes.Buffer
	status = cli.Run(append(args, "--home", filepath.Join(h.dir, party)), strings.NewReader(""), &out, &out)
	return status, out.String()
}

// forged is an authority's statement as an operator would like it: with a key of
// his own in the place of the authority's, certified and signed by himself.
func (h *hub) forged(subject string, dir *directory.Directory) directory.Signed {
	h.t.Helper()
	a, err := dir.Authority(subject)
	h.must(err)
	at := a.Statement.Issued.Time
	party, err := pgp.Generate(pgp.Classic4, a.Party+" <party@operator.example>", at, 0)
	h.must(err)
	key, err := pgp.Generate(pgp.Modern6, subject+" <mla@operator.example>", at, 0)
	h.must(err)
	certified, err := party.Certify(key.Certificate(), at, 365*24*time.Hour)
	h.must(err)
	statement := a.Statement
	statement.Certificates = map[pgp.Suite][]byte{pgp.Modern6: certified.Bytes()}
	signed, err := directory.Sign(party, statement, at)
	h.must(err)
	return signed
}

// kept is the statement that a desk has kept as evidence, with what the broker
// gave as its receipt.
func (h *hub) kept(party string) (s wire.Statement) {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, party, "incidents", "*.a"))
	h.must(err)
	if len(files) != 1 {
		h.t.Fatalf("%s has kept %v", party, files)
	}
	data, err := os.ReadFile(files[0])
	h.must(err)
	h.must(strictjson.Unmarshal(data, 1<<20, &s))
	return s
}

// TestExchangedCertificate: an operator exchanges an authority's certificate in
// the database for one of his own. The authority and those who write to it, who
// have its genuine one, find out when they look, and so does everybody who has
// not: no desk ever seals for the operator. (B3, finding 9)
func TestExchangedCertificate(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) (*hub, *database){
		"sqlite": func(t *testing.T) (*hub, *database) {
			h := newHub(t)
			conn, err := sql.Open("sqlite", filepath.Join(h.dir, "broker", "broker.db"))
			h.must(err)
			return h, &database{t: t, conn: conn}
		},
		"postgres": func(t *testing.T) (*hub, *database) {
			address := pgserver.Start(t).Database(t)
			h := newHubOn(t, address)
			conn, err := sql.Open("postgres", address)
			h.must(err)
			conn.SetMaxOpenConns(1)
			_, err = conn.ExecContext(t.Context(), "SET session_replication_role = replica")
			h.must(err)
			return h, &database{t: t, conn: conn, pg: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, operator := open(t)
			defer operator.conn.Close()
			qm, qn := h.pair()
			h.admitted("QP")
			genuine := qn.Directory()
			forged := h.forged("QN.mla", genuine)
			h.must(operator.exec("UPDATE statement SET text = ?, signature = ?, digest = ? WHERE subject = 'QN.mla'",
				[]byte(forged.Statement), forged.Signature, forged.Digest()))
			certificate := func(signed directory.Signed) string {
				s, err := directory.Parse(signed.Statement)
				h.must(err)
				c, err := pgp.ParseCertificate(s.(*directory.AuthorityStatement).Certificates[pgp.Modern6])
				h.must(err)
				return c.Fingerprint()
			}
			real := certificate(genuine.History("QN.mla")[0].Signed)
			says := regexp.MustCompile("the broker's operator has exchanged statement no. 1 about QN.mla: entry [0-9]+ of the log is the one that QN signed at .*" +
				"certificates.modern-6 from " + real + " .* to " + certificate(forged) + ".*QN has not signed that")

			// Those who know the genuine one look once a day.
			h.must(h.sync(qm))
			h.pass(24 * time.Hour)
			for party, d := range map[string]*desk.Desk{"QM": qm, "QN": qn} {
				h.must(h.sync(d))
				status, said := h.command(party, "directory", "verify")
				if status != 3 || !says.MatchString(said) {
					t.Errorf("directory verify of %s: status %d, %s", party, status, said)
				}
				t.Log(said)
				if a, err := d.Directory().Authority("QN.mla"); err != nil || a.Certificates[pgp.Modern6].Fingerprint() != real {
					t.Errorf("%s believes the operator: %v", party, err)
				}
				found, err := d.Incidents(t.Context())
				h.must(err)
				if len(found) != 1 {
					t.Errorf("%s has %d incidents: %v", party, len(found), found)
				}
				if kept := h.kept(party); kept.Statement != forged.Statement || kept.Receipt == "" {
					t.Errorf("%s has not kept what was shown: %+v", party, kept)
				}
			}

			// And who comes later believes nobody.
			qp := h.opened("QP")
			err := qp.Sync(t.Context())
			if err == nil || !regexp.MustCompile("another statement than no. 1 about QN.mla in the name of QN.*statement-signer").MatchString(err.Error()) {
				t.Errorf("the newcomer says %v", err)
			}
			if _, err := qp.Directory().Authority("QN.mla"); err == nil {
				t.Error("the newcomer believes the operator")
			}
		})
	}
}

// TestUnaskedStatement: a desk that finds a statement about its own State that it
// did not make says so until somebody has looked: by a thief of the State's key,
// or by the depositary.
func TestUnaskedStatement(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	incidents := func(d *desk.Desk) []desk.Incident {
		h.must(h.sync(d))
		all, err := d.Incidents(t.Context())
		h.must(err)
		return desk.Unsettled(all)
	}
	// What a desk does itself is no incident.
	h.must(qn.AddKey(t.Context(), "QN.mla", pgp.Classic4, ""))
	if found := incidents(qn); len(found) > 0 {
		t.Fatalf("its own statements alarm it: %v", found)
	}

	// A thief has the State's key, and has messages for QN.mla sent elsewhere.
	locked, err := os.ReadFile(filepath.Join(h.dir, "QN", "keys", "party.key"))
	h.must(err)
	stolen, err := pgp.Unlock(locked, passphrase)
	h.must(err)
	a, err := qn.Directory().Authority("QN.mla")
	h.must(err)
	s := a.Statement
	s.Number, s.Previous = qn.Directory().Next("QN.mla")
	s.Contact.Email, s.Callback = "duty@thief.example", []string{"+99955509999"}
	signed, err := directory.Sign(stolen, s, h.now())
	h.must(err)
	_, err = h.as("QM").Publish(t.Context(), signed)
	h.must(err)
	found := incidents(qn)
	if len(found) != 1 || !regexp.MustCompile(`a statement about this State that this desk did not make: entry [0-9]+ of the log, no. 3 about QN.mla.*changes callback, contact.email. It is signed with the key of QN, `+
		stolen.Fingerprint()).MatchString(found[0].What) {
		t.Fatalf("incidents %v", found)
	}
	if evidence := h.kept("QN"); evidence.Statement != signed.Statement || evidence.Receipt == "" {
		t.Error("the evidence is not the statement with its receipt")
	}
	if status, said := h.command("QN", "desk", "check"); status != 3 || !strings.Contains(said, "did not make") {
		t.Errorf("desk check: status %d, %s", status, said)
	}
	if status, said := h.command("QN", "directory", "history", "QN.mla"); status != 0 ||
		!regexp.MustCompile(`(?s)no. 2 .*key in suite classic-4: [0-9A-F]{40} .*no. 3 .*signed by QN with [0-9A-F]{40}.*entry [0-9]+, logged .*, proven in the tree of [0-9]+ entries, root .*`+
			`numbers to call back: \["\+99955509999"\]\n.*contact, email: duty@thief.example`).MatchString(said) {
		t.Errorf("directory history: status %d, %s", status, said)
	}

	// The depositary may suspend a State; it is told even so.
	h.must(h.keeper.SetStanding(t.Context(), "QN", directory.Suspended, "keys reported stolen"))
	if found = incidents(qn); len(found) != 2 || !strings.Contains(found[1].What, `says that QN is suspended ("keys reported stolen"). The depositary has signed it.`) {
		t.Fatalf("incidents %v", found)
	}
	// Somebody looks into both, and the desk is quiet again.
	for _, i := range found {
		h.must(qn.Settle(t.Context(), i.Number, "the depositary was called"))
	}
	if status, said := h.command("QN", "desk", "check"); status != 0 || !strings.Contains(said, "settled: the depositary was called") {
		t.Errorf("desk check: status %d, %s", status, said)
	}
	// It is nobody else's affair.
	if found := incidents(qm); len(found) > 0 {
		t.Errorf("QM is alarmed: %v", found)
	}
}
