package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
)

// errRecovered marks the incident that everybody responsible must hear of: secret
// keys were restored.
var errRecovered = errors.New("secret keys were restored with recovery shares")

// recoveredFile notes, among the keys, that keys were restored, until the desk's
// log says so.
const recoveredFile = "recovered.json"

// A recovered note says which keys were restored.
type recovered struct {
	At   int64    `json:"at"` // Unix time in seconds
	Set  string   `json:"set"`
	Keys []string `json:"keys"`
}

// SetUpRecovery makes shares of what opens sealed copies of the home's keys, and
// returns a text for each shareholder. The broker never sees any of it.
func (d *Desk) SetUpRecovery(ctx context.Context, shares, threshold int) ([]string, keyring.Recovery, error) {
	texts, r, err := d.keys.SetUpRecovery(shares, threshold, d.now())
	if err != nil {
		return nil, r, err
	}
	what := fmt.Sprintf("set %s, %d of %d shares needed", r.ID, r.Threshold, r.Shares)
	return texts, r, d.db.Write(ctx, func(w store.DeskWriter) error {
		return d.record(ctx, w, "recovery of keys set up", what)
	})
}

// Recovery returns how the home's keys can be recovered; the error wraps
// keyring.ErrNoRecovery if they cannot.
func (d *Desk) Recovery() (keyring.Recovery, error) {
	return keyring.ReadRecovery(filepath.Join(d.home, keysDir, keyring.RecoveryDir))
}

// A Restoration brings keys back.
type Restoration struct {
	From   string   // the recovery directory of a home, or of its backup
	Shares []string // texts
	// Passphrase locks the keys from now on.
	Passphrase func() ([]byte, error)
	// Replace lets keys that are there be replaced.
	Replace bool
	Now     time.Time
}

// RestoreKeys restores the keys of a home from sealed copies and enough shares. A
// home that has lost everything gets its keys, and no more: the rest comes from its
// backup. Whoever opens the home next logs the restoration and keeps an incident.
//
// It returns the names of the keys. The error wraps recovery.ErrShare,
// recovery.ErrTooFew or keyring.ErrNoRecovery.
func RestoreKeys(home string, r Restoration) ([]string, error) {
	set, err := keyring.ReadRecovery(r.From)
	if err != nil {
		return nil, err
	}
	keys, err := keyring.Recover(r.From, r.Shares)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(home, keysDir)
	if err := os.MkdirAll(filepath.Join(dir, formerDir), 0o700); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(keys))
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(home, keyPath(name))); err == nil && !r.Replace {
			return nil, fmt.Errorf("the key %s is there already: say --replace if it is to be replaced, as when its passphrase is lost", name)
		}
	}
	secret, err := r.Passphrase()
	if err != nil {
		return nil, err
	}
	// The note first: no key is restored without anybody learning of it.
	note, err := json.Marshal(recovered{At: r.Now.Unix(), Set: set.ID, Keys: names})
	if err != nil {
		return nil, err
	}
	if err := durable.Replace(filepath.Join(dir, recoveredFile), append(note, '\n'), 0o600); err != nil {
		return nil, err
	}
	files := keyring.NewFiles(dir, func() ([]byte, error) { return secret, nil })
	if err := files.Adopt(r.From); err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := files.Keep(name, keys[name]); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// announceRecovery logs that keys were restored, and keeps an incident, if nobody
// has yet.
func (d *Desk) announceRecovery(ctx context.Context) error {
	path := filepath.Join(d.home, keysDir, recoveredFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what was restored: %w", err)
	}
	var r recovered
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("reading what was restored: %w", err)
	}
	at := time.Unix(r.At, 0).UTC().Format(time.RFC3339)
	what := fmt.Errorf("%w of set %s at %s: %s", errRecovered, r.Set, at, strings.Join(r.Keys, " "))
	d.Log.Warn("tell the national auditor", "what", what)
	if err := d.keepIncident(ctx, what, text, nil); err != nil {
		return err
	}
	return os.Remove(path)
}
