// Package home keeps a broker's files: its configuration, the key of its log,
// its TLS identity, the signer guard and, by default, its database. It makes
// a new home and opens an existing one as a running server.
package home

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/parts"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// ErrConfig is wrapped by every error about the configuration file.
var ErrConfig = errors.New("broker.toml")

const configFile = "broker.toml"

// defaultParts is where sealed evidence is kept unless the configuration says
// otherwise.
const defaultParts = "parts"

// Config is the broker's configuration, broker.toml in its home. A key that
// is not listed here is an error.
type Config struct {
	// URL is the address under which desks reach the broker, https only.
	URL string `toml:"url"`
	// Listen is the address of the API, "host:port".
	Listen string `toml:"listen"`
	// AdminListen is the address of health and metrics; keep it private.
	// Empty: neither is served.
	AdminListen string `toml:"admin_listen"`
	// Origin is the name of the log, the address of its tiles without scheme.
	// It never changes.
	Origin string `toml:"origin"`
	// Database is "sqlite:FILE" (relative to the home) or a PostgreSQL URL.
	Database string `toml:"database"`
	// DatabaseFile names a file that holds the database URL, for a URL with a
	// password. It replaces Database.
	DatabaseFile string `toml:"database_file"`
	// Guard is the file of the signer guard, relative to the home. Put it on
	// another volume than the database, and in no backup. Brokers that share a
	// database share the guard.
	Guard string `toml:"guard"`
	// Policy names a file, relative to the home, that says who the witnesses of
	// the log are and how many of them it takes (c2sp.org/tlog-policy). Those
	// with an address are asked for cosignatures; the others, desks, hand theirs
	// in. Empty: the log has no witnesses.
	Policy string `toml:"policy"`
	// WithoutQuorum is how long messages are accepted while no quorum of the policy
	// vouches for the log.
	WithoutQuorum time.Duration `toml:"without_quorum"`
	// Depositary is the fingerprint of the depositary's certificate.
	Depositary string `toml:"depositary"`
	// Limits bound what one authority may ask for.
	Limits api.Limits `toml:"limits"`
	// Parts is where sealed evidence is kept: a directory, relative to the home, or
	// a bucket of an S3-compatible service, "https://s3.example/bucket/prefix".
	Parts string `toml:"parts"`
	// PartsCredentials names a file, relative to the home, with the access key and
	// the secret key of that service, each on a line.
	PartsCredentials string `toml:"parts_credentials"`
	// Evidence says how much of it is kept, and for how long.
	Evidence broker.Evidence `toml:"evidence"`
	// Clocks are the time limits by lane and pair.
	Clocks broker.Clocks `toml:"clocks"`
}

// read reads the configuration of a home.
func read(home string) (Config, error) {
	c := Config{Limits: api.DefaultLimits(), Clocks: broker.DefaultClocks(), Parts: defaultParts, Evidence: broker.DefaultEvidence(), WithoutQuorum: broker.DefaultWithoutQuorum}
	meta, err := toml.DecodeFile(filepath.Join(home, configFile), &c)
	if errors.Is(err, os.ErrNotExist) {
		return c, fmt.Errorf("%w: there is none in %s; make a home with `entraide broker init`", ErrConfig, home)
	}
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("%w: unknown key %q", ErrConfig, unknown[0].String())
	}
	return c, c.check()
}

// check refuses a configuration that could not work.
func (c Config) check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%w: url must be an https address", ErrConfig)
	case c.Listen == "":
		return fmt.Errorf("%w: listen is missing", ErrConfig)
	case c.Origin == "" || strings.Contains(c.Origin, "://"):
		return fmt.Errorf("%w: origin must be a name without a scheme, such as broker.example/log", ErrConfig)
	case c.Guard == "":
		return fmt.Errorf("%w: guard is missing", ErrConfig)
	case c.Depositary == "":
		return fmt.Errorf("%w: depositary is missing", ErrConfig)
	case (c.Database == "") == (c.DatabaseFile == ""):
		return fmt.Errorf("%w: exactly one of database and database_file must be set", ErrConfig)
	case c.Parts == "":
		return fmt.Errorf("%w: parts is missing", ErrConfig)
	case strings.Contains(c.Parts, "://") != (c.PartsCredentials != ""):
		return fmt.Errorf("%w: parts_credentials belongs to parts that are an address, and to no others", ErrConfig)
	case c.Evidence.Quota <= 0 || c.Evidence.Unused <= 0 || c.Evidence.Delivered <= 0:
		return fmt.Errorf("%w: evidence: quota and times must be above zero", ErrConfig)
	case c.WithoutQuorum <= 0:
		return fmt.Errorf("%w: without_quorum must be above zero", ErrConfig)
	case c.Limits.PerSecond <= 0 || c.Limits.Burst <= 0:
		return fmt.Errorf("%w: limits must be above zero", ErrConfig)
	}
	return nil
}

// database returns the database's address.
func (c Config) database(home string) (string, error) {
	if c.DatabaseFile == "" {
		return c.Database, nil
	}
	data, err := os.ReadFile(within(home, c.DatabaseFile))
	if err != nil {
		return "", fmt.Errorf("%w: reading database_file: %w", ErrConfig, err)
	}
	return strings.TrimSpace(string(data)), nil
}

