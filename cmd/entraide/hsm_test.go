package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestHSM runs the page of the manual about keys in a device, with SoftHSM.
func TestHSM(t *testing.T) {
	t.Parallel()
	helper := os.Getenv("ENTRAIDE_HSM")
	if helper == "" {
		t.Skip("the helper of devices is not built (ENTRAIDE_HSM)")
	}
	testscript.Run(t, testscript.Params{
		Files:               []string{"testdata/hsm.txtar"},
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			tokens := filepath.Join(env.WorkDir, "tokens")
			conf := filepath.Join(env.WorkDir, "softhsm2.conf")
			env.Setenv("SOFTHSM2_CONF", conf)
			env.Setenv("PATH", filepath.Dir(helper)+string(os.PathListSeparator)+env.Getenv("PATH"))
			if err := os.Mkdir(tokens, 0o700); err != nil {
				return err
			}
			return os.WriteFile(conf, []byte("directories.tokendir = "+tokens+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "freeport": freeport, "admit": admit, "answers": answers, "exportsent": exportSent,
		},
	})
}

// exportSent exports the first message that a desk has sent: "exportsent HOME DIR".
func exportSent(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("entraide", "message", "list", "--json", "--home", args[0]))
	var messages []struct {
		ID       string
		Incoming bool
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &messages))
	for _, m := range messages {
		if !m.Incoming {
			ts.Check(ts.Exec("entraide", "message", "export", m.ID, "--dir", args[1], "--home", args[0]))
			return
		}
	}
	ts.Fatalf("%s has sent nothing", args[0])
}
