package message_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	custody "github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// evidence is one evidence file as both sides see it.
var evidence = message.Evidence{
	Ref: message.EvidenceRef{Size: 16 << 20, SHA256: message.DigestOf([]byte("manifest"))},
	File: message.EvidenceFile{
		Name: "disque dur n° 1.e01", MediaType: "application/octet-stream", Size: 12345, SHA256: message.DigestOf([]byte("file")),
		Custody: custody.Custody{Origin: "laptop", AcquiredBy: "unit 7", Method: "write blocker", Hashes: []custody.Hash{{Algorithm: "MD5", Value: strings.Repeat("0", 32)}}, Transfers: []custody.Transfer{}, Changes: []custody.Change{}},
	},
}

// many returns n evidence files.
func many(n int) (all []message.Evidence) {
	for i := range n {
		e := evidence
		e.Ref.SHA256 = message.DigestOf([]byte(strconv.Itoa(i)))
		all = append(all, e)
	}
	return all
}

// carry makes a draft a delivery of evidence, one package of which is what all the
// files are.
func carry(t *testing.T, d *message.Draft, files ...message.Evidence) {
	t.Helper()
	b, ok := states.Content(workflow.Deliver, "QM", "QN").(*convention.Delivery)
	if !ok {
		t.Fatal("the sample is no delivery")
	}
	at := convention.At(states.Now)
	b.Packages = []convention.Package{{
		Number: 1, Measure: 1, Description: convention.Text{Lang: "en", Text: "A disk", Authentic: true}, Origin: "laptop", AcquiredAt: at, Method: "write blocker",
		MediaType: evidence.File.MediaType, Size: evidence.File.Size, SHA256: string(evidence.File.SHA256),
		Custody: []convention.CustodyEvent{{At: at, By: "unit 7", Event: "acquired"}},
	}}
	body, err := convention.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	d.Act, d.Final, d.Body, d.Evidence = workflow.Deliver, b.Final, body, files
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	for _, suite := range states.Suites() {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			w := states.New(t, suite)
			d := w.Draft(t, "QM.24-7", "QN.mla", "round trip")
			one, two := message.DigestOf([]byte("1")), message.DigestOf([]byte("2"))
			d.After = []message.Digest{max(one, two), min(one, two)}
			d.Seq, d.Prev = 7, string(one)
			carry(t, &d, evidence)
			m, err := message.Seal(d, w.Keys["QM.24-7"], w.Now.Add(700*time.Millisecond))
			wantProblem(t, err, "", "")
			wantProblem(t, m.CheckParties(w.Directory, w.Now), "", "")
			wantProblem(t, m.CheckTime(w.Now), "", "")
			wantProblem(t, m.CheckSignature(w.Directory), "", "")
			wantProblem(t, m.CheckPayload(w.Directory), "", "")
			if m.Core.Suite != suite || !slices.IsSorted(m.Core.After) || !m.Core.Created.Equal(w.Now) {
				t.Errorf("core is %+v", m.Core)
			}
			// Both parties read it, for ever, by the directory of its time.
			then := w.Directory.Size()
			w.SetStanding(t, "QM.24-7", "QM", directory.Revoked)
			for _, reader := range []string{"QN.mla", "QM.24-7"} {
				p, err := m.Open(w.Keys[reader], w.Directory.AsOf(then))
				wantProblem(t, err, "", "")
				if diff := cmp.Diff([]message.EvidenceFile{evidence.File}, p.Evidence); diff != "" {
					t.Errorf("evidence (-want +got):\n%s", diff)
				}
				if string(p.Body) != string(d.Body) || p.Pad != "" {
					t.Errorf("payload is %+v", p)
				}
			}
			_, err = m.Open(w.Keys["QN.24-7"], w.Directory.AsOf(then))
			wantProblem(t, err, problem.WrongEncryptionKey, "payload")
		})
	}
}

