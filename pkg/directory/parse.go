package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// A Statement is one of *DepositaryStatement, *PartyStatement,
// *AuthorityStatement, *StandingStatement and *StatisticsStatement.
type Statement interface {
	// Head returns what all statements begin with.
	Head() Heading

	heading() *Heading
	// check holds the members to their syntax.
	check() *problem.Error
}

// Head returns the heading.
func (h *Heading) Head() Heading { return *h }

func (h *Heading) heading() *Heading { return h }

// Parse reads the text of a statement. It accepts only the canonical text,
// byte for byte what [Sign] writes, and only members of the right form; it does
// not look at the signature, the certificates or the chain.
//
// The error is a *problem.Error: malformed-json, duplicate-member,
// unknown-member, invalid-value, wrong-type, too-large, or statement-invalid
// for a member of the wrong form.
func Parse(text string) (Statement, error) {
	var members map[string]json.RawMessage
	if err := unmarshal(text, &members); err != nil {
		return nil, err
	}
	s := newStatement(strings.Trim(string(members["typ"]), `"`))
	if s == nil {
		return nil, problem.New(problem.WrongType, "typ", "This is not a type of directory statement.")
	}
	if err := unmarshal(text, s); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	canonical, err := strictjson.Marshal(s)
	if err != nil || string(canonical) != text {
		return nil, problem.New(problem.MalformedJSON, "", "The statement is not in its canonical form: all members, in order, without white space.")
	}
	return s, nil
}

// newStatement returns an empty statement of a type, or nil.
func newStatement(typ string) Statement {
	switch typ {
	case TypDepositary:
		return &DepositaryStatement{}
	case TypParty:
		return &PartyStatement{}
	case TypAuthority:
		return &AuthorityStatement{}
	case TypStanding:
		return &StandingStatement{}
	case TypStatistics:
		return &StatisticsStatement{}
	}
	return nil
}

// unmarshal reads strict JSON and returns problems.
func unmarshal(text string, v any) error {
	err := strictjson.Unmarshal([]byte(text), MaxStatementBytes, v)
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		field := strings.ReplaceAll(strings.TrimPrefix(e.Pointer, "/"), "/", ".")
		return problem.New(problem.Code(e.Kind), field, e.Detail)
	}
	return err
}

// Sign writes a statement (one of the five, or a pointer to one) and signs it
// with the key of its signer. It fills in Typ and Issued, the latter with at,
// and leaves all else to the caller; see [Directory.Next] for Number and
// Previous. The error is a *problem.Error if a member has the wrong form.
func Sign(key *pgp.Key, statement any, at time.Time) (Signed, error) {
	s := copyOf(statement)
	if s == nil {
		return Signed{}, problem.New(problem.WrongType, "typ", "This is not a directory statement.")
	}
	h := s.heading()
	h.Issued = At(at)
	if err := s.check(); err != nil {
		return Signed{}, err
	}
	text, err := strictjson.Marshal(s)
	if err != nil {
		return Signed{}, problem.Wrap(problem.StatementInvalid, "", "The statement cannot be written as strict JSON.", err)
	}
	if len(text) > MaxStatementBytes {
		return Signed{}, problem.New(problem.TooLarge, "", "The statement is too large.")
	}
	signature, err := key.Sign(h.Typ, text, h.Issued.Time)
	if err != nil {
		return Signed{}, problem.Wrap(problem.StatementSigner, "signature", "The key could not sign the statement.", err)
	}
	return Signed{Statement: string(text), Signature: signature}, nil
}

// copyOf returns a copy of a statement with its type filled in, or nil.
func copyOf(statement any) Statement {
	switch s := statement.(type) {
	case *DepositaryStatement:
		return copyOf(*s)
	case *PartyStatement:
		return copyOf(*s)
	case *AuthorityStatement:
		return copyOf(*s)
	case *StandingStatement:
		return copyOf(*s)
	case *StatisticsStatement:
		return copyOf(*s)
	case DepositaryStatement:
		s.Typ = TypDepositary
		return &s
	case PartyStatement:
		s.Typ = TypParty
		return &s
	case AuthorityStatement:
		s.Typ = TypAuthority
		return &s
	case StandingStatement:
		s.Typ = TypStanding
		return &s
	case StatisticsStatement:
		s.Typ = TypStatistics
		return &s
	}
	return nil
}

// Digest returns the SHA-256 of the statement's text, lower-case hex.
func (s Signed) Digest() string {
	sum := sha256.Sum256([]byte(s.Statement))
	return hex.EncodeToString(sum[:])
}
