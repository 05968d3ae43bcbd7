import { pluginsOf, type Places } from "./places.js";
import { pluginConfig } from "./bootstrap-plugin.js";
import type { AccessEntry } from "./recording.js";
import type { JsonObject, Scenario } from "./scenario.js";

/** Field of an entry to Envoy's command operator: details and flags show nowhere else. */
const fields = {
  code: "RESPONSE_CODE",
  details: "RESPONSE_CODE_DETAILS",
  flags: "RESPONSE_FLAGS",
  rx: "BYTES_RECEIVED",
  tx: "BYTES_SENT",
  proto: "PROTOCOL",
  method: "REQ(:METHOD)",
  path: "REQ(:PATH)",
  cluster: "UPSTREAM_CLUSTER",
  route: "ROUTE_NAME",
  grpc: "GRPC_STATUS",
};

/** The access loggers of the connection manager: ours, then the plugins'. */
export function accessLogOf(scenario: Scenario, places: Places): JsonObject[] {
  const format = Object.entries({ ...fields, ...scenario.access_log_fields });
  const ours = {
    name: "rig",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
      path: places.accessLog,
      log_format: { json_format: Object.fromEntries(format.map(([name, operator]) => [name, `%${operator}%`])) },
    },
  };
  const plugins = pluginsOf(scenario, "access_log").map((plugin) => ({
    name: plugin.name ?? "p",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.access_loggers.wasm.v3.WasmAccessLog",
      config: pluginConfig(plugin, places),
    },
  }));
  return [ours, ...plugins];
}

/** Entries of the file, one JSON object a line, fields in our order; what Envoy had no value for is left out. */
export function parseAccessLog(text: string): AccessEntry[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => {
      const entry = JSON.parse(line) as AccessEntry;
      const names = [
        ...Object.keys(fields),
        ...Object.keys(entry)
          .filter((name) => !(name in fields))
          .sort(),
      ];
      return Object.fromEntries(
        names.flatMap((name) => (entry[name] === null || entry[name] === undefined ? [] : [[name, entry[name]]])),
      );
    });
}
