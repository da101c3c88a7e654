package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

// configFile holds the settings of a desk. It may be absent.
const configFile = "desk.toml"

// ErrConfig says that the settings of a desk cannot be used.
var ErrConfig = errors.New(configFile)

// A Config is what a State sets in desk.toml.
type Config struct {
	// Database is the address of the PostgreSQL database that holds the case file,
	// postgres://… without a password. Without it the home holds the case file in an
	// SQLite file of its own.
	Database string `toml:"database"`
	// DatabaseFile names a file in the home that holds the address, for one with a
	// password.
	DatabaseFile string `toml:"database_file"`
	// Retention says how long the content of a closed case is kept, by type of
	// measure or, for spontaneous information, "information"; "default" is for
	// all others. Without a rule, a case is kept.
	Retention map[string]RetentionRule `toml:"retention"`
}

// A RetentionRule ends the keeping of a case.
type RetentionRule struct {
	// Days after the newest message of the closed case.
	Days int `toml:"days" json:"days"`
	// Basis is the rule of law, for the record.
	Basis string `toml:"basis" json:"basis"`
}

// SettingRetention is the name of the setting that holds a [Retention].
const SettingRetention = "retention"

// Retention are the rules of the office, by what they are for (see [Config]). Where
// the office has set them, they take the place of those of desk.toml.
type Retention map[string]RetentionRule

// Check refuses rules that cannot be used.
func (rules Retention) Check() error {
	for name, rule := range rules {
		if name != defaultRule && name != informationRule && !isMeasure(name) {
			return problem.Newf(problem.InvalidValue, "type", "A rule is for a type of measure such as T05, for %q, or for %q.", informationRule, defaultRule)
		}
		if rule.Days <= 0 || rule.Days > mostDays {
			return problem.Newf(problem.InvalidValue, "days", "It must be 1 to %d days.", mostDays)
		}
		if words(rule.Basis, name) != nil {
			return problem.New(problem.InvalidValue, "basis", "Say in a line the rule of law.")
		}
	}
	return nil
}

// isMeasure reports whether there is such a type of measure.
func isMeasure(name string) bool {
	return slices.ContainsFunc(convention.Codes("measure-type"), func(c convention.Code) bool { return c.Code == name })
}

// informationRule is the name of the rule for what was told without being asked.
const informationRule = "information"

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

// RetentionRules returns the rules that count, and whether they are those of
// desk.toml.
func (d *Desk) RetentionRules(ctx context.Context) (rules Retention, fromFile bool, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) error {
		c, file, err := d.retention(ctx, r)
		rules, fromFile = c.Retention, file
		return err
	})
	return rules, fromFile, err
}

// retention reads the rules that count.
func (d *Desk) retention(ctx context.Context, r store.DeskReader) (c Config, fromFile bool, err error) {
	value, err := r.Setting(ctx, SettingRetention)
	if err != nil {
		return c, false, err
	}
	if value == nil {
		c, err = readConfig(d.home)
		return c, true, err
	}
	if err := json.Unmarshal(value, &c.Retention); err != nil {
		return c, false, fmt.Errorf("reading the setting %s: %w", SettingRetention, err)
	}
	return c, false, nil
}

// Due lists the closed cases whose content is kept longer than the rules of
// retention say, those under a legal hold included. Of several measures the
// longest rule counts; a measure without a rule keeps the case.
func (d *Desk) Due(ctx context.Context) ([]DueCase, error) { return d.DueBy(ctx, d.now(), 0) }

// DueBy lists what is or will be due by a time, in the order in which the cases last
// moved; most at most, 0 for all.
func (d *Desk) DueBy(ctx context.Context, by time.Time, most int) ([]DueCase, error) {
	due := []DueCase{}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		config, _, err := d.retention(ctx, r)
		if err != nil || len(config.Retention) == 0 {
			return err
		}
		ended := by.AddDate(0, 0, -config.shortest()).Unix()
		for after := int64(-1); ; {
			lines, err := r.LinesEnded(ctx, ended, after, page)
			if err != nil {
				return err
			}
			for _, line := range lines {
				c, ok, err := dueCase(ctx, r, config, line, by)
				if err != nil {
					return err
				}
				if after = line.Index; !ok {
					continue
				}
				if due = append(due, c); len(due) == most {
					return nil
				}
			}
			if len(lines) < page {
				return nil
			}
		}
	})
	return due, err
}

// shortest is the least number of days of a rule.
func (c Config) shortest() int {
	least := mostDays
	for _, rule := range c.Retention {
		least = min(least, rule.Days)
	}
	return least
}

// dueCase reports whether the time of one closed case has come by a time.
func dueCase(ctx context.Context, r store.DeskReader, config Config, line store.Line, by time.Time) (DueCase, bool, error) {
	if erased, err := erasedOf(ctx, r, line.Case); err != nil || erased != nil {
		return DueCase{}, false, err
	}
	rule, ok := config.rule(line.Types)
	over := time.Unix(line.EndedAt, 0).AddDate(0, 0, rule.Days).UTC()
	if !ok || over.After(by) {
		return DueCase{}, false, nil
	}
	c := DueCase{Case: line.Case, Since: over.Format(time.RFC3339), Basis: rule.Basis}
	hold, err := r.CaseHold(ctx, line.Case)
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
		types = []string{informationRule}
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
