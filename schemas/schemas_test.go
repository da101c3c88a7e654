package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/entraide/entraide/schemas"
)

// TestFilesAreJSON checks that every file can be read.
func TestFilesAreJSON(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(schemas.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := schemas.FS.ReadFile(name)
		if err == nil && (!json.Valid(data) || !bytes.HasSuffix(data, []byte("}\n"))) {
			t.Errorf("%s is not a JSON text that ends its last line", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
