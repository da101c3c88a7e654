// Package lockcost holds what a guess at the passphrase of a locked key costs, so
// that tests of other things than passphrases can make it cheap.
package lockcost

// A Cost is what one guess takes, with Argon2 (RFC 9106).
type Cost struct {
	Passes, Lanes uint8
	MemoryKiB     uint32
}

var cost = Cost{Passes: 12, Lanes: 4, MemoryKiB: 16 << 10}

// Now is the cost of a key that is locked now.
func Now() Cost { return cost }

// Cheap has keys cost next to nothing from now on: a test that opens a hundred
// homes need not spend its time on their passphrases. It is for TestMain alone,
// and nothing protects what was locked so.
func Cheap() { cost = Cost{Passes: 1, Lanes: 1, MemoryKiB: 64} }
