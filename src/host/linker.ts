import { Status } from "../abi/enums.js";
import { limits } from "../abi/limits.js";
import { didYouMean } from "../abi/nearest.js";
import type { AbiTraits } from "../abi/version.js";
import { abiMarkers, abiTraits, hostcallBelongsTo, versionedHostcalls } from "../abi/version.js";
import type { HarnessErrorCode } from "../errors.js";
import { HarnessError, messageOf } from "../errors.js";
import type { FunctionDescriptor } from "../vm/import-function.js";
import { importFunction, wasmParams } from "../vm/import-function.js";
import type { EngineExports } from "../vm/engine.js";
import { cappedMaximum } from "../vm/cap-memory.js";
import { GuestMemory } from "../vm/memory.js";
import type { FunctionType, ModuleImport, ModuleInfo } from "../vm/module-info.js";
import { signature } from "../vm/module-info.js";
import type { WasiBase } from "../wasi/wasi-js.js";
import { wasiFunctions, wasiModules } from "../wasi/index.js";
import { Errno } from "../wasi/wasi-function.js";
import type { Behaviour } from "./behaviour.js";
import { builtins } from "./builtins.js";
import { GuestTimeout, timeoutError } from "./guard.js";
import { logCrossings } from "./crossings.js";
import type { WrongExport } from "./callbacks.js";
import { linkCallbacks, wrongCallbacks } from "./callbacks.js";
import type { HostFunctions } from "./host-function.js";
import { hostcalls } from "./hostcalls/index.js";
import type { LinkedInstance, PluginVm } from "./plugin-vm.js";

/** What to do about an import that no host provides. */
export type UnknownImports = "refuse" | "trap" | "unimplemented";

export interface LinkOptions {
  readonly unknownImports: UnknownImports;
  readonly hostFunctions: HostFunctions;
}

/** Something for which Envoy would not load the module; `line` is what Envoy prints. */
export interface LinkProblem {
  readonly code: HarnessErrorCode;
  readonly message: string;
  readonly line?: string;
  /** A function that nobody provides: a stub can stand in for it. */
  readonly unknownFunction?: true;
}

/** The ABI version of a module by its first marker, or undefined. [H] */
export function abiOf(info: ModuleInfo): AbiTraits | undefined {
  for (const { name, kind } of info.exports) {
    const version = kind === "function" && Object.hasOwn(abiMarkers, name) ? abiMarkers[name] : undefined;
    if (version !== undefined) return abiTraits[version];
  }
  return undefined;
}

/** The function that a test adds under this name: names come from the guest. */
function addedFunction(own: HostFunctions, wanted: { readonly module: string; readonly name: string }) {
  const module = Object.hasOwn(own, wanted.module) ? own[wanted.module]! : {};
  return Object.hasOwn(module, wanted.name) ? module[wanted.name] : undefined;
}

/** The host's function for an import; `restricted` says that a capability list forbids it. */
function find(
  wanted: { readonly module: string; readonly name: string },
  abi: AbiTraits,
  behaviour: Behaviour,
  own: HostFunctions,
): FunctionDescriptor | undefined {
  const added = addedFunction(own, wanted);
  if (added !== undefined) return { ...added, name: wanted.name };
  if (wanted.module === "env") {
    const builtin = builtins.get(wanted.name);
    if (builtin !== undefined) return builtin as FunctionDescriptor;
    const known = hostcalls.get(wanted.name);
    const links = known !== undefined && (behaviour.linksOtherVersions || hostcallBelongsTo(wanted.name, abi));
    return links ? (known as FunctionDescriptor) : undefined;
  }
  if (!(wasiModules as readonly string[]).includes(wanted.module)) return undefined;
  if (behaviour.wasiFunctions !== undefined && !behaviour.wasiFunctions.has(wanted.name)) return undefined;
  return wasiFunctions.get(wanted.name) as FunctionDescriptor | undefined;
}

