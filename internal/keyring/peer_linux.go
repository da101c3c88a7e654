package keyring

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// checkPeer refuses a process of another user, root excepted: the socket is
// private, but for a moment after it was made.
func checkPeer(conn net.Conn) error {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil // a pipe inside this process
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if uid := os.Getuid(); int(peer.Uid) != uid && peer.Uid != 0 {
		return fmt.Errorf("a process of user %d asked for keys", peer.Uid)
	}
	return nil
}

// Harden keeps what this process holds out of dumps and, where it may lock
// memory without bound, out of swap; locked says whether it may.
func Harden() (locked bool, err error) {
	none := unix.Rlimit{}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &none); err != nil {
		return false, fmt.Errorf("refusing core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return false, fmt.Errorf("refusing core dumps: %w", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return false, fmt.Errorf("locking memory: %w", err)
	}
	// With a bound, the runtime would one day get no memory at all.
	if limit.Cur != unix.RLIM_INFINITY {
		return false, nil
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return false, fmt.Errorf("locking memory: %w", err)
	}
	return true, nil
}
