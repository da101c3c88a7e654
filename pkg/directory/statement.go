package directory

import "github.com/entraide/entraide/pkg/pgp"

// Types of statements, the value of their member "typ" and of the notation in
// their signature.
const (
	TypDepositary = "entraide/depositary/1"
	TypParty      = "entraide/party/1"
	TypAuthority  = "entraide/authority/1"
	TypStanding   = "entraide/standing/1"
)

// DepositarySubject is the subject of the depositary's statements about
// itself, and how the depositary is named as a signer.
const DepositarySubject = "depositary"

// Standings of a subject.
const (
	Active    = "active"
	Suspended = "suspended"
	Revoked   = "revoked"
)

// Restored is what a standing statement says to lift a suspension.
const Restored = "restored"

// MaxStatementBytes bounds the text of a statement.
const MaxStatementBytes = 320 << 10

// MaxSignatureBytes bounds a detached signature.
const MaxSignatureBytes = 16 << 10

// A Signed is a statement as it is logged and served: its exact text and the
// detached OpenPGP signature over the text's UTF-8 bytes.
type Signed struct {
	Statement string `json:"statement"`
	Signature []byte `json:"signature"` // base64 in JSON
}

// A Heading is what all statements begin with.
type Heading struct {
	// Typ is the statement's type.
	Typ string `json:"typ"`
	// Subject is whom the statement is about: "depositary", a party such as
	// "QM", an authority such as "QM.24-7", or a party's statistics: "QM-statistics".
	Subject string `json:"subject"`
	// Number counts the statements about the subject, of all types, from 1.
	Number int64 `json:"number"`
	// Previous is the SHA-256 of the text of the statement before this one
	// about the same subject, lower-case hex; empty for number 1.
	Previous string `json:"previous"`
	// Issued is when the statement was signed: the time of the signature too.
	Issued Time `json:"issued"`
	// Signer is who signed: "depositary", or the code of the party.
	Signer string `json:"signer"`
}

// A DepositaryStatement (entraide/depositary/1) is the depositary's own
// certificate, signed by itself. It adds nothing to the trust anchor, whose
// fingerprint it must have.
type DepositaryStatement struct {
	Heading
	// Certificate is the depositary's OpenPGP certificate (base64 in JSON).
	Certificate []byte `json:"certificate"`
	// Transport is the SHA-256 of the public key (SPKI) of its TLS
	// certificate, lower-case hex; empty if it does not connect itself.
	Transport string `json:"transport"`
	// Auditors are the authorities that may see the procedure of all exchanges
	// in the broker's log, and no content, in ascending order.
	Auditors []string `json:"auditors,omitempty"`
}

// A PartyStatement (entraide/party/1) admits a State or organisation, or
// replaces its certificate. Only the depositary signs it.
type PartyStatement struct {
	Heading
	// Names gives the party's name by language (BCP 47).
	Names map[string]string `json:"names"`
	// Certificate is the party's OpenPGP certificate (base64 in JSON).
	Certificate []byte `json:"certificate"`
	// Fingerprint is the certificate's fingerprint, upper-case hex.
	Fingerprint string `json:"fingerprint"`
}

// An AuthorityStatement (entraide/authority/1) describes an authority of a
// party. The party signs it.
type AuthorityStatement struct {
	Heading
	// ID is the authority's identifier, the same as the subject.
	ID string `json:"id"`
	// Roles are what the authority is for, such as "central" or "24-7".
	Roles []string `json:"roles"`
	// Articles are the articles of the Convention it is competent for.
	Articles []string `json:"articles"`
	// Territory limits its competence; empty means the whole State.
	Territory string `json:"territory"`
	// Names gives its name by language (BCP 47).
	Names map[string]string `json:"names"`
	// Languages lists by lane the languages (BCP 47) it accepts, best first.
	Languages map[string][]string `json:"languages"`
	// Hours are its office hours in words, such as "24/7".
	Hours string `json:"hours"`
	// TimeZone is the IANA name of its time zone.
	TimeZone string `json:"time_zone"`
	// Contact says how to reach it.
	Contact Contact `json:"contact"`
	// Callback are telephone numbers (E.164), learnt independently of any
	// message, to ask whether a message is genuine.
	Callback []string `json:"callback"`
	// Certificates are its OpenPGP certificates by suite (base64 in JSON), each
	// certified by the party.
	Certificates map[pgp.Suite][]byte `json:"certificates"`
	// Transport is the SHA-256 of the public key (SPKI) of its desk's TLS
	// certificate, lower-case hex; empty if the authority has no desk.
	Transport string `json:"transport"`
	// Limits are what it can take.
	Limits Limits `json:"limits"`
	// Stance is its law on points that every requesting State asks about.
	Stance Stance `json:"stance"`
	// StockTools says that its classic-4 and hsm-4 messages may come from stock OpenPGP
	// tools, which do not name the intended recipients in their signature.
	StockTools bool `json:"stock_tools"`
	// ValidFrom is when it may first send and receive.
	ValidFrom Time `json:"valid_from"`
	// ValidUntil is when it may no longer.
	ValidUntil Time `json:"valid_until"`
	// Compromised are former keys of the authority that were in other hands. It
	// changes no verdict: readers are told with what those keys have signed or
	// opened. Absent if there are none.
	Compromised []Compromised `json:"compromised,omitempty"`
}

// A Compromised is a key that was in other hands.
type Compromised struct {
	// Fingerprint is that of a certificate, or of a subkey of one, upper-case hex.
	Fingerprint string `json:"fingerprint"`
	// Since is from when on it may have been.
	Since Time `json:"since"`
}

// A Contact says how to reach an authority outside this system. Members that
// do not apply are empty.
type Contact struct {
	Email   string `json:"email"`
	Phone   string `json:"phone"` // E.164
	Address string `json:"address"`
}

// Limits are what an authority can take, in bytes; 0 means none.
type Limits struct {
	// EvidenceBytes is the largest piece of evidence.
	EvidenceBytes int64 `json:"evidence_bytes"`
	// QuotaBytes is how much may wait for it altogether.
	QuotaBytes int64 `json:"quota_bytes"`
}

// A Stance is an authority's law on points that every requesting State asks
// about. The codes are rows of code lists that this package does not know; a
// reader ignores those that are new to it.
type Stance struct {
	// Positions are rows of the list stance, each with the types of measures
	// (rows of measure-type) to which it applies; none means all.
	Positions map[string][]string `json:"positions"`
	// Treaties are the rows of legal-basis in force with another party, by that
	// party's code. Of a party that is missing, nothing is said.
	Treaties map[string][]string `json:"treaties"`
	// ServiceLeadDays is how many days before the date of appearance a document
	// to be served must arrive; 0 means none.
	ServiceLeadDays int64 `json:"service_lead_days"`
	// Notes says the rest, by language (BCP 47).
	Notes map[string]string `json:"notes"`
}

// A StandingStatement (entraide/standing/1) suspends, restores or revokes a
// party (signed by the depositary) or an authority (signed by its party or the
// depositary).
type StandingStatement struct {
	Heading
	// Standing is "suspended", "restored" or "revoked".
	Standing string `json:"standing"`
	// Reason says why, for those who read the directory.
	Reason string `json:"reason"`
}
