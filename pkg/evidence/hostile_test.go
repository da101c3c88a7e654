package evidence_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/entraide/entraide/pkg/evidence"
)

// collection is what the tests say about files.
var collection = evidence.Collection{Created: now, Custody: evidence.Custody{Identifier: "QN/1"}}

// TestScanRefuses: what cannot be evidence is refused by name, whatever else is
// in the folder.
func TestScanRefuses(t *testing.T) {
	t.Parallel()
	rows := 0
	for _, tt := range []struct {
		name string
		make func(t *testing.T, dir string)
		want error
	}{
		{"a link to a file", func(t *testing.T, dir string) { must(0, os.Symlink("/etc/hostname", filepath.Join(dir, "x")))(t) }, evidence.ErrKind},
		{"a link to a folder", func(t *testing.T, dir string) { must(0, os.Symlink("/etc", filepath.Join(dir, "x")))(t) }, evidence.ErrKind},
		{"a link to nothing", func(t *testing.T, dir string) { must(0, os.Symlink("nothing", filepath.Join(dir, "x")))(t) }, evidence.ErrKind},
		{"a link to itself", func(t *testing.T, dir string) { must(0, os.Symlink("x", filepath.Join(dir, "x")))(t) }, evidence.ErrKind},
		{"a pipe", func(t *testing.T, dir string) { must(0, syscall.Mkfifo(filepath.Join(dir, "x"), 0o600))(t) }, evidence.ErrKind},
		{"a socket", func(t *testing.T, dir string) {
			l := must(net.Listen("unix", filepath.Join(dir, "x")))(t)
			t.Cleanup(func() { l.Close() })
		}, evidence.ErrKind},
		{"a control character", named("a\nb"), evidence.ErrPath},
		{"a change of direction", named("a\u202egpj.exe"), evidence.ErrPath},
		{"a backslash", named(`a\b`), evidence.ErrPath},
		{"a device of Windows", named("aux.txt"), evidence.ErrPath},
		{"a full stop at the end", named("a."), evidence.ErrPath},
		{"a space at the end", named("a "), evidence.ErrPath},
		{"no UTF-8", named("a\xff"), evidence.ErrPath},
		{"another normal form", named("e\u0301"), evidence.ErrPath},
		{"the same in another case", func(t *testing.T, dir string) {
			named("Straße.txt")(t, dir)
			named("STRASSE.TXT")(t, dir)
		}, evidence.ErrPath},
		{"a path of 4 KB", func(t *testing.T, dir string) {
			for range 20 {
				dir = filepath.Join(dir, strings.Repeat("n", 200))
			}
			must(0, os.MkdirAll(dir, 0o700))(t)
			named("x")(t, dir)
		}, evidence.ErrPath},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "items")
			must(0, os.Mkdir(dir, 0o700))(t)
			named("good.txt")(t, dir)
			tt.make(t, dir)
			_, err := evidence.Scan([]evidence.Item{{Path: dir}}, collection)
			wantError(t, err, tt.want)
			if e, ok := errors.AsType[*evidence.FileError](err); !ok || strings.Contains(e.Path, "good") {
				t.Errorf("the file is not named: %v", err)
			}
			t.Logf("%-26s %v", tt.name, err)
		})
		rows++
	}
	t.Logf("%d rows", rows)
}

// named makes a file with a name.
func named(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		must(0, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))(t)
	}
}

// TestItemsRefused: items that are none, or have one name.
func TestItemsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, sub := range []string{"a", "b", "empty"} {
		must(0, os.Mkdir(filepath.Join(dir, sub), 0o700))(t)
	}
	named("x")(t, filepath.Join(dir, "a"))
	named("x")(t, filepath.Join(dir, "b"))
	must(0, os.Symlink("a", filepath.Join(dir, "link")))(t)
	for name, tt := range map[string]struct {
		items []string
		want  error
	}{
		"nothing":          {nil, evidence.ErrManifest},
		"not there":        {[]string{"nowhere"}, fs.ErrNotExist},
		"a link":           {[]string{"link"}, evidence.ErrKind},
		"two of one name":  {[]string{"a/x", "b/x"}, evidence.ErrPath},
		"an empty folder":  {[]string{"empty"}, evidence.ErrManifest},
		"the same, folder": {[]string{"a", "a"}, evidence.ErrPath},
	} {
		var items []evidence.Item
		for _, i := range tt.items {
			items = append(items, evidence.Item{Path: filepath.Join(dir, i)})
		}
		_, err := evidence.Scan(items, collection)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestManyFiles: 10,000 files, with some of 0 and of 1 byte, and one that is
// mostly a hole, go through (T36).
func TestManyFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("the number is what it is about")
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "items")
	for i := range 10_000 {
		sub := filepath.Join(dir, fmt.Sprint(i%100))
		if i < 100 {
			must(0, os.MkdirAll(sub, 0o700))(t)
		}
		must(0, os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), bytes.Repeat([]byte{1}, i%2), 0o600))(t)
	}
	sparse := must(os.Create(filepath.Join(dir, "sparse")))(t)
	must(sparse.WriteAt([]byte("end"), 64<<20))(t)
	must(0, sparse.Close())(t)
	items := []evidence.Item{{Path: dir}}
	p := must(evidence.Scan(items, collection))(t)
	if len(p.Files) != 10_001 || p.Bytes() != 5000+64<<20+3 {
		t.Errorf("%d files, %d bytes", len(p.Files), p.Bytes())
	}
	bag := filepath.Join(t.TempDir(), "bag")
	archive := p.Archive(items)
	defer archive.Close()
	must(evidence.Unpack(archive, bag))(t)
	if _, found, err := evidence.CheckBag(bag); err != nil || len(found) > 0 {
		t.Errorf("unpacked: %v, %v", found, err)
	}
}

