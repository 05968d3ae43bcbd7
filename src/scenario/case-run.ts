import { utf8ByteString } from "../abi/bytes.js";
import { HarnessError, messageOf } from "../errors.js";
import type { Exchange, PendingExchange } from "../harness/exchange.js";
import type { Proxy } from "../harness/proxy.js";
import type { Reply, UpstreamRequestView } from "../harness/upstreams.js";
import { PluginContext } from "../host/contexts.js";
import { GuestTimeout } from "../host/guard.js";
import type { Seen } from "./check.js";
import { check } from "./check.js";
import { mismatch, wordsOf } from "./matchers.js";
import type { Snapshots } from "./snapshots.js";
import { snapshotName, snapshotText } from "./snapshots.js";
import type { Case, Expectations, Failure, Step, Where } from "./types.js";

/** A request that an upstream holds until a step answers it. */
type Held = (reply: Reply) => void;

/** How far the answers of one upstream are. */
class Answers {
  readonly held: Held[] = [];
  private _count = 0;
  private readonly _replies: readonly (Reply | "hold")[];
  constructor(replies: readonly (Reply | "hold")[]) {
    this._replies = replies;
  }
  /** @param mayHold Time passes step by step; else what is held stays without an answer. */
  next(mayHold: boolean): Reply | Promise<Reply> {
    const reply = this._replies[Math.min(this._count++, this._replies.length - 1)]!;
    if (reply !== "hold") return reply;
    return mayHold ? new Promise((answer) => this.held.push(answer)) : { fault: "silence" };
  }
}

/** One run of a case on a proxy: its steps one after the other. */
export class CaseRun {
  readonly failures: Failure[] = [];
  /** A plugin was stopped in the middle of something. */
  broken = false;
  private readonly _case: Case;
  private readonly _snapshots: Snapshots | undefined;
  private readonly _answers: ReadonlyMap<string, Answers>;
  private readonly _open = new Map<string, PendingExchange>();
  private _proxy!: Proxy;
  /** In the order of their steps. */
  readonly exchanges: Exchange[] = [];
  private _last: Exchange | undefined = undefined;
  private _mayHold = true;
  /** What the plugin failed with, and whether somebody expected it. */
  error: HarnessError | undefined = undefined;

  constructor(one: Case, snapshots: Snapshots | undefined) {
    this._case = one;
    this._snapshots = snapshots;
    this._answers = new Map(one.upstreams.map(({ name, replies }) => [name, new Answers(replies)]));
  }

  /** For the proxy: what an upstream answers. */
  answer({ upstream }: UpstreamRequestView): Reply | Promise<Reply> {
    return this._answers.get(upstream)!.next(this._mayHold);
  }

  /** The plugin did not even start. */
  refused(error: HarnessError): void {
    this.error = error;
    this._checkFailure(this._case.expect, this._case.where);
  }

  async on(proxy: Proxy): Promise<void> {
    this._proxy = proxy;
    for (const step of this._case.steps) {
      const [firstLog, firstCall] = [proxy.engine.worker.log.next, proxy.engine.callouts.calls.length];
      try {
        await this._step(step);
      } catch (thrown) {
        if (!(thrown instanceof HarnessError)) throw thrown;
        this.error = thrown;
        this.broken ||= thrown.code === "GUEST_TIMEOUT" || thrown.code === "EXCHANGE_STUCK";
      }
      const seen = this._seen(proxy.engine.worker.log.since(firstLog), proxy.callsFrom(firstCall));
      if (this.error !== undefined) {
        const expect = step.expect?.failure === undefined ? this._case.expect : step.expect;
        this._checkFailure(expect, step.where);
        if (step.expect?.failure !== undefined) this._check(step.expect, seen);
        break;
      }
      if (step.expect !== undefined) this._check(step.expect, seen);
    }
    if (this._case.expect !== undefined) this._check(this._case.expect, this.seen());
    this._checkHeld();
  }

  private async _step(step: Step): Promise<void> {
    const { _proxy: proxy } = this;
    const firstDiagnostic = proxy.engine.diagnostics.length;
    switch (step.kind) {
      case "request": {
        // one watchdog for the whole exchange, as far as it goes at once
        const pending = this._guarded(() => proxy.send(step.request));
        this._last = pending;
        this.exchanges.push(pending);
        if (step.name === undefined) return this._finish(pending);
        this._open.set(step.name, pending);
        break;
      }
      case "finish":
        return this._finish(this._open.get(step.name)!);
      case "abort": {
        const pending = this._open.get(step.name)!;
        this._last = pending;
        pending.abort();
        break;
      }
      case "wait":
        this._guarded(() => proxy.clock.advance(step.ms));
        break;
      case "tick":
        this._tick(step.times);
        break;
      case "queue":
        this._enqueue(step.vmId, step.name, step.items);
        break;
      case "answer": {
        const held = this._answers.get(step.upstream)!.held.shift();
        if (held === undefined) {
          const message = `Cannot answer: upstream "${step.upstream}" has no request now`;
          this.failures.push({ where: step.where, message });
          return;
        }
        held(step.reply);
        await settled();
        break;
      }
    }
    this._guarded(() => proxy.clock.advance(0));
    proxy.throwProblems(undefined, firstDiagnostic);
  }

