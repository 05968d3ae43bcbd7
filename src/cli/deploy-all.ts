import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { didYouMean } from "../abi/nearest.js";
import { textOf } from "../abi/bytes.js";
import { HarnessError, messageOf } from "../errors.js";
import type { ManifestFile } from "../deploy/sidecar-set.js";
import type { CommandOptions } from "./arguments.js";
import { UsageError } from "./errors.js";
import { lastOf, repeated, text } from "./exchange-options.js";
import { bytesArgument, listOf, numberArgument } from "./values.js";

export const allOptions: CommandOptions = {
  deployment: { ...text, describe: "all: the Deployment whose sidecars get the filter" },
  label: { ...repeated, describe: "all: label=value of its pods [app=<deployment>]" },
  namespace: { ...text, describe: "all: namespace to write into the manifests [none]" },
  port: { ...text, describe: "all: port of the listener: the container's inbound, the Service's outbound [every one]" },
  context: { ...text, describe: "all: SIDECAR_INBOUND, SIDECAR_OUTBOUND, GATEWAY or ANY [SIDECAR_INBOUND]" },
  istio: { ...text, describe: "all: only proxies of this release, 1.11 [any]" },
  config: { ...text, alias: "c", describe: "all: plugin configuration: text, @file, or @-" },
  "root-id": { ...text, describe: "all: root id" },
  "vm-id": { ...text, describe: "all: VM id" },
  "fail-open": { type: "boolean", describe: "all: requests pass when the plugin fails" },
  hashed: { type: "boolean", describe: "all: names carry the module's hash, so that a new one restarts pods" },
  immutable: { type: "boolean", describe: "all: the ConfigMap cannot be changed" },
  "mount-path": { ...text, describe: "all: folder in the sidecar [/var/local/lib/wasm-filters]" },
  check: { ...text, describe: "all: write nothing; fail when what is in this folder differs" },
};

/** `pwh deploy all filter.wasm` */
export async function deployAll(files: readonly string[], args: Record<string, unknown>): Promise<number> {
  const [file, ...more] = files;
  if (file === undefined || more.length > 0)
    throw new UsageError(`Cannot deploy: one module is wanted, got ${files.length}; write pwh deploy all <file>`);
  const [folder, check, deployment] = [lastOf(args, "output"), lastOf(args, "check"), lastOf(args, "deployment")];
  if (deployment === undefined) throw new UsageError("Cannot deploy: say whose sidecars with --deployment NAME");
  if ((folder === undefined) === (check === undefined))
    throw new UsageError("Cannot deploy: give a folder to write to with -o, or one to compare with --check");
  const [{ patchContexts, sidecarSet }, { loadSource }] = await Promise.all([
    import("../deploy/sidecar-set.js"),
    import("../harness/source.js"),
  ]);
  const context = patchContexts.find((one) => one === (lastOf(args, "context") ?? "SIDECAR_INBOUND"));
  if (context === undefined) {
    const given = lastOf(args, "context")!;
    throw new UsageError(
      `Cannot use --context "${given}"${didYouMean(given, patchContexts)}: contexts are ${patchContexts.join(", ")}`,
    );
  }
  const { bytes } = await loadSource(file); // what no proxy would load is not deployed
  const config = lastOf(args, "config");
  const optional = (option: string, name: string): object => {
    const value = lastOf(args, option);
    return value === undefined ? {} : { [name]: value };
  };
  const port = lastOf(args, "port");
  const labels = labelsOf(listOf(args["label"]));
  const set = sidecarSet({
    module: bytes,
    fileName: basename(file),
    deployment,
    context,
    ...(labels && { labels }),
    ...(port !== undefined && { port: numberArgument("--port", port, 1, 65_535) }),
    ...(config !== undefined && { configuration: textOf(bytesArgument("--config", config)) }),
    ...optional("namespace", "namespace"),
    ...optional("istio", "istio"),
    ...optional("root-id", "rootId"),
    ...optional("vm-id", "vmId"),
    ...optional("mount-path", "mountPath"),
    failOpen: args["fail-open"] === true,
    hashed: args["hashed"] === true,
    immutable: args["immutable"] === true,
  });
  if (check !== undefined) return compare(check, set);
  write(folder!, set);
  process.stdout.write(set.map(([name]) => `${join(folder!, name)}\n`).join(""));
  process.stderr.write(
    "apply the ConfigMap (kubectl apply --server-side), then the Deployment's patch; wait for the pods, then the EnvoyFilter\n",
  );
  return 0;
}

function labelsOf(given: readonly string[]): Record<string, string> | undefined {
  if (given.length === 0) return undefined;
  return Object.fromEntries(
    given.map((one): [string, string] => {
      const [, name, value] = /^([^=]+)=([^=]*)$/.exec(one) ?? [];
      if (name === undefined) throw new UsageError(`Cannot use --label ${one}: write it as app=name`);
      return [name, value!];
    }),
  );
}

/** All or nothing of each file: it is written beside its place, and moved there. */
function write(folder: string, set: readonly ManifestFile[]): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of set) writeFileSync(join(folder, `.${name}.new`), content);
    for (const [name] of set) renameSync(join(folder, `.${name}.new`), join(folder, name));
  } catch (thrown) {
    for (const [name] of set) rmSync(join(folder, `.${name}.new`), { force: true });
    throw new HarnessError("OPTION_INVALID", `Cannot write manifests to ${folder}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function compare(folder: string, set: readonly ManifestFile[]): number {
  const stale = set.flatMap(([name, content]) => {
    const file = join(folder, name);
    if (!existsSync(file)) return [`${file} is missing`];
    return readFileSync(file, "utf8") === content ? [] : [`${file} differs from what would be written`];
  });
  process.stdout.write(stale.length === 0 ? `${folder} is as it would be written\n` : `${stale.join("\n")}\n`);
  return stale.length === 0 ? 0 : 1;
}
