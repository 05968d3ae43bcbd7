import { HarnessError } from "../errors.js";
import { failureError } from "../host/life-cycle.js";
import type { Diagnostic } from "../host/diagnostics.js";
import type { LogRecord } from "../host/log-book.js";
import type { TraceEvent } from "../host/trace.js";
import type { Clock } from "../host/services/clock.js";
import type { Metric } from "../host/services/metrics.js";
import type { DownstreamStream } from "../proxy/envoy/peers.js";
import type { CallRecord } from "../proxy/envoy/http-calls.js";
import { EnvoyProxy } from "../proxy/envoy/proxy.js";
import type { ProxyState } from "../proxy/envoy/proxy-state.js";
import { TcpListener } from "../proxy/envoy/tcp-proxy.js";
import type { AccessEntry } from "../proxy/envoy/settings.js";
import type { HeaderMap } from "../proxy/header-map.js";
import type { Exchange, ProxyRequest, SendOptions } from "./exchange.js";
import { PendingExchange } from "./exchange.js";
import type { UpstreamRequestView, UpstreamsState } from "./upstreams.js";
import type { UnusedReplies } from "./mocks.js";
import { TcpClient, UpstreamServer } from "./tcp-client.js";
import type { PassedBytes } from "./tcp-driver.js";
import { UpstreamTable } from "./upstreams.js";

/** A call that a plugin made. */
export interface ProxyCall {
  readonly upstream: string;
  readonly kind: "http" | "grpc" | "grpc-stream";
  /** As they went upstream. */
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  readonly outcome: "pending" | "answered" | "failed" | "cancelled";
  /** HTTP status of the answer. */
  readonly status: number | undefined;
}

/** A moment of a proxy's life, made by `proxy.snapshot()`. */
export interface ProxySnapshot {
  readonly proxy: Proxy;
  readonly state: ProxyState;
  readonly clusters: UpstreamsState;
  /** How many there were. */
  readonly requests: number;
  readonly connections: number;
  readonly accepted: number;
}

/** What tests want besides Envoy's behaviour. */
export interface Strictness {
  readonly throwOnFailure: boolean;
  readonly strict: boolean;
}

/** A proxy with its plugins: the third level of the API, on which whole exchanges are made. */
export class Proxy implements AsyncDisposable, Disposable {
  /** The parts behind it: for those who build upon the harness. */
  readonly engine: EnvoyProxy;
  private readonly _strictness: Strictness;
  private readonly _server: UpstreamServer | undefined;
  private readonly _listener: TcpListener | undefined = undefined;
  private readonly _promises = new Set<Promise<unknown>>();
  private readonly _open = new Set<PendingExchange>();
  private _problem: HarnessError | undefined = undefined;
  private _requests: UpstreamRequestView[] = [];
  private _closed = false;
  /** For exchanges: counts how often the proxy was restored. */
  generation = 0;
  private readonly _clusters: UpstreamTable;

  /** Use `createProxy`. */
  constructor(engine: EnvoyProxy, strictness: Strictness, clusters: UpstreamTable, server?: UpstreamServer) {
    this.engine = engine;
    this._clusters = clusters;
    this._strictness = strictness;
    this._server = server;
    if (server !== undefined)
      this._listener = new TcpListener(engine, { cluster: { name: "upstream", hosts: [server] } });
  }

  get clock(): Clock {
    return this.engine.clock;
  }
  /** The release it is; `recorded`: was a real one of it recorded, or are sources and notes all there is? */
  get envoy(): { readonly release: string; readonly recorded: boolean } {
    return this.engine.profile;
  }
  /** Lines that plugins logged, oldest first; of several threads those of the main one, then each worker's. */
  get logs(): readonly LogRecord[] {
    const { main, workers } = this.engine;
    if (main === undefined && workers.length === 1) return workers[0]!.log.records;
    return (main === undefined ? workers : [main, ...workers]).flatMap(({ log }) => log.records);
  }
  /** Calls that plugins made, oldest first. */
  get calls(): readonly ProxyCall[] {
    return this.callsFrom(0);
  }
  /** Requests that reached an upstream, those of plugins' calls too, oldest first. */
  get upstreamRequests(): readonly UpstreamRequestView[] {
    return this._requests;
  }
  get metrics(): readonly Metric[] {
    return this.engine.worker.metrics.all();
  }
  get accessLog(): readonly AccessEntry[] {
    return this.engine.accessLog;
  }
  get diagnostics(): readonly Diagnostic[] {
    return this.engine.diagnostics;
  }
  /** Callbacks and hostcalls, by VM, oldest first: all with option `trace`, else the last 32 of each. */
  get trace(): readonly TraceEvent[] {
    return this.engine.workers.flatMap(({ vms }) => vms.flatMap(({ trace }) => trace.events ?? trace.recent()));
  }
  /** Statistics of plugins as Envoy's `/stats` prints them. */
  get stats(): ReadonlyMap<string, string> {
    return this.engine.stats();
  }

