package main

// What istiod of this version links: a type that is not linked is "unknown" to its validator.
// go list -deps of this program and of istio.io/istio/pilot/cmd/pilot-discovery name the same packages of types.
import (
	_ "github.com/cncf/udpa/go/udpa/type/v1"
	_ "github.com/envoyproxy/go-control-plane/pkg/conversion"
	_ "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)
