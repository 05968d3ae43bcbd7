import { RE2JS } from "re2js";
import type { Json, JsonObject } from "../manifest/documents.js";
import { isObject } from "../manifest/documents.js";
import type { Chain, Proxy } from "./chains.js";
import { chainsOf } from "./chains.js";

/** What becomes of one patch of an EnvoyFilter. */
export interface Landing {
  /** In `spec.configPatches`, from 0. */
  readonly patch: number;
  /** Empty: nothing is touched, and Istio tells nobody. */
  readonly touched: readonly Touched[];
  /** Why nothing is touched, or what has to be known of what is; ends of sentences. */
  readonly notes: readonly string[];
}

export interface Touched extends Chain {
  /** `before envoy.filters.http.router` */
  readonly position: string;
}

export interface WhereOptions {
  /** Namespace of an EnvoyFilter that names none. Default: the proxy's. */
  readonly namespace?: string;
  /** Whose EnvoyFilters are for all namespaces. Default `istio-system`. */
  readonly rootNamespace?: string;
}

/**
 * The filter chains of a proxy that the HTTP filters of an EnvoyFilter are put into, as istiod of Istio 1.31 does it with the default mesh
 * configuration. The rules are those of test/recordings/manifests/deploy-landed.jsonl.
 *
 * Patches with another `applyTo` than HTTP_FILTER are left out.
 *
 * @param services Services of the mesh, as objects of Kubernetes; other objects are ignored.
 */
export function where(
  envoyFilter: JsonObject,
  services: readonly JsonObject[],
  proxy: Proxy,
  options: WhereOptions = {},
): Landing[] {
  const spec = objectOf(envoyFilter["spec"]);
  const patches = Array.isArray(spec["configPatches"]) ? spec["configPatches"].map(objectOf) : [];
  const nobody = whyNotThisProxy(envoyFilter, spec, proxy, options);
  const chains = chainsOf(services, proxy);
  return patches.flatMap((patch, index): Landing[] => {
    if (patch["applyTo"] !== "HTTP_FILTER") return [];
    if (nobody !== undefined) return [{ patch: index, touched: [], notes: [nobody] }];
    const { touched, notes } = landing(patch, chains, services, proxy);
    return [{ patch: index, touched, notes }];
  });
}

const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
const textOf = (value: Json | undefined): string | undefined => (typeof value === "string" ? value : undefined);

function whyNotThisProxy(
  { metadata }: JsonObject,
  spec: JsonObject,
  proxy: Proxy,
  { namespace = proxy.namespace, rootNamespace = "istio-system" }: WhereOptions,
): string | undefined {
  const own = textOf(objectOf(metadata)["namespace"]) ?? namespace;
  if (own !== proxy.namespace && own !== rootNamespace)
    return `the EnvoyFilter is in namespace ${own}, the pod in ${proxy.namespace}: put it there, or into ${rootNamespace}`;
  const selector = objectOf(spec["workloadSelector"]);
  const labels = Object.entries(objectOf(selector["labels"] ?? selector["matchLabels"]));
  const apart = labels.filter(([key, value]) => proxy.labels[key] !== value);
  if (apart.length > 0) {
    const wanted = apart.map(([key, value]) => `${key}=${String(value)}`).join(", ");
    const has = apart.map(([key]) => `${key}=${proxy.labels[key] ?? "(none)"}`).join(", ");
    return `workloadSelector wants ${wanted}, and the pod has ${has}`;
  }
  if (labels.length === 0 && Array.isArray(spec["targetRefs"]) && spec["targetRefs"].length > 0)
    return "targetRefs choose gateways and waypoints: no sidecar is meant";
  return undefined;
}

const manager = "envoy.filters.network.http_connection_manager";
const router = "envoy.filters.http.router";

function landing(
  patch: JsonObject,
  chains: readonly Chain[],
  services: readonly JsonObject[],
  proxy: Proxy,
): Omit<Landing, "patch"> {
  const nothing = (...notes: string[]) => ({ touched: [], notes });
  const match = objectOf(patch["match"]);
  const version = whyNotThisVersion(match, proxy);
  if (version !== undefined) return nothing(version);
  const context = textOf(match["context"]) ?? "ANY";
  const ofContext = chains.filter((one) => context === "ANY" || context === one.context);
  if (ofContext.length === 0) return nothing(noContext(context, proxy));
  const listener = isObject(match["listener"]) ? match["listener"] : undefined;
  const port = typeof listener?.["portNumber"] === "number" ? listener["portNumber"] : 0;
  const name = textOf(listener?.["name"]) ?? "";
  const ofPort = ofContext.filter((one) => port === 0 || port === one.port);
  if (ofPort.length === 0) return nothing(noPort(port, context, chains, services));
  const chainMatch = objectOf(listener?.["filterChain"]);
  const ofChain = ofPort.filter((one) => (name === "" || name === one.listener) && fitsChain(one, chainMatch));
  if (ofChain.length === 0)
    return nothing(`no filter chain on port ${port} has what match.listener names; there is ${listed(ofPort)}`);
  const http = ofChain.filter((one) => one.httpFilters !== undefined);
  if (http.length === 0) return nothing(noHttp(ofChain, services));
  const filter = isObject(chainMatch["filter"]) ? chainMatch["filter"] : undefined;
  if (filter !== undefined && filter["name"] !== manager)
    return nothing(`the network filter ${shown(filter["name"])} is in no chain: it is called ${manager}`);
  return placed(patch, filter, http, port);
}

