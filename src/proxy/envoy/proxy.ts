import type { Diagnostic, DiagnosticCode } from "../../host/diagnostics.js";
import { diagnostic } from "../../host/diagnostics.js";
import type { ByteString } from "../../abi/bytes.js";
import { HarnessError } from "../../errors.js";
import { Guard } from "../../host/guard.js";
import { HostProcess } from "../../host/process.js";
import { Clock } from "../../host/services/clock.js";
import { SeededRandom } from "../../host/services/random.js";
import { captureState, restoreState } from "../../host/state.js";
import type { HttpFilter } from "../http-filter.js";
import type { PluginFilterOptions } from "../plugin-filter.js";
import { PluginFilter } from "../plugin-filter.js";
import type { EnvoyStream } from "./attributes.js";
import { processProperty } from "./attributes.js";
import { BugLines } from "./bug-lines.js";
import { Connection } from "./connection.js";
import { HttpDate } from "./http-date.js";
import { FailedFilter } from "./failed-filter.js";
import { foreignFunctions } from "./foreign/index.js";
import { ClusterCallouts } from "./http-calls.js";
import type { HttpProtocol } from "./peers.js";
import type { PluginHandle, PluginHome } from "./plugin-handle.js";
import { PluginSet } from "./plugin-set.js";
import type { Profile } from "./profiles.js";
import { filterBehaviour, newestProfile } from "./profiles.js";
import { givenProperties } from "./given-properties.js";
import { ProxyInfo } from "./proxy-info.js";
import type { Counters, ProxyState } from "./proxy-state.js";
import { captureHome, restoreHome } from "./proxy-state.js";
import type { StreamHome } from "./stream-home.js";
import type { AccessEntry, PluginConfig, ProxySettings } from "./settings.js";
import type { Stat } from "./stats.js";
import { statsOf, updateOf } from "./stats.js";

/** An Envoy: listener, filter chain, routes, clusters, and plugins on their threads. */
export class EnvoyProxy implements StreamHome {
  readonly settings: ProxySettings;
  readonly profile: Profile;
  readonly clock: Clock;
  readonly callouts: ClusterCallouts;
  /** Threads that serve connections, in turn. */
  readonly workers: readonly HostProcess[];
  /** The main thread, where every plugin runs once more; undefined with `workers: 0`. */
  readonly main: HostProcess | undefined;
  readonly accessLog: AccessEntry[] = [];
  readonly diagnostics: Diagnostic[] = [];
  /** Called when a plugin does what ends a real Envoy, at that very moment: the first time, before the hostcall returns. */
  onCrash: (diagnostic: Diagnostic) => void = () => {};
  readonly home: PluginHome;
  readonly plugins: PluginSet;
  /** What properties of all streams show. */
  readonly info: ProxyInfo;
  /** `x-request-id` of a request that has none: a UUID that counts. */
  readonly requestId: () => ByteString;
  /** `date` of a response that has none. */
  readonly date: () => ByteString;
  private readonly _bugs = new BugLines();
  private readonly _count: Counters = { connections: 0, requestIds: 0 };
  /** Counters as sinks were told last. */
  private readonly _sunk = new Map<ByteString, bigint>();
  private readonly _filterOptions = new WeakMap<PluginConfig, PluginFilterOptions>();
  /** Of the jitter of reloads. */
  private readonly _random: SeededRandom;

  private constructor(settings: ProxySettings, profile: Profile) {
    this.settings = settings;
    this.profile = profile;
    this.info = new ProxyInfo({ ...settings, profile });
    givenProperties(settings.properties); // what is wrong in them is told now
    this.clock = new Clock({
      ...(settings.startNs !== undefined && { startNs: settings.startNs }),
      ...(settings.order !== undefined && { order: settings.order }),
      ...(settings.realClock !== undefined && { real: settings.realClock }),
    });
    this._random = new SeededRandom(settings.seed);
    this.requestId = () => `00000000-0000-4000-8000-${(++this._count.requestIds).toString(16).padStart(12, "0")}`;
    const date = new HttpDate(this.clock);
    this.date = () => date.now();
    this.callouts = new ClusterCallouts(
      settings.clusters,
      () => this.clock,
      profile,
      settings.listener.localAddress,
      (why) => this._note("WOULD_CRASH_ENVOY", why),
    );
    this.home = {
      guard: new Guard(settings.budgetMs),
      trace: settings.trace,
      active: 0,
      vms: new Map(),
      fetches: { entries: 0, successes: 0, failures: 0 },
      reloads: new Map(),
      random: () => fraction(this._random),
    };
    const first = this._thread();
    this.workers = [first, ...Array.from({ length: Math.max(0, settings.workers - 1) }, () => this._thread(first))];
    this.main = settings.workers > 0 ? this._thread(first) : undefined;
    const { workers, main } = this;
    this.plugins = new PluginSet(settings, profile, this.home, { workers, main, canary: this._thread(first) });
  }

  /**
   * Starts everything: plugins in the order of the configuration, on the main thread first.
   *
   * @throws {HarnessError} As `loadPlugin`, when a plugin does not load and its code is local: Envoy refuses such a configuration,
   *   whatever the failure policy.
   */
  static async create(settings: ProxySettings, profile: Profile = newestProfile): Promise<EnvoyProxy> {
    const { proxy, refused } = await EnvoyProxy.attempt(settings, profile);
    if (refused !== undefined) throw refused;
    return proxy;
  }

