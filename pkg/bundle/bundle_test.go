package bundle_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/entraide/entraide/pkg/bundle"
)

// good is a bundle that opens, though it proves nothing.
func good(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := bundle.NewWriter(&out, bundle.Manifest{Case: strings.Repeat("0", 32), Origin: "broker.example/log"})
	for name, text := range map[string]string{bundle.DirectoryFile: `{"items":[],"more":false}`, bundle.MessageFile(7): "{}"} {
		if err := w.Add(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A part is a file of a hand-made zip.
type part struct {
	zip.FileHeader
	content string
	raw     bool // content is packed already
}

// packed makes a zip of parts.
func packed(t testing.TB, parts ...part) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, p := range parts {
		create := w.CreateHeader
		if p.raw {
			create = w.CreateRaw
		}
		f, err := create(&p.FileHeader)
		if err == nil {
			_, err = io.WriteString(f, p.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// file is a plain part.
func file(name, content string) part {
	return part{FileHeader: zip.FileHeader{Name: name, Method: zip.Deflate}, content: content}
}

// manifest names files that nobody will look into.
func manifest(names ...string) part {
	var files []string
	for _, name := range names {
		files = append(files, fmt.Sprintf(`{"name":%q,"size":0,"sha256":""}`, name))
	}
	return file(bundle.ManifestFile, `{"typ":"entraide/bundle/1","case":"","origin":"","made":"","by":"","files":[`+strings.Join(files, ",")+`]}`)
}

// bomb is a file that unpacks to more than it says.
func bomb(t testing.TB) []byte {
	t.Helper()
	honest := packed(t, file(bundle.ManifestFile, strings.Repeat(" ", 1<<20)))
	r, err := zip.NewReader(bytes.NewReader(honest), int64(len(honest)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := r.File[0].OpenRaw()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(raw)
	if err != nil {
		t.Fatal(err)
	}
	h := r.File[0].FileHeader
	h.UncompressedSize64 = 100
	return packed(t, part{FileHeader: h, content: string(content), raw: true})
}

// many are plain parts with good names.
func many(n int) []part {
	var parts []part
	for i := range n {
		parts = append(parts, file(bundle.MessageFile(int64(i)), ""))
	}
	return parts
}

// TestHostile refuses what is not exactly a bundle (peers.md T40).
func TestHostile(t *testing.T) {
	t.Parallel()
	link := file(bundle.ReadmeFile, "/etc/passwd")
	link.SetMode(fs.ModeSymlink | 0o777)
	encrypted := file(bundle.ReadmeFile, "")
	encrypted.Flags |= 1
	encrypted.raw = true
	huge := file(bundle.ReadmeFile, "")
	huge.raw, huge.UncompressedSize64 = true, bundle.MaxFileBytes+1
	odd := file(bundle.ReadmeFile, "")
	odd.raw, odd.Method = true, 12
	var heavy []part
	for i := range bundle.MaxBytes/bundle.MaxFileBytes + 1 {
		p := file(bundle.MessageFile(int64(i)), "")
		p.raw, p.UncompressedSize64 = true, bundle.MaxFileBytes
		heavy = append(heavy, p)
	}
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "not a valid zip file"},
		{"cut short", good(t)[:300], "not a valid zip file"},
		{"path upwards", packed(t, manifest(), file("../outside", "")), "named"},
		{"path within", packed(t, manifest(), file("messages/../../outside", "")), "named"},
		{"absolute path", packed(t, manifest(), file("/etc/passwd", "")), "named"},
		{"drive", packed(t, manifest(), file(`C:\x`, "")), "named"},
		{"backslash", packed(t, manifest(), file(`messages\000000001.mla.json`, "")), "named"},
		{"NUL", packed(t, manifest(), file("checkpoint\x00", "")), "named"},
		{"right-to-left", packed(t, manifest(), file("\u202echeckpoint", "")), "named"},
		{"other case", packed(t, manifest(), file("Checkpoint", "")), "named"},
		{"long name", packed(t, manifest(), file(strings.Repeat("x", 4096), "")), "named"},
		{"directory", packed(t, manifest(), file("messages/", "")), "named"},
		{"link", packed(t, manifest(bundle.ReadmeFile), link), "not a plain file"},
		{"encrypted", packed(t, manifest(bundle.ReadmeFile), encrypted), "packed in another way"},
		{"other method", packed(t, manifest(bundle.ReadmeFile), odd), "packed in another way"},
		{"twice", packed(t, manifest(bundle.ReadmeFile), file(bundle.ReadmeFile, "a"), file(bundle.ReadmeFile, "b")), "twice"},
		{"two manifests", packed(t, manifest(), manifest()), "twice"},
		{"10,000 files", packed(t, many(10_000)...), "10000 files"},
		{"one huge file", packed(t, manifest(bundle.ReadmeFile), huge), "unpacks to more"},
		{"many large files", packed(t, heavy...), "unpacks to more"},
		{"bomb", bomb(t), "not a valid zip file"},
		{"no manifest", packed(t, file(bundle.ReadmeFile, "")), "manifest.json is missing"},
		{"manifest of another type", packed(t, file(bundle.ManifestFile, `{"typ":"x","case":"","origin":"","made":"","by":"","files":[]}`)), "type"},
		{"manifest with more", packed(t, file(bundle.ManifestFile, `{"typ":"entraide/bundle/1","more":1}`)), "manifest"},
		{"unlisted file", packed(t, manifest(), file(bundle.ReadmeFile, "")), "does not name"},
		{"listed and missing", packed(t, manifest(bundle.ReadmeFile)), "missing"},
		{"listed twice", packed(t, manifest(bundle.ReadmeFile, bundle.ReadmeFile), file(bundle.ReadmeFile, "")), "twice"},
		{"the manifest itself listed", packed(t, manifest(bundle.ManifestFile)), "twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := bundle.Open(bytes.NewReader(tt.data), int64(len(tt.data)))
			if !errors.Is(err, bundle.ErrBundle) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("opened with %v, want %q", err, tt.want)
			}
		})
	}
}

// TestOpen opens what the writer wrote, and the writer writes nothing else.
func TestOpen(t *testing.T) {
	t.Parallel()
	data := good(t)
	b, err := bundle.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(b.Manifest.Files) != 2 {
		t.Errorf("opened %+v, %v", b, err)
	}
	w := bundle.NewWriter(io.Discard, bundle.Manifest{})
	for _, name := range []string{"../x", bundle.ManifestFile, ""} {
		if err := w.Add(name, nil); err == nil {
			t.Errorf("%q was added", name)
		}
	}
}

// FuzzOpen opens nothing that is not listed whole.
func FuzzOpen(f *testing.F) {
	f.Add(good(f))
	f.Add(packed(f, manifest()))
	f.Add(bomb(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := bundle.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if !errors.Is(err, bundle.ErrBundle) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		if b.Manifest.Typ != bundle.Typ || len(b.Manifest.Files) > bundle.MaxFiles {
			t.Errorf("opened %+v", b.Manifest)
		}
	})
}
