import { checkNames, checkPort, refusal } from "./checks.js";
import { istioMinor, needs } from "./istio-release.js";
import type { PluginSettings } from "./plugin-config.js";
import { localCode, pluginConfig, wasmType } from "./plugin-config.js";
import { comment, manifest, text } from "./yaml.js";

/** Where a filter stands among a sidecar's listeners. */
export type PatchContext = "SIDECAR_INBOUND" | "SIDECAR_OUTBOUND" | "GATEWAY" | "ANY";
export const patchContexts: readonly PatchContext[] = ["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "ANY"];

/** Where in the chain: before or after the anchor, or before all others. */
export const insertPositions = ["before", "after", "first"] as const;
export type InsertPosition = (typeof insertPositions)[number];

/** A module that the sidecar fetches by itself. */
export interface RemoteCode {
  /** `https://…`, `http://…` or `oci://…`. */
  readonly url: string;
  /** Of the module, or of the image's manifest: 64 hexadecimal digits. */
  readonly sha256: string;
  /** Default 30. */
  readonly timeoutSeconds?: number;
}

export interface EnvoyFilterOptions extends PluginSettings {
  /** Of the object. */
  readonly name: string;
  readonly namespace?: string;
  /** Of the pods. */
  readonly labels: Readonly<Record<string, string>>;
  /** Default SIDECAR_INBOUND. */
  readonly context?: PatchContext;
  /** The port of the listener: inbound the container's, outbound the Service's. Default: every one. */
  readonly port?: number;
  /** Only proxies of this minor release, `1.11`. Default: any. */
  readonly istio?: string;
  /** Instead of what `istio` makes: a regular expression over the proxy's version. */
  readonly proxyVersion?: string;
  /** Name of the HTTP filter. Default `envoy.filters.http.wasm`; for remote code `<namespace>/<name>`. */
  readonly filterName?: string;
  /** Default `before`. */
  readonly insert?: InsertPosition;
  /** The filter that it is put before or after. Default `envoy.filters.http.router`. */
  readonly anchor?: string;
  /** Order among EnvoyFilters. Default: none is written, which is 0. */
  readonly priority?: number;
  /** A file in the proxy, or what it fetches. */
  readonly code: { readonly file: string } | RemoteCode;
}

const router = "envoy.filters.http.router";
const connectionManager = "envoy.filters.network.http_connection_manager";

/**
 * An EnvoyFilter that puts the plugin into HTTP listeners.
 *
 * With remote code it is two patches, the extension's configuration and the filter that discovers it: that the sidecar fetches the
 * module then is Istio's doing, since 1.9.
 *
 * @throws {HarnessError} OPTION_INVALID for names, ports and releases that do not exist, and a place behind the router.
 */
export function envoyFilter(options: EnvoyFilterOptions): string {
  const {
    name,
    namespace,
    labels,
    context = "SIDECAR_INBOUND",
    port,
    istio,
    insert = "before",
    anchor = router,
  } = options;
  const { code, priority, failurePolicy } = options;
  const proxyVersion = options.proxyVersion ?? (istio === undefined ? undefined : `^${istio.replace(".", "\\.")}.*`);
  checkNames({ name, namespace });
  checkPort(port);
  istioMinor(istio);
  if (failurePolicy !== undefined) needs(istio, 25, "failure_policy", "use --fail-open, or none for closed");
  if (insert === "after" && anchor === router)
    throw refusal("nothing may stand behind the router: name another filter with --anchor, or insert before");
  if (priority !== undefined && !(Number.isInteger(priority) && Math.abs(priority) < 2 ** 31))
    throw refusal(`${priority} is no priority: it is a whole number of 32 bits`);
  const listener = {
    ...(port !== undefined && { portNumber: port }),
    filterChain: {
      filter: {
        name: connectionManager,
        ...(insert !== "first" && { subFilter: { name: anchor } }),
      },
    },
  };
  const proxy = proxyVersion === undefined ? {} : { proxy: { proxyVersion } };
  const operation = `INSERT_${insert.toUpperCase()}`;
  const filterName =
    options.filterName ?? ("file" in code ? "envoy.filters.http.wasm" : `${namespace ?? "wasm"}/${name}`);
  const config = pluginConfig(options, "file" in code ? localCode(code.file) : remoteCode(code));
  const typed = {
    "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
    type_url: wasmType,
    value: { config },
  };
  const insertion = (value: object): object => ({
    applyTo: "HTTP_FILTER",
    match: { context, ...proxy, listener },
    patch: { operation, value },
  });
  const patches =
    "file" in code
      ? [insertion({ name: filterName, typed_config: typed })]
      : [
          {
            applyTo: "EXTENSION_CONFIG",
            match: { context, ...proxy },
            patch: { operation: "ADD", value: { name: filterName, typed_config: typed } },
          },
          insertion({ name: filterName, config_discovery: discovery }),
        ];
  const document = manifest({
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec: {
      ...(priority !== undefined && { priority }),
      configPatches: patches,
      workloadSelector: { labels },
    },
  });
  const at = ["spec", "configPatches", 0, "patch", "value", "typed_config", "value", "config"];
  comment(document, at, "configuration", "text as a StringValue: a Struct would reach the plugin as protobuf bytes");
  comment(
    document,
    at,
    "vm_config",
    "file" in code
      ? "the file is mounted from the ConfigMap: apply that and the Deployment's patch first"
      : "the sidecar fetches it; requests wait for it, and are refused when it cannot be had",
  );
  if (failurePolicy !== undefined) comment(document, at, "failure_policy", "Istio 1.25 and newer");
  return text(document);
}

const discovery = {
  config_source: { ads: {}, initial_fetch_timeout: "0s" },
  // the second lets Istio put an allow or deny in place of a module that could not be fetched
  type_urls: [wasmType, "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"],
};

function remoteCode({ url, sha256, timeoutSeconds = 30 }: RemoteCode): object {
  if (!/^(https?|oci):\/\/[^/]+\/.+/.test(url))
    throw refusal(`"${url}" is no https://, http:// or oci:// address of a module`);
  return { remote: { http_uri: { uri: url, timeout: `${timeoutSeconds}s` }, sha256 } };
}
