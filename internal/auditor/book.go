package auditor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// privateDir holds what is not for publication, beside the public log: only the
// owner may enter.
const privateDir = "private"

// bookFile is the database of entries, in privateDir.
const bookFile = "entries.db"

// Notes of a book.
const (
	markScope      = "scope"      // markAll, or the party whose exchanges the auditor sees; empty before the first reading
	markLooked     = "looked"     // index up to which the broker has been asked
	markSynced     = "synced"     // Unix seconds of the last look at the log
	markCheckpoint = "checkpoint" // that the derivation rests on
	markAll        = "*"
)

// A Book is what an auditor has been shown of a log beyond its public leaves:
// the private halves of entries, each held against its leaf in the mirror, and
// what follows from them. It is a database of its own, private to its owner.
type Book struct {
	home string
	db   *sqlite.Mirror
}

// OpenBook opens the book of a mirror, making it as needed. Reading it needs no
// lock on the mirror. It returns [ErrRemarks] if its log of remarks was changed.
func OpenBook(ctx context.Context, home string) (*Book, error) {
	if _, err := readBroker(home); err != nil {
		return nil, errors.Join(ErrNoHome, err)
	}
	dir := filepath.Join(home, privateDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("auditor: making the book: %w", err)
	}
	db, err := sqlite.OpenMirror(ctx, filepath.Join(dir, bookFile))
	if err != nil {
		return nil, err
	}
	b := &Book{home: home, db: db}
	err = db.Rekey(ctx, keyOf)
	if err == nil {
		_, err = b.CheckRemarks(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

// FindBook opens the book of a mirror, and returns nil if it has none yet.
func FindBook(ctx context.Context, home string) (*Book, error) {
	if _, err := os.Stat(filepath.Join(home, privateDir, bookFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return OpenBook(ctx, home)
}

// Look brings a mirror up to date (see [Mirror.Sync]), says whether the state of
// the log is an old one, and notes in its book, which may be nil, when it looked or
// what it found.
func Look(ctx context.Context, m *Mirror, b *Book, now time.Time) (Report, error) {
	r, err := m.Sync(ctx)
	r.Old = err == nil && m.old(r, now)
	if b == nil {
		return r, err
	}
	if err != nil {
		return r, errors.Join(err, b.Wrong(ctx, m, err, now))
	}
	return r, b.Note(ctx, r, now)
}

// Close releases the book.
func (b *Book) Close() error { return b.db.Close() }

// Note notes the checkpoint that a mirror took, and when it is known to have
// been there.
func (b *Book) Note(ctx context.Context, r Report, now time.Time) error {
	look := store.Look{Size: r.Size, At: now.Unix(), Seen: now.Unix(), Note: string(r.signed)}
	if r.Cosigned > 0 {
		look.At, look.Seen, look.Cosigned = r.Seen.Unix(), r.Seen.Unix(), true
	}
	return errors.Join(b.db.PutLook(ctx, look), b.db.PutMark(ctx, markSynced, strconv.FormatInt(now.Unix(), 10)), b.noteWitnesses(ctx))
}

// Wrong notes evidence of misbehaviour that a look at the log has brought up; any
// other error is of no interest.
func (b *Book) Wrong(ctx context.Context, m *Mirror, err error, now time.Time) error {
	if !errors.Is(err, verify.ErrMisbehaviour) {
		return nil
	}
	f := store.Finding{Text: err.Error(), Evidence: m.kept, At: now.Unix()}
	switch {
	case errors.Is(err, ErrFork):
		f.Code = FindFork
		f = said(f, "fork", cause, err)
	case errors.Is(err, ErrRewind):
		f.Code = FindRewind
		f = said(f, "rewind", cause, err)
	case errors.Is(err, ErrGap):
		f.Code = FindGap
		f = said(f, "gap", cause, err)
	default:
		f.Code = FindAltered
		f = said(f, "altered", cause, err)
	}
	return b.seen(ctx, f)
}

// Read asks the broker for what is new, as the auditor that the client is, and
// keeps it: entries, and statements of the directory. It goes on where it was.
func (b *Book) Read(ctx context.Context, m *Mirror, c *client.Client) error {
	text, err := b.db.Mark(ctx, markLooked)
	if err != nil {
		return err
	}
	from := int64(0)
	if text != "" {
		if from, err = strconv.ParseInt(text, 10, 64); err != nil {
			return fmt.Errorf("auditor: the book is damaged: %w", err)
		}
	}
	if err := m.pages(ctx, c, wire.AuditQuery{From: from, Limit: wire.MaxPage}, func(p looked) error {
		return b.Take(ctx, p.entries, p.scope, p.next)
	}); err != nil {
		return err
	}
	return b.readDirectory(ctx, m, c)
}

// Take keeps entries that were held against their leaves, as [Mirror.Entries] does:
// all those before the index next that the broker shows to an auditor of a party;
// to one of all exchanges if the party is empty.
func (b *Book) Take(ctx context.Context, entries []Entry, party string, next int64) error {
	if err := b.keep(ctx, entries); err != nil {
		return err
	}
	if party == "" {
		party = markAll
	}
	return errors.Join(b.db.PutMark(ctx, markScope, party), b.db.PutMark(ctx, markLooked, strconv.FormatInt(next, 10)))
}

// Again has the next reading begin with the first entry, for what was withheld
// and is shown now.
func (b *Book) Again(ctx context.Context) error { return b.db.PutMark(ctx, markLooked, "0") }

// keep stores verified entries.
func (b *Book) keep(ctx context.Context, entries []Entry) error {
	rows := make([]store.AuditEntry, len(entries))
	for i, e := range entries {
		row, err := rowOf(e)
		if err != nil {
			return err
		}
		rows[i] = row
	}
	return b.db.Keep(ctx, rows)
}

// Add takes the entries of receipts, each held against the mirror: of a file
// that is a receipt of the log, or of a case bundle. It returns how many there
// were. One that the mirrored log does not hold, though it is signed, proves two
// histories; it is a finding, and the error says so.
func (b *Book) Add(ctx context.Context, m *Mirror, file []byte, now time.Time) (n int, err error) {
	var entries []Entry
	take := func(text []byte) error {
		e, err := m.receipt(ctx, text)
		if err == nil {
			entries = append(entries, e)
		}
		return err
	}
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		var z *bundle.Reader
		if z, err = bundle.Open(bytes.NewReader(file), int64(len(file))); err != nil {
			return 0, err
		}
		if _, err = z.Verify(ctx, m.trust); err == nil {
			err = z.Receipts(take)
		}
	} else {
		err = take(file)
	}
	if errors.Is(err, verify.ErrMisbehaviour) {
		path, keepErr := m.keep("shown", ".evidence", file)
		return 0, errors.Join(err, keepErr, b.seen(ctx, said(store.Finding{Code: FindShown, Text: err.Error(), Evidence: path, At: now.Unix()}, "shown", cause, err)))
	}
	if err != nil {
		return 0, err
	}
	return len(entries), b.keep(ctx, entries)
}

// receipt verifies a receipt of the log, and holds its entry against the mirror.
func (m *Mirror) receipt(ctx context.Context, text []byte) (Entry, error) {
	r, err := translog.ParseReceipt(text)
	if err != nil {
		return Entry{}, err
	}
	if _, _, err := r.Verify(m.trust.Origin, m.trust.Keys()...); err != nil {
		return Entry{}, fmt.Errorf("auditor: the receipt is not one of this log: %w", err)
	}
	trusted, err := m.trusted()
	if err != nil {
		return Entry{}, err
	}
	if r.Index >= trusted.Size {
		return Entry{}, fmt.Errorf("auditor: the mirror has %d entries, and this is entry %d: synchronise first", trusted.Size, r.Index)
	}
	return held(ctx, translog.TileReader(trusted, Directory(m.home)), r.Index, r.Entry)
}

// rowOf is an entry by what it is asked for.
func rowOf(e Entry) (store.AuditEntry, error) {
	at, err := time.Parse(time.RFC3339, e.Entry.Time)
	if err != nil {
		return store.AuditEntry{}, fmt.Errorf("auditor: entry %d: %w", e.Index, err)
	}
	row := store.AuditEntry{Index: e.Index, Kind: string(e.Entry.Kind), At: at.Unix(), Salt: e.Private.Salt[:], Body: e.Private.Body}
	switch x := e.Entry; {
	case x.Message != nil:
		f := x.Message
		row.Sender, row.Recipient, row.Case, row.Act, row.Lane, row.Stage = f.From, f.To, f.Case, f.Act, f.Lane, f.Stage
		row.Seq, row.Ref, row.Digest = f.Seq, f.ID, f.Digest
	case x.Receipt != nil:
		row.Code, row.Act, row.Ref, row.Digest = x.Receipt.By, x.Receipt.Kind, x.Receipt.Message, x.Receipt.Digest
	case x.Deadline != nil:
		due, err := time.Parse(time.RFC3339, x.Deadline.Due)
		if err != nil {
			return row, fmt.Errorf("auditor: entry %d: %w", e.Index, err)
		}
		row.Sender, row.Recipient, row.Case, row.Act, row.Seq = x.Deadline.From, x.Deadline.To, x.Deadline.Case, x.Deadline.Clock, due.Unix()
	case x.Rejection != nil:
		row.Sender, row.Code, row.Digest = x.Rejection.By, x.Rejection.Code, x.Rejection.Digest
	case x.Statement != nil:
		row.Sender, row.Code, row.Seq, row.Digest = x.Statement.Signer, x.Statement.Subject, x.Statement.Number, x.Statement.Digest
	case x.Erasure != nil:
		row.Sender, row.Seq = x.Erasure.By, x.Erasure.Index
	case x.Access != nil:
		row.Sender, row.Code = x.Access.By, x.Access.Scope
	case x.Mailbox != nil:
		row.Sender, row.Seq = x.Mailbox.Authority, x.Mailbox.Items
	case x.Anchor != nil:
		row.Sender, row.Seq, row.Digest = x.Anchor.Authority, x.Anchor.Size, x.Anchor.Root
	case x.Configuration != nil:
		row.Code = x.Configuration.What
	}
	for _, f := range []*translog.OperatorFact{e.Entry.Operator, e.Entry.Backup, e.Entry.Restore} {
		if f != nil {
			row.Sender, row.Code = f.By, f.What
			return row, nil
		}
	}
	about := []string{row.Sender, row.Recipient}
	if e.Entry.Statement != nil || e.Entry.Access != nil {
		about = append(about, row.Code)
	}
	for _, subject := range about {
		if party := directory.PartyOf(subject); directory.ValidParty(party) {
			row.Parties = append(row.Parties, party)
		}
	}
	return row, nil
}
