package evidence_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/pgp"
)

func TestSeal(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, p pair) {
		for _, size := range []int{0, 1, 4096, evidence.PartBytes - 5000, evidence.PartBytes, 2*evidence.PartBytes + 12345} {
			plaintext := sample(size)
			dir, s := sealed(t, p, plaintext)
			if s.PlainBytes != int64(size) || s.PlainSHA256 != digest(plaintext) {
				t.Errorf("%d bytes: the content is said to be %d, %s", size, s.PlainBytes, s.PlainSHA256)
			}
			again := must(evidence.ReadSealed(dir))(t)
			if again.SHA256() != s.SHA256() || again.Bytes != s.Bytes || again.PlainSHA256 != s.PlainSHA256 || again.PlainBytes != s.PlainBytes {
				t.Errorf("%d bytes: read as %v, sealed as %v", size, again, s)
			}
			want := append([]string{"manifest.sha256", "sealed.json"}, s.Digests...)
			slices.Sort(want)
			if got := names(t, dir); !slices.Equal(got, want) {
				t.Errorf("%d bytes: the directory has %q", size, got)
			}
			total := int64(0)
			for i, name := range s.Digests {
				part := must(os.ReadFile(filepath.Join(dir, name)))(t)
				if digest(part) != name || int64(len(part)) != s.Size(i) {
					t.Errorf("%d bytes: part %d has %d bytes, want %d", size, i, len(part), s.Size(i))
				}
				wantError(t, s.Check(i, bytes.NewReader(part)), nil)
				total += int64(len(part))
			}
			if total != s.Bytes {
				t.Errorf("%d bytes: the parts have %d bytes, want %d", size, total, s.Bytes)
			}
			for _, key := range []*pgp.Key{p.from, p.to} {
				if got, err := open(t, key, p, again, evidence.Directory(dir)); err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("%d bytes: opened as %d bytes, %v", size, len(got), err)
				}
			}
		}
	})
}

// TestSealAgain: sealing that has ended anywhere starts again as if it had not
// been, and a sealed file is never overwritten.
func TestSealAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about what one thing after another leaves in files")
	}
	t.Parallel()
	p, plaintext := parties(t, pgp.Modern6), sample(evidence.PartBytes+1)
	whole, s := sealed(t, p, plaintext)
	for n := range len(names(t, whole)) {
		// What a kill leaves: some parts, perhaps the list, and a file half written.
		dir := t.TempDir()
		for _, name := range append(slices.Clone(s.Digests), evidence.ManifestName)[:n] {
			write(t, must(os.ReadFile(filepath.Join(whole, name)))(t), dir, name)
		}
		write(t, []byte("half"), dir, "partial")
		write(t, []byte("not ours"), dir, "note.txt")
		_, err := evidence.ReadSealed(dir)
		wantError(t, err, fs.ErrNotExist)
		again := must(evidence.Seal(dir, bytes.NewReader(plaintext), p.certificates(), now))(t)
		if got := len(names(t, dir)); got != len(s.Digests)+3 {
			t.Errorf("ended after %d files: %d files, want %d", n, got, len(s.Digests)+3)
		}
		if got, err := open(t, p.to, p, again, evidence.Directory(dir)); err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("ended after %d files: opened as %d bytes, %v", n, len(got), err)
		}
		_, err = evidence.Seal(dir, bytes.NewReader(plaintext), p.certificates(), now)
		wantError(t, err, fs.ErrExist)
		must(open(t, p.to, p, again, evidence.Directory(dir)))(t)
	}
}

// TestSealFails: sealing that fails leaves nothing.
func TestSealFails(t *testing.T) {
	t.Parallel()
	p, broken := parties(t, pgp.Modern6), errors.New("broken")
	dir := filepath.Join(t.TempDir(), "deep", "down")
	in := io.MultiReader(bytes.NewReader(sample(evidence.PartBytes+100)), iotest.ErrReader(broken))
	_, err := evidence.Seal(dir, in, p.certificates(), now)
	wantError(t, err, broken)
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("left are %q", got)
	}
	_, err = evidence.Seal(dir, bytes.NewReader(nil), nil, now)
	wantError(t, err, pgp.ErrSuite)
	_, err = evidence.Seal(write(t, nil, t.TempDir(), "file"), bytes.NewReader(nil), p.certificates(), now)
	if err == nil {
		t.Error("a file was taken for a directory")
	}
}

