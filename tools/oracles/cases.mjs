// What the oracles are asked about. Everything here is data, so that a test can make the same manifests with the sources.

/**
 * Options of `sidecarSet`, with the module's size for the module.
 *
 * @typedef {Omit<import("../../src/deploy/sidecar-set.js").SidecarSetOptions, "module"> & { readonly module: number }} SetCase
 */

/** Of the sources or of what was built.
 *
 * @typedef {Pick<typeof import("../../src/deploy/sidecar-set.js"), "sidecarSet">} Library
 */

/**
 * @typedef {Pick<typeof import("../../src/deploy/envoyfilter.js"), "envoyFilter">
 *   & Pick<typeof import("../../src/deploy/wasmplugin.js"), "wasmPlugin" | "trafficExtension">
 *   & Pick<typeof import("../../src/deploy/envoyextensionpolicy.js"), "envoyExtensionPolicy">
 *   & Pick<typeof import("../../src/deploy/mounted-module.js"), "MountedModule" | "patchText">} FormsLibrary
 */

/**
 * @typedef {{ name?: string, protocol?: string, appProtocol?: string, port?: number, targetPort?: number }} WorldPort
 * @typedef {Record<string, { ports: WorldPort[], selector?: { app: string }, clusterIP?: string }>} World Services by their name.
 * @typedef {{ type: string, version: string, labels: Record<string, string>, namespace: string, ip?: string }} AskingProxy
 */

/** The sizes at which something changes: client-side apply, a ConfigMap. */
const sizes = [8, 196_000, 262_144, 1_048_576];

