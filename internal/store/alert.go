package store

import "context"

// An Alert tells the holder of an account what happened to it.
type Alert struct {
	ID      int64
	Account string
	Kind    string
	At      int64  // Unix seconds
	Address string // network address from which it was done; empty if it is not known
	Agent   string // what the browser called itself
	Begun   int64  // when the session began that did it; 0 for none
	SeenAt  int64  // when the holder said that they had seen it; 0 if not yet
}

// A Recovery is that an administrator asks for an account to be given a new
// invitation; another confirms it.
type Recovery struct {
	Account string
	By      string // id of the administrator
	ByName  string
	At      int64 // Unix seconds
}

// A Notice is a word to an officer, without content, over a channel.
type Notice struct {
	ID      string
	Event   string
	Officer string
	Channel string // mail or hook
	Address string
	At      int64 // Unix seconds
	Tries
}

// AlertReader is what a [DeskReader] says of what officers are told about their
// accounts, and of notices.
type AlertReader interface {
	// Alerts returns the alerts of an account, the newest first.
	Alerts(ctx context.Context, account string) ([]Alert, error)
	// Recovery returns what is asked for an account, or ErrNotFound.
	Recovery(ctx context.Context, account string) (Recovery, error)
	// DueNotices returns notices that are to be sent, limit at most.
	DueNotices(ctx context.Context, at int64, limit int) ([]Notice, error)
}

// AlertWriter changes it.
type AlertWriter interface {
	// PutAlert inserts an alert; its ID is made here.
	PutAlert(ctx context.Context, a Alert) error
	// SeeAlerts notes that the holder has seen their alerts up to one.
	SeeAlerts(ctx context.Context, account string, last, at int64) error
	// PutBrowser notes that an account was used in a browser, and reports whether it
	// had been before.
	PutBrowser(ctx context.Context, account string, digest []byte, at int64) (known bool, err error)
	// DeleteBrowsers forgets the browsers of an account.
	DeleteBrowsers(ctx context.Context, account string) error
	PutRecovery(ctx context.Context, r Recovery) error
	DeleteRecovery(ctx context.Context, account string) error
	// PutDueNotice inserts or replaces a notice.
	PutDueNotice(ctx context.Context, n Notice) error
}