func TestReadSealedRefuses(t *testing.T) {
	t.Parallel()
	p := parties(t, pgp.Modern6)
	for _, tt := range []struct {
		name   string
		change func(record, manifest string) (string, string)
	}{
		{"typ", func(r, m string) (string, string) { return strings.Replace(r, "sealed/1", "sealed/2", 1), m }},
		{"another list", func(r, m string) (string, string) {
			return r, strings.Repeat(digest([]byte("x"))+"  "+digest([]byte("x"))+"\n", 1)
		}},
		{"no list", func(r, _ string) (string, string) { return r, "" }},
		{"a member more", func(r, m string) (string, string) { return strings.Replace(r, "{", `{"x":1,`, 1), m }},
		{"a digest", func(r, m string) (string, string) { return strings.Replace(r, `_sha256":"`, `_sha256":"x`, 2), m }},
		{"size", func(r, m string) (string, string) { return strings.Replace(r, `"bytes":`, `"bytes":9999`, 1), m }},
		{"too large", func(r, m string) (string, string) { return r + strings.Repeat(" ", 5000), m }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, _ := sealed(t, p, []byte("x"))
			r := must(os.ReadFile(filepath.Join(dir, "sealed.json")))(t)
			m := must(os.ReadFile(filepath.Join(dir, evidence.ManifestName)))(t)
			record, manifest := tt.change(string(r), string(m))
			write(t, []byte(record), dir, "sealed.json")
			write(t, []byte(manifest), dir, evidence.ManifestName)
			_, err := evidence.ReadSealed(dir)
			wantError(t, err, evidence.ErrManifest)
		})
	}
}

// TestOpenNamesThePart: a part that is not as it should be is found before
// anything of it is used, and named.
func TestOpenNamesThePart(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, p pair) {
		dir, s := sealed(t, p, sample(2*evidence.PartBytes+99))
		gone := errors.New("gone")
		for index := range s.Digests {
			good := must(os.ReadFile(filepath.Join(dir, s.Digests[index])))(t)
			flip := func(i int) []byte {
				bad := slices.Clone(good)
				bad[i] ^= 1
				return bad
			}
			for name, bad := range map[string][]byte{
				"first byte": flip(0), "middle": flip(len(good) / 2), "last byte": flip(len(good) - 1),
				"short": good[:len(good)-1], "long": append(slices.Clone(good), 0), "empty": nil,
			} {
				got, err := open(t, p.to, p, s, with(dir, index, func() (io.ReadSeekCloser, error) { return inMemory{bytes.NewReader(bad)}, nil }))
				wantPart(t, fmt.Sprintf("%d, %s", index, name), err, index, s)
				if len(got) > index*evidence.PartBytes {
					t.Errorf("%d, %s: %d bytes were used", index, name, len(got))
				}
				wantPart(t, name, s.Check(index, bytes.NewReader(bad)), index, s)
			}
			_, err := open(t, p.to, p, s, with(dir, index, func() (io.ReadSeekCloser, error) { return nil, gone }))
			wantPart(t, "gone", err, index, s)
			wantError(t, err, gone)
			_, err = open(t, p.to, p, s, with(dir, index, func() (io.ReadSeekCloser, error) { return unreadable{gone}, nil }))
			wantPart(t, "unreadable", err, index, s)
			wantError(t, err, gone)
			wantError(t, s.Check(index, iotest.ErrReader(gone)), gone)
		}
	})
}

// inMemory is a part that is in memory.
type inMemory struct{ *bytes.Reader }

// Close implements io.Closer.
func (inMemory) Close() error { return nil }

// unreadable is a part that cannot be read.
type unreadable struct{ err error }

// Read implements io.Reader.
func (u unreadable) Read([]byte) (int, error) { return 0, u.err }

// Seek implements io.Seeker.
func (u unreadable) Seek(int64, int) (int64, error) { return 0, u.err }

// Close implements io.Closer.
func (unreadable) Close() error { return nil }

// with is the source of the parts in a directory, but for one.
func with(dir string, index int, part func() (io.ReadSeekCloser, error)) evidence.Source {
	return func(i int, sha256 string) (io.ReadSeekCloser, error) {
		if i == index {
			return part()
		}
		return evidence.Directory(dir)(i, sha256)
	}
}

