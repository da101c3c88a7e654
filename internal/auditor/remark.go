package auditor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/verify"
)

// States of a finding. One is open until somebody remarks otherwise.
const (
	StateOpen      = "open"      // nobody has accounted for it
	StateExplained = "explained" // there is an explanation, which may still be wrong
	StateClosed    = "closed"    // nothing is left to be done about it
)

// States returns the states of a finding.
func States() []string { return []string{StateOpen, StateExplained, StateClosed} }

// Bounds of a remark, in characters.
const (
	MaxComment = 4000
	MaxBy      = 200
)

// ErrRemarks says that the log of remarks in a book is not as it was written: the
// file was changed by something else than this program.
var ErrRemarks = fmt.Errorf("%w: the remarks of this book have been changed", verify.ErrMisbehaviour)

// A Finding is something in a log that does not fit.
type Finding struct {
	// Key says what the finding is about: its code and the entry, or else a digest.
	// The next derivation gives it the same.
	Key      string   `json:"key"`
	Code     string   `json:"code"`
	Grave    bool     `json:"grave"` // evidence of misbehaviour
	Index    int64    `json:"index"` // of the entry; -1 where it is about none
	Case     string   `json:"case,omitempty"`
	Who      string   `json:"who"`
	Text     string   `json:"text"`
	Evidence string   `json:"evidence,omitempty"` // file
	Found    string   `json:"found"`              // RFC 3339
	State    string   `json:"state"`
	Remarks  []Remark `json:"remarks,omitempty"` // the oldest first

	Said store.Saying `json:"-"` // what the text says, as data
}

// A Remark is what a person has said of a finding, and the state that it gave it.
type Remark struct {
	Number  int64  `json:"number"` // in the log of remarks, from 1
	Finding string `json:"finding"`
	About   string `json:"about"` // what the finding said then
	State   string `json:"state"`
	Comment string `json:"comment"`
	By      string `json:"by"`
	At      string `json:"at"`   // RFC 3339
	Hash    string `json:"hash"` // SHA-256 over this remark and the hash of the one before, hex
}

// A FindingFilter says which findings a list holds. Empty members do not filter.
type FindingFilter = sqlite.FindingFilter

// A FindingCount counts the findings of a code in a state.
type FindingCount struct {
	Code  string `json:"code"`
	State string `json:"state"`
	Grave bool   `json:"grave"`
	Count int64  `json:"count"`
}

// keyOf says what a finding is about: the entry that it names, or else a digest of
// what it says, less the place of the mirror.
func keyOf(f store.Finding) string {
	if f.Index >= 0 {
		key := fmt.Sprintf("%s-%d", f.Code, f.Index)
		if f.Aspect != "" {
			key += "-" + f.Aspect
		}
		return key
	}
	text := f.Text
	if f.Evidence != "" {
		text = strings.ReplaceAll(text, f.Evidence, filepath.Base(f.Evidence))
	}
	sum := sha256.Sum256([]byte(text))
	return f.Code + "-" + hex.EncodeToString(sum[:6])
}

// seen keeps a finding that does not follow from entries.
func (b *Book) seen(ctx context.Context, f store.Finding) error {
	f.Grave, f.Index, f.Who = true, -1, whoBroker
	f.Key = keyOf(f)
	return b.db.PutFinding(ctx, f)
}

// FindingsPage returns the findings of a filter from a place on, which is 0 at
// first, limit at most, each with its state and remarks, and the place to go on
// from.
func (b *Book) FindingsPage(ctx context.Context, f FindingFilter, from int64, limit int) (found []Finding, next int64, err error) {
	rows, next, err := b.db.Findings(ctx, f, from, limit)
	if err != nil {
		return nil, from, err
	}
	for _, row := range rows {
		one := findingOf(row)
		if row.State != "" {
			if one.Remarks, err = b.Remarks(ctx, one.Key); err != nil {
				return nil, from, err
			}
		}
		found = append(found, one)
	}
	return found, next, nil
}

// EachFinding calls fn with every finding of the last derivation and of the
// looks at the log.
func (b *Book) EachFinding(ctx context.Context, fn func(Finding) error) error {
	for next := int64(0); ; {
		found, after, err := b.FindingsPage(ctx, FindingFilter{}, next, mostOfACode)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, f := range found {
			if err := fn(f); err != nil {
				return err
			}
		}
		next = after
	}
}

