import { HarnessError } from "../errors.js";
import { GuestTimeout } from "../host/guard.js";
import { failureError } from "../host/life-cycle.js";
import { formatEvent } from "../host/trace.js";
import type { PluginVm } from "../host/plugin-vm.js";
import type { Pair } from "../abi/pairs.js";
import type { Exchange, PendingExchange } from "../harness/exchange.js";
import { createProxy } from "../harness/create-proxy.js";
import type { FilterOptions } from "../harness/proxy-options.js";
import type { Proxy, ProxySnapshot } from "../harness/proxy.js";
import { loadSource } from "../harness/source.js";
import type { Reply, UpstreamRequestView } from "../harness/upstreams.js";
import type { FuzzCase, FuzzExchange, FuzzReply } from "./case.js";
import { allocator, FaultyHost } from "./faults.js";

/** A message as it left the proxy. */
export interface LeftMessage {
  readonly headers: readonly Pair[];
  readonly body: Uint8Array;
  readonly complete: boolean;
}

/** What came of one exchange. */
export interface Outcome {
  /** 0: the client got no answer. */
  readonly status: number;
  readonly response: LeftMessage;
  /** What the upstream got; undefined when nothing reached it. */
  readonly upstream: LeftMessage | undefined;
  /** Details of Envoy's access log: why the stream ended. */
  readonly details: string;
  readonly calls: readonly {
    readonly upstream: string;
    readonly outcome: string;
    readonly status: number | undefined;
  }[];
  readonly errorLogs: readonly string[];
  readonly logBytes: number;
  /** The exchange with all it made, for those who look further. */
  readonly seen: { readonly exchange: Exchange; readonly logs: Exchange["logs"]; readonly calls: Exchange["calls"] };
  /** Whether the stream was over when nothing was due any more. */
  readonly over: boolean;
}

/** What came of a case. */
export interface Played {
  /** One per exchange of the case, of its first round. Shorter than the case when the plugin failed. */
  readonly outcomes: readonly Outcome[];
  /** Why the plugin failed. */
  readonly failure: HarnessError | undefined;
  /** Bytes by which guest memory grew in the second, third and last quarter of the repetitions; empty when there were none. */
  readonly growth: readonly number[];
  /** The hostcalls whose faults came true before the first request reached the upstream. */
  readonly failedBefore: readonly string[];
}

export interface PlayerOptions {
  /** Milliseconds of real time that each round of a case may take inside the plugin. */
  readonly budgetMs: number;
  /** Seed of the proxy's own chances. */
  readonly seed: number;
  /** Hostcalls can fail; default false. */
  readonly faults?: boolean;
  /** The release of Envoy to be; default the newest recorded. */
  readonly envoy?: string;
}

/** Longest virtual time that one exchange may take: far over any time-out of a plugin's call. */
const longestMs = 120_000;

/** Milliseconds that many cases have together, before they get a budget each: a watchdog costs as much as a case does. */
const batchMs = 1000;

/** What the upstreams answer to the case under way. */
interface Answers {
  /** By exchange, in the order in which they were sent. */
  pending: PendingExchange[];
  replies: FuzzReply[];
  callReply: Reply;
  failedBefore: readonly string[] | undefined;
}

/** A plugin in a proxy that is put back to its fresh state before every case. */
export class Player {
  readonly proxy: Proxy;
  /** Cases played, and milliseconds spent on playing and on restoring. */
  readonly spent = { cases: 0, playMs: 0, restoreMs: 0 };
  readonly faults: FaultyHost | undefined;
  private readonly _vm: PluginVm;
  private readonly _budgetMs: number;
  private readonly _fresh: ProxySnapshot;
  private readonly _answers: Answers;

  private constructor(proxy: Proxy, answers: Answers, budgetMs: number, faults: FaultyHost | undefined) {
    this.proxy = proxy;
    this.faults = faults;
    this._vm = proxy.engine.worker.vms[0]!;
    this._answers = answers;
    this._budgetMs = budgetMs;
    this._fresh = proxy.snapshot();
    if (faults !== undefined) this._vm.allocationFails = () => faults.fails(allocator) !== undefined;
  }

  /** @throws {HarnessError} As `createProxy`. */
  static async create(filter: FilterOptions, options: PlayerOptions): Promise<Player> {
    const { budgetMs, seed, envoy } = options;
    const answers: Answers = { pending: [], replies: [], callReply: {}, failedBefore: undefined };
    const host = options.faults === true ? new FaultyHost(await importsOf(filter)) : undefined;
    const hostFunctions = host && { ...host.functions, ...filter.hostFunctions };
    const proxy = await createProxy({
      filters: [{ ...filter, ...(hostFunctions && { hostFunctions }) }],
      upstreams: {
        upstream: (request) => {
          answers.failedBefore ??= host === undefined ? [] : [...host.hit];
          return replyTo(answers, request);
        },
      },
      onUnknownUpstream: () => answers.callReply,
      listener: { streamIdleTimeoutMs: 0, enableTrailers: true },
      budgetMs,
      seed,
      ...(envoy !== undefined && { envoy }),
    });
    return new Player(proxy, answers, budgetMs, host);
  }

  /** The plugin's memory in its fresh state, not a copy. */
  get memory(): Uint8Array {
    return this._vm.memory.whole;
  }

  /** Formatted: the last callbacks and hostcalls. */
  lastCalls(): string[] {
    return this.proxy.trace.slice(-12).map((event) => formatEvent(event));
  }

