import { LogLevel } from "../../abi/enums.js";
import type { Cluster, Host } from "../../proxy/envoy/peers.js";
import type { ListenerSettings, PluginConfig, ProxySettings, VirtualHost } from "../../proxy/envoy/settings.js";
import { refusedPort } from "../envoy/bootstrap-clusters.js";
import { merged } from "../envoy/merge.js";
import { pluginsOf } from "../envoy/places.js";
import type { ClusterName, JsonObject, LogLevel as LevelName, PluginSpec, Scenario } from "../envoy/scenario.js";
import { OriginScript } from "../envoy/wire/origin.js";
import { type World, OriginHost } from "./origin-hosts.js";
import { pluginOf } from "./plugins-of.js";
import { Reader } from "./reader.js";
import { mapperOf, metadataOf, routeOf } from "./routes-of.js";

/** A proxy that corresponds to a scenario's bootstrap, and the origins behind it. */
export interface Replayed {
  readonly settings: ProxySettings;
  readonly origins: ReadonlyMap<ClusterName, OriginScript>;
}

const levels: Readonly<Record<LevelName, LogLevel>> = {
  trace: LogLevel.Trace,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warn,
  error: LogLevel.Error,
  critical: LogLevel.Critical,
};

/**
 * What `bootstrapOf` is for an Envoy.
 *
 * @throws {HarnessError} OPTION_INVALID, by name, for what our proxy has nothing for; codes of modules that cannot be loaded.
 */
export async function settingsOf(scenario: Scenario, modules: string, world: World): Promise<Replayed> {
  const given = new Reader(scenario, `scenario "${scenario.name}"`);
  for (const name of replayed) given.raw(name);
  given.done();
  const { origins, clusters } = clustersOf(scenario, modules, world);
  const load = (kind: NonNullable<PluginSpec["kind"]>): Promise<PluginConfig[]> =>
    Promise.all(pluginsOf(scenario, kind).map((plugin) => pluginOf(plugin, scenario, modules)));
  const chain = scenario.tcp === true ? "network" : "http";
  for (const kind of [chain === "http" ? "network" : "http"] as const) {
    if (pluginsOf(scenario, kind).length > 0) new Reader({ [kind]: true }, "plugins").done();
  }
  const settings: ProxySettings = {
    plugins: await load(chain),
    accessLoggers: await load("access_log"),
    services: await load("service"),
    upstreamFilters: { up: await load("upstream") },
    statsSinks: { plugins: await load("stats_sink"), flushMs: 200 },
    virtualHosts: [virtualHostOf(scenario)],
    clusters,
    listener: listenerOf(scenario),
    properties: {},
    dynamicMetadata: dynamicMetadataOf(scenario),
    node: { id: "node-1", cluster: "cluster-1", metadata: { K: "v", N: 7 } },
    logLevel: levels[scenario.log_levels?.["wasm"] ?? "info"],
    foreignFunctions: {},
    workers: scenario.concurrency ?? 1,
    seed: 1,
    budgetMs: 10_000,
    trace: false,
    logsCrossings: scenario.log_levels?.["wasm"] === "trace",
  };
  return { settings, origins };
}

/** All members of a scenario that are made use of, here or by `replay`. */
const replayed: readonly (keyof Scenario)[] = [
  ...([
    "name",
    "doc",
    "plugins",
    "clients",
    "parallel",
    "upstreams",
    "upstreams_off",
    "downstream",
    "upstream",
    "tcp",
  ] as const),
  ...(["h1_trailers", "upstream_trailers", "buffer_limit", "upstream_limit", "stream_idle_timeout_ms"] as const),
  ...(["route_timeout", "routes", "extra_route", "extra_hcm", "extra_listener", "extra_cluster"] as const),
  ...(["extra_filters", "process_env", "access_log_fields", "concurrency", "log_level", "log_levels"] as const),
  ...(["wait_ms", "settle_ms", "start_timeout_ms", "stats_filter", "prometheus", "also", "mask", "unstable"] as const),
];

function virtualHostOf(scenario: Scenario): VirtualHost {
  const defaultRoute: JsonObject = {
    match: { prefix: "/" },
    name: "r-default",
    route: { cluster: "up", timeout: scenario.route_timeout ?? "15s" },
  };
  const routes = scenario.routes ?? [merged(defaultRoute, scenario.extra_route)];
  return { name: "vh", domains: ["*"], routes: routes.map((route, index) => routeOf(route, `routes[${index}]`)) };
}

