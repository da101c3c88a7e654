package web

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// ConfigFile is the file of a home that configures its pages. It may be
// absent.
const ConfigFile = "web.toml"

// A Config is what web.toml says.
type Config struct {
	// Provider is the State's identity provider; absent for none.
	Provider *ProviderConfig `toml:"provider"`
}

// ReadConfig reads the configuration of a home's pages. A key that is not known
// is an error.
func ReadConfig(home string) (c Config, err error) {
	data, err := os.ReadFile(filepath.Join(home, ConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	read, err := toml.Decode(string(data), &c)
	if err != nil {
		return c, fmt.Errorf("reading %s: %w", ConfigFile, err)
	}
	if unknown := read.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("reading %s: %s is not known", ConfigFile, unknown[0])
	}
	if p := c.Provider; p != nil && (p.Name == "" || p.Issuer == "" || p.ClientID == "") {
		return c, fmt.Errorf("reading %s: a provider has a name, an issuer and a client_id", ConfigFile)
	}
	return c, nil
}
