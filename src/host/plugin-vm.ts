import type { ByteString } from "../abi/bytes.js";
import { utf8 } from "../abi/bytes.js";
import type { LogLevel } from "../abi/enums.js";
import { LogLevel as Levels, Status } from "../abi/enums.js";
import { limits } from "../abi/limits.js";
import type { AbiTraits } from "../abi/version.js";
import { HarnessError } from "../errors.js";
import { GuestAbort, GuestFault } from "../vm/fault.js";
import type { FunctionDescriptor, ImportScope } from "../vm/import-function.js";
import { phaseAllocator, phaseStart } from "../vm/import-function.js";
import type { EngineExports } from "../vm/engine.js";
import type { GuestMemory } from "../vm/memory.js";
import { stackFrames } from "../vm/stack-frames.js";
import type { LoadedModule } from "../vm/loaded-module.js";
import type { Behaviour } from "./behaviour.js";
import type { GrpcEvents, HttpCallAnswer } from "./callouts.js";
import type { LinkedCallback, LinkedCallbacks } from "./callbacks.js";
import { ContextTable } from "./context-table.js";
import type { Delivery } from "./contexts.js";
import { Context, MessageBuffer, PluginContext, ReadOnlyBuffer } from "./contexts.js";
import type { FailState, Trap } from "./failure.js";
import { describeTrap, envoyTrapLine } from "./failure.js";
import type { Guard, GuestTimeout, Interruptible } from "./guard.js";
import type { LogSource } from "./log-book.js";
import type { HostProcess } from "./process.js";
import { millisecondsToNs } from "./services/clock.js";
import { VmMetrics } from "./services/metrics.js";
import type { QueueOwner } from "./services/shared-queues.js";
import { VmCallouts } from "./services/vm-callouts.js";
import type { Fields } from "./stream-port.js";
import { Trace } from "./trace.js";
import type { WasiSystem } from "../wasi/wasi-function.js";

export interface VmSettings {
  readonly vmId: string;
  readonly configuration: Uint8Array;
  /** Names of hostcalls, WASI functions and callbacks that are allowed; undefined or empty: all. [H] §9.4 */
  readonly allowedCapabilities?: ReadonlySet<string>;
  readonly environment?: Readonly<Record<string, string>>;
}

/** How the VM came to its end, and where. */
export interface VmFailure {
  readonly state: FailState;
  readonly trap?: Trap;
}

/** The instance behind a VM, made by the linker. */
export interface LinkedInstance {
  readonly memory: GuestMemory;
  readonly callbacks: LinkedCallbacks;
  readonly allocator: { readonly name: string; readonly call: (size: number) => number };
  readonly start: readonly { readonly name: string; readonly call: () => void }[];
  readonly exports: EngineExports;
  /** Mutable globals of the module, for snapshots. */
  readonly globals: readonly { value: unknown }[];
}

/**
 * One Wasm VM: an instance of a module with the contexts that live in it, as cpp-host's `WasmBase`.
 *
 * Hostcalls get it as `call`: `call.acting` is the context they are about. The order in every entry is Envoy's: enter, run,
 * leave, convert the result (the caller), then `finish`, which runs what the guest asked for meanwhile.
 */
export class PluginVm implements ImportScope, Interruptible {
  readonly process: HostProcess;
  readonly module: LoadedModule;
  readonly settings: VmSettings;
  readonly abi: AbiTraits;
  readonly configuration: ReadOnlyBuffer;
  readonly trace: Trace;
  readonly metrics: VmMetrics;
  readonly calls = new VmCallouts();
  readonly contexts = new ContextTable();
  readonly vmContext: Context;
  readonly guard: Guard;
  readonly wasi: WasiSystem;
  memory!: GuestMemory;
  callbacks!: LinkedCallbacks;
  globals: readonly { value: unknown }[] = [];
  private _allocator!: LinkedInstance["allocator"];
  /** For those who play an allocator that has nothing left. */
  allocationFails: (() => boolean) | undefined = undefined;
  /** What may be called now: 0 everything, else the functions of that phase. */
  phase: 0 | 1 | 2 = 0;
  /** The context that hostcalls act on: the effective one, else that of the running callback. */
  acting: Context;
  /** A local response was asked for: the running callback's result is overridden by a stop. [H] per VM */
  stopIteration = false;
  failure: VmFailure | undefined;
  /** Id of the context of the running callback. A number: storing young objects in an old one has a price. */
  private _currentId = 0;
  private _entered: LinkedCallback | undefined;
  private _depth = 0;
  private _nextContextId = 1;
  private _deferred: (() => void)[] = [];
  /** Deferred actions that run within one another. */
  private _nested = 0;

