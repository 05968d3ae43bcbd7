import * as argsEnviron from "./args-environ.js";
import * as clock from "./clock.js";
import * as fd from "./fd.js";
import * as path from "./path.js";
import * as proc from "./proc.js";
import * as random from "./random.js";
import * as sock from "./sock.js";
import type { WasiFunction } from "./wasi-function.js";

/** The module names under which guests import WASI: the standard's, and the one before it. */
export const wasiModules = ["wasi_snapshot_preview1", "wasi_unstable"] as const;

/** The 45 functions that Envoy's host provides, by name. [H] wasm_vm.h WASI_FUNCTIONS */
export const wasiFunctions: ReadonlyMap<string, WasiFunction> = new Map(
  [argsEnviron, clock, fd, path, proc, random, sock]
    .flatMap((family) => Object.values(family) as WasiFunction[])
    .map((one) => [one.name, one]),
);
