import { httpFilter } from "./bootstrap-plugin.js";
import { type Places, pluginsOf } from "./places.js";
import { merged } from "./merge.js";
import type { ClusterName, JsonObject, Scenario } from "./scenario.js";

/** Nothing listens there, and connecting is refused at once. */
export const refusedPort = 1;

/** The seven clusters every scenario has. */
export function clustersOf(scenario: Scenario, places: Places): JsonObject[] {
  const limit = scenario.upstream_limit === false ? undefined : scenario.buffer_limit;
  const routed: JsonObject = limit === undefined ? {} : { per_connection_buffer_limit_bytes: limit };
  const upstreamFilters = pluginsOf(scenario, "upstream").map((plugin) => httpFilter(plugin, places));
  const overHttp2 = scenario.upstream === "http2";
  const cluster = (name: ClusterName, port: number | undefined, http2: boolean, extra: JsonObject = {}): JsonObject => {
    const base: JsonObject = {
      name,
      connect_timeout: "1s",
      type: "STATIC",
      load_assignment: { cluster_name: name, endpoints: port === undefined ? [] : [endpoint(port)] },
      ...protocolOf(http2, scenario.upstream_trailers === true, name === "up" ? upstreamFilters : []),
    };
    return merged(base, scenario.extra_cluster?.[name] ?? extra);
  };
  const { ports } = places;
  return [
    cluster("up", ports.up, overHttp2, routed),
    cluster("up2", ports.up2, overHttp2, routed),
    cluster("call", ports.call, false),
    cluster("grpc", ports.grpc, true),
    cluster("code", ports.code, false),
    cluster("refused", ports.refused, false),
    cluster("empty", undefined, false),
  ];
}

const endpoint = (port: number): JsonObject => ({
  lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }],
});

function protocolOf(http2: boolean, trailers: boolean, plugins: readonly JsonObject[]): JsonObject {
  if (!http2 && !trailers && plugins.length === 0) return {};
  const explicit = http2
    ? { http2_protocol_options: {} }
    : { http_protocol_options: trailers ? { enable_trailers: true } : {} };
  const codec = {
    name: "envoy.filters.http.upstream_codec",
    typed_config: { "@type": type("envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec") },
  };
  return {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": type("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"),
        explicit_http_config: explicit,
        ...(plugins.length > 0 && { http_filters: [...plugins, codec] }),
      },
    },
  };
}

const type = (name: string): string => `type.googleapis.com/${name}`;
