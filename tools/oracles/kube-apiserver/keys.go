package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
)

// writeServiceAccountKeys makes a pair that the server does not start without.
func writeServiceAccountKeys(dir string) (private, public string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	fail(err)
	publicBytes, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	fail(err)
	private, public = filepath.Join(dir, "service-account.key"), filepath.Join(dir, "service-account.pub")
	for file, block := range map[string]*pem.Block{
		private: {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		public:  {Type: "PUBLIC KEY", Bytes: publicBytes},
	} {
		fail(os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return private, public
}
