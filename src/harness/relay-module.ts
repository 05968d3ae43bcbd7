import type { AbiVersion } from "../abi/version.js";
import { abiMarkers, abiTraits, hostcallBelongsTo } from "../abi/version.js";
import { builtins } from "../host/builtins.js";
import type { CallbackDescriptor } from "../host/callbacks.js";
import { callbackDescriptors, callbackParams } from "../host/callbacks.js";
import { hostcalls } from "../host/hostcalls/index.js";
import type { FunctionDescriptor } from "../vm/import-function.js";
import { wasmParams } from "../vm/import-function.js";
import { constant, emptyBlock, ModuleWriter, Op, unsigned } from "../vm/module-writer.js";
import { wasiFunctions, wasiModules } from "../wasi/index.js";

/*
 * The relay guest: a module assembled from the descriptions of the host's functions. It imports each of them and exports it
 * again, so that raw i32s go to the host through real wasm and what the host writes lands in real guest memory. Its
 * callbacks and its allocator hand over to JavaScript, where a test makes hostcalls in the middle of them.
 */

/** How the relay's allocator answers. */
export const allocatorModes = {
  /** The next bytes after the last ones, growing the memory where it ends. */
  normal: 0,
  zero: 1,
  /** The address at which the memory ends. */
  "past the end": 2,
  trap: 3,
  /** As normal, after a call of `proxy_done`, which an allocator may not make. */
  restricted: 4,
  /** As normal, after the memory grew by a page. */
  grow: 5,
  /** What the work given to `during("malloc", …)` answers; 0: as normal. */
  ask: 6,
} as const;
export type AllocatorMode = keyof typeof allocatorModes;

export interface RelayModuleOptions {
  /** Default 0.2.1. */
  readonly abi?: AbiVersion;
  /** Functions to import: `proxy_log`, `fd_write`, `wasi_unstable.fd_write`. Default: all that the version has. */
  readonly imports?: readonly string[];
  /** Callbacks to export. Default: all that the version has. */
  readonly callbacks?: readonly string[];
  /** Others to export: `_initialize`, `_start`, `main`, `__main_void`. Default: none. */
  readonly start?: readonly string[];
  /** Default `["malloc"]`. */
  readonly allocators?: readonly string[];
  /** Pages of memory. Default 1. */
  readonly pages?: number;
  /** Default 256. */
  readonly maximumPages?: number;
}

/** Names of the two modules whose functions go by their bare names. */
const bareModules: readonly string[] = ["env", wasiModules[0]];
const startNames = ["_initialize", "_start", "main", "__main_void"] as const;
export const allocatorNames = ["malloc", "proxy_on_memory_allocate"] as const;
export const enterName = "relay_enter";
/** What the relay's code says to JavaScript: who it is, by position in this list. */
export const speakers: readonly string[] = [
  ...callbackDescriptors.map(({ name }) => name),
  ...startNames,
  ...allocatorNames,
  enterName,
];

/** A function of the host as the relay re-exports it. */
export interface Relayed {
  /** `proxy_log`, `fd_write`, `wasi_unstable.fd_write`. */
  readonly key: string;
  readonly module: string;
  readonly descriptor: FunctionDescriptor;
}

const descriptorOf = (module: string, name: string): FunctionDescriptor | undefined =>
  (module === "env" ? (hostcalls.get(name) ?? builtins.get(name)) : wasiFunctions.get(name)) as
    FunctionDescriptor | undefined;

export function relayed(key: string): Relayed {
  const dot = key.indexOf(".");
  const name = key.slice(dot + 1);
  const modules = dot < 0 ? bareModules : [key.slice(0, dot)];
  for (const module of modules) {
    const descriptor = descriptorOf(module, name);
    if (descriptor !== undefined) return { key, module, descriptor };
  }
  throw new Error(`Cannot relay "${key}": the host has no function of that name`);
}

/** The names of everything that a module of this version can import. */
export function relayedNames(abi: AbiVersion): readonly string[] {
  const own = [...hostcalls.keys()].filter((name) => hostcallBelongsTo(name, abiTraits[abi]));
  const wasi = [...wasiFunctions.keys()];
  return [...own, ...builtins.keys(), ...wasi, ...wasi.map((name) => `${wasiModules[1]}.${name}`)];
}

