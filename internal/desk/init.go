// Package desk is a State's own node: it holds the keys and the only
// plaintext, sends and receives, and keeps the case file. It trusts the broker
// to carry, and verifies everything that it is told (protocol section 2.6).
//
// State is always derived from the signed messages, never stored as truth.
package desk

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// Files of a home.
const (
	brokerFile = "broker.json"
	keysDir    = "keys"
	logKeyFile = "log.key"
	vkeyFile   = "log.vkey"
	database   = "desk.db"
	pumpLock   = "pump.lock"
	// witnessDir is the home of the desk as a witness of its broker's log. It
	// must never be restored from a backup.
	witnessDir = "witness"
	// EnrolmentFile is what the depositary needs to admit the State.
	EnrolmentFile = "enrolment.json"
)

// validity of an authority statement, and of the party's certification of its
// certificates.
const validity = 2 * 365 * 24 * time.Hour

// InitOptions describe a new desk.
type InitOptions struct {
	Party       string            // such as "QM"
	Names       map[string]string // of the party, by language
	Authorities []AuthorityOptions
	Suites      []pgp.Suite // of the authorities' certificates
	Passphrase  []byte
	// HSM is the socket of a device's helper, if there is one: the State's key
	// and those of suite hsm-4 are made in the device and stay there.
	HSM string
	// Database is the address of a PostgreSQL database for the case file, or empty:
	// the home keeps it then. See [CheckAddress]; a password has no place in it.
	Database string
	Broker   wire.Broker
	Now      func() time.Time
}

// AuthorityOptions describe one authority of a new desk.
type AuthorityOptions struct {
	Label      string // such as "24-7"
	Roles      []string
	Names      map[string]string   // by language
	Languages  map[string][]string // by lane
	Hours      string
	TimeZone   string
	Contact    directory.Contact
	Callback   []string
	StockTools bool
	Stance     directory.Stance
	Limits     directory.Limits // members that are 0 are as in defaultLimits
}

// defaultLimits let evidence of 1 TiB in, and 4 TiB wait.
var defaultLimits = directory.Limits{EvidenceBytes: 1 << 40, QuotaBytes: 1 << 42}

// limits are what the authority takes.
func (a AuthorityOptions) limits() directory.Limits {
	return directory.Limits{
		EvidenceBytes: cmp.Or(a.Limits.EvidenceBytes, defaultLimits.EvidenceBytes),
		QuotaBytes:    cmp.Or(a.Limits.QuotaBytes, defaultLimits.QuotaBytes),
	}
}

