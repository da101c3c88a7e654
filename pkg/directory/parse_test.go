package directory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// TestParseText: only the canonical text is a statement.
func TestParseText(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	text := w.Statements()[1].Statement // the party QM
	for _, tt := range []struct {
		name, text string
		code       problem.Code
		field      string
	}{
		{"as it was written", text, "", ""},
		{"empty", "", problem.MalformedJSON, ""},
		{"array", "[]", problem.InvalidValue, ""},
		{"trailing", text + "{}", problem.MalformedJSON, ""},
		{"space behind", text + "\n", problem.MalformedJSON, ""},
		{"space within", strings.Replace(text, `,"subject"`, `, "subject"`, 1), problem.MalformedJSON, ""},
		{"other order", strings.Replace(text, `"typ":"entraide/party/1","subject":"QM"`, `"subject":"QM","typ":"entraide/party/1"`, 1), problem.MalformedJSON, ""},
		{"other escape", strings.Replace(text, `"signer":"depositary"`, `"signer":"\u0064epositary"`, 1), problem.MalformedJSON, ""},
		{"unknown member", strings.Replace(text, `"subject"`, `"x":1,"subject"`, 1), problem.UnknownMember, "x"},
		{"unknown member below", strings.Replace(text, `"names":{`, `"names":{"xx-":1,`, 1), problem.InvalidValue, "names.xx-"},
		{"duplicate member", strings.Replace(text, `"subject"`, `"number":1,"subject"`, 1), problem.DuplicateMember, "number"},
		{"other case", strings.Replace(text, `"subject"`, `"Subject"`, 1), problem.UnknownMember, "Subject"},
		{"missing member", strings.Replace(text, `"number":1,`, ``, 1), problem.StatementInvalid, "number"},
		{"time missing", cutTime(text), problem.StatementInvalid, "issued"},
		{"null", strings.Replace(text, `"number":1`, `"number":null`, 1), problem.InvalidValue, "number"},
		{"fraction of a second", strings.Replace(text, `:00Z"`, `:00.0Z"`, 1), problem.InvalidValue, "issued"},
		{"offset", strings.Replace(text, `:00Z"`, `:00+00:00"`, 1), problem.InvalidValue, "issued"},
		{"no such day", strings.Replace(text, `2026-03-02`, `2026-02-30`, 1), problem.InvalidValue, "issued"},
		{"no type", strings.Replace(text, `"typ":"entraide/party/1",`, ``, 1), problem.WrongType, "typ"},
		{"receipt as a statement", strings.Replace(text, `entraide/party/1`, `entraide/receipt/1`, 1), problem.WrongType, "typ"},
		{"another type's members", strings.Replace(text, `entraide/party/1`, `entraide/standing/1`, 1), problem.UnknownMember, "names"},
		{"too large", text + strings.Repeat(" ", directory.MaxStatementBytes), problem.TooLarge, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := directory.Parse(tt.text)
			wantProblem(t, err, tt.code, tt.field)
		})
	}
}

// cutTime removes the member "issued".
func cutTime(text string) string {
	before, rest, _ := strings.Cut(text, `"issued":"`)
	_, behind, _ := strings.Cut(rest, `",`)
	return before + behind
}

