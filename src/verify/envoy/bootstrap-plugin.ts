import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { type Places, seconds } from "./places.js";
import type { ConfigSpec, JsonObject, PluginSpec } from "./scenario.js";

/** The PluginConfig of one plugin. */
export function pluginConfig(plugin: PluginSpec, places: Places): JsonObject {
  const configuration = plugin.config ?? plugin.script;
  const config: JsonObject = {
    name: plugin.name ?? "p",
    vm_config: vmConfig(plugin, places),
    ...(plugin.root_id !== undefined && { root_id: plugin.root_id }),
    ...(configuration !== undefined && { configuration: anyOf(configuration) }),
    ...(plugin.fail_open !== undefined && { fail_open: plugin.fail_open }),
    ...(plugin.failure_policy !== undefined && { failure_policy: plugin.failure_policy }),
    ...(plugin.reload_ms !== undefined && {
      reload_config: { backoff: { base_interval: seconds(plugin.reload_ms) } },
    }),
    ...(plugin.allow_stop !== undefined && { allow_on_headers_stop_iteration: plugin.allow_stop }),
    ...(plugin.capabilities !== undefined && {
      capability_restriction_config: {
        allowed_capabilities: Object.fromEntries(plugin.capabilities.map((name) => [name, {}])),
      },
    }),
  };
  return { ...config, ...plugin.extra };
}

/** The HTTP filter of one plugin, for clients or for an upstream. */
export function httpFilter(plugin: PluginSpec, places: Places): JsonObject {
  const type = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
  return {
    name: plugin.filter_name ?? plugin.name ?? "p",
    typed_config: { "@type": type, config: pluginConfig(plugin, places) },
  };
}

function vmConfig(plugin: PluginSpec, places: Places): JsonObject {
  const environment: JsonObject = {
    ...(plugin.env && { key_values: plugin.env }),
    ...(plugin.env_host && { host_env_keys: plugin.env_host }),
  };
  const config: JsonObject = {
    runtime: plugin.runtime ?? "envoy.wasm.runtime.v8",
    code: codeOf(plugin, places),
    ...(plugin.vm_id !== undefined && { vm_id: plugin.vm_id }),
    ...(plugin.vm_config !== undefined && { configuration: anyOf(plugin.vm_config) }),
    ...((plugin.env || plugin.env_host) && { environment_variables: environment }),
  };
  return { ...config, ...plugin.vm_extra };
}

/** The file of the module a plugin names. */
export function moduleFile(plugin: PluginSpec, modules: string): string {
  const name = plugin.module ?? "probe";
  return isAbsolute(name) ? name : join(modules, `${name}.wasm`);
}

function codeOf(plugin: PluginSpec, places: Places): JsonObject {
  const file = moduleFile(plugin, places.modules);
  if (plugin.remote !== undefined) {
    return {
      remote: {
        http_uri: {
          uri: `http://127.0.0.1:${places.ports.code}/${basename(file)}`,
          cluster: "code",
          timeout: "2s",
        },
        sha256: plugin.remote.sha256 ?? createHash("sha256").update(readFileSync(file)).digest("hex"),
        retry_policy: { num_retries: 0 },
      },
    };
  }
  if (plugin.inline_b64 !== undefined) return { local: { inline_bytes: plugin.inline_b64 } };
  return { local: { filename: file } };
}

/** Configuration as a protobuf Any in JSON. */
function anyOf(config: ConfigSpec): JsonObject {
  if (typeof config === "string") return wrapped("StringValue", config);
  if ("struct" in config) return wrapped("Struct", config.struct);
  if ("bytes_b64" in config) return wrapped("BytesValue", config.bytes_b64);
  if ("any" in config) return config.any;
  return wrapped("StringValue", config.join("\n"));
}

const wrapped = (name: string, value: unknown): JsonObject => ({
  "@type": `type.googleapis.com/google.protobuf.${name}`,
  value,
});
