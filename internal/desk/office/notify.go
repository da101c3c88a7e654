package office

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/mail"
	"net/netip"
	"net/smtp"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
)

// Channels of notices.
const (
	channelMail = "mail"
	channelHook = "hook"
)

// SettingNotification is the name of the setting that holds a [Notification].
const SettingNotification = "notification"

// Notification is how officers are told that something waits. A notice never says
// what: it names the page and whether it is a drill, and nothing of a case.
type Notification struct {
	Server string   `json:"server"` // of mail, host:port; empty for no mail
	From   string   `json:"from"`   // address of mail
	Hooks  []string `json:"hooks"`  // hosts (host:port) that web-hooks may go to
}

// Text is all that a notice says, besides the number of the page.
const (
	textTest    = "Entraide: this is a test of notices. Nobody needs you."
	textPage    = "Entraide: something needs you on watch. Sign in to the desk and acknowledge it."
	textAccount = "Entraide: something happened to your account at the desk. Sign in and look at the page of your account."
	textRelease = "Entraide: a message was released in an emergency by one officer. Sign in to the desk and look at it."
	textDrill   = "Entraide: this is a drill of the watch. Sign in to the desk and acknowledge it."
)

// Check refuses settings with which no notice could be sent.
func (n Notification) Check() error {
	if n.Server != "" {
		host, port, err := net.SplitHostPort(n.Server)
		if _, portErr := net.LookupPort("tcp", port); err != nil || portErr != nil || host == "" || strings.ContainsFunc(host, unicode.IsSpace) {
			return problem.New(problem.InvalidValue, "server", "It must be a host and a port, such as mail.mla.example:587.")
		}
		if !isAddress(n.From) {
			return problem.New(problem.InvalidValue, "from", "It must be one address, such as desk@mla.example.")
		}
	}
	for _, h := range n.Hooks {
		u, err := url.Parse("https://" + h)
		if err != nil || u.Host != h || u.Hostname() == "" || strings.ContainsFunc(h, unicode.IsSpace) {
			return problem.New(problem.InvalidValue, "hooks", "Each must be a host, with a port if it is not 443, such as hooks.mla.example.")
		}
	}
	return nil
}

// isAddress reports whether a text is one address of mail and nothing else.
func isAddress(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

// PutContact sets where an officer is notified; empty for nowhere. Everybody may
// set their own, an administrator anybody's. A web-hook must be at a host that the
// office allows.
func (o *Office) PutContact(ctx context.Context, by desk.Officer, officer, address, hook string) error {
	if officer != by.ID || by.ID == "" {
		if err := by.Require(desk.Administrator); err != nil {
			return err
		}
	}
	if address != "" && !isAddress(address) {
		return problem.New(problem.InvalidValue, "mail", "It must be one address, such as watch@mla.example.")
	}
	var n Notification
	if err := o.Setting(ctx, SettingNotification, &n); err != nil {
		return err
	}
	if hook != "" {
		if err := n.allows(hook); err != nil {
			return err
		}
	}
	return o.act(ctx, by, "contact changed", officer, func(w store.DeskWriter) error {
		return w.PutContact(ctx, store.Contact{Officer: officer, Mail: address, Hook: hook})
	})
}

// allows refuses a web-hook that is not at an allowed host, over TLS.
func (n Notification) allows(hook string) error {
	u, err := url.Parse(hook)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Host == "" {
		return problem.New(problem.InvalidValue, "hook", "It must be an https address without a user.")
	}
	if !slices.ContainsFunc(n.Hooks, func(allowed string) bool { return withPort(allowed) == withPort(u.Host) }) {
		return problem.New(problem.Forbidden, "hook", "The office allows no web-hooks to this host; an administrator can.")
	}
	return nil
}

// withPort adds the port of https to a host that names none.
func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		return net.JoinHostPort(strings.Trim(host, "[]"), "443")
	}
	return host
}

// Contacts returns where officers are notified; an administrator or national auditor
// reads it.
func (o *Office) Contacts(ctx context.Context, by desk.Officer) (all []store.Contact, err error) {
	if err := by.Require(desk.Administrator, desk.NationalAuditor); err != nil {
		return nil, err
	}
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) (err error) {
		all, err = r.Contacts(ctx)
		return err
	})
	return all, err
}

// A Trial is what became of a notice that was sent to try a contact.
type Trial struct {
	Channel string `json:"channel"`           // mail or hook
	Problem string `json:"problem,omitempty"` // why it was not taken; empty if it was
}