// TestMembers: each member of an authority's statement has its form.
func TestMembers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		edit  func(*directory.AuthorityStatement)
		field string // "" means accepted
	}{
		{"id is the subject", func(s *directory.AuthorityStatement) { s.ID = "QM.mla" }, "id"},
		{"organisation", func(s *directory.AuthorityStatement) { s.Subject, s.ID, s.Signer = "XORG9.desk", "XORG9.desk", "XORG9" }, ""},
		{"party as an authority", func(s *directory.AuthorityStatement) { s.Subject, s.ID = "QM", "QM" }, "subject"},
		{"lower-case party", func(s *directory.AuthorityStatement) { s.Subject, s.ID = "qm.mla", "qm.mla" }, "subject"},
		{"long label", func(s *directory.AuthorityStatement) {
			s.Subject = "QM." + strings.Repeat("a", 33)
			s.ID = s.Subject
		}, "subject"},
		{"number 0", func(s *directory.AuthorityStatement) { s.Number = 0 }, "number"},
		{"number 1 with predecessor", func(s *directory.AuthorityStatement) { s.Number = 1 }, "previous"},
		{"number 2 without", func(s *directory.AuthorityStatement) { s.Previous = "" }, "previous"},
		{"upper-case digest", func(s *directory.AuthorityStatement) { s.Previous = strings.ToUpper(s.Previous) }, "previous"},
		{"signer", func(s *directory.AuthorityStatement) { s.Signer = "qm" }, "signer"},
		{"no role", func(s *directory.AuthorityStatement) { s.Roles = nil }, "roles"},
		{"role twice", func(s *directory.AuthorityStatement) { s.Roles = []string{"central", "central"} }, "roles.1"},
		{"role", func(s *directory.AuthorityStatement) { s.Roles = []string{"Central"} }, "roles.0"},
		{"article", func(s *directory.AuthorityStatement) { s.Articles = []string{"forty"} }, "articles.0"},
		{"territory", func(s *directory.AuthorityStatement) { s.Territory = strings.Repeat("é", 1001) }, "territory"},
		{"longest territory", func(s *directory.AuthorityStatement) { s.Territory = strings.Repeat("é", 1000) }, ""},
		{"no name", func(s *directory.AuthorityStatement) { s.Names = nil }, "names"},
		{"empty name", func(s *directory.AuthorityStatement) { s.Names = map[string]string{"en": " "} }, "names.en"},
		{"64 names", func(s *directory.AuthorityStatement) { s.Names = inLanguages(64) }, ""},
		{"65 names", func(s *directory.AuthorityStatement) { s.Names = inLanguages(65) }, "names"},
		{"64 roles", func(s *directory.AuthorityStatement) { s.Roles = roles(64) }, ""},
		{"65 roles", func(s *directory.AuthorityStatement) { s.Roles = roles(65) }, "roles"},
		{"name with a line break", func(s *directory.AuthorityStatement) { s.Names = map[string]string{"en": "a\nb"} }, "names.en"},
		{"name with an override", func(s *directory.AuthorityStatement) { s.Names = map[string]string{"en": "a\u202eb"} }, "names.en"},
		{"name in no language", func(s *directory.AuthorityStatement) { s.Names = map[string]string{"english": "a"} }, "names"},
		{"name in an unknown language", func(s *directory.AuthorityStatement) { s.Names = map[string]string{"zqz": "a"} }, "names"},
		{"language in other case", func(s *directory.AuthorityStatement) { s.Names = map[string]string{"EN": "a"} }, "names"},
		{"script and region", func(s *directory.AuthorityStatement) { s.Names = map[string]string{"zh-Hant-TW": "a", "es-419": "b"} }, ""},
		{"no languages", func(s *directory.AuthorityStatement) { s.Languages = nil }, "languages"},
		{"lane", func(s *directory.AuthorityStatement) { s.Languages = map[string][]string{"fast": {"en"}} }, "languages.fast"},
		{"lane without languages", func(s *directory.AuthorityStatement) { s.Languages = map[string][]string{"urgent": {}} }, "languages.urgent"},
		{"unknown language of a lane", func(s *directory.AuthorityStatement) { s.Languages = map[string][]string{"urgent": {"en", "zqz"}} }, "languages.urgent.1"},
		{"no hours", func(s *directory.AuthorityStatement) { s.Hours = "" }, "hours"},
		{"time zone", func(s *directory.AuthorityStatement) { s.TimeZone = "Africa/Nowhere" }, "time_zone"},
		{"no time zone", func(s *directory.AuthorityStatement) { s.TimeZone = "" }, "time_zone"},
		{"local time zone", func(s *directory.AuthorityStatement) { s.TimeZone = "Local" }, "time_zone"},
		{"file as time zone", func(s *directory.AuthorityStatement) { s.TimeZone = "../etc/localtime" }, "time_zone"},
		{"e-mail", func(s *directory.AuthorityStatement) { s.Contact.Email = "mla at qm.example" }, "contact.email"},
		{"e-mail with an escape", func(s *directory.AuthorityStatement) { s.Contact.Email = "a\x1b@qm.example" }, "contact.email"},
		{"telephone", func(s *directory.AuthorityStatement) { s.Contact.Phone = "0123" }, "contact.phone"},
		{"address", func(s *directory.AuthorityStatement) { s.Contact.Address = "a\x1b[2J" }, "contact.address"},
		{"call-back", func(s *directory.AuthorityStatement) { s.Callback = []string{"+99955505678", "call me"} }, "callback.1"},
		{"no contact at all", func(s *directory.AuthorityStatement) { s.Contact, s.Callback = directory.Contact{}, nil }, ""},
		{"no certificate", func(s *directory.AuthorityStatement) { s.Certificates = nil }, "certificates"},
		{"suite", func(s *directory.AuthorityStatement) { s.Certificates = map[pgp.Suite][]byte{"none": {1}} }, "certificates.none"},
		{"empty certificate", func(s *directory.AuthorityStatement) { s.Certificates = map[pgp.Suite][]byte{pgp.PQ6: {}} }, "certificates.pq-6"},
		{"transport", func(s *directory.AuthorityStatement) { s.Transport = "00" }, "transport"},
		{"no transport", func(s *directory.AuthorityStatement) { s.Transport = "" }, ""},
		{"negative limit", func(s *directory.AuthorityStatement) { s.Limits.EvidenceBytes = -1 }, "limits.evidence_bytes"},
		{"endless quota", func(s *directory.AuthorityStatement) { s.Limits.QuotaBytes = 1<<50 + 1 }, "limits.quota_bytes"},
		{"position", func(s *directory.AuthorityStatement) { s.Stance.Positions = map[string][]string{"Oral": nil} }, "stance.positions"},
		{"measure", func(s *directory.AuthorityStatement) {
			s.Stance.Positions = map[string][]string{"requires-assurances": {"T08", "T08"}}
		}, "stance.positions.requires-assurances.1"},
		{"counterpart", func(s *directory.AuthorityStatement) { s.Stance.Treaties = map[string][]string{"Q": nil} }, "stance.treaties"},
		{"treaty", func(s *directory.AuthorityStatement) { s.Stance.Treaties = map[string][]string{"QN": {"no treaty"}} }, "stance.treaties.QN.0"},
		{"days", func(s *directory.AuthorityStatement) { s.Stance.ServiceLeadDays = -1 }, "stance.service_lead_days"},
		{"note", func(s *directory.AuthorityStatement) { s.Stance.Notes = map[string]string{"en": ""} }, "stance.notes.en"},
		{"stock tools without classic-4", func(s *directory.AuthorityStatement) { s.StockTools = true }, "stock_tools"},
		{"no beginning", func(s *directory.AuthorityStatement) { s.ValidFrom = directory.Time{} }, "valid_from"},
		{"no length", func(s *directory.AuthorityStatement) { s.ValidUntil = s.ValidFrom }, "valid_until"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := states.New(t, pgp.Modern6)
			s := w.AuthorityStatement(t, "QM.24-7")
			tt.edit(&s)
			_, err := directory.Sign(w.Parties["QM"], s, w.Now)
			if tt.field == "" {
				wantProblem(t, err, "", "")
				return
			}
			wantProblem(t, err, problem.StatementInvalid, tt.field)
			// What cannot be signed here cannot be read there either.
			s.Typ = directory.TypAuthority
			if text, err := strictjson.Marshal(&s); err == nil {
				_, err = directory.Parse(string(text))
				wantProblem(t, err, problem.StatementInvalid, tt.field)
			}
		})
	}
}