  /**
   * As `create`; of a proxy that does not start there is its log.
   *
   * @param made Is given the proxy before anything runs on it.
   */
  static async attempt(
    settings: ProxySettings,
    profile: Profile = newestProfile,
    made: (proxy: EnvoyProxy) => void = () => {},
  ): Promise<{ readonly proxy: EnvoyProxy; readonly refused: HarnessError | undefined }> {
    const proxy = new EnvoyProxy(settings, profile);
    made(proxy);
    try {
      await proxy.plugins.load(() => updateOf(proxy.statistics(), proxy._sunk));
    } catch (thrown) {
      if (!(thrown instanceof HarnessError)) throw thrown;
      return { proxy, refused: thrown };
    }
    return { proxy, refused: undefined };
  }

  get worker(): HostProcess {
    return this.workers[0]!;
  }

  /** A client connects. */
  connect({ protocol, address }: { protocol: HttpProtocol; address?: string }): Connection {
    const id = this._count.connections++;
    const worker = this.workers[id % this.workers.length]!;
    return new Connection(this, id, worker, protocol, address ?? `127.0.0.1:${50_000 + (id % 10_000)}`);
  }

  /** The filters of a new stream. */
  filters(worker: HostProcess, info: EnvoyStream): HttpFilter[] {
    return this._filtersOf(this.plugins.chain(worker), info);
  }

  /** Those of a cluster, for a new request. */
  upstreamFilters(worker: HostProcess, cluster: string, info: EnvoyStream): HttpFilter[] {
    return this._filtersOf(this.plugins.upstream(worker, cluster), info);
  }

  loggers(worker: HostProcess): readonly PluginHandle[] {
    return this.plugins.loggers(worker);
  }

  /** The plugin of that place in the chain, on a worker. */
  handle(index: number, worker = this.worker): PluginHandle {
    return this.plugins.chain(worker)[index]!;
  }

  private _filtersOf(handles: readonly PluginHandle[], info: EnvoyStream): HttpFilter[] {
    const filters: HttpFilter[] = [];
    for (const handle of handles) {
      const root = handle.get();
      if (root === "bypass") continue;
      if (root === "fail") filters.push(new FailedFilter());
      else filters.push(new PluginFilter(root, info, this._optionsOf(handle.config)));
    }
    return filters;
  }

  private _optionsOf(config: PluginConfig): PluginFilterOptions {
    let options = this._filterOptions.get(config);
    if (options === undefined) this._filterOptions.set(config, (options = filterOptions(config, this.profile)));
    return options;
  }

  /** A line of Envoy's ENVOY_BUG. */
  bug(thread: HostProcess, what: string): void {
    this._bugs.write(thread, what);
  }

  /** Those that have a single number, by name. */
  statistics(): Stat[] {
    return statsOf(this.home, this.worker.metrics.all(), this.profile, this.workers.length);
  }

  /** Statistics as `/stats` prints them. */
  stats(): Map<string, string> {
    return new Map(this.statistics().map(({ name, value }) => [name, String(value)]));
  }

  /**
   * Takes down everything that can change, over all threads.
   *
   * @throws {HarnessError} ILLEGAL_CALL while a stream is open, a call waits, or a VM has failed.
   */
  capture(): ProxyState {
    return {
      process: captureState(this.worker, [...this.workers.slice(1), ...(this.main ? [this.main] : [])]),
      plugins: this.plugins.capture(),
      home: captureHome(this.home),
      calls: this.callouts.calls.slice(),
      accessLogLength: this.accessLog.length,
      diagnostics: this.diagnostics.slice(),
      counters: { ...this._count },
      bugs: new Map(this._bugs.times),
      sunk: new Map(this._sunk),
      random: this._random.capture(),
    };
  }

  /** Goes back there. Streams of clients that are open are forgotten. */
  restore(state: ProxyState): void {
    restoreState(this.worker, state.process);
    this.plugins.restore(state.plugins);
    restoreHome(this.home, state.home);
    this.callouts.calls.splice(0, Infinity, ...state.calls);
    this.accessLog.length = Math.min(this.accessLog.length, state.accessLogLength);
    this.diagnostics.splice(0, Infinity, ...state.diagnostics);
    Object.assign(this._count, state.counters);
    refill(this._bugs.times, state.bugs);
    refill(this._sunk, state.sunk);
    this._random.restore(state.random);
  }

  /** Ends every plugin: on_done, on_delete. */
  close(): void {
    this.plugins.close();
  }

  // -------------------------------------------------------------------------------------

  private _thread(threadOf?: HostProcess): HostProcess {
    const { settings, profile } = this;
    const { properties } = settings;
    const thread = new HostProcess({
      behaviour: profile.host,
      callouts: this.callouts,
      clock: this.clock,
      random: new SeededRandom(settings.seed),
      logLevel: settings.logLevel,
      logsCrossings: settings.logsCrossings ?? false,
      ...(settings.resolveDns && { resolveDns: settings.resolveDns }),
      foreignFunctions: foreignFunctions(settings.foreignFunctions, properties, profile, this.info.node),
      property: (segments) => processProperty(properties, segments, this.info),
      ...(threadOf && { threadOf }),
    });
    thread.onDiagnostic = (code, message) => this._note(code, message);
    return thread;
  }

  private _note(code: DiagnosticCode, message: string): void {
    const told = diagnostic(code, message);
    const isFirstCrash = code === "WOULD_CRASH_ENVOY" && this.diagnostics.every((one) => one.code !== code);
    this.diagnostics.push(told);
    if (isFirstCrash) this.onCrash(told);
  }
}

function filterOptions(config: PluginConfig, profile: Profile): PluginFilterOptions {
  return {
    ...filterBehaviour(profile),
    allowOnHeadersStopIteration: config.allowOnHeadersStopIteration ?? false,
    passOnFailure: config.failOpen ?? false,
  };
}

function refill<V>(map: Map<string, V>, from: ReadonlyMap<string, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}

function fraction(random: SeededRandom): number {
  const bytes = new Uint8Array(4);
  random.fill(bytes);
  return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
}