  /** Work in plugins under one budget. */
  private _guarded<T>(work: () => T): T {
    try {
      return this._proxy.engine.home.guard.run(work);
    } catch (thrown) {
      if (!(thrown instanceof GuestTimeout)) throw thrown;
      this.broken = true;
      throw new HarnessError("GUEST_TIMEOUT", `Plugin stopped: ${thrown.message}; raise the budget with budget`, {
        cause: thrown,
      });
    }
  }

  /** Lets time pass until the exchange is over; nobody can answer what is held meanwhile. */
  private async _finish(pending: PendingExchange): Promise<void> {
    this._last = pending;
    this._mayHold = false;
    try {
      if (!pending.over) for (const { held } of this._answers.values()) for (const one of held.splice(0)) one(silence);
      this._last = await pending;
    } finally {
      this._mayHold = true;
    }
  }

  private _tick(times: number): void {
    const { clock } = this._proxy;
    for (let i = 0; i < times; i++) {
      const due = this._timers();
      if (due.length === 0) throw new HarnessError("EXCHANGE_STUCK", "Cannot let a timer tick: no plugin has set one");
      clock.advance(Math.max(0, Math.min(...due) - clock.elapsedNs) / 1e6);
    }
  }

  /** When the timers of plugins fall due, in nanoseconds since the start. */
  private _timers(): number[] {
    const contexts = this._proxy.engine.workers.flatMap(({ vms }) => vms.flatMap((vm) => vm.contexts.all()));
    return contexts.flatMap((one) => (one instanceof PluginContext && one.tickTimer ? [one.tickTimer.dueNs] : []));
  }

  private _enqueue(vmId: string, name: string, items: readonly Uint8Array[]): void {
    const { queues } = this._proxy.engine.worker;
    const token = queues.resolve(vmId, utf8ByteString(name));
    if (token === undefined) {
      throw new HarnessError(
        "OPTION_INVALID",
        `Cannot put into queue "${name}": no plugin of VM id "${vmId}" has registered it`,
      );
    }
    for (const item of items) queues.enqueue(token, item)?.queueReady(token);
  }

  /** Of the whole case. */
  seen(): Seen {
    return this._seen(this._proxy.logs, this._proxy.calls);
  }

  private _seen(logs: Seen["logs"], calls: Seen["calls"]): Seen {
    const { metrics, stats } = this._proxy;
    return { exchange: this._last, logs, calls, metrics, stats };
  }

  private _check(expect: Expectations, seen: Seen): void {
    this.failures.push(...check(expect, seen));
    if (expect.failure !== undefined && this.error === undefined)
      this.failures.push({ where: expect.failure.where, message: "Expected the plugin to fail, but it did not" });
    if (expect.snapshot === undefined || this._snapshots === undefined) return;
    const { value, where } = expect.snapshot;
    const failure = this._snapshots.check(snapshotName(this._case, value), snapshotText(seen), where);
    if (failure !== undefined) this.failures.push(failure);
  }

  /** A failure of the plugin is one of the case, unless it is expected. */
  private _checkFailure(expect: Expectations | undefined, where: Where): void {
    const { code, message, details } = this.error!;
    const wanted = expect?.failure;
    if (wanted === undefined) {
      this.failures.push({ where, code, message: `${code}: ${message}`, details });
      return;
    }
    const { code: wantedCode, message: is } = wanted.value;
    if (wantedCode !== undefined && wantedCode !== code)
      this.failures.push({
        where: wanted.where,
        message: `Expected failure ${wantedCode}, got ${code}: ${message}`,
        code,
        details,
      });
    if (is !== undefined && mismatch(Buffer.from(message), is) !== undefined)
      this.failures.push({
        where: wanted.where,
        message: `Expected a failure whose message is ${wordsOf(is)}, got "${message}"`,
      });
  }

  private _checkHeld(): void {
    for (const { name, where } of this._case.upstreams) {
      const { length } = this._answers.get(name)!.held;
      if (length > 0 && this.error === undefined)
        this.failures.push({
          where,
          message: `Upstream "${name}" still holds ${length === 1 ? "a request" : `${length} requests`} in the end: answer what it holds, or let it be silent`,
        });
    }
  }
}

const silence: Reply = { fault: "silence" };

/** Promises that were kept have done what they do. */
const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

/** What nobody foresaw, as a failure. */
export const unforeseen = (thrown: unknown): Failure => ({
  message: `Cannot go on: ${messageOf(thrown)}`,
  details: thrown instanceof Error ? (thrown.stack ?? "").split("\n").slice(1, 6) : [],
});
