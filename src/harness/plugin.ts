import type { LogLevel, LogLevelName } from "../abi/enums.js";
import type { AbiVersion } from "../abi/version.js";
import { HarnessError } from "../errors.js";
import type { PluginContext } from "../host/contexts.js";
import { ReadOnlyBuffer } from "../host/contexts.js";
import type { StatsUpdate } from "../host/services/stats-update.js";
import { statsUpdateBytes } from "../host/services/stats-update.js";
import type { Diagnostic } from "../host/diagnostics.js";
import type { ForeignFunction } from "../host/foreign-function.js";
import { GuestTimeout } from "../host/guard.js";
import { createVm, endPlugin, endVmIfLast, failureError, startPlugin } from "../host/life-cycle.js";
import type { HostFunctions } from "../host/host-function.js";
import type { UnknownImports } from "../host/linker.js";
import type { LogRecord } from "../host/log-book.js";
import type { PluginVm } from "../host/plugin-vm.js";
import type { ProcessState } from "../host/state.js";
import { captureState, restoreState } from "../host/state.js";
import { Clock } from "../host/services/clock.js";
import type { Metric } from "../host/services/metrics.js";
import type { TraceEvent } from "../host/trace.js";
import type { StreamProperties } from "../proxy/envoy/attribute-kinds.js";
import { filterBehaviour, profileOf } from "../proxy/envoy/profiles.js";
import type { PluginCall } from "./calls.js";
import type { DnsTable } from "../host/services/dns.js";
import type { Home } from "./home.js";
import { newHome } from "./home.js";
import { checkOptions, pluginChecks } from "./option-checks.js";
import { configurationBytes } from "./option-values.js";
import { ManualCallouts } from "./calls.js";
import type { StreamDriverOptions, StreamSettings } from "./stream-driver.js";
import { StreamDriver } from "./stream-driver.js";
import { TcpStreamDriver } from "./tcp-driver.js";
import type { ModuleSource } from "./source.js";
import { loadSource, nameOfSource, naming } from "./source.js";

export interface PluginOptions {
  /** Handed to `proxy_on_configure`: text (UTF-8), bytes, or an object that becomes JSON. Default: none. */
  readonly configuration?: string | Uint8Array | object;
  /** Handed to `proxy_on_vm_start`. Default: none. */
  readonly vmConfiguration?: string | Uint8Array | object;
  /** The plugin's name in log lines and in property `plugin_name`. Default: the file's name without `.wasm`. */
  readonly name?: string;
  /** Default "". */
  readonly rootId?: string;
  /** Default "". */
  readonly vmId?: string;
  /** Lines below it are dropped, and `proxy_get_log_level` answers it. Default "info". */
  readonly logLevel?: LogLevelName | LogLevel;
  /** Environment variables that WASI shows. Default: none. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * Properties, by path with dots: they win over those that the stream has.
   *
   * A path that Envoy would not look up is refused (OPTION_INVALID), and so is one that nearly is an attribute; a name that is
   * far from all of them is one that plugins set with proxy_set_property.
   */
  readonly properties?: StreamProperties;
  /** The release of Envoy to be: `1.40`, `1.36.4`, or `istio-1.11` for the Envoy of an Istio. Default: the newest recorded. */
  readonly envoy?: string;
  /** Wall time at the start. Default 2023-11-14T22:13:20Z. Not 0: Go refuses to start then. */
  readonly startTime?: Date;
  /** Read the machine's clock instead of the virtual one. Default false. */
  readonly realClock?: boolean;
  /** Seed of the random bytes that the guest gets. Default 1. */
  readonly seed?: number;
  /** Milliseconds that one entry into the guest may take before it is stopped; 0: no limit. Default 1000. */
  readonly budgetMs?: number;
  /** Keep every callback and hostcall in `plugin.trace`. Default false: the last 32. */
  readonly trace?: boolean;
  /** What to do about imports that no host provides. Default "refuse". */
  readonly unknownImports?: UnknownImports;
  /** Names of hostcalls, WASI functions and callbacks that are allowed. Default: all. */
  readonly capabilities?: readonly string[];
  /** `allow_on_headers_stop_iteration`: Pause in a headers callback holds the headers alone. Default false. */
  readonly allowOnHeadersStopIteration?: boolean;
  /** Functions for `proxy_call_foreign_function`, by name, besides Envoy's own; those of the same name win. */
  readonly foreignFunctions?: Readonly<Record<string, ForeignFunction>>;
  /**
   * What `env.envoy_resolve_dns` finds, by name; addresses stand for themselves. A name that is not here is answered with no
   * address, as Envoy does when a resolver fails. Answers come when the clock moves, be it by 0.
   */
  readonly resolveDns?: DnsTable;
  /** Functions that the plugin imports besides the host's, by module and name, made with `hostFunction`; they win. */
  readonly hostFunctions?: HostFunctions;
  /** Names of the upstreams that plugins can call. Default: every name. */
  readonly upstreams?: readonly string[];
  /**
   * Another plugin whose process this one shares: clock, log, shared data, queues and metrics; and whose VM it shares too when
   * module, vm_id and VM configuration are the same, as in Envoy. Process-wide options are the other plugin's then.
   */
  readonly with?: Plugin;
  /**
   * What a trap or a refusal does: "throw" lets the call that met it throw; "policy" does as Envoy with
   * `failure_policy: FAIL_CLOSED` (503) and leaves the error in `plugin.failure`. Default "throw".
   */
  readonly onFailure?: "throw" | "policy";
}

