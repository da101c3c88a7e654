package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/entraide/entraide/internal/cli"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/internal/lockcost"
	"github.com/entraide/entraide/internal/testkit/loopback"
)

// fullLocks is a variable of the environment with which this binary, as the command
// entraide, locks keys as the real one does.
const fullLocks = "ENTRAIDE_TEST_FULL_LOCKS"

// TestMain lets the scripts run this binary as the command entraide.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"entraide": func() {
			if os.Getenv(fullLocks) == "" {
				lockcost.Cheap()
			}
			os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScript runs the pages of the manual.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "freeport": freeport, "admit": admit, "replace": replace, "caseof": caseOf, "answers": answers,
		},
	})
}

// freeport sets a variable to a loopback port that nobody listens on.
func freeport(ts *testscript.TestScript, _ bool, args []string) {
	_, port, err := loopback.Free()
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// admit has a depositary admit an enrolment, as soon as the broker answers:
// "admit HOME BROKER.JSON ENROLMENT". It reads the code from the file, where a
// depositary calls the State.
func admit(ts *testscript.TestScript, _ bool, args []string) {
	e, err := enrolment.Parse([]byte(ts.ReadFile(args[2])))
	ts.Check(err)
	code, err := e.Code()
	ts.Check(err)
	line := `for i in $(seq 200); do entraide depositary admit ` + args[2] + ` --home ` + args[0] + ` --broker ` + args[1] +
		` --code '` + code + `' --passphrase-fd 0 < secret && exit 0; done; exit 1`
	ts.Check(ts.Exec("sh", "-c", line))
}

// replace has a depositary replace the key of a State: "replace HOME REQUEST".
func replace(ts *testscript.TestScript, _ bool, args []string) {
	e, err := enrolment.Parse([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	code, err := e.Code()
	ts.Check(err)
	ts.Check(ts.Exec("sh", "-c", `entraide depositary replace `+args[1]+` --home `+args[0]+` --code '`+code+`' --passphrase-fd 0 < secret`))
}

// caseOf sets a variable to the id of the only case of a desk: "caseof CASE
// HOME".
func caseOf(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("entraide", "case", "list", "--json", "--home", args[1]))
	var cases []struct{ Case string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &cases))
	if len(cases) != 1 {
		ts.Fatalf("%d cases", len(cases))
	}
	ts.Setenv(args[0], cases[0].Case)
}

// answers waits until somebody listens at a Unix socket: "answers SOCKET".
func answers(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", ts.MkAbs(args[0]))
		if err == nil {
			ts.Check(conn.Close())
			return
		}
		runtime.Gosched()
	}
	ts.Fatalf("nobody answers at %s", args[0])
}

// exits runs a command and checks its exit status: "exits 3 entraide verify …".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		if _, err := fmt.Sscanf(err.Error(), "exit status %d", &got); err != nil {
			ts.Fatalf("%s did not run: %v", args[1], err)
		}
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
