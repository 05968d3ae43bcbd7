import { readFile } from "node:fs/promises";
import { HarnessError } from "../../errors.js";
import type { PluginConfig } from "../../proxy/envoy/settings.js";
import { loadModule } from "../../vm/loaded-module.js";
import { moduleFile } from "../envoy/bootstrap-plugin.js";
import type { PluginSpec, Scenario } from "../envoy/scenario.js";
import { configBytes } from "./config-bytes.js";

/** Our plugin configuration of a scenario's plugin. @throws {HarnessError} also for a module that cannot be loaded */
export async function pluginOf(plugin: PluginSpec, scenario: Scenario, modules: string): Promise<PluginConfig> {
  refuse(plugin, ["vm_extra", "extra"]);
  if (plugin.runtime !== undefined && plugin.runtime !== "envoy.wasm.runtime.v8") refuse(plugin, ["runtime"]);
  if (plugin.fail_open !== undefined && plugin.failure_policy !== undefined) refuse(plugin, ["fail_open"]);
  const file = moduleFile(plugin, modules);
  const bytes =
    plugin.inline_b64 === undefined ? await readFile(file) : new Uint8Array(Buffer.from(plugin.inline_b64, "base64"));
  const module = await loadModule(bytes);
  const policy = plugin.failure_policy;
  return {
    name: plugin.name ?? "p",
    rootId: plugin.root_id ?? "",
    vmId: plugin.vm_id ?? "",
    module,
    configuration: configBytes(plugin.config ?? plugin.script),
    vmConfiguration: configBytes(plugin.vm_config),
    ...((plugin.env || plugin.env_host) && { environment: environmentOf(plugin, scenario) }),
    ...(policy !== undefined && policy !== "UNSPECIFIED" && { failurePolicy: policy }),
    ...(plugin.fail_open !== undefined && { failOpen: plugin.fail_open }),
    ...(plugin.reload_ms !== undefined && { reloadMs: plugin.reload_ms }),
    ...(plugin.allow_stop !== undefined && { allowOnHeadersStopIteration: plugin.allow_stop }),
    ...(plugin.capabilities !== undefined && { capabilities: plugin.capabilities }),
    ...(plugin.remote && { remote: isFetched(plugin, module.sha256, scenario) ? "fetched" : "missing" }),
  };
}

/** Names that Envoy's own environment does not have are left out. */
function environmentOf({ env = {}, env_host: fromHost = [] }: PluginSpec, scenario: Scenario): Record<string, string> {
  const own = scenario.process_env ?? {};
  const shared = fromHost.flatMap((name) => {
    const value = own[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...env, ...Object.fromEntries(shared) };
}

/** Whether the cluster `code` has the module with that checksum. */
function isFetched({ remote }: PluginSpec, sha256: string, { upstreams, upstreams_off: off }: Scenario): boolean {
  const status = upstreams?.code?.[0]?.status ?? 200;
  return !off?.includes("code") && status === 200 && (remote?.sha256 ?? sha256) === sha256;
}

function refuse(plugin: PluginSpec, members: readonly (keyof PluginSpec)[]): void {
  const given = members.filter((member) => plugin[member] !== undefined);
  if (given.length === 0) return;
  throw new HarnessError(
    "OPTION_INVALID",
    `Cannot replay plugin "${plugin.name ?? "p"}" with ${given.join(", ")}: our proxy has nothing that corresponds`,
  );
}
