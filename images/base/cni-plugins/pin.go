//go:build tools

// Package pin names the programs that are built from this module's requirements.
package pin

import (
	// Named here so that `go mod tidy` keeps what they need; main packages cannot be used, only built.
	_ "github.com/containernetworking/plugins/plugins/ipam/host-local"
	_ "github.com/containernetworking/plugins/plugins/main/bridge"
	_ "github.com/containernetworking/plugins/plugins/main/loopback"
	_ "github.com/containernetworking/plugins/plugins/main/ptp"
	_ "github.com/containernetworking/plugins/plugins/meta/portmap"
)