// openParts opens where sealed evidence is kept.
func (c Config) openParts(ctx context.Context, home string, now time.Time) (parts.Store, error) {
	if !strings.Contains(c.Parts, "://") {
		return parts.OpenFiles(within(home, c.Parts), now)
	}
	data, err := os.ReadFile(within(home, c.PartsCredentials))
	if err != nil {
		return nil, fmt.Errorf("%w: reading parts_credentials: %w", ErrConfig, err)
	}
	keys := strings.Fields(string(data))
	if len(keys) != 2 {
		return nil, fmt.Errorf("%w: parts_credentials must hold the access key and the secret key, each on a line", ErrConfig)
	}
	return parts.OpenS3(ctx, c.Parts, keys[0], keys[1])
}

// policy reads the policy of the log, and returns its text as well; nil if it has
// none.
func (c Config) policy(home string) (*translog.Policy, string, error) {
	if c.Policy == "" {
		return nil, "", nil
	}
	text, err := os.ReadFile(within(home, c.Policy))
	if err != nil {
		return nil, "", fmt.Errorf("%w: reading policy: %w", ErrConfig, err)
	}
	p, err := translog.ParsePolicy(text)
	if err != nil {
		return nil, "", fmt.Errorf("%w: policy: %w", ErrConfig, err)
	}
	return p, string(text), nil
}

// describe puts the policy and the keys of the log, with the proof of the newest,
// into the description of the broker, unless they are there.
func (s *Server) describe(ctx context.Context, policy string, keys logKeys) error {
	before, err := readPublic(s.home)
	if err != nil {
		return err
	}
	public := before
	public.Policy, public.LogKey = policy, keys.Newest()
	if keys.Rotated() {
		receipt, err := s.Broker.KeysReceipt(ctx)
		if err != nil {
			return err
		}
		public.LogKeys, public.Rotation = keys.String(), string(receipt)
	}
	if public == before {
		return nil
	}
	data, err := strictjson.Marshal(public)
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(s.home, PublicFile), append(data, '\n'), 0o600)
}

// readPublic reads the description of the broker.
func readPublic(home string) (public wire.Broker, err error) {
	data, err := os.ReadFile(filepath.Join(home, PublicFile))
	if err == nil {
		err = strictjson.Unmarshal(bytes.TrimSpace(data), 1<<20, &public)
	}
	if err != nil {
		return public, fmt.Errorf("reading the broker's description: %w", err)
	}
	return public, nil
}

// Names of what the log says of the configuration.
const (
	whatSettings = "settings"
	whatPolicy   = "policy"
	whatSigners  = "log signers"
)

// effective says what is in effect of the configuration, for the log: the
// digest of all settings, whether written down or left as they are, that of the
// policy, empty if there is none, and the keys of the log; once it has had several,
// also those that sign. Nothing secret goes into the digest.
func (c Config) effective(home string, keys logKeys) ([]translog.ConfigurationFact, error) {
	if u, err := url.Parse(c.Database); err == nil && u.User != nil {
		c.Database = u.Redacted()
	}
	settings, err := toml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	facts := []translog.ConfigurationFact{{What: whatSettings, Detail: digest(settings)}, {What: translog.WhatLogKey, Detail: keys.String()}}
	if keys.Rotated() {
		facts = append(facts, translog.ConfigurationFact{What: whatSigners, Detail: keys.active()})
	}
	if c.Policy == "" {
		return append(facts, translog.ConfigurationFact{What: whatPolicy}), nil
	}
	policy, err := os.ReadFile(within(home, c.Policy))
	if err != nil {
		return nil, fmt.Errorf("%w: reading policy: %w", ErrConfig, err)
	}
	return append(facts, translog.ConfigurationFact{What: whatPolicy, Detail: digest(policy)}), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// within resolves a path of the configuration against the home.
func within(home, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(home, path)
}

// text is the configuration file of a new home.
func (c Config) text() string {
	return fmt.Sprintf(`# Configuration of an Entraide broker. Unknown keys are refused.

# The address under which desks reach this broker.
url = %q

# Where the API listens, and where health and metrics do (keep those private).
listen = %q
admin_listen = %q

# The name of the log. It is part of every receipt and never changes.
origin = %q

# "sqlite:FILE" or a PostgreSQL URL. For a URL with a password set
# database_file to a file that holds it instead.
database = %q

# The signer guard: the last checkpoint ever signed. Keep it on another volume
# than the database and out of every backup. Brokers on one database share it.
guard = %q

# The trust anchor of the directory: the depositary's fingerprint.
depositary = %q

# The witnesses of the log: a file in the form of c2sp.org/tlog-policy. After a
# change, hand the new broker.json to every desk.
# policy = "witnesses.policy"

# How long messages are accepted while no quorum of them vouches for the log.
# without_quorum = "72h"

# Where sealed evidence is kept: a directory, or a bucket of an S3-compatible
# service, "https://s3.example/bucket/prefix", with parts_credentials the name of
# a file that holds its access key and secret key. Brokers on one database share it.
parts = "parts"

# How much of it for one authority, and for how long: what no message names, and
# what was delivered. The recipient's own limits are in the directory.
# [evidence]
# quota_bytes = 1099511627776
# unused = "168h"
# delivered = "2184h"

# What one authority may ask for.
# [limits]
# per_second = 200.0
# burst = 400

# Time limits by lane, and by pair of parties where they agreed on others.
# [clocks.lanes.emergency]
# delivery = "15m"
# acknowledgement = "1h"
# answer = "8h"
# [clocks.pairs."QM>QN".routine]
# delivery = "24h"
# acknowledgement = "72h"
# answer = "720h"
`, c.URL, c.Listen, c.AdminListen, c.Origin, c.Database, c.Guard, c.Depositary)
}
