import type { AbiVersion } from "../abi/version.js";
import { callbackDescriptors } from "../host/callbacks.js";
import type { LinkProblem } from "../host/linker.js";
import { abiOf, linkProblems } from "../host/linker.js";
import { envoy140 } from "../proxy/envoy/behaviour.js";
import type { FeatureUse, UnsupportedFeature } from "../vm/features.js";
import { moduleFeatures, unsupportedFeatures } from "../vm/features.js";
import { HarnessError } from "../errors.js";
import { loadModule } from "../vm/loaded-module.js";
import { readModule, signature } from "../vm/module-info.js";
import type { ModuleInfo } from "../vm/module-info.js";
import type { Producers } from "../vm/producers.js";
import { readProducers, redactCredentials } from "../vm/producers.js";
import type { Toolchain } from "../vm/toolchain.js";
import { describeToolchain } from "../vm/toolchain.js";
import { createHash } from "node:crypto";
import type { ModuleSource } from "./source.js";
import { naming, readNamedFile } from "./source.js";

/** What a module is and needs, read from its bytes without running it. */
export interface Inspection {
  readonly size: number;
  readonly sha256: string;
  readonly abiVersion: AbiVersion | undefined;
  readonly toolchain: Toolchain;
  readonly producers: Producers;
  /** Who read the producers: jco where it is installed, else this package. */
  readonly producersReadBy: "jco" | "proxy-wasm-harness";
  /** What runs when the VM starts, in order. `(start section)` runs before the host can see the memory. */
  readonly start: readonly string[];
  readonly allocator: string | undefined;
  /** Callbacks it exports; SDKs export nearly all, whatever the plugin does. */
  readonly callbacks: readonly string[];
  readonly hostcalls: readonly string[];
  readonly wasi: readonly string[];
  /** Imports from other modules than `env` and WASI, and functions of `env` that are no hostcalls. */
  readonly otherImports: readonly string[];
  readonly memory: MemoryInspection | undefined;
  readonly functions: number;
  readonly dataBytes: number;
  readonly customSections: readonly { readonly name: string; readonly bytes: number }[];
  readonly features: readonly FeatureUse[];
  readonly unsupportedFeatures: readonly UnsupportedFeature[];
  /** For what it would not load, the first as Envoy would tell it. Empty: it links. */
  readonly problems: readonly LinkProblem[];
}

export interface MemoryInspection {
  /** Pages of 64 KiB. */
  readonly initialPages: number;
  readonly maximumPages: number | undefined;
  readonly imported: boolean;
  readonly exportName: string | undefined;
}

/**
 * Looks into a module.
 *
 * @throws {HarnessError} FILE_UNREADABLE, NOT_WASM, WASM_TRUNCATED, WASM_INVALID, WASM_COMPONENT
 */
export async function inspect(source: ModuleSource): Promise<Inspection> {
  const bytes = source instanceof Uint8Array ? source : await readNamedFile(source);
  const info = await naming(source, async () => readModule(bytes));
  const own = readProducers(info, bytes);
  const fromJco = await producersFromJco(bytes);
  const producers = fromJco ?? own;
  const functionsOf = (test: (module: string, name: string) => boolean): string[] => [
    ...new Set(info.imports.filter((one) => test(one.module, one.name)).map(({ name }) => name)),
  ];
  const isWasi = (module: string): boolean => module.startsWith("wasi_");
  const isHostcall = (module: string, name: string): boolean => module === "env" && name.startsWith("proxy_");
  const names = new Set(info.exports.filter(({ kind }) => kind === "function").map(({ name }) => name));
  return {
    size: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    abiVersion: abiOf(info)?.version,
    toolchain: describeToolchain(info, producers),
    producers,
    producersReadBy: fromJco === undefined ? "proxy-wasm-harness" : "jco",
    start: startOf(info, names),
    allocator: envoy140.allocators.find((name) => names.has(name)),
    callbacks: callbackDescriptors.map(({ name }) => name).filter((name) => names.has(name)),
    hostcalls: functionsOf(isHostcall),
    wasi: functionsOf(isWasi),
    otherImports: info.imports
      .filter(({ module, name }) => !isWasi(module) && !isHostcall(module, name))
      .map(({ module, name, kind, type }) => `${module}.${name} (${type === undefined ? kind : signature(type)})`),
    memory: info.memory && {
      initialPages: info.memory.min,
      maximumPages: info.memory.max,
      imported: info.memory.imported,
      exportName: info.memory.exportName,
    },
    functions: info.functionCount.own,
    dataBytes: info.dataSize,
    customSections: info.customSections.map(({ name, start, end }) => ({ name, bytes: end - start })),
    features: moduleFeatures(info, bytes),
    unsupportedFeatures: unsupportedFeatures(info, bytes),
    problems: [...linkProblems(info, envoy140), ...(await compileProblems(bytes))],
  };
}

/** What the engine has against the code; a missing feature is told by `unsupportedFeatures`. */
async function compileProblems(bytes: Uint8Array): Promise<LinkProblem[]> {
  try {
    await loadModule(bytes);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof HarnessError)) throw thrown;
    return [{ code: thrown.code, message: thrown.message, line: "Failed to load Wasm code" }];
  }
}

function startOf(info: ModuleInfo, names: ReadonlySet<string>): string[] {
  const section = info.start === undefined ? [] : ["(start section)"];
  if (!names.has("_initialize")) return names.has("_start") ? [...section, "_start"] : section;
  const after = ["main", "__main_void"].find((name) => names.has(name));
  return [...section, "_initialize", ...(after === undefined ? [] : [after])];
}

interface JcoMetadata {
  readonly metaType: { readonly tag: string };
  readonly producers: readonly (readonly [string, readonly (readonly [string, string])[]])[];
}

/** The producers section read by jco, or undefined where jco is not installed. */
async function producersFromJco(bytes: Uint8Array): Promise<Producers | undefined> {
  let metadataShow: (bytes: Uint8Array) => Promise<readonly JcoMetadata[]>;
  try {
    ({ metadataShow } = (await import("@bytecodealliance/jco")) as unknown as { metadataShow: typeof metadataShow });
  } catch {
    return undefined;
  }
  let module: JcoMetadata | undefined;
  try {
    [module] = await metadataShow(bytes);
  } catch {
    return undefined; // a section that is damaged; our own reader takes what can be read
  }
  return Object.fromEntries(
    (module?.producers ?? []).map(([field, entries]) => [
      field,
      entries.map(([name, version]) => ({ name: redactCredentials(name), version: redactCredentials(version) })),
    ]),
  );
}
