package directory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
)

// A Change is a member of a statement that is not what it was in an earlier
// statement of the same type about the same subject.
type Change struct {
	// Member is its path, such as "contact.email" or "certificates.pq-6".
	Member string `json:"member"`
	// Before and After are its values, a text or else JSON; empty where it had or
	// has none. Of a certificate it is the fingerprint, with the SHA-256 of the
	// certificate behind it.
	Before string `json:"before"`
	After  string `json:"after"`
}

// Changes returns what a statement changes with respect to an earlier one of the
// same type, in the order of the paths; before may be nil. The heading is left
// out, since it always changes.
func Changes(before, after Statement) []Change {
	old, now := map[string]string{}, map[string]string{}
	if before != nil {
		flatten("", members(before), old)
	}
	flatten("", members(after), now)
	paths := maps.Clone(old)
	maps.Copy(paths, now)
	changes := []Change{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if old[path] != now[path] {
			changes = append(changes, Change{Member: path, Before: old[path], After: now[path]})
		}
	}
	return changes
}

// Latest returns the newest statement of a type about a subject, or nil.
func (d *Directory) Latest(subject, typ string) Statement {
	for s := d.subjects[subject]; s != nil; s = s.before {
		if s.record.Typ == typ {
			statement, err := Parse(s.record.Signed.Statement)
			if err != nil {
				return nil // it was parsed when it was taken
			}
			return statement
		}
	}
	return nil
}

// KeySince returns the statement by which an authority got the certificate that
// it has in a suite now; renewed subkeys do not count as another. The second
// result is false if it has none.
func (d *Directory) KeySince(authority string, suite pgp.Suite) (since Record, ok bool) {
	now, ok := d.subjects[authority]
	if !ok || now.authority == nil || now.authority.Certificates[suite] == nil {
		return since, false
	}
	key := now.authority.Certificates[suite].Fingerprint()
	for s := now; s != nil && s.authority != nil; s = s.before {
		c := s.authority.Certificates[suite]
		if c == nil || c.Fingerprint() != key {
			break
		}
		since = s.record
	}
	return since, true
}

// members are those of a statement, its heading left out.
func members(s Statement) map[string]any {
	var all map[string]any
	text, err := strictjson.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil // what was parsed can be written
	}
	for _, name := range []string{"typ", "subject", "number", "previous", "issued", "signer", "id"} {
		delete(all, name)
	}
	switch c := s.(type) {
	case *DepositaryStatement:
		all["certificate"] = named(c.Certificate)
	case *PartyStatement:
		all["certificate"] = named(c.Certificate)
		delete(all, "fingerprint")
	case *AuthorityStatement:
		certificates := map[string]any{}
		for suite, data := range c.Certificates {
			certificates[string(suite)] = named(data)
		}
		all["certificates"] = certificates
	}
	return all
}

// named tells a certificate from others, and from other copies of itself.
func named(certificate []byte) string {
	c, err := pgp.ParseCertificate(certificate)
	if err != nil {
		return "unreadable"
	}
	return fmt.Sprintf("%s (SHA-256 %s)", c.Fingerprint(), c.Digest())
}

// flatten writes the values of nested members by their paths.
func flatten(prefix string, m map[string]any, into map[string]string) {
	for name, v := range m {
		switch v := v.(type) {
		case map[string]any:
			flatten(prefix+name+".", v, into)
		case string:
			if v != "" {
				into[prefix+name] = v
			}
		default:
			if text, err := json.Marshal(v); err == nil && string(text) != "[]" {
				into[prefix+name] = string(text)
			}
		}
	}
}