/** Everything for which this module would not link, before anything of it runs; the first is what Envoy would say. */
export function linkProblems(info: ModuleInfo, behaviour: Behaviour, own: HostFunctions = {}): LinkProblem[] {
  const abi = abiOf(info);
  if (abi === undefined) return [abiProblem(info)];
  const problems: LinkProblem[] = [];
  for (const wanted of info.imports) {
    const problem = importProblem(wanted, abi, behaviour, own);
    if (problem !== undefined) problems.push(problem);
  }
  for (const problem of [ambiguous(info.imports), memoryProblem(info)]) {
    if (problem !== undefined) problems.push(problem);
  }
  // in the order in which [H] looks them up
  problems.push(...wrongStarts(info, behaviour).map((one) => wrongExport(one, abi)));
  const allocator = behaviour.allocators.find((name) => typeOfExport(info, name) !== undefined);
  if (allocator === undefined || signature(typeOfExport(info, allocator)!) !== signature(allocatorType)) {
    const why =
      allocator === undefined
        ? "it exports neither malloc nor proxy_on_memory_allocate"
        : `its ${allocator} is no allocator`;
    problems.push({
      code: "ALLOCATOR_MISSING",
      message: `Cannot use the module: ${why}, so the host can hand it nothing`,
      line: "Wasm module is missing malloc function.",
    });
  }
  problems.push(...wrongCallbacks(info, abi, signature).map((one) => wrongExport(one, abi)));
  if (!info.exports.some(({ kind }) => kind === "memory") && !info.imports.some(({ kind }) => kind === "memory")) {
    problems.push({ code: "MEMORY_MISSING", message: `Cannot use the module: it exports no memory` });
  }
  return problems;
}

function wrongExport({ name, want, have }: WrongExport, { version }: AbiTraits): LinkProblem {
  return {
    code: "EXPORT_TYPE",
    message: `Cannot use export ${name}: its type is ${have}, ABI ${version} wants ${want}`,
    line: `Bad function signature for: ${name}, want: ${want}, but the module exports: ${have}`,
  };
}

function abiProblem(info: ModuleInfo): LinkProblem {
  const line = "Missing or unknown Proxy-Wasm ABI version";
  const marker = info.exports.find(({ name }) => name.startsWith("proxy_abi_version_"));
  if (marker !== undefined) {
    const known = Object.keys(abiMarkers).join(", ");
    return { code: "ABI_UNKNOWN", message: `Cannot use ABI marker ${marker.name}: known are ${known}`, line };
  }
  if (info.exports.some(({ name }) => name.startsWith("proxy_on_"))) {
    return {
      code: "ABI_UNKNOWN",
      message: "Cannot tell the ABI version: the module exports no proxy_abi_version_0_1_0, _0_2_0 or _0_2_1",
      line,
    };
  }
  const some = info.exports.slice(0, 5).map(({ name }) => name);
  const seen = some.length === 0 ? "nothing" : some.join(", ") + (info.exports.length > 5 ? ", …" : "");
  return {
    code: "NOT_PROXY_WASM",
    message: `Cannot use the module: it is no proxy-wasm plugin, for it exports ${seen} and no proxy_on_… function`,
    line,
  };
}

function importProblem(
  wanted: ModuleImport,
  abi: AbiTraits,
  behaviour: Behaviour,
  own: HostFunctions,
): LinkProblem | undefined {
  const name = `${wanted.module}.${wanted.name}`;
  if (wanted.kind === "memory" || wanted.kind === "table") {
    const why = whyNotMade(wanted);
    if (why === undefined) return undefined;
    return { code: "IMPORT_TYPE", message: `Cannot link import ${name}: ${why}`, line: notInstantiated };
  }
  const found = wanted.kind === "function" ? find(wanted, abi, behaviour, own) : undefined;
  if (found === undefined) {
    return {
      code: "IMPORT_MISSING",
      message: `Cannot link import ${name}: ${whyMissing(wanted, abi, own)}`,
      line: `Failed to load Wasm module due to a missing import: ${name}`,
      ...(wanted.kind === "function" && { unknownFunction: true }),
    };
  }
  const have = signature({ params: wasmParams(found), results: found.result === "none" ? [] : ["i32"] });
  const want = wanted.type === undefined ? "?" : signature(wanted.type);
  if (want === have) return undefined;
  return {
    code: "IMPORT_TYPE",
    message: `Cannot link import ${name}: the module wants ${want}, the host provides ${have}`,
    line: `Failed to load Wasm module due to an import type mismatch: ${name}, want: ${want}, but host exports: ${have}`,
  };
}