// TestChanges: a file that is no longer what was described is refused when it is
// packed, with its name.
func TestChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"altered": func(path string) error { return os.WriteFile(path, []byte("tWo"), 0o600) },
		"longer":  func(path string) error { return os.WriteFile(path, []byte("two!"), 0o600) },
		"shorter": func(path string) error { return os.Truncate(path, 1) },
		"gone":    os.Remove,
		"a link": func(path string) error {
			return errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path))
		},
	} {
		dir := filepath.Join(t.TempDir(), "items")
		must(0, os.Mkdir(dir, 0o700))(t)
		for _, n := range []string{"one", "two", "xyz"} {
			named(n)(t, dir)
		}
		items := []evidence.Item{{Path: dir}}
		p := must(evidence.Scan(items, collection))(t)
		must(0, change(filepath.Join(dir, "two")))(t)
		err := p.Pack(io.Discard, items)
		if e, ok := errors.AsType[*evidence.FileError](err); !ok || e.Path != "items/two" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An entry is a member of an archive.
type entry struct {
	head tar.Header
	data string
}

// entries reads an archive.
func entries(t *testing.T, archive []byte) (all []entry) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		must(head, err)(t)
		all = append(all, entry{*head, string(must(io.ReadAll(r))(t))})
	}
}

// archived writes an archive.
func archived(t *testing.T, all []entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range all {
		head := e.head
		head.Format = tar.FormatPAX
		if head.Typeflag == tar.TypeReg {
			head.Size = int64(len(e.data))
		}
		must(0, w.WriteHeader(&head))(t)
		must(io.WriteString(w, e.data))(t)
	}
	must(0, w.Close())(t)
	return out.Bytes()
}

