package evidence

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// A Custody record says where evidence comes from and through whose hands it
// went: the chain of custody of ISO/IEC 27037. Members that are not known are
// empty. Texts are on one line, of at most MaxTextBytes bytes; times are RFC
// 3339, UTC, in whole seconds.
type Custody struct {
	Identifier  string     `json:"identifier"` // of the item, an exhibit number for example
	Origin      string     `json:"origin"`     // device, account or provider
	Location    string     `json:"location"`   // where it was acquired
	AcquiredBy  string     `json:"acquired_by"`
	AcquiredAt  string     `json:"acquired_at"`
	Method      string     `json:"method"`
	Tool        string     `json:"tool"`
	ToolVersion string     `json:"tool_version"`
	Hashes      []Hash     `json:"hashes"`    // taken earlier
	Transfers   []Transfer `json:"transfers"` // in the order of time
	Changes     []Change   `json:"changes"`   // in the order of time
}

// A Hash is a digest that was taken before the package was made.
type Hash struct {
	Algorithm string `json:"algorithm"` // a key of hashBytes
	Value     string `json:"value"`     // lower-case hex
	At        string `json:"at"`
}

// A Transfer says that the item passed from one to another.
type Transfer struct {
	At      string   `json:"at"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	Purpose string   `json:"purpose"`
	Courier string   `json:"courier"` // of physical media
	Seals   []string `json:"seals"`   // numbers on physical media
}

// A Change is one that could not be avoided, and who answers for it.
type Change struct {
	At     string `json:"at"`
	By     string `json:"by"`
	What   string `json:"what"`
	Reason string `json:"reason"`
}

const (
	// MaxTextBytes bounds a text of a custody record.
	MaxTextBytes = 1000
	// maxEvents bounds each list of a custody record.
	maxEvents = 1000
)

// hashBytes is the size of the digests of each algorithm, spelt as in UCO.
var hashBytes = map[string]int{
	"MD5": 16, "SHA1": 20, "SHA224": 28, "SHA256": 32, "SHA384": 48, "SHA512": 64, "SHA3-256": 32, "SHA3-384": 48, "SHA3-512": 64,
}

// Check returns what is wrong with the record, or "" if nothing is.
func (c Custody) Check() string {
	texts := []string{c.Identifier, c.Origin, c.Location, c.AcquiredBy, c.Method, c.Tool, c.ToolVersion}
	times := []string{c.AcquiredAt}
	if max(len(c.Hashes), len(c.Transfers), len(c.Changes)) > maxEvents {
		return fmt.Sprintf("a list has more than %d entries", maxEvents)
	}
	for _, h := range c.Hashes {
		value, err := hex.DecodeString(h.Value)
		size, known := hashBytes[h.Algorithm]
		if !known || err != nil || len(value) != size || strings.ToLower(h.Value) != h.Value {
			return "a hash is not of a known algorithm and in lower-case hex"
		}
		times = append(times, h.At)
	}
	for _, t := range c.Transfers {
		if len(t.Seals) > maxEvents {
			return fmt.Sprintf("a list has more than %d entries", maxEvents)
		}
		texts = append(append(texts, t.From, t.To, t.Purpose, t.Courier), t.Seals...)
		times = append(times, t.At)
	}
	for _, x := range c.Changes {
		texts, times = append(texts, x.By, x.What, x.Reason), append(times, x.At)
	}
	for _, text := range texts {
		if len(text) > MaxTextBytes || strings.ContainsFunc(text, unicode.IsControl) {
			return fmt.Sprintf("a text has more than %d bytes or more than one line", MaxTextBytes)
		}
	}
	for _, at := range times {
		if at != "" && !isTime(at) {
			return "a time is not RFC 3339, UTC, in whole seconds"
		}
	}
	return ""
}

// isTime reports whether s is a time in the one spelling of the protocol.
func isTime(s string) bool {
	t, err := time.Parse(time.RFC3339, s)
	return err == nil && s == timeText(t)
}

// timeText spells a time.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