// Finding returns a finding by its key. The error is a *problem.Error with the code
// not-found if there is none now; its remarks are still there (see [Book.Remarks]).
func (b *Book) Finding(ctx context.Context, key string) (Finding, error) {
	found, _, err := b.FindingsPage(ctx, FindingFilter{Key: key}, 0, 1)
	if err != nil {
		return Finding{}, err
	}
	if key == "" || len(found) == 0 {
		return Finding{}, problem.New(problem.NotFound, "finding", "The last check has not found this.")
	}
	return found[0], nil
}

// FindingCounts counts the findings by code and state.
func (b *Book) FindingCounts(ctx context.Context) ([]FindingCount, error) {
	rows, err := b.db.FindingCounts(ctx)
	counts := make([]FindingCount, len(rows))
	for i, r := range rows {
		counts[i] = FindingCount{r.Code, r.State, r.Grave, r.Count}
	}
	return counts, err
}

// Remark adds a remark on a finding to the log of remarks, and with it the state
// that the finding has from now on; an empty state leaves it as it is. By is the
// name of the person. Nothing that was remarked is ever changed or taken out.
//
// The error is a *problem.Error: not-found for a finding that is not there;
// invalid-value with the field state, comment or by. Else it may be [ErrRemarks].
func (b *Book) Remark(ctx context.Context, key, state, comment, by string, now time.Time) (Remark, error) {
	f, err := b.Finding(ctx, key)
	if err != nil {
		return Remark{}, err
	}
	comment, by = strings.TrimSpace(strings.ReplaceAll(comment, "\r\n", "\n")), strings.TrimSpace(by)
	switch state {
	case "":
		state = f.State
	case StateOpen, StateExplained, StateClosed:
	default:
		return Remark{}, problem.Newf(problem.InvalidValue, "state", "The state is one of %s.", strings.Join(States(), ", "))
	}
	if !written(comment, MaxComment, true) {
		return Remark{}, problem.Newf(problem.InvalidValue, "comment", "A remark has a comment, of at most %d characters.", MaxComment)
	}
	if !written(by, MaxBy, false) {
		return Remark{}, problem.Newf(problem.InvalidValue, "by", "A remark has the name of who makes it, on one line of at most %d characters.", MaxBy)
	}
	r, err := b.db.PutRemark(ctx, store.Remark{Finding: f.Key, About: f.Text, State: state, Comment: comment, By: by, At: now.Unix()})
	return remarkOf(r), broken(err)
}

// written reports whether a text is there, is no longer than it may be, and has
// nothing that is no writing.
func written(text string, most int, lines bool) bool {
	if n := utf8.RuneCountInString(text); n == 0 || n > most || !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && (!lines || r != '\n' && r != '\t') })
}

// Remarks returns the remarks on a finding, or with an empty key all, the oldest
// first. They outlive the finding.
func (b *Book) Remarks(ctx context.Context, key string) ([]Remark, error) {
	rows, err := b.db.Remarks(ctx, key)
	list := make([]Remark, len(rows))
	for i, r := range rows {
		list[i] = remarkOf(r)
	}
	return list, err
}

// CheckRemarks reads the log of remarks and returns how many there are and the
// hash of the last, which holds all of them: a person who has noted it can prove
// later that nothing was changed. It returns [ErrRemarks] with the place.
func (b *Book) CheckRemarks(ctx context.Context) (last Remark, err error) {
	r, err := b.db.CheckRemarks(ctx)
	return remarkOf(r), broken(err)
}

// broken makes [ErrRemarks] of what the store says.
func broken(err error) error {
	if errors.Is(err, store.ErrRemarks) {
		return fmt.Errorf("%w: %w", ErrRemarks, err)
	}
	return err
}

func findingOf(f store.Finding) Finding {
	if f.State == "" {
		f.State = StateOpen
	}
	return Finding{
		Key: f.Key, Code: f.Code, Grave: f.Grave, Index: f.Index, Case: f.Case, Who: f.Who, Text: f.Text, Evidence: f.Evidence,
		Found: stamp(f.At), State: f.State, Said: f.Said,
	}
}

func remarkOf(r store.Remark) Remark {
	if r.Number == 0 {
		return Remark{}
	}
	return Remark{
		Number: r.Number, Finding: r.Finding, About: r.About, State: r.State, Comment: r.Comment, By: r.By, At: stamp(r.At), Hash: r.Hash,
	}
}
