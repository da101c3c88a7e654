package e2e_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// isAlone, in the environment, says that this process is in a network of its own.
const isAlone = "ENTRAIDE_TEST_ALONE"

// TestAlone has a broker, a witness and two desks in a network that leads nowhere, with
// no names and no time service (T57): messages are sealed, sent, witnessed, opened,
// answered and checked all the same.
func TestAlone(t *testing.T) {
	t.Parallel()
	if os.Getenv(isAlone) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestAlone$", "-test.v")
		cmd.Env = append(os.Environ(), isAlone+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		if os.Getuid() != 0 { // root needs no user namespace for it
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
			t.Skipf("no network of one's own is to be had here: %v", err)
		}
		if err != nil {
			t.Errorf("alone: %v\n%s", err, out)
		}
		return
	}
	up(t)
	if _, err := net.DialTimeout("tcp", "192.0.2.1:443", time.Second); !errors.Is(err, syscall.ENETUNREACH) {
		t.Fatalf("this network leads somewhere: %v", err)
	}
	h := newHub(t)
	qm, qn := h.pair()
	line, _ := h.auditor("auditor")
	h.must(qm.Close())
	h.must(qn.Close())
	h.witnesses(line + "quorum auditor\n")
	qm, qn = h.open("QM"), h.open("QN")
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.until("a witnessed receipt", func() bool { return h.graded(h.as("QM"), sent.ID).Grade == wire.GradeWitnessed })
	h.arrived(qm, qn, sent.ID)
	answer := h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", sent))
	h.arrived(qn, qm, answer.ID)
	for _, d := range []*desk.Desk{qm, qn} {
		if n, err := d.VerifyMessages(t.Context()); err != nil || n != 2 {
			t.Errorf("%d messages of a case file verify, %v", n, err)
		}
	}
	h.must(h.server.Close())
	if report, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), h.now); err != nil || report.Messages != 2 {
		t.Errorf("the log: %+v, %v", report, err)
	}
}

// up starts the loopback interface, which is all there is.
func up(t *testing.T) {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil || len(all) != 1 || all[0].Name != "lo" {
		t.Fatalf("the interfaces are %+v, %v", all, err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}