/** What [H] says of whatever V8 has against a module beyond its code. [R] */
export const notInstantiated = "Failed to create new Wasm instance";

const allocatorType: FunctionType = { params: ["i32"], results: ["i32"] };
const startType: FunctionType = { params: [], results: [] };

const typeOfExport = ({ exports }: ModuleInfo, name: string): FunctionType | undefined =>
  exports.find((one) => one.name === name && one.kind === "function")?.type;

/** The functions of the start and the allocator that have another type than the host calls them with. */
function wrongStarts(info: ModuleInfo, { allocators }: Behaviour): WrongExport[] {
  const has = (name: string): boolean => typeOfExport(info, name) !== undefined;
  const called: [string, FunctionType][] = has("_initialize") ? [["_initialize", startType]] : [["_start", startType]];
  if (has("_initialize")) {
    if (has("main")) called.push(["main", { params: ["i32", "i32"], results: ["i32"] }]);
    else called.push(["__main_void", { params: [], results: ["i32"] }]);
  }
  const allocator = allocators.find(has);
  if (allocator !== undefined) called.push([allocator, allocatorType]);
  return called.flatMap(([name, type]) => {
    const exported = typeOfExport(info, name);
    if (exported === undefined || signature(exported) === signature(type)) return [];
    return [{ name, want: signature(type), have: signature(exported) }];
  });
}

/** Memories and tables are made on demand, as [H] does: these cannot be. */
function whyNotMade({ memory, table }: ModuleImport): string | undefined {
  if (memory?.shared === true) return "it is a shared memory, and the host makes none that is shared";
  if (memory?.is64 === true || table?.is64 === true)
    return `it is a ${memory ? "memory" : "table"} with 64-bit addresses`;
  if (memory?.pageSize !== undefined) return `it is a memory with pages of ${memory.pageSize} bytes`;
  if (table === undefined) return undefined;
  if (table.element !== "funcref" && table.element !== "externref") {
    return `it is a table of ${table.element}, and the host makes those of funcref and externref`;
  }
  return table.min > limits.tableElements
    ? `its table begins with ${table.min} elements, and a VM has at most ${limits.tableElements} (tableElements)`
    : undefined;
}

/** Imports that are made on demand and share a name, yet not a type: one value cannot be both. */
function ambiguous(imports: readonly ModuleImport[]): LinkProblem | undefined {
  const known = new Map<string, ModuleImport>();
  const typeOf = ({ kind, memory, table }: ModuleImport): string => JSON.stringify([kind, memory, table]);
  for (const one of imports) {
    const name = `${one.module}.${one.name}`;
    const first = known.get(name);
    if (first === undefined) known.set(name, one);
    else if (typeOf(first) !== typeOf(one)) {
      return {
        code: "IMPORT_TYPE",
        message: `Cannot link import ${name}: the module wants it as a ${first.kind} and as a ${one.kind} of another type`,
      };
    }
  }
  return undefined;
}

/** A memory that begins larger than the host lets one grow. */
function memoryProblem({ memories }: ModuleInfo): LinkProblem | undefined {
  const large = memories.find(({ min, pageSize }) => pageSize === undefined && min > limits.memoryPages);
  return (
    large && {
      code: "WASM_INVALID",
      message: `Cannot use the module: its memory begins with ${large.min} pages of 64 KiB, and a VM has at most ${limits.memoryPages} (memoryPages)`,
      line: notInstantiated,
    }
  );
}