// Init makes a desk's home in the directory, which must be empty or absent:
// the party's key, keys of every authority in every suite, all locked under
// one passphrase, the TLS identity, the case file, the key of the desk's own
// log, and the enrolment for the depositary, which it returns.
//
// The party's key is classic-4, or hsm-4 in a device, so that anybody's OpenPGP
// tools can check the State's statements.
func Init(ctx context.Context, home string, o InitOptions) (enrolment.Enrolment, error) {
	none := enrolment.Enrolment{}
	if len(o.Authorities) == 0 || len(o.Suites) == 0 {
		return none, errors.New("a desk needs at least one authority and one suite")
	}
	for _, a := range o.Authorities {
		if err := convention.CheckStance(a.Stance.Positions, a.Stance.Treaties); err != nil {
			return none, fmt.Errorf("the authority %s: %w", a.Label, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(home, keysDir), 0o700); err != nil {
		return none, err
	}
	if names, err := os.ReadDir(home); err != nil || len(names) > 1 {
		return none, errors.Join(err, fmt.Errorf("%s is not empty; choose another directory", home))
	}
	name, err := newName()
	if err != nil {
		return none, err
	}
	db, err := beginDatabase(ctx, home, o.Database, name+"log")
	if err != nil {
		return none, err
	}
	request, err := fill(ctx, home, o, name, db)
	return request, errors.Join(err, db.Close())
}

// newName returns a name for the logs of a desk that no other has.
func newName() (string, error) {
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return "desk-" + hex.EncodeToString(random) + ".example/", nil
}

// fill makes what a home holds besides its database, and notes there what is asked
// of the depositary.
func fill(ctx context.Context, home string, o InitOptions, name string, db store.Desk) (enrolment.Enrolment, error) {
	digest, err := transport.Create(home, "entraide desk", o.Now())
	if err != nil {
		return enrolment.Enrolment{}, err
	}
	request, err := makeKeys(home, o, digest)
	if err != nil {
		return enrolment.Enrolment{}, err
	}
	if err := db.Write(ctx, func(w store.DeskWriter) error { return putAsked(ctx, w, request, o.Now()) }); err != nil {
		return enrolment.Enrolment{}, err
	}
	return request, writeFiles(home, o, name, request)
}

// writeFiles writes what is not a key of the State: the broker's description,
// the key of the desk's own log, and the enrolment.
func writeFiles(home string, o InitOptions, name string, request enrolment.Enrolment) error {
	signer, verifier, err := translog.GenerateKey(name + "log")
	if err != nil {
		return err
	}
	trust, err := verify.NewTrust(o.Broker)
	if err != nil {
		return err
	}
	if _, err := witness.Init(filepath.Join(home, witnessDir), name+"witness", []string{o.Broker.LogKey}); err != nil {
		return err
	}
	if err := witness.SetKeys(filepath.Join(home, witnessDir), trust.LogKeys()); err != nil {
		return err
	}
	broker, err := strictjson.Marshal(o.Broker)
	if err != nil {
		return err
	}
	enrolled, err := strictjson.Marshal(request)
	if err != nil {
		return err
	}
	files := map[string][]byte{brokerFile: broker, EnrolmentFile: enrolled, logKeyFile: []byte(signer), vkeyFile: []byte(verifier)}
	if o.Database != "" {
		files[configFile] = fmt.Appendf(nil, "database = %q", o.Database)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(home, name), append(content, '\n'), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// makeKeys makes the party's and the authorities' keys and signs the
// authorities' statements.
func makeKeys(home string, o InitOptions, digest string) (enrolment.Enrolment, error) {
	e := enrolment.Enrolment{Typ: enrolment.Typ, Party: o.Party, Names: o.Names}
	now := o.Now().UTC().Truncate(time.Second)
	keys := keyring.OpenHome(filepath.Join(home, keysDir), func() ([]byte, error) { return o.Passphrase, nil })
	by := keyMaker{keys, o.HSM, now}
	suite := pgp.Classic4
	if o.HSM != "" {
		suite = pgp.HSM4
	}
	party, err := by.key(keyring.Party, suite, userID(o.Party, "party"))
	if err != nil {
		return e, err
	}
	e.Certificate = party.Certificate().Bytes()
	for _, a := range o.Authorities {
		id := o.Party + "." + a.Label
		certificates := map[pgp.Suite][]byte{}
		for _, suite := range o.Suites {
			key, err := by.key(keyring.NameOf(id, suite), suite, userID(id, a.Label))
			if err != nil {
				return e, err
			}
			certified, err := party.Certify(key.Certificate(), now, validity)
			if err != nil {
				return e, fmt.Errorf("certifying %s: %w", id, err)
			}
			certificates[suite] = certified.Bytes()
		}
		signed, err := directory.Sign(party, a.statement(o, id, digest, certificates, now), now)
		if err != nil {
			return e, fmt.Errorf("signing the statement of %s: %w", id, err)
		}
		e.Authorities = append(e.Authorities, signed)
	}
	return e, nil
}

// statement is the first directory statement of an authority.
func (a AuthorityOptions) statement(o InitOptions, id, digest string, certificates map[pgp.Suite][]byte, now time.Time) directory.AuthorityStatement {
	callback := a.Callback
	if callback == nil {
		callback = []string{}
	}
	return directory.AuthorityStatement{
		Heading: directory.Heading{
			Typ: directory.TypAuthority, Subject: id, Number: 1, Issued: directory.At(now), Signer: o.Party,
		},
		ID: id, Roles: a.Roles, Articles: []string{}, Names: a.Names, Languages: a.Languages, Hours: a.Hours,
		TimeZone: a.TimeZone, Contact: a.Contact, Callback: callback, Certificates: certificates, Transport: digest,
		Limits: a.limits(), Stance: a.Stance,
		StockTools: a.StockTools, ValidFrom: directory.At(now), ValidUntil: directory.At(now.Add(validity)),
	}
}

// userID is that of the key of a party or an authority.
func userID(name, mailbox string) string {
	party, _, _ := strings.Cut(name, ".")
	return fmt.Sprintf("%s <%s@%s.example>", name, mailbox, strings.ToLower(party))
}

// A keyMaker makes keys and has them kept: in files, but in the device those of
// hsm-4, if there is a device.
type keyMaker struct {
	keys keyring.Home
	hsm  string // socket of the device's helper
	now  time.Time
}

func (m keyMaker) key(name string, suite pgp.Suite, user string) (*pgp.Key, error) {
	if m.hsm != "" && suite == pgp.HSM4 {
		return m.keys.GenerateHSM(m.hsm, name, user, m.now)
	}
	key, err := pgp.Generate(suite, user, m.now, 0)
	if err != nil {
		return nil, fmt.Errorf("generating the key %s: %w", name, err)
	}
	return key, m.keys.Keep(name, key)
}
