import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { utf8 } from "../abi/bytes.js";
import type { FolderFile } from "../deploy/folders.js";
import type { ManifestFile } from "../deploy/sidecar-set.js";
import { givenOf } from "./deploy-options.js";
import { targets } from "./deploy-targets.js";
import { requireTested, withOrigin } from "./deploy-tested.js";
import { UsageError } from "./errors.js";
import { lastOf } from "./exchange-options.js";
import { writeWhole } from "./output.js";

/** `pwh deploy <target> filter.wasm` */
export async function deployManifests(
  what: string,
  files: readonly string[],
  args: Record<string, unknown>,
): Promise<number> {
  const target = targets[what]!;
  const [file, ...more] = files;
  if (file === undefined || more.length > 0)
    throw new UsageError(`Cannot deploy: one module is wanted, got ${files.length}; write pwh deploy ${what} <file>`);
  const [output, check] = [lastOf(args, "output"), lastOf(args, "check")];
  if (output !== undefined && check !== undefined)
    throw new UsageError("Cannot use --check with -o: it writes nothing");
  if (target.isFolder === true && output === undefined && check === undefined)
    throw new UsageError("Cannot deploy: give a folder to write to with -o, or one to compare with --check");
  const { loadSource } = await import("../harness/source.js");
  const { bytes } = await loadSource(file); // what no proxy would load is not deployed
  const given = givenOf(file, bytes, args);
  const { configuration, rootId } = given;
  const asked = target.options.includes("config");
  const subject = {
    module: bytes,
    ...(asked && { configuration: utf8(configuration ?? "") }),
    ...(rootId !== undefined && { rootId }),
  };
  const made = await target.files(given); // a wrong command is told before a missing test
  const tested = await requireTested(file, subject, args);
  const texts = made.filter((one): one is ManifestFile => typeof one[1] === "string");
  const headed = new Map(await withOrigin(texts, tested));
  const written = made.map(([name, content]): FolderFile => [name, headed.get(name) ?? (content as Uint8Array)]);
  const place = output ?? check;
  const isFile = target.isFolder !== true && place !== undefined && !isFolder(place);
  const at = (name: string): string => (isFile ? place : join(place!, name));
  if (check !== undefined)
    return compare(
      check,
      written.map(([name, content]) => [at(name), content]),
    );
  if (output === undefined) {
    for (const [, content] of written) process.stdout.write(content);
  } else {
    makeFolders(written.map(([name]) => dirname(at(name))));
    for (const [name, content] of written) writeWhole(at(name), content);
    process.stdout.write(written.map(([name]) => `${at(name)}\n`).join(""));
  }
  await advise(what, bytes);
  await warnOfSecrets(texts);
  return 0;
}

/** In what order, and how. */
async function advise(what: string, module: Uint8Array): Promise<void> {
  if (what !== "all" && what !== "configmap") return;
  const { clientSideApplyLimit } = await import("../manifest/limits.js");
  const apply = module.length > clientSideApplyLimit() ? "kubectl apply --server-side" : "kubectl apply";
  const order = "then the Deployment's patch; wait for the pods, then the EnvoyFilter";
  process.stderr.write(`apply the ConfigMap (${apply})${what === "all" ? `, ${order}` : ""}\n`);
}

/** What anybody who may read the manifest would read; the values are not told. */
async function warnOfSecrets(files: readonly ManifestFile[]): Promise<void> {
  const { lintTexts } = await import("../lint/lint.js");
  // what Helm fills in is no YAML before
  const isYaml = ([name, text]: ManifestFile): boolean => name.endsWith(".yaml") && !text.includes("{{ .Files");
  const texts = files.filter(isYaml).map(([name, text]) => ({ name, text }));
  const { findings } = lintTexts(texts);
  for (const { rule, file, line, message } of findings)
    if (rule === "M-K1") process.stderr.write(`${file}:${line}: ${message}\n`);
}

const isFolder = (place: string): boolean =>
  place.endsWith("/") || statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;

function makeFolders(folders: readonly string[]): void {
  for (const folder of new Set(folders)) {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (thrown) {
      throw new UsageError(`Cannot write to ${folder}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }
}

function compare(place: string, files: readonly FolderFile[]): number {
  const stale = files.flatMap(([file, content]) => {
    if (!existsSync(file)) return [`${file} is missing`];
    return readFileSync(file).equals(Buffer.from(content as Uint8Array))
      ? []
      : [`${file} differs from what would be written`];
  });
  process.stdout.write(stale.length === 0 ? `${place} is as it would be written\n` : `${stale.join("\n")}\n`);
  return stale.length === 0 ? 0 : 1;
}