/** @type {SetCase} */
const seed = { module: 8, fileName: "http-headers.wasm", deployment: "go-httpbin", port: 8080, istio: "1.11" };
const { port: _port, ...anyPort } = seed;
const { istio: _istio, ...anyRelease } = seed;
const { port: _port2, ...bare } = anyRelease;
/** @type {readonly import("../../src/deploy/envoyfilter.js").PatchContext[]} */
const contexts = ["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "ANY"];

/** @type {Record<string, SetCase>} */
export const sets = {
  seed,
  bare,
  "any-port": anyPort,
  "any-release": anyRelease,
  ...Object.fromEntries(contexts.map((context) => [`context-${context}`, { ...seed, context }])),
  ...Object.fromEntries(contexts.map((context) => [`context-${context}-any-port`, { ...bare, context }])),
  ...Object.fromEntries(["1.24", "1.31"].map((istio) => [`istio-${istio}`, { ...seed, istio }])),
  "port-1": { ...seed, port: 1 },
  "port-65535": { ...seed, port: 65_535 },
  labels: { ...seed, labels: { app: "go-httpbin", version: "v1", "app.kubernetes.io/name": "go-httpbin" } },
  "label-without-value": { ...seed, labels: { app: "" } },
  "label-no": { ...seed, labels: { app: "no", version: "1.10" } },
  namespace: { ...seed, namespace: "shop" },
  "root-namespace": { ...seed, namespace: "istio-system" },
  ids: { ...seed, rootId: "headers", vmId: "vm-1" },
  "ids-like-numbers": { ...seed, rootId: "1.10", vmId: "no" },
  "insert-first": { ...seed, insert: "first" },
  "insert-after": { ...seed, insert: "after", anchor: "envoy.filters.http.cors" },
  "filter-name": { ...seed, filterName: "shop.headers", pluginName: "shop.headers" },
  priority: { ...seed, priority: -10 },
  "proxy-version": { ...seed, proxyVersion: "^1\\.(2[4-9]|3[01])\\..*" },
  environment: { ...seed, environment: { LOG_LEVEL: "debug", EMPTY: "", YES: "yes" } },
  "failure-policy": { ...seed, istio: "1.31", failurePolicy: "FAIL_RELOAD" },
  "configuration-json": { ...seed, configuration: '{"header":"x-team","value":"edge"}' },
  "configuration-lines": { ...seed, configuration: '{\n  "header": "x-team"\n}\n' },
  "configuration-on": { ...seed, configuration: "on" },
  "configuration-number": { ...seed, configuration: "1_0" },
  "configuration-null": { ...seed, configuration: "null" },
  "configuration-quotes": { ...seed, configuration: `it's "quoted" # {no: comment} \\n \t` },
  "configuration-unicode": { ...seed, configuration: "grüße 🎈 \u2028 \u0085" },
  "configuration-empty": { ...seed, configuration: "" },
  "configuration-spaces": { ...seed, configuration: "  leading\n\n trailing  " },
  "fail-open": { ...seed, failOpen: true },
  hashed: { ...seed, hashed: true },
  immutable: { ...seed, immutable: true },
  "mount-path": { ...seed, mountPath: "/opt/wasm/" },
  "mount-path-space": { ...seed, mountPath: "/opt/my filters" },
  "name-with-dots": { ...seed, fileName: "http.headers.v1.wasm" },
  "name-without-ending": { ...seed, fileName: "filter" },
  "deployment-with-dots": { ...seed, deployment: "go.httpbin" },
  ...Object.fromEntries(sizes.map((module) => [`module-of-${module}`, { ...seed, module }])),
};

/**
 * The module of so many bytes: WebAssembly's head, a custom section, and no text.
 *
 * @param {number} size
 */
export function moduleOf(size) {
  const module = Buffer.alloc(size, 0xff);
  Buffer.from("0061736d01000000", "hex").copy(module);
  if (size > 20) {
    Buffer.from("00", "hex").copy(module, 8);
    let rest = size - 14;
    for (let i = 9; i < 14; i++, rest >>>= 7) module[i] = (rest & 0x7f) | (i < 13 ? 0x80 : 0);
    module[14] = 0; // a section without a name
  }
  return module;
}

/**
 * The set of a case as files.
 *
 * @param {string} name
 * @param {Library} library
 */
export function filesOf(name, { sidecarSet }) {
  const { module, ...options } = /** @type {SetCase} */ (sets[name]);
  return sidecarSet({ ...options, module: moduleOf(module) });
}

// ------------------------------------------------------------------------------------------------ where filters land

/**
 * What Services ask of istiod: each is a world of its own, with one pod `app: go-httpbin, version: v1` in `default`.
 *
 * @type {Record<string, World>}
 */
export const worlds = {
  http: one({ name: "http" }),
  "http-web": one({ name: "http-web" }),
  http2: one({ name: "http2" }),
  grpc: one({ name: "grpc" }),
  "grpc-web": one({ name: "grpc-web" }),
  https: one({ name: "https" }),
  tls: one({ name: "tls" }),
  tcp: one({ name: "tcp" }),
  mongo: one({ name: "mongo" }),
  mysql: one({ name: "mysql" }),
  redis: one({ name: "redis" }),
  udp: one({ name: "udp", protocol: "UDP" }),
  unnamed: one({}),
  "other-name": one({ name: "web" }),
  "app-protocol-http": one({ name: "web", appProtocol: "http" }),
  "app-protocol-h2c": one({ name: "web", appProtocol: "kubernetes.io/h2c" }),
  "app-protocol-ws": one({ name: "web", appProtocol: "kubernetes.io/ws" }),
  "app-protocol-wss": one({ name: "web", appProtocol: "kubernetes.io/wss" }),
  "app-protocol-grpc": one({ name: "tcp", appProtocol: "grpc" }),
  "app-protocol-over-name": one({ name: "http", appProtocol: "tcp" }),
  "app-protocol-unknown": one({ name: "http", appProtocol: "example.com/x" }),
  "http-same-port": one({ name: "http", port: 8080 }),
  "port-3306": one({ port: 3306 }),
  "http-on-3306": one({ name: "http", port: 3306 }),
  headless: one({ name: "http" }, { clusterIP: "None" }),
  "headless-tcp": one({ name: "tcp" }, { clusterIP: "None" }),
  "headless-unnamed": one({}, { clusterIP: "None" }),
  "no-selector-match": one({ name: "http" }, { selector: { app: "other" } }),
  "two-ports": { go: { ports: [{ name: "http" }, { name: "tcp-admin", port: 9000, targetPort: 9090 }] } },
  "two-services-one-port": {
    go: { ports: [{ name: "http" }] },
    also: { clusterIP: "10.96.0.11", ports: [{ name: "http", port: 8001 }] },
  },
  "http-and-tcp-on-one-port": {
    go: { ports: [{ name: "http" }] },
    also: { clusterIP: "10.96.0.11", selector: { app: "other" }, ports: [{ name: "tcp" }] },
  },
  "another-service": {
    go: { ports: [{ name: "http" }] },
    also: {
      clusterIP: "10.96.0.11",
      selector: { app: "other" },
      ports: [
        { name: "http", port: 8000 },
        { name: "grpc", port: 9000 },
      ],
    },
  },
};

/**
 * @param {WorldPort} port
 * @param {{ clusterIP?: string, selector?: { app: string } }} more
 * @returns {World}
 */
function one(port, more = {}) {
  return { go: { ports: [port], ...more } };
}

/**
 * The Services of such a world.
 *
 * @param {World} world
 */
export function servicesOf(world) {
  return Object.entries(world).map(([name, { ports, selector = { app: "go-httpbin" }, clusterIP = "10.96.0.10" }]) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: {
      clusterIP,
      selector,
      ports: ports.map((port) => ({ protocol: "TCP", port: 8000, targetPort: 8080, ...port })),
    },
  }));
}

