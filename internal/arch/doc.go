// Package arch holds the rules of the house as tests: who may import whom,
// which module may be used where, how long things may grow, what every package
// and every exported name must say, and the few calls and words that have no
// place here. It has no code of its own.
//
// To add a package, add a line to mayImport in imports_test.go, below what the
// package imports. To add a dependency, add a line to thirdParty there, with
// its reason and who may use it. TestImports and TestThirdParty fail until it
// is done.
package arch
