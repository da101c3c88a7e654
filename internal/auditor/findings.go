package auditor

// Codes of findings. They do not change between versions.
const (
	// FindFork: the log has signed two histories.
	FindFork = "fork"
	// FindRewind: the log is shorter than it was.
	FindRewind = "rewind"
	// FindGap: the log does not show everything that it signed.
	FindGap = "gap"
	// FindAltered: the log shows something else than it signed.
	FindAltered = "altered"
	// FindShown: a receipt or bundle proves what the mirrored log does not hold, or
	// is itself evidence.
	FindShown = "shown-otherwise"
	// FindWithheld: an entry is neither shown nor said to be erased.
	FindWithheld = "entry-withheld"
	// FindBackwards: an entry claims to be older than one before it: it was dated
	// back, or entries were put in another order.
	FindBackwards = "dated-before-neighbour"
	// FindDated: an entry claims a time outside the two looks between which it came
	// into the log.
	FindDated = "dated-outside"
	// FindSequence: the numbers of a sender's messages to a recipient leave one out.
	FindSequence = "message-without-entry"
	// FindOrder: the numbers of a sender's messages to a recipient are not in the
	// order of the log, or one is there twice.
	FindOrder = "reordered"
	// FindOrphan: a receipt or deadline is about a message or case that is not in
	// the log.
	FindOrphan = "entry-without-message"
	// FindReceipt: a receipt is by somebody else than the recipient of its message,
	// or stands before it.
	FindReceipt = "receipt-mismatch"
	// FindAct: a message that the procedure does not allow at its place.
	FindAct = "act-not-allowed"
	// FindStage: the broker gives another stage than follows.
	FindStage = "stage-differs"
	// FindDeadlineWrong: a deadline that had been met, was not due yet, or names
	// other parties than its case.
	FindDeadlineWrong = "deadline-wrong"
	// FindDeadlineMissing: a deadline must have passed by the limits that the broker
	// keeps in other cases of the pair, and there is no entry of it.
	FindDeadlineMissing = "deadline-missing"
	// FindSilence: there has been no fresh checkpoint for too long.
	FindSilence = "silence"
)

// Whose a finding is to answer.
const whoBroker = "broker"

// FindingCodes returns the codes of findings.
func FindingCodes() []string {
	return []string{
		FindFork, FindRewind, FindGap, FindAltered, FindShown, FindWithheld, FindBackwards, FindDated, FindSequence, FindOrder, FindOrphan,
		FindReceipt, FindAct, FindStage, FindDeadlineWrong, FindDeadlineMissing, FindSilence,
	}
}

// OwnCodes are the codes of findings that rest on a mirror's own looks at the log,
// and not on entries alone.
func OwnCodes() []string {
	return []string{FindFork, FindRewind, FindGap, FindAltered, FindShown, FindDated, FindSilence}
}
