package desk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/internal/filelock"
	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// A change of keys is worth nothing before the directory has it, and must not be
// lost once it may have it. So it is written beside what is in force, whole and
// durable, before anything of it leaves the desk; the signed statements are handed
// to the broker, the same bytes again after any interruption; and only when they
// are in the desk's own directory do the new files take their places.
const (
	changeDir  = "change"      // what waits for the directory
	settledDir = "change.done" // what is being put in its places
	changeLock = "keys.lock"
	// changeFiles holds the new files under the names that they will have in the
	// home.
	changeFiles      = "files"
	changeStatements = "statements.json"
	// formerDir holds, below the keys, those that were replaced, by fingerprint:
	// they still open what was sealed to them.
	formerDir = "former"
)

// maxChangeBytes bounds the statements of a change.
const maxChangeBytes = 64 << 20

// errKeysBusy says that keys are being changed elsewhere.
var errKeysBusy = errors.New("another process of this desk is changing keys; try again when it is done")

// A change is a change of keys on its way into the directory.
type change struct {
	Statements []directory.Signed `json:"statements"`
	// What says what it is, for the desk's own log.
	What string `json:"what"`

	files map[string][]byte // by path in the home
}

// put adds a file.
func (c *change) put(path string, content []byte) {
	if c.files == nil {
		c.files = map[string][]byte{}
	}
	c.files[path] = content
}

// alter makes a change of keys and carries it through. Nothing else changes keys
// meanwhile, and prepare finds the directory up to date.
func (d *Desk) alter(ctx context.Context, prepare func(*change) error) error {
	lock, err := filelock.Try(filepath.Join(d.home, changeLock))
	if errors.Is(err, filelock.ErrHeld) {
		return errKeysBusy
	}
	if err != nil {
		return fmt.Errorf("claiming the keys: %w", err)
	}
	defer func() { _ = lock.Release() }() // it ends with the process in any case
	if err := d.resume(ctx); err != nil {
		return err
	}
	// A desk that a thief of the State's key has locked out goes on with what it has:
	// the depositary can publish what it signs.
	if err := d.followDirectory(ctx); err != nil && problem.CodeOf(err) != problem.Unauthenticated {
		return err
	}
	var c change
	if err := prepare(&c); err != nil {
		return err
	}
	if err := d.write(&c); err != nil {
		return err
	}
	return d.resume(ctx)
}

// write writes a change beside what is in force.
func (d *Desk) write(c *change) error {
	next := filepath.Join(d.home, changeDir)
	draft := next + ".draft"
	if err := os.RemoveAll(draft); err != nil {
		return err
	}
	text, err := strictjson.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(draft, changeFiles), 0o700); err != nil {
		return err
	}
	for path, content := range c.files {
		path = filepath.Join(draft, changeFiles, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := durable.Replace(path, content, 0o600); err != nil {
			return err
		}
	}
	if err := durable.Replace(filepath.Join(draft, changeStatements), text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(draft, next); err != nil {
		return fmt.Errorf("keeping the change of keys: %w", err)
	}
	return durable.SyncDir(d.home)
}

// settle carries through a change of keys that was interrupted, or that another
// process has begun.
func (d *Desk) settle(ctx context.Context) error {
	if !d.unsettled() {
		return d.identify()
	}
	lock, err := filelock.Try(filepath.Join(d.home, changeLock))
	if errors.Is(err, filelock.ErrHeld) {
		return fmt.Errorf("%w: %w", errLater, errKeysBusy)
	}
	if err != nil {
		return fmt.Errorf("claiming the keys: %w", err)
	}
	defer func() { _ = lock.Release() }() // it ends with the process in any case
	err = d.resume(ctx)
	if refusal, ok := errors.AsType[*problem.Error](err); ok {
		d.Log.Warn("a change of keys was refused and has been dropped", "code", string(refusal.Code), "err", refusal)
		return nil
	}
	return err
}

// unsettled reports whether a change waits.
func (d *Desk) unsettled() bool {
	for _, name := range []string{changeDir, settledDir} {
		if _, err := os.Lstat(filepath.Join(d.home, name)); err == nil {
			return true
		}
	}
	return false
}

// resume carries a change through, from wherever it stopped. It is called with the
// lock held.
func (d *Desk) resume(ctx context.Context) error {
	if err := d.install(); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(d.home, changeDir, changeStatements))
	if errors.Is(err, fs.ErrNotExist) {
		return d.identify()
	}
	if err != nil {
		return fmt.Errorf("reading the change of keys: %w", err)
	}
	var c change
	if err := strictjson.Unmarshal(text, maxChangeBytes, &c); err != nil {
		return fmt.Errorf("reading the change of keys: %w", err)
	}
	taken, refusal := d.publishAll(ctx, c.Statements)
	if problem.CodeOf(refusal) == problem.Unauthenticated {
		return d.lockedOut(c.Statements, refusal)
	}
	if refusal != nil && !final(refusal) {
		return fmt.Errorf("%w: the change of keys is kept and will be published: %w", errLater, refusal)
	}
	what := c.What
	if taken == 0 {
		what += ": refused"
		if err := os.RemoveAll(filepath.Join(d.home, changeDir)); err != nil {
			return err
		}
	} else {
		if identity, none := transport.Load(filepath.Join(d.home, changeDir, changeFiles)); none == nil {
			d.client.Use(identity) // the broker knows it now, and perhaps no longer the other
		}
		if err := d.followDirectory(ctx); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(d.home, changeDir), filepath.Join(d.home, settledDir)); err != nil {
			return err
		}
		if err := d.install(); err != nil {
			return err
		}
	}
	return errors.Join(refusal, d.db.Write(ctx, func(w store.DeskWriter) error { return d.record(ctx, w, "keys changed", what) }))
}

