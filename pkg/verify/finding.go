package verify

import "errors"

// ErrMisbehaviour is what every error is that is evidence against somebody: a
// receipt that does not prove what it claims, a log that shows two faces, a
// signature under bytes that were never sent. Keep the files.
var ErrMisbehaviour = errors.New("evidence of misbehaviour")

// A Code names a kind of evidence. It does not change between versions, so that
// reports in other languages can be made from it.
type Code string

// Kinds of evidence.
const (
	// ReceiptInvalid: a receipt of the log does not prove any entry.
	ReceiptInvalid Code = "receipt-invalid"
	// ReceiptMismatch: a receipt of the log is about something else.
	ReceiptMismatch Code = "receipt-mismatch"
	// WronglyAccepted: the broker vouched for a message that it must refuse.
	WronglyAccepted Code = "wrongly-accepted"
	// StatementInvalid: the broker logged a directory statement that is not valid.
	StatementInvalid Code = "statement-invalid"
	// ConfirmationInvalid: the broker logged a receipt of delivery or opening that
	// is not its authority's.
	ConfirmationInvalid Code = "confirmation-invalid"
	// CheckpointInvalid: a checkpoint is not signed by the log.
	CheckpointInvalid Code = "checkpoint-invalid"
	// TwoHistories: the log has signed trees of which none extends the other.
	TwoHistories Code = "two-histories"
	// TimeContradicted: an entry claims a time that witnesses contradict.
	TimeContradicted Code = "time-contradicted"
	// AnswerWithheld: the broker promises what it does not send.
	AnswerWithheld Code = "answer-withheld"
	// ActNotAllowed: the broker accepted a message out of its place in the
	// procedure.
	ActNotAllowed Code = "act-not-allowed"
	// ErasureInvalid: a record of erasure is not signed by whom it names, or is
	// not about the entries that it names.
	ErasureInvalid Code = "erasure-invalid"
)

// Codes are all kinds of evidence.
func Codes() []Code {
	return []Code{
		ReceiptInvalid, ReceiptMismatch, WronglyAccepted, StatementInvalid, ConfirmationInvalid, CheckpointInvalid,
		TwoHistories, TimeContradicted, AnswerWithheld, ActNotAllowed, ErasureInvalid,
	}
}

// A Finding is an error that is evidence. It is [ErrMisbehaviour].
type Finding struct {
	Code  Code
	what  string
	cause error
}

// Misbehaviour makes a finding; what says it in words that a duty officer can
// pass on, and cause may be nil.
func Misbehaviour(code Code, what string, cause error) error {
	return &Finding{Code: code, what: what, cause: cause}
}

// Error implements error.
func (f *Finding) Error() string {
	text := ErrMisbehaviour.Error() + ": " + f.what
	if f.cause != nil {
		text += ": " + f.cause.Error()
	}
	return text
}

// Is makes every finding [ErrMisbehaviour].
func (f *Finding) Is(target error) bool { return target == ErrMisbehaviour }

// Unwrap returns the cause.
func (f *Finding) Unwrap() error { return f.cause }
