package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/internal/testkit/loopback"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/workflow"
)

// Evidence from desk to desk, each a process of its own.

const secret = "correct horse battery staple"

// A crossing is a broker and two desks, of QM and QN, with a case in which QN
// delivers.
type crossing struct {
	t      testing.TB
	dir    string
	caseID string
	broker *exec.Cmd
	peak   map[string]int64 // largest resident set of each kind of process, in KiB
	puts   atomic.Int64     // parts that the broker took
	gets   atomic.Int64     // parts that the broker gave
}

// home is the home of one of them.
func (x *crossing) home(name string) string { return filepath.Join(x.dir, name) }

func (x *crossing) must(err error) {
	x.t.Helper()
	if err != nil {
		x.t.Fatal(err)
	}
}

// command is a command on a home, with its passphrase.
func (x *crossing) command(ctx context.Context, home string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "entraide", append(args, "--home", x.home(home))...)
	if home != "broker" {
		cmd.Args = append(cmd.Args, "--passphrase-fd", "0")
		cmd.Stdin = strings.NewReader(secret + "\n")
	}
	return cmd
}

// run runs a command to its end, notes what memory it took, and returns what it
// printed.
func (x *crossing) run(home string, args ...string) string {
	x.t.Helper()
	out, errs, err := x.try(x.t.Context(), home, args...)
	if err != nil {
		x.t.Fatalf("entraide %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	return out
}

func (x *crossing) try(ctx context.Context, home string, args ...string) (stdout, stderr string, err error) {
	cmd := x.command(ctx, home, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	x.note(strings.Join(args[:min(2, len(args))], " "), cmd)
	return out.String(), errs.String(), err
}

// note notes what memory a process took that has ended.
func (x *crossing) note(what string, cmd *exec.Cmd) {
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		x.peak[what] = max(x.peak[what], usage.Maxrss)
	}
}

// newCrossing makes the homes, starts the broker, and opens a case.
func newCrossing(t testing.TB, suite string) *crossing {
	t.Helper()
	x := &crossing{t: t, dir: t.TempDir(), peak: map[string]int64{}}
	address, _, err := loopback.Free()
	x.must(err)
	x.run("depositary", "depositary", "init")
	x.run("broker", "broker", "init", "--depositary", filepath.Join(x.home("depositary"), "depositary.json"),
		"--url", "https://"+address, "--listen", address, "--admin-listen", "")
	x.serve()
	t.Cleanup(x.stop)
	description := filepath.Join(x.home("broker"), "broker.json")
	for _, party := range []string{"QM", "QN"} {
		x.run(party, "desk", "init", "--party", party, "--broker", description, "--suites", suite)
		request := filepath.Join(x.home(party), "enrolment.json")
		data, err := os.ReadFile(request)
		x.must(err)
		e, err := enrolment.Parse(data)
		x.must(err)
		code, err := e.Code()
		x.must(err)
		x.run("depositary", "depositary", "admit", request, "--broker", description, "--code", code)
	}
	x.run("QN", "desk", "sync")
	x.run("QM", "desk", "sync")
	body := filepath.Join(x.dir, "request.json")
	x.must(os.WriteFile(body, states.Body(t, workflow.Request, "QM.24-7", "QN.24-7"), 0o600))
	var sent struct{ Case string }
	x.must(json.Unmarshal([]byte(x.run("QM", "request", "send", body, "--from", "QM.24-7", "--to", "QN.24-7", "--lane", "urgent", "--json")), &sent))
	x.caseID = sent.Case
	x.run("QN", "desk", "sync")
	x.run("QN", "reply", "acknowledge", x.caseID, "--reference", "QN-1", "--unit", "Cyber Desk", "--phone", "+99955501234", "--next-step", "Collection.")
	return x
}

// serve starts the broker and waits until it listens.
func (x *crossing) serve() {
	x.t.Helper()
	x.broker = x.command(context.Background(), "broker", "broker", "serve", "--verbose")
	errs, err := x.broker.StderrPipe()
	x.must(err)
	x.must(x.broker.Start())
	said := bufio.NewScanner(errs)
	for said.Scan() {
		if strings.Contains(said.Text(), "listens") {
			break
		}
	}
	x.must(said.Err())
	go func() {
		for said.Scan() {
			switch line := said.Text(); {
			case strings.Contains(line, "msg=request route=put "):
				x.puts.Add(1)
			case strings.Contains(line, "msg=request route=part "):
				x.gets.Add(1)
			}
		}
	}()
}

// stop ends the broker.
func (x *crossing) stop() {
	_ = x.broker.Process.Signal(syscall.SIGTERM)
	_ = x.broker.Wait()
	x.note("broker serve", x.broker)
}

// seized makes a file of so many bytes that nobody can compress, and returns its
// path and digest.
func (x *crossing) seized(size int64) (path, digest string) {
	x.t.Helper()
	path = filepath.Join(x.dir, "disk.img")
	f, err := os.Create(path)
	x.must(err)
	h := sha256.New()
	var seed [32]byte
	rand.Read(seed[:])
	_, err = io.CopyN(io.MultiWriter(f, h), mathrand.NewChaCha8(seed), size)
	x.must(errors.Join(err, f.Close()))
	return path, hex.EncodeToString(h.Sum(nil))
}

// seal seals a file.
func (x *crossing) seal(path string) (dir string) {
	x.t.Helper()
	dir = filepath.Join(x.dir, "sealed")
	x.run("QN", "evidence", "seal", path, "--from", "QN.24-7", "--to", "QM.24-7", "--dir", dir, "--origin", "Example Cloud SA",
		"--acquired-by", "Cyber Desk", "--acquired-at", "2026-04-07T09:00:00Z", "--method", "production order")
	return dir
}

// deliverArgs are those of the delivery of what was sealed.
func (x *crossing) deliverArgs(dir string) []string {
	return []string{"reply", "deliver", x.caseID, "--evidence", dir, "--what", "Disk image", "--officer", "Duty officer", "--phone", "+99955501234"}
}

// delivered returns the message that delivers, as QM knows it; empty if it has
// not come.
func (x *crossing) delivered(ctx context.Context) string {
	if _, _, err := x.try(ctx, "QM", "desk", "sync"); err != nil {
		return ""
	}
	out, _, err := x.try(ctx, "QM", "evidence", "status", x.caseID, "--json")
	var lines []struct{ Message string }
	if err != nil || json.Unmarshal([]byte(out), &lines) != nil || len(lines) == 0 {
		return ""
	}
	return lines[0].Message
}

// digestOf is the digest of a file.
func (x *crossing) digestOf(path string) string {
	x.t.Helper()
	f, err := os.Open(path)
	x.must(err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	x.must(err)
	return hex.EncodeToString(h.Sum(nil))
}

// maxResident is the largest resident set that any process may have, in KiB.
const maxResident = 64 << 10

// TestEvidenceMemory: evidence goes from desk to desk through processes that
// never take more than 64 MiB, whatever its size: by default 1 GiB, and more with
// ENTRAIDE_EVIDENCE_GIB.
func TestEvidenceMemory(t *testing.T) {
	gib := int64(1)
	if text := os.Getenv("ENTRAIDE_EVIDENCE_GIB"); text != "" {
		var err error
		if gib, err = strconv.ParseInt(text, 10, 16); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(fullLocks, "1") // it is their memory too
	x := newCrossing(t, "pq-6")
	x.peak = map[string]int64{}
	path, digest := x.seized(gib << 30)
	dir := x.seal(path)
	x.must(os.Remove(path))
	x.run("QN", x.deliverArgs(dir)...)
	x.must(os.RemoveAll(dir))
	bag := filepath.Join(x.dir, "bag")
	x.run("QM", "evidence", "fetch", x.delivered(t.Context()), "--dir", bag)
	if got := x.digestOf(filepath.Join(bag, "data", "disk.img")); got != digest {
		t.Errorf("the digest is %s, want %s", got, digest)
	}
	x.stop()
	for _, what := range []string{"evidence seal", "reply deliver", "evidence fetch", "broker serve"} {
		t.Logf("%d GiB: %-14s %5.1f MiB resident at most", gib, what, float64(x.peak[what])/1024)
		if kib := x.peak[what]; kib == 0 || kib > maxResident {
			t.Errorf("%s took %d KiB, more than %d", what, kib, maxResident)
		}
	}
}

// kills is how often each process is killed, and share how many of the 62 parts it
// may have moved between two of them: it is killed then at the latest, so that on a
// fast machine too there is work left for those that are killed after it.
const (
	kills = 20
	share = 1
)

// TestEvidenceKilled kills, at 20 moments that nobody chooses, each of the three
// processes that evidence goes through: the desk that uploads, the broker, and the
// command that fetches. It goes on where it was, and arrives byte for byte.
func TestEvidenceKilled(t *testing.T) {
	t.Parallel()
	x := newCrossing(t, "modern-6")
	path, digest := x.seized(960 << 20)
	dir := x.seal(path)
	x.run("QN", append(x.deliverArgs(dir), "--queue")...)

	x.killed("QN", &x.puts, "desk", "serve", "--bandwidth", "80M")
	t.Logf("desk serve: killed %d times; %d parts are with the broker", kills, x.parts())
	x.brokerKilled(func(ctx context.Context) error {
		cmd := x.command(ctx, "QN", "desk", "serve", "--bandwidth", "60M")
		x.must(cmd.Start())
		for x.delivered(ctx) == "" && ctx.Err() == nil {
		}
		err := errors.Join(ctx.Err(), cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		return err
	})
	// What was in flight when somebody was killed is sent again, and no more.
	sent, there, flight := int(x.puts.Load()), x.parts(), 4
	t.Logf("%d parts, taken %d times", there, sent)
	if sent > there+flight*2*kills {
		t.Errorf("%d parts were sent %d times", there, sent)
	}
	id := x.delivered(t.Context())
	bag := filepath.Join(x.dir, "bag")
	x.killed("QM", &x.gets, "evidence", "fetch", id, "--dir", bag, "--bandwidth", "200M")
	t.Logf("evidence fetch: killed %d times; %d parts were given", kills, x.gets.Load())
	x.run("QM", "evidence", "fetch", id, "--dir", bag)
	if got := x.digestOf(filepath.Join(bag, "data", "disk.img")); got != digest {
		t.Errorf("the digest is %s, want %s", got, digest)
	}
	x.stop()
	x.run("broker", "broker", "check")
}

// killed starts a command again and again and kills it each time, while it moves
// parts.
func (x *crossing) killed(home string, moved *atomic.Int64, args ...string) {
	x.t.Helper()
	from := moved.Load()
	for n := range kills {
		cmd := x.command(context.Background(), home, args...)
		x.must(cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case err := <-ended:
			x.t.Fatalf("%v ended after it was killed %d times: %v", args, n, err)
		case <-moment(1800*time.Millisecond, moved, from+share*int64(n+1)):
		}
		x.must(cmd.Process.Kill())
		<-ended
		x.note(strings.Join(args[:2], " "), cmd)
	}
}

// moment is closed at some moment within a time, and at the latest when a count has
// come to what it says.
func moment(within time.Duration, count *atomic.Int64, most int64) <-chan struct{} {
	come := make(chan struct{})
	go func() {
		defer close(come)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(mathrand.N(within)); time.Now().Before(end) && count.Load() < most; {
			<-tick.C
		}
	}()
	return come
}

// parts is how many parts the broker holds.
func (x *crossing) parts() int {
	x.t.Helper()
	all, err := filepath.Glob(filepath.Join(x.home("broker"), "parts", "??", "*", "*"))
	x.must(err)
	return max(0, len(all)-1) // the list
}

// brokerKilled kills the broker again and again while something goes on, which
// must then end well.
func (x *crossing) brokerKilled(work func(context.Context) error) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 4*time.Minute)
	defer cancel()
	from := x.puts.Load()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	for n := range kills {
		select {
		case err := <-done:
			x.t.Fatalf("it ended after %d kills of the broker: %v", n, err)
		case <-moment(time.Second, &x.puts, from+share*int64(n+1)):
		}
		x.must(x.broker.Process.Kill())
		_ = x.broker.Wait()
		x.serve()
	}
	x.t.Logf("broker: killed %d times", kills)
	x.must(<-done)
}

// TestEvidenceByHand runs the commands of docs/evidence.md, with sha256sum, gpg
// and tar and nothing of ours, on what was fetched.
func TestEvidenceByHand(t *testing.T) {
	t.Parallel()
	x := newCrossing(t, "classic-4")
	path, digest := x.seized(20 << 20)
	x.run("QN", x.deliverArgs(x.seal(path))...)
	id := x.delivered(t.Context())
	x.run("QM", "evidence", "fetch", id, "--dir", filepath.Join(x.dir, "bag"), "--keep-parts")
	var lines []struct{ SHA256 string }
	x.must(json.Unmarshal([]byte(x.run("QM", "evidence", "status", x.caseID, "--json")), &lines))

	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "evidence.md"))
	x.must(err)
	_, rest, _ := strings.Cut(string(doc), "```sh\n")
	script, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page has no commands")
	}
	key := filepath.Join(x.dir, "qm.key")
	x.run("QM", "key", "export", "--secret", "--authority", "QM.24-7", "--suite", "classic-4", "--out", key)
	ring := gpgHome(t)
	pass := filepath.Join(x.dir, "pass")
	x.must(os.WriteFile(pass, []byte(secret), 0o600))
	x.must(os.WriteFile(filepath.Join(ring, "gpg.conf"), []byte("batch\npinentry-mode loopback\npassphrase-file "+pass+"\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), "bash", "-ec", "set -o pipefail\ngpg --import "+key+"\n"+script)
	cmd.Dir = filepath.Join(x.home("QM"), "evidence", id+"-1")
	cmd.Env = append(os.Environ(), "GNUPGHOME="+ring)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), errs.String())
	}
	if len(lines) != 1 || !strings.Contains(out.String(), lines[0].SHA256+"  evidence.tar") {
		t.Errorf("the archive has another digest than was signed, %v:\n%s", lines, out.String())
	}
	if got := x.digestOf(filepath.Join(cmd.Dir, "evidence", "data", "disk.img")); got != digest {
		t.Errorf("the file has the digest %s, want %s", got, digest)
	}
}
