package desk

import (
	"context"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/pkg/directory"
)

// SignStatistics signs figures of the State's own cases with the State's key, as the
// next statement of that kind, and returns it. It is checked here as the broker will
// check it: among other things, nothing small is in it.
func (d *Desk) SignStatistics(ctx context.Context, s directory.StatisticsStatement) (directory.Signed, error) {
	none := directory.Signed{}
	party, err := d.party()
	if err != nil {
		return none, err
	}
	key, err := d.keys.Key(keyring.Party)
	if err != nil {
		return none, err
	}
	dir := d.Directory()
	s.Heading = directory.Heading{Typ: directory.TypStatistics, Subject: directory.StatisticsSubject(party), Signer: party}
	s.Number, s.Previous = dir.Next(s.Subject)
	signed, err := directory.Sign(key, s, d.now())
	if err != nil {
		return none, err
	}
	if _, err := dir.Apply(signed, dir.Size()); err != nil {
		return none, err
	}
	return signed, d.asked(ctx, signed)
}

// PublishStatistics signs as [Desk.SignStatistics] does, with the newest directory,
// and hands the statement to the broker, whose log and directory have it from then on
// for everybody to read. It cannot be taken back.
func (d *Desk) PublishStatistics(ctx context.Context, s directory.StatisticsStatement) error {
	if err := d.followDirectory(ctx); err != nil {
		return err
	}
	signed, err := d.SignStatistics(ctx, s)
	if err != nil {
		return err
	}
	return d.Submit(ctx, []directory.Signed{signed})
}
