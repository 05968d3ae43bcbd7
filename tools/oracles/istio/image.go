package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"time"

	"istio.io/istio/pkg/wasm"
)

type fetched struct {
	Errors []string `json:"errors"`
	// Sha256 of the module that Envoy would be given.
	Sha256 string `json:"sha256,omitempty"`
}

func image(url, checksum string) (*fetched, error) {
	folder, err := os.MkdirTemp("", "pwh-oracle-wasm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	cache := wasm.NewLocalFileCache(folder, wasm.Options{
		PurgeInterval: time.Hour, ModuleExpiry: time.Hour, HTTPRequestTimeout: 5 * time.Second, HTTPRequestMaxRetries: 2,
	})
	defer cache.Cleanup()
	file, err := cache.Get(url, wasm.GetOptions{
		Checksum: checksum, ResourceName: "default.plugin", ResourceVersion: "1", RequestTimeout: 10 * time.Second,
	})
	if err != nil {
		return &fetched{Errors: texts(err)}, nil
	}
	module, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(module)
	return &fetched{Errors: []string{}, Sha256: hex.EncodeToString(sum[:])}, nil
}
