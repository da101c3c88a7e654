package desk

import (
	"context"
	"slices"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
)

// Events of which officers are notified by mail or web-hook, where they are. A
// notice says no more than that there is something to look at.
const (
	EventAccount = "account" // something happened to their account
	EventRelease = "release" // an emergency release is to be looked at
)

// Notify queues a notice to an officer over every channel that they have.
func (d *Desk) Notify(ctx context.Context, w store.DeskWriter, officer, event string) error {
	contacts, err := w.Contacts(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(contacts, func(c store.Contact) bool { return c.Officer == officer })
	if i < 0 {
		return nil
	}
	now := d.now().Unix()
	for channel, address := range map[string]string{"mail": contacts[i].Mail, "hook": contacts[i].Hook} {
		if address == "" {
			continue
		}
		id, err := message.NewID()
		if err != nil {
			return err
		}
		n := store.Notice{ID: string(id), Event: event, Officer: officer, Channel: channel, Address: address, At: now, Tries: store.Tries{NextAt: now}}
		if err := w.PutDueNotice(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