const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "go-httpbin-1", namespace: "default", labels: { app: "go-httpbin", version: "v1" } },
  spec: { serviceAccountName: "default", containers: [{ name: "c", image: "i", ports: [{ containerPort: 8080 }] }] },
  status: { podIP: "10.10.0.1", phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
};

/**
 * All objects of such a world, as YAML.
 *
 * @param {World} world
 */
export function objectsOf(world) {
  const services = servicesOf(world);
  const slices = services
    .filter(({ spec }) => spec.selector.app === "go-httpbin")
    .map(({ metadata: { name }, spec }) => ({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-a`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: spec.ports.map(({ targetPort, port: _port, ...rest }) => ({ ...rest, port: targetPort })),
      endpoints: [
        {
          addresses: ["10.10.0.1"],
          conditions: { ready: true },
          targetRef: { kind: "Pod", name: "go-httpbin-1", namespace: "default" },
        },
      ],
    }));
  return [...services, pod, ...slices].map((object) => JSON.stringify(object)).join("\n---\n");
}

/** A gateway's own configuration: without it a gateway has no listener. */
export const gateway = JSON.stringify({
  apiVersion: "networking.istio.io/v1",
  kind: "Gateway",
  metadata: { name: "gateway", namespace: "default" },
  spec: {
    selector: { app: "go-httpbin" },
    servers: [{ port: { number: 8080, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
  },
});

const labels = { app: "go-httpbin", version: "v1" };
/**
 * Who asks for listeners.
 *
 * @type {Record<string, AskingProxy>}
 */
export const proxies = {
  seed: { type: "sidecar", version: "1.11.2", labels, namespace: "default" },
  newest: { type: "sidecar", version: "1.31.0", labels, namespace: "default" },
  "1.110": { type: "sidecar", version: "1.110.0", labels, namespace: "default" },
  "no-version": { type: "sidecar", version: "", labels, namespace: "default" },
  "other-label": { type: "sidecar", version: "1.11.2", labels: { app: "other" }, namespace: "default" },
  "other-namespace": { type: "sidecar", version: "1.11.2", labels, namespace: "other" },
  // what a client of a headless Service sees, which the Service's own pod does not
  "another-pod": { type: "sidecar", version: "1.31.0", labels, namespace: "default", ip: "10.10.0.9" },
  gateway: { type: "router", version: "1.11.2", labels, namespace: "default" },
};

/**
 * Options of `sidecarSet` whose EnvoyFilter is looked for: every match that it can write.
 *
 * @type {Record<string, SetCase>}
 */
export const placed = {
  seed,
  ...Object.fromEntries(
    contexts.flatMap((context) =>
      [undefined, 8000, 8080, 9999, 15_006].map((port) => [
        `${context}-${port ?? "any"}`,
        { ...bare, context, ...(port !== undefined && { port }) },
      ]),
    ),
  ),
  "release-1.31": { ...bare, istio: "1.31" },
  "release-1.1": { ...bare, istio: "1.1" },
  "insert-first": { ...bare, insert: "first" },
  "before-cors": { ...bare, anchor: "envoy.filters.http.cors" },
  "after-cors": { ...bare, insert: "after", anchor: "envoy.filters.http.cors" },
  "before-alpn": { ...bare, context: "ANY", anchor: "istio.alpn" },
  "before-nothing": { ...bare, anchor: "istio.stats" },
  "proxy-version": { ...bare, proxyVersion: "^1\\.(2[4-9]|3[01])\\..*" },
  "filter-name": { ...bare, filterName: "shop.headers" },
  priority: { ...bare, priority: 10 },
  "root-namespace": { ...bare, namespace: "istio-system" },
  "other-namespace": { ...bare, namespace: "other" },
  "version-label": { ...bare, labels: { version: "v1" } },
  "wrong-label": { ...bare, labels: { app: "go-httpbin", version: "v2" } },
};

/**
 * The EnvoyFilter of one of `placed`.
 *
 * @param {string} name
 * @param {Library} library
 * @returns {string}
 */
export function placedFilter(name, { sidecarSet }) {
  const { module, ...options } = /** @type {SetCase} */ (placed[name]);
  return sidecarSet({ ...options, module: moduleOf(module) }).find(([file]) => file === "envoyfilter.yaml")?.[1] ?? "";
}

const inEachWorld = new Set([
  "SIDECAR_INBOUND-any",
  "SIDECAR_INBOUND-8080",
  "SIDECAR_OUTBOUND-any",
  "SIDECAR_OUTBOUND-8000",
  "ANY-any",
  "ANY-8000",
]);

/**
 * In which worlds, of which proxies, an EnvoyFilter is looked for.
 *
 * @param {string} filter
 */
export function placesOf(filter) {
  const places = Object.keys(proxies).map((proxy) => ({ world: "http", proxy }));
  if (inEachWorld.has(filter))
    for (const world of Object.keys(worlds)) if (world !== "http") places.push({ world, proxy: "newest" });
  if (filter.startsWith("SIDECAR_OUTBOUND"))
    for (const world of Object.keys(worlds))
      if (world.startsWith("headless")) places.push({ world, proxy: "another-pod" });
  // the other pod is no endpoint of the Service: what is inbound there is not asked
  return places.filter(({ proxy }) => proxy !== "another-pod" || filter.startsWith("SIDECAR_OUTBOUND"));
}

// ------------------------------------------------------------------------------------------------ single documents

const digest = "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476";
const image = { name: "http-headers", url: "oci://registry.example.com/team/http-headers:v1", sha256: digest };
const http = { ...image, url: "https://modules.example.com/http-headers.wasm" };
const file = { name: "http-headers", url: "file:///var/local/lib/wasm-filters/http-headers.wasm" };
const labels1 = { app: "go-httpbin" };
const plugin = { ...image, labels: labels1 };

/** @type {Record<string, import("../../src/deploy/wasmplugin.js").WasmPluginOptions>} */
const pluginForms = {
  image: plugin,
  http: { ...http, labels: labels1 },
  file: { ...file, labels: labels1 },
  everywhere: { ...image, namespace: "istio-system" },
  gateway: { ...image, target: "Gateway/edge" },
  service: { ...image, target: "Service/shop" },
  "phase-authn": { ...plugin, phase: "AUTHN", priority: 10 },
  "phase-stats": { ...plugin, phase: "STATS", priority: -1 },
  match: { ...plugin, mode: "SERVER", port: 8080 },
  client: { ...plugin, mode: "CLIENT" },
  "fail-open": { ...plugin, failOpen: true },
  reloads: { ...plugin, reloads: true },
  configuration: {
    ...plugin,
    rootId: "headers",
    configuration: '{"header":"x-team","list":[1,2.5,true,null],"on":"no"}',
  },
  environment: { ...plugin, environment: { LOG_LEVEL: "debug", EMPTY: "" } },
  secret: { ...plugin, pullSecret: "registry-login" },
};

const policy = { ...image, target: "HTTPRoute/shop" };
/** @type {Record<string, import("../../src/deploy/envoyextensionpolicy.js").EnvoyExtensionPolicyOptions>} */
const policyForms = {
  image: policy,
  http: { ...http, target: "HTTPRoute/shop" },
  gateway: { ...image, target: "Gateway/edge" },
  grpc: { ...image, target: "GRPCRoute/shop" },
  configuration: { ...policy, rootId: "headers", configuration: '{"header":"x-team","list":[1,2.5,true,null]}' },
  "fail-open": { ...policy, failOpen: true },
  secret: { ...policy, pullSecret: "registry-login" },
};

const remote = { url: http.url, sha256: digest };
/** @type {Record<string, import("../../src/deploy/envoyfilter.js").EnvoyFilterOptions>} */
const filterForms = {
  http: { name: "http-headers-filter", labels: labels1, code: remote },
  image: { name: "http-headers-filter", labels: labels1, namespace: "shop", code: { ...remote, url: image.url } },
  settings: {
    name: "http-headers-filter",
    labels: labels1,
    port: 8080,
    rootId: "headers",
    configuration: '{"header":"x-team"}',
    failOpen: true,
    code: remote,
  },
};

/** @type {Record<string, import("../../src/deploy/mounted-module.js").MountedModuleOptions>} */
const patchForms = {
  gateway: { module: moduleOf(8), fileName: "http-headers.wasm" },
  hashed: { module: moduleOf(8), fileName: "http-headers.wasm", hashed: true, mountPath: "/opt/wasm" },
};

/**
 * Documents that are no part of a set, by kind and case: `WasmPlugin image`.
 *
 * @param {FormsLibrary} library
 * @returns {(readonly [name: string, text: string])[]}
 */
export function formsOf({ envoyFilter, wasmPlugin, trafficExtension, envoyExtensionPolicy, MountedModule, patchText }) {
  /** @template T @param {string} kind @param {Record<string, T>} forms @param {(options: T) => string} make */
  const all = (kind, forms, make) =>
    Object.entries(forms).map(([name, options]) => /** @type {const} */ ([`${kind} ${name}`, make(options)]));
  return [
    ...all("EnvoyFilter", filterForms, envoyFilter),
    ...all("WasmPlugin", pluginForms, wasmPlugin),
    ...all("TrafficExtension", pluginForms, trafficExtension),
    ...all("EnvoyExtensionPolicy", policyForms, envoyExtensionPolicy),
    ...all("gateway-patch", patchForms, (options) => patchText(new MountedModule(options).gatewayPatch())),
  ];
}
