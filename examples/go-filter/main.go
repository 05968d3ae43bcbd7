// A filter that asks an authorization service about every request: 200 lets it pass with the user's name, anything else is a 403.
package main

import (
	"encoding/json"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

type config struct {
	Cluster   string `json:"cluster"`
	TimeoutMs uint32 `json:"timeoutMs"`
}

type vm struct{ types.DefaultVMContext }

func (*vm) NewPluginContext(uint32) types.PluginContext {
	return &plugin{config: config{Cluster: "auth", TimeoutMs: 500}}
}

type plugin struct {
	types.DefaultPluginContext
	config config
}

func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	if size == 0 {
		return types.OnPluginStartStatusOK
	}
	raw, err := proxywasm.GetPluginConfiguration()
	if err != nil || json.Unmarshal(raw, &p.config) != nil || p.config.Cluster == "" {
		proxywasm.LogError("the configuration is not valid")
		return types.OnPluginStartStatusFailed
	}
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext { return &stream{plugin: p} }

type stream struct {
	types.DefaultHttpContext
	plugin *plugin
}

func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	// nobody but this filter says who the user is
	_ = proxywasm.RemoveHttpRequestHeader("x-user")
	token, err := proxywasm.GetHttpRequestHeader("authorization")
	if err != nil || token == "" {
		deny("no token")
		return types.ActionPause
	}
	headers := [][2]string{{":method", "GET"}, {":path", "/check"}, {":authority", "auth"}, {"authorization", token}}
	if _, err := proxywasm.DispatchHttpCall(s.plugin.config.Cluster, headers, nil, nil, s.plugin.config.TimeoutMs, s.answered); err != nil {
		proxywasm.LogErrorf("cannot ask %s: %v", s.plugin.config.Cluster, err)
		deny("no authorization service")
	}
	return types.ActionPause
}

func (s *stream) answered(_, _, _ int) {
	status, user := "", ""
	if headers, err := proxywasm.GetHttpCallResponseHeaders(); err == nil {
		for _, header := range headers {
			switch header[0] {
			case ":status":
				status = header[1]
			case "x-user":
				user = header[1]
			}
		}
	}
	if status != "200" || user == "" {
		deny("not allowed")
		return
	}
	if err := proxywasm.ReplaceHttpRequestHeader("x-user", user); err != nil {
		proxywasm.LogErrorf("cannot tell the user: %v", err)
		deny("not allowed")
		return
	}
	_ = proxywasm.ResumeHttpRequest()
}

func deny(why string) {
	proxywasm.LogWarn("denied: " + why)
	_ = proxywasm.SendHttpResponse(403, [][2]string{{"content-type", "text/plain"}}, []byte(why+"\n"), -1)
}

func init() { proxywasm.SetVMContext(&vm{}) }

func main() {}