  constructor(
    process: HostProcess,
    module: LoadedModule,
    abi: AbiTraits,
    settings: VmSettings,
    guard: Guard,
    base: WasiSystem["base"],
  ) {
    this.process = process;
    this.module = module;
    this.abi = abi;
    this.settings = settings;
    this.guard = guard;
    this.configuration = new ReadOnlyBuffer(settings.configuration);
    this.metrics = new VmMetrics(process.metrics);
    this.trace = new Trace(process.log);
    this.vmContext = new Context(this, 0, "");
    this.contexts.add(this.vmContext);
    this.acting = this.vmContext;
    this.wasi = {
      base,
      write: (fd, bytes) => this.logBytes(fd === 1 ? Levels.Info : Levels.Error, fd === 1 ? "stdout" : "stderr", bytes),
      wallNs: () => process.clock.readWallNs(),
      monotonicNs: () => process.clock.readMonotonicNs(),
      random: (target) => process.random.fill(target),
      note: (text) => this.hostLog(Levels.Trace, text),
    };
  }

  get behaviour(): Behaviour {
    return this.process.behaviour;
  }

  get failed(): boolean {
    return this.failure !== undefined;
  }

  /** Is the guest running? Then answers to calls wait until it returned. */
  get running(): boolean {
    return this._depth > 0;
  }

  // --------------------------------------------------------------------------------------------- entering the guest

  /** Ties the VM to its instance and runs `_initialize` or `_start`. False: it trapped. */
  attach(instance: LinkedInstance): boolean {
    this.tie(instance);
    this.phase = phaseStart;
    try {
      for (const { name, call } of instance.start) {
        this.trace.enter(name, 0, 0, 0, 0, 0, 0);
        this.guard.run(call);
        this.trace.leave(name, 0, undefined);
      }
    } catch (thrown) {
      this.fail(thrown, instance.start[0]!.name, this.vmContext);
      return false;
    } finally {
      this.phase = 0;
    }
    return true;
  }

  /** Links a new instance, when a state is restored into it. Set by `createVm`. */
  relink: () => LinkedInstance = () => {
    throw new HarnessError("ILLEGAL_CALL", "Cannot replace the instance: the VM was not made by createVm");
  };

  /** Makes a VM like this one, from the beginning, on the same thread: after a trap. Set by `createVm`. */
  another: () => PluginVm = () => {
    throw new HarnessError("ILLEGAL_CALL", "Cannot make another VM: this one was not made by createVm");
  };

  /** Gives the VM a new instance whose memory and globals are to be filled by the caller. */
  replaceInstance(): void {
    this.tie(this.relink());
  }

  private tie(instance: LinkedInstance): void {
    this.memory = instance.memory;
    this.callbacks = instance.callbacks;
    this.globals = instance.globals;
    this._allocator = instance.allocator;
  }

  /** Puts the VM between two callbacks, whatever it was doing. */
  reset(nextContextId: number): void {
    this._nextContextId = nextContextId;
    this._deferred = [];
    this._depth = 0;
    this._nested = 0;
    this.phase = 0;
    this.stopIteration = false;
    this.failure = undefined;
    this.acting = this.vmContext;
    this._currentId = 0;
  }

