package enrolment

import (
	"fmt"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/strictjson"
)

// TypStatements is the type of a file of signed statements on their way to a
// broker.
const TypStatements = "entraide/statements/1"

// statementsFile is such a file.
type statementsFile struct {
	Typ        string             `json:"typ"`
	Statements []directory.Signed `json:"statements"`
}

// MarshalStatements writes signed statements to be carried to a broker: by those
// who signed them without a line to it.
func MarshalStatements(statements []directory.Signed) ([]byte, error) {
	data, err := strictjson.Marshal(statementsFile{Typ: TypStatements, Statements: statements})
	return append(data, '\n'), err
}

// ParseStatements reads a file of signed statements, in the order in which they
// are to be published. It verifies nothing: the directory does.
func ParseStatements(data []byte) ([]directory.Signed, error) {
	var f statementsFile
	if err := strictjson.Unmarshal(data, MaxBytes, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoStatements, err)
	}
	if f.Typ != TypStatements || len(f.Statements) == 0 {
		return nil, fmt.Errorf("%w: a member is missing", ErrNoStatements)
	}
	return f.Statements, nil
}
