package message

import "math/bits"

// MinPaddedBytes is the smallest size class of a plaintext.
const MinPaddedBytes = 4096

// PaddedSize returns the size class of a plaintext of n bytes: the smallest
// size of at least n and [MinPaddedBytes] bytes that Padmé allows. The size of
// a class has log2(log2 n) + 1 significant bits, so that padding adds at most
// 12 percent and what is left to see is about the logarithm of the size.
//
// Source: Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and
// Communication with PURBs", PoPETs 2019(4), section 4.3.
func PaddedSize(n int) int {
	if n <= MinPaddedBytes {
		return MinPaddedBytes
	}
	exponent := bits.Len(uint(n)) - 1
	significant := bits.Len(uint(exponent))
	mask := 1<<(exponent-significant) - 1
	return (n + mask) &^ mask
}