function whyMissing(wanted: ModuleImport, abi: AbiTraits, own: HostFunctions): string {
  if (wanted.kind !== "function") return `it is a ${wanted.kind}, and hosts provide functions only`;
  if (versionedHostcalls.has(wanted.name))
    return `the hostcall is not part of ABI ${abi.version}, which the module declares`;
  const modules = ["env", ...wasiModules, ...Object.keys(own)];
  if (!modules.includes(wanted.module)) {
    return `no host provides module "${wanted.module}"${didYouMean(wanted.module, modules)}`;
  }
  const names = wanted.module === "env" ? [...hostcalls.keys(), ...builtins.keys()] : [...wasiFunctions.keys()];
  if (wanted.module !== "env" && wasiFunctions.has(wanted.name)) return "this release of the proxy does not have it";
  const added = Object.hasOwn(own, wanted.module) ? Object.keys(own[wanted.module]!) : [];
  return `no host provides it${didYouMean(wanted.name, [...names, ...added])}`;
}

/** The error for the first problem, with the others as details. */
export function linkError(problems: readonly LinkProblem[]): HarnessError {
  const [first, ...others] = problems;
  return new HarnessError(first!.code, first!.message, { details: others.map((one) => one.message) });
}

/**
 * Instantiates the VM's module with import functions of its own.
 *
 * @throws {HarnessError} What `linkProblems` found first, or WASM_INVALID when the engine refuses.
 */
