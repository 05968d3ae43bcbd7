// A kube-apiserver with an etcd of its own, on loopback: objects are checked, stored and given back; nothing else runs.
//
//	kube-apiserver -dir EMPTY-FOLDER -port N -etcd-port M -token SECRET
//
// It ends when its standard input does, so that it does not outlive who started it.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "kube-apiserver oracle:", err)
		os.Exit(1)
	}
}

func loopback(port int) url.URL {
	return url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
}

// startEtcd takes two ports: for clients, and the next one for peers.
func startEtcd(dir string, port int) url.URL {
	config := embed.NewConfig()
	config.Dir = filepath.Join(dir, "etcd")
	config.LogLevel = "error"
	clients, peers := loopback(port), loopback(port+1)
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	fail(err)
	select {
	case <-etcd.Server.ReadyNotify():
	case <-time.After(time.Minute):
		fail(fmt.Errorf("etcd did not start within a minute"))
	}
	return clients
}

func main() {
	dir := flag.String("dir", "", "empty folder for its data")
	port := flag.Int("port", 0, "HTTPS port on 127.0.0.1")
	etcdPort := flag.Int("etcd-port", 0, "port of etcd on 127.0.0.1; the next one is taken, too")
	token := flag.String("token", "", "bearer token of the administrator")
	flag.Parse()
	if *dir == "" || *port == 0 || *etcdPort == 0 || *token == "" {
		fail(fmt.Errorf("-dir, -port, -etcd-port and -token are wanted"))
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fail(os.MkdirAll(*dir, 0o700))
	etcd := startEtcd(*dir, *etcdPort)
	privateKey, publicKey := writeServiceAccountKeys(*dir)
	tokens := filepath.Join(*dir, "tokens.csv")
	fail(os.WriteFile(tokens, []byte(*token+",admin,admin,system:masters\n"), 0o600))
	command := app.NewAPIServerCommand()
	command.SetArgs([]string{
		"--etcd-servers=" + etcd.String(),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", *port),
		"--cert-dir=" + filepath.Join(*dir, "certificates"),
		"--token-auth-file=" + tokens,
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + publicKey,
		"--service-account-signing-key-file=" + privateKey,
		"--disable-admission-plugins=ServiceAccount",
		"--endpoint-reconciler-type=none",
		"--v=0",
	})
	os.Exit(cli.Run(command))
}
