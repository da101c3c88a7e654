package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/filelock"
	"github.com/entraide/entraide/internal/telemetry"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
)

// Evidence that officers fetch through pages is fetched and opened by the desk
// while it serves, and kept in its home, beside the parts:
//
//	evidence/<message>-<number>         the parts, until the package is opened
//	evidence/<message>-<number>.opened  the bag, once all is as it was signed
//	evidence/<message>-<number>.task    who wants it, and what came of it
const (
	openedSuffix = ".opened"
	taskSuffix   = ".task"
	fetchLock    = "fetch.lock"
)

// How a package that was delivered to this desk stands here.
const (
	EvidenceExpected  = "expected"  // nobody has asked for it yet
	EvidenceUnderway  = "fetching"  // Here of Parts have arrived
	EvidenceComplete  = "complete"  // every part has arrived; it is being opened
	EvidenceChecking  = "checking"  // what is kept is being compared again
	EvidenceVerified  = "verified"  // every file is as it was signed
	EvidenceDamaged   = "damaged"   // Part or Files are not
	EvidenceMissing   = "missing"   // the broker has it no longer
	EvidenceRefused   = "refused"   // for the reason of Code
	EvidenceElsewhere = "elsewhere" // a command opened it into a folder of its own
)

// A task is what officers want done with a package, and what came of it.
type task struct {
	Message    string   `json:"message"`
	Number     int      `json:"number"`
	Officer    string   `json:"officer"` // id
	Restricted bool     `json:"restricted"`
	Again      bool     `json:"again"`           // compare what is kept once more
	Ended      string   `json:"ended,omitempty"` // RFC 3339; empty while it waits
	State      string   `json:"state,omitempty"`
	Code       string   `json:"code,omitempty"`
	Part       int      `json:"part,omitempty"` // from 1
	Files      []string `json:"files,omitempty"`
}

// maxTaskBytes bounds a task, and maxFilesNamed how many files it names.
const (
	maxTaskBytes  = 1 << 20
	maxFilesNamed = 100
)

// A Received is a package of a case and how it stands on this desk.
type Received struct {
	PackageLine
	Stage string   `json:"stage"`           // a state of the list above; that of a PackageLine for what was sent
	Here  int      `json:"here,omitempty"`  // parts that have arrived
	Parts int      `json:"parts,omitempty"` // 0 while that is not known
	Part  int      `json:"part,omitempty"`  // the one that is wrong, from 1
	Files []string `json:"files,omitempty"` // those that are not as they were signed
	Code  string   `json:"code,omitempty"`  // of a refusal
	Ended string   `json:"ended,omitempty"` // when that was found, RFC 3339
	Kept  bool     `json:"kept"`            // it is opened in this desk's home
}

// place is where a package is kept.
func (d *Desk) place(message string, number int) string {
	return (&parcel{id: message, number: number}).dir(d.home)
}

// Evidence returns the packages of a case, and how those that were received stand.
func (d *Desk) Evidence(ctx context.Context, caseID string) ([]Received, error) {
	lines, err := d.Packages(ctx, caseID)
	if err != nil {
		return nil, err
	}
	out := make([]Received, len(lines))
	for i, line := range lines {
		if out[i], err = d.stands(line); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// stands says how a package stands.
func (d *Desk) stands(line PackageLine) (Received, error) {
	r := Received{PackageLine: line, Stage: line.State}
	if !line.Incoming {
		return r, nil
	}
	at := d.place(line.Message, int(line.Number))
	_, err := os.Stat(at + openedSuffix)
	r.Kept = err == nil
	t, err := readTask(at + taskSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist) && line.State == "not fetched":
		r.Stage = EvidenceExpected
		return r, nil
	case errors.Is(err, fs.ErrNotExist):
		r.Stage = map[string]string{resultOK: EvidenceElsewhere, resultMissing: EvidenceMissing}[line.State]
		if r.Stage == "" {
			r.Stage = EvidenceDamaged
		}
		return r, nil
	case err != nil:
		return r, err
	case t.Ended != "":
		r.Stage, r.Part, r.Files, r.Code, r.Ended = t.State, t.Part, t.Files, t.Code, t.Ended
		return r, nil
	case t.Again:
		r.Stage = EvidenceChecking
		return r, nil
	}
	r.Stage = EvidenceUnderway
	r.Here, r.Parts = countParts(at)
	if r.Parts > 0 && r.Here == r.Parts {
		r.Stage = EvidenceComplete
	}
	return r, nil
}

// partName is what whole parts are named; others are under way.
var partName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// countParts counts the parts that are there, and those that there will be; 0 while
// that is not known.
func countParts(dir string) (here, all int) {
	list, err := os.ReadFile(filepath.Join(dir, evidence.ManifestName))
	if err != nil {
		return 0, 0
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0
	}
	for _, e := range entries {
		if partName.MatchString(e.Name()) {
			here++
		}
	}
	return here, bytes.Count(list, []byte("\n"))
}

func readTask(path string) (t task, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return t, err
	}
	if err := strictjson.Unmarshal(bytes.TrimSpace(data), maxTaskBytes, &t); err != nil {
		return t, fmt.Errorf("%s is damaged; remove it and ask for the evidence again: %w", path, err)
	}
	return t, nil
}