// Test sends a notice that says it is a test to every address of an officer, and
// returns what became of each; an administrator may.
func (n *Notifier) Test(ctx context.Context, by desk.Officer, officer string) ([]Trial, error) {
	all, err := n.Office.Contacts(ctx, by)
	if err != nil {
		return nil, err
	}
	if err := by.Require(desk.Administrator); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(c store.Contact) bool { return c.Officer == officer })
	if i < 0 || all[i].Mail == "" && all[i].Hook == "" {
		return nil, problem.New(problem.NotFound, "officer", "There is no address of this officer.")
	}
	var settings Notification
	if err := n.Office.Setting(ctx, SettingNotification, &settings); err != nil {
		return nil, err
	}
	id, err := message.NewID()
	if err != nil {
		return nil, err
	}
	trials := []Trial{}
	for _, x := range []store.PageNotice{{Channel: channelMail, Address: all[i].Mail}, {Channel: channelHook, Address: all[i].Hook}} {
		if x.Address == "" {
			continue
		}
		x.Page = string(id)
		trial := Trial{Channel: x.Channel}
		if err := n.send(ctx, settings, x, eventTest); err != nil {
			trial.Problem = reason(err)
		}
		trials = append(trials, trial)
	}
	return trials, n.Office.act(ctx, by, "notices tested", officer, func(store.DeskWriter) error { return nil })
}

// An event is what a notice is of.
type event string

// The events.
const (
	eventPage  event = "page"
	eventDrill event = "drill"
	eventTest  event = "test"

	eventAccount event = desk.EventAccount
	eventRelease event = desk.EventRelease
)

// text is all that a notice of an event says, besides its number.
func (e event) text() string {
	return map[event]string{
		eventPage: textPage, eventDrill: textDrill, eventTest: textTest, eventAccount: textAccount, eventRelease: textRelease,
	}[e]
}

// name is that of a web-hook; a drill is a page that says so.
func (e event) name() string {
	if e == eventDrill {
		return string(eventPage)
	}
	return string(e)
}

// A Notifier sends notices. Reachable says which addresses a web-hook may lead to
// once its name is resolved; [Routable] if nil.
type Notifier struct {
	Office    *Office
	Reachable func(netip.Addr) bool
	// Transport is used instead of that of the system, but for its dialer.
	Transport *http.Transport
}

// Routable reports whether a web-hook may be sent to an address. Those of this
// machine, of its links, on which clouds keep their metadata services, and those
// of no single machine are refused; the names of hooks are allowed one by one, so
// that private networks of the State are not.
func Routable(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsInterfaceLocalMulticast() &&
		!slices.Contains(metadata, a)
}

// metadata are addresses of metadata services that are not on the link.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16")}

const (
	noticeTimeout = 15 * time.Second
	noticesAtOnce = 50
	// noticeRetry is how long a notice that failed waits, in seconds, times the
	// attempts; after the last it is left with its problem.
	noticeRetry    = 30
	noticeAttempts = 10
)