/** A moment of a plugin's life, made by `plugin.snapshot()`. */
export interface PluginSnapshot {
  readonly state: ProcessState;
  readonly calls: readonly PluginCall[];
  readonly diagnostics: number;
  readonly streams: number;
}

/**
 * Loads a module, starts its VM and configures a plugin in it.
 *
 * @throws {HarnessError} FILE_UNREADABLE; what is wrong with the module (NOT_WASM … IMPORT_MISSING); GUEST_TRAPPED;
 *   VM_START_REFUSED; CONFIGURE_REFUSED; OPTION_INVALID.
 */
export async function loadPlugin(source: ModuleSource, options: PluginOptions = {}): Promise<Plugin> {
  checkOptions("loadPlugin", options, pluginChecks);
  const module = await loadSource(source);
  const home = options.with?.home ?? newHome(options, (clock) => new ManualCallouts(clock, options.upstreams));
  const { process, guard } = home;
  const vmId = options.vmId ?? "";
  const configuration = configurationBytes(options.vmConfiguration);
  const shared = process.vms.find((one) => sharesVm(one, module.sha256, vmId, configuration));
  const vm =
    shared ??
    (await naming(source, () => {
      const settings = {
        vmId,
        configuration,
        ...(options.environment && { environment: options.environment }),
        ...(options.capabilities && { allowedCapabilities: new Set(options.capabilities) }),
      };
      const { unknownImports = "refuse", hostFunctions = {} } = options;
      return createVm(process, module, settings, guard, { unknownImports, hostFunctions });
    }));
  if (vm.failed) throw failureError(vm);
  if (options.trace === true) vm.trace.events ??= [];
  const root = startPlugin(vm, {
    name: options.name ?? nameOfSource(source),
    rootId: options.rootId ?? "",
    configuration: configurationBytes(options.configuration),
  });
  if (vm.failed) throw failureError(vm);
  return new Plugin(root, home, options);
}

/** [H] The key of a VM: its id, its configuration and the code. */
function sharesVm(vm: PluginVm, sha256: string, vmId: string, configuration: Uint8Array): boolean {
  const { settings } = vm;
  return (
    !vm.failed &&
    settings.vmId === vmId &&
    vm.module.sha256 === sha256 &&
    Buffer.compare(settings.configuration, configuration) === 0
  );
}

/** A plugin that is loaded and configured, in a VM of its own. */
export class Plugin implements AsyncDisposable, Disposable {
  /** The root context and, behind it, the VM: for those who build upon the harness. */
  readonly root: PluginContext;
  /** What Envoy leaves undefined, or does without telling the plugin. */
  readonly diagnostics: readonly Diagnostic[];
  /** What it shares with the plugins loaded `with` it. */
  readonly home: Home;
  readonly #settings: StreamSettings;
  #streams = 0;
  #closed = false;

