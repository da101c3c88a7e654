package message

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
)

// A Payload is the plaintext that only the two parties read.
type Payload struct {
	Typ string `json:"typ"` // TypPayload
	// CoreSHA256 is the SHA-256 of the core's text: it binds what is inside to
	// what is outside.
	CoreSHA256 Digest `json:"core_sha256"`
	// Nonce is 256 random bits in lower-case hex. It hides the plaintext behind
	// its commitment.
	Nonce string `json:"nonce"`
	// Seen is the newest checkpoint that the sender had verified, with its
	// signatures (c2sp.org/tlog-checkpoint); empty if there was none. A broker
	// that shows its log to either side differently cannot read it, and is
	// convicted by it.
	Seen string `json:"seen"`
	// Body is one typed content object (package convention).
	Body json.RawMessage `json:"body"`
	// Evidence describes the evidence files, in the order of the header's list.
	Evidence []EvidenceFile `json:"evidence"`
	// Pad is zeros that bring the plaintext to a size class.
	Pad string `json:"pad"`
}

// An EvidenceFile describes an evidence file to those who may open it.
type EvidenceFile struct {
	Name      string `json:"name"` // a plain file name, without directories
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`   // of the plaintext, in bytes
	SHA256    Digest `json:"sha256"` // of the plaintext
	// Restricted is material that may be shown to nobody but those with a
	// permission of their own (see [evidence.Package]).
	Restricted bool             `json:"restricted"`
	Custody    evidence.Custody `json:"custody"`
}

// An Evidence is an evidence file as both sides of a message see it.
type Evidence struct {
	Ref  EvidenceRef  // for the header
	File EvidenceFile // for the payload
}

// maxSeenBytes bounds a checkpoint with the cosignatures of many witnesses.
const maxSeenBytes = 32 << 10

// check holds the members to their syntax and to the header; the body is
// checked with checkBody.
func (p *Payload) check(core string, h Header) error {
	f := form{prefix: "payload"}
	f.must(p.Typ == TypPayload, problem.WrongType, "typ", "This is not a payload of version 1.")
	f.must(p.CoreSHA256 == DigestOf([]byte(core)), problem.WrongDigest, "core_sha256", "The payload belongs to another header.")
	nonce, err := hex.DecodeString(p.Nonce)
	f.must(err == nil && len(nonce) == nonceBytes && hex.EncodeToString(nonce) == p.Nonce, problem.InvalidValue, "nonce", "A nonce is 64 lower-case hex digits.")
	f.must(len(p.Seen) <= maxSeenBytes, problem.TooLarge, "seen", fmt.Sprintf("A checkpoint has at most %d bytes.", maxSeenBytes))
	f.must(len(p.Body) > 0, problem.InvalidValue, "body", "The content is missing.")
	f.must(len(p.Evidence) == len(h.Evidence), problem.InvalidValue, "evidence", "The header lists another number of evidence files.")
	for i, e := range p.Evidence {
		e.check(&f, fmt.Sprintf("evidence.%d.", i))
	}
	return f.err()
}

func (e EvidenceFile) check(f *form, at string) {
	plain := evidence.CheckPath(e.Name) == "" && !strings.Contains(e.Name, "/")
	f.must(plain, problem.InvalidValue, at+"name", "This is not a plain file name.")
	f.must(evidence.IsMediaType(e.MediaType), problem.InvalidValue, at+"media_type", "This is not a media type.")
	f.size(e.Size, 0, MaxSeq, at+"size")
	f.digest(e.SHA256, at+"sha256")
	f.must(e.Custody.Check() == "", problem.InvalidValue, at+"custody", "This is not a custody record: "+e.Custody.Check()+".")
}

// checkBody checks that the body is a content object that may travel with the
// act, that it says of parties, lane and end what the core says, and that it
// describes each file of evidence that travels with it: a delivery as a package, a
// request as the attachment of that number. Nothing else carries evidence.
func (p *Payload) checkBody(c Core) error {
	body, err := convention.ParseBody(p.Body)
	if err != nil {
		return inside(err, "payload.body")
	}
	f := form{prefix: "payload.body"}
	f.must(convention.MayTravel(body.Kind(), string(c.Act)), problem.InvalidValue, "kind",
		fmt.Sprintf("A body of this kind does not travel with the act %s.", c.Act))
	agrees := func(ok bool, field string) { f.must(ok, problem.InvalidValue, field, "The header says otherwise.") }
	none := func() {
		f.must(len(p.Evidence) == 0, problem.InvalidValue, "kind", "A body of this kind carries no evidence.")
	}
	switch b := body.(type) {
	case *convention.Request:
		f.must(len(p.Evidence) == 0 || len(p.Evidence) == len(b.Attachments), problem.InvalidValue, "attachments", "All attachments travel with the request, or none.")
		agrees(b.Requesting == directory.PartyOf(c.From.Authority), "requesting")
		agrees(b.Requested == directory.PartyOf(c.To.Authority), "requested")
		agrees(b.Lane() == string(c.Lane), "urgency")
	case *convention.Information:
		none()
		agrees(b.From == directory.PartyOf(c.From.Authority), "from")
		agrees(b.To == directory.PartyOf(c.To.Authority), "to")
	case *convention.Delivery:
		agrees(b.Final == c.Final, "final")
		for i, e := range p.Evidence {
			f.must(b.Describes(e.Size, string(e.SHA256)), problem.InvalidValue, "packages", fmt.Sprintf("No package has the size and digest of evidence %d.", i+1))
		}
	default:
		none()
	}
	return f.err()
}
