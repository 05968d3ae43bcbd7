import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { HarnessError } from "../../errors.js";
import type { PluginConfig } from "../../proxy/envoy/settings.js";
import { type LoadedModule, loadModule } from "../../vm/loaded-module.js";
import { moduleFile } from "../envoy/bootstrap-plugin.js";
import type { LogLine } from "../envoy/recording.js";
import type { PluginSpec, Scenario } from "../envoy/scenario.js";
import { configBytes } from "./config-bytes.js";

/** Our plugin configuration of a scenario's plugin. @throws {HarnessError} also for a module that cannot be loaded */
export async function pluginOf(plugin: PluginSpec, scenario: Scenario, modules: string): Promise<PluginConfig> {
  refuse(plugin, ["extra"]);
  const module = await moduleOf(plugin, scenario, modules);
  const policy = plugin.failure_policy;
  return {
    name: plugin.name ?? "p",
    rootId: plugin.root_id ?? "",
    vmId: plugin.vm_id ?? "",
    module,
    configuration: configBytes(plugin.config ?? plugin.script),
    vmConfiguration: configBytes(plugin.vm_config),
    ...(plugin.env && { environment: plugin.env }),
    ...(plugin.env_host && { hostEnvironment: hostEnvironmentOf(plugin.env_host, scenario) }),
    ...(plugin.runtime !== undefined && { runtime: plugin.runtime }),
    ...(isSingleton(plugin) && { singleton: true }),
    ...(policy !== undefined && policy !== "UNSPECIFIED" && { failurePolicy: policy }),
    ...(plugin.fail_open !== undefined && { failOpen: plugin.fail_open }),
    ...(plugin.reload_ms !== undefined && { reloadMs: plugin.reload_ms }),
    ...(plugin.allow_stop !== undefined && { allowOnHeadersStopIteration: plugin.allow_stop }),
    ...(plugin.capabilities !== undefined && { capabilities: plugin.capabilities }),
    ...(plugin.remote && { remote: isFetched(plugin, module.sha256, scenario) ? "fetched" : "missing" }),
  };
}

/** Sinks are, and services unless they say otherwise. */
const isSingleton = ({ kind, singleton }: PluginSpec): boolean =>
  kind === "stats_sink" || (kind === "service" && singleton !== false);

const hostEnvironmentOf = (
  names: readonly string[],
  { process_env: own = {} }: Scenario,
): Record<string, string | undefined> => Object.fromEntries(names.map((name) => [name, own[name]]));

/** Whether the cluster `code` has the module with that checksum. */
function isFetched({ remote }: PluginSpec, sha256: string, { upstreams, upstreams_off: off }: Scenario): boolean {
  const status = upstreams?.code?.[0]?.status ?? 200;
  return !off?.includes("code") && status === 200 && (remote?.sha256 ?? sha256) === sha256;
}

/** @throws {Unstartable} @throws {HarnessError} OPTION_INVALID for `vm_extra`, but for a variable that has the code. */
async function moduleOf(plugin: PluginSpec, scenario: Scenario, modules: string): Promise<LoadedModule> {
  if (plugin.vm_extra !== undefined) {
    const { code } = plugin.vm_extra as {
      readonly code?: { readonly local?: { readonly environment_variable?: string } };
    };
    const variable = code?.local?.environment_variable;
    if (variable === undefined || scenario.process_env?.[variable] !== undefined) refuse(plugin, ["vm_extra"]);
    throw new Unstartable(`Environment variable doesn't exist: ${variable}`);
  }
  const file = moduleFile(plugin, modules);
  if (plugin.inline_b64 === undefined && !existsSync(file)) throw new Unstartable(`Invalid path: ${file}`);
  const bytes =
    plugin.inline_b64 === undefined ? await readFile(file) : new Uint8Array(Buffer.from(plugin.inline_b64, "base64"));
  try {
    return await loadModule(bytes);
  } catch (thrown) {
    if (!(thrown instanceof HarnessError) || thrown.code !== "NOT_WASM") throw thrown;
    const name = plugin.name ?? "p";
    throw new Unstartable(`Unable to create Wasm plugin ${name}`, [
      { level: "error", logger: "wasm", message: "Wasm VM failed Missing or unknown Proxy-Wasm ABI version" },
      { level: "error", logger: "wasm", message: "Wasm VM failed Failed to load Wasm code" },
      { level: "critical", logger: "wasm", message: `Plugin ${name} failed to load` },
      { level: "critical", logger: "wasm", message: "Plugin configured to fail closed failed to load" },
    ]);
  }
}

/** Our proxy is only made of modules that were read; where there is none, this tells what an Envoy says of it. */
export class Unstartable extends Error {
  override readonly name = "Unstartable";
  readonly lines: readonly LogLine[];

  /** @param words What Envoy ends with. @param lines What it logs before that. */
  constructor(words: string, lines: readonly LogLine[] = []) {
    super(words);
    this.lines = lines;
  }
}

function refuse(plugin: PluginSpec, members: readonly (keyof PluginSpec)[]): void {
  const given = members.filter((member) => plugin[member] !== undefined);
  if (given.length === 0) return;
  throw new HarnessError(
    "OPTION_INVALID",
    `Cannot replay plugin "${plugin.name ?? "p"}" with ${given.join(", ")}: our proxy has nothing that corresponds`,
  );
}
