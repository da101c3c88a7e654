package problem

import "net/http"

// A Code names one kind of refusal. Codes are part of the protocol: one that
// has been published never changes its meaning.
type Code string

// The catalogue. The title of each code, in the table below, says what it means.
const (
	MalformedJSON        Code = "malformed-json"
	UnknownMember        Code = "unknown-member"
	DuplicateMember      Code = "duplicate-member"
	InvalidValue         Code = "invalid-value"
	WrongType            Code = "wrong-type"
	MissingRecipient     Code = "missing-recipient"
	TooLarge             Code = "too-large"
	UnsupportedMediaType Code = "unsupported-media-type"
	MethodNotAllowed     Code = "method-not-allowed"
	NotFound             Code = "not-found"
	Unauthenticated      Code = "unauthenticated"
	Forbidden            Code = "forbidden"
	RateLimited          Code = "rate-limited"

	WrongSuite         Code = "wrong-suite"
	UnknownAuthority   Code = "unknown-authority"
	SuspendedAuthority Code = "suspended-authority"
	ExpiredAuthority   Code = "expired-authority"
	WrongCertificate   Code = "wrong-certificate"
	WrongEncryptionKey Code = "wrong-encryption-key"
	StaleTime          Code = "stale-time"
	ExpiredMessage     Code = "expired-message"
	BadSignature       Code = "bad-signature"
	WrongDigest        Code = "wrong-digest"
	BadFraming         Code = "bad-framing"

	DuplicateMessage Code = "duplicate-message"
	SequenceGap      Code = "sequence-gap"
	MissingEvidence  Code = "missing-evidence"
	QuotaExceeded    Code = "quota-exceeded"
	ActNotAllowed    Code = "act-not-allowed"
	StatementChain   Code = "statement-chain"
	StatementSigner  Code = "statement-signer"
	StatementInvalid Code = "statement-invalid"
	ReceiptMismatch  Code = "receipt-mismatch"

	Overloaded     Code = "overloaded"
	LogUnavailable Code = "log-unavailable"
	Internal       Code = "internal"
)

// An entry is what follows from a code.
type entry struct {
	code   Code
	status int
	// title says what happened, without the particulars.
	title string
	// remedy is one sentence that tells the caller what to do.
	remedy string
}

