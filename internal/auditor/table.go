package auditor

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
)

// Columns names the columns of a table of entries.
func Columns() []string {
	return []string{"index", "time", "kind", "concerns", "case", "stage or code", "detail"}
}

// Cells are the columns of an entry, in the words of the protocol.
func Cells(e Entry) []string {
	concerns, caseID, state, detail := facts(e.Entry)
	return []string{fmt.Sprint(e.Index), e.Entry.Time, string(e.Entry.Kind), concerns, caseID, state, detail}
}

// JSON writes entries as the elements of one array.
func JSON(w io.Writer) (put func(Entry) error, end func() error) {
	before := "[\n"
	put = func(e Entry) error {
		text, err := strictjson.Marshal(e)
		if err == nil {
			_, err = fmt.Fprintf(w, "%s  %s", before, text)
		}
		before = ",\n"
		return err
	}
	return put, func() error {
		if before == "[\n" {
			_, err := fmt.Fprintln(w, "[]")
			return err
		}
		_, err := fmt.Fprintln(w, "\n]")
		return err
	}
}

// CSV writes entries as comma-separated values that are safe to open in a
// spreadsheet.
func CSV(out io.Writer) (put func(Entry) error, end func() error) {
	w := csv.NewWriter(out)
	_ = w.Write(Columns()) // Flush tells
	put = func(e Entry) error {
		cells := Cells(e)
		for i := range cells {
			cells[i] = Harmless(cells[i])
		}
		return w.Write(cells)
	}
	return put, func() error {
		w.Flush()
		return w.Error()
	}
}

// Harmless keeps a spreadsheet from taking a cell for a formula (peers.md T45).
func Harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n|%", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// facts say what an entry is about.
func facts(e translog.Entry) (concerns, caseID, state, detail string) {
	switch {
	case e.Message != nil:
		f := e.Message
		return f.From + " > " + f.To, f.Case, f.Stage, fmt.Sprintf("%s, %s, number %d, %s", f.Act, f.Lane, f.Seq, f.ID)
	case e.Rejection != nil:
		return e.Rejection.By, "", e.Rejection.Code, e.Rejection.Digest
	case e.Statement != nil:
		return e.Statement.Subject, "", "", fmt.Sprintf("number %d, signed by %s", e.Statement.Number, e.Statement.Signer)
	case e.Receipt != nil:
		return e.Receipt.By, "", "", e.Receipt.Kind + " " + e.Receipt.Message
	case e.Deadline != nil:
		return e.Deadline.From + " > " + e.Deadline.To, e.Deadline.Case, "", e.Deadline.Clock + " was due " + e.Deadline.Due
	case e.Access != nil:
		return e.Access.By, "", "", fmt.Sprintf("%s of %s in [%d, %d)", e.Access.What, allOr(e.Access.Scope), e.Access.From, e.Access.To)
	case e.Mailbox != nil:
		return e.Mailbox.Authority, "", "", fmt.Sprintf("%d items as of %d entries", e.Mailbox.Items, e.Mailbox.Size)
	case e.Anchor != nil:
		return e.Anchor.Authority, "", "", fmt.Sprintf("own log of %d entries, root %s", e.Anchor.Size, e.Anchor.Root)
	case e.Configuration != nil:
		return "", "", "", e.Configuration.What + ": " + e.Configuration.Detail
	case e.Erasure != nil:
		return e.Erasure.By, "", "", fmt.Sprintf("entry %d: %s", e.Erasure.Index, e.Erasure.Basis)
	}
	for _, f := range []*translog.OperatorFact{e.Operator, e.Backup, e.Restore} {
		if f != nil {
			return f.By, "", "", f.What + ": " + f.Detail
		}
	}
	return "", "", "", ""
}

// allOr names a party, or all of them.
func allOr(party string) string {
	if party == "" {
		return "all"
	}
	return party
}