func (d *Desk) writeTask(t task) error {
	data, err := strictjson.Marshal(t)
	if err != nil {
		return err
	}
	at := d.place(t.Message, t.Number)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	return durable.Replace(at+taskSuffix, data, 0o600)
}

// AskEvidence has the serving desk fetch a package and open it into its home, for
// an officer; or, with again set, compare what is kept with what was signed once
// more. A refusal is a *problem.Error.
func (d *Desk) AskEvidence(ctx context.Context, officer string, f Fetching, again bool) error {
	if err := d.refusePending(ctx, f.Message); err != nil {
		return err
	}
	p, err := d.parcel(ctx, f.Message, f.Number)
	if err != nil {
		return err
	}
	if err := p.permits(f); err != nil {
		return err
	}
	if p.position < 0 && !again {
		return problem.New(problem.InvalidValue, "medium", "This package travels on a medium: open it with `entraide evidence fetch --medium`.")
	}
	at := d.place(f.Message, f.Number)
	if t, err := readTask(at + taskSuffix); err == nil && t.Ended == "" {
		return nil // it is under way
	}
	if _, err := os.Stat(at + openedSuffix); again && err != nil {
		return problem.New(problem.NotFound, "number", "The package is not opened on this desk: fetch it first.")
	}
	return d.writeTask(task{Message: f.Message, Number: f.Number, Officer: officer, Restricted: f.Restricted, Again: again})
}

// permits refuses restricted material to who does not say that they may see it.
func (p *parcel) permits(f Fetching) error {
	if p.file.Restricted && !f.Restricted {
		return problem.New(problem.Forbidden, "restricted",
			"This package holds restricted material. Open it only with the permission that your law asks for, and say so with --restricted.")
	}
	return nil
}

// FetchAsked does what officers have asked for with [Desk.AskEvidence]. What fails
// for now is tried again the next time. If another process of this desk is doing
// so, there is nothing to do.
func (d *Desk) FetchAsked(ctx context.Context) error {
	lock, err := filelock.Try(filepath.Join(d.home, fetchLock))
	if errors.Is(err, filelock.ErrHeld) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claiming the fetching: %w", err)
	}
	defer func() { _ = lock.Release() }() // it ends with the process in any case
	found, err := filepath.Glob(filepath.Join(d.home, "evidence", "*"+taskSuffix))
	if err != nil {
		return err
	}
	var later error
	for _, path := range found {
		t, err := readTask(path)
		if err != nil || t.Ended != "" {
			later = errors.Join(later, err)
			continue
		}
		if err := d.doTask(ctx, &t); err != nil {
			later = errors.Join(later, err)
			continue
		}
		t.Ended = rfc3339(d.now().Unix())
		later = errors.Join(later, d.writeTask(t))
	}
	return later
}