function listenerOf(scenario: Scenario): ListenerSettings {
  const listener = new Reader(scenario.extra_listener ?? {}, "extra_listener");
  const directions = ["UNSPECIFIED", "INBOUND", "OUTBOUND"] as const;
  const direction = directions.indexOf(listener.oneOf("traffic_direction", directions) ?? "UNSPECIFIED");
  const metadata = metadataOf(listener) ?? {};
  listener.done();

  const manager = new Reader(scenario.extra_hcm ?? {}, "extra_hcm");
  const http1 = manager.object("http_protocol_options");
  const http2 = manager.object("http2_protocol_options");
  const reply = manager.object("local_reply_config");
  const settings: ListenerSettings = {
    address: "127.0.0.1:10000",
    bufferLimit: scenario.buffer_limit ?? 1024 * 1024,
    streamIdleTimeoutMs: scenario.stream_idle_timeout_ms ?? 300_000,
    enableTrailers: (http1?.flag("enable_trailers") ?? scenario.h1_trailers) === true,
    allowMetadata: http2?.flag("allow_metadata") ?? false,
    useRemoteAddress: manager.flag("use_remote_address") ?? false,
    localAddress: "<host>",
    acceptHttp10: http1?.flag("accept_http_10") ?? false,
    upgrades: manager.list("upgrade_configs").map((upgrade) => {
      const name = upgrade.text("upgrade_type") ?? "";
      upgrade.done();
      return name;
    }),
    localReplyMappers: reply?.list("mappers").map(mapperOf) ?? [],
    direction: direction as 0 | 1 | 2,
    metadata,
    maxHeaders: 100,
  };
  for (const reader of [http1, http2, reply, manager]) reader?.done();
  return settings;
}

/** The filter `set_metadata` in front of the plugins. */
function dynamicMetadataOf(scenario: Scenario): Record<string, unknown> {
  const metadata: Record<string, unknown> = {};
  for (const [index, filter] of scenario.extra_filters ?? []) {
    const reader = new Reader(filter, `extra_filters[${index}]`);
    reader.oneOf("name", ["envoy.filters.http.set_metadata"]);
    const config = reader.object("typed_config");
    config?.text("@type");
    for (const entry of config?.list("metadata") ?? []) {
      metadata[entry.text("metadata_namespace") ?? ""] = entry.raw("value");
      entry.done();
    }
    config?.done();
    reader.done();
  }
  return metadata;
}

function clustersOf(
  scenario: Scenario,
  modules: string,
  world: World,
): { origins: Map<ClusterName, OriginScript>; clusters: Map<string, Cluster> } {
  const origins = new Map<ClusterName, OriginScript>();
  const clusters = new Map<string, Cluster>();
  const limit = scenario.upstream_limit === false ? undefined : scenario.buffer_limit;
  for (const [name, port] of ports) {
    const over2 = name === "grpc" || (scenario.upstream === "http2" && (name === "up" || name === "up2"));
    const protocol = over2 ? "HTTP/2" : "HTTP/1.1";
    const extra = new Reader(scenario.extra_cluster?.[name] ?? {}, `extra_cluster.${name}`);
    const metadata = metadataOf(extra);
    const { enableTrailers, allowMetadata } = protocolOf(extra);
    const trailers = enableTrailers ?? (scenario.upstream_trailers === true && !over2);
    extra.done();
    const hosts: Host[] = [];
    const address = `127.0.0.1:${port}`;
    if (name === "refused" || scenario.upstreams_off?.includes(name)) hosts.push(refusing(address));
    else if (name !== "empty") {
      const speaks = scenario.tcp === true && name === "up" ? "tcp" : "http";
      const script = new OriginScript(name === "code" ? { modules } : { speaks }, scenario.upstreams?.[name]);
      origins.set(name, script);
      hosts.push(new OriginHost(address, protocol, script, world));
    }
    clusters.set(name, {
      name,
      protocol,
      hosts,
      ...(trailers && { enableTrailers: true }),
      ...(allowMetadata && { allowMetadata }),
      ...(limit !== undefined && (name === "up" || name === "up2") && { bufferLimit: limit }),
      ...(metadata && { metadata }),
    });
  }
  return { origins, clusters };
}

const ports: readonly (readonly [ClusterName, number])[] = [
  ["up", 20_001],
  ["up2", 20_002],
  ["call", 20_003],
  ["grpc", 20_004],
  ["code", 20_005],
  ["refused", refusedPort],
  ["empty", 0],
];

const refusing = (address: string): Host => ({
  address,
  refuses: true,
  open: () => {
    throw new Error("A host that refuses connections has no streams");
  },
});

/** What the protocol options of a cluster say. */
function protocolOf(cluster: Reader): { enableTrailers: boolean | undefined; allowMetadata: boolean | undefined } {
  const options = cluster.object("typed_extension_protocol_options");
  const http = options?.object("envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
  http?.text("@type");
  const explicit = http?.object("explicit_http_config");
  const http1 = explicit?.object("http_protocol_options");
  const http2 = explicit?.object("http2_protocol_options");
  const enableTrailers = http1?.flag("enable_trailers");
  const allowMetadata = http2?.flag("allow_metadata");
  for (const reader of [http1, http2, explicit, http, options]) reader?.done();
  return { enableTrailers, allowMetadata };
}