  /**
   * Sends a request. What can happen at once has happened when this returns; awaiting the result lets time pass until the
   * exchange is over.
   *
   * @throws {HarnessError} When awaited: GUEST_TRAPPED or GUEST_TIMEOUT (see `onFailure`), UPSTREAM_UNKNOWN, UPSTREAM_FAILED,
   *   WOULD_CRASH_ENVOY, with `strict` DIAGNOSTIC; EXCHANGE_STUCK when nothing can happen any more. At once: OPTION_INVALID,
   *   ILLEGAL_CALL after `close`.
   */
  send(request: ProxyRequest = {}, options: SendOptions = {}): PendingExchange {
    if (this._closed) throw new HarnessError("ILLEGAL_CALL", "Cannot send a request: the proxy is closed");
    if (this._listener !== undefined) {
      throw new HarnessError("ILLEGAL_CALL", "Cannot send a request: this is a TCP proxy; use connect()");
    }
    return new PendingExchange(this, request, options);
  }

  /**
   * Connects a client to a TCP proxy.
   *
   * @throws {HarnessError} ILLEGAL_CALL without the option `tcp`, and after `close`; GUEST_TRAPPED or GUEST_TIMEOUT (see
   *   `onFailure`), with `strict` DIAGNOSTIC.
   */
  connect(): TcpClient {
    if (this._closed) throw new HarnessError("ILLEGAL_CALL", "Cannot connect: the proxy is closed");
    if (this._listener === undefined) {
      throw new HarnessError("ILLEGAL_CALL", "Cannot connect: this is an HTTP proxy; createProxy takes the option tcp");
    }
    return new TcpClient(this, this._listener);
  }

  /** Connections that a TCP proxy made to its upstream, oldest first: the bytes that came there. */
  get upstreamConnections(): readonly PassedBytes[] {
    return this._server?.connections ?? [];
  }

  /**
   * Takes down everything: memory and globals of all VMs, clock, logs, calls, access log, shared data, queues, metrics, ids.
   * What is due already happens before.
   *
   * @throws {HarnessError} ILLEGAL_CALL while an exchange is open or a call waits, after a VM has failed, and after `close`.
   */
  snapshot(): ProxySnapshot {
    this._mustLive("take a snapshot");
    const open = this._open.size + (this._listener?.open ?? 0);
    if (open > 0) {
      const what = this._listener === undefined ? "exchanges" : "connections";
      throw new HarnessError(
        "ILLEGAL_CALL",
        `Cannot take a snapshot: ${open} ${what} are open; await or end them first`,
      );
    }
    const state = this.engine.capture();
    return {
      proxy: this,
      state,
      clusters: this._clusters.capture(),
      requests: this._requests.length,
      connections: this._server?.connections.length ?? 0,
      accepted: this._listener?.accepted ?? 0,
    };
  }

  /**
   * Goes back to a snapshot of this proxy, at the price of a copy. Exchanges that are open fail (ILLEGAL_CALL) when awaited; logs
   * and calls of those that are over cannot be read any more. A plugin that failed since is well again.
   *
   * @throws {HarnessError} ILLEGAL_CALL for a snapshot of another proxy, and after `close`.
   */
  restore(snapshot: ProxySnapshot): void {
    this._mustLive("restore a snapshot");
    if (snapshot.proxy !== this) {
      throw new HarnessError("ILLEGAL_CALL", "Cannot restore a snapshot: it was taken of another proxy");
    }
    for (const exchange of this._open) {
      exchange.fail(new HarnessError("ILLEGAL_CALL", "Exchange cannot end: the proxy was restored meanwhile"));
    }
    this._open.clear();
    this._promises.clear();
    this._problem = undefined;
    this.generation++;
    this.engine.restore(snapshot.state);
    this._clusters.restore(snapshot.clusters);
    this._requests = this._requests.slice(0, snapshot.requests);
    this._server?.connections.splice(snapshot.connections);
    this._listener?.restart(snapshot.accepted);
  }