// TestOpen: what is inside must agree with what is outside.
func TestOpen(t *testing.T) {
	t.Parallel()
	for _, suite := range states.Suites() {
		w := states.New(t, suite)
		for _, tt := range []struct {
			name  string
			forge forge
			code  problem.Code
			field string
		}{
			{"as sealed", forge{}, "", ""},
			// T8: a signature for another purpose.
			{"sealed as another type", forge{sealTyp: message.TypReceipt}, problem.BadSignature, "payload"},
			{"sealed a second later", forge{sealLate: time.Second}, problem.BadSignature, "payload"},
			{"commitment", forge{header: func(h *message.Header) { h.Payload.Commitment = message.DigestOf(nil) }},
				problem.WrongDigest, "payload.commitment"},
			{"typ", forge{payload: func(p *message.Payload) { p.Typ = message.TypCore }}, problem.WrongType, "payload.typ"},
			{"another core", forge{payload: func(p *message.Payload) { p.CoreSHA256 = message.DigestOf(nil) }},
				problem.WrongDigest, "payload.core_sha256"},
			{"nonce missing", forge{payload: func(p *message.Payload) { p.Nonce = "" }}, problem.InvalidValue, "payload.nonce"},
			{"nonce of 128 bits", forge{payload: func(p *message.Payload) { p.Nonce = p.Nonce[:32] }}, problem.InvalidValue, "payload.nonce"},
			{"nonce in upper case", forge{payload: func(p *message.Payload) { p.Nonce = strings.Repeat("A", 64) }}, problem.InvalidValue, "payload.nonce"},
			{"evidence the header does not list", forge{payload: func(p *message.Payload) { p.Evidence = []message.EvidenceFile{evidence.File} }},
				problem.InvalidValue, "payload.evidence"},
			{"evidence the payload does not name", forge{header: func(h *message.Header) { h.Evidence = []message.EvidenceRef{evidence.Ref} }},
				problem.InvalidValue, "payload.evidence"},
			{"body of no kind", forge{payload: func(p *message.Payload) { p.Body = json.RawMessage(`{}`) }}, problem.InvalidValue, "payload.body"},
			{"body missing", forge{plaintext: cutBody}, problem.InvalidValue, "payload.body"},
			{"body to another party", forge{payload: func(p *message.Payload) {
				p.Body = states.Body(t, workflow.Request, "QM.24-7", "QP.24-7")
			}}, problem.InvalidValue, "payload.body"},
			{"body that does not travel with the act", forge{core: func(c *message.Core) { c.Act = workflow.Close }}, problem.InvalidValue, "payload.body"},
			// No name of a member inside is spoken outside.
			{"unknown member", forge{plaintext: replace(`"nonce"`, `"Mallory":1,"nonce"`)}, problem.UnknownMember, "payload"},
			{"duplicate member", forge{plaintext: replace(`"pad":`, `"pad":"","pad":`)}, problem.DuplicateMember, "payload"},
			{"duplicate member of the body", forge{plaintext: replace(`"body":{`, `"body":{"a":1,"a":2,`)}, problem.DuplicateMember, "payload"},
			{"trailing data", forge{plaintext: func(s string) string { return s + "x" }}, problem.MalformedJSON, "payload"},
			{"no JSON", forge{plaintext: func(string) string { return "Dear colleagues" }}, problem.MalformedJSON, "payload"},
			{"too large", forge{plaintext: func(s string) string { return s + strings.Repeat(" ", message.MaxPlaintextBytes+1-len(s)) }},
				problem.TooLarge, "payload"},
			{"as large as it may be", forge{plaintext: func(s string) string { return s + strings.Repeat(" ", message.MaxPlaintextBytes-len(s)) }}, "", ""},
		} {
			t.Run(string(suite)+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				m := tt.forge.make(t, w)
				// The broker sees nothing wrong.
				wantProblem(t, m.CheckSignature(w.Directory), "", "")
				wantProblem(t, m.CheckPayload(w.Directory), "", "")
				p, err := m.Open(w.Keys["QN.24-7"], w.Directory)
				wantProblem(t, err, tt.code, tt.field)
				if err != nil && (p != nil || strings.Contains(err.Error(), "Mallory")) {
					t.Errorf("plaintext in %v or %v", p, err)
				}
			})
		}
	}
}

