import { LogLevel } from "../../abi/enums.js";
import { utf8 } from "../../abi/bytes.js";
import { HarnessError, named } from "../../errors.js";
import type { PluginContext } from "../../host/contexts.js";
import type { Guard } from "../../host/guard.js";
import { createVm, failureError, startPlugin } from "../../host/life-cycle.js";
import { linkProblems } from "../../host/linker.js";
import type { PluginVm } from "../../host/plugin-vm.js";
import type { HostProcess } from "../../host/process.js";
import { millisecondsToNs } from "../../host/services/clock.js";
import { linkProblemLines } from "./loading-lines.js";
import type { PluginConfig } from "./settings.js";

/** What FAIL_RELOAD did, by plugin name, for statistics. */
export interface ReloadCounts {
  success: number;
  failure: number;
  backoff: number;
}

/** VMs made and living, for statistics. */
export interface VmCounts {
  created: number;
  active: number;
}

/** What became of code that comes from elsewhere, for statistics. */
export interface FetchCounts {
  entries: number;
  successes: number;
  failures: number;
}

/** What plugins of one proxy have in common. */
export interface PluginHome {
  readonly guard: Guard;
  /** Every VM keeps all its callbacks and hostcalls. */
  readonly trace: boolean;
  /** Living VMs of the whole process. */
  active: number;
  /** By the beginning of their names. */
  readonly vms: Map<string, VmCounts>;
  readonly fetches: FetchCounts;
  readonly reloads: Map<string, ReloadCounts>;
  /** A number from 0 to 1, for the jitter of the back-off. */
  readonly random: () => number;
}

/** A handle at one moment, for a snapshot. */
export interface HandleState {
  readonly handle: PluginHandle;
  readonly root: PluginContext | undefined;
  readonly loadedNs: number;
}

/** A plugin on one thread: its root context, and what its failure policy makes of a trap. [E] PluginConfig */
export class PluginHandle {
  readonly config: PluginConfig;
  readonly thread: HostProcess;
  private readonly _home: PluginHome;
  private readonly _vms: VmCounts;
  private _root: PluginContext | undefined;
  private _loadedNs: number;

  constructor(
    config: PluginConfig,
    thread: HostProcess,
    home: PluginHome,
    vms: VmCounts,
    root: PluginContext | undefined,
  ) {
    this.config = config;
    this.thread = thread;
    this._home = home;
    this._vms = vms;
    this._root = root;
    this._loadedNs = thread.clock.elapsedNs;
  }

  /** The root, whatever its state; undefined when the plugin never loaded. */
  get root(): PluginContext | undefined {
    return this._root;
  }

  /** What a new stream is to do: use the plugin, leave it out, or fail. Reloads the plugin when that is due. */
  get(): PluginContext | "bypass" | "fail" {
    const root = this._root;
    if (root !== undefined && !root.vm.failed) return root;
    if (this.config.failurePolicy === "FAIL_OPEN" || this.config.failOpen === true) return "bypass";
    if (root === undefined || this.config.failurePolicy !== "FAIL_RELOAD") return "fail";
    if (root.vm.failure?.state !== "RuntimeError") return "fail";
    const reloaded = this._reload(root);
    return reloaded === undefined || reloaded.vm.failed ? "fail" : reloaded;
  }

  /** [R] After at least one base interval, at most one and a half, chosen anew each time. */
  private _reload(failed: PluginContext): PluginContext | undefined {
    const { clock } = this.thread;
    const counts = this._counts();
    const base = millisecondsToNs(this.config.reloadMs ?? 1000);
    if (clock.elapsedNs - this._loadedNs < base * (1 + 0.5 * this._home.random())) {
      counts.backoff++;
      return undefined;
    }
    this._loadedNs = clock.elapsedNs;
    const old = failed.vm;
    const at = this.thread.vms.indexOf(old);
    if (at >= 0) this.thread.vms.splice(at, 1);
    const shared = this.thread.vms.find((vm) => !vm.failed && vm.module === old.module && sharesVm(vm, this.config));
    const vm = shared ?? old.another();
    if (shared === undefined) this._vms.created++;
    const root = vm.failed ? undefined : startPlugin(vm, failed.settings);
    if (vm.failed || root === undefined) counts.failure++;
    else counts.success++;
    this._root = root ?? failed;
    return root;
  }

  capture(): HandleState {
    return { handle: this, root: this._root, loadedNs: this._loadedNs };
  }

  restore({ root, loadedNs }: HandleState): void {
    this._root = root;
    this._loadedNs = loadedNs;
  }