  /** Forgets what happened so far: log, access log, calls, upstream requests, diagnostics. Exchanges that somebody holds keep their response. */
  forgetPast(): void {
    const { engine } = this;
    engine.main?.log.clear();
    for (const worker of engine.workers) worker.log.clear();
    engine.accessLog.length = 0;
    engine.callouts.calls.length = 0;
    engine.diagnostics.length = 0;
    this._requests = [];
  }

  /** Answers of `once`, `times` and `sequence` that no request has asked for. */
  get unused(): readonly UnusedReplies[] {
    return this._clusters.unused;
  }

  /**
   * For the end of a test.
   *
   * Closing does not do it: thrown from a disposal it would hide the failure of a test that ended early.
   * @throws {HarnessError} UPSTREAM_UNUSED when an answer of `once`, `times` or `sequence` was never asked for.
   */
  assertUsed(): void {
    if (this.unused.length === 0) return;
    const left = this.unused.map(({ upstream, replies }) => `${replies} of "${upstream}"`).join(", ");
    throw new HarnessError("UPSTREAM_UNUSED", `Answers were never asked for: ${left}`);
  }

  /** Ends the plugins: on_done, on_delete. Closing twice is harmless. */
  close(): void {
    if (this._closed) return;
    this._closed = true;
    this._listener?.close();
    this.engine.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  private _mustLive(what: string): void {
    if (this._closed) throw new HarnessError("ILLEGAL_CALL", `Cannot ${what}: the proxy is closed`);
  }

  // ------------------------------------------------------------------------------------- for exchanges and upstreams

  callsFrom(first: number, before?: number): readonly ProxyCall[] {
    return this.engine.callouts.calls.slice(first, before).map(callView);
  }

  /** An exchange begins. */
  begin(exchange: PendingExchange): void {
    this._open.add(exchange);
  }

  /** An exchange is over. */
  forget(exchange: PendingExchange): void {
    this._open.delete(exchange);
  }

  /** A request reached an upstream. */
  arrived(request: UpstreamRequestView, from: DownstreamStream | undefined): void {
    this._requests.push(request);
    if (from === undefined) return;
    for (const exchange of this._open) if (exchange.stream === from) exchange.upstreamRequest = request;
  }

  waitFor(promise: Promise<unknown>): void {
    this._promises.add(promise);
    void promise.finally(() => this._promises.delete(promise));
  }

  failed(error: HarnessError): void {
    this._problem ??= error;
    for (const exchange of this._open) exchange.fail(error);
  }

  /** Lets things happen until `done`: what is due, then answers that upstreams still work on, then time. */
  async passTime(done: () => boolean): Promise<void> {
    const { clock } = this.engine;
    for (;;) {
      clock.advance(0);
      if (done()) return;
      if (this._promises.size > 0) {
        await Promise.race(this._promises);
        continue;
      }
      const nextNs = clock.nextDueInNs;
      if (nextNs === undefined) {
        throw new HarnessError(
          "EXCHANGE_STUCK",
          "Exchange cannot end: nothing is due, and the listener has no idle timeout; does a plugin pause without resuming?",
        );
      }
      clock.advance(nextNs / 1e6);
    }
  }

  /** Throws what a test has to know. */
  throwProblems(own: HarnessError | undefined, firstDiagnostic: number): void {
    const problem = own ?? this._problem;
    this._problem = undefined;
    if (problem !== undefined) throw problem;
    if (this._strictness.throwOnFailure) {
      for (const worker of this.engine.workers) {
        const failed = worker.vms.find((vm) => vm.failed);
        if (failed !== undefined) throw failureError(failed);
      }
    }
    const found = this.engine.diagnostics.slice(firstDiagnostic);
    const crash = found.find(({ code }) => code === "WOULD_CRASH_ENVOY");
    if (crash !== undefined) throw new HarnessError("WOULD_CRASH_ENVOY", crash.message);
    if (this._strictness.strict && found.length > 0) {
      throw new HarnessError("DIAGNOSTIC", `${found[0]!.code}: ${found[0]!.message}`, {
        details: found.slice(1).map(({ code, message }) => `${code}: ${message}`),
      });
    }
  }
}

function callView(record: CallRecord): ProxyCall {
  const { cluster, kind, headers, body, outcome, status } = record;
  return { upstream: cluster, kind, headers, body, outcome, status };
}

export type { Exchange };
