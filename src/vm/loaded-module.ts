import { createHash } from "node:crypto";
import { HarnessError, messageOf } from "../errors.js";
import { capMemory } from "./cap-memory.js";
import type { Coverage } from "./coverage.js";
import { exportGlobals, globalPrefixFor } from "./export-globals.js";
import { unsupportedFeatures } from "./features.js";
import type { EngineModule } from "./engine.js";
import type { ModuleInfo } from "./module-info.js";
import { readModule } from "./module-info.js";
import type { Rewriter } from "./rewrite-sections.js";
import { rewriteSections } from "./rewrite-sections.js";

const memorySection = 5;
const exportSection = 7;

/** A module that V8 has compiled, with what its bytes say. */
export interface LoadedModule {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly info: ModuleInfo;
  /** Compiled from the bytes with mutable globals exported and memories capped: see `export-globals.ts`, `cap-memory.ts`. */
  readonly compiled: EngineModule;
  /** Where in `bytes` an offset lies that the engine tells. */
  readonly originalOffset: (offset: number) => number;
  /** Listens to each instance, where the module has counters. */
  readonly coverage?: Coverage;
  /** Names of the exported globals begin with it. */
  readonly globalPrefix: string;
}

const cache = new Map<string, Promise<LoadedModule>>();
/** Modules kept compiled at the same time in one process. */
const cached = 32;

/**
 * Reads and compiles a module; the same bytes are compiled once a process.
 *
 * @throws {HarnessError} NOT_WASM, WASM_TRUNCATED, WASM_INVALID, WASM_COMPONENT, WASM_FEATURE
 */
export function loadModule(bytes: Uint8Array): Promise<LoadedModule> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  let loaded = cache.get(sha256);
  if (loaded === undefined) {
    loaded = compile(bytes, sha256, undefined);
    cache.set(sha256, loaded);
    if (cache.size > cached) cache.delete(cache.keys().next().value!);
    loaded.catch(() => cache.delete(sha256));
  }
  return loaded;
}

const counted = new WeakMap<Coverage, { readonly sha256: string; readonly loaded: Promise<LoadedModule> }>();

/**
 * As `loadModule`, with counters in it; compiled once for each `Coverage`.
 *
 * @throws {HarnessError} As `loadModule`; OPTION_INVALID when `coverage` belongs to another module.
 */
export async function loadWithCounters(bytes: Uint8Array, coverage: Coverage): Promise<LoadedModule> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const known = counted.get(coverage);
  if (known === undefined) {
    const loaded = compile(bytes, sha256, coverage);
    counted.set(coverage, { sha256, loaded });
    return loaded;
  }
  if (known.sha256 === sha256) return known.loaded;
  throw new HarnessError("OPTION_INVALID", "Cannot use one Coverage for two modules: make one for each");
}

async function compile(bytes: Uint8Array, sha256: string, coverage: Coverage | undefined): Promise<LoadedModule> {
  const info = readModule(bytes);
  const withCounters = coverage?.instrument(bytes, info);
  try {
    const globalPrefix = globalPrefixFor(info);
    const rewriters = new Map<number, Rewriter>();
    const [memories, exports] = [capMemory(info), exportGlobals(info, globalPrefix)];
    if (memories !== undefined) rewriters.set(memorySection, memories);
    if (exports !== undefined) rewriters.set(exportSection, exports);
    const { bytes: changed, shift } = rewriteSections(withCounters?.bytes ?? bytes, rewriters);
    const compiled = await WebAssembly.compile(changed as BufferSource);
    const originalOffset = (offset: number): number => withCounters?.originalOffset(offset - shift) ?? offset - shift;
    return { bytes, sha256, info, compiled, originalOffset, globalPrefix, ...(coverage && { coverage }) };
  } catch (thrown) {
    const missing = unsupportedFeatures(info, bytes);
    if (missing.length > 0) {
      throw new HarnessError(
        "WASM_FEATURE",
        `Cannot compile the module: it needs ${missing.map((one) => one.advice).join("; ")}`,
        { cause: thrown },
      );
    }
    const reason = messageOf(thrown).replace(/^WebAssembly\.compile\(\): /, "");
    throw new HarnessError("WASM_INVALID", `Cannot compile the module: ${reason}`, { cause: thrown });
  }
}
