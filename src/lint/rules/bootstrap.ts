import type { JsonObject, ManifestDocument, Path } from "../../manifest/documents.js";
import { isObject, nameOf, valueAt } from "../../manifest/documents.js";
import { field, spelling, typeName } from "../../manifest/wasm-filters.js";
import { didYouMean } from "../../abi/nearest.js";
import { listAt, textAt } from "../context.js";
import { managersOf, objects } from "../managers.js";
import type { Rule } from "../rule.js";
import { draft, shown } from "../rule.js";
import { router } from "./envoy-filter.js";

const routerType = "envoy.extensions.filters.http.router.v3.Router";

const resources = (document: ManifestDocument): Path => [spelling(document.value, "static_resources")];

/** Fields of the messages that every configuration has, from Envoy's API v3. */
const bootstrapFields = [
  "node",
  "node_context_params",
  "static_resources",
  "dynamic_resources",
  "cluster_manager",
  "hds_config",
  "flags_path",
  "stats_sinks",
  "deferred_stat_options",
  "stats_config",
  "stats_flush_interval",
  "stats_flush_on_admin",
  "stats_eviction_interval",
  "watchdog",
  "watchdogs",
  "tracing",
  "layered_runtime",
  "admin",
  "overload_manager",
  "enable_dispatcher_stats",
  "header_prefix",
  "stats_server_version_override",
  "use_tcp_for_dns_lookups",
  "dns_resolution_config",
  "typed_dns_resolver_config",
  "bootstrap_extensions",
  "fatal_actions",
  "config_sources",
  "default_config_source",
  "default_socket_interface",
  "certificate_provider_instances",
  "inline_headers",
  "perf_tracing_file_path",
  "default_regex_engine",
  "xds_delegate_extension",
  "xds_config_tracker_extension",
  "listener_manager",
  "application_log_config",
  "grpc_async_client_manager_config",
  "memory_allocator_manager",
];
const resourceFields = ["listeners", "clusters", "secrets"];
const filterFields = ["name", "typed_config", "config_discovery", "is_optional", "disabled"];

