import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { didYouMean } from "../abi/nearest.js";
import { textOf, utf8 } from "../abi/bytes.js";
import type { ManifestFile } from "../deploy/sidecar-set.js";
import type { CommandOptions } from "./arguments.js";
import { outputOption } from "./deploy-oci.js";
import { requireTested, testedOptions, withOrigin } from "./deploy-tested.js";
import { UsageError } from "./errors.js";
import { lastOf, repeated, text } from "./exchange-options.js";
import { writeWhole } from "./output.js";
import { bytesArgument, listOf, numberArgument } from "./values.js";

export const allOptions: CommandOptions = {
  output: outputOption,
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
  ...testedOptions,
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
  const [{ patchContexts, sidecarSet }, { loadSource, whyUnreadable }, { clientSideApplyLimit }] = await Promise.all([
    import("../deploy/sidecar-set.js"),
    import("../harness/source.js"),
    import("../manifest/limits.js"),
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
  const configuration = config === undefined ? undefined : configurationText(config);
  const rootId = lastOf(args, "root-id");
  const subject = { module: bytes, configuration: utf8(configuration ?? ""), ...(rootId !== undefined && { rootId }) };
  const tested = await requireTested(file, subject, args);
  const optional = (option: string, name: string): object => {
    const value = lastOf(args, option);
    return value === undefined ? {} : { [name]: value };
  };
  const port = lastOf(args, "port");
  const labels = labelsOf(listOf(args["label"]));
  const manifests = sidecarSet({
    module: bytes,
    fileName: basename(file),
    deployment,
    context,
    ...(labels && { labels }),
    ...(port !== undefined && { port: numberArgument("--port", port, 1, 65_535) }),
    ...(configuration !== undefined && { configuration }),
    ...(rootId !== undefined && { rootId }),
    ...optional("namespace", "namespace"),
    ...optional("istio", "istio"),
    ...optional("vm-id", "vmId"),
    ...optional("mount-path", "mountPath"),
    failOpen: args["fail-open"] === true,
    hashed: args["hashed"] === true,
    immutable: args["immutable"] === true,
  });
  const set = await withOrigin(manifests, tested);
  if (check !== undefined) return compare(check, set);
  try {
    mkdirSync(folder!, { recursive: true });
  } catch (thrown) {
    throw new UsageError(`Cannot write to ${folder}: ${whyUnreadable(thrown)}`);
  }
  for (const [name, content] of set) writeWhole(join(folder!, name), content);
  process.stdout.write(set.map(([name]) => `${join(folder!, name)}\n`).join(""));
  const apply = bytes.length > clientSideApplyLimit() ? "kubectl apply --server-side" : "kubectl apply";
  process.stderr.write(
    `apply the ConfigMap (${apply}), then the Deployment's patch; wait for the pods, then the EnvoyFilter\n`,
  );
  await warnOfSecrets(set);
  return 0;
}

/** @throws {UsageError} A StringValue is text: other bytes would not arrive as they are. */
function configurationText(given: string): string {
  const bytes = bytesArgument("--config", given);
  const text = textOf(bytes);
  if (!Buffer.from(utf8(text)).equals(bytes))
    throw new UsageError(
      "Cannot use --config: it is not UTF-8, or begins with a byte order mark; a manifest holds text",
    );
  return text;
}

/** What anybody who may read the EnvoyFilter would read; the values are not told. */
async function warnOfSecrets(set: readonly ManifestFile[]): Promise<void> {
  const { lintTexts } = await import("../lint/lint.js");
  const texts = set.filter(([name]) => name.endsWith(".yaml")).map(([name, text]) => ({ name, text }));
  const { findings } = lintTexts(texts);
  for (const { rule, file, line, message } of findings)
    if (rule === "M-K1") process.stderr.write(`${file}:${line}: ${message}\n`);
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

function compare(folder: string, set: readonly ManifestFile[]): number {
  const stale = set.flatMap(([name, content]) => {
    const file = join(folder, name);
    if (!existsSync(file)) return [`${file} is missing`];
    return readFileSync(file, "utf8") === content ? [] : [`${file} differs from what would be written`];
  });
  process.stdout.write(stale.length === 0 ? `${folder} is as it would be written\n` : `${stale.join("\n")}\n`);
  return stale.length === 0 ? 0 : 1;
}
