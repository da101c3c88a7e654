package directory

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// A Directory is the directory as of one size of the log. It never changes;
// all its methods may be called from several goroutines. What its methods
// return shares memory with it and must not be written to.
type Directory struct {
	anchor   string
	records  []Record          // by index
	subjects map[string]*state // the newest state of each subject
}

// A state is a subject as its newest statement left it. It never changes.
type state struct {
	before     *state // nil for statement number 1
	record     Record
	depositary *Depositary // exactly one of these four is set
	party      *Party
	authority  *Authority
	statistics *StatisticsStatement
	// Who holds the subject suspended: each may lift only its own suspension.
	byDepositary, byParty bool
	revoked               bool
}

// A Record is a statement with its place in the directory.
type Record struct {
	Index   int64  // of its entry in the log
	Digest  string // SHA-256 of its text, lower-case hex
	Typ     string
	Subject string
	Number  int64
	Issued  Time
	Signer  string // "depositary" or a party
	// Fingerprint is that of the certificate that made the signature.
	Fingerprint string
	Signed      Signed
}

// A Depositary is the keeper of the trust anchor.
type Depositary struct {
	Statement   DepositaryStatement
	Certificate *pgp.Certificate
	Transport   string // SHA-256 of its TLS public key, may be empty
	Index       int64  // of its newest statement's entry in the log
}

// A Party is a State or organisation with its certificate.
type Party struct {
	Statement   PartyStatement
	Code        string
	Certificate *pgp.Certificate
	Standing    string // Active, Suspended, Revoked
	Index       int64  // of its newest party statement's entry in the log
}

// An Authority is an authority of a party with its certificates.
type Authority struct {
	Statement    AuthorityStatement
	Certificates map[pgp.Suite]*pgp.Certificate
	// Standing is Active, Suspended or Revoked; a party's suspension or
	// revocation is that of all its authorities.
	Standing string
	Index    int64 // of its newest authority statement's entry in the log
	Party    string
}

// New returns the empty directory under a trust anchor: the fingerprint of the
// depositary's certificate, in hex, compared over another channel.
func New(anchor string) *Directory {
	return &Directory{anchor: strings.ToUpper(anchor)}
}

// Anchor returns the trust anchor, upper-case hex.
func (d *Directory) Anchor() string { return d.anchor }

// Size returns the log index of the newest statement plus one, 0 if there is
// none: the smallest log size that has this directory.
func (d *Directory) Size() int64 {
	if len(d.records) == 0 {
		return 0
	}
	return d.records[len(d.records)-1].Index + 1
}

// AsOf returns the directory as of a log size, in entries: with the statements
// of index < size and no others.
func (d *Directory) AsOf(size int64) *Directory {
	if size >= d.Size() {
		return d
	}
	n, _ := slices.BinarySearchFunc(d.records, size, func(r Record, size int64) int { return cmp.Compare(r.Index, size) })
	then := &Directory{anchor: d.anchor, records: d.records[:n], subjects: map[string]*state{}}
	for subject, s := range d.subjects {
		for s != nil && s.record.Index >= size {
			s = s.before
		}
		if s != nil {
			then.subjects[subject] = s
		}
	}
	return then
}

// with returns the directory with one more state.
func (d *Directory) with(s *state) *Directory {
	subjects := maps.Clone(d.subjects)
	if subjects == nil {
		subjects = map[string]*state{}
	}
	subjects[s.record.Subject] = s
	return &Directory{anchor: d.anchor, records: append(slices.Clip(d.records), s.record), subjects: subjects}
}

// Next returns the number and the member "previous" that the next statement
// about a subject must have.
func (d *Directory) Next(subject string) (number int64, previous string) {
	s, ok := d.subjects[subject]
	if !ok {
		return 1, ""
	}
	return s.record.Number + 1, s.record.Digest
}

// Find returns the statement whose text has the SHA-256 digest, lower-case
// hex.
func (d *Directory) Find(digest string) (Record, bool) {
	i := slices.IndexFunc(d.records, func(r Record) bool { return r.Digest == digest })
	if i < 0 {
		return Record{}, false
	}
	return d.records[i], true
}

// History returns all statements about a subject, oldest first.
func (d *Directory) History(subject string) []Record {
	var history []Record
	for s := d.subjects[subject]; s != nil; s = s.before {
		history = append(history, s.record)
	}
	slices.Reverse(history)
	return history
}

// Records returns all statements in log order.
func (d *Directory) Records() []Record { return slices.Clone(d.records) }

// Depositary returns the depositary, if it has made a statement about itself.
func (d *Directory) Depositary() (Depositary, bool) {
	s, ok := d.subjects[DepositarySubject]
	if !ok {
		return Depositary{}, false
	}
	return *s.depositary, true
}

// Party returns a party. The error is a *problem.Error with the code
// unknown-authority.
func (d *Directory) Party(code string) (Party, error) {
	s, ok := d.subjects[code]
	if !ok || s.party == nil {
		return Party{}, problem.New(problem.UnknownAuthority, "", "The directory knows no party of this code.")
	}
	return s.asParty(), nil
}

// asParty completes the party of a state with its standing.
func (s *state) asParty() Party {
	p := *s.party
	p.Standing = s.standing()
	return p
}

// standing is the subject's own standing.
func (s *state) standing() string {
	switch {
	case s.revoked:
		return Revoked
	case s.byDepositary || s.byParty:
		return Suspended
	}
	return Active
}

// asAuthority completes the authority of a state with its standing.
func (d *Directory) asAuthority(s *state) Authority {
	a := *s.authority
	a.Standing = s.standing()
	party := d.subjects[a.Party].standing()
	if a.Standing == Active || party == Revoked {
		a.Standing = party
	}
	return a
}

// Parties returns all parties, ordered by code.
func (d *Directory) Parties() []Party {
	var parties []Party
	for _, subject := range slices.Sorted(maps.Keys(d.subjects)) {
		if s := d.subjects[subject]; s.party != nil {
			parties = append(parties, s.asParty())
		}
	}
	return parties
}

// Authorities returns all authorities, ordered by id.
func (d *Directory) Authorities() []Authority {
	return d.authorities(func(*Authority) bool { return true })
}

// ByTransport returns the authorities, revoked ones excepted, whose desk
// connects with the TLS public key of this SHA-256 digest, ordered by id. They
// all belong to one party.
func (d *Directory) ByTransport(digest string) []Authority {
	if digest == "" {
		return nil
	}
	found := d.authorities(func(a *Authority) bool { return a.Statement.Transport == digest })
	return slices.DeleteFunc(found, func(a Authority) bool { return a.Standing == Revoked })
}

// authorities returns the authorities that are wanted, ordered by id.
func (d *Directory) authorities(wanted func(*Authority) bool) []Authority {
	var found []Authority
	for _, s := range d.subjects {
		if s.authority != nil && wanted(s.authority) {
			found = append(found, d.asAuthority(s))
		}
	}
	slices.SortFunc(found, func(a, b Authority) int { return strings.Compare(a.Statement.ID, b.Statement.ID) })
	return found
}
