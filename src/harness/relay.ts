import { byteString, bytesOf } from "../abi/bytes.js";
import type { ByteString } from "../abi/bytes.js";
import type { Pair } from "../abi/pairs.js";
import { encodePairs } from "../abi/pairs.js";
import { abiTraits } from "../abi/version.js";
import type { LinkedCallback } from "../host/callbacks.js";
import { callbackDescriptors, callbackParams } from "../host/callbacks.js";
import type { Callout, GrpcCall, GrpcEvents, Refusal } from "../host/callouts.js";
import { isRefusal } from "../host/callouts.js";
import type { Context } from "../host/contexts.js";
import { Guard } from "../host/guard.js";
import { hostcall } from "../host/hostcall.js";
import { failureError, startPlugin } from "../host/life-cycle.js";
import { link } from "../host/linker.js";
import { PluginVm } from "../host/plugin-vm.js";
import type { FunctionDescriptor } from "../vm/import-function.js";
import { wasmParams } from "../vm/import-function.js";
import { loadModule } from "../vm/loaded-module.js";
import { i32 } from "../vm/parameters.js";
import { wasiBase } from "../wasi/wasi-js.js";
import { ManualCallouts } from "./calls.js";
import type { PluginOptions } from "./plugin.js";
import { newHome } from "./home.js";
import { configurationBytes } from "./option-values.js";
import { Plugin } from "./plugin.js";
import type { AllocatorMode, RelayModuleOptions } from "./relay-module.js";
import { allocatorModes, allocatorNames, enterName, relayModule, speakers, relayed } from "./relay-module.js";

export type { AllocatorMode, RelayModuleOptions } from "./relay-module.js";
export { relayedNames, relayModule } from "./relay-module.js";

/** A gRPC call or stream that the guest started, for the test to answer. */
export interface RelayGrpcCall {
  readonly call: GrpcCall;
  readonly kind: "unary" | "stream";
  readonly events: GrpcEvents;
  /** What the guest did to it, in order: `send "abc"`, `send "" end`, `close`, `cancel`. */
  readonly done: readonly string[];
}

/** Calls wait for the test, those of gRPC too. */
export class RelayCallouts extends ManualCallouts {
  readonly grpcCalls: RelayGrpcCall[] = [];
  /** Refuses a call by its upstream, before anything else is looked at. */
  refuse: (upstream: ByteString) => Refusal | undefined = () => undefined;

  override httpCall(...args: Parameters<ManualCallouts["httpCall"]>): Callout | Refusal {
    return this.refuse(args[0].upstream) ?? super.httpCall(...args);
  }

  override grpcCall(call: GrpcCall, kind: "unary" | "stream", events: GrpcEvents): Callout | Refusal {
    const refusal = this.refuse(call.upstream);
    if (refusal !== undefined) return refusal;
    const made = super.grpcCall(call, kind, events);
    if (isRefusal(made)) return made;
    const done: string[] = [];
    this.grpcCalls.push({ call, kind, events, done });
    return {
      cancel: () => {
        done.push("cancel");
        made.cancel();
      },
      closeLocal: () => {
        done.push("close");
        made.closeLocal?.();
      },
      send: (message, end) => {
        done.push(`send ${JSON.stringify(byteString(message))}${end ? " end" : ""}`);
        made.send?.(message, end);
      },
    };
  }
}

/** What a test does while the relay's guest code runs; it gets the parameters of the callback. */
export type RelayWork = (...args: readonly number[]) => unknown;

export interface RelayOptions extends RelayModuleOptions, Omit<PluginOptions, "startTime" | "realClock" | "with"> {
  /** What to do in callbacks that come while the plugin is loaded. */
  readonly during?: Readonly<Record<string, (guest: RelayGuest) => unknown>>;
  /** What callbacks answer. Default: 0 for actions, 1 for those that say yes or no. */
  readonly answers?: Readonly<Record<string, number>>;
  /** Live in the process of this guest, in a VM of one's own: shared data, queues, metrics, log and clock are common. */
  readonly beside?: RelayGuest;
}

/**
 * Loads a relay guest.
 *
 * @throws {HarnessError} As `loadPlugin`.
 */
