package postgres_test

import (
	"testing"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/postgres"
	"github.com/entraide/entraide/internal/store/storetest"
	"github.com/entraide/entraide/internal/testkit/pgserver"
)

func BenchmarkWrite(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) store.Broker {
		db, err := postgres.Open(b.Context(), pgserver.DatabaseFor(b))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { db.Close() })
		return db
	})
}