// Send sends the notices that are due. One that fails is tried again later; why is
// kept with it and shown.
func (n *Notifier) Send(ctx context.Context) error {
	var settings Notification
	var due []store.PageNotice
	events := map[string]event{}
	if err := n.Office.desk.Store().Read(ctx, func(r store.DeskReader) (err error) {
		if err := setting(ctx, r, SettingNotification, &settings); err != nil {
			return err
		}
		if due, err = r.UnsentNotices(ctx, n.Office.now(), noticesAtOnce); err != nil {
			return err
		}
		for _, x := range due {
			p, err := r.Page(ctx, x.Page)
			if err != nil {
				return err
			}
			if events[x.Page] = eventPage; p.Drill {
				events[x.Page] = eventDrill
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, x := range due {
		n.tried(&x.Tries, n.send(ctx, settings, x, events[x.Page]))
		if err := n.Office.desk.Store().Write(ctx, func(w store.DeskWriter) error { return w.PutNotice(ctx, x) }); err != nil {
			return err
		}
	}
	return nil
}

// SendWords sends the words to officers that are due: of their accounts, and of what
// they are to look at. They are tried as notices of pages are.
func (n *Notifier) SendWords(ctx context.Context) error {
	var settings Notification
	var due []store.Notice
	if err := n.Office.desk.Store().Read(ctx, func(r store.DeskReader) (err error) {
		if err := setting(ctx, r, SettingNotification, &settings); err != nil {
			return err
		}
		due, err = r.DueNotices(ctx, n.Office.now(), noticesAtOnce)
		return err
	}); err != nil {
		return err
	}
	for _, x := range due {
		as := store.PageNotice{Page: x.ID, Officer: x.Officer, Channel: x.Channel, Address: x.Address}
		n.tried(&x.Tries, n.send(ctx, settings, as, event(x.Event)))
		if err := n.Office.desk.Store().Write(ctx, func(w store.DeskWriter) error { return w.PutDueNotice(ctx, x) }); err != nil {
			return err
		}
	}
	return nil
}

// never is a time that does not come.
const never = int64(1) << 60

// tried notes what came of sending a notice once more: it was sent, or is tried
// again later, for some time.
func (n *Notifier) tried(t *store.Tries, err error) {
	t.Attempts++
	switch {
	case err == nil:
		t.Problem, t.SentAt = "", n.Office.now()
	case t.Attempts >= noticeAttempts:
		t.Problem, t.NextAt = reason(err), never
	default:
		t.Problem, t.NextAt = reason(err), n.Office.now()+t.Attempts*noticeRetry
	}
}

// reason says in short why a notice failed, without the address it went to.
func reason(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Detail
	}
	if operation, ok := errors.AsType[*url.Error](err); ok {
		err = operation.Err
	}
	text := err.Error()
	return text[:min(len(text), 200)]
}

// send sends one notice.
func (n *Notifier) send(ctx context.Context, s Notification, x store.PageNotice, e event) error {
	ctx, end := context.WithTimeout(ctx, noticeTimeout)
	defer end()
	if x.Channel == channelMail {
		return sendMail(ctx, s, x, e)
	}
	return n.sendHook(ctx, s, x, e)
}

// sendMail hands a notice to the mail server, with TLS where the server offers it.
func sendMail(ctx context.Context, s Notification, x store.PageNotice, e event) error {
	if s.Server == "" {
		return problem.New(problem.InvalidValue, "server", "The office has no mail server set.")
	}
	host, _, err := net.SplitHostPort(s.Server)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Server)
	if err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return errors.Join(err, conn.Close())
		}
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	defer c.Close()
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}); err != nil {
			return err
		}
	}
	if err := errors.Join(c.Mail(s.From), c.Rcpt(x.Address)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	subject, _, _ := strings.Cut(e.text(), ".")
	if _, err := fmt.Fprintf(w, "From: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s.%d@entraide>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\nPage %s\r\n",
		s.From, x.Address, subject, x.Page, x.ID, e.text(), x.Page); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the mail is taken: how the server says goodbye changes nothing
	return nil
}

// A hook is the whole content of a web-hook.
type hook struct {
	Event string `json:"event"`
	Page  string `json:"page"`
	Drill bool   `json:"drill"`
}

// sendHook posts a notice. The name is allowed by its host, and what it leads to is
// looked at when the connection is made, after it was resolved; nothing is
// followed elsewhere.
func (n *Notifier) sendHook(ctx context.Context, s Notification, x store.PageNotice, e event) error {
	if err := s.allows(x.Address); err != nil {
		return err
	}
	body, err := json.Marshal(hook{e.name(), x.Page, e == eventDrill})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, x.Address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: n.transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the web-hook answered %d", answer.StatusCode)
	}
	return nil
}

// errUnreachable says that a web-hook leads where none may.
var errUnreachable = errors.New("the web-hook leads to this machine, its links or a metadata service")

// transport dials only what is reachable, and knows no proxy.
func (n *Notifier) transport() *http.Transport {
	t := &http.Transport{}
	if n.Transport != nil {
		t = n.Transport.Clone()
	}
	reachable := n.Reachable
	if reachable == nil {
		reachable = Routable
	}
	t.Proxy = nil
	t.DialContext = (&net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		if a, err := netip.ParseAddrPort(address); err != nil || !reachable(a.Addr()) {
			return errUnreachable
		}
		return nil
	}}).DialContext
	return t
}

// watchEvery is how often a serving desk looks whether somebody is to be called.
const watchEvery = 5 * time.Second

// Watch calls and notifies whoever is to be, until ctx ends. It belongs beside
// [desk.Desk.Run] in a serving desk.
func (n *Notifier) Watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		if err := errors.Join(n.Office.Tick(ctx), n.Office.Morning(ctx), n.Send(ctx), n.SendWords(ctx)); err != nil && ctx.Err() == nil {
			n.Office.desk.Log.Warn("calling the watch", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
