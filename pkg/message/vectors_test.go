package message_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/vectors"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// update makes all vectors anew, with new keys. A release freezes them: they
// prove that what was written once can still be read.
var update = flag.Bool("update", false, "make the golden vectors anew")

const vectorDir = "../../testdata/vectors/message"

// passphrase is the one of all keys of the vectors, which are fictitious.
const passphrase = "entraide"

// TestVectors judges every vector as a recipient does, in the order of
// protocol sections 2.5 and 2.6, and expects the code and member it names.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	t.Parallel()
	for _, v := range vectors.Read(t, vectorDir) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			d := readDirectory(t, v)
			err := judge(t, v, d)
			code, field := vectors.Success, ""
			if p, ok := errors.AsType[*problem.Error](err); ok {
				code, field = string(p.Code), p.Field
			} else if err != nil {
				t.Fatal(err)
			}
			if code != v.Fields["expect"] || field != v.Fields["member"] {
				t.Errorf("%s in %q (%v), want %s in %q", code, field, err, v.Fields["expect"], v.Fields["member"])
			}
		})
	}
}

// judge makes all checks and returns the first refusal.
func judge(t *testing.T, v vectors.Vector, d *directory.Directory) error {
	t.Helper()
	if v.Fields["object"] == "receipt" {
		return judgeReceipt(v, d)
	}
	now, err := time.Parse(time.RFC3339, v.Fields["now"])
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(v.Body)
	if err != nil {
		return err
	}
	for _, check := range []func() error{
		func() error { return m.CheckParties(d, now) },
		func() error { return m.CheckTime(now) },
		func() error { return m.CheckSignature(d) },
		func() error { return m.CheckPayload(d) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	p, err := m.Open(readKey(t, v.Fields["key"]), d)
	if err != nil {
		return err
	}
	if string(p.Body) != v.Fields["body"] {
		t.Errorf("body is %s, want %s", p.Body, v.Fields["body"])
	}
	if ref, code := message.Reference(m.Core.ID), p.CheckCode(m); ref != v.Fields["reference"] || code != v.Fields["check_code"] {
		t.Errorf("reference %s and check code %s, want %s and %s", ref, code, v.Fields["reference"], v.Fields["check_code"])
	}
	return nil
}

func judgeReceipt(v vectors.Vector, d *directory.Directory) error {
	var s message.SignedReceipt
	if err := strictjson.Unmarshal(v.Body, message.MaxWireBytes, &s); err != nil {
		return err
	}
	r, err := message.ParseReceipt(s)
	if err != nil {
		return err
	}
	by, err := d.Authority(r.By)
	if err != nil {
		return err
	}
	return s.Verify(by)
}

// readDirectory applies the statements that a vector names, as of its size.
func readDirectory(t *testing.T, v vectors.Vector) *directory.Directory {
	t.Helper()
	world := vectors.ReadFile(t, filepath.Join(vectorDir, v.Fields["directory"]))
	d := directory.New(world.Fields["anchor"])
	size, err := strconv.ParseInt(v.Fields["size"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(world.Body) {
		var s directory.Signed
		if err := strictjson.Unmarshal(line, len(line), &s); err != nil {
			t.Fatal(err)
		}
		if d, err = d.Apply(s, d.Size()); err != nil {
			t.Fatal(err)
		}
	}
	return d.AsOf(size)
}

// keys are the unlocked keys of the vectors by their file: unlocking is slow by
// design.
var keys sync.Map

// readKey unlocks a key of the vectors.
func readKey(t *testing.T, path string) *pgp.Key {
	t.Helper()
	if key, ok := keys.Load(path); ok {
		return key.(*pgp.Key)
	}
	locked, err := os.ReadFile(filepath.Join(vectorDir, path))
	if err != nil {
		t.Fatal(err)
	}
	key, err := pgp.Unlock(locked, []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	keys.Store(path, key)
	return key
}