// wantPart checks that an error names a part.
func wantPart(t *testing.T, name string, err error, index int, s evidence.Sealed) {
	t.Helper()
	wantError(t, err, evidence.ErrPart)
	e, ok := errors.AsType[*evidence.PartError](err)
	if !ok || e.Index != index || e.SHA256 != s.Digests[index] || !strings.Contains(err.Error(), e.SHA256) {
		t.Errorf("%s: error is %v, want one that names part %d", name, err, index+1)
	}
}

// TestOpenRefuses: right parts with a content that was not signed.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	eachSuite(t, func(t *testing.T, p pair) {
		dir, s := sealed(t, p, sample(5000))
		for _, tt := range []struct {
			name   string
			change func(*evidence.Sealed)
			want   error
		}{
			{"less", func(s *evidence.Sealed) { s.PlainBytes++ }, evidence.ErrContent},
			{"more", func(s *evidence.Sealed) { s.PlainBytes-- }, evidence.ErrContent},
			{"other", func(s *evidence.Sealed) { s.PlainSHA256 = digest(nil) }, evidence.ErrContent},
			{"no part", func(s *evidence.Sealed) { s.Parts = evidence.Parts{} }, pgp.ErrFraming},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				other := s
				tt.change(&other)
				_, err := open(t, p.to, p, other, evidence.Directory(dir))
				wantError(t, err, tt.want)
			})
		}
		stranger := must(pgp.Generate(p.to.Suite(), "QP.mla <mla@qp.example>", born, 0))(t)
		_, err := open(t, stranger, p, s, evidence.Directory(dir))
		wantError(t, err, pgp.ErrNotForUs)
	})
}

// TestOpenPackage: files and folders from several places arrive as they were, in
// a folder that is there only once all is right.
func TestOpenPackage(t *testing.T) {
	t.Parallel()
	p, in, out := parties(t, pgp.PQ6), t.TempDir(), t.TempDir()
	content := map[string][]byte{
		"disk.img": sample(evidence.PartBytes), "mail/in/1.eml": []byte("one"), "mail/empty": {}, "mail/صورة 100%.jpg": {0xff, 0xd8, 0xff},
	}
	for name, data := range content {
		must(0, os.MkdirAll(filepath.Dir(filepath.Join(in, name)), 0o700))(t)
		write(t, data, in, name)
	}
	own := &evidence.Custody{Identifier: "QN/2", Tool: "imager"}
	items := []evidence.Item{{Path: filepath.Join(in, "mail")}, {Path: filepath.Join(in, "disk.img"), Custody: own}}
	described := must(evidence.Scan(items, evidence.Collection{Created: now, Custody: evidence.Custody{Identifier: "QN/1"}}))(t)
	for _, f := range described.Files {
		want := "QN/1"
		if f.Path == "disk.img" {
			want = "QN/2"
		}
		if got := described.CustodyOf(f).Identifier; got != want {
			t.Errorf("%s has the custody record of %s", f.Path, got)
		}
	}
	dir := t.TempDir()
	s := must(evidence.Seal(dir, described.Archive(items), p.certificates(), now))(t)
	bag, quarantine := filepath.Join(out, "bag"), filepath.Join(out, "quarantine")
	target := filepath.Join(out, "target")
	must(0, os.Mkdir(target, 0o700))(t)
	must(0, os.Symlink(target, quarantine))(t) // as if somebody had looked there
	opened, err := evidence.OpenPackage(bag, quarantine, p.to, p.recipients(t), s, evidence.Directory(dir))
	wantError(t, err, nil)
	if len(opened.Files) != len(content) {
		t.Errorf("%d files were described", len(opened.Files))
	}
	for name, data := range content {
		if got := must(os.ReadFile(filepath.Join(bag, "data", name)))(t); !bytes.Equal(got, data) {
			t.Errorf("%s has %d bytes", name, len(got))
		}
	}
	if got := names(t, out); !slices.Equal(got, []string{"bag", "target"}) {
		t.Errorf("left are %q", got)
	}
	if got := names(t, target); len(got) > 0 {
		t.Errorf("where a link led to is %q", got)
	}
	var again bytes.Buffer
	wantError(t, opened.PackBag(&again, bag), nil)
	if digest(again.Bytes()) != s.PlainSHA256 {
		t.Error("packed again, the bag is another archive than the one that was signed")
	}
	_, err = evidence.OpenPackage(bag, quarantine, p.to, p.recipients(t), s, evidence.Directory(dir))
	wantError(t, err, fs.ErrExist)
}