// inLanguages returns a name in n languages.
func inLanguages(n int) map[string]string {
	const tags = "af am ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko ky lo " +
		"lt lv mk ml mn mr ms my ne nl no pa pl ps pt ro ru si sk sl sq sr sv sw ta te th tr uk"
	names := map[string]string{}
	for _, tag := range strings.Fields(tags)[:n] {
		names[tag] = "Authority"
	}
	return names
}

// roles returns n roles.
func roles(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("role-%d", i))
	}
	return all
}

func TestMembersOfOthers(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	for _, tt := range []struct {
		name  string
		make  func() any
		field string
	}{
		{"depositary's subject", func() any {
			s := w.DepositaryStatement()
			s.Subject = "QM"
			return s
		}, "subject"},
		{"depositary's certificate", func() any {
			s := w.DepositaryStatement()
			s.Certificate = nil
			return s
		}, "certificate"},
		{"depositary's transport", func() any {
			s := w.DepositaryStatement()
			s.Transport = strings.Repeat("G", 64)
			return s
		}, "transport"},
		{"depositary's auditors", func() any {
			s := w.DepositaryStatement()
			s.Auditors = []string{"QR.24-7", "QR"}
			return s
		}, "auditors.1"},
		{"depositary's auditors out of order", func() any {
			s := w.DepositaryStatement()
			s.Auditors = []string{"QR.24-7", "QP.24-7"}
			return s
		}, "auditors"},
		{"party's subject", func() any {
			s := w.PartyStatement("QM")
			s.Subject = "QM.24-7"
			return s
		}, "subject"},
		{"party's name", func() any {
			s := w.PartyStatement("QM")
			s.Names = nil
			return s
		}, "names"},
		{"party's certificate", func() any {
			s := w.PartyStatement("QM")
			s.Certificate = nil
			return s
		}, "certificate"},
		{"party's fingerprint", func() any {
			s := w.PartyStatement("QM")
			s.Fingerprint = strings.ToLower(s.Fingerprint)
			return s
		}, "fingerprint"},
		{"standing", func() any {
			return directory.StandingStatement{Heading: w.Heading("QM", "depositary"), Standing: "gone", Reason: "x"}
		}, "standing"},
		{"standing's number", func() any {
			s := directory.StandingStatement{Heading: w.Heading("QM", "depositary"), Standing: "revoked", Reason: "x"}
			s.Number = 0
			return s
		}, "number"},
		{"reason", func() any {
			return directory.StandingStatement{Heading: w.Heading("QM", "depositary"), Standing: "revoked"}
		}, "reason"},
	} {
		_, err := directory.Sign(w.Depositary, tt.make(), w.Now)
		t.Log(tt.name)
		wantProblem(t, err, problem.StatementInvalid, tt.field)
	}
	large := w.PartyStatement("QM")
	large.Certificate = make([]byte, directory.MaxStatementBytes)
	if _, err := directory.Sign(w.Depositary, large, w.Now); problem.CodeOf(err) != problem.TooLarge {
		t.Errorf("signing a large statement: %v", err)
	}
	if _, err := directory.Sign(w.Depositary, "text", w.Now); problem.CodeOf(err) != problem.WrongType {
		t.Errorf("signing no statement: %v", err)
	}
}

