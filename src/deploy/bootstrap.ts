import { checkPort, refusal } from "./checks.js";
import type { PluginSettings } from "./plugin-config.js";
import { localCode, pluginConfig, wasmType } from "./plugin-config.js";
import { comment, manifest, text } from "./yaml.js";

export interface BootstrapOptions extends PluginSettings {
  /** Of the filter. */
  readonly name: string;
  /** The module where Envoy reads it: an absolute path. */
  readonly file: string;
  /** Default 10000, on the loopback address. */
  readonly port?: number;
  /** `host:port`. Default `127.0.0.1:8080`. */
  readonly upstream?: string;
}

const type = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`;

/**
 * A static configuration of Envoy with the plugin before the router, to be run here: `envoy -c envoy.yaml`.
 *
 * @throws {HarnessError} OPTION_INVALID
 */
export function bootstrap(options: BootstrapOptions): string {
  const { name, file, port = 10_000, upstream = "127.0.0.1:8080" } = options;
  checkPort(port);
  const [, host, upstreamPort] = /^(\[[^\]]+\]|[^:/]+):(\d+)$/.exec(upstream) ?? [];
  if (host === undefined) throw refusal(`"${upstream}" is no upstream: write host:port`);
  checkPort(Number(upstreamPort));
  if (!file.startsWith("/")) throw refusal(`"${file}" is no absolute path: Envoy would look from where it was started`);
  const address = (host_: string, value: number): object => ({
    address: { socket_address: { address: host_.replace(/^\[|\]$/g, ""), port_value: value } },
  });
  const config = pluginConfig({ pluginName: name, ...options }, localCode(file));
  const http = {
    "@type": type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "ingress_http",
    access_log: [
      {
        name: "envoy.access_loggers.stdout",
        typed_config: { "@type": type("access_loggers.stream.v3.StdoutAccessLog") },
      },
    ],
    route_config: {
      name: "local_route",
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "upstream" } }] },
      ],
    },
    http_filters: [
      { name, typed_config: { "@type": wasmType, config } },
      { name: "envoy.filters.http.router", typed_config: { "@type": type("filters.http.router.v3.Router") } },
    ],
  };
  const document = manifest({
    static_resources: {
      listeners: [
        {
          name: "ingress",
          ...address("127.0.0.1", port),
          filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: http }] }],
        },
      ],
      clusters: [
        {
          name: "upstream",
          type: "STRICT_DNS",
          connect_timeout: "1s",
          load_assignment: {
            cluster_name: "upstream",
            endpoints: [{ lb_endpoints: [{ endpoint: address(host, Number(upstreamPort)) }] }],
          },
        },
      ],
    },
  });
  const filters = [
    "static_resources",
    "listeners",
    0,
    "filter_chains",
    0,
    "filters",
    0,
    "typed_config",
    "http_filters",
  ];
  comment(
    document,
    [...filters, 0, "typed_config", "config"],
    "configuration",
    "text as a StringValue: a Struct would reach the plugin as protobuf bytes",
  );
  return text(document);
}