export function link(vm: PluginVm, base: WasiBase, options: LinkOptions): LinkedInstance {
  const { module, abi, behaviour } = vm;
  const tolerated = (one: LinkProblem): boolean => one.unknownFunction === true && options.unknownImports !== "refuse";
  const problems = linkProblems(module.info, behaviour, options.hostFunctions).filter((one) => !tolerated(one));
  if (problems.length > 0) throw linkError(problems);
  // without a prototype: a module may import from "__proto__"
  const imports = Object.create(null) as WebAssembly.Imports;
  let importedMemory: WebAssembly.Memory | undefined;
  for (const wanted of module.info.imports) {
    let value = importValue(vm, wanted, options);
    if (vm.process.logsCrossings && typeof value === "function") {
      value = logCrossings(vm, "hostcall", `${wanted.module}.${wanted.name}`, value);
    }
    if (typeof value === "function") value = vm.process.tap?.("hostcall", wanted.name, value) ?? value;
    if (value instanceof WebAssembly.Memory) importedMemory = value;
    imports[wanted.module] ??= Object.create(null) as WebAssembly.ModuleImports;
    imports[wanted.module]![wanted.name] = value;
  }
  let instance: WebAssembly.Instance;
  try {
    // A start section runs in here, before the memory can be seen: import functions find an empty one until then.
    vm.memory = new GuestMemory(importedMemory ?? new WebAssembly.Memory({ initial: 0 }));
    vm.phase = 1;
    instance = vm.guard.run(() => new WebAssembly.Instance(module.compiled as WebAssembly.Module, imports));
  } catch (thrown) {
    if (thrown instanceof WebAssembly.LinkError) {
      throw new HarnessError("WASM_INVALID", `Cannot instantiate the module: ${messageOf(thrown)}`, { cause: thrown });
    }
    vm.fail(thrown, "(start section)", vm.vmContext);
    if (thrown instanceof GuestTimeout) throw timeoutError("(start section)", 0, thrown);
    throw new HarnessError("GUEST_TRAPPED", `Guest trapped in its start section: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  } finally {
    vm.phase = 0;
  }
  const { exports } = instance;
  module.coverage?.listenTo(exports);
  const memory = Object.values(exports).find((one) => one instanceof WebAssembly.Memory) ?? importedMemory!;
  base.bind(memory);
  const allocatorName = behaviour.allocators.find((name) => typeof exports[name] === "function")!;
  const allowed = vm.settings.allowedCapabilities;
  const { logsCrossings, tap } = vm.process;
  const callable = logsCrossings || tap !== undefined ? withCrossings(vm, exports) : exports;
  return {
    memory: new GuestMemory(memory),
    callbacks: linkCallbacks(callable, abi, allowed !== undefined && allowed.size > 0 ? allowed : undefined),
    allocator: { name: allocatorName, call: callable[allocatorName] as (size: number) => number },
    start: startFunctions(callable),
    exports,
    globals: Object.entries(exports)
      .filter(([name]) => name.startsWith(module.globalPrefix))
      .map(([, global]) => global as WebAssembly.Global),
  };
}

function withCrossings(vm: PluginVm, exports: EngineExports): EngineExports {
  const { logsCrossings, tap } = vm.process;
  const wrap = ([name, value]: [string, EngineExports[string]]): [string, EngineExports[string]] => {
    if (typeof value !== "function") return [name, value];
    const logged = logsCrossings ? logCrossings(vm, "callback", name, value) : value;
    return [name, tap?.("callback", name, logged) ?? logged];
  };
  return Object.fromEntries(Object.entries(exports).map(wrap));
}

/** [H] `_initialize`, then `main(0, 0)` or `__main_void()`; without it `_start` alone. */
function startFunctions(exports: EngineExports): LinkedInstance["start"] {
  const named = (name: string, ...args: number[]): LinkedInstance["start"] => {
    const call = exports[name];
    return typeof call === "function" ? [{ name, call: () => (call as (...a: number[]) => void)(...args) }] : [];
  };
  const initialize = named("_initialize");
  if (initialize.length === 0) return named("_start");
  const main = named("main", 0, 0);
  return [...initialize, ...(main.length > 0 ? main : named("__main_void"))];
}

function importValue(vm: PluginVm, wanted: ModuleImport, options: LinkOptions): WebAssembly.ImportValue {
  if (wanted.kind === "memory") {
    const { min, max } = wanted.memory!;
    return new WebAssembly.Memory({ initial: min, maximum: cappedMaximum(max) });
  }
  if (wanted.kind === "table") {
    const { min, max } = wanted.table!;
    const element = wanted.table!.element === "externref" ? "externref" : "anyfunc";
    return new WebAssembly.Table({ element, initial: min, ...(max !== undefined && { maximum: max }) });
  }
  const found = find(wanted, vm.abi, vm.behaviour, options.hostFunctions);
  if (found === undefined) return unknownImport(vm, wanted, options.unknownImports);
  const allowed = vm.settings.allowedCapabilities;
  const free = allowed === undefined || allowed.size === 0 || !isCapability(wanted, options.hostFunctions);
  if (free || allowed.has(wanted.name)) {
    return importFunction(found, vm) as WebAssembly.ImportValue;
  }
  return restricted(vm, wanted, found);
}

/** What a capability list speaks of: hostcalls of proxy-wasm and WASI, neither the test's functions nor the proxy's own. [H] */
function isCapability(wanted: ModuleImport, own: HostFunctions): boolean {
  if (addedFunction(own, wanted) !== undefined) return false;
  return wanted.module !== "env" || wanted.name.startsWith("proxy_");
}

/** [H] A forbidden function looks at nothing, logs, and answers a failure. */
function restricted(vm: PluginVm, wanted: ModuleImport, descriptor: FunctionDescriptor): () => number {
  const isWasi = (wasiModules as readonly string[]).includes(wanted.module);
  const kind = isWasi ? "WASI" : "proxy-wasm";
  const status = isWasi ? Errno.NotCapable : Status.InternalFailure;
  return () => {
    vm.hostLog(4, `Attempted call to restricted ${kind} capability: ${wanted.name}`);
    vm.noteCall(descriptor, [], undefined, status);
    return status;
  };
}

/** A function that stands in for an import nobody provides, by the test's choice; each call is reported. */
function unknownImport(vm: PluginVm, wanted: ModuleImport, policy: UnknownImports): () => number | bigint {
  const name = `${wanted.module}.${wanted.name}`;
  const descriptor: FunctionDescriptor = { name, params: {}, result: "status", phases: {}, body: () => 0 };
  return () => {
    vm.process.onDiagnostic("UNKNOWN_IMPORT_CALLED", `${name} was called; no host provides it`);
    vm.noteCall(descriptor, [], undefined, Status.Unimplemented);
    if (policy === "trap") throw new Error(`call of ${name}, which no host provides`);
    return wanted.type?.results[0] === "i64" ? BigInt(Status.Unimplemented) : Status.Unimplemented;
  };
}
