package home

import (
	"context"
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
	"github.com/entraide/entraide/pkg/wire"
)

// nextKeyFile holds a key that is to take over, signer key and verifier key,
// until everything else knows of it.
const nextKeyFile = "log.next"

// ErrNoRotation says that there is no former key to retire.
var ErrNoRotation = errors.New("the log has one key, and no other has taken over from it: make one with `entraide broker log rotate-key`")

// logKeys are the keys of a home's log.
type logKeys struct {
	translog.LogKeys
	signers []note.Signer // the oldest first; the newest key is always one
	secrets []string      // of the signers, as text
}

// readLogKeys reads the keys of the log. A signer key that is not one of them
// is being made, and does not sign yet.
func readLogKeys(home string) (k logKeys, err error) {
	text, err := os.ReadFile(filepath.Join(home, logKeysFile))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = os.ReadFile(filepath.Join(home, vkeyFile))
	}
	if err != nil {
		return k, fmt.Errorf("reading the log's verifier key: %w", err)
	}
	if k.LogKeys, err = translog.ParseLogKeys(strings.TrimSpace(string(text))); err != nil {
		return k, fmt.Errorf("reading the log's verifier key: %w", err)
	}
	secrets, err := os.ReadFile(filepath.Join(home, logKeyFile))
	if err != nil {
		return k, fmt.Errorf("reading the log's key: %w", err)
	}
	byHash := map[uint32]int{}
	for i, v := range k.Verifiers() {
		byHash[v.KeyHash()] = i
	}
	newest := len(byHash) - 1
	signs := false
	for _, line := range strings.Fields(string(secrets)) {
		signer, err := translog.ParseSigner(line)
		if err != nil {
			return k, fmt.Errorf("reading the log's key: %w", err)
		}
		if i, ok := byHash[signer.KeyHash()]; ok && signer.Name() == k.Verifiers()[i].Name() {
			k.signers, k.secrets = append(k.signers, signer), append(k.secrets, line)
			signs = signs || i == newest
		}
	}
	if !signs {
		return k, fmt.Errorf("%s and %s are not one key", logKeyFile, vkeyFile)
	}
	return k, nil
}

// active names the keys that sign, as the lines of a checkpoint do.
func (k logKeys) active() string {
	var names []string
	for _, s := range k.signers {
		names = append(names, fmt.Sprintf("%s+%08x", s.Name(), s.KeyHash()))
	}
	return strings.Join(names, " ")
}

// RotateKey gives the log another key, which takes over at the tree that was
// signed last, and returns the description of the broker with it. The former key
// goes on signing beside it until [RetireKey], for those who do not know the new
// one yet. An interrupted rotation is finished by another call; brokers that have
// the home open must be started again, and sign nothing before.
func RotateKey(ctx context.Context, home string, now func() time.Time, log *slog.Logger) (wire.Broker, error) {
	nothing := func(*Server) error { return nil }
	_, begun := os.Stat(filepath.Join(home, nextKeyFile))
	if begun != nil { // nothing is begun on a home that does not open
		if err := acting(ctx, home, now, log, nothing); err != nil {
			return wire.Broker{}, err
		}
	}
	k, err := readLogKeys(home)
	if err != nil {
		return wire.Broker{}, err
	}
	if begun == nil || len(k.signers) == 1 {
		if err := takeOver(ctx, home, k); err != nil {
			return wire.Broker{}, err
		}
	}
	// Opening logs the keys, under both, and describes them.
	if err := acting(ctx, home, now, log, nothing); err != nil {
		return wire.Broker{}, err
	}
	return readPublic(home)
}