// TestConstantMemory: a GiB takes no more memory than two parts and some blocks (T36).
func TestConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	const size, bound = 1 << 30, 48 << 20
	p, dir := parties(t, pgp.Modern6), t.TempDir()
	var s evidence.Sealed
	peak := peakMemory(t, func() { s = must(evidence.Seal(dir, zeros(size), p.certificates(), now))(t) })
	if peak > bound {
		t.Errorf("sealing took %d MiB, want at most %d", peak>>20, bound>>20)
	}
	opened := peakMemory(t, func() {
		wantError(t, evidence.Open(io.Discard, p.to, p.recipients(t), s, evidence.Directory(dir)), nil)
	})
	if opened > bound {
		t.Errorf("opening took %d MiB, want at most %d", opened>>20, bound>>20)
	}
	t.Logf("sealing took %d MiB, opening %d MiB", peak>>20, opened>>20)
}

// peakMemory returns how many bytes a function has from the operating system at
// most, beyond what was in use before.
func peakMemory(t *testing.T, f func()) uint64 {
	t.Helper()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	// Memory is taken from the system only when the heap has no room for it.
	return after.HeapSys - min(after.HeapSys, before.HeapInuse)
}

// FuzzParseParts: what parses is written back byte for byte, with sizes that
// make up the whole (T17).
func FuzzParseParts(f *testing.F) {
	line := digest(nil) + "  " + digest(nil) + "\n"
	f.Add([]byte(line), int64(1))
	f.Add([]byte(line+line), int64(evidence.PartBytes+1))
	f.Add([]byte(strings.ToUpper(line)), int64(1))
	f.Add([]byte(line[:64]+" *"+line[66:]), int64(1))
	f.Add([]byte(line+"\n"), int64(1))
	f.Fuzz(func(t *testing.T, text []byte, size int64) {
		p, err := evidence.ParseParts(text, size)
		if err != nil {
			wantError(t, err, evidence.ErrManifest)
			return
		}
		if !bytes.Equal(p.Text(), text) || p.SHA256() != digest(text) {
			t.Errorf("%q is written back as %q", text, p.Text())
		}
		total := int64(0)
		for i := range p.Digests {
			if n := p.Size(i); n < 1 || n > evidence.PartBytes {
				t.Errorf("part %d has %d bytes", i, n)
			}
			total += p.Size(i)
		}
		if total != size {
			t.Errorf("the parts have %d bytes, want %d", total, size)
		}
	})
}

func TestParseParts(t *testing.T) {
	t.Parallel()
	line := digest(nil) + "  " + digest(nil) + "\n"
	for _, tt := range []struct {
		name string
		text string
		size int64
		good bool
	}{
		{"one byte", line, 1, true},
		{"one part", line, evidence.PartBytes, true},
		{"two parts", line + line, evidence.PartBytes + 1, true},
		{"no line", "", 0, false},
		{"no byte", line, 0, false},
		{"negative", line, -1, false},
		{"a part less", line, evidence.PartBytes + 1, false},
		{"a part more", line + line, evidence.PartBytes, false},
		{"upper case", strings.ToUpper(line), 1, false},
		{"another name", digest(nil) + "  " + digest([]byte("x")) + "\n", 1, false},
		{"binary mark", strings.Replace(line, "  ", " *", 1), 1, false},
		{"no end", line[:len(line)-1], 1, false},
		{"too many", strings.Repeat(line, evidence.MaxParts+1), (evidence.MaxParts + 1) * evidence.PartBytes, false},
		{"as many as may be", strings.Repeat(line, evidence.MaxParts), evidence.MaxParts * evidence.PartBytes, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := evidence.ParseParts([]byte(tt.text), tt.size)
			if tt.good != (err == nil) {
				t.Fatalf("error is %v", err)
			}
			if tt.good && string(p.Text()) != tt.text {
				t.Error("it is written back as another")
			}
		})
	}
}