// cutBody removes the body.
func cutBody(s string) string {
	before, rest, _ := strings.Cut(s, `"body":`)
	return before + rest[strings.Index(rest, `"evidence":`):]
}

// TestOpenUnsigned: nothing is decrypted that the sender has not signed (T7).
func TestOpenUnsigned(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	for _, tt := range []struct {
		name  string
		forge forge
		code  problem.Code
		field string
	}{
		{"header signed by another", forge{signer: w.Keys["QP.24-7"]}, problem.BadSignature, "signature"},
		{"sealed by another", forge{sealer: w.Keys["QP.24-7"]}, problem.BadFraming, "payload"},
		{"other payload", forge{sealed: func([]byte) []byte {
			return w.Seal(t, w.Draft(t, "QM.24-7", "QN.24-7", "other")).Payload
		}}, problem.WrongDigest, "payload.commitment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.forge.make(t, w).Open(w.Keys["QN.24-7"], w.Directory)
			wantProblem(t, err, tt.code, tt.field)
		})
	}
}

// TestSeal: what must not be sent is not sealed.
func TestSeal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		edit  func(*testing.T, *states.World, *message.Draft)
		code  problem.Code
		field string
	}{
		{"as drafted", func(*testing.T, *states.World, *message.Draft) {}, "", ""},
		{"id", func(_ *testing.T, _ *states.World, d *message.Draft) { d.ID = "" }, problem.InvalidValue, "core.id"},
		{"no act", func(_ *testing.T, _ *states.World, d *message.Draft) { d.Act = "" }, problem.InvalidValue, "payload.body.kind"},
		{"seq", func(_ *testing.T, _ *states.World, d *message.Draft) { d.Seq = 0 }, problem.InvalidValue, "core.seq"},
		{"past validity", func(_ *testing.T, w *states.World, d *message.Draft) { d.NotAfter = w.Now }, problem.InvalidValue, "core.not_after"},
		{"other sender's key", func(t *testing.T, w *states.World, d *message.Draft) { d.From = w.Authority(t, "QM.mla") },
			problem.WrongCertificate, "core.from.fingerprint"},
		{"better suite than the key's", func(t *testing.T, w *states.World, d *message.Draft) {
			for _, id := range []string{"QM.24-7", "QN.24-7"} {
				s, _ := w.WithSuites(t, id, pgp.Modern6, pgp.PQ6)
				w.Publish(t, w.Parties[s.Signer], s)
			}
			d.From, d.To = w.Authority(t, "QM.24-7"), w.Authority(t, "QN.24-7")
		}, problem.WrongCertificate, "core.from.fingerprint"},
		{"no suite in common", func(t *testing.T, w *states.World, d *message.Draft) {
			s, _ := w.WithSuites(t, "QN.24-7", pgp.Classic4)
			w.Publish(t, w.Parties["QN"], s)
			d.To = w.Authority(t, "QN.24-7")
		}, problem.WrongSuite, "core.suite"},
		{"suspended sender", func(t *testing.T, w *states.World, d *message.Draft) {
			w.SetStanding(t, "QM.24-7", "QM", directory.Suspended)
			d.From = w.Authority(t, "QM.24-7")
		}, problem.SuspendedAuthority, "core.from.authority"},
		{"suspended recipient", func(t *testing.T, w *states.World, d *message.Draft) {
			w.SetStanding(t, "QN.24-7", "QN", directory.Suspended)
			d.To = w.Authority(t, "QN.24-7")
		}, problem.SuspendedAuthority, "core.to.authority"},
		{"body", func(_ *testing.T, _ *states.World, d *message.Draft) { d.Body = nil }, problem.InvalidValue, "payload.body"},
		{"body of another kind", func(t *testing.T, _ *states.World, d *message.Draft) {
			d.Body = states.Body(t, workflow.Close, "QM.24-7", "QN.24-7")
		}, problem.InvalidValue, "payload.body.kind"},
		{"another party asks", func(t *testing.T, _ *states.World, d *message.Draft) {
			d.Body = states.Body(t, workflow.Request, "QP.24-7", "QN.24-7")
		}, problem.InvalidValue, "payload.body.requesting"},
		{"another party is asked", func(t *testing.T, _ *states.World, d *message.Draft) {
			d.Body = states.Body(t, workflow.Request, "QM.24-7", "QP.24-7")
		}, problem.InvalidValue, "payload.body.requested"},
		{"another lane", func(_ *testing.T, _ *states.World, d *message.Draft) { d.Lane = workflow.Routine },
			problem.InvalidValue, "payload.body.urgency"},
		{"another party informs", func(t *testing.T, _ *states.World, d *message.Draft) {
			d.Act, d.Body = workflow.Inform, states.Body(t, workflow.Inform, "QP.24-7", "QN.24-7")
		}, problem.InvalidValue, "payload.body.from"},
		{"another party is informed", func(t *testing.T, _ *states.World, d *message.Draft) {
			d.Act, d.Body = workflow.Inform, states.Body(t, workflow.Inform, "QM.24-7", "QP.24-7")
		}, problem.InvalidValue, "payload.body.to"},
		{"final inside only", func(t *testing.T, _ *states.World, d *message.Draft) {
			d.Act, d.Body = workflow.Deliver, states.Body(t, workflow.Deliver, "QM.24-7", "QN.24-7")
		}, problem.InvalidValue, "payload.body.final"},
		{"final inside and outside", func(t *testing.T, _ *states.World, d *message.Draft) {
			d.Act, d.Final, d.Body = workflow.Deliver, true, states.Body(t, workflow.Deliver, "QM.24-7", "QN.24-7")
		}, "", ""},
		{"member of the body", func(_ *testing.T, _ *states.World, d *message.Draft) {
			d.Body = json.RawMessage(strings.Replace(string(d.Body), `"name":"Cybercrime`, `"x":1,"name":"Cybercrime`, 1))
		}, problem.UnknownMember, "payload.body.authority.x"},
		{"evidence of a question", func(t *testing.T, _ *states.World, d *message.Draft) {
			d.Act, d.Body, d.Evidence = workflow.Ask, states.Body(t, workflow.Ask, "QM.24-7", "QN.24-7"), many(1)
		}, problem.InvalidValue, "payload.body.kind"},
		{"a request with more evidence than attachments", func(_ *testing.T, _ *states.World, d *message.Draft) {
			d.Evidence = many(1)
		}, problem.InvalidValue, "payload.body.attachments"},
		{"evidence name", func(t *testing.T, _ *states.World, d *message.Draft) {
			bad := evidence
			bad.File.Name = "../x"
			bad.Ref.SHA256 = message.DigestOf([]byte("another manifest"))
			carry(t, d, evidence, bad)
		}, problem.InvalidValue, "payload.evidence.1.name"},
		{"too much evidence", func(t *testing.T, _ *states.World, d *message.Draft) {
			carry(t, d, many(700)...)
		}, problem.TooLarge, "header"},
		{"plaintext too large", func(t *testing.T, _ *states.World, d *message.Draft) {
			carry(t, d, many(4000)...)
		}, problem.TooLarge, "payload.body"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := states.New(t, pgp.Modern6)
			d := w.Draft(t, "QM.24-7", "QN.24-7", "seal")
			tt.edit(t, w, &d)
			m, err := message.Seal(d, w.Keys["QM.24-7"], w.Now)
			wantProblem(t, err, tt.code, tt.field)
			if (m == nil) != (err != nil) {
				t.Errorf("Seal = %v, %v", m, err)
			}
		})
	}
}