// takeOver makes the next key and lets it take over. Each step may have been
// made before.
func takeOver(ctx context.Context, home string, k logKeys) error {
	secret, vkey, err := nextKey(home, k.Verifiers()[0].Name())
	if err != nil {
		return err
	}
	if k.Newest() != vkey {
		size, err := signBoth(ctx, home, k, secret, vkey)
		if err != nil {
			return err
		}
		next, err := k.Rotate(vkey, size)
		if err != nil {
			return err
		}
		former := k.secrets[len(k.secrets)-1]
		if err := put(home, logKeyFile, former+"\n"+secret); err != nil {
			return err
		}
		if err := put(home, logKeysFile, next.String()); err != nil {
			return err
		}
	}
	if err := put(home, vkeyFile, vkey); err != nil {
		return err
	}
	return os.Remove(filepath.Join(home, nextKeyFile))
}

// nextKey returns the key that is to take over, and makes it if there is none.
func nextKey(home, origin string) (secret, vkey string, err error) {
	text, err := os.ReadFile(filepath.Join(home, nextKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		if secret, vkey, err = translog.GenerateKey(origin); err != nil {
			return "", "", err
		}
		return secret, vkey, put(home, nextKeyFile, secret+"\n"+vkey)
	}
	if err != nil {
		return "", "", err
	}
	lines := strings.Fields(string(text))
	if len(lines) != 2 {
		return "", "", fmt.Errorf("%s is not a key", nextKeyFile)
	}
	return lines[0], lines[1], nil
}

// signBoth puts the new key's signature beside that of the present one under
// the checkpoint that was signed last, in the guard, and returns its size. From
// then on, a broker that does not know the new key signs nothing: so no larger
// tree is signed by the present key alone.
func signBoth(ctx context.Context, home string, k logKeys, secret, vkey string) (size int64, err error) {
	c, err := read(home)
	if err != nil {
		return 0, err
	}
	g, err := guard.Open(within(home, c.Guard))
	if err != nil {
		return 0, err
	}
	signer, err := translog.ParseSigner(secret)
	if err != nil {
		return 0, err
	}
	verifier, err := translog.ParseVerifier(vkey)
	if err != nil {
		return 0, err
	}
	err = g.Advance(ctx, func(last []byte) ([]byte, error) {
		cp, err := translog.OpenCheckpoint(last, c.Origin, k.Verifiers()...)
		if err != nil {
			return nil, fmt.Errorf("the guard's checkpoint is not ours: %w", err)
		}
		if err := translog.CheckSigners(last, c.Origin, append(k.Verifiers(), verifier)...); err != nil {
			return nil, err
		}
		size = cp.Size
		return cp.Sign(k.signers[len(k.signers)-1], signer)
	})
	return size, err
}

// RetireKey ends the former key of the log: it signs no more and is destroyed.
// Checkpoints that it signed before the newest key took over stay good. It returns
// [ErrNoRotation] if there is none.
func RetireKey(ctx context.Context, home string, now func() time.Time, log *slog.Logger) error {
	if _, err := RotationUnderWay(home); err != nil {
		return err
	}
	nothing := func(*Server) error { return nil }
	// What the newest key is must be logged while both sign.
	if err := acting(ctx, home, now, log, nothing); err != nil {
		return err
	}
	k, err := readLogKeys(home)
	if err != nil {
		return err
	}
	hash := k.Verifiers()[len(k.Verifiers())-1].KeyHash()
	i := slices.IndexFunc(k.signers, func(s note.Signer) bool { return s.KeyHash() == hash })
	if err := put(home, logKeyFile, k.secrets[i]); err != nil {
		return err
	}
	return acting(ctx, home, now, log, nothing)
}

// RotationUnderWay reports whether a former key still signs. It returns
// [ErrNoRotation] if the log never had another key.
func RotationUnderWay(home string) (bool, error) {
	k, err := readLogKeys(home)
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(filepath.Join(home, nextKeyFile)); err == nil {
		return false, errors.New("a rotation was interrupted: finish it with `entraide broker log rotate-key`")
	}
	if !k.Rotated() {
		return false, ErrNoRotation
	}
	return len(k.signers) > 1, nil
}

// put writes a file of the home in one step.
func put(home, name, text string) error {
	return durable.Replace(filepath.Join(home, name), []byte(text+"\n"), 0o600)
}
