package desk

import (
	"context"
	"fmt"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// A Statement is a statement of the directory's history.
type Statement struct {
	Subject     string `json:"subject"`
	Number      int64  `json:"number"`
	Type        string `json:"type"`
	Issued      string `json:"issued"` // when it was signed, RFC 3339
	Signer      string `json:"signer"`
	Fingerprint string `json:"fingerprint"` // of the certificate that signed
	Digest      string `json:"digest"`
	Index       int64  `json:"index"`  // of its entry in the log
	Logged      string `json:"logged"` // RFC 3339, the broker's claim
	// Size and Root are of the signed checkpoint that its receipt proves it in.
	Size int64  `json:"size"`
	Root string `json:"root"` // base64
	// Standing and Reason are those of a statement of standing.
	Standing string `json:"standing,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// Changes are the members that differ from the statement before of the same
	// type.
	Changes []directory.Change `json:"changes"`
}

// History returns every statement about a subject, oldest first, with what each
// changed. Their receipts are verified again.
func (d *Desk) History(ctx context.Context, subject string) ([]Statement, error) {
	all, err := d.published(ctx)
	if err != nil {
		return nil, err
	}
	served := map[int64]wire.Statement{}
	for _, p := range all {
		served[p.Index] = statementOf(p)
	}
	dir := d.Directory()
	lines := []Statement{}
	for _, record := range dir.History(subject) {
		logged, err := d.trust.Logged(served[record.Index])
		if err != nil {
			return nil, fmt.Errorf("statement no. %d about %s: %w", record.Number, subject, err)
		}
		line := Statement{
			Subject: record.Subject, Number: record.Number, Type: record.Typ, Issued: record.Issued.String(), Signer: record.Signer,
			Fingerprint: record.Fingerprint, Digest: record.Digest, Index: record.Index, Logged: directory.At(logged.At).String(),
			Size: logged.Checkpoint.Size, Root: logged.Checkpoint.Root.String(),
		}
		statement, err := directory.Parse(record.Signed.Statement)
		if err != nil {
			return nil, err
		}
		if s, ok := statement.(*directory.StandingStatement); ok {
			line.Standing, line.Reason = s.Standing, s.Reason
		}
		line.Changes = directory.Changes(dir.AsOf(record.Index).Latest(subject, record.Typ), statement)
		lines = append(lines, line)
	}
	return lines, nil
}

// VerifyDirectory verifies every stored statement again, from the trust anchor,
// and its place in the log by its receipt. It returns how many there are.
func (d *Desk) VerifyDirectory(ctx context.Context) (int, error) {
	d.mu.Lock()
	d.dir = nil
	d.mu.Unlock()
	if err := d.readDirectory(ctx); err != nil {
		return 0, err
	}
	return len(d.Directory().Records()), nil
}

// VerifyInclusion asks the log to prove that the checkpoint of every statement's
// receipt is of the history that this desk has seen, and holds the directory
// against the one that the broker serves. What is wrong is an incident.
func (d *Desk) VerifyInclusion(ctx context.Context) error {
	all, err := d.published(ctx)
	if err != nil {
		return err
	}
	proven := map[translog.Checkpoint]bool{}
	for _, p := range all {
		logged, err := d.trust.Logged(statementOf(p))
		if err != nil {
			return err
		}
		if proven[logged.Checkpoint] {
			continue
		}
		if _, _, err := d.agrees(ctx, logged.Checkpoint, p.Receipt); err != nil {
			return err
		}
		proven[logged.Checkpoint] = true
	}
	return d.CompareDirectory(ctx)
}

// firstFrom returns the first of the statements served that is not in the
// directory: the one that was not believed.
func firstFrom(served []wire.Statement, size int64) []byte {
	for _, s := range served {
		if s.Index >= size {
			return asServed(s)
		}
	}
	return nil
}
