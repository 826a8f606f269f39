//go:build tools

// Package pin names the programs that are built from this module's requirements.
package pin

import (
	// Named here so that `go mod tidy` keeps what they need; main packages cannot be used, only built.
	_ "github.com/containerd/containerd/v2/cmd/containerd"
	_ "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"
	_ "github.com/containerd/containerd/v2/cmd/ctr"
)