  /** Does work that plays many cases under one watchdog; it ends in the middle when a case hangs, or all take longer than a second. */
  batch(work: () => void): void {
    try {
      this._vm.guard.run(work, undefined, batchMs + this._budgetMs);
    } catch (thrown) {
      if (!(thrown instanceof GuestTimeout)) throw thrown;
    }
  }

  /** Plays a case in a fresh state. Never throws for what the plugin does. */
  play(given: FuzzCase): Played {
    const { exchanges, repeat } = given;
    const begun = performance.now();
    this.proxy.restore(this._fresh);
    this._vm.trace.clear(); // what a finding tells as its last calls are those of its case
    this.faults?.begin(given.faults);
    const restored = performance.now();
    const outcomes: Outcome[] = [];
    const sizes: number[] = [];
    this._answers.callReply = given.callReply;
    this._answers.failedBefore = undefined;
    let failure: HarnessError | undefined;
    const round = (): void => {
      if (given.together === true) this._send(exchanges, outcomes);
      else for (const one of exchanges) this._send([one], outcomes);
    };
    for (let i = 1; i <= repeat && failure === undefined; i++) {
      failure = this._guarded(round);
      if (repeat === 1) break;
      outcomes.length = Math.min(outcomes.length, exchanges.length);
      this.proxy.forgetPast();
      if (i % (repeat >> 2) === 0) sizes.push(this.memory.length);
    }
    const growth = sizes.length === 4 ? sizes.slice(1).map((size, i) => size - sizes[i]!) : [];
    this.spent.cases++;
    this.spent.restoreMs += restored - begun;
    this.spent.playMs += performance.now() - restored;
    return { outcomes, failure, growth, failedBefore: this._answers.failedBefore ?? [] };
  }

  close(): void {
    this.proxy.restore(this._fresh);
    this.proxy.close();
  }

  /** One budget of time for a round: starting the watchdog for each callback would cost more than the callbacks. */
  private _guarded(work: () => void): HarnessError | undefined {
    const vm = this._vm;
    try {
      if (vm.guard.active) work();
      else vm.guard.run(work);
    } catch (thrown) {
      if (thrown instanceof Stopped) return failureError(vm);
      if (thrown instanceof HarnessError) return thrown;
      if (!(thrown instanceof GuestTimeout)) throw thrown;
      return vm.failed
        ? failureError(vm)
        : new HarnessError("GUEST_TIMEOUT", `Case stopped: ${thrown.message}`, { cause: thrown });
    }
    return undefined;
  }

  /** Exchanges that begin at the same moment, until all are over or nothing is due any more. */
  private _send(exchanges: readonly FuzzExchange[], outcomes: Outcome[]): void {
    const { proxy, _vm: vm, _answers: answers } = this;
    const pending: PendingExchange[] = (answers.pending = []);
    const replies: FuzzReply[] = (answers.replies = []);
    for (const { request, reply } of exchanges) {
      replies.push(reply);
      pending.push(proxy.send(request));
    }
    const { clock } = proxy;
    const latest = clock.elapsedNs + longestMs * 1e6;
    while (!vm.failed && pending.some(({ over }) => !over)) {
      const nextNs = clock.nextDueInNs;
      if (nextNs === undefined || clock.elapsedNs + nextNs > latest) break;
      clock.advance(nextNs / 1e6);
    }
    if (vm.failed) throw new Stopped();
    for (const one of pending) outcomes.push(outcomeOf(one));
    for (const one of pending) if (!one.over) one.abort();
    const crash = proxy.diagnostics.find(({ code }) => code === "WOULD_CRASH_ENVOY");
    if (crash !== undefined) throw new HarnessError("WOULD_CRASH_ENVOY", crash.message);
  }
}

/** The plugin failed: its VM knows why. */
class Stopped extends Error {}

/** The answer that belongs to the exchange whose request this is; one that is being sent is not in the list yet. */
function replyTo({ pending, replies }: Answers, request: UpstreamRequestView): Reply {
  if (replies.length === 1) return replies[0]!;
  const i = pending.findIndex(({ upstreamRequest }) => upstreamRequest === request);
  return replies.at(i)!;
}

async function importsOf({ module }: FilterOptions): Promise<string[]> {
  const { info } = await loadSource(module);
  return info.imports.filter((one) => one.module === "env" && one.kind === "function").map(({ name }) => name);
}

function outcomeOf(pending: PendingExchange): Outcome {
  const { response, upstreamRequest } = pending;
  const { logs, calls } = pending;
  const { errorLogs, logBytes } = loggedBy(logs);
  return {
    status: response.status,
    response: { headers: response.headers.pairs(), body: response.body, complete: response.complete },
    upstream: upstreamRequest && {
      headers: upstreamRequest.headers.pairs(),
      body: upstreamRequest.body,
      complete: upstreamRequest.complete,
    },
    details: pending.access?.details ?? "",
    calls: calls.map(({ upstream, outcome, status }) => ({ upstream, outcome, status })),
    errorLogs,
    logBytes,
    over: pending.over,
    seen: { exchange: pending, logs, calls },
  };
}

function loggedBy(logs: Exchange["logs"]): { errorLogs: string[]; logBytes: number } {
  const errorLogs: string[] = [];
  let logBytes = 0;
  for (const { level, source, message, bytes } of logs) {
    logBytes += bytes.length;
    if (level >= 4 && source !== "host") errorLogs.push(message);
  }
  return { errorLogs, logBytes };
}
