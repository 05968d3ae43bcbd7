import type { ByteString } from "../../abi/bytes.js";
import { utf8 } from "../../abi/bytes.js";
import { LogLevel } from "../../abi/enums.js";
import { HarnessError } from "../../errors.js";
import { ReadOnlyBuffer } from "../../host/contexts.js";
import { endPlugin } from "../../host/life-cycle.js";
import type { HostProcess } from "../../host/process.js";
import type { Timer } from "../../host/services/clock.js";
import { millisecondsToNs } from "../../host/services/clock.js";
import { type StatsUpdate, statsUpdateBytes } from "../../host/services/stats-update.js";
import { deprecationWarnings } from "./deprecated.js";
import type { HandleState, PluginHome, VmCounts } from "./plugin-handle.js";
import { countCreated, defaultRuntime, loadOn, logLine, PluginHandle, sameRoot, sharesVm } from "./plugin-handle.js";
import type { Profile } from "./profiles.js";
import type { PluginConfig, ProxySettings } from "./settings.js";

/** The threads of a proxy that plugins run on. */
export interface Threads {
  readonly workers: readonly HostProcess[];
  /** Undefined where plugins are only to run once. */
  readonly main: HostProcess | undefined;
  /** Where a plugin is tried first; it is the main thread to everybody else. */
  readonly canary: HostProcess;
}

/** See `PluginSet.capture`. */
export interface PluginSetState {
  readonly handles: readonly HandleState[];
  /** When sinks are told; undefined without any. */
  readonly flush: { readonly inNs: number; readonly order: number } | undefined;
}

type Place = "upstream" | "chain" | "logger" | "sink" | "service";

/** A plugin of the configuration, wherever it runs. */
interface Placed {
  readonly config: PluginConfig;
  readonly place: Place;
  /** Of an upstream filter. */
  readonly cluster: string | undefined;
  readonly counts: VmCounts;
  readonly handles: Map<HostProcess, PluginHandle>;
}

/** All plugins of a proxy: what is loaded in which order on which thread, and what Envoy says about it. */
export class PluginSet {
  private readonly _settings: ProxySettings;
  private readonly _profile: Profile;
  private readonly _home: PluginHome;
  private readonly _threads: Threads;
  private readonly _placed: Placed[] = [];
  private readonly _lists = new Map<HostProcess, { chain: PluginHandle[]; loggers: PluginHandle[] }>();
  private _updates: (() => StatsUpdate) | undefined;
  private _nextFlush: Timer | undefined;

  constructor(settings: ProxySettings, profile: Profile, home: PluginHome, threads: Threads) {
    this._settings = settings;
    this._profile = profile;
    this._home = home;
    this._threads = threads;
    for (const worker of threads.workers) this._lists.set(worker, { chain: [], loggers: [] });
  }

  /** The filters of the listener, in the order of the configuration. */
  chain(worker: HostProcess): readonly PluginHandle[] {
    return this._lists.get(worker)!.chain;
  }

  loggers(worker: HostProcess): readonly PluginHandle[] {
    return this._lists.get(worker)!.loggers;
  }

  /** The filters of a cluster. */
  upstream(worker: HostProcess, cluster: string): readonly PluginHandle[] {
    if (this._settings.upstreamFilters === undefined) return none; // asked for every request
    return this._placed.filter((one) => one.cluster === cluster).map(({ handles }) => handles.get(worker)!);
  }

  /**
   * Loads everything, on the main thread first.
   *
   * @param updates What sinks get.
   * @throws {HarnessError} OPTION_INVALID for what Envoy refuses in a configuration; what is wrong with a module or its start, if its
   *   code is local. `details` end with Envoy's own words, where they are
   *   recorded.
   */
  async load(updates: () => StatsUpdate): Promise<void> {
    const { plugins, accessLoggers, services, upstreamFilters, statsSinks } = this._settings;
    this._updates = updates;
    const wanted: [PluginConfig, Place, string?][] = [];
    for (const [cluster, configs] of Object.entries(upstreamFilters ?? {})) {
      for (const config of configs) wanted.push([config, "upstream", cluster]);
    }
    for (const config of accessLoggers) wanted.push([config, "logger"]);
    for (const config of plugins) wanted.push([config, "chain"]);
    for (const config of statsSinks?.plugins ?? []) wanted.push([config, "sink"]);
    for (const config of services) wanted.push([config, "service"]);
    const configs = wanted.map(([config]) => config);
    this._warnOfDeprecated(configs);
    for (const config of configs) checkConfig(config, this._profile);
    for (const [config, place, cluster] of wanted) {
      const counts = config.remote === "missing" ? noCounts() : this._countsOf(config, cluster);
      await this._loadFirst({ config, place, cluster, counts, handles: new Map() });
    }
    for (const placed of this._placed) await this._loadOnWorkers(placed);
    this._fillLists();
    this._warnOfDeprecated(configs);
    if (statsSinks !== undefined) this._flushEvery(millisecondsToNs(statsSinks.flushMs));
  }

