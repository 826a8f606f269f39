//go:build tools

// Package pin names the programs that are built from this module's requirements.
package pin

import (
	// Named here so that `go mod tidy` keeps what they need; main packages cannot be used, only built.
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/server/v3"
)
