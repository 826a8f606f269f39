//go:build tools

// Package pin names the program that is built from this module's requirements.
package pin

import (
	// Named here so that `go mod tidy` keeps what it needs; a main package cannot be used, only built.
	_ "github.com/checkpoint-restore/checkpointctl"
)