// catalogue lists every code once, in the order of the checks.
var catalogue = []entry{
	{MalformedJSON, http.StatusBadRequest, "The text is not valid JSON",
		"Send one JSON value in UTF-8, without a byte-order mark and with nothing after it."},
	{UnknownMember, http.StatusBadRequest, "A member is not known",
		"Remove the named member, or check its spelling against the schema."},
	{DuplicateMember, http.StatusBadRequest, "A member occurs twice",
		"Send the named member once."},
	{InvalidValue, http.StatusBadRequest, "A value is missing or not allowed",
		"Correct the named member as the schema describes it."},
	{WrongType, http.StatusBadRequest, "The object is of another type",
		"Send the kind of object that this address takes, with its own typ."},
	{MissingRecipient, http.StatusBadRequest, "The recipient is missing",
		"Name the authority that the message is for."},
	{TooLarge, http.StatusRequestEntityTooLarge, "The content is too large",
		"Shorten the text, or send files as sealed evidence instead of in the message."},
	{UnsupportedMediaType, http.StatusUnsupportedMediaType, "The media type is not supported",
		"Send the content with the media type that the API description names."},
	{MethodNotAllowed, http.StatusMethodNotAllowed, "The method is not allowed here",
		"Use one of the methods that the API description gives for this address."},
	{NotFound, http.StatusNotFound, "There is no such thing, or it is not yours to see",
		"Check the identifier, and that your authority is a party to the case."},
	{Unauthenticated, http.StatusUnauthorized, "The caller is not known",
		"Connect with the transport certificate that the directory names for your authority."},
	{Forbidden, http.StatusForbidden, "The caller may not do this",
		"Let the authority that is entitled to it do this."},
	{RateLimited, http.StatusTooManyRequests, "Too many requests",
		"Wait for the time that Retry-After gives, then try again."},

	{WrongSuite, http.StatusUnprocessableEntity, "The message is in another cryptographic suite than this pair uses",
		"Bring the directory up to date and seal the message again in the best suite that both authorities support."},
	{UnknownAuthority, http.StatusUnprocessableEntity, "The authority is not in the directory",
		"Check the authority's identifier against the directory."},
	{SuspendedAuthority, http.StatusUnprocessableEntity, "The authority is suspended or revoked",
		"Call the authority's party by an independent number and use another of its authorities."},
	{ExpiredAuthority, http.StatusUnprocessableEntity, "The authority's entry has expired or is not yet valid",
		"Ask the authority's party to publish a new statement."},
	{WrongCertificate, http.StatusUnprocessableEntity, "The certificate is not the current one of the directory",
		"Bring the directory up to date and seal the message again."},
	{WrongEncryptionKey, http.StatusUnprocessableEntity, "The encryption key is not the current one of the recipient",
		"Bring the directory up to date and seal the message again."},
	{StaleTime, http.StatusUnprocessableEntity, "The time is too far from now",
		"Set the clock of the desk right and seal the message again."},
	{ExpiredMessage, http.StatusUnprocessableEntity, "The message was to be accepted before a time that has passed",
		"Seal the message again with a later time limit, if it is still wanted."},
	{BadSignature, http.StatusUnprocessableEntity, "The signature is missing or does not verify",
		"Sign the exact bytes with the current signing key of the sending authority."},
	{WrongDigest, http.StatusUnprocessableEntity, "A size or digest does not fit the content",
		"Send the content that was signed, unchanged, or seal the message again."},
	{BadFraming, http.StatusUnprocessableEntity, "The encrypted content is not framed as its suite demands",
		"Seal the message again to the recipient and the sender only, in the form that the suite prescribes."},

	{DuplicateMessage, http.StatusConflict, "Another message with this identifier was accepted before",
		"Give a different message a new identifier; to repeat the first one, send its same bytes."},
	{SequenceGap, http.StatusConflict, "The number or the predecessor does not follow the sender's last accepted message",
		"Read the list of your accepted messages to this recipient, and seal the message again behind the last one."},
	{MissingEvidence, http.StatusConflict, "Evidence that the message names has not been uploaded",
		"Upload the missing parts, then send the message again."},
	{QuotaExceeded, http.StatusRequestEntityTooLarge, "The broker keeps no more evidence for this authority at the moment",
		"Wait until evidence that was delivered is removed after its time, or ask the broker's operator for more room."},
	{ActNotAllowed, http.StatusConflict, "The procedure does not allow this act now",
		"Read the messages of the case that you have not seen, and choose an act that its stage allows."},
	{StatementChain, http.StatusConflict, "The statement does not follow its predecessor",
		"Read the subject's last statement, and issue the next number with that statement's digest."},
	{StatementSigner, http.StatusUnprocessableEntity, "The statement is not signed by who may make it",
		"Let the party, or the depositary where the rules say so, sign the statement."},
	{StatementInvalid, http.StatusUnprocessableEntity, "The statement says something that cannot be",
		"Correct the named member of the statement, and sign it again."},
	{ReceiptMismatch, http.StatusUnprocessableEntity, "The receipt does not fit the message it speaks of",
		"Make the receipt from the message as it was delivered."},

	{Overloaded, http.StatusServiceUnavailable, "The broker cannot take more at the moment",
		"Wait for the time that Retry-After gives, then send the same bytes again."},
	{LogUnavailable, http.StatusServiceUnavailable, "The broker cannot write its log and therefore accepts nothing",
		"Keep the message and send the same bytes again later; if this lasts, call the broker's operator."},
	{Internal, http.StatusInternalServerError, "Something failed on our side",
		"Send the same bytes again later; if this lasts, call the operator and give the time of the failure."},
}

// byCode finds an entry of the catalogue.
var byCode = func() map[Code]entry {
	m := make(map[Code]entry, len(catalogue))
	for _, e := range catalogue {
		m[e.code] = e
	}
	return m
}()

// Codes returns the whole catalogue.
func Codes() []Code {
	codes := make([]Code, len(catalogue))
	for i, e := range catalogue {
		codes[i] = e.code
	}
	return codes
}

// Valid reports whether the catalogue has the code.
func (c Code) Valid() bool {
	_, ok := byCode[c]
	return ok
}

// find returns the entry of a code, and that of Internal for one that the
// catalogue does not have.
func (c Code) find() entry {
	if e, ok := byCode[c]; ok {
		return e
	}
	return byCode[Internal]
}

// Status returns the HTTP status of the code.
func (c Code) Status() int { return c.find().status }

// Title returns in a few English words what happened.
func (c Code) Title() string { return c.find().title }

// Remedy returns one English sentence that tells the caller what to do.
func (c Code) Remedy() string { return c.find().remedy }
