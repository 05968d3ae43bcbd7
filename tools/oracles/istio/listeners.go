package main

import (
	"sort"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/test"
)

// proxy is what the agent in the pod tells istiod of itself.
type proxy struct {
	// Type is sidecar or router.
	Type      string            `json:"type"`
	Version   string            `json:"version"`
	Labels    map[string]string `json:"labels"`
	Namespace string            `json:"namespace"`
	IP        string            `json:"ip"`
}

// chain is one filter chain of a listener.
type chain struct {
	Listener string `json:"listener"`
	Port     uint32 `json:"port"`
	Chain    string `json:"chain"`
	// DestinationPort that the chain matches; 0: any.
	DestinationPort uint32   `json:"destinationPort"`
	Transport       string   `json:"transport"`
	Network         []string `json:"network"`
	// HTTP has the names of HTTP filters, of chains with a connection manager.
	HTTP []string `json:"http,omitempty"`
}

func listeners(configs, objects string, p proxy) (chains []chain, err error) {
	chains = []chain{}
	err = test.Wrap(func(t test.Failer) {
		server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{ConfigString: configs, KubernetesObjectString: objects})
		one := server.SetupProxy(&model.Proxy{
			Type: model.NodeType(p.Type), IPAddresses: []string{p.IP}, ID: "pod." + p.Namespace, ConfigNamespace: p.Namespace,
			Labels:   p.Labels,
			Metadata: &model.NodeMetadata{IstioVersion: p.Version, Namespace: p.Namespace, Labels: p.Labels},
		})
		generated := server.Listeners(one)
		sort.SliceStable(generated, func(i, j int) bool { return generated[i].Name < generated[j].Name })
		for _, l := range generated {
			chains = append(chains, chainsOf(l)...)
		}
	})
	return chains, err
}

func chainsOf(l *listenerv3.Listener) []chain {
	all := l.FilterChains
	if l.DefaultFilterChain != nil {
		all = append(all, l.DefaultFilterChain)
	}
	out := []chain{}
	for _, c := range all {
		one := chain{
			Listener: l.Name, Port: l.GetAddress().GetSocketAddress().GetPortValue(), Chain: c.Name,
			DestinationPort: c.GetFilterChainMatch().GetDestinationPort().GetValue(),
			Transport:       c.GetFilterChainMatch().GetTransportProtocol(), Network: []string{},
		}
		for _, f := range c.Filters {
			one.Network = append(one.Network, f.Name)
			manager := &hcm.HttpConnectionManager{}
			if f.GetTypedConfig().UnmarshalTo(manager) != nil {
				continue
			}
			for _, h := range manager.HttpFilters {
				one.HTTP = append(one.HTTP, h.Name)
			}
		}
		out = append(out, one)
	}
	return out
}
