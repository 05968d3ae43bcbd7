import type { PluginConfig } from "./settings.js";

/** Fields of a plugin's configuration that a release of Envoy warns about. */
export type DeprecatedField = "fail_open" | "capability_restriction_config";

const isSet: Readonly<Record<DeprecatedField, (config: PluginConfig) => boolean>> = {
  fail_open: ({ failOpen }) => failOpen === true,
  capability_restriction_config: ({ capabilities }) => capabilities !== undefined,
};

/** The warnings about one plugin, as Envoy words them; their logger is `misc`. */
export function deprecationWarnings(config: PluginConfig, fields: readonly DeprecatedField[]): string[] {
  const type = "envoy.extensions.wasm.v3.PluginConfig";
  const docs = "https://www.envoyproxy.io/docs/envoy/latest";
  return fields
    .filter((field) => isSet[field](config))
    .map(
      (field) =>
        `Deprecated field: type ${type} Using deprecated option '${type}.${field}' from file wasm.proto. ` +
        "This configuration will be removed from Envoy soon. " +
        `Please see ${docs}/version_history/version_history for details. ` +
        "If continued use of this field is absolutely necessary, see " +
        `${docs}/configuration/operations/runtime#using-runtime-overrides-for-deprecated-features ` +
        "for how to apply a temporary and highly discouraged override.",
    );
}
