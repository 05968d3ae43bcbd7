// What the oracles are asked about. Everything here is data, so that a test can make the same manifests with the sources.

/**
 * Options of `sidecarSet`, with the module's size for the module.
 *
 * @typedef {Omit<import("../../src/deploy/sidecar-set.js").SidecarSetOptions, "module"> & { readonly module: number }} SetCase
 */

/** Of the sources or of what was built.
 *
 * @typedef {{ readonly sidecarSet: typeof import("../../src/deploy/sidecar-set.js").sidecarSet }} Library
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