// TestSignFillsIn: Sign does not change what it was given.
func TestSignFillsIn(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	given := w.PartyStatement("QM")
	given.Issued = directory.Time{}
	before := given
	signed, err := directory.Sign(w.Depositary, &given, w.Now.Add(300*time.Millisecond))
	wantProblem(t, err, "", "")
	if diff := cmp.Diff(before, given); diff != "" {
		t.Errorf("Sign has changed the statement:\n%s", diff)
	}
	s, err := directory.Parse(signed.Statement)
	wantProblem(t, err, "", "")
	want := directory.Heading{
		Typ: directory.TypParty, Subject: "QM", Number: 2, Previous: given.Previous, Issued: directory.At(w.Now), Signer: "depositary",
	}
	if diff := cmp.Diff(want, s.Head()); diff != "" {
		t.Errorf("heading (-want +got):\n%s", diff)
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	at := directory.At(time.Date(2026, 3, 2, 10, 0, 0, 999, zone))
	if at.String() != "2026-03-02T09:00:00Z" {
		t.Errorf("At = %s", at)
	}
	if _, err := (directory.Time{Time: states.Now.Add(1)}).MarshalText(); err == nil {
		t.Error("a fraction of a second was written")
	}
	if _, err := (directory.Time{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}).MarshalJSON(); err == nil {
		t.Error("the year 10000 was written")
	}
	var back directory.Time
	if err := back.UnmarshalJSON([]byte("0")); err == nil {
		t.Error("a number was read as a time")
	}
	text, err := directory.Time{Time: time.Date(2026, 3, 2, 10, 0, 0, 0, zone)}.MarshalJSON()
	if err != nil || string(text) != `"2026-03-02T09:00:00Z"` {
		t.Errorf("MarshalJSON = %s, %v", text, err)
	}
}

// FuzzParse checks that a statement has one spelling: what parses is written
// back byte for byte.
func FuzzParse(f *testing.F) {
	w := states.New(f, pgp.Classic4)
	for _, s := range w.Statements()[:3] {
		f.Add(s.Statement)
	}
	f.Add(`{"typ":"entraide/statistics/1","subject":"QM-statistics","number":1,"previous":"","issued":"2026-03-02T09:00:00Z","signer":"QM","from":"2025-12-01","to":"2026-02-28","cases":[{"type":"T01","direction":"in","cases":12,"closed":7,"median_days":30,"p90_days":61}],"decisions":[],"grounds":[],"left_out":3}`)
	f.Add(`{"typ":"entraide/standing/1","subject":"QM","number":1,"previous":"","issued":"2026-03-02T09:00:00Z","signer":"depositary","standing":"suspended","reason":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := directory.Parse(text)
		if err != nil {
			if !problem.CodeOf(err).Valid() || problem.CodeOf(err) == problem.Internal {
				t.Errorf("%v is no problem", err)
			}
			return
		}
		if got, err := strictjson.Marshal(s); err != nil || string(got) != text {
			t.Errorf("%q parses but is written back as %q, %v", text, got, err)
		}
	})
}
