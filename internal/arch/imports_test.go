package arch

import (
	"slices"
	"strings"
	"testing"
)

// everyPkg is what another State's engineers import, less the client.
var everyPkg = []string{
	"schemas", "pkg/strictjson", "pkg/problem", "pkg/pgp", "pkg/convention", "pkg/translog",
	"pkg/directory", "pkg/workflow", "pkg/casework", "pkg/message", "pkg/wire", "pkg/evidence", "pkg/verify", "pkg/bundle", "pkg/snapshot",
}

// mayImport is the import graph of the house, lowest layer first. A package
// may import only what its line names; a package without a line may not exist.
// Since a line may name only packages above it, the graph has no way back.
var mayImport = []struct {
	pkg  string
	deps []string
}{
	// What other implementers import: pure, no database, no HTTP server.
	{".", nil}, // the sample cases
	{"schemas", nil},
	{"pkg/strictjson", nil},
	{"pkg/problem", nil},
	{"internal/lockcost", nil},
	{"pkg/pgp", []string{"internal/lockcost"}},
	{"pkg/convention", []string{"schemas", "pkg/strictjson", "pkg/problem"}},
	{"pkg/translog", []string{"pkg/strictjson"}},
	{"pkg/evidence", []string{"pkg/pgp", "pkg/strictjson"}},
	{"pkg/directory", []string{"pkg/pgp", "pkg/strictjson", "pkg/problem"}},
	{"pkg/workflow", []string{"schemas", "pkg/strictjson", "pkg/problem"}},
	{"pkg/casework", []string{"pkg/convention", "pkg/workflow"}},
	{"pkg/message", []string{"pkg/pgp", "pkg/evidence", "pkg/directory", "pkg/convention", "pkg/workflow", "pkg/strictjson", "pkg/problem"}},
	{"pkg/wire", []string{"pkg/strictjson", "pkg/message", "pkg/directory", "pkg/translog"}},
	{"pkg/verify", []string{"pkg/pgp", "pkg/directory", "pkg/message", "pkg/translog", "pkg/wire", "pkg/strictjson", "pkg/problem"}},
	{"pkg/bundle", []string{"pkg/directory", "pkg/workflow", "pkg/message", "pkg/translog", "pkg/wire", "pkg/verify", "pkg/strictjson"}},
	{"pkg/snapshot", []string{"pkg/pgp", "pkg/directory", "pkg/translog", "pkg/wire", "pkg/verify", "pkg/strictjson"}},
	{"pkg/client", everyPkg},

	// What every program of ours stands on.
	{"internal/config", []string{"pkg/strictjson"}},
	{"internal/locale", nil},
	{"internal/report", []string{"pkg/bundle", "pkg/convention", "internal/locale"}},
	{"internal/telemetry", nil},
	{"internal/transport", []string{"pkg/wire"}},
	{"internal/durable", nil},
	{"internal/filelock", nil},
	{"internal/recovery", nil},
	{"internal/keyring", []string{"pkg/pgp", "internal/durable", "internal/recovery"}},
	{"internal/parts", []string{"internal/durable"}},
	{"internal/guard", []string{"pkg/translog", "internal/durable"}},
	{"internal/witness", []string{"pkg/translog", "internal/durable", "internal/guard"}},

	// Storage: one interface, two engines that share no code and no SQL.
	{"internal/store", []string{"pkg/translog"}},
	{"internal/store/desksql", []string{"internal/store"}},
	{"internal/store/postgres", []string{"internal/store", "internal/store/desksql", "pkg/translog"}},
	{"internal/store/sqlite", []string{"internal/filelock", "internal/store", "internal/store/desksql", "pkg/translog"}},

	// Parts of tests.
	{"internal/testkit", everyPkg},
	{"internal/testkit/loopback", nil},
	{"internal/testkit/pgserver", []string{"internal/testkit/loopback"}},
	{"internal/testkit/states", everyPkg},
	{"internal/testkit/vectors", everyPkg},
	{"internal/store/storetest", []string{"internal/store", "internal/testkit", "internal/testkit/pgserver", "internal/testkit/states", "pkg/translog"}},

	// How a State and the depositary come to know one another.
	{"internal/enrolment", []string{"schemas", "pkg/pgp", "pkg/directory", "pkg/strictjson", "pkg/problem", "internal/transport"}},
	{"internal/depositary", slices.Concat(everyPkg, []string{"pkg/client", "internal/durable", "internal/enrolment", "internal/transport"})},

	// The two sides, which meet only on the wire, and the auditors.
	{"internal/broker", slices.Concat(everyPkg, []string{"internal/guard", "internal/parts", "internal/store", "internal/telemetry", "internal/witness"})},
	{"internal/broker/api", slices.Concat(everyPkg, []string{"internal/broker", "internal/parts", "internal/transport", "internal/telemetry"})},
	{"internal/broker/home", slices.Concat(everyPkg, []string{"internal/config", "internal/broker", "internal/broker/api", "internal/durable", "internal/guard", "internal/parts", "internal/store", "internal/store/postgres", "internal/store/sqlite", "internal/telemetry", "internal/transport"})},
	{"internal/desk", slices.Concat(everyPkg, []string{"pkg/client", "internal/durable", "internal/enrolment", "internal/filelock", "internal/keyring", "internal/report", "internal/store", "internal/store/postgres", "internal/store/sqlite", "internal/transport", "internal/telemetry", "internal/witness"})},
	{"internal/desk/account", slices.Concat(everyPkg, []string{"internal/desk", "internal/locale", "internal/store"})},
	{"internal/desk/office", slices.Concat(everyPkg, []string{"internal/desk", "internal/store"})},
	{"internal/testkit/desks", slices.Concat(everyPkg, []string{"internal/desk", "internal/store", "internal/store/postgres", "internal/testkit/pgserver", "internal/testkit/states"})},
	{"internal/page", []string{"internal/locale", "internal/telemetry", "pkg/problem"}},
	{"internal/desk/web", slices.Concat(everyPkg, []string{"internal/desk", "internal/desk/account", "internal/desk/office", "internal/enrolment", "internal/locale", "internal/page", "internal/telemetry"})},
	{"internal/auditor", slices.Concat(everyPkg, []string{"pkg/client", "internal/durable", "internal/filelock", "internal/locale", "internal/store", "internal/store/sqlite", "internal/telemetry"})},
	{"internal/testkit/mirrors", slices.Concat(everyPkg, []string{"internal/auditor"})},
	{"internal/auditor/period", []string{"internal/auditor", "internal/durable", "internal/locale", "pkg/convention", "pkg/pgp", "pkg/strictjson"}},
	{"internal/auditor/web", slices.Concat(everyPkg, []string{"internal/auditor", "internal/auditor/period", "internal/locale", "internal/page", "internal/report", "internal/telemetry"})},

	// What a person types.
	{"internal/demo", slices.Concat(everyPkg, sides, []string{"."})},
	{"internal/training", slices.Concat(everyPkg, []string{".", "internal/demo", "internal/desk"})},
	{"internal/cli", slices.Concat(everyPkg, sides, []string{".", "internal/demo", "internal/training", "internal/locale", "internal/page", "internal/report"})},
	{"cmd/entraide", []string{"internal/cli"}},

	// Where the sides meet, in tests only.
	{"internal/e2e", nil},
	{"internal/e2e/browser", nil},

	// The house itself.
	{"internal/arch", nil},
	{"internal/check", nil},
	{"internal/generate", []string{"pkg/convention", "pkg/workflow", "pkg/casework"}},
}

