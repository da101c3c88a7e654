package directory

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones must mean the same on every machine
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"

	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// Bounds of what a statement may say.
const (
	maxText      = 1000 // characters of a text
	maxItems     = 64   // items of a list or map
	maxLimitByte = 1 << 50
)

var (
	partyForm       = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}$`)
	authorityForm   = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}\.[a-z0-9-]{1,32}$`)
	digestForm      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	fingerprintForm = regexp.MustCompile(`^([0-9A-F]{40}|[0-9A-F]{64})$`)
	tokenForm       = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	measureForm     = regexp.MustCompile(`^T[0-9]{2}$`)
	basisForm       = regexp.MustCompile(`^[A-Z0-9]{1,16}$`)
	articleForm     = regexp.MustCompile(`^[0-9]{1,3}(\([0-9a-z]{1,4}\)){0,3}$`)
	languageForm    = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`)
	telephoneForm   = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	emailForm       = regexp.MustCompile(`^[^\s<>@]{1,64}@[^\s<>@]{1,255}$`)
)

// lanes are the lanes for which languages are listed (protocol section 2.1).
var lanes = []string{"emergency", "urgent", "routine"}

// registered knows the IANA registry of language subtags.
var registered = validator.New()

// ValidParty reports whether code has the form of a party's code: an ISO
// 3166-1 alpha-2 code or the code of a registered organisation.
func ValidParty(code string) bool { return partyForm.MatchString(code) }

// ValidAuthority reports whether id has the form of an authority's identifier:
// the party's code, a dot and a label.
func ValidAuthority(id string) bool { return authorityForm.MatchString(id) }

// ValidDigest reports whether d is a SHA-256 in lower-case hex.
func ValidDigest(d string) bool { return digestForm.MatchString(d) }

// ValidFingerprint reports whether f has the form of an OpenPGP fingerprint,
// whole and in upper-case hex: 40 digits (version 4) or 64 (version 6).
func ValidFingerprint(f string) bool { return fingerprintForm.MatchString(f) }

// PartyOf returns the party of an authority, "QM" of "QM.mla", of a party itself, and
// of its statistics, "QM-statistics".
func PartyOf(subject string) string {
	if end := strings.IndexAny(subject, ".-"); end >= 0 {
		return subject[:end]
	}
	return subject
}

// names reports whether a User ID belongs to the subject: it is the subject,
// or begins with the subject and a space.
func names(userID, subject string) bool {
	first, _, _ := strings.Cut(userID, " ")
	return first == subject
}

// A form collects the first fault of a statement's members.
type form struct{ fault *problem.Error }

// must notes a fault unless ok.
func (f *form) must(ok bool, field, detail string) {
	if !ok && f.fault == nil {
		f.fault = problem.New(problem.StatementInvalid, field, detail)
	}
}

func (f *form) heading(h *Heading, subject *regexp.Regexp) {
	f.must(subject.MatchString(h.Subject), "subject", "A statement of this type cannot be about this subject.")
	f.must(h.Number >= 1, "number", "Statements are numbered from 1.")
	f.must((h.Number == 1) == (h.Previous == ""), "previous", "The first statement has no predecessor, and every other one has.")
	f.must(h.Previous == "" || ValidDigest(h.Previous), "previous", "This is not a SHA-256 in lower-case hex.")
	f.must(h.Issued.Year() > 1, "issued", "The statement must say when it was issued.")
	f.must(h.Signer == DepositarySubject || ValidParty(h.Signer), "signer", "The signer must be the depositary or a party.")
}

// text checks words for people: at most maxText characters, none that would
// rearrange or overwrite what stands around them.
func (f *form) text(s, field string, required bool) {
	f.must(!required || strings.TrimSpace(s) != "", field, "This must be said.")
	f.must(utf8.RuneCountInString(s) <= maxText, field, fmt.Sprintf("This is longer than %d characters.", maxText))
	f.must(!strings.ContainsFunc(s, rearranges), field, "Control characters are not allowed.")
}

// rearranges reports whether a character controls the display of others:
// control characters and the bidirectional embeddings, overrides and isolates
// (UAX #9). The marks that Arabic and Hebrew need are not among them.
func rearranges(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func (f *form) language(tag, field string) {
	f.must(languageForm.MatchString(tag) && registered.Var(tag, "bcp47_language_tag") == nil, field,
		"This is not a language tag: language, script and region, such as ar or zh-Hant-TW.")
}

// texts checks words in several languages.
func (f *form) texts(byLanguage map[string]string, field string, required bool) {
	f.must(!required || len(byLanguage) > 0, field, "This must be said in at least one language.")
	f.must(len(byLanguage) <= maxItems, field, fmt.Sprintf("There are more than %d.", maxItems))
	for _, tag := range slices.Sorted(maps.Keys(byLanguage)) {
		f.language(tag, field)
		f.text(byLanguage[tag], field+"."+tag, true)
	}
}

// list checks a list of tokens: each of the form, none twice.
func (f *form) list(items []string, field string, each *regexp.Regexp, required bool) {
	f.must(!required || len(items) > 0, field, "At least one is needed.")
	f.must(len(items) <= maxItems, field, fmt.Sprintf("There are more than %d.", maxItems))
	for i, item := range items {
		f.must(each.MatchString(item), fmt.Sprintf("%s.%d", field, i), "This has the wrong form.")
		f.must(!slices.Contains(items[:i], item), fmt.Sprintf("%s.%d", field, i), "This is there twice.")
	}
}

func (f *form) transport(d string) {
	f.must(d == "" || ValidDigest(d), "transport", "This is not a SHA-256 in lower-case hex.")
}

var depositarySubject = regexp.MustCompile("^" + DepositarySubject + "$")

func (s *DepositaryStatement) check() *problem.Error {
	var f form
	f.heading(&s.Heading, depositarySubject)
	f.must(len(s.Certificate) > 0, "certificate", "The certificate is missing.")
	f.transport(s.Transport)
	f.list(s.Auditors, "auditors", authorityForm, false)
	f.must(slices.IsSorted(s.Auditors), "auditors", "The auditors must be in ascending order.")
	return f.fault
}

func (s *PartyStatement) check() *problem.Error {
	var f form
	f.heading(&s.Heading, partyForm)
	f.texts(s.Names, "names", true)
	f.must(len(s.Certificate) > 0, "certificate", "The certificate is missing.")
	f.must(ValidFingerprint(s.Fingerprint), "fingerprint", "This is not a fingerprint in upper-case hex.")
	return f.fault
}

func (s *AuthorityStatement) check() *problem.Error {
	var f form
	f.heading(&s.Heading, authorityForm)
	f.must(s.ID == s.Subject, "id", "The id must be the subject.")
	f.list(s.Roles, "roles", tokenForm, true)
	f.list(s.Articles, "articles", articleForm, false)
	f.text(s.Territory, "territory", false)
	f.texts(s.Names, "names", true)
	s.checkReach(&f)
	s.checkCertificates(&f)
	f.transport(s.Transport)
	f.limit(s.Limits.EvidenceBytes, "limits.evidence_bytes")
	f.limit(s.Limits.QuotaBytes, "limits.quota_bytes")
	s.Stance.check(&f)
	f.must(s.ValidFrom.Year() > 1, "valid_from", "The beginning of validity is missing.")
	f.must(s.ValidUntil.After(s.ValidFrom.Time), "valid_until", "The end of validity must be after its beginning.")
	s.checkCompromised(&f)
	return f.fault
}

// maxLeadDays bounds the days before a date of appearance.
const maxLeadDays = 3660

func (s *Stance) check(f *form) {
	f.must(len(s.Positions) <= maxItems, "stance.positions", fmt.Sprintf("There are more than %d.", maxItems))
	for _, code := range slices.Sorted(maps.Keys(s.Positions)) {
		f.must(tokenForm.MatchString(code), "stance.positions", "A position is a row of the list stance, such as accepts-oral.")
		f.list(s.Positions[code], "stance.positions."+code, measureForm, false)
	}
	f.must(len(s.Treaties) <= maxItems, "stance.treaties", fmt.Sprintf("There are more than %d.", maxItems))
	for _, party := range slices.Sorted(maps.Keys(s.Treaties)) {
		f.must(ValidParty(party), "stance.treaties", "Treaties are listed by the code of the other party.")
		f.list(s.Treaties[party], "stance.treaties."+party, basisForm, false)
	}
	f.must(s.ServiceLeadDays >= 0 && s.ServiceLeadDays <= maxLeadDays, "stance.service_lead_days", "This is not a possible number of days.")
	f.texts(s.Notes, "stance.notes", false)
}

// checkReach checks how the authority can be spoken to.
func (s *AuthorityStatement) checkReach(f *form) {
	for _, lane := range slices.Sorted(maps.Keys(s.Languages)) {
		field := "languages." + lane
		f.must(slices.Contains(lanes, lane), field, "There is no such lane.")
		f.list(s.Languages[lane], field, languageForm, true)
		for i, tag := range s.Languages[lane] {
			f.language(tag, fmt.Sprintf("%s.%d", field, i))
		}
	}
	f.must(len(s.Languages) > 0, "languages", "At least one lane must have a language.")
	f.text(s.Hours, "hours", true)
	// An empty name and "Local" mean whatever the reading machine thinks.
	_, err := time.LoadLocation(s.TimeZone)
	f.must(err == nil && s.TimeZone != "" && s.TimeZone != "Local", "time_zone", "This is not the IANA name of a time zone.")
	f.must(s.Contact.Email == "" || emailForm.MatchString(s.Contact.Email), "contact.email", "This is not an e-mail address.")
	f.text(s.Contact.Email, "contact.email", false)
	f.must(s.Contact.Phone == "" || telephoneForm.MatchString(s.Contact.Phone), "contact.phone", "This is not an E.164 number such as +99955501234.")
	f.text(s.Contact.Address, "contact.address", false)
	f.list(s.Callback, "callback", telephoneForm, false)
}

func (s *AuthorityStatement) checkCertificates(f *form) {
	f.must(len(s.Certificates) > 0, "certificates", "At least one certificate is needed.")
	for _, suite := range slices.Sorted(maps.Keys(s.Certificates)) {
		field := "certificates." + string(suite)
		f.must(suite.Valid(), field, "There is no such suite.")
		f.must(len(s.Certificates[suite]) > 0, field, "The certificate is empty.")
	}
	stock := len(s.Certificates[pgp.Classic4]) > 0 || len(s.Certificates[pgp.HSM4]) > 0
	f.must(!s.StockTools || stock, "stock_tools", "Stock tools need a classic-4 or hsm-4 certificate.")
}

func (s *AuthorityStatement) checkCompromised(f *form) {
	f.must(s.Compromised == nil || len(s.Compromised) > 0, "compromised", "A list of none is left out.")
	f.must(len(s.Compromised) <= maxItems, "compromised", fmt.Sprintf("There are more than %d.", maxItems))
	for i, c := range s.Compromised {
		field := fmt.Sprintf("compromised.%d", i)
		f.must(ValidFingerprint(c.Fingerprint), field+".fingerprint", "This is not a fingerprint in upper-case hex.")
		f.must(c.Since.Year() > 1, field+".since", "It must say since when.")
	}
}

// limit checks a number of bytes.
func (f *form) limit(n int64, field string) {
	f.must(n >= 0 && n <= maxLimitByte, field, "This is not a possible number of bytes.")
}

func (s *StandingStatement) check() *problem.Error {
	var f form
	f.must(ValidParty(s.Subject) || ValidAuthority(s.Subject), "subject", "Only a party or an authority has a standing.")
	f.heading(&s.Heading, anySubject)
	f.must(slices.Contains([]string{Suspended, Restored, Revoked}, s.Standing), "standing", "This must be suspended, restored or revoked.")
	f.text(s.Reason, "reason", true)
	return f.fault
}

var anySubject = regexp.MustCompile("")