  /**
   * Makes a callback on `context`, without the epilogue: the caller converts the result and then calls `finish`.
   *
   * @returns The guest's answer as u32; `absent` of the callback when it is not exported; 0 when it trapped.
   */
  enter(callback: LinkedCallback, context: Context, a = 0, b = 0, c = 0, d = 0): number {
    const call = callback.call;
    if (call === undefined) return callback.descriptor.absent;
    const { name } = callback.descriptor;
    const arity = callback.arity;
    if (this._depth > 0) this.refuseEntry(name);
    if (this._nested > limits.nestedCallbacks) {
      this.fail(new RangeError("Maximum call stack size exceeded"), name, context);
      return 0;
    }
    this._currentId = context.id;
    this.acting = context;
    this._depth = 1;
    this.trace.enter(name, arity, context.id, a, b, c, d);
    let result: number | undefined;
    const frames = Error.stackTraceLimit;
    if (frames < stackFrames) Error.stackTraceLimit = stackFrames; // also where no guard sets it
    try {
      if (this.guard.active) {
        this.guard.inside = this;
        this._entered = callback;
        result = callGuest(call, arity, context.id, a, b, c, d);
      } else {
        result = guardedCall(this.guard, call, arity, context.id, a, b, c, d);
      }
      this.trace.leave(name, context.id, result);
    } catch (thrown) {
      this.fail(thrown, name, context);
      result = 0;
    } finally {
      Error.stackTraceLimit = frames;
      this._depth = 0;
      this._currentId = 0;
      this.acting = this.vmContext;
    }
    return result === undefined ? 0 : result >>> 0;
  }

  /** A hostcall never calls the guest back, and nobody else may while it runs: Rust would trap. */
  private refuseEntry(name: string): never {
    throw new HarnessError("ILLEGAL_CALL", `Cannot make ${name}: the guest is running (context ${this._currentId})`);
  }

  /** The context of the running callback. */
  /** The context that the guest was entered with. */
  get current(): Context {
    return this.contexts.get(this._currentId) ?? this.vmContext;
  }

  /**
   * The epilogue of a callback: clears the stop flag and runs what was deferred, first in, first out. Callbacks that this causes
   * do the same, with what is left. [H] §8.7, [R] act_contagain
   */
  finish(): void {
    this.stopIteration = false;
    if (this._depth > 0 || this._deferred.length === 0) return;
    this._nested++;
    try {
      for (let next = this._deferred.shift(); next !== undefined; next = this._deferred.shift()) next();
    } finally {
      this._nested--;
    }
  }

  /** Makes a callback whose result only matters as true or false, with its epilogue. A failed VM is not entered. */
  notify(callback: LinkedCallback, context: Context, a = 0, b = 0, c = 0, d = 0): number {
    if (this.failed) return callback.descriptor.absent;
    const result = this.enter(callback, context, a, b, c, d);
    this.finish();
    return result;
  }

  /** Runs `action` when the running callback has returned and its result was read. */
  defer(action: () => void): void {
    this.checkLimit("deferredActions", this._deferred.length + 1, limits.deferredActions);
    this._deferred.push(action);
  }

  /** Runs `action` now, or once the guest has returned. */
  whenIdle(action: () => void): void {
    if (this.running) this.defer(action);
    else action();
  }

  /** A batch was stopped while the guest ran: nothing of ours was run on the way out, so this puts the VM in order. */
  interrupted(timeout: GuestTimeout): void {
    if (this._depth === 0) return;
    const context = this.current;
    this._depth = 0;
    this._nested = 0;
    this._deferred = [];
    this.phase = 0;
    this.stopIteration = false;
    this.acting = this.vmContext;
    this._currentId = 0;
    this.fail(timeout, this._entered?.descriptor.name ?? "?", context);
  }

  /** The VM is lost: an exception left the guest. Envoy logs it at error level. */
  fail(thrown: unknown, callback: string, context: Context): void {
    if (thrown instanceof HarnessError) throw thrown;
    const trap = describeTrap(thrown, callback, context.id, this.module, this.process.log.records, this.trace.recent());
    this.failure ??= { state: this.phase === phaseStart ? "UnableToInitializeCode" : "RuntimeError", trap };
    this.hostLog(Levels.Error, envoyTrapLine(trap, this.behaviour.backtraceFrames));
  }

  // --------------------------------------------------------------------------------------------- for import functions

