import { HarnessError } from "../errors.js";
import type { ManifestPlugin } from "../harness/manifest-plugin.js";
import type { ModuleSource } from "../harness/source.js";
import type { CommandOptions } from "./arguments.js";
import { lastOf, pluginInput, repeated, text } from "./exchange-options.js";
import { listOf } from "./values.js";

/** A plugin from manifests: shared by the verbs that run one. */
export const fromOptions: CommandOptions = {
  from: {
    ...repeated,
    describe:
      "take the plugin as this manifest configures it (EnvoyFilter, WasmPlugin, …); more files may hold its ConfigMap",
  },
  filter: { ...text, describe: "which one, where the manifests have several" },
};

/** The options of the command line over those of the manifest; variables of both. */
export function pluginOver(args: Record<string, unknown>, from: FromManifest | undefined) {
  const configured = from?.plugin.options;
  const { environment, ...own } = pluginInput(args);
  return { ...configured, ...own, environment: { ...configured?.environment, ...environment } };
}

/** A plugin of manifests, and its module. */
export interface FromManifest {
  readonly plugin: ManifestPlugin;
  readonly module: ModuleSource;
}

/**
 * What `--from` gave; undefined without it. What was chosen for the reader is said on standard error.
 *
 * @param file The module, where one is named: it wins over what the manifests hold.
 * @throws {HarnessError} As `pluginOfManifests`; MANIFEST_INVALID when nobody has the module.
 */
export async function manifestInput(
  args: Record<string, unknown>,
  file: string | undefined,
): Promise<FromManifest | undefined> {
  const files = listOf(args["from"]);
  if (files.length === 0) return undefined;
  const { pluginOfManifests } = await import("../harness/manifest-plugin.js");
  const plugin = await pluginOfManifests(files, lastOf(args, "filter"));
  const module = file ?? plugin.module;
  if (module === undefined) {
    const where = plugin.code === undefined ? "" : `, which the proxy has from ${plugin.code}`;
    throw new HarnessError(
      "MANIFEST_INVALID",
      `Cannot run the plugin of ${plugin.place}: its module is not here${where}; name the .wasm file, or the ConfigMap's with --from`,
    );
  }
  for (const note of plugin.notes) process.stderr.write(`note: ${plugin.place}: ${note}\n`);
  return { plugin, module };
}