  /** Use `loadPlugin`. */
  constructor(root: PluginContext, home: Home, options: PluginOptions) {
    this.root = root;
    this.home = home;
    this.diagnostics = home.diagnostics;
    this.#settings = {
      filter: {
        ...filterBehaviour(profileOf(options.envoy)),
        allowOnHeadersStopIteration: options.allowOnHeadersStopIteration ?? false,
      },
      properties: options.properties ?? {},
      throwOnFailure: options.onFailure !== "policy",
    };
  }

  get vm(): PluginVm {
    return this.root.vm;
  }
  get abiVersion(): AbiVersion {
    return this.vm.abi.version;
  }
  get sha256(): string {
    return this.vm.module.sha256;
  }
  /** Lines that the plugin logged, oldest first. */
  get logs(): readonly LogRecord[] {
    return this.vm.process.log.records;
  }
  /** Forgets the log so far. Records that somebody holds stay readable. */
  clearLogs(): void {
    this.vm.process.log.clear();
  }
  /** Callbacks and hostcalls, oldest first: all with option `trace`, else the last 32. */
  get trace(): readonly TraceEvent[] {
    return this.vm.trace.events ?? this.vm.trace.recent();
  }
  get clock(): Clock {
    return this.vm.process.clock;
  }
  /** Calls to upstreams, oldest first; those that wait can be answered. */
  get calls(): readonly PluginCall[] {
    return this.home.callouts.calls;
  }
  get metrics(): readonly Metric[] {
    return this.vm.process.metrics.all();
  }
  /** Why the VM cannot be entered any more; undefined while it is well. */
  get failure(): HarnessError | undefined {
    return this.vm.failed ? failureError(this.vm) : undefined;
  }

  /**
   * Opens an HTTP stream on which callbacks are made one by one.
   *
   * @throws {HarnessError} ILLEGAL_CALL after `close`.
   */
  openHttpStream(options?: StreamDriverOptions): StreamDriver {
    if (this.#closed) throw new HarnessError("ILLEGAL_CALL", "Cannot open a stream: the plugin is closed");
    return new StreamDriver(this.root, this.#streams++, this.#settings, options);
  }

  /**
   * Opens a TCP stream, which makes `proxy_on_new_connection`; further callbacks are made one by one.
   *
   * @throws {HarnessError} ILLEGAL_CALL after `close`; GUEST_TRAPPED, GUEST_TIMEOUT.
   */
  openTcpStream(options?: StreamDriverOptions): TcpStreamDriver {
    if (this.#closed) throw new HarnessError("ILLEGAL_CALL", "Cannot open a stream: the plugin is closed");
    return new TcpStreamDriver(this.root, this.#streams++, this.#settings, options);
  }

  /**
   * Runs many calls under one budget of time: the watchdog costs some 80 µs each time it is started.
   *
   * @throws {HarnessError} GUEST_TIMEOUT when all of it together took longer than `budgetMs`; the plugin is lost then.
   */
  batch<T>(work: () => T): T {
    try {
      return this.vm.guard.run(work);
    } catch (thrown) {
      throw thrown instanceof GuestTimeout && this.vm.failed ? failureError(this.vm) : thrown;
    }
  }

  /**
   * Takes down everything: the guest's memory and globals, clock, log position, shared data, queues, metrics, ids.
   *
   * @throws {HarnessError} ILLEGAL_CALL while a stream is open or a call waits.
   */
  snapshot(): PluginSnapshot {
    const { diagnostics, callouts } = this.home;
    const state = captureState(this.vm.process);
    return { state, calls: callouts.calls.slice(), diagnostics: diagnostics.length, streams: this.#streams };
  }

  /** Goes back to a snapshot of this plugin, at the price of a copy. A plugin that failed since is well again. */
  restore(snapshot: PluginSnapshot): void {
    restoreState(this.vm.process, snapshot.state);
    const { calls } = this.home.callouts;
    if (calls.length + snapshot.calls.length > 0) calls.splice(0, Infinity, ...snapshot.calls);
    this.home.diagnostics.length = Math.min(this.home.diagnostics.length, snapshot.diagnostics);
    this.#streams = snapshot.streams;
  }

  /**
   * Hands statistics to a stats sink: `envoy_on_stats_update` with exactly their bytes in buffer 8.
   *
   * Envoy's own size argument is not the size of what lies there: a sink that is to run in Envoy reads the block's.
   */
  updateStats(update: StatsUpdate): void {
    const bytes = statsUpdateBytes(update);
    this.root.lastBuffer = new ReadOnlyBuffer(bytes);
    this.vm.notify(this.vm.callbacks.envoy_on_stats_update, this.root, bytes.length);
    if (this.vm.failed) throw failureError(this.vm);
  }

  /** Ends the plugin: on_done, on_delete; open streams are abandoned, unless the plugin waits to call proxy_done. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    endPlugin(this.root);
    endVmIfLast(this.vm);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