// TestUnpackRefuses: an archive that is not exactly what its description makes
// leaves nothing, wherever its names lead.
func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "items")
	must(0, os.Mkdir(dir, 0o700))(t)
	named("one")(t, dir)
	named("two")(t, dir)
	items := []evidence.Item{{Path: dir}}
	var good bytes.Buffer
	must(0, must(evidence.Scan(items, collection))(t).Pack(&good, items))(t)
	// bagit.txt, package.json, bag-info.txt, two lists, one, two
	const first, description, last = 0, 1, 6
	name := func(s string) func([]entry) []entry {
		return func(all []entry) []entry {
			all[last].head.Name = s
			return all
		}
	}
	kind := func(flag byte) func([]entry) []entry {
		return func(all []entry) []entry {
			all[last] = entry{head: tar.Header{Name: all[last].head.Name, Typeflag: flag, Linkname: "/etc/hostname"}}
			return all
		}
	}
	text := func(index int, from, to string) func([]entry) []entry {
		return func(all []entry) []entry {
			all[index].data = strings.Replace(all[index].data, from, to, 1)
			return all
		}
	}
	rows := 0
	for what, change := range map[string]func([]entry) []entry{
		"../":                 name("evidence/../../x"),
		"absolute":            name("/tmp/entraide-x"),
		"above":               name("evidence/data/items/../../../../x"),
		"control character":   name("evidence/data/items/t\two"),
		"change of direction": name("evidence/data/items/t\u202ewo"),
		"4 KB":                name("evidence/data/items/" + strings.Repeat("n", 4096)),
		"device of Windows":   name("evidence/data/items/nul"),
		"another folder":      name("evil/data/items/two"),
		"symbolic link":       kind(tar.TypeSymlink),
		"hard link":           kind(tar.TypeLink),
		"character device":    kind(tar.TypeChar),
		"pipe":                kind(tar.TypeFifo),
		"folder":              kind(tar.TypeDir),
		"twice":               func(all []entry) []entry { return append(all, all[last]) },
		"one more": func(all []entry) []entry {
			return append(all, entry{tar.Header{Name: "evidence/data/three", Typeflag: tar.TypeReg}, "3"})
		},
		"one less":             func(all []entry) []entry { return all[:last] },
		"other content":        text(last, "two", "tWo"),
		"longer content":       text(last, "two", "two!"),
		"no content":           text(last, "two", ""),
		"order":                func(all []entry) []entry { all[last], all[last-1] = all[last-1], all[last]; return all },
		"other list":           text(3, "data/items/one", "data/items/ONE"),
		"other version":        text(first, "1.0", "0.97"),
		"no description":       func(all []entry) []entry { return append(all[:description:description], all[description+1:]...) },
		"description: ../":     text(description, "items/two", "../../two"),
		"description: member":  text(description, `"restricted"`, `"unknown":1,"restricted"`),
		"description: twice":   text(description, `"restricted":false`, `"restricted":false,"restricted":false`),
		"description: spelt":   text(description, `{"typ"`, `{ "typ"`),
		"description: size":    text(description, `"bytes":3`, `"bytes":-3`),
		"description: digest":  text(description, `"sha256":"`, `"sha256":"00`),
		"description: of none": text(description, "entraide/package/1", "entraide/package/2"),
	} {
		where := t.TempDir()
		bag := filepath.Join(where, "bag")
		archive := archived(t, change(entries(t, good.Bytes())))
		if _, err := evidence.Unpack(bytes.NewReader(archive), bag); !errors.Is(err, evidence.ErrContent) && !errors.Is(err, evidence.ErrManifest) {
			t.Errorf("%s: %v", what, err)
		} else {
			t.Logf("%-22s %v", what, err)
		}
		if left := names(t, where); len(left) > 0 {
			t.Errorf("%s: left are %q", what, left)
		}
		rows++
	}
	for what, archive := range map[string][]byte{
		"nothing": {}, "no archive": []byte("not a tar"), "cut": good.Bytes()[:good.Len()/2], "cut in a file": good.Bytes()[:good.Len()-2048-256],
		"something behind": append(bytes.Clone(good.Bytes()), "x"...),
	} {
		where := t.TempDir()
		_, err := evidence.Unpack(bytes.NewReader(archive), filepath.Join(where, "bag"))
		if err == nil {
			t.Errorf("%s was unpacked", what)
		}
		if left := names(t, where); len(left) > 0 {
			t.Errorf("%s: left are %q", what, left)
		}
		rows++
	}
	t.Logf("%d rows", rows)
	must(evidence.Unpack(&good, filepath.Join(t.TempDir(), "bag")))(t)
}

// TestNoRoom: with no room left, neither sealing nor opening leaves anything. The
// shell does not let its children write more than 1 MiB into a file.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	cmd := exec.Command("bash", "-c", `ulimit -f 1024; exec "$0" -test.run '^TestNoRoomChild$' -test.count 1`, os.Args[0])
	cmd.Env = append(os.Environ(), "ENTRAIDE_TEST_NOROOM="+out)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if left := names(t, out); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}

// TestNoRoomChild is what TestNoRoom runs where there is none.
func TestNoRoomChild(t *testing.T) {
	out := os.Getenv("ENTRAIDE_TEST_NOROOM")
	if out == "" {
		return // there is room
	}
	p := parties(t, "modern-6")
	dir := filepath.Join(out, "sealed")
	if _, err := evidence.Seal(dir, bytes.NewReader(sample(3<<20)), p.certificates(), now); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("sealing: %v", err)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("sealing left %q", left)
	}
	must(0, os.Remove(dir))(t)
}

func FuzzParsePackage(f *testing.F) {
	f.Add([]byte(`{"typ":"entraide/package/1","created":"2026-06-01T12:00:00Z","restricted":false,"custody":{},"files":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := evidence.ParsePackage(text)
		if err != nil {
			return
		}
		if again := must(p.Text())(t); !bytes.Equal(again, text) {
			t.Errorf("%q is read, and written as %q", text, again)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("evidence/bagit.txt"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		where := t.TempDir()
		if _, err := evidence.Unpack(bytes.NewReader(archive), filepath.Join(where, "bag")); err != nil {
			if left := names(t, where); len(left) > 0 {
				t.Errorf("left are %q", left)
			}
		}
	})
}
