package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/entraide/entraide/internal/testkit/pgserver"
)

// TestScriptPostgres runs the pages of the manual that need PostgreSQL.
func TestScriptPostgres(t *testing.T) {
	t.Parallel()
	databases := map[string]string{}
	for _, name := range []string{"BROKER", "DESK", "EMPTY"} {
		databases[name] = pgserver.Database(t)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/postgres",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for name, address := range databases {
				env.Setenv(name, address)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "freeport": freeport, "admit": admit},
	})
}
