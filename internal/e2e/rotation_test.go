package e2e_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// another is the same desk once more, as it was.
func (h *hub) another(party, name string) *desk.Desk {
	h.t.Helper()
	h.must(os.CopyFS(filepath.Join(h.dir, name), os.DirFS(filepath.Join(h.dir, party))))
	h.must(os.Chmod(filepath.Join(h.dir, name), 0o700))
	return h.opened(name)
}

// thief runs the log on with its key in another place, from where it is.
func (h *hub) thief() (dir string, signed []byte) {
	h.t.Helper()
	dir = filepath.Join(h.dir, "thief")
	h.must(os.CopyFS(dir, os.DirFS(filepath.Join(h.dir, "broker"))))
	foreign := states.New(h.t, pgp.Modern6)
	s, err := home.Open(h.t.Context(), dir, h.now, slog.New(slog.DiscardHandler))
	h.must(err)
	const refusals = 12 // logged
	before, err := s.Broker.Checkpoint(h.t.Context())
	h.must(err)
	for range refusals {
		if _, err := s.Broker.Publish(h.t.Context(), "thief", foreign.Statements()[0]); err == nil {
			h.t.Fatal("a statement of others was taken")
		}
	}
	h.until("the thief's log has grown", func() bool {
		signed, err = s.Broker.Checkpoint(h.t.Context())
		h.must(err)
		return h.sizeOf(signed) >= h.sizeOf(before)+refusals
	})
	h.must(s.Close())
	return dir, signed
}

// sizeOf is how many entries a checkpoint covers: its second line.
func (h *hub) sizeOf(checkpoint []byte) int {
	h.t.Helper()
	size, err := strconv.Atoi(strings.Split(string(checkpoint), "\n")[1])
	h.must(err)
	return size
}

// look has the mirror look once, at another checkpoint than the log's if there
// is one.
func (h *hub) look(dir string, instead []byte) error {
	h.t.Helper()
	own, err := auditor.Broker(h.public)
	h.must(err)
	m, err := auditor.Open(dir, func(ctx context.Context, path string) ([]byte, error) {
		if instead != nil && path == "checkpoint" {
			return instead, nil
		}
		return own(ctx, path)
	})
	h.must(err)
	_, err = m.Sync(h.t.Context())
	return errors.Join(err, m.Close())
}

// TestLogRotation gives the log another key. Whoever knows the former one goes on
// while both sign, and takes the new one on its word; whoever slept must compare.
// A new key that nothing vouches for is refused, and so is what a thief of the
// retired key signs (row 12 of the threats): by desk, mirror, witness and verifier.
func TestLogRotation(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	send := func() desk.Message {
		return h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	}
	send()
	h.must(qn.Sync(t.Context()))
	h.must(qm.Close())
	sleeper, victim := h.another("QM", "sleeper"), h.another("QM", "victim")
	mirror, watcher := filepath.Join(h.dir, "mirror"), filepath.Join(h.dir, "watcher")
	h.must(auditor.Create(mirror, h.public))
	h.must(h.look(mirror, nil))
	_, err := witness.Init(watcher, "watcher.example", []string{h.public.LogKey})
	h.must(err)

	h.must(h.server.Close())
	stolen, foreign := h.thief()
	before := h.public
	h.public, err = home.RotateKey(t.Context(), filepath.Join(h.dir, "broker"), h.now, slog.New(slog.DiscardHandler))
	h.must(err)
	h.start()

	qm = h.opened("QM")
	send() // while both sign
	h.must(qn.Sync(t.Context()))
	h.must(h.look(mirror, nil))
	h.stockFsck(mirror, before.LogKey, h.public.LogKey)

	h.refusedRotations(qm, victim, before, stolen)
	for _, d := range []*desk.Desk{qm, qn} {
		h.must(d.TakeBroker(t.Context(), h.public, false))
		if d.Broker().LogKey != h.public.LogKey {
			t.Error("the desk does not know the new key")
		}
		h.must(d.Sync(t.Context()))
	}
	h.must(auditor.Create(mirror, h.public))
	h.must(h.look(mirror, nil))
	h.retiredSignsNothing(mirror, watcher, foreign)

	h.must(h.server.Close())
	h.must(home.RetireKey(t.Context(), filepath.Join(h.dir, "broker"), h.now, slog.New(slog.DiscardHandler)))
	h.start()
	send() // under the new key alone
	h.must(qn.Sync(t.Context()))
	h.must(h.look(mirror, nil))
	for _, d := range []*desk.Desk{qm, qn} {
		messages, err := d.VerifyMessages(t.Context())
		if err != nil || messages != 3 {
			t.Errorf("%d messages from before, during and after the rotation: %v", messages, err)
		}
	}
	h.slept(sleeper)
}

