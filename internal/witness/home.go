package witness

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/pkg/translog"
)

// Files of a home.
const (
	keyFile     = "witness.key"
	logsFile    = "logs.policy"
	keysFile    = "logs.keys" // of logs that have had several keys, one log a line
	stateDir    = "state"
	evidenceDir = "evidence"
	// PublicFile holds the witness's verifier key.
	PublicFile = "witness.vkey"
)

// ErrNoHome says that a directory is not a witness's home.
var ErrNoHome = errors.New("this is not a witness's home; make one with `entraide witness init`")

// Init makes a witness's home in the directory, which must be empty or absent,
// and returns its verifier key. logs are the verifier keys of the logs to
// follow; two keys of one log are for its rotation.
func Init(home, name string, logs []string) (vkey string, err error) {
	if err := os.MkdirAll(filepath.Join(home, stateDir), 0o700); err != nil {
		return "", err
	}
	if names, err := os.ReadDir(home); err != nil || len(names) > 1 {
		return "", errors.Join(err, fmt.Errorf("%s is not empty; choose another directory", home))
	}
	secret, vkey, err := translog.GenerateWitnessKey(name)
	if err != nil {
		return "", err
	}
	policy := "quorum none\n"
	for _, key := range logs {
		policy += "log " + key + "\n"
	}
	followed, err := translog.ParsePolicy([]byte(policy))
	if err != nil {
		return "", err
	}
	for _, l := range followed.Logs {
		if err := guard.Create(statePath(home, l.Name())); err != nil && !errors.Is(err, guard.ErrExists) {
			return "", err
		}
	}
	for file, text := range map[string]string{keyFile: secret + "\n", PublicFile: vkey + "\n", logsFile: policy} {
		if err := os.WriteFile(filepath.Join(home, file), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return vkey, nil
}

func statePath(home, origin string) string { return filepath.Join(home, stateDir, hashOf(origin)) }

// Open opens a home. It returns [ErrNoHome], or [guard.ErrMissing] if what was
// cosigned of a log has vanished: such a witness must not go on.
func Open(home string, now func() time.Time, log *slog.Logger) (*Witness, error) {
	secret, err := os.ReadFile(filepath.Join(home, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoHome
	}
	if err != nil {
		return nil, err
	}
	cosigner, err := translog.ParseCosigner(strings.TrimSpace(string(secret)), now)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(home, logsFile))
	if err != nil {
		return nil, err
	}
	policy, err := translog.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", logsFile, err)
	}
	w := &Witness{cosigner: cosigner, logs: map[string]*followed{}, evidence: filepath.Join(home, evidenceDir), log: log}
	for _, key := range policy.Logs {
		if err := w.follow(home, key); err != nil {
			return nil, err
		}
	}
	rotated, err := readKeys(home)
	for _, keys := range rotated {
		if l, ok := w.logs[originOf(keys)]; ok {
			l.keys = keys.Verifiers()
		}
	}
	return w, err
}

// readKeys reads the keys of logs that have had several.
func readKeys(home string) ([]translog.LogKeys, error) {
	text, err := os.ReadFile(filepath.Join(home, keysFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []translog.LogKeys
	for line := range strings.Lines(string(text)) {
		keys, parseErr := translog.ParseLogKeys(strings.TrimSuffix(line, "\n"))
		if err = errors.Join(err, parseErr); err == nil {
			all = append(all, keys)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", keysFile, err)
	}
	return all, nil
}

func originOf(keys translog.LogKeys) string { return keys.Verifiers()[0].Name() }

// Keys returns what the home knows of the keys of a log; [ErrUnknownLog] if it
// does not follow it.
func Keys(home, origin string) (translog.LogKeys, error) {
	rotated, err := readKeys(home)
	if err != nil {
		return translog.LogKeys{}, err
	}
	for _, keys := range rotated {
		if originOf(keys) == origin {
			return keys, nil
		}
	}
	text, err := os.ReadFile(filepath.Join(home, logsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return translog.LogKeys{}, ErrNoHome
	}
	if err != nil {
		return translog.LogKeys{}, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "log" {
			continue
		}
		if keys, err := translog.ParseLogKeys(fields[1]); err == nil && originOf(keys) == origin {
			return keys, nil
		}
	}
	return translog.LogKeys{}, ErrUnknownLog
}

// SetKeys makes the keys those of a log that the home follows, in the place of
// what it knew. A witness that has the home open goes on with what it has read.
func SetKeys(home string, keys translog.LogKeys) error {
	if _, err := Keys(home, originOf(keys)); err != nil {
		return err
	}
	all, err := readKeys(home)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(k translog.LogKeys) bool { return originOf(k) == originOf(keys) })
	var text strings.Builder
	for _, k := range append(all, keys) {
		fmt.Fprintln(&text, k)
	}
	return durable.Replace(filepath.Join(home, keysFile), []byte(text.String()), 0o600)
}

// follow adds a log, or another key of one.
func (w *Witness) follow(home string, key note.Verifier) error {
	origin := key.Name()
	if l, ok := w.logs[origin]; ok {
		l.keys = append(l.keys, key)
		return nil
	}
	last, err := guard.Open(statePath(home, origin))
	if err != nil {
		return fmt.Errorf("what was cosigned of %s: %w", origin, err)
	}
	w.logs[origin] = &followed{origin: origin, keys: []note.Verifier{key}, last: last}
	return nil
}
