package auditor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// A Standing says what a book knows of its log, and how old that is. Reading it
// needs no lock on the mirror.
type Standing struct {
	Origin string
	Scope  string    // all, a party, or files where the broker was never asked
	Looked int64     // the broker has been asked for the entries before this index
	Since  time.Time // of the first look; zero before it
	Synced time.Time // of the last look; zero before the first
	// Head is the newest checkpoint that the mirror trusts; nil before the first.
	Head      *Head
	Witnesses []Vouching // those of the log's policy, in its order
	Demanded  bool       // the log must have witnesses
}

// A Head is a checkpoint with who vouches for it.
type Head struct {
	translog.Cosigned
	Signed []byte // note
}

// A Vouching is what is known here of a witness.
type Vouching struct {
	Name string // within the policy
	Key  string // verifier key
	// Size and At are of the newest checkpoint that this mirror has seen the witness
	// vouch for; At is zero if there is none.
	Size int64
	At   time.Time
	Now  bool // it vouches for the newest that the mirror trusts
}

// trust reads what the mirror believes beforehand.
func (b *Book) trust() (verify.Trust, *translog.Policy, error) {
	broker, err := readBroker(b.home)
	if err != nil {
		return verify.Trust{}, nil, err
	}
	trust, err := verify.NewTrust(broker)
	if err != nil {
		return trust, nil, err
	}
	policy := trust.Policy()
	if policy == nil {
		policy, err = translog.ParsePolicy([]byte("quorum none\n"))
	}
	return trust, policy, err
}

// Trust is what the mirror believes beforehand of its log.
func (b *Book) Trust() (verify.Trust, error) {
	trust, _, err := b.trust()
	return trust, err
}

// head reads the newest checkpoint that the mirror trusts; nil before the first.
func (b *Book) head() (*Head, error) {
	trust, policy, err := b.trust()
	if err != nil {
		return nil, err
	}
	signed, err := os.ReadFile(filepath.Join(b.home, checkpoint))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("auditor: reading the mirror: %w", err)
	}
	open, err := policy.Open(signed, trust.Origin, trust.Keys()...)
	if err != nil {
		return nil, fmt.Errorf("auditor: the mirror is damaged: %w", err)
	}
	return &Head{open, signed}, nil
}

// Standing returns what the book knows of its log.
func (b *Book) Standing(ctx context.Context) (s Standing, err error) {
	trust, policy, err := b.trust()
	if err != nil {
		return s, err
	}
	s.Origin, s.Demanded = trust.Origin, !policy.Met(nil)
	if s.Head, err = b.head(); err != nil {
		return s, err
	}
	if s.Scope, err = b.scope(ctx); err != nil {
		return s, err
	}
	if s.Looked, err = b.number(ctx, markLooked); err != nil {
		return s, err
	}
	synced, err := b.number(ctx, markSynced)
	if err != nil {
		return s, err
	}
	if synced != 0 {
		s.Synced = time.Unix(synced, 0).UTC()
	}
	first, err := b.db.FirstLook(ctx)
	if err != nil {
		return s, err
	}
	if first != 0 {
		s.Since = time.Unix(first, 0).UTC()
	}
	s.Witnesses, err = b.witnesses(ctx, policy, s.Head)
	return s, err
}

// number reads a note that is a number; 0 if there is none.
func (b *Book) number(ctx context.Context, name string) (int64, error) {
	text, err := b.db.Mark(ctx, name)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("auditor: the book is damaged: %w", err)
	}
	return n, nil
}

// markWitness begins the name of the note on a witness: size and time, in Unix
// seconds by its own clock, of the newest checkpoint that it was seen to vouch for.
const markWitness = "witness "

// witnesses are those of a policy with what is known of them.
func (b *Book) witnesses(ctx context.Context, policy *translog.Policy, head *Head) (list []Vouching, err error) {
	for _, w := range policy.Witnesses {
		v := Vouching{Name: w.Name, Key: w.Key.String()}
		text, err := b.db.Mark(ctx, markWitness+v.Key)
		if err != nil {
			return nil, err
		}
		size, at, _ := strings.Cut(text, " ")
		if unix, err := strconv.ParseInt(at, 10, 64); err == nil {
			v.At = time.Unix(unix, 0).UTC()
			v.Size, _ = strconv.ParseInt(size, 10, 64) // written with the time
		}
		if head != nil {
			for _, c := range head.By {
				if c.Key.String() == v.Key {
					v.Size, v.At, v.Now = head.Size, c.At.UTC(), true
				}
			}
		}
		list = append(list, v)
	}
	return list, nil
}

// noteWitnesses notes who vouches for the newest checkpoint.
func (b *Book) noteWitnesses(ctx context.Context) error {
	head, err := b.head()
	if err != nil || head == nil {
		return err
	}
	for _, c := range head.By {
		if err := b.db.PutMark(ctx, markWitness+c.Key.String(), fmt.Sprintf("%d %d", head.Size, c.At.Unix())); err != nil {
			return err
		}
	}
	return nil
}
