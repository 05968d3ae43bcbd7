import { createHash } from "node:crypto";
import { HarnessError, messageOf } from "../errors.js";
import { capMemory } from "./cap-memory.js";
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
  /** Offsets that the engine tells are larger by this than those in `bytes`. */
  readonly shift: number;
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
    loaded = compile(bytes, sha256);
    cache.set(sha256, loaded);
    if (cache.size > cached) cache.delete(cache.keys().next().value!);
    loaded.catch(() => cache.delete(sha256));
  }
  return loaded;
}

async function compile(bytes: Uint8Array, sha256: string): Promise<LoadedModule> {
  const info = readModule(bytes);
  try {
    const globalPrefix = globalPrefixFor(info);
    const rewriters = new Map<number, Rewriter>();
    const [memories, exports] = [capMemory(info), exportGlobals(info, globalPrefix)];
    if (memories !== undefined) rewriters.set(memorySection, memories);
    if (exports !== undefined) rewriters.set(exportSection, exports);
    const { bytes: changed, shift } = rewriteSections(bytes, rewriters);
    const compiled = await WebAssembly.compile(changed as BufferSource);
    return { bytes, sha256, info, compiled, shift, globalPrefix };
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
