package main

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ThalesGroup/crypto11"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/pkg/pgp"
)

// module is SoftHSM of Debian, a device in software.
const module = "/usr/lib/softhsm/libsofthsm2.so"

const (
	typ  = "entraide/test/1"
	name = "QM.24-7.hsm-4"
	user = "QM.24-7 <24-7@qm.example>"
)

var born = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// TestMain gives SoftHSM, which reads its settings once for each process, a
// place of its own with one token.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "hsm")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		conf := filepath.Join(dir, "softhsm2.conf")
		text := "directories.tokendir = " + dir + "\nobjectstore.backend = file\nlog.level = ERROR\n"
		if err := errors.Join(os.WriteFile(conf, []byte(text), 0o600), os.Setenv("SOFTHSM2_CONF", conf)); err != nil {
			panic(err)
		}
		if _, err := os.Stat(module); err == nil {
			out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "QM", "--pin", "123456", "--so-pin", "654321").CombinedOutput()
			if err != nil {
				panic(string(out))
			}
		}
		return m.Run()
	}())
}

// token opens the token of the tests.
func token(t *testing.T) *device {
	t.Helper()
	if _, err := os.Stat(module); err != nil && os.Getenv("ENTRAIDE_CHECK") == "" {
		t.Skip("SoftHSM is not installed")
	}
	d, err := openDevice(module, "QM", []byte("123456"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// served lends the keys of a directory in the device and returns a client.
func served(t *testing.T, d *device, dir string) (*keyring.Client, func()) {
	t.Helper()
	keys, err := openStore(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	ctx, stop := context.WithCancel(t.Context())
	listener, err := keyring.Listen(ctx, socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- (&keyring.Server{Keys: keys, Log: slog.New(slog.DiscardHandler)}).Serve(ctx, listener) }()
	return keyring.NewHSMClient(socket), func() {
		stop()
		if err := errors.Join(<-done, d.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestHelper makes a key in a device, uses it over the socket, rotates it, and
// finds it again after a restart.
func TestHelper(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	client, stop := served(t, token(t), dir)
	key, err := client.Generate(name, pgp.HSM4, user, born)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Generate(name, pgp.HSM4, user, born); !errors.Is(err, keyring.ErrUnsupported) {
		t.Errorf("making it again: %v", err)
	}
	if _, err := client.Generate("QM.mla.pq-6", pgp.PQ6, user, born); !errors.Is(err, keyring.ErrUnsupported) {
		t.Errorf("making another suite: %v", err)
	}
	if _, err := client.Generate("../x", pgp.HSM4, user, born); !errors.Is(err, keyring.ErrNoKey) {
		t.Errorf("making one elsewhere: %v", err)
	}
	other, err := pgp.Generate(pgp.HSM4, "QN.24-7 <24-7@qn.example>", born, 0) // in software
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, key, other)
	if err := errors.Join(key.RotateEncryption(born.Add(time.Hour)), key.RotateSigning(born.Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	certified, err := key.Certify(other.Certificate(), born.Add(time.Hour), time.Hour)
	if err != nil || certified.CertifiedBy(key.Certificate(), born.Add(time.Hour)) != nil {
		t.Errorf("certifying: %v", err)
	}
	if err := client.Lock(); !errors.Is(err, keyring.ErrUnsupported) {
		t.Errorf("locking: %v", err)
	}
	stop()

	client, stop = served(t, token(t), dir)
	defer stop()
	again, err := client.Key(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Certificate().Bytes(), key.Certificate().Bytes()) {
		t.Error("after a restart, the key is another")
	}
	exchange(t, again, other)
}

// exchange sends a message from the key in the device to the other, and one back.
func exchange(t *testing.T, key, other *pgp.Key) {
	t.Helper()
	at := born.Add(2 * time.Hour)
	for _, pair := range [][2]*pgp.Key{{key, other}, {other, key}} {
		from, to := pair[0], pair[1]
		sealed, err := from.Seal(typ, []byte("x"), to.Certificate(), at)
		if err != nil {
			t.Fatal(err)
		}
		o := pgp.Opening{Typ: typ, Sender: from.Certificate(), At: at, MaxBytes: 10}
		for _, k := range []*pgp.Key{to, from} {
			subkey, err := k.Certificate().EncryptionSubkey(at)
			if err != nil {
				t.Fatal(err)
			}
			o.Recipients, o.Intended = append(o.Recipients, subkey), append(o.Intended, k.Fingerprint())
		}
		if got, err := to.Open(sealed, o); err != nil || string(got) != "x" {
			t.Errorf("opened as %q, error %v", got, err)
		}
	}
}

// What is made in the device cannot be taken out of it, and does one thing.
func TestKeysStayInDevice(t *testing.T) {
	d := token(t)
	defer d.Close()
	made, err := d.MakeDecrypter()
	if err != nil {
		t.Fatal(err)
	}
	if bits := made.Public().(*rsa.PublicKey).N.BitLen(); bits != rsaBits {
		t.Errorf("the key has %d bits", bits)
	}
	if _, err := d.MakeSigner(); err != nil {
		t.Fatal(err)
	}
	for _, pair := range d.pairs {
		for kind, want := range map[crypto11.AttributeType]byte{crypto11.CkaSensitive: 1, crypto11.CkaExtractable: 0} {
			a, err := d.token.GetAttribute(pair, kind)
			if err != nil || len(a.Value) != 1 || a.Value[0] != want {
				t.Errorf("attribute %d is %v, error %v", kind, a, err)
			}
		}
		uses := 0
		for _, kind := range []crypto11.AttributeType{crypto11.CkaSign, crypto11.CkaDecrypt} {
			a, err := d.token.GetAttribute(pair, kind)
			if err != nil {
				t.Fatal(err)
			}
			uses += int(a.Value[0])
		}
		if uses != 1 {
			t.Errorf("a key has %d uses", uses)
		}
	}
}

// A certificate whose key the device does not have is no key of ours (T18).
func TestForeignCertificate(t *testing.T) {
	dir := t.TempDir()
	other, err := pgp.Generate(pgp.HSM4, user, born, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(dir, 0o700), os.WriteFile(filepath.Join(dir, name+extCertificate), other.Certificate().Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	client, stop := served(t, token(t), dir)
	defer stop()
	if _, err := client.Key(name); !errors.Is(err, pgp.ErrKey) {
		t.Errorf("lending it: %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "the one command is serve"},
		{[]string{"serve"}, "are needed"},
		{[]string{"serve", "--pin", "123456"}, "flag provided but not defined"},
		{[]string{"serve", "--module", module, "--token", "QM", "--dir", "d", "--socket", "s", "x"}, "nothing else"},
	} {
		if err := run(t.Context(), tt.args); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.args, err)
		}
	}
	if _, err := line(strings.NewReader("\n")); err == nil {
		t.Error("an empty PIN is accepted")
	}
	if pin, err := line(strings.NewReader("123456\n")); err != nil || string(pin) != "123456" {
		t.Errorf("read %q, error %v", pin, err)
	}
	token(t).Close()
	if _, err := openDevice(module, "QM", []byte("wrong")); err == nil {
		t.Error("a wrong PIN opens the token")
	}
}