export async function relay(options: RelayOptions = {}): Promise<RelayGuest> {
  const module = await loadModule(relayModule(options));
  const beside = options.beside;
  const own =
    beside === undefined
      ? newHome({ budgetMs: 0, ...options }, (clock) => new RelayCallouts(clock, options.upstreams))
      : undefined;
  const { process, callouts, diagnostics, guard } = own ?? {
    process: beside!.vm.process,
    callouts: beside!.callouts,
    diagnostics: [],
    guard: new Guard(options.budgetMs ?? 0),
  };

  const settings = {
    vmId: options.vmId ?? "",
    configuration: configurationBytes(options.vmConfiguration),
    ...(options.environment && { environment: options.environment }),
    ...(options.capabilities?.length && { allowedCapabilities: new Set([...options.capabilities, "callback"]) }),
  };
  const base = wasiBase(settings.environment ?? {});
  const abi = abiTraits[options.abi ?? "0.2.1"];
  const vm = new PluginVm(process, module, abi, settings, guard, base.functions);
  if (options.trace === true) vm.trace.events = [];
  const guest = new RelayGuest(vm, callouts, options);
  const callback = hostcall(
    {
      name: "callback",
      params: { who: i32, a: i32, b: i32, c: i32, d: i32, e: i32 },
      phases: { start: true, allocator: true },
      result: "value",
    },
    (_, { who, a, b, c, d, e }) => guest.spoken(speakers[who]!, [a, b, c, d, e]),
  );
  const hostFunctions = { ...options.hostFunctions, relay: { callback: callback as FunctionDescriptor } };
  vm.relink = () => {
    const linked = link(vm, base, { unknownImports: options.unknownImports ?? "refuse", hostFunctions });
    guest.exports = linked.exports;
    linked.memory.whole.fill(unwritten);
    return linked;
  };
  vm.attach(vm.relink());
  process.vms.push(vm);
  if (vm.failed) throw failureError(vm);
  const root = startPlugin(vm, {
    name: options.name ?? "relay",
    rootId: options.rootId ?? "",
    configuration: configurationBytes(options.configuration),
  });
  if (vm.failed) throw failureError(vm);
  guest.plugin = new Plugin(root, { process, callouts, diagnostics, guard }, options as PluginOptions);
  return guest;
}

/** "?": what memory holds where nobody wrote. */
const unwritten = 0x3f;

/** A loaded relay guest: real wasm that does what a test tells it. */
export class RelayGuest implements Disposable {
  readonly vm: PluginVm;
  readonly callouts: RelayCallouts;
  /** Not there yet in `during` of the options. */
  plugin!: Plugin;
  /** For `relay`. */
  exports!: Readonly<Record<string, unknown>>;
  /** The callbacks that came, oldest first: `proxy_on_request_headers(2, 4, 1)`. */
  readonly callbacks: string[] = [];
  private readonly _works = new Map<string, { readonly work: RelayWork; readonly results: unknown[] }>();
  private readonly _answers: Map<string, number>;
  private readonly _arity: ReadonlyMap<string, number>;
  private _depth = 0;

  /** Use `relay`. */
  constructor(vm: PluginVm, callouts: RelayCallouts, options: RelayOptions) {
    this.vm = vm;
    this.callouts = callouts;
    const yes = callbackDescriptors.flatMap(({ name, result }) => (result === "bool" ? [[name, 1] as const] : []));
    this._answers = new Map([...yes, ...Object.entries(options.answers ?? {})]);
    this._arity = new Map(callbackDescriptors.map((one) => [one.name, callbackParams(one, vm.abi).length]));
    for (const [name, work] of Object.entries(options.during ?? {})) this.during(name, () => work(this));
  }

  /**
   * Makes a hostcall with raw numbers; those for i64 may be numbers too.
   *
   * Outside the guest's callbacks it is made inside one of its own, on the root context.
   * @returns The status, errno or value; 0 for a function without a result.
   */
  call(name: string, ...args: readonly (number | bigint)[]): number {
    const call = this.exports[`call_${name}`];
    if (typeof call !== "function") throw new Error(`Cannot call ${name}: this relay does not import it`);
    const wasm = wasmParams(relayed(name).descriptor);
    const raw = wasm.map((type, i) => (type === "i64" ? BigInt(args[i] ?? 0) : Number(args[i] ?? 0)));
    const run = (): number => Number((call as (...raw: (number | bigint)[]) => unknown)(...raw) ?? 0);
    return this._depth > 0 ? run() : this.inside(run);
  }

  /**
   * From now on, each time this callback comes, `work` runs inside it. Also for `_initialize` and the like, and for
   * `malloc` while `allocator` is "ask".
   *
   * @returns What `work` returned each time, filled as it happens.
   */
  during<T>(name: string, work: (...args: readonly number[]) => T): readonly T[] {
    if (!speakers.includes(name)) throw new Error(`Cannot do anything during ${name}: there is no such callback`);
    const results: T[] = [];
    this._works.set(name, { work, results });
    return results;
  }

