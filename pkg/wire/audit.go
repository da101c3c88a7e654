package wire

import (
	"net/url"
	"strconv"
	"time"
)

// An AuditQuery asks for entries of the log, GET /v1/audit/entries: those from
// index From on, and before To unless that is 0, that pass the filter.
type AuditQuery struct {
	From  int64 `query:"from" validate:"min=0"`
	To    int64 `query:"to" validate:"min=0"`
	Limit int   `query:"limit" validate:"min=1,max=256"`
	AuditFilter
}

// An AuditFilter says which entries are asked for; what is empty does not
// matter. The broker logs it with the reading.
type AuditFilter struct {
	// Party is a party or one of its authorities that the entry concerns.
	Party string `json:"party,omitempty" query:"party" validate:"max=49"`
	Kind  string `json:"kind,omitempty" query:"kind" validate:"max=32"`
	Case  string `json:"case,omitempty" query:"case" validate:"omitempty,len=32,hexadecimal,lowercase"`
	// Stage is that of the case after a message.
	Stage string `json:"stage,omitempty" query:"stage" validate:"max=32"`
	// Code is that of a refusal.
	Code string `json:"code,omitempty" query:"code" validate:"max=64"`
	// Since and Until bound the broker's claim of the time; Until is not included.
	Since time.Time `json:"since,omitzero" query:"since"`
	Until time.Time `json:"until,omitzero" query:"until"`
}

// Values returns the query as the parameters of a URL.
func (q AuditQuery) Values() url.Values {
	v := url.Values{}
	for name, n := range map[string]int64{"from": q.From, "to": q.To, "limit": int64(q.Limit)} {
		if n != 0 {
			v.Set(name, strconv.FormatInt(n, 10))
		}
	}
	for name, text := range map[string]string{"party": q.Party, "kind": q.Kind, "case": q.Case, "stage": q.Stage, "code": q.Code} {
		if text != "" {
			v.Set(name, text)
		}
	}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	return v
}

// AuditEntries answers GET /v1/audit/entries.
type AuditEntries struct {
	Items []AuditEntry `json:"items"`
	// Next is the first index that was not looked at, where to go on.
	Next int64 `json:"next"`
	// Size is how many entries the newest checkpoint covered.
	Size int64 `json:"size"`
	// Access is the tlog-proof of the entry that says what was read, and by whom.
	Access string `json:"access"`
}

// An AuditEntry is an entry of the log with its private half: the leaf of this
// index commits to salt and body.
type AuditEntry struct {
	Index int64  `json:"index"`
	Salt  []byte `json:"salt"` // base64
	Body  string `json:"body"` // canonical JSON
}
