// Command entraide is every part of Entraide in one binary: broker, desk,
// depositary, verifier and demonstration. Run `entraide help`.
package main

import (
	"os"

	"github.com/entraide/entraide/internal/cli"
)

func main() {
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