  /** Ends every plugin of the workers: on_done, on_delete. Those of the main thread are dropped without a word. [R] */
  close(): void {
    const { main, workers } = this._threads;
    for (const worker of workers) {
      const roots = new Set(this._placed.map(({ handles }) => handles.get(worker)?.root));
      for (const root of roots) if (root !== undefined) endPlugin(root);
    }
    if (main !== undefined) dropVms(main);
  }

  /** What a snapshot keeps of it, besides the VMs. */
  capture(): PluginSetState {
    const { elapsedNs } = this._threads.workers[0]!.clock;
    return {
      handles: this._placed.flatMap(({ handles }) => [...handles.values()].map((handle) => handle.capture())),
      flush: this._nextFlush && { inNs: this._nextFlush.dueNs - elapsedNs, order: this._nextFlush.order },
    };
  }

  /** Goes back there. The clock has no timers now. */
  restore({ handles, flush }: PluginSetState): void {
    for (const state of handles) state.handle.restore(state);
    if (flush !== undefined) this._flushEvery(millisecondsToNs(this._settings.statsSinks!.flushMs), flush);
  }

  // -------------------------------------------------------------------------------------

  /** [R] Twice: when the configuration is read, and after the plugins were loaded. */
  private _warnOfDeprecated(plugins: readonly PluginConfig[]): void {
    const { main } = this._threads;
    if (main === undefined || main.logLevel > LogLevel.Warn) return;
    for (const config of plugins) {
      for (const text of deprecationWarnings(config, this._profile.deprecatedFields)) {
        main.log.write(LogLevel.Warn, "host", 0, "misc", utf8(text));
      }
    }
  }

  /** On the main thread: the base VM, a canary, and the plugin itself. */
  private async _loadFirst(placed: Placed): Promise<void> {
    const { config } = placed;
    const { main } = this._threads;
    const { active } = this._home;
    this._placed.push(placed);
    try {
      this._fetch(config);
      if (main === undefined) {
        if (config.remote !== undefined) await this._loadOn(placed, this._threads.workers[0]!);
        return;
      }
      const { canary } = this._threads;
      if (!main.vms.some((vm) => !vm.failed && sharesVm(vm, config))) {
        // [E] the base VM, from which the others are cloned: no plugin ever runs in it
        countCreated(this._home, placed.counts);
      }
      if (this._twinOf(placed) === undefined) {
        await loadOn(config, canary, this._home, placed.counts);
        this._dropCanary(placed.counts);
      }
      await this._loadOn(placed, main);
    } catch (thrown) {
      if (!(thrown instanceof HarnessError)) throw thrown;
      this._dropCanary(placed.counts);
      placed.counts.active = this._home.active = active;
      this._failed(placed, thrown);
    }
  }

  private async _loadOn(placed: Placed, thread: HostProcess): Promise<void> {
    if (placed.handles.has(thread)) return;
    const { config, counts, handles } = placed;
    const twin = this._twinOf(placed)?.handles.get(thread);
    const root = twin?.root ?? (await loadOn(config, thread, this._home, counts));
    handles.set(thread, twin ?? new PluginHandle(config, thread, this._home, counts, root));
  }

  /** Of code that comes from elsewhere the failure policy decides what follows. */
  private _failed(placed: Placed, error: HarnessError): void {
    const { config, counts, handles } = placed;
    const { main, workers } = this._threads;
    const told = main ?? workers[0]!;
    logLine(told, LogLevel.Critical, `Plugin ${config.name} failed to load`);
    logLine(told, LogLevel.Critical, closed);
    if (config.remote === undefined) throw withWords(error, `Unable to create Wasm plugin ${config.name}`);
    if (main !== undefined) for (const worker of workers) logLine(worker, LogLevel.Critical, closed);
    for (const thread of main === undefined ? workers : [main, ...workers]) {
      handles.set(thread, new PluginHandle(config, thread, this._home, counts, undefined));
    }
  }

  private async _loadOnWorkers(placed: Placed): Promise<void> {
    const { main, workers } = this._threads;
    const own = placed.config.singleton === true ? workers.slice(0, main === undefined ? 1 : 0) : workers;
    try {
      for (const worker of own) await this._loadOn(placed, worker);
    } catch (thrown) {
      if (!(thrown instanceof HarnessError)) throw thrown;
      this._failed(placed, thrown);
    }
  }

  private _fillLists(): void {
    for (const [thread, lists] of this._lists) {
      const of = (wanted: Place): PluginHandle[] =>
        this._placed.flatMap((one) => (one.place === wanted ? (one.handles.get(thread) ?? []) : []));
      lists.chain = of("chain");
      lists.loggers = of("logger");
    }
  }

  /** Another plugin that this one shares its root contexts with. [H] plugin key */
  private _twinOf({ config, place, handles }: Placed): Placed | undefined {
    return this._placed.find((one) => {
      if (one.handles === handles) return false;
      const together =
        one.place === place || (this._profile.loggersShareRoots && isOfStreams(one.place) && isOfStreams(place));
      return together && sameKey(one, config);
    });
  }

