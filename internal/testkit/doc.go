// Package testkit is the home of what only tests use: fictitious States, fixed
// clocks, throw-away servers. Each part is a package below it, named by what it
// gives, and the rules of the house keep all of them out of the program.
package testkit
