package web

import (
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/translog"
)

// label is a code of the procedure in words; one without words stays as it is.
func label(c *Call, list, code string) string { return convention.Label(list, code, c.L.Tag) }

// clockLabel is a clock of the procedure in words.
func clockLabel(c *Call, clock string) string {
	if clock == "delivery" {
		return c.L.T("auditor.delivery")
	}
	return label(c, "clock", clock)
}

// kindChoices are the kinds of entries, and any.
func kindChoices(c *Call) []page.Choice {
	out := []page.Choice{{Label: c.L.T("auditor.any")}}
	for _, kind := range []translog.Kind{
		translog.KindMessage, translog.KindReceipt, translog.KindRejection, translog.KindStatement, translog.KindDeadline, translog.KindAccess,
		translog.KindMailbox, translog.KindAnchor, translog.KindConfiguration, translog.KindOperator, translog.KindBackup, translog.KindRestore,
		translog.KindErasure,
	} {
		out = append(out, page.Choice{Value: string(kind), Label: c.L.T("auditor.kind_" + string(kind))})
	}
	return out
}

// codeChoices are the codes of a list of the procedure, and any.
func codeChoices(c *Call, list string) []page.Choice {
	out := []page.Choice{{Label: c.L.T("auditor.any")}}
	for _, code := range convention.Codes(list) {
		out = append(out, page.Choice{Value: code.Code, Label: code.Label(c.L.Tag)})
	}
	return out
}

// words say what an entry is, in one sentence.
func words(c *Call, e auditor.Listed) string {
	l, x := c.L, e.Entry
	if e.Body == nil {
		return l.T("auditor.entry_erased")
	}
	switch {
	case x.Message != nil:
		f := x.Message
		return l.T("auditor.entry_message", "From", locale.Value(f.From), "To", locale.Value(f.To), "Act", label(c, "act", f.Act),
			"Stage", label(c, "stage", f.Stage))
	case x.Receipt != nil:
		if x.Receipt.Kind == "opened" {
			return l.T("auditor.entry_opened", "By", locale.Value(x.Receipt.By))
		}
		return l.T("auditor.entry_delivered", "By", locale.Value(x.Receipt.By))
	case x.Deadline != nil:
		f := x.Deadline
		return l.T("auditor.entry_deadline", "Clock", clockLabel(c, f.Clock), "From", locale.Value(f.From), "To", locale.Value(f.To), "Due", moment(c, f.Due))
	case x.Rejection != nil:
		return l.T("auditor.entry_rejection", "By", locale.Value(x.Rejection.By), "Code", locale.Value(x.Rejection.Code))
	case x.Statement != nil:
		f := x.Statement
		return l.T("auditor.entry_statement", "Subject", locale.Value(f.Subject), "Number", f.Number, "Signer", locale.Value(f.Signer))
	case x.Access != nil:
		f := x.Access
		return l.T("auditor.entry_access", "By", locale.Value(f.By), "From", f.From, "To", f.To)
	}
	return rareWords(c, x)
}

// rareWords are words for what is about no exchange.
func rareWords(c *Call, x translog.Entry) string {
	l := c.L
	switch {
	case x.Mailbox != nil:
		return l.T("auditor.entry_mailbox", "Authority", locale.Value(x.Mailbox.Authority), "Items", x.Mailbox.Items)
	case x.Anchor != nil:
		return l.T("auditor.entry_anchor", "Authority", locale.Value(x.Anchor.Authority), "Size", x.Anchor.Size)
	case x.Configuration != nil:
		return l.T("auditor.entry_configuration", "What", locale.Value(x.Configuration.What))
	case x.Operator != nil:
		return l.T("auditor.entry_operator", "By", locale.Value(x.Operator.By), "What", locale.Value(x.Operator.What))
	case x.Backup != nil:
		return l.T("auditor.entry_backup", "By", locale.Value(x.Backup.By))
	case x.Restore != nil:
		return l.T("auditor.entry_restore", "By", locale.Value(x.Restore.By))
	case x.Erasure != nil:
		return l.T("auditor.entry_erasure", "Index", x.Erasure.Index, "By", locale.Value(x.Erasure.By), "Basis", locale.Value(x.Erasure.Basis))
	}
	return l.T("auditor.entry_unknown")
}

// moment is a time of an entry in words; what is none stays as it is.
func moment(c *Call, text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return c.L.DateTime(t, time.UTC)
}