  /** The code of a remote module arrives, or does not. */
  private _fetch({ name, remote }: PluginConfig): void {
    if (remote === undefined) return;
    const { fetches } = this._home;
    const main = this._threads.main ?? this._threads.workers[0]!;
    logLine(main, LogLevel.Warn, "Wasm remote code fetch is unstable and may cause a crash");
    fetches.entries++;
    if (remote === "fetched") {
      fetches.successes++;
      return;
    }
    fetches.failures++;
    if (main.logLevel <= LogLevel.Warn) {
      const text = "Retry limit exceeded for fetching data from remote data source.";
      main.log.write(LogLevel.Warn, "host", 0, "config", utf8(text));
    }
    throw new HarnessError("FILE_UNREADABLE", `Cannot fetch the module of plugin "${name}"`);
  }

  /** The canary's VM is thrown away, without a word to the guest. [E] */
  private _dropCanary(counts: VmCounts): void {
    const { canary, main } = this._threads;
    this._home.active -= canary.vms.length;
    counts.active = this._home.active;
    dropVms(canary);
    const told = main ?? this._threads.workers[0]!;
    for (const { level, source, prefix, bytes } of canary.log.records) told.log.write(level, source, 0, prefix, bytes);
    canary.log.clear();
  }

  /** Up to 1.38 the statistics of an upstream filter's VMs are the cluster's; `active` is that of the whole process even so. */
  private _countsOf({ runtime = defaultRuntime }: PluginConfig, cluster: string | undefined): VmCounts {
    const { vms } = this._home;
    const scope = cluster !== undefined && this._profile.clustersCountVms ? `cluster.${cluster}.` : "";
    const prefix = `${scope}wasm.${runtime}`;
    const counts = vms.get(prefix) ?? noCounts();
    if (runtime === "" || runtime === defaultRuntime) vms.set(prefix, counts);
    return counts;
  }

  private _flushEvery(intervalNs: number, kept?: { readonly inNs: number; readonly order: number }): void {
    const clock = this._threads.workers[0]!.clock;
    const flush = (): void => {
      this._flush();
      this._flushEvery(intervalNs);
    };
    this._nextFlush =
      kept === undefined ? clock.schedule(intervalNs, flush) : clock.scheduleAgain(kept.inNs, kept.order, flush);
  }

  /** Hands the statistics to sinks, on the main thread. */
  private _flush(): void {
    const sinks = this._placed.filter(({ place }) => place === "sink");
    if (sinks.length === 0) return;
    const bytes = statsUpdateBytes(this._updates!());
    for (const { handles } of sinks) {
      const root = [...handles.values()][0]!.get();
      if (typeof root === "string") continue;
      root.lastBuffer = new ReadOnlyBuffer(bytes);
      root.vm.notify(root.vm.callbacks.envoy_on_stats_update, root, bytes.length);
    }
  }
}

const none: readonly PluginHandle[] = [];
const closed = "Plugin configured to fail closed failed to load";

const noCounts = (): VmCounts => ({ created: 0, active: 0 });
const isOfStreams = (place: Place): boolean => place === "chain" || place === "logger";

/** Is this the same plugin in the same VM, by everything that Envoy compares? */
const sameKey = ({ config, handles }: Placed, other: PluginConfig): boolean =>
  sameRoot(config, other) && [...handles.values()].every(({ root }) => root !== undefined && sharesVm(root.vm, other));

/** What Envoy refuses before it looks at a module. */
function checkConfig(config: PluginConfig, profile: Profile): void {
  const { name, failOpen, failurePolicy } = config;
  const refuse = (why: string, words?: string): never => {
    throw new HarnessError("OPTION_INVALID", `Cannot start with plugin "${name}": ${why}`, {
      details: words === undefined ? [] : [words],
    });
  };
  if (failOpen === true && failurePolicy !== undefined) {
    const words = "only one of fail_open or failure_policy can be set";
    refuse(`it has both failOpen and failurePolicy; leave failOpen out`, words);
  }
  const unknown =
    failurePolicy !== undefined && !profile.hasFailurePolicy
      ? "failure_policy"
      : config.allowOnHeadersStopIteration !== undefined && !profile.hasAllowStop
        ? "allow_on_headers_stop_iteration"
        : undefined;
  if (unknown !== undefined) {
    refuse(`Envoy ${profile.release} does not know ${unknown}`);
  }
  const twice = Object.keys(config.hostEnvironment ?? {}).find((key) => Object.hasOwn(config.environment ?? {}, key));
  if (twice !== undefined) {
    const type = "envoy.extensions.wasm.v3.VmConfig.environment_variables";
    const words = `Key ${twice} is duplicated in ${type} for ${name}. All the keys must be unique.`;
    refuse(`environment variable ${twice} is given and taken from the host, too`, words);
  }
}

/** The same error, with Envoy's last words. */
function withWords(error: HarnessError, words: ByteString): HarnessError {
  return new HarnessError(error.code, error.message, { cause: error, details: [...error.details, words] });
}

function dropVms({ vms }: HostProcess): void {
  for (const vm of vms) {
    vm.calls.cancelAll();
    for (const context of vm.contexts.all()) context.root?.tickTimer?.cancel();
  }
  vms.length = 0;
}
