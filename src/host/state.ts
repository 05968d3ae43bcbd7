import type { LogLevel } from "../abi/enums.js";
import { HarnessError } from "../errors.js";
import { MemoryImage } from "../vm/memory-image.js";
import { type Context, PluginContext } from "./contexts.js";
import type { PluginVm } from "./plugin-vm.js";
import type { HostProcess } from "./process.js";
import { SeededRandom } from "./services/random.js";

/** Bytes of one page of wasm memory. */
const pageSize = 65_536;

interface RootState {
  readonly root: PluginContext;
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly tickPeriodMs: number;
  /** Nanoseconds until the next tick; undefined when none is due. */
  readonly tickInNs: number | undefined;
  /** Ticks that fall due together come in the order in which they were asked for. */
  readonly tickOrder: number;
  readonly awaitsDone: boolean;
  readonly extensions: Extensions;
}

interface VmState {
  readonly vm: PluginVm;
  /** All contexts: of the VM itself and its roots. */
  readonly contexts: ReadonlySet<Context>;
  readonly image: MemoryImage;
  readonly globals: readonly unknown[];
  readonly nextContextId: number;
  readonly roots: readonly RootState[];
  readonly metrics: unknown;
  readonly calls: unknown;
}

/** What a thread has for itself. */
interface ThreadState {
  readonly thread: HostProcess;
  readonly vms: readonly VmState[];
  readonly logLength: number;
  readonly logLevel: LogLevel;
  readonly random: Uint32Array | undefined;
}

/** All that can change in a process and its VMs, at one moment between two callbacks. */
export interface ProcessState {
  readonly threads: readonly ThreadState[];
  /** Roots that tick, in the order in which they asked. */
  readonly ticking: readonly RootState[];
  readonly elapsedNs: number;
  /** How many timers the clock had had. */
  readonly timers: number;
  readonly sharedData: unknown;
  readonly queues: unknown;
  readonly metrics: unknown;
}

/**
 * Takes down the state of a process with all its threads.
 *
 * @throws {HarnessError} ILLEGAL_CALL while a guest runs, a stream is open or a call waits: those hold on to what cannot be
 *   taken down. GUEST_TRAPPED states cannot be kept either.
 */
export function captureState(process: HostProcess, others: readonly HostProcess[] = []): ProcessState {
  process.clock.advance(0);
  const threads = [process, ...others].map(captureThread);
  const roots = threads.flatMap(({ vms }) => vms.flatMap((vm) => vm.roots));
  return {
    threads,
    ticking: roots.filter(({ tickInNs }) => tickInNs !== undefined).sort((a, b) => a.tickOrder - b.tickOrder),
    elapsedNs: process.clock.elapsedNs,
    timers: process.clock.order,
    sharedData: process.sharedData.capture(),
    queues: process.queues.capture(),
    metrics: process.metrics.capture(),
  };
}

/** Puts a process back. Streams that were opened since are gone; a VM that failed since gets a new instance. */
export function restoreState(process: HostProcess, state: ProcessState): void {
  process.clock.restore(state.elapsedNs, state.timers);
  process.sharedData.restore(state.sharedData);
  process.queues.restore(state.queues);
  process.metrics.restore(state.metrics);
  for (const one of state.threads) restoreThread(one);
  for (const { root, tickInNs, tickOrder } of state.ticking) root.vm.armTick(root, tickInNs!, tickOrder);
}

function captureThread(thread: HostProcess): ThreadState {
  const { vms, log, logLevel, random } = thread;
  return {
    thread,
    vms: vms.map(captureVm),
    logLength: log.length,
    logLevel,
    random: random instanceof SeededRandom ? random.capture() : undefined,
  };
}

function restoreThread({ thread, vms, logLength, logLevel, random }: ThreadState): void {
  thread.log.truncate(logLength);
  thread.logLevel = logLevel;
  if (random !== undefined && thread.random instanceof SeededRandom) thread.random.restore(random);
  // those that were reloaded since are the old ones again
  thread.vms.length = vms.length;
  for (let i = 0; i < vms.length; i++) {
    thread.vms[i] = vms[i]!.vm;
    restoreVm(vms[i]!);
  }
}

function captureVm(vm: PluginVm): VmState {
  const refuse = (why: string): never => {
    throw new HarnessError("ILLEGAL_CALL", `Cannot take a snapshot: ${why}`);
  };
  if (vm.failed) refuse("the VM has failed");
  if (vm.running) refuse("the guest is running");
  const contexts = vm.contexts.all();
  const roots = contexts.filter((context) => context instanceof PluginContext);
  const streams = contexts.filter((context) => context !== vm.vmContext).length - roots.length;
  if (streams > 0) refuse(`${streams} streams are open`);
  if (vm.calls.pending.length > 0) refuse(`${vm.calls.pending.length} calls wait for an answer`);
  return {
    vm,
    contexts: new Set(contexts),
    image: new MemoryImage(vm.memory.wholeBuffer),
    globals: vm.globals.map(({ value }) => value as unknown),
    nextContextId: vm.nextContextId,
    roots: roots.map(captureRoot),
    metrics: vm.metrics.capture(),
    calls: vm.calls.capture(),
  };
}

function captureRoot(root: PluginContext): RootState {
  const { statusCode, statusMessage, tickPeriodMs, tickTimer, awaitsDone } = root;
  const tickInNs = tickTimer && Math.max(0, tickTimer.dueNs - root.vm.process.clock.elapsedNs);
  return {
    root,
    statusCode,
    statusMessage,
    tickPeriodMs,
    tickInNs,
    tickOrder: tickTimer?.order ?? 0,
    awaitsDone,
    extensions: copies(root.extensions),
  };
}

type Extensions = PluginContext["extensions"];

const none: Extensions = new Map();
const copies = (extensions: Extensions): Extensions =>
  extensions.size === 0 ? none : new Map([...extensions].map(([kind, extension]) => [kind, extension.copy()]));

function restoreVm(state: VmState): void {
  const { vm, image } = state;
  // Memory cannot shrink, and a trap leaves globals, table and stack in the middle of something: begin with a new instance
  if (vm.failed || vm.memory.size !== image.size) vm.replaceInstance();
  const have = vm.memory.size;
  if (have < image.size) vm.memory.native.grow((image.size - have) / pageSize);
  image.writeTo(vm.memory.wholeBuffer);
  for (let i = 0; i < vm.globals.length; i++) vm.globals[i]!.value = state.globals[i];
  vm.reset(state.nextContextId);
  vm.contexts.retain(state.contexts);
  vm.metrics.restore(state.metrics);
  vm.calls.restore(state.calls);
  for (const one of state.roots) restoreRoot(one);
}

function restoreRoot({ root, ...state }: RootState): void {
  root.statusCode = state.statusCode;
  root.statusMessage = state.statusMessage;
  root.awaitsDone = state.awaitsDone;
  root.extensions = copies(state.extensions);
  root.deleted = false;
  root.tickTimer = undefined;
  root.tickPeriodMs = state.tickPeriodMs;
}