// sides are the packages that a command puts together.
var sides = []string{
	"pkg/client", "internal/config", "internal/telemetry", "internal/transport", "internal/guard",
	"internal/witness", "internal/enrolment", "internal/depositary", "internal/keyring", "internal/recovery",
	"internal/store", "internal/store/postgres", "internal/store/sqlite",
	"internal/broker", "internal/broker/api", "internal/broker/home", "internal/desk", "internal/desk/account", "internal/desk/office", "internal/desk/web",
	"internal/auditor", "internal/auditor/period", "internal/auditor/web",
}

// A dependency is a module, or a part of one, that is not ours.
type dependency struct {
	path   string
	reason string
	users  []string // packages that may import it
	tests  bool     // tests of any package may
}

// thirdParty is every dependency that is imported directly. A dependency
// without a line may not be used.
var thirdParty = []dependency{
	{"github.com/ProtonMail/go-crypto", "OpenPGP after RFC 9580 and RFC 9980", []string{"pkg/pgp"}, false},
	{"github.com/cloudflare/circl", "Shamir's sharing of a secret among people; go-crypto builds on it already", []string{"internal/recovery"}, false},
	{"github.com/go-json-experiment/json", "JSON parsing that refuses duplicates and look-alikes", []string{"pkg/strictjson"}, false},
	{"golang.org/x/mod", "the Merkle tree and signed notes of the Go checksum database", []string{"pkg/translog", "pkg/verify", "pkg/client", "internal/guard", "internal/witness", "internal/broker", "internal/broker/home", "internal/store/storetest", "internal/testkit/mirrors", "internal/desk", "internal/cli", "internal/demo"}, true},
	{"golang.org/x/text", "Unicode normalisation and language tags", []string{"pkg/evidence", "pkg/strictjson", "pkg/convention", "internal/desk", "internal/locale", "internal/desk/account"}, false},
	{"github.com/nicksnyder/go-i18n/v2", "catalogues of sentences with the plural forms of every language", []string{"internal/locale"}, false},
	{"golang.org/x/crypto", "Argon2id for the passwords of officers", []string{"internal/desk/account"}, false},
	{"github.com/coreos/go-oidc/v3", "sign-in at a State's own identity provider", []string{"internal/desk/web"}, true},
	{"golang.org/x/oauth2", "the exchange of codes that OpenID Connect stands on", []string{"internal/desk/web"}, false},
	{"github.com/pquerna/otp", "time-based codes of a second factor", []string{"internal/desk/account"}, true},
	{"github.com/go-webauthn/webauthn", "passkeys", []string{"internal/desk/account"}, false},
	{"github.com/go-playground/validator/v10", "rules on content types and inputs as tags", []string{"pkg/convention", "pkg/directory", "internal/broker/api", "internal/desk/web"}, false},
	{"github.com/santhosh-tekuri/jsonschema/v6", "JSON Schema 2020-12, held against the Go types", nil, true},
	{"github.com/lib/pq", "PostgreSQL", []string{"internal/store/postgres", "internal/testkit/pgserver"}, false},
	{"modernc.org/sqlite", "SQLite without C", []string{"internal/store/sqlite"}, false},
	{"github.com/pressly/goose/v3", "migrations", []string{"internal/store/postgres", "internal/store/sqlite"}, false},
	{"github.com/gorilla/mux", "routing", []string{"internal/broker/api", "internal/desk/web", "internal/auditor/web"}, false},
	{"github.com/getkin/kin-openapi", "answers held against the OpenAPI document", nil, true},
	{"github.com/prometheus/client_golang", "metrics", []string{"internal/telemetry", "internal/broker", "internal/broker/api"}, false},
	{"github.com/cenkalti/backoff/v5", "retries with jitter", []string{"internal/desk", "pkg/client"}, false},
	{"github.com/BurntSushi/toml", "configuration that refuses unknown keys", []string{"internal/config", "internal/broker/home", "internal/desk", "internal/desk/web"}, false},
	{"github.com/tailscale/hujson", "templates and drafts: JSON with comments, with the place of every member", []string{"internal/cli"}, false},
	{"github.com/spf13/cobra", "commands, help and completion", []string{"internal/cli"}, false},
	{"github.com/spf13/pflag", "the flags of cobra's commands, to list them", []string{"internal/cli"}, false},
	{"golang.org/x/sync", "groups of goroutines", []string{"internal/broker", "internal/desk", "internal/demo", "internal/training", "internal/cli"}, true},
	{"golang.org/x/sys", "file locks, socket options and locked memory", []string{"internal/guard", "internal/keyring", "internal/store/postgres", "internal/cli", "internal/e2e"}, false},
	{"golang.org/x/term", "passphrases typed unseen", []string{"internal/cli"}, false},
	{"rsc.io/qr", "fingerprints and second factors that a telephone's camera reads", []string{"internal/enrolment", "internal/desk/web"}, false},
	{"github.com/minio/minio-go/v7", "S3-compatible services that keep evidence", []string{"internal/parts"}, false},
	{"golang.org/x/time", "rate limits", []string{"internal/broker/api", "internal/desk", "internal/desk/web", "internal/page"}, false},
	{"github.com/google/go-cmp", "differences in tests", []string{"internal/store/storetest"}, true},
	{"github.com/rogpeppe/go-internal", "scripts that are the manual and its test", nil, true},
	{"github.com/transparency-dev/tessera", "somebody else's reader of our log", nil, true},
	{"filippo.io/torchwood", "somebody else's reader of our proofs", nil, true},
}

