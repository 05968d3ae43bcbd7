import type { Json, JsonObject } from "../manifest/documents.js";
import { isObject, valueAt } from "../manifest/documents.js";
import type { PortProtocol } from "../manifest/port-protocol.js";
import { portProtocol } from "../manifest/port-protocol.js";

/** A proxy of the mesh, as far as listeners depend on it. */
export interface Proxy {
  readonly type: "sidecar" | "gateway";
  /** What it tells istiod: `1.11.2`. */
  readonly version?: string;
  /** Of its pod. */
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  /** HTTP ports that a gateway listens on. Default: none. */
  readonly gatewayPorts?: readonly number[];
}

/** One filter chain of a listener; those that differ in their transport only are one. */
export interface Chain {
  readonly context: "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY";
  /** `virtualInbound`, `0.0.0.0_8000` */
  readonly listener: string;
  /** `0.0.0.0_8080`; "" where istiod gives no name. */
  readonly chain: string;
  /** What `portNumber` is compared with; 0: none. */
  readonly port: number;
  /** `tls`, `raw_buffer`; empty: any. */
  readonly transports: readonly string[];
  /** In order, the router last; undefined: a chain of TCP. */
  readonly httpFilters?: readonly string[];
}

/**
 * The filter chains that istiod of Istio 1.31 makes of Services, with the default mesh configuration; recorded in
 * test/recordings/manifests/deploy-chains.jsonl. Deployments among them say what named ports are. Chains that drop or pass what belongs to no Service are left out, but for the one with HTTP.
 */
export function chainsOf(services: readonly JsonObject[], proxy: Proxy): Chain[] {
  if (proxy.type === "gateway") {
    return (proxy.gatewayPorts ?? []).map((port) => ({
      context: "GATEWAY",
      listener: `0.0.0.0_${port}`,
      chain: "",
      port,
      transports: [],
      httpFilters: filters("GATEWAY", "http"),
    }));
  }
  const named = namedPorts(services);
  const all = services.flatMap((one) => portsOf(one, named, proxy.namespace));
  const own = all.filter((one) => one.namespace === proxy.namespace && selects(one.selector, proxy.labels));
  return unique([...all.flatMap(outbound), ...own.flatMap(inbound), catchAll]);
}

interface Port {
  readonly namespace: string;
  readonly selector: JsonObject;
  readonly clusterIP: string;
  readonly port: number;
  readonly targetPort: number;
  readonly protocol: PortProtocol;
}

const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});

/** Ports of containers that have a name, of the Deployments among these. */
export function namedPorts(objects: readonly JsonObject[]): ReadonlyMap<string, number> {
  const containers = objects
    .filter(({ kind }) => kind === "Deployment")
    .flatMap((one) => valueAt(one, ["spec", "template", "spec", "containers"]) ?? []);
  const ports = containers.flatMap((one) => valueAt(one, ["ports"]) ?? []).map(objectOf);
  return new Map(ports.map(({ name, containerPort }) => [String(name), Number(containerPort)]));
}

function portsOf({ kind, metadata, spec }: JsonObject, named: ReadonlyMap<string, number>, own: string): Port[] {
  if (kind !== "Service") return [];
  const { namespace, name } = objectOf(metadata);
  const { ports, selector, clusterIP } = objectOf(spec);
  return (Array.isArray(ports) ? ports : []).filter(isObject).flatMap((one) => {
    const port = one["port"];
    if (typeof port !== "number") return [];
    const target = one["targetPort"] ?? port;
    const targetPort = typeof target === "number" ? target : (named.get(String(target)) ?? 0);
    return [
      {
        namespace: typeof namespace === "string" ? namespace : own,
        selector: objectOf(selector),
        clusterIP: typeof clusterIP === "string" && clusterIP !== "" ? clusterIP : `(clusterIP of ${String(name)})`,
        port,
        targetPort,
        protocol: portProtocol(one),
      },
    ];
  });
}

const both = ["tls", "raw_buffer"];

function inbound({ targetPort, protocol }: Port): Chain[] {
  const chain = `0.0.0.0_${targetPort}`;
  const one = {
    context: "SIDECAR_INBOUND",
    listener: "virtualInbound",
    chain,
    port: targetPort,
    transports: both,
  } as const;
  if (protocol === "tcp" || protocol === "udp") return [one];
  const http = { ...one, httpFilters: filters("SIDECAR_INBOUND", protocol) };
  return protocol === "told by the bytes" ? [http, one] : [http];
}

const catchAll: Chain = {
  context: "SIDECAR_INBOUND",
  listener: "virtualInbound",
  chain: "virtualInbound-catchall-http",
  port: 0,
  transports: both,
  httpFilters: filters("SIDECAR_INBOUND", "http"),
};

function outbound({ clusterIP, port, protocol }: Port): Chain[] {
  if (protocol === "udp") return [];
  const http = protocol === "http" || protocol === "grpc-web";
  // without an address there are listeners for each pod's
  const address = http ? "0.0.0.0" : clusterIP === "None" ? "(each pod's IP)" : clusterIP;
  const one = { context: "SIDECAR_OUTBOUND", listener: `${address}_${port}`, chain: "", port } as const;
  const plain = { ...one, transports: [] };
  if (protocol === "tcp") return [plain];
  const withHttp = { ...one, transports: ["raw_buffer"], httpFilters: filters("SIDECAR_OUTBOUND", protocol) };
  return protocol === "told by the bytes" ? [withHttp, plain] : [withHttp];
}

function filters(context: Chain["context"], protocol: PortProtocol): string[] {
  return [
    "istio.metadata_exchange",
    ...(protocol === "grpc-web" ? ["envoy.filters.http.grpc_web"] : []),
    "envoy.filters.http.grpc_stats",
    ...(context === "SIDECAR_INBOUND" ? [] : ["istio.alpn"]),
    "envoy.filters.http.fault",
    "envoy.filters.http.cors",
    "envoy.filters.http.router",
  ];
}

const selects = (selector: JsonObject, labels: Proxy["labels"]): boolean =>
  Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => labels[key] === value);

/** Two Services may share a listener; the first one's is made. */
function unique(chains: readonly Chain[]): Chain[] {
  const seen = new Set<string>();
  return chains.filter(({ listener, chain, httpFilters }) => {
    const key = `${listener} ${chain} ${httpFilters === undefined ? "tcp" : "http"}`;
    return !seen.has(key) && seen.add(key);
  });
}
