package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/internal/store/storetest"
)

func BenchmarkWrite(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) store.Broker {
		db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "broker.db"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { db.Close() })
		return db
	})
}
