import { accessLogOf } from "./access-log.js";
import { httpFilter, pluginConfig } from "./bootstrap-plugin.js";
import { clustersOf } from "./bootstrap-clusters.js";
import { merged } from "./merge.js";
import { type Places, pluginsOf, seconds } from "./places.js";
import type { JsonObject, Scenario } from "./scenario.js";

const type = (name: string): string => `type.googleapis.com/${name}`;

/** The bootstrap of an Envoy that runs a scenario, on ports of the system's choice (0). */
export function bootstrapOf(scenario: Scenario, places: Places): JsonObject {
  const bootstrap: JsonObject = {
    node: { id: "node-1", cluster: "cluster-1", metadata: { K: "v", N: 7 } },
    admin: { address: loopback(0) },
    static_resources: { listeners: [listenerOf(scenario, places)], clusters: clustersOf(scenario, places) },
    ...extensionsOf(scenario, places),
    ...(scenario.runtime && { layered_runtime: { layers: [{ name: "static", static_layer: scenario.runtime }] } }),
  };
  return merged(bootstrap, scenario.extra_bootstrap);
}

const loopback = (port: number): JsonObject => ({ socket_address: { address: "127.0.0.1", port_value: port } });

function listenerOf(scenario: Scenario, places: Places): JsonObject {
  const network = pluginsOf(scenario, "network").map((plugin) => ({
    name: plugin.name ?? "p",
    typed_config: {
      "@type": type("envoy.extensions.filters.network.wasm.v3.Wasm"),
      config: pluginConfig(plugin, places),
    },
  }));
  const last = scenario.tcp
    ? {
        name: "tcp",
        typed_config: {
          "@type": type("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"),
          stat_prefix: "tcp",
          cluster: "up",
          access_log: accessLogOf(scenario, places),
        },
      }
    : { name: "hcm", typed_config: connectionManagerOf(scenario, places) };
  const listener: JsonObject = {
    name: "in",
    address: loopback(0),
    filter_chains: [{ filters: [...network, last] }],
    ...(scenario.buffer_limit !== undefined && { per_connection_buffer_limit_bytes: scenario.buffer_limit }),
  };
  return merged(listener, scenario.extra_listener);
}

function connectionManagerOf(scenario: Scenario, places: Places): JsonObject {
  const defaultRoute: JsonObject = {
    match: { prefix: "/" },
    name: "r-default",
    route: { cluster: "up", timeout: scenario.route_timeout ?? "15s" },
  };
  const routes = scenario.routes ?? [merged(defaultRoute, scenario.extra_route)];
  const manager: JsonObject = {
    "@type": type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "in",
    codec_type: "AUTO",
    route_config: { name: "rc", virtual_hosts: [{ name: "vh", domains: ["*"], routes }] },
    http_filters: httpFiltersOf(scenario, places),
    access_log: accessLogOf(scenario, places),
    ...(scenario.stream_idle_timeout_ms && { stream_idle_timeout: seconds(scenario.stream_idle_timeout_ms) }),
    ...(scenario.h1_trailers && { http_protocol_options: { enable_trailers: true } }),
  };
  return merged(manager, scenario.extra_hcm);
}

function httpFiltersOf(scenario: Scenario, places: Places): JsonObject[] {
  const filters: JsonObject[] = pluginsOf(scenario, "http").map((plugin) => httpFilter(plugin, places));
  for (const [index, filter] of scenario.extra_filters ?? []) filters.splice(index, 0, filter);
  filters.push({
    name: "envoy.filters.http.router",
    typed_config: { "@type": type("envoy.extensions.filters.http.router.v3.Router") },
  });
  return filters;
}

function extensionsOf(scenario: Scenario, places: Places): JsonObject {
  const services = pluginsOf(scenario, "service").map((plugin) => ({
    name: plugin.name ?? "p",
    typed_config: {
      "@type": type("envoy.extensions.wasm.v3.WasmService"),
      singleton: plugin.singleton ?? true,
      config: pluginConfig(plugin, places),
    },
  }));
  const sinks = pluginsOf(scenario, "stats_sink").map((plugin) => ({
    name: plugin.name ?? "p",
    typed_config: { "@type": type("envoy.extensions.stat_sinks.wasm.v3.Wasm"), config: pluginConfig(plugin, places) },
  }));
  return {
    ...(services.length > 0 && { bootstrap_extensions: services }),
    ...(sinks.length > 0 && { stats_sinks: sinks, stats_flush_interval: "0.200s" }),
  };
}
