import { HarnessError } from "../errors.js";
import { GuestTimeout } from "../host/guard.js";
import { failureError } from "../host/life-cycle.js";
import { formatEvent } from "../host/trace.js";
import type { Pair } from "../abi/pairs.js";
import type { PendingExchange } from "../harness/exchange.js";
import type { FilterOptions } from "../harness/proxy-options.js";
import type { Proxy, ProxySnapshot } from "../harness/proxy.js";
import { createProxy } from "../harness/create-proxy.js";
import type { Reply } from "../harness/upstreams.js";
import type { FuzzExchange } from "./arbitraries.js";

/** What is generated: exchanges played one after the other on one plugin, in a fresh state. */
export interface FuzzCase {
  readonly exchanges: readonly FuzzExchange[];
  /** How often they are played: more than once to see whether memory grows. */
  readonly repeat: number;
  /** What every upstream answers that the plugin calls by itself. */
  readonly callReply: Reply;
}

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
}

/** Longest virtual time that one exchange may take: far over any time-out of a plugin's call. */
const longestMs = 120_000;

/** A plugin in a proxy that is put back to its fresh state before every case. */
export class Player {
  readonly proxy: Proxy;
  /** Cases played, and milliseconds spent on playing and on restoring. */
  readonly spent = { cases: 0, playMs: 0, restoreMs: 0 };
  private readonly _fresh: ProxySnapshot;
  private readonly _answer: { reply: Reply; callReply: Reply };

  private constructor(proxy: Proxy, answer: Player["_answer"]) {
    this.proxy = proxy;
    this._answer = answer;
    this._fresh = proxy.snapshot();
  }

  /**
   * @param budgetMs Milliseconds of real time that a case may take inside the plugin.
   * @throws {HarnessError} As `createProxy`.
   */
  static async create(filter: FilterOptions, budgetMs: number, seed: number): Promise<Player> {
    const answer: Player["_answer"] = { reply: {}, callReply: {} };
    const proxy = await createProxy({
      filters: [filter],
      upstreams: { upstream: () => answer.reply },
      onUnknownUpstream: () => answer.callReply,
      listener: { streamIdleTimeoutMs: 0, enableTrailers: true },
      budgetMs,
      seed,
    });
    return new Player(proxy, answer);
  }

  /** The plugin's memory in its fresh state, not a copy. */
  get memory(): Uint8Array {
    return this.proxy.engine.worker.vms[0]!.memory.whole;
  }

  /** Formatted: the last callbacks and hostcalls. */
  lastCalls(): string[] {
    return this.proxy.trace.slice(-12).map((event) => formatEvent(event));
  }

  /** Plays a case in a fresh state. Never throws for what the plugin does. */
  play({ exchanges, repeat, callReply }: FuzzCase): Played {
    const begun = performance.now();
    this.proxy.restore(this._fresh);
    const restored = performance.now();
    const outcomes: Outcome[] = [];
    const sizes: number[] = [];
    this._answer.callReply = callReply;
    const round = (): void => {
      for (const one of exchanges) {
        const outcome = this._exchange(one);
        if (outcomes.length < exchanges.length) outcomes.push(outcome);
      }
    };
    let failure: HarnessError | undefined;
    for (let i = 1; i <= repeat && failure === undefined; i++) {
      failure = this._guarded(round);
      if (repeat === 1) break;
      if (failure === undefined) this.proxy.forgetPast();
      if (i % (repeat >> 2) === 0) sizes.push(this.memory.length);
    }
    const growth = sizes.length === 4 ? sizes.slice(1).map((size, i) => size - sizes[i]!) : [];
    this.spent.cases++;
    this.spent.restoreMs += restored - begun;
    this.spent.playMs += performance.now() - restored;
    return { outcomes, failure, growth };
  }

  close(): void {
    this.proxy.restore(this._fresh);
    this.proxy.close();
  }

  /** One budget of time for all of a case: starting the watchdog for each callback would cost more than the callbacks. */
  private _guarded(work: () => void): HarnessError | undefined {
    const vm = this.proxy.engine.worker.vms[0]!;
    try {
      vm.guard.run(work);
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

  private _exchange({ request, reply }: FuzzExchange): Outcome {
    const { proxy } = this;
    this._answer.reply = reply;
    const pending = proxy.send(request);
    const { clock } = proxy;
    const latest = clock.elapsedNs + longestMs * 1e6;
    while (!pending.over && !this._failed) {
      const nextNs = clock.nextDueInNs;
      if (nextNs === undefined || clock.elapsedNs + nextNs > latest) break;
      clock.advance(nextNs / 1e6);
    }
    if (this._failed) throw new Stopped();
    const outcome = outcomeOf(pending);
    if (!pending.over) pending.abort();
    const crash = proxy.diagnostics.find(({ code }) => code === "WOULD_CRASH_ENVOY");
    if (crash !== undefined) throw new HarnessError("WOULD_CRASH_ENVOY", crash.message);
    return outcome;
  }

  private get _failed(): boolean {
    return this.proxy.engine.worker.vms.some((vm) => vm.failed);
  }
}

/** The plugin failed: its VM knows why. */
class Stopped extends Error {}

function outcomeOf(pending: PendingExchange): Outcome {
  const { response, upstreamRequest, logs } = pending;
  return {
    status: response.status,
    response: { headers: response.headers.pairs(), body: response.body, complete: response.complete },
    upstream: upstreamRequest && {
      headers: upstreamRequest.headers.pairs(),
      body: upstreamRequest.body,
      complete: upstreamRequest.complete,
    },
    details: pending.access?.details ?? "",
    calls: pending.calls.map(({ upstream, outcome, status }) => ({ upstream, outcome, status })),
    errorLogs: logs.filter(({ level, source }) => level >= 4 && source !== "host").map(({ message }) => message),
    logBytes: logs.reduce((sum, { bytes }) => sum + bytes.length, 0),
    over: pending.over,
  };
}
