import * as wasiModule from "wasi-js/dist/wasi.js";
import type { EngineMemory } from "../vm/engine.js";
import { GuestFault } from "../vm/fault.js";

/*
 * The base of our WASI is wasi-js. Envoy's answers differ for most functions, and those are ours; what is left to it are
 * arguments and environment. Traps of that package, found in use: its preinstall script breaks `npm install`, so it is
 * bundled when we build; Node hands out its CommonJS exports under `default`, vitest as they are; it keeps a view of the
 * first memory it saw, so there is one object for each instance. See RATIONALE.md.
 */
interface WasiJs {
  readonly wasiImport: Readonly<Record<string, (...args: (number | bigint)[]) => number>>;
  setMemory(memory: EngineMemory): void;
  view: DataView | undefined;
}
type WasiJsClass = new (options: object) => WasiJs;

function findClass(module: unknown): WasiJsClass {
  let found = module as { default?: unknown };
  while (typeof found !== "function" && found.default !== undefined) found = found.default as typeof found;
  return found as unknown as WasiJsClass;
}

export interface WasiBase {
  readonly functions: Readonly<Record<string, (...args: (number | bigint)[]) => number>>;
  /** Ties the functions to the memory of an instance. */
  bind(memory: EngineMemory): void;
}

/** The wasi-js functions for one instance, with this environment, no arguments and nothing of the machine. */
export function wasiBase(environment: Readonly<Record<string, string>>): WasiBase {
  const forbidden = (what: string) => (): never => {
    throw new GuestFault(`${what} of the machine is not reachable from a plugin`);
  };
  const Wasi = findClass(wasiModule);
  const instance = new Wasi({
    args: [],
    env: environment,
    bindings: {
      hrtime: () => 1n, // read once, by the constructor; the clocks that guests read are ours
      exit: forbidden("exit"),
      kill: forbidden("kill"),
      randomFillSync: forbidden("randomFillSync"),
      isTTY: () => false,
      fs: {},
      path: {},
    },
  });
  const functions = Object.fromEntries(
    Object.entries(instance.wasiImport).map(([name, call]) => [name, guarded(call)] as const),
  );
  // Its environ_get cuts what does not fit, and says all is well.
  const size = Object.entries(environment).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(`${name}=${value}\0`),
    0,
  );
  const environGet = functions["environ_get"]!;
  let bound = nowhere;
  instance.setMemory(nowhere);
  functions["environ_get"] = (environ, buffer) => {
    if (size > 0 && Number(buffer) + size > bound.buffer.byteLength) {
      throw new GuestFault(`Cannot write ${size} bytes at ${buffer}: the memory ends at ${bound.buffer.byteLength}`);
    }
    return environGet(environ!, buffer!);
  };
  return {
    functions,
    bind(memory) {
      bound = memory;
      instance.setMemory(memory);
      instance.view = undefined;
    },
  };
}

/** The memory while a start section runs, before there is an instance: every address is outside. */
const nowhere: EngineMemory = { buffer: new ArrayBuffer(0), grow: () => 0 };

/** An address outside the memory is the guest's fault, not an error of ours. */
function guarded(call: (...args: (number | bigint)[]) => number): (...args: (number | bigint)[]) => number {
  return (...args) => {
    try {
      return call(...args);
    } catch (thrown) {
      if (thrown instanceof RangeError) throw new GuestFault(thrown.message);
      throw thrown;
    }
  };
}