// forbidden may not be imported, by us or by anything we import.
var forbidden = map[string]string{
	"golang.org/x/crypto/openpgp":    "it is frozen, and unsafe by its own words",
	"github.com/ProtonMail/gopenpgp": "it loses recipients silently",
}

// unwanted may not be imported by our own code.
var unwanted = map[string]string{
	"encoding/xml": "there is no XML in the message path (T6)",
	"math/rand":    "use crypto/rand, or math/rand/v2 for jitter",
	"unsafe":       "there is no need",
	"io/ioutil":    "use io and os",
	"log":          "a logger is handed down as *slog.Logger",
}

func TestImports(t *testing.T) {
	t.Parallel()
	known := map[string][]string{}
	for _, line := range mayImport {
		for _, dep := range line.deps {
			if _, ok := known[dep]; !ok {
				t.Errorf("%s may import %s, which is not in a lower layer", line.pkg, dep)
			}
		}
		known[line.pkg] = line.deps
	}
	for _, p := range loaded(t).packages {
		deps, ok := known[p.path()]
		if !ok {
			t.Errorf("%s has no line in the import graph", p.path())
			continue
		}
		for _, dep := range ours(p.Imports) {
			if !slices.Contains(deps, dep) {
				t.Errorf("%s may not import %s", p.path(), dep)
			}
		}
		for _, dep := range ours(p.testImports()) {
			if reason := testMayNotImport(p.path(), dep); reason != "" {
				t.Errorf("the tests of %s may not import %s: %s", p.path(), dep, reason)
			}
		}
	}
}