  /** [H] The allocator runs as the VM, and may call next to nothing. A trap in it fails the VM; the guest goes on. */
  allocate(size: number): number {
    const { name, call } = this._allocator;
    if (this.allocationFails?.() === true) throw new GuestFault(`${name}(${size}) returned 0`);
    const { acting, phase } = this;
    this.acting = this.vmContext;
    this.phase = phaseAllocator;
    let address: number;
    try {
      address = call(size) >>> 0;
    } catch (thrown) {
      this.fail(thrown, name, this.vmContext);
      throw new GuestFault(`${name}(${size}) trapped`);
    } finally {
      this.phase = phase;
      this.acting = acting;
    }
    if (address === 0) throw new GuestFault(`${name}(${size}) returned 0`);
    this.memory.check(address, size);
    return address;
  }

  refusePhase(descriptor: FunctionDescriptor): never {
    this.noteCall(descriptor, undefined, undefined, Status.InternalFailure);
    throw new GuestAbort("restricted_callback");
  }

  answerFault(thrown: unknown, descriptor: FunctionDescriptor): number {
    if (!(thrown instanceof GuestFault)) throw thrown;
    return descriptor.result === "errno" ? errnoFault : Status.InvalidMemoryAccess;
  }

  noteCall(descriptor: FunctionDescriptor, args: unknown, outcome: unknown, status: number): void {
    this.trace.hostcall({ kind: "hostcall", contextId: this.acting.id, descriptor, args, outcome, status });
  }

  // --------------------------------------------------------------------------------------------- for hostcalls

  setEffectiveContext(id: number): boolean {
    if (id === 0) {
      this.acting = this.current;
      return true;
    }
    const context = this.contexts.get(id);
    if (context !== undefined) this.acting = context;
    return context !== undefined;
  }

  /** A line of the guest's, whose text of `length` bytes the log has taken; lines below the level are not kept. */
  logTaken(level: LogLevel, length: number): void {
    const { log, logLevel } = this.process;
    if (level < logLevel) return;
    this.trace.noteLog(log.next);
    const { acting } = this;
    log.log(level, 0, acting.id, acting.logPrefixId, length);
  }

  /** A line that is written by WASI or by the host itself, as Envoy prints it. */
  hostLog(level: LogLevel, text: string, source: LogSource = "host"): void {
    this.logBytes(level, source, utf8(text));
  }

  private logBytes(level: LogLevel, source: LogSource, bytes: Uint8Array): void {
    if (level < this.process.logLevel) return;
    this.process.log.write(level, source, this.acting.id, this.acting.logPrefix, bytes);
  }

  setTickPeriod(root: PluginContext | undefined, periodMs: number): void {
    if (root === undefined) return;
    root.tickPeriodMs = periodMs;
    root.tickTimer?.cancel();
    root.tickTimer = undefined;
    if (periodMs > 0 && this.callbacks.proxy_on_tick.call !== undefined) this.armTick(root);
  }

  queueOwner(root: PluginContext): QueueOwner {
    return { queueReady: (token) => void this.notify(this.callbacks.proxy_on_queue_ready, root, token) };
  }

  noteMalformed(hostcall: string, given: { readonly malformed?: string }): void {
    if (given.malformed === undefined) return;
    this.process.onDiagnostic(
      "MALFORMED_PAIRS",
      `${hostcall}: the pairs count as none: ${given.malformed} (context ${this.acting.id})`,
    );
  }

  checkLimit(name: keyof typeof limits, wanted: number, limit: number): void {
    if (wanted <= limit) return;
    throw new HarnessError(
      "LIMIT_EXCEEDED",
      `Guest exceeded a limit of the harness: ${name} ${wanted}, at most ${limit}`,
    );
  }

  // --------------------------------------------------------------------------------------------- contexts

  get nextContextId(): number {
    return this._nextContextId;
  }

  takeContextId(): number {
    return this._nextContextId++;
  }

  /** Tells the guest of a context, once, without the epilogue. */
  createContext(context: Context, parentId: number): void {
    this.contexts.add(context);
    if (this.failed) return;
    this.enter(this.callbacks.proxy_on_context_create, context, parentId);
    context.created = true;
  }