  private _counts(): ReloadCounts {
    const { reloads } = this._home;
    let counts = reloads.get(this.config.name);
    if (counts === undefined) reloads.set(this.config.name, (counts = { success: 0, failure: 0, backoff: 0 }));
    return counts;
  }
}

/** [H] The key of a VM: its id, its configuration and the code. */
export function sharesVm(vm: PluginVm, config: PluginConfig): boolean {
  return (
    vm.settings.vmId === config.vmId &&
    vm.module.sha256 === config.module.sha256 &&
    Buffer.compare(vm.settings.configuration, config.vmConfiguration) === 0
  );
}

/** [H] The key of a root context within a VM. */
export const sameRoot = (a: PluginConfig, b: PluginConfig): boolean =>
  a.name === b.name && a.rootId === b.rootId && Buffer.compare(a.configuration, b.configuration) === 0;

/** One more VM. The gauge shows those of the whole process at the time of its last change. [R] */
export function countCreated(home: PluginHome, counts: VmCounts): void {
  counts.created++;
  counts.active = ++home.active;
}

/** A VM of this plugin on that thread: one that is there, or a new one. Problems of linking are thrown. */
export async function vmOf(
  config: PluginConfig,
  thread: HostProcess,
  home: PluginHome,
  counts: VmCounts,
): Promise<PluginVm> {
  const shared = thread.vms.find((vm) => !vm.failed && sharesVm(vm, config));
  if (shared !== undefined) return shared;
  countCreated(home, counts);
  const making = createVm(
    thread,
    config.module,
    {
      vmId: config.vmId,
      configuration: config.vmConfiguration,
      environment: { ...config.environment, ...definedOf(config.hostEnvironment) },
      ...(config.capabilities && { allowedCapabilities: new Set(config.capabilities) }),
    },
    home.guard,
    { unknownImports: config.unknownImports ?? "refuse", hostFunctions: config.hostFunctions ?? {} },
  );
  const vm = await making.catch((thrown: unknown) => {
    throw config.file === undefined ? thrown : named(thrown, config.file);
  });
  if (home.trace) vm.trace.events ??= [];
  return vm;
}

const definedOf = (variables: Readonly<Record<string, string | undefined>> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );

/**
 * Starts a plugin in a VM of its own on that thread.
 *
 * @throws {HarnessError} What is wrong with the module; GUEST_TRAPPED, VM_START_REFUSED, CONFIGURE_REFUSED. The lines that Envoy
 *   prints are in the thread's log.
 */
export async function loadOn(
  config: PluginConfig,
  thread: HostProcess,
  home: PluginHome,
  counts: VmCounts,
): Promise<PluginContext> {
  if (config.runtime !== undefined && config.runtime !== "" && config.runtime !== defaultRuntime) {
    const support = "Envoy was compiled without support for it";
    logLine(thread, LogLevel.Warn, `Failed to create Wasm VM using ${config.runtime} runtime. ${support}`);
    logLine(thread, LogLevel.Error, "Wasm VM failed Failed to load Wasm code");
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot run plugin "${config.name}" on ${config.runtime}: only V8 is there`,
    );
  }
  const tolerates = (config.unknownImports ?? "refuse") !== "refuse";
  const problems = linkProblems(config.module.info, thread.behaviour, config.hostFunctions);
  const refusing = problems.filter(({ code }) => !(tolerates && code === "IMPORT_MISSING"));
  for (const line of linkProblemLines(refusing)) logLine(thread, LogLevel.Error, line);
  const vm = await vmOf(config, thread, home, counts);
  if (vm.failed) {
    logLine(thread, LogLevel.Error, "Wasm VM failed Failed to initialize Wasm code");
    throw failureError(vm);
  }
  const { name, rootId, configuration } = config;
  const root = startPlugin(vm, { name, rootId, configuration });
  if (!vm.failed) return root;
  const { trap } = vm.failure!;
  if (trap !== undefined) {
    const step = trap.callback === "proxy_on_configure" ? "configure base Wasm plugin" : "start base Wasm";
    logLine(thread, LogLevel.Error, `Wasm VM failed Failed to ${step}`);
  }
  throw failureError(vm);
}

/** What stands for V8, which is also what an empty name means. */
export const defaultRuntime = "envoy.wasm.runtime.v8";

/** A line of Envoy's own. */
export function logLine(thread: HostProcess, level: LogLevel, text: string): void {
  if (level >= thread.logLevel) thread.log.write(level, "host", 0, "", utf8(text));
}