// TestSizeClass: two messages of nearly the same length look the same.
func TestSizeClass(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	sizes := map[int64]bool{}
	for _, n := range []int{0, 1, 2} {
		d := w.Draft(t, "QM.24-7", "QN.24-7", strings.Repeat("x", n))
		carry(t, &d, many(n)...)
		sizes[w.Seal(t, d).Header.Payload.Size] = true
	}
	if len(sizes) != 1 {
		t.Errorf("the sizes are %v, want one", sizes)
	}
}

// TestNonce: the same draft twice has two commitments, which tell nothing.
func TestNonce(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	d := w.Draft(t, "QM.24-7", "QN.24-7", "nonce")
	if a, b := w.Seal(t, d).Header.Payload.Commitment, w.Seal(t, d).Header.Payload.Commitment; a == b {
		t.Error("the commitment shows that two messages are the same")
	}
}

// TestEvidenceNames: a name is nothing but a name (T40).
func TestEvidenceNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"phone dump.zip": true, "صورة.jpg": true, "می\u200cخواهم.pdf": true, ".a": true, "a.": false, " a": false, "": false,
		"../x": false, `C:\x`: false, "a/b": false, "a\x00b": false, "a\nb": false, "a\u202eb": false, "CON": false, "nul.txt": false,
		"console.txt": true, strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		w := states.New(t, pgp.Modern6)
		d := w.Draft(t, "QM.24-7", "QN.24-7", "names")
		named := evidence
		named.File.Name = name
		carry(t, &d, named)
		if _, err := message.Seal(d, w.Keys["QM.24-7"], w.Now); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestEvidenceMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		edit  func(*message.EvidenceFile)
		field string
	}{
		{"media type", func(e *message.EvidenceFile) { e.MediaType = "zip" }, "media_type"},
		{"size", func(e *message.EvidenceFile) { e.Size = -1 }, "size"},
		{"digest", func(e *message.EvidenceFile) { e.SHA256 = "" }, "sha256"},
		{"custody", func(e *message.EvidenceFile) { e.Custody.Tool = strings.Repeat("x", 1001) }, "custody"},
		{"earlier hashes", func(e *message.EvidenceFile) { e.Custody.Hashes = []custody.Hash{{Algorithm: "MD5", Value: "00"}} }, "custody"},
	} {
		w := states.New(t, pgp.Modern6)
		d := w.Draft(t, "QM.24-7", "QN.24-7", "evidence")
		edited := evidence
		tt.edit(&edited.File)
		carry(t, &d, edited)
		_, err := message.Seal(d, w.Keys["QM.24-7"], w.Now)
		t.Log(tt.name)
		wantProblem(t, err, problem.InvalidValue, "payload.evidence.0."+tt.field)
	}
}

func TestPaddedSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{
		0: 4096, 1: 4096, 4096: 4096, 4097: 4352, 4352: 4352, 4353: 4608,
		8191: 8192, 8193: 8704, 100_000: 100_352, 1<<20 - 1: 1 << 20, 1 << 20: 1 << 20,
	} {
		if got := message.PaddedSize(n); got != want {
			t.Errorf("PaddedSize(%d) = %d, want %d", n, got, want)
		}
	}
	for n := range 1 << 20 {
		got := message.PaddedSize(n)
		if got < n || got > max(n+n*12/100, message.MinPaddedBytes) || message.PaddedSize(got) != got {
			t.Fatalf("PaddedSize(%d) = %d", n, got)
		}
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	a, err := message.NewID()
	wantProblem(t, err, "", "")
	b, err := message.NewID()
	wantProblem(t, err, "", "")
	if !a.Valid() || !b.Valid() || a == b {
		t.Errorf("NewID = %s, %s", a, b)
	}
}
