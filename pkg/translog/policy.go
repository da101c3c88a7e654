package translog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// MaxPolicyBytes bounds the text of a policy.
const MaxPolicyBytes = 32 << 10

// ErrPolicy says that a text is not a policy.
var ErrPolicy = errors.New("translog: not a c2sp.org/tlog-policy")

// A Policy says which witnesses there are, and which of them together make a
// checkpoint a witnessed one (c2sp.org/tlog-policy).
type Policy struct {
	Logs      []note.Verifier // none: the log is known otherwise
	Witnesses []Witness
	groups    map[string]group
	quorum    string
}

// A Witness is a line of a policy.
type Witness struct {
	Name string // within the policy
	Key  *WitnessKey
	URL  string // submission prefix of c2sp.org/tlog-witness; may be empty
}

// A group is met when at least least of its members are.
type group struct {
	least   int
	members []string
}

// noQuorum is the name of the quorum that needs nobody.
const noQuorum = "none"

// ParsePolicy reads a policy. Errors are [ErrPolicy] and name the line.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > MaxPolicyBytes {
		return nil, fmt.Errorf("%w: it is too long", ErrPolicy)
	}
	p := &Policy{groups: map[string]group{}}
	for i, line := range strings.Split(string(text), "\n") {
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, fmt.Errorf("%w: line %d has control characters", ErrPolicy, i+1)
		}
		fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := p.add(fields); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrPolicy, i+1, err)
		}
	}
	if p.quorum == "" {
		return nil, fmt.Errorf("%w: the quorum is missing", ErrPolicy)
	}
	return p, nil
}

// add reads a line.
func (p *Policy) add(fields []string) error {
	switch {
	case fields[0] == "log" && (len(fields) == 2 || len(fields) == 3):
		return p.addLog(fields[1])
	case fields[0] == "witness" && (len(fields) == 3 || len(fields) == 4):
		return p.addWitness(fields[1], fields[2], strings.Join(fields[3:], ""))
	case fields[0] == "group" && len(fields) >= 4:
		return p.addGroup(fields[1], fields[2], fields[3:])
	case fields[0] == "quorum" && len(fields) == 2 && p.quorum == "":
		if fields[1] != noQuorum && !p.defines(fields[1]) {
			return fmt.Errorf("%q is not defined above", fields[1])
		}
		p.quorum = fields[1]
		return nil
	}
	return errors.New("it is none of log, witness, group and one quorum")
}

func (p *Policy) addLog(vkey string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	for _, has := range p.Logs {
		if has.Name() == v.Name() && has.KeyHash() == v.KeyHash() {
			return errors.New("the log is there already")
		}
	}
	p.Logs = append(p.Logs, v)
	return nil
}

func (p *Policy) addWitness(name, vkey, url string) error {
	if p.defines(name) || name == noQuorum {
		return fmt.Errorf("%q is defined already", name)
	}
	key, err := ParseWitnessKey(vkey)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(p.Witnesses, func(w Witness) bool { return bytes.Equal(w.Key.public, key.public) }) {
		return errors.New("the witness is there already, by another name")
	}
	p.Witnesses = append(p.Witnesses, Witness{Name: name, Key: key, URL: url})
	return nil
}

func (p *Policy) addGroup(name, least string, members []string) error {
	if p.defines(name) || name == noQuorum {
		return fmt.Errorf("%q is defined already", name)
	}
	for _, m := range members {
		if !p.defines(m) {
			return fmt.Errorf("%q is not defined above", m)
		}
		for _, g := range p.groups {
			if slices.Contains(g.members, m) {
				return fmt.Errorf("%q is a member of another group", m)
			}
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(members)))) != len(members) {
		return errors.New("a member is named twice")
	}
	g := group{members: members}
	switch least {
	case "all":
		g.least = len(members)
	case "any":
		g.least = 1
	default:
		n, err := strconv.Atoi(least)
		if err != nil || strconv.Itoa(n) != least || n < 1 || n > len(members) {
			return fmt.Errorf("the threshold must be all, any or 1 to %d", len(members))
		}
		g.least = n
	}
	p.groups[name] = g
	return nil
}

// defines reports whether the name is one of a witness or a group.
func (p *Policy) defines(name string) bool {
	_, ok := p.groups[name]
	return ok || slices.ContainsFunc(p.Witnesses, func(w Witness) bool { return w.Name == name })
}

// Met reports whether the cosignatures, which must be verified ones of one
// checkpoint, make up the quorum.
func (p *Policy) Met(by []Cosignature) bool {
	return p.quorum == noQuorum || p.met(p.quorum, by)
}

func (p *Policy) met(name string, by []Cosignature) bool {
	if g, ok := p.groups[name]; ok {
		n := 0
		for _, m := range g.members {
			if p.met(m, by) {
				n++
			}
		}
		return n >= g.least
	}
	return slices.ContainsFunc(p.Witnesses, func(w Witness) bool {
		return w.Name == name && slices.ContainsFunc(by, func(c Cosignature) bool { return c.Key.String() == w.Key.String() })
	})
}

// A Cosigned checkpoint is one with the cosignatures that its note carries.
type Cosigned struct {
	Checkpoint
	By        []Cosignature // in the order of the policy
	Witnessed bool          // the quorum is met
}

// Open verifies a signed checkpoint of the log named origin under at least one
// of its keys, and the cosignatures that the note carries. Lines that do not
// verify, or are of others, count for nothing. Errors wrap
// [ErrCheckpointSignature].
func (p *Policy) Open(signed []byte, origin string, keys ...note.Verifier) (Cosigned, error) {
	cp, err := OpenCheckpoint(signed, origin, keys...)
	if err != nil {
		return Cosigned{}, err
	}
	c := Cosigned{Checkpoint: cp}
	lines := signed[len(cp.Text())+1:]
	for _, w := range p.Witnesses {
		if s, err := ReadCosignature(cp, lines, w.Key); err == nil {
			c.By = append(c.By, s)
		}
	}
	c.Witnessed = p.Met(c.By)
	return c, nil
}