// lockedOut writes the statements of a change to the enrolment file, for the
// depositary, and says so: the broker does not know this desk's connection.
func (d *Desk) lockedOut(statements []directory.Signed, refusal error) error {
	party, err := d.Directory().Party(d.Party())
	if err != nil {
		return errors.Join(refusal, err)
	}
	text, err := strictjson.Marshal(enrolment.Enrolment{
		Typ: enrolment.Typ, Party: party.Code, Names: party.Statement.Names, Certificate: party.Statement.Certificate, Authorities: statements,
	})
	if err != nil {
		return err
	}
	if err := durable.Replace(filepath.Join(d.home, EnrolmentFile), append(text, '\n'), 0o600); err != nil {
		return err
	}
	return fmt.Errorf("%w: the change of keys is kept, but the broker does not know this desk: send %s to the depositary, who publishes it with `entraide depositary admit`: %w",
		errLater, EnrolmentFile, refusal)
}

// final reports whether a statement will not be taken later either.
func final(err error) bool {
	refusal, ok := errors.AsType[*problem.Error](err)
	return ok && refusal.Code.Status() < 500 && refusal.Code != problem.RateLimited
}

// publishAll hands statements in until one is refused, and returns how many were
// taken. Where the broker knows the new identity already, that one is used.
func (d *Desk) publishAll(ctx context.Context, statements []directory.Signed) (taken int, err error) {
	for _, s := range statements {
		if err := d.asked(ctx, s); err != nil {
			return taken, err
		}
		_, err = d.client.Publish(ctx, s)
		if problem.CodeOf(err) == problem.Unauthenticated {
			if identity, none := transport.Load(filepath.Join(d.home, changeDir, changeFiles)); none == nil {
				d.client.Use(identity)
				_, err = d.client.Publish(ctx, s)
			}
		}
		if err != nil {
			return taken, err
		}
		taken++
	}
	return taken, nil
}

// install moves the files of a settled change to their places. It may be repeated.
func (d *Desk) install() error {
	done := filepath.Join(d.home, settledDir)
	from := filepath.Join(done, changeFiles)
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(d.home, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.Rename(path, to); err != nil { //nolint:gosec // a home that its owner alone may write to
			return err
		}
		return durable.SyncDir(filepath.Dir(to))
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("putting new keys in their places: %w", err)
	}
	return os.RemoveAll(done)
}

// identify presents the TLS identity that the home has now.
func (d *Desk) identify() error {
	identity, err := transport.Load(d.home)
	if err != nil {
		return err
	}
	if presented := d.identity.Swap(&identity); presented == nil || string(presented.Certificate[0]) != string(identity.Certificate[0]) {
		d.client.Use(identity)
	}
	return nil
}

// keyPath is the place of a key in the home.
func keyPath(name string) string { return filepath.Join(keysDir, name+".key") }

// formerName is the name of a key that was replaced.
func formerName(fingerprint string) string { return filepath.Join(formerDir, fingerprint) }

// custody is the keyring of the locked files, which a custodian opens with the
// passphrase to change keys; at other times they may be held elsewhere.
func (d *Desk) custody() *keyring.Files { return d.keys.Files }

// putKey adds a key, locked.
func (d *Desk) putKey(c *change, name string, key *pgp.Key) error {
	locked, err := d.custody().Locked(name, key)
	if err != nil {
		return err
	}
	c.put(keyPath(name), locked)
	return nil
}

// overlap is how long a superseded subkey stays in the published certificate:
// evidence that was sealed to it may be under way. The broker gives an upload up
// long before.
const overlap = 90 * 24 * time.Hour

// amended signs the next statement about an authority, after an edit, with
// certificates that the party certifies anew.
func (d *Desk) amended(a directory.Authority, party *pgp.Key, edit func(*directory.AuthorityStatement, map[pgp.Suite]*pgp.Certificate)) (directory.Signed, error) {
	none, now := directory.Signed{}, d.now()
	next := a.Statement
	next.Number, next.Previous = d.Directory().Next(next.ID)
	next.Issued, next.Signer = directory.At(now), a.Party
	certificates := map[pgp.Suite]*pgp.Certificate{}
	for suite, c := range a.Certificates {
		certificates[suite] = c
	}
	edit(&next, certificates)
	next.Certificates = map[pgp.Suite][]byte{}
	for suite, c := range certificates {
		published, err := c.Published(now.Add(-overlap))
		if err != nil {
			return none, fmt.Errorf("the certificate of %s in suite %s: %w", next.ID, suite, err)
		}
		certified, err := party.Certify(published, now, validity)
		if err != nil {
			return none, fmt.Errorf("certifying %s in suite %s: %w", next.ID, suite, err)
		}
		next.Certificates[suite] = certified.Bytes()
	}
	return directory.Sign(party, next, now)
}