/** The bytes of a relay guest. */
export function relayModule(options: RelayModuleOptions = {}): Uint8Array {
  const abi = options.abi ?? "0.2.1";
  const writer = new ModuleWriter();
  const tell = writer.importFunction("relay", "callback", ["i32", "i32", "i32", "i32", "i32", "i32"], ["i32"]);
  const functions = (options.imports ?? relayedNames(abi)).map(relayed);
  const indexes = functions.map(({ module, descriptor }) =>
    writer.importFunction(module, descriptor.name, wasmParams(descriptor), descriptor.result === "none" ? [] : ["i32"]),
  );
  const pages = options.pages ?? 1;
  writer.setMemory(pages, options.maximumPages ?? 256);
  writer.export("memory", "memory", 0);
  const heap = writer.addGlobal(pages * 32768);
  const mode = writer.addGlobal(allocatorModes.normal);
  const answer = writer.addGlobal(0);
  writer.export("relay_heap", "global", heap);
  writer.export("relay_allocator", "global", mode);

  for (const [i, { key, descriptor }] of functions.entries()) {
    const params = wasmParams(descriptor);
    const results = descriptor.result === "none" ? ([] as const) : (["i32"] as const);
    writer.export(
      `call_${key}`,
      "function",
      writer.addFunction(params, results, [...passAll(params.length), Op.call, ...unsigned(indexes[i]!)]),
    );
  }
  const marker = Object.keys(abiMarkers).find((name) => abiMarkers[name] === abi)!;
  writer.export(marker, "function", writer.addFunction([], [], []));
  writer.export("relay_trap", "function", writer.addFunction([], [], [Op.unreachable]));
  const grow = [Op.localGet, 0, Op.memoryGrow, 0];
  writer.export("relay_grow", "function", writer.addFunction(["i32"], ["i32"], grow));

  /** Tells JavaScript who speaks, with its parameters, of which there are at most five. */
  const speak = (name: string, arity: number): number[] => [
    ...constant(speakers.indexOf(name)),
    ...passAll(arity),
    ...Array.from({ length: 5 - arity }, () => constant(0)).flat(),
    Op.call,
    ...unsigned(tell),
  ];
  const addSpeaker = (name: string, arity: number, answers: boolean): void => {
    const params = Array.from({ length: arity }, () => "i32" as const);
    const body = [...speak(name, arity), ...(answers ? [] : [Op.drop])];
    writer.export(name, "function", writer.addFunction(params, answers ? ["i32"] : [], body));
  };
  addSpeaker(enterName, 1, false);
  for (const name of options.callbacks ?? callbacksOf(abi)) {
    const descriptor = callbackDescriptors.find((one) => one.name === name) as CallbackDescriptor;
    addSpeaker(name, callbackParams(descriptor, abiTraits[abi]).length, descriptor.result !== "none");
  }
  for (const name of options.start ?? []) addSpeaker(name, name === "main" ? 2 : 0, name.includes("main"));

  const restricted = functions.findIndex(({ key }) => key === "proxy_done");
  for (const name of options.allocators ?? [allocatorNames[0]]) {
    const when = (value: number, body: readonly number[]): number[] =>
      [[Op.globalGet, mode], constant(value), [Op.i32Eq, Op.if, emptyBlock], body, [Op.end]].flat();
    const memoryEnd = [[Op.memorySize, 0], constant(16), [Op.i32Shl]].flat();
    const newHeap = [Op.globalGet, heap, Op.localGet, 0, Op.i32Add];
    const ask = [...speak(name, 1), Op.globalSet, answer];
    const body = [
      when(allocatorModes.zero, [...constant(0), Op.return]),
      when(allocatorModes["past the end"], [...memoryEnd, Op.return]),
      when(allocatorModes.trap, [Op.unreachable]),
      restricted < 0 ? [] : when(allocatorModes.restricted, [Op.call, ...unsigned(indexes[restricted]!), Op.drop]),
      when(allocatorModes.grow, [...constant(1), Op.memoryGrow, 0, Op.drop]),
      when(allocatorModes.ask, [
        ...ask,
        Op.globalGet,
        answer,
        Op.if,
        emptyBlock,
        Op.globalGet,
        answer,
        Op.return,
        Op.end,
      ]),
      // grow where the new heap would end after the memory
      [newHeap, memoryEnd, [Op.i32GtU, Op.if, emptyBlock], newHeap, memoryEnd, [Op.i32Sub]].flat(),
      [constant(65535), [Op.i32Add], constant(16), [Op.i32ShrU, Op.memoryGrow, 0, Op.drop, Op.end]].flat(),
      [newHeap, [Op.globalSet, heap, Op.globalGet, heap, Op.localGet, 0, Op.i32Sub]].flat(),
    ].flat();
    writer.export(name, "function", writer.addFunction(["i32"], ["i32"], body));
  }
  return writer.finish();
}

const passAll = (count: number): number[] => Array.from({ length: count }, (_, i) => [Op.localGet, i]).flat();

/** The callbacks that a version knows. */
const callbacksOf = (abi: AbiVersion): readonly string[] =>
  callbackDescriptors
    .map(({ name }) => name)
    .filter((name) => name !== "proxy_on_foreign_function" || abiTraits[abi].foreignFunctionCallback);