  /** What a callback answers from now on. */
  answer(name: string, value: number): void {
    this._answers.set(name, value);
  }

  /** Enters the guest on a context, the root unless given, and runs `work` there; what was deferred follows. */
  inside<T>(work: () => T, context: Context = this.plugin.root): T {
    if (this.vm.failed) throw failureError(this.vm);
    let outcome: { readonly value: T } | { readonly thrown: unknown } | undefined;
    this._works.set(enterName, {
      work: () => {
        try {
          outcome = { value: work() };
        } catch (thrown) {
          outcome = { thrown };
          throw thrown;
        }
      },
      results: [],
    });
    this.vm.enter(this._enter, context);
    this.vm.finish();
    if (outcome === undefined) throw failureError(this.vm);
    if ("thrown" in outcome) throw outcome.thrown;
    return outcome.value;
  }

  /** A further plugin in the same VM. */
  addPlugin(settings: { readonly name?: string; readonly rootId?: string; readonly configuration?: string }): Plugin {
    const { name = "relay", rootId = "", configuration } = settings;
    const root = startPlugin(this.vm, { name, rootId, configuration: configurationBytes(configuration) });
    const { process, guard } = this.vm;
    return new Plugin(root, { process, callouts: this.callouts, diagnostics: [], guard }, {});
  }

  /** Executes `unreachable`: only inside a callback. */
  trap(): never {
    (this.exports["relay_trap"] as () => void)();
    throw new Error("Cannot trap");
  }

  get allocator(): AllocatorMode {
    const mode = this._global("relay_allocator").value;
    return Object.entries(allocatorModes).find(([, value]) => value === mode)![0] as AllocatorMode;
  }
  set allocator(mode: AllocatorMode) {
    this._global("relay_allocator").value = allocatorModes[mode];
  }

  /** Where the next bytes of the allocator go. */
  get heap(): number {
    return this._global("relay_heap").value;
  }
  set heap(address: number) {
    this._global("relay_heap").value = address;
  }

  /** Bytes of memory now. */
  get memorySize(): number {
    return this.vm.memory.size;
  }
  /** Grows the memory by pages of 64 KiB: pages before, or -1. */
  grow(pages: number): number {
    return (this.exports["relay_grow"] as (pages: number) => number)(pages);
  }

  /** Bytes of the memory, each one a character. */
  text(address: number, size: number): ByteString {
    return this.vm.memory.text(address, size);
  }
  bytes(address: number, size: number): Uint8Array {
    return this.vm.memory.copy(address, size);
  }
  u32(address: number): number {
    return this.vm.memory.readU32(address);
  }
  u64(address: number): bigint {
    return new DataView(this.bytes(address, 8).buffer).getBigUint64(0, true);
  }

  /** Writes a byte string, bytes or pairs. @returns How many bytes. */
  write(address: number, data: ByteString | Uint8Array | readonly Pair[]): number {
    const bytes = typeof data === "string" ? bytesOf(data) : data instanceof Uint8Array ? data : encodePairs(data);
    this.vm.memory.writeBytes(address, bytes);
    return bytes.length;
  }
  writeU32(address: number, value: number): void {
    this.vm.memory.writeU32(address, value);
  }

  /** Fills the lower half of the memory with "?" again. */
  wipe(): void {
    this.vm.memory.whole.fill(unwritten, 0, 32768);
  }

  close(): void {
    this.plugin.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  /** For the guest's code: something of it was called. */
  spoken(name: string, args: readonly number[]): number {
    if (this._arity.has(name)) this.callbacks.push(`${name}(${args.slice(0, this._arity.get(name)).join(", ")})`);
    const known = this._works.get(name);
    let result: unknown;
    if (known !== undefined) {
      this._depth++;
      try {
        result = known.work(...args);
      } finally {
        this._depth--;
      }
      known.results.push(result);
    }
    if ((allocatorNames as readonly string[]).includes(name)) return typeof result === "number" ? result : 0;
    return this._answers.get(name) ?? 0;
  }

  private _global(name: string): { value: number } {
    return this.exports[name] as { value: number };
  }

  private get _enter(): LinkedCallback {
    return {
      descriptor: { name: enterName, params: ["context"], result: "none", absent: 0, doc: "" },
      arity: 1,
      call: this.exports[enterName] as (id: number) => undefined,
    };
  }
}