function placed(
  { patch }: JsonObject,
  filter: JsonObject | undefined,
  chains: readonly Chain[],
  port: number,
): Omit<Landing, "patch"> {
  const operation = textOf(objectOf(patch)["operation"]) ?? "";
  const anchor =
    filter !== undefined && isObject(filter["subFilter"]) ? textOf(filter["subFilter"]["name"]) : undefined;
  const touched = chains.flatMap((chain): Touched[] => {
    const position = positionOf(operation, anchor, chain.httpFilters!);
    return position === undefined ? [] : [{ ...chain, position }];
  });
  const notes: string[] = [];
  if (touched.length === 0) {
    const has = chains[0]!.httpFilters!.join(", ");
    notes.push(
      anchor === undefined
        ? `operation ${operation} without a subFilter does nothing here`
        : `operation ${operation} at ${shown(anchor)} does nothing: by default the chain has ${has}`,
    );
  }
  if (touched.some(({ position }) => position === behind))
    notes.push("what stands behind the router makes Envoy refuse the listener: use INSERT_BEFORE at the router");
  if (port === 0 && touched.some(({ chain }) => chain === "virtualInbound-catchall-http"))
    notes.push(
      "without portNumber every inbound port is meant, those of no Service too (virtualInbound-catchall-http)",
    );
  return { touched, notes };
}

const behind = "last, behind the router";

/** Undefined: the operation leaves this chain as it is, or changes filters that are there. */
function positionOf(operation: string, anchor: string | undefined, filters: readonly string[]): string | undefined {
  if (operation === "INSERT_FIRST") return "first";
  if (operation === "ADD") return behind;
  if (anchor === undefined) {
    if (operation === "INSERT_BEFORE") return "first";
    return operation === "INSERT_AFTER" ? behind : undefined;
  }
  if (!filters.includes(anchor)) return undefined;
  if (operation === "INSERT_BEFORE") return `before ${anchor}`;
  if (operation === "INSERT_AFTER") return anchor === router ? behind : `after ${anchor}`;
  return operation === "REPLACE" ? `in the place of ${anchor}` : undefined;
}

function whyNotThisVersion(match: JsonObject, { version }: Proxy): string | undefined {
  const pattern = textOf(objectOf(match["proxy"])["proxyVersion"]);
  if (pattern === undefined || pattern === "") return undefined;
  if (version === undefined || version === "")
    return `proxyVersion ${shown(pattern)} matches no proxy that tells no version`;
  // istiod of 1.31 takes no longer one; what it cannot read matches nothing that anybody would mean
  if (pattern.length > 1024) return "proxyVersion has more than 1024 characters, and matches nothing";
  try {
    if (RE2JS.compile(pattern).matcher(version).find()) return undefined;
  } catch {
    return `proxyVersion ${shown(pattern)} is no regular expression of RE2`;
  }
  return `proxyVersion ${shown(pattern)} does not match the proxy's version ${version}`;
}

function noContext(context: string, proxy: Proxy): string {
  if (context === "SIDECAR_INBOUND" || context === "SIDECAR_OUTBOUND")
    return proxy.type === "gateway" ? `context ${context} is for sidecars` : "no Service given makes such a listener";
  return context === "GATEWAY" && proxy.type === "sidecar"
    ? "context GATEWAY is for gateways, and this is a sidecar"
    : `this proxy has no listener of context ${context}`;
}

function noPort(port: number, context: string, chains: readonly Chain[], services: readonly JsonObject[]): string {
  const ports = [
    ...new Set(chains.filter((one) => context === "ANY" || one.context === context).map((one) => one.port)),
  ];
  const known = ports.filter((one) => one !== 0).join(", ") || "none";
  const all = services.flatMap(({ spec }) => objectOf(spec)["ports"] ?? []).filter(isObject);
  const asService = all.find((one) => one["port"] === port);
  const asTarget = all.find((one) => (one["targetPort"] ?? one["port"]) === port);
  if (context === "SIDECAR_INBOUND" && asService !== undefined)
    return `${port} is the Service's port: inbound, portNumber is the container's, ${String(asService["targetPort"] ?? port)}`;
  if (context === "SIDECAR_OUTBOUND" && asTarget !== undefined)
    return `${port} is the container's port: outbound, portNumber is the Service's, ${String(asTarget["port"])}`;
  return `no listener of context ${context} has port ${port}; there is ${known}`;
}

function noHttp(chains: readonly Chain[], services: readonly JsonObject[]): string {
  const names = services
    .flatMap(({ spec }) => objectOf(spec)["ports"] ?? [])
    .filter(isObject)
    .filter((one) => chains.some(({ port }) => port === one["port"] || port === (one["targetPort"] ?? one["port"])))
    .map((one) => textOf(one["appProtocol"]) ?? textOf(one["name"]) ?? "(unnamed)");
  return `${listed(chains)} is plain TCP by the name or appProtocol of the Service's port (${names.join(", ")}): call it http, or http-…`;
}

function fitsChain(chain: Chain, match: JsonObject): boolean {
  const { name, destinationPort, sni, transportProtocol, applicationProtocols } = match;
  if (typeof name === "string" && name !== "" && name !== chain.chain) return false;
  if (typeof destinationPort === "number" && destinationPort > 0)
    return chain.context === "SIDECAR_INBOUND" && destinationPort === chain.port;
  if (typeof transportProtocol === "string" && transportProtocol !== "")
    return chain.transports.includes(transportProtocol);
  // what they are compared with stands in no chain that comes from a Service alone
  return (sni ?? "") === "" && (applicationProtocols ?? "") === "";
}

const shown = (value: Json | undefined): string => JSON.stringify(value ?? "");
const listed = (chains: readonly Chain[]): string =>
  [...new Set(chains.map(({ listener, chain }) => (chain === "" ? listener : `${listener}/${chain}`)))].join(", ");