// doTask does a task and notes what came of it; what is to be tried again is an
// error.
func (d *Desk) doTask(ctx context.Context, t *task) error {
	bag := d.place(t.Message, t.Number) + openedSuffix
	var err error
	if t.Again {
		var found []*evidence.FileError
		if _, found, err = d.VerifyEvidence(ctx, bag, t.Message, t.Number); err == nil {
			t.found(found)
			return nil
		}
	} else {
		if err := os.RemoveAll(bag); err != nil { // damaged, or it would not be fetched again
			return err
		}
		if _, err = d.FetchEvidence(ctx, Fetching{Message: t.Message, Number: t.Number, Dir: bag, Restricted: t.Restricted}); err == nil {
			t.State = EvidenceVerified
			return nil
		}
	}
	return t.failed(ctx, err)
}

// found notes the files that are not as they were signed.
func (t *task) found(files []*evidence.FileError) {
	t.State = EvidenceVerified
	for _, f := range files[:min(len(files), maxFilesNamed)] {
		t.State, t.Files = EvidenceDamaged, append(t.Files, f.Path)
	}
}

// failed notes why a task came to nothing for good.
func (t *task) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	refusal, refused := errors.AsType[*problem.Error](err)
	wrong, part := errors.AsType[*evidence.PartError](err)
	switch result := resultOf(err); {
	case result == resultMissing:
		t.State = EvidenceMissing
	case result != "":
		t.State = EvidenceDamaged
		if part {
			t.Part = wrong.Index + 1
		}
	case refused && refusal.Code.Status() < 500 && refusal.Code != problem.RateLimited:
		t.State, t.Code = EvidenceRefused, string(refusal.Code)
	default:
		return err
	}
	return nil
}

// Opened describes a package that is opened in this desk's home, and returns the
// folder of its bag. The error is a *problem.Error if there is none.
func (d *Desk) Opened(message string, number int) (*evidence.Package, string, error) {
	bag := d.place(message, number) + openedSuffix
	text, err := os.ReadFile(filepath.Join(bag, PackageFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", problem.New(problem.NotFound, "number", "The package is not opened on this desk: fetch it first.")
	}
	if err != nil {
		return nil, "", err
	}
	p, err := evidence.ParsePackage(text)
	return p, bag, err
}

// runFetches fetches what officers ask for until ctx ends.
func (d *Desk) runFetches(ctx context.Context) {
	tick := time.NewTicker(fetchEvery)
	defer tick.Stop()
	for {
		wait := fetchEvery
		if err := d.FetchAsked(ctx); err != nil && ctx.Err() == nil {
			d.Log.Warn("fetching evidence", "err", telemetry.Cause(err))
			wait = fetchAgain
		}
		tick.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const (
	// fetchEvery is how often a serving desk looks for evidence that is asked for,
	// and fetchAgain after something failed.
	fetchEvery = 2 * time.Second
	fetchAgain = 30 * time.Second
)

// A Grade says how well a receipt of the log is vouched for (protocol section 3).
type Grade struct {
	// Witnesses are the names of those that have cosigned, and Of how many count.
	Witnesses []string
	Of        int
	// Witnessed says that they make up the quorum.
	Witnessed bool
}

// GradeOf verifies the cosignatures on a message's receipt.
func (d *Desk) GradeOf(ctx context.Context, message string) (g Grade, err error) {
	l, err := d.letter(ctx, message)
	if err != nil {
		return g, err
	}
	policy := d.trust.Policy()
	if policy == nil || len(l.Receipt) == 0 {
		return g, nil
	}
	g.Of = len(policy.Witnesses)
	receipt, err := translog.ParseReceipt(l.Receipt)
	if err != nil {
		return g, err
	}
	open, err := policy.Open(receipt.Checkpoint, d.trust.Origin, d.trust.Keys()...)
	if err != nil {
		return g, err
	}
	for _, w := range policy.Witnesses {
		if slices.ContainsFunc(open.By, func(c translog.Cosignature) bool { return c.Key.String() == w.Key.String() }) {
			g.Witnesses = append(g.Witnesses, w.Name)
		}
	}
	g.Witnessed = open.Witnessed
	return g, nil
}
