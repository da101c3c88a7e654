// Package enrolment is the file with which a State asks to be admitted: what
// its desk writes and the depositary reads, compared by short code over another
// channel.
package enrolment

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/strictjson"
)

// Typ is the type of an enrolment file.
const Typ = "entraide/enrolment/1"

// MaxBytes bounds an enrolment file, and a file of statements.
const MaxBytes = 4 << 20

// ErrMalformed says that a file is not an enrolment.
var ErrMalformed = errors.New("this is not an enrolment file")

// ErrNoStatements says that a file is not one of signed statements.
var ErrNoStatements = errors.New("this is not a file of directory statements")

// An Enrolment asks the depositary to admit a party with its authorities.
type Enrolment struct {
	Typ string `json:"typ"`
	// Party is the party's code, such as "QM".
	Party string `json:"party"`
	// Names gives the party's name by language (BCP 47).
	Names map[string]string `json:"names"`
	// Certificate is the party's OpenPGP certificate (base64 in JSON).
	Certificate []byte `json:"certificate"`
	// Authorities are the party's authorities, signed by the party. There are none
	// where a party asks for another key in the place of the one it had.
	Authorities []directory.Signed `json:"authorities"`
}

// Parse reads an enrolment file.
func Parse(data []byte) (Enrolment, error) {
	var e Enrolment
	if err := strictjson.Unmarshal(data, MaxBytes, &e); err != nil {
		return e, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if e.Typ != Typ || e.Party == "" || len(e.Certificate) == 0 {
		return e, fmt.Errorf("%w: a member is missing", ErrMalformed)
	}
	return e, nil
}

// Admission returns the digest of what the depositary is asked to sign: the
// party's names and its certificate. Lower-case hex.
func Admission(names map[string]string, certificate []byte) (string, error) {
	data, err := strictjson.Marshal(struct {
		Names       map[string]string `json:"names"`
		Certificate []byte            `json:"certificate"`
	}{names, certificate})
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

// Code is what the two sides read to each other before the depositary signs:
// 80 bits of the file's SHA-256, in groups of four hex digits.
func (e Enrolment) Code() (string, error) {
	data, err := strictjson.Marshal(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	digits := hex.EncodeToString(sum[:10])
	var groups []string
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, " "), nil
}
