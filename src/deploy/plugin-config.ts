import { refusal } from "./checks.js";

export const failurePolicies = ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"] as const;
export type FailurePolicy = (typeof failurePolicies)[number];

/** A plugin as its host configures it, wherever it runs. */
export interface PluginSettings {
  /** Name in logs and property `plugin_name`. Default: none is written. */
  readonly pluginName?: string;
  readonly rootId?: string;
  readonly vmId?: string;
  /** As text: it is written as a StringValue. */
  readonly configuration?: string;
  /** Requests pass when the plugin fails. Default false. */
  readonly failOpen?: boolean;
  /** Envoy 1.33 and newer have this instead of `failOpen`. Default: none is written, which is FAIL_CLOSED. */
  readonly failurePolicy?: FailurePolicy;
  /** Default `envoy.wasm.runtime.v8`, which is the only one in the images of Envoy and Istio. */
  readonly runtime?: string;
  /** Environment variables of the VM. */
  readonly environment?: Readonly<Record<string, string>>;
}

export const wasmType = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const stringValue = "type.googleapis.com/google.protobuf.StringValue";

/** Envoy's PluginConfig. A Struct as configuration would reach the plugin as protobuf bytes: it is always a StringValue. */
export function pluginConfig(settings: PluginSettings, code: object): object {
  const { pluginName, rootId, vmId, configuration, failOpen, failurePolicy, environment, runtime } = settings;
  if (failOpen === true && failurePolicy !== undefined)
    throw refusal("Envoy refuses fail_open beside failure_policy: choose one");
  const variables = Object.entries(environment ?? {});
  return {
    ...(pluginName !== undefined && { name: pluginName }),
    ...(rootId !== undefined && { root_id: rootId }),
    ...(configuration !== undefined && { configuration: { "@type": stringValue, value: configuration } }),
    ...(failOpen === true && { fail_open: true }),
    ...(failurePolicy !== undefined && { failure_policy: failurePolicy }),
    vm_config: {
      ...(vmId !== undefined && { vm_id: vmId }),
      code,
      runtime: runtime ?? "envoy.wasm.runtime.v8",
      ...(variables.length > 0 && { environment_variables: { key_values: environment } }),
      allow_precompiled: false,
    },
  };
}

/** Code in a file that the proxy can read. */
export const localCode = (file: string): object => ({ local: { filename: file } });

/**
 * The configuration as an object, where a manifest takes nothing else.
 *
 * @throws {HarnessError} OPTION_INVALID
 */
export function configurationObject(configuration: string, where: string): object {
  let value: unknown;
  try {
    value = JSON.parse(configuration);
  } catch (thrown) {
    throw refusal(`the configuration is not the JSON that ${where} takes: ${(thrown as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw refusal(
    `${where} takes a JSON object, and the configuration is ${Array.isArray(value) ? "a list" : JSON.stringify(value)}`,
  );
}