export const bootstrapRules: readonly Rule[] = [
  {
    id: "M-S1",
    severity: "error",
    title: "The last HTTP filter is the router, typed",
    why: "Envoy does not start: terminal filter … must be the last; untyped filters have no implementation.",
    fix: `End http_filters with ${router} and its typed_config.`,
    *check(context) {
      for (const document of context.of("Bootstrap")) {
        for (const { path, value } of managersOf(document)) {
          const key = spelling(value, "http_filters");
          const filters = listAt(value, [key]);
          const types = filters.map((one) => typeName(field(field(one, "typed_config"), "@type")));
          const index = types.indexOf(routerType);
          if (index < 0) {
            const byName = filters.findIndex((one) => isObject(one) && one["name"] === router);
            const message =
              byName < 0
                ? `http_filters must end with ${router}`
                : `${router} has no typed_config: a filter cannot be configured by name alone`;
            yield draft(document, byName < 0 ? [...path, key] : [...path, key, byName], message);
          } else if (index !== filters.length - 1)
            yield draft(document, [...path, key, index], `${router} must be the last of http_filters`);
        }
      }
    },
  },
  {
    id: "M-S2",
    severity: "error",
    title: "Every route's cluster is defined, and has endpoints",
    why: 'Envoy does not start: "route: unknown cluster"; a cluster without endpoints answers 503 (a warning).',
    fix: "Define it in static_resources.clusters.",
    *check(context) {
      for (const document of context.of("Bootstrap")) {
        const at = [...resources(document), "clusters"];
        const clusters = listAt(document.value, at);
        const names = new Set(clusters.map((one) => (isObject(one) ? one["name"] : undefined)));
        const routes = (one: JsonObject): boolean =>
          isObject(one["route"]) && typeof one["route"]["cluster"] === "string";
        if (valueAt(document.value, [spelling(document.value, "dynamic_resources")]) === undefined) {
          for (const { path, value } of objects(document.value, [], routes)) {
            const cluster = (value["route"] as JsonObject)["cluster"]!;
            if (names.has(cluster)) continue;
            yield draft(
              document,
              [...path, "route", "cluster"],
              `route refers to cluster ${shown(cluster)}, which is not defined`,
            );
          }
        }
        for (const [index, cluster] of clusters.entries()) {
          const type = isObject(cluster) ? cluster["type"] : undefined;
          const needs = type === undefined || type === "STATIC" || type === "STRICT_DNS" || type === "LOGICAL_DNS";
          const assignment = field(cluster, "load_assignment");
          if (!needs || listAt(assignment, ["endpoints"]).length > 0 || !isObject(cluster)) continue;
          if (field(cluster, "cluster_type") !== undefined) continue;
          yield draft(document, [...at, index], `cluster ${shown(cluster["name"])} has no endpoints`, {
            severity: "warning",
          });
        }
      }
    },
  },
  {
    id: "M-S3",
    severity: "error",
    title:
      "No unknown fields at the top, in static_resources and in HTTP filters; a connection manager has its stat_prefix",
    why: "A static configuration is read strictly: Envoy does not start.",
    fix: "Write the field as named in the message. Plugins are looked through by M-F9.",
    *check(context) {
      for (const document of context.of("Bootstrap")) {
        yield* unknown(document, [], bootstrapFields);
        yield* unknown(document, resources(document), resourceFields);
        for (const name of ["listeners", "clusters"]) {
          const path = [...resources(document), name];
          const list = valueAt(document.value, path);
          if (list === undefined || list === null) continue;
          if (!Array.isArray(list)) yield draft(document, path, `${name} must be a list, and is ${nameOf(list)}`);
          for (const [index, one] of listAt(document.value, path).entries()) {
            if (!isObject(one)) yield draft(document, [...path, index], `must be an object, and is ${nameOf(one)}`);
          }
        }
        for (const { path, value } of managersOf(document)) {
          if (textAt(value, [spelling(value, "stat_prefix")]) === undefined)
            yield draft(document, path, "stat_prefix is required");
          const key = spelling(value, "http_filters");
          for (const index of listAt(value, [key]).keys())
            yield* unknown(document, [...path, key, index], filterFields);
        }
      }
    },
  },
  {
    id: "M-S4",
    severity: "warning",
    title: "The module's path is absolute",
    why: "A relative one is read from the directory where Envoy was started.",
    fix: "Write the absolute path, and let others read the file: Envoy's container drops to its own user.",
    *check(context) {
      for (const { document, config, configPath } of context.plugins) {
        const filename = field(field(field(field(config, "vm_config"), "code"), "local"), "filename");
        if (document.kind !== "Bootstrap" || typeof filename !== "string" || filename.startsWith("/")) continue;
        const path = [...configPath, spelling(config, "vm_config"), "code", "local", "filename"];
        yield draft(document, path, `${shown(filename)} is read from the directory where Envoy was started`);
      }
    },
  },
  {
    id: "M-S5",
    severity: "error",
    title: "No port is used twice, none is above 65535",
    why: "Envoy does not start, or its administration cannot listen.",
    fix: "Give each listener and the administration a port of its own.",
    *check(context) {
      for (const document of context.of("Bootstrap")) {
        const at: (string | number)[] = [...resources(document), "listeners"];
        const addresses = listAt(document.value, at).map((_, index): Path => at.concat(index, "address"));
        const seen = new Map<string, Path>();
        for (const path of [...addresses, ["admin", "address"]]) {
          const found = valueAt(document.value, path);
          if (!isObject(found)) continue;
          const key = spelling(found, "socket_address");
          const socket = found[key];
          const port = field(socket, "port_value");
          if (typeof port !== "number" || !isObject(socket) || socket["protocol"] === "UDP") continue;
          const place = [...path, key, spelling(socket, "port_value")];
          const address = `${String(socket["address"])}:${port}`;
          const clash =
            seen.has(address) ||
            seen.has(`0.0.0.0:${port}`) ||
            (socket["address"] === "0.0.0.0" && [...seen.keys()].some((one) => one.endsWith(`:${port}`)));
          if (port > 65_535) yield draft(document, place, `port ${port} is out of range`);
          else if (clash && port !== 0) yield draft(document, place, `port ${port} is used twice`);
          seen.set(address, place);
        }
      }
    },
  },
];

function* unknown(document: ManifestDocument, path: Path, fields: readonly string[]) {
  const value = path.length === 0 ? document.value : valueAt(document.value, path);
  if (!isObject(value)) return;
  const known = new Set(fields);
  for (const key of Object.keys(value)) {
    const plain = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (known.has(key) || known.has(plain)) continue;
    yield draft(document, [...path, key], `${key}: unknown field${didYouMean(key, fields)}`);
  }
}