// ours returns those of imports that are in the module, as paths in the tree.
func ours(imports []string) []string {
	var found []string
	for _, imp := range imports {
		if dep, ok := inModule(imp); ok {
			found = append(found, dep)
		}
	}
	return found
}

// testMayNotImport returns why the tests of a package may not import dep, or
// "" if they may. Tests are freer than what they test, but pkg stays usable
// without the rest, and the two sides stay strangers.
func testMayNotImport(path, dep string) string {
	switch {
	case within(path, "pkg") && within(dep, "internal") && !within(dep, "internal/testkit"):
		return "pkg stands without internal"
	case within(path, "internal/broker") && within(dep, "internal/desk"),
		within(path, "internal/desk") && within(dep, "internal/broker"):
		return "broker and desk meet on the wire"
	}
	return ""
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

func TestThirdParty(t *testing.T) {
	t.Parallel()
	for _, p := range loaded(t).packages {
		for _, imp := range foreign(p.Imports) {
			if d, ok := dependencyOf(imp); !ok || !slices.Contains(d.users, p.path()) {
				t.Errorf("%s may not import %s; only %v may", p.path(), imp, d.users)
			}
		}
		for _, imp := range foreign(p.testImports()) {
			if d, ok := dependencyOf(imp); !ok || !d.tests && !slices.Contains(d.users, p.path()) {
				t.Errorf("the tests of %s may not import %s; only those of %v may", p.path(), imp, d.users)
			}
		}
		for _, imp := range p.Deps {
			if reason := reasonAgainst(forbidden, imp); reason != "" {
				t.Errorf("%s imports %s, perhaps through others: %s", p.path(), imp, reason)
			}
		}
		for _, imp := range slices.Concat(p.Imports, p.testImports()) {
			if reason := unwanted[imp]; reason != "" {
				t.Errorf("%s imports %s: %s", p.path(), imp, reason)
			}
		}
	}
}

// TestThirdPartyOutOfTests checks that what is for tests stays out of what is
// released.
func TestThirdPartyOutOfTests(t *testing.T) {
	t.Parallel()
	for _, p := range loaded(t).packages {
		if p.path() != "cmd/entraide" {
			continue
		}
		for _, imp := range append(p.Deps, p.Imports...) {
			if d, ok := dependencyOf(imp); ok && len(d.users) == 0 {
				t.Errorf("the program contains %s, which is for tests", imp)
			}
			if imp == "testing" || within(strings.TrimPrefix(imp, module), "internal/testkit") {
				t.Errorf("the program contains %s, which is for tests", imp)
			}
		}
	}
}

// foreign returns those of imports that are neither ours nor the standard
// library's.
func foreign(imports []string) []string {
	var found []string
	for _, imp := range imports {
		first, _, _ := strings.Cut(imp, "/")
		if _, own := inModule(imp); strings.Contains(first, ".") && !own {
			found = append(found, imp)
		}
	}
	return found
}

// dependencyOf finds the line of thirdParty for an imported package.
func dependencyOf(imp string) (dependency, bool) {
	for _, d := range thirdParty {
		if within(imp, d.path) {
			return d, true
		}
	}
	return dependency{}, false
}

func reasonAgainst(list map[string]string, imp string) string {
	for path, reason := range list {
		if within(imp, path) {
			return reason
		}
	}
	return ""
}
