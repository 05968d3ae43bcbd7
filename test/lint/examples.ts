// Manifests for the tests of rules: the goldens of the deployment reference (12.1, 12.2, 12.4 to 12.7), with a namespace and a priority.

export const envoyFilter = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: http-headers-filter
  namespace: shop
spec:
  priority: 10
  workloadSelector:
    labels:
      app: go-httpbin
  configPatches:
  - applyTo: HTTP_FILTER
    match:
      context: SIDECAR_INBOUND
      proxy:
        proxyVersion: ^1\\.11.*
      listener:
        portNumber: 8080
        filterChain:
          filter:
            name: envoy.filters.network.http_connection_manager
            subFilter:
              name: envoy.filters.http.router
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.wasm
        typed_config:
          "@type": type.googleapis.com/udpa.type.v1.TypedStruct
          type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
          value:
            config:
              name: headers
              root_id: add_header
              vm_config:
                vm_id: headers
                runtime: envoy.wasm.runtime.v8
                code:
                  local:
                    filename: /var/local/lib/wasm-filters/http-headers.wasm
                allow_precompiled: false
`;

export const configMap = `apiVersion: v1
kind: ConfigMap
metadata:
  name: http-headers-wasm
  namespace: shop
binaryData:
  http-headers.wasm: AGFzbQEAAAA=
`;

export const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: go-httpbin
  namespace: shop
spec:
  template:
    metadata:
      labels:
        app: go-httpbin
      annotations:
        example.com/wasm-sha256: "93a4"
        sidecar.istio.io/userVolume: '[{"name":"wasmfilters-dir","configMap": {"name": "http-headers-wasm"}}]'
        sidecar.istio.io/userVolumeMount: '[{"mountPath":"/var/local/lib/wasm-filters","name":"wasmfilters-dir"}]'
    spec:
      containers:
      - name: go-httpbin
        image: mccutchen/go-httpbin
        ports:
        - containerPort: 8080
`;

export const service = `apiVersion: v1
kind: Service
metadata:
  name: go-httpbin
  namespace: shop
spec:
  selector:
    app: go-httpbin
  ports:
  - name: http
    port: 8000
    targetPort: 8080
`;

export const ecds = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: http-headers-ecds
  namespace: shop
spec:
  priority: 10
  workloadSelector:
    labels:
      app: go-httpbin
  configPatches:
  - applyTo: EXTENSION_CONFIG
    match:
      context: SIDECAR_INBOUND
    patch:
      operation: ADD
      value:
        name: shop/http-headers
        typed_config:
          "@type": type.googleapis.com/udpa.type.v1.TypedStruct
          type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
          value:
            config:
              vm_config:
                runtime: envoy.wasm.runtime.v8
                code:
                  remote:
                    http_uri:
                      uri: https://files.example.com/http-headers.wasm
                      timeout: 30s
  - applyTo: HTTP_FILTER
    match:
      context: SIDECAR_INBOUND
      listener:
        filterChain:
          filter:
            name: envoy.filters.network.http_connection_manager
            subFilter:
              name: envoy.filters.http.router
    patch:
      operation: INSERT_BEFORE
      value:
        name: shop/http-headers
        config_discovery:
          config_source:
            ads: {}
          type_urls:
          - type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
`;

const digest = "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476";

export const wasmPlugin = `apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: http-headers
  namespace: shop
spec:
  selector:
    matchLabels:
      app: go-httpbin
  url: oci://registry.example.com:5000/filters/http-headers@sha256:${digest}
  imagePullPolicy: IfNotPresent
  imagePullSecret: filters-pull
  pluginName: add_header
  phase: AUTHZ
  priority: 10
  failStrategy: FAIL_CLOSE
  type: HTTP
  match:
  - mode: SERVER
    ports:
    - number: 8080
  pluginConfig:
    header: x-wasm-header
  vmConfig:
    env:
    - name: LOG_LEVEL
      value: info
    - name: POD_NAME
      valueFrom: HOST
`;

export const trafficExtension = `apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata:
  name: http-headers
  namespace: shop
spec:
  selector:
    matchLabels:
      app: go-httpbin
  phase: AUTHZ
  match:
  - mode: SERVER
  wasm:
    url: https://files.example.com/http-headers.wasm
`;

export const extensionPolicy = `apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata:
  name: http-headers
  namespace: shop
spec:
  targetRefs:
  - group: gateway.networking.k8s.io
    kind: HTTPRoute
    name: httpbin
  wasm:
  - name: from-image
    code:
      type: Image
      image:
        url: registry.example.com:5000/filters/http-headers:1.4.0
        pullSecretRef:
          name: filters-pull
  - name: from-http
    code:
      type: HTTP
      http:
        url: https://files.example.com/http-headers.wasm
        sha256: ${digest}
`;

export const bootstrap = `admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 9901 }
static_resources:
  listeners:
  - name: ingress
    address:
      socket_address: { address: 127.0.0.1, port_value: 10000 }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress_http
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: "/" }
                route:
                  cluster: upstream
          http_filters:
          - name: http-headers
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                vm_config:
                  runtime: envoy.wasm.runtime.v8
                  code:
                    local:
                      filename: /etc/envoy/http-headers.wasm
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: upstream
    type: STATIC
    load_assignment:
      cluster_name: upstream
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: { address: 127.0.0.1, port_value: 8080 }
`;

/** `text` with changes, each of what stands there exactly once. */
export function changed(text: string, ...changes: readonly (readonly [from: string, to: string])[]): string {
  let out = text;
  for (const [from, to] of changes) {
    if (out.split(from).length !== 2) throw new Error(`${JSON.stringify(from)} does not stand there once`);
    out = out.replace(from, () => to);
  }
  return out;
}

export const together = (...texts: readonly string[]): string => texts.join("---\n");