  /** proxy_on_delete, then the id is free. */
  deleteContext(context: Context): void {
    if (context.created) this.notify(this.callbacks.proxy_on_delete, context);
    this.contexts.remove(context);
    context.deleted = true;
    if (this.acting === context) this.acting = this.current;
    if (context instanceof PluginContext) {
      context.tickTimer?.cancel();
      this.calls.cancelAll(context);
    }
  }

  /** Starts the wait for the root's next tick: its period, or what was left of it, then with the timer's old `order`. */
  armTick(root: PluginContext, delayNs = millisecondsToNs(root.tickPeriodMs), order?: number): void {
    const { clock } = this.process;
    const tick = (): void => {
      root.tickTimer = undefined;
      this.notify(this.callbacks.proxy_on_tick, root);
      // on_tick may have set another period, which armed a timer of its own
      if (root.tickPeriodMs > 0 && root.tickTimer === undefined && !this.failed) this.armTick(root);
    };
    root.tickTimer = order === undefined ? clock.schedule(delayNs, tick) : clock.scheduleAgain(delayNs, order, tick);
  }

  // --------------------------------------------------------------------------------------------- answers to calls

  answerHttpCall(root: PluginContext, token: number, answer: HttpCallAnswer | "reset"): void {
    if (!this.calls.remove(token)) return;
    const callback = this.callbacks.proxy_on_http_call_response;
    if (answer === "reset") {
      root.statusCode = Status.BrokenConnection;
      root.statusMessage = "reset";
      this.notify(callback, root, token, 0, 0, 0);
      root.statusMessage = "";
      return;
    }
    const { headers, body, trailers } = answer;
    const delivery: Delivery = { headers, body: new ReadOnlyBuffer(body), ...(trailers && { trailers }) };
    root.deliver(delivery, () => this.notify(callback, root, token, headers.count, body.length, trailers?.count ?? 0));
  }

  grpcEvents(root: PluginContext, token: number): GrpcEvents {
    const callbacks = this.callbacks;
    const open = (run: () => void): void =>
      this.whenIdle(() => {
        if (this.calls.has(token)) run();
      });
    const metadata = (callback: LinkedCallback, fields: Fields, key: "grpcInitialMetadata" | "grpcTrailingMetadata") =>
      open(() => root.deliver({ [key]: fields }, () => this.notify(callback, root, token, fields.count)));
    const message = (bytes: Uint8Array): void =>
      root.deliver({ grpcMessage: new MessageBuffer(bytes) }, () =>
        this.notify(callbacks.proxy_on_grpc_receive, root, token, bytes.length),
      );
    return {
      initialMetadata: (m) => metadata(callbacks.proxy_on_grpc_receive_initial_metadata, m, "grpcInitialMetadata"),
      trailingMetadata: (m) => metadata(callbacks.proxy_on_grpc_receive_trailing_metadata, m, "grpcTrailingMetadata"),
      message: (bytes) => open(() => message(bytes)),
      succeed: (bytes) =>
        open(() => {
          this.calls.remove(token);
          message(bytes);
        }),
      close: (status: number, text: ByteString) =>
        open(() => {
          root.statusCode = status;
          root.statusMessage = text;
          this.calls.remove(token);
          this.notify(callbacks.proxy_on_grpc_close, root, token, status);
          root.statusMessage = "";
        }),
    };
  }
}

/** EFAULT of WASI. */
const errnoFault = 21;

/** In a function of its own: the closure would make every call keep its arguments on the heap. */
function guardedCall(
  guard: Guard,
  call: (...args: number[]) => number | undefined,
  arity: number,
  id: number,
  a: number,
  b: number,
  c: number,
  d: number,
): number | undefined {
  return guard.run(() => callGuest(call, arity, id, a, b, c, d));
}

/** Calls with exactly the parameters the export has: more would pass through an adaptor. */
function callGuest(
  call: (...args: number[]) => number | undefined,
  arity: number,
  id: number,
  a: number,
  b: number,
  c: number,
  d: number,
): number | undefined {
  if (arity === 3) return call(id, a, b);
  if (arity === 2) return call(id, a);
  if (arity === 1) return call(id);
  return call(id, a, b, c, d);
}