// stockFsck has Tessera's checker read the mirror under each of the keys.
func (h *hub) stockFsck(mirror string, keys ...string) {
	h.t.Helper()
	fsck := os.Getenv("ENTRAIDE_FSCK")
	if fsck == "" {
		return
	}
	for _, key := range h.written(keys...) {
		out, _ := h.run(fsck, "--storage_url=file://"+mirror+"/", "--public_key="+key, "--ui=false", "-N=4")
		if !strings.Contains(out, "Successfully fsck'd log") {
			h.t.Errorf("fsck while both keys sign: %s", out)
		}
	}
}

// refusedRotations hands descriptions to desks whose new key is not the log's.
func (h *hub) refusedRotations(qm, victim *desk.Desk, before wire.Broker, stolen string) {
	h.t.Helper()
	_, other, err := translog.GenerateKey(h.public.Origin)
	h.must(err)
	invented, unproved := h.public, h.public
	invented.LogKey, invented.LogKeys = other, strings.Replace(h.public.LogKeys, h.public.LogKey, other, 1)
	unproved.Rotation = ""
	replaced := before
	replaced.LogKey = other
	for name, b := range map[string]wire.Broker{"an invented key": invented, "no proof": unproved, "another key from the start": replaced} {
		if err := qm.TakeBroker(h.t.Context(), b, false); !errors.Is(err, translog.ErrRotation) {
			h.t.Errorf("%s: %v, want ErrRotation", name, err)
		}
		if err := auditor.Create(filepath.Join(h.dir, "mirror"), b); !errors.Is(err, translog.ErrRotation) {
			h.t.Errorf("%s, mirror: %v, want ErrRotation", name, err)
		}
	}
	// A thief has the former key vouch for one of his own, in a log of his own.
	his, err := home.RotateKey(h.t.Context(), stolen, h.now, slog.New(slog.DiscardHandler))
	h.must(err)
	h.must(victim.Sync(h.t.Context()))
	if err := victim.TakeBroker(h.t.Context(), his, false); !errors.Is(err, translog.ErrRotation) {
		h.t.Errorf("a key of a thief: %v, want ErrRotation", err)
	}
	if victim.Broker().LogKey != before.LogKey {
		h.t.Error("the desk has taken a thief's key")
	}
}

// retiredSignsNothing shows everybody a larger tree that the former key signed.
func (h *hub) retiredSignsNothing(mirror, watcher string, foreign []byte) {
	h.t.Helper()
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	if _, err := trust.Checkpoint(foreign); !errors.Is(err, translog.ErrTerm) || !errors.Is(err, verify.ErrMisbehaviour) {
		h.t.Errorf("verifier: %v, want ErrTerm", err)
	}
	if err := h.look(mirror, foreign); !errors.Is(err, translog.ErrTerm) || !errors.Is(err, verify.ErrMisbehaviour) {
		h.t.Errorf("mirror: %v, want ErrTerm", err)
	}
	h.must(witness.SetKeys(watcher, trust.LogKeys()))
	w, err := witness.Open(watcher, h.now, slog.New(slog.DiscardHandler))
	h.must(err)
	if _, err := w.Add(h.t.Context(), translog.AddCheckpoint{Checkpoint: foreign}); !errors.Is(err, witness.ErrUntrusted) {
		h.t.Errorf("witness: %v, want ErrUntrusted", err)
	}
	genuine, err := h.server.Broker.Checkpoint(h.t.Context())
	h.must(err)
	_, err = w.Add(h.t.Context(), translog.AddCheckpoint{Checkpoint: genuine})
	h.must(err)

	knows := h.another("QN", "knows")
	h.meddle(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != "/checkpoint" {
			return false
		}
		_, _ = w.Write(foreign)
		return true
	})
	if err := knows.Sync(h.t.Context()); !errors.Is(err, translog.ErrTerm) || !errors.Is(err, verify.ErrMisbehaviour) {
		h.t.Errorf("desk: %v, want ErrTerm", err)
	}
	h.meddle(nil)
}

// slept has a desk come back that knows only the key that was retired.
func (h *hub) slept(d *desk.Desk) {
	h.t.Helper()
	if err := d.Sync(h.t.Context()); !errors.Is(err, translog.ErrOtherKey) || !strings.Contains(err.Error(), "broker.json") {
		h.t.Errorf("a desk that slept: %v, want ErrOtherKey and what to do", err)
	}
	if err := d.TakeBroker(h.t.Context(), h.public, false); !errors.Is(err, translog.ErrRotation) {
		h.t.Errorf("a retired key vouches for another: %v, want ErrRotation", err)
	}
	h.must(d.TakeBroker(h.t.Context(), h.public, true))
	h.must(d.Sync(h.t.Context()))
	if incidents, err := d.Incidents(h.t.Context()); err != nil || len(incidents) > 0 {
		h.t.Errorf("a desk that slept accuses somebody: %v, %v", incidents, err)
	}
}
