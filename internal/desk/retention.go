package desk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/entraide/entraide/internal/store"
)

// configFile holds the settings of a desk. It may be absent.
const configFile = "desk.toml"

// ErrConfig says that the settings of a desk cannot be used.
var ErrConfig = errors.New(configFile)

// A Config is what a State sets in desk.toml.
type Config struct {
	// Retention says how long the content of a closed case is kept, by type of
	// measure or, for spontaneous information, "information"; "default" is for
	// all others. Without a rule, a case is kept.
	Retention map[string]RetentionRule `toml:"retention"`
}

// A RetentionRule ends the keeping of a case.
type RetentionRule struct {
	// Days after the newest message of the closed case.
	Days int `toml:"days"`
	// Basis is the rule of law, for the record.
	Basis string `toml:"basis"`
}

// defaultRule is the name of the rule for what has none of its own.
const defaultRule = "default"

// readConfig reads the settings of a home.
func readConfig(home string) (Config, error) {
	var c Config
	meta, err := toml.DecodeFile(filepath.Join(home, configFile), &c)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("%w: unknown key %q", ErrConfig, unknown[0].String())
	}
	for name, rule := range c.Retention {
		if rule.Days <= 0 || words(rule.Basis, name) != nil {
			return c, fmt.Errorf("%w: retention.%s needs days above zero and, in a line, its basis", ErrConfig, name)
		}
	}
	return c, nil
}

// A DueCase is a case whose time has come under a rule of retention.
type DueCase struct {
	Case  string `json:"case"`
	Since string `json:"since"` // RFC 3339, when the rule's time was over
	Basis string `json:"basis"`
	Hold  string `json:"hold,omitempty"` // basis of the legal hold that keeps it
}

// Due lists the closed cases whose content is kept longer than the rules of
// desk.toml say, those under a legal hold included. Of several measures the
// longest rule counts; a measure without a rule keeps the case.
func (d *Desk) Due(ctx context.Context) ([]DueCase, error) {
	config, err := readConfig(d.home)
	if err != nil {
		return nil, err
	}
	due := []DueCase{}
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		for after := ""; ; {
			ids, err := r.CaseIDs(ctx, after, page)
			if err != nil {
				return err
			}
			for _, id := range ids {
				c, ok, err := d.dueCase(ctx, r, config, id)
				if err != nil {
					return err
				}
				if after = id; ok {
					due = append(due, c)
				}
			}
			if len(ids) < page {
				return nil
			}
		}
	})
	return due, err
}

// dueCase reports whether the time of one case has come.
func (d *Desk) dueCase(ctx context.Context, r store.DeskReader, config Config, id string) (DueCase, bool, error) {
	line, err := r.Line(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && !line.Closed {
		return DueCase{}, false, nil
	}
	if err != nil {
		return DueCase{}, false, err
	}
	if erased, err := erasedOf(ctx, r, id); err != nil || erased != nil {
		return DueCase{}, false, err
	}
	rule, ok := config.rule(line.Types)
	over := time.Unix(line.EndedAt, 0).AddDate(0, 0, rule.Days).UTC()
	if !ok || over.After(d.now()) {
		return DueCase{}, false, nil
	}
	c := DueCase{Case: id, Since: over.Format(time.RFC3339), Basis: rule.Basis}
	hold, err := r.CaseHold(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return c, true, nil
	}
	c.Hold = hold.Basis
	return c, true, err
}

// rule is the longest of the rules for types of measures; none if one of them
// has none.
func (c Config) rule(types []string) (RetentionRule, bool) {
	if len(types) == 0 {
		types = []string{"information"}
	}
	var longest RetentionRule
	for _, t := range types {
		rule, ok := c.Retention[t]
		if !ok {
			rule, ok = c.Retention[defaultRule]
		}
		if !ok {
			return RetentionRule{}, false
		}
		if rule.Days > longest.Days {
			longest = rule
		}
	}
	return longest, true
}
