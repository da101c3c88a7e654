package postgres

import (
	"encoding/binary"

	"github.com/lib/pq/oid"

	"github.com/entraide/entraide/internal/store"
)

// Arrays are sent as one parameter each, in PostgreSQL's binary format
// (array_recv in its source: dimensions, flags, element type, then length and
// lower bound of the only dimension, then each element with its length). One
// statement then inserts a whole batch, blobs travel as they are, and no
// number of keys exceeds the limit on parameters.

const (
	arrayHeader = 20
	nullLength  = 0xffffffff // says in place of a length that there is no value
)

// array begins an array of n elements for which size bytes are made ready.
func array(n, size int, element oid.Oid) []byte {
	a := make([]byte, 0, arrayHeader+4*n+size)
	if n == 0 {
		a = binary.BigEndian.AppendUint64(a, 0) // no dimension
		return binary.BigEndian.AppendUint32(a, uint32(element))
	}
	a = binary.BigEndian.AppendUint32(a, 1) // one dimension
	a = binary.BigEndian.AppendUint32(a, 1) // there may be NULL among the elements
	a = binary.BigEndian.AppendUint32(a, uint32(element))
	a = binary.BigEndian.AppendUint32(a, uint32(n))
	return binary.BigEndian.AppendUint32(a, 1) // the lower bound
}

// texts is the array of a text of every item.
func texts[T any](items []T, of func(T) string) []byte {
	size := 0
	for _, item := range items {
		size += len(of(item))
	}
	a := array(len(items), size, oid.T_text)
	for _, item := range items {
		text := of(item)
		a = binary.BigEndian.AppendUint32(a, uint32(len(text)))
		a = append(a, text...)
	}
	return a
}

// keys is the array of the keys themselves.
func keys(all []string) []byte {
	return texts(all, func(key string) string { return key })
}

// blobs is the array of a blob of every item, never NULL.
func blobs[T any](items []T, of func(T) []byte) []byte {
	return optional(items, func(item T) []byte { return store.Blob(of(item)) })
}

// optional is the array of a blob of every item; nil is NULL.
func optional[T any](items []T, of func(T) []byte) []byte {
	size := 0
	for _, item := range items {
		size += len(of(item))
	}
	a := array(len(items), size, oid.T_bytea)
	for _, item := range items {
		data := of(item)
		if data == nil {
			a = binary.BigEndian.AppendUint32(a, nullLength)
			continue
		}
		a = binary.BigEndian.AppendUint32(a, uint32(len(data)))
		a = append(a, data...)
	}
	return a
}

// integers is the array of a number of every item.
func integers[T any](items []T, of func(T) int64) []byte {
	a := array(len(items), 8*len(items), oid.T_int8)
	for _, item := range items {
		a = binary.BigEndian.AppendUint32(a, 8)
		a = binary.BigEndian.AppendUint64(a, uint64(of(item)))
	}
	return a
}

// booleans is the array of a fact of every item.
func booleans[T any](items []T, of func(T) bool) []byte {
	a := array(len(items), len(items), oid.T_bool)
	for _, item := range items {
		fact := byte(0)
		if of(item) {
			fact = 1
		}
		a = binary.BigEndian.AppendUint32(a, 1)
		a = append(a, fact)
	}
	return a
}
