// Package telemetry is what programs may say of themselves to a log.
package telemetry

import (
	"errors"
	"io/fs"
)

// Cause is what went wrong, the first thing of several, without where: a log does not
// hold the names that officers gave to files.
func Cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	for {
		inner := errors.Unwrap(err)
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			inner = several.Unwrap()[0]
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}
