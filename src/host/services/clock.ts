import { limits } from "../../abi/limits.js";
import { HarnessError } from "../../errors.js";

/** Something to happen later. Cancelling it, or cancelling it twice, is harmless. */
export interface Timer {
  /** Nanoseconds since the clock's start at which it falls due. */
  readonly dueNs: number;
  /** Counts up with each timer of a clock. */
  readonly order: number;
  cancel(): void;
}

interface Entry extends Timer {
  /** Before `order` among those that fall due together. */
  readonly rank: number;
  run: (() => void) | undefined;
}

export interface ClockOptions {
  /** Wall time at the start, in nanoseconds since the Unix epoch. Not 0: Go refuses to start then. Default 2023-11-14T22:13:20Z. */
  readonly startNs?: bigint;
  /** Read the machine's clocks instead. Timers still fall due only when the clock is advanced. */
  readonly real?: boolean;
  /**
   * A seed: what falls due at the same moment runs in an order that it chooses, and that is the same for the same seed.
   * Default: in the order in which it was asked for.
   */
  readonly order?: number;
}

/** [R] Each reading moves time on by 1 µs, so a guest that polls the clock cannot spin for ever. */
const readingStepNs = 1000;
/** What the monotonic clock shows at the start: of a machine that runs for a day. */
const bootedNs = 86_400_000_000_000n;
const nsPerMs = 1_000_000;

/**
 * Time, owned by the test: it moves when `advance` is called, by 1 µs with each reading, and in no other way.
 *
 * What falls due at the same moment runs in the order in which it was asked for, unless option `order` mixes it.
 */
export class Clock {
  readonly #startNs: bigint;
  readonly #real: boolean;
  readonly #seed: number | undefined;
  /** Nanoseconds since the start; exact up to 104 days. */
  #elapsedNs = 0;
  #order = 0;
  /** Sorted by due time, then order; the first to fall due is last. */
  #entries: Entry[] = [];
  /** What was asked for without delay, in order: due times only go up here. The first is at `#soonAt`. */
  #soon: Entry[] = [];
  #soonAt = 0;

  constructor(options: ClockOptions = {}) {
    this.#startNs = options.startNs ?? 1_700_000_000_000_000_000n;
    this.#real = options.real ?? false;
    this.#seed = options.order;
  }

  /** Nanoseconds since the start, without moving time. */
  get elapsedNs(): number {
    return this.#elapsedNs;
  }

  /** Wall time in nanoseconds since the Unix epoch, without moving time. */
  get wallNs(): bigint {
    return this.#startNs + BigInt(this.#elapsedNs);
  }

  /** A reading by a guest of the wall clock. */
  readWallNs(): bigint {
    if (this.#real) return BigInt(Date.now()) * 1_000_000n;
    this.#elapsedNs += readingStepNs;
    return this.wallNs;
  }

  /** A reading by a guest of the monotonic clock. */
  readMonotonicNs(): bigint {
    if (this.#real) return process.hrtime.bigint();
    this.#elapsedNs += readingStepNs;
    return bootedNs + BigInt(this.#elapsedNs);
  }

  /** Runs `run` once, `delayNs` from now; 0 means after what is already due. */
  schedule(delayNs: number, run: () => void): Timer {
    return this.#add(delayNs, this.#order++, run);
  }

  /** Sets a timer again that a snapshot kept, in its place among those that fall due together. */
  scheduleAgain(delayNs: number, order: number, run: () => void): Timer {
    return this.#add(delayNs, order, run);
  }

  #add(delayNs: number, order: number, run: () => void): Timer {
    const dueNs = this.#elapsedNs + Math.max(0, delayNs);
    const entry: Entry = {
      dueNs,
      order,
      rank: this.#seed === undefined ? 0 : mixed(this.#seed, order),
      run,
      cancel() {
        entry.run = undefined;
      },
    };
    if (delayNs <= 0 && this.#seed === undefined) {
      this.#soon.push(entry);
      return entry;
    }
    let at = this.#entries.length;
    while (at > 0 && !runsAfter(this.#entries[at - 1]!, entry)) at--;
    this.#entries.splice(at, 0, entry);
    return entry;
  }

  /** Nanoseconds until the next timer falls due; undefined when there is none. */
  get nextDueInNs(): number | undefined {
    const next = this.#next();
    return next && Math.max(0, next.dueNs - this.#elapsedNs);
  }

  /** Runs the next timer if it falls due at `untilNs` (since the start) or before, moving time there. */
  runNext(untilNs: number): boolean {
    const next = this.#next();
    if (next === undefined || next.dueNs > untilNs) return false;
    if (next.dueNs > this.#elapsedNs) this.#elapsedNs = next.dueNs;
    const run = next.run;
    next.run = undefined; // it is dropped when the next one is looked for
    run?.();
    return true;
  }

  /**
   * Moves time forward by `ms` and runs what falls due, earliest first. 0 runs what is due already.
   *
   * @throws {HarnessError} LIMIT_EXCEEDED when callbacks cause each other without end, and time stands still.
   */
  advance(ms: number): void {
    if (ms === 0 && this.#entries.length === 0 && this.#soon.length === 0) return; // asked after each part of a stream
    const until = this.#elapsedNs + ms * nsPerMs;
    let moment = this.#elapsedNs;
    let ran = 0;
    while (this.runNext(until)) {
      if (this.#elapsedNs !== moment) [moment, ran] = [this.#elapsedNs, 0];
      if (++ran > limits.dueAtOnce) {
        throw new HarnessError(
          "LIMIT_EXCEEDED",
          `Cannot advance the clock: ${limits.dueAtOnce} callbacks fell due at one moment (dueAtOnce); does the plugin enqueue in proxy_on_queue_ready?`,
        );
      }
    }
    if (until > this.#elapsedNs) this.#elapsedNs = until;
  }

  /** How many timers there were: the next one's `order`. */
  get order(): number {
    return this.#order;
  }

  /** Sets the time of a snapshot; timers belong to their owners, who set them anew. */
  restore(elapsedNs: number, order: number): void {
    this.#elapsedNs = elapsedNs;
    this.#order = order;
    this.#entries = [];
    this.#soon = [];
    this.#soonAt = 0;
  }

  /** The first of both lists that was neither run nor cancelled; what was goes. */
  #next(): Entry | undefined {
    while (this.#entries.length > 0 && this.#entries.at(-1)!.run === undefined) this.#entries.pop();
    while (this.#soonAt < this.#soon.length && this.#soon[this.#soonAt]!.run === undefined) this.#soonAt++;
    if (this.#soonAt === this.#soon.length && this.#soonAt > 0) {
      this.#soon = [];
      this.#soonAt = 0;
    }
    const timed = this.#entries.at(-1);
    const soon = this.#soon[this.#soonAt];
    if (timed === undefined || soon === undefined) return timed ?? soon;
    const timedFirst = timed.dueNs < soon.dueNs || (timed.dueNs === soon.dueNs && timed.order < soon.order);
    return timedFirst ? timed : soon;
  }
}

function runsAfter(a: Entry, b: Entry): boolean {
  if (a.dueNs !== b.dueNs) return a.dueNs > b.dueNs;
  return a.rank === b.rank ? a.order > b.order : a.rank > b.rank;
}

/** 32 bits that depend on both numbers in every bit: two rounds of murmur3's finaliser. */
function mixed(seed: number, order: number): number {
  let x = finalised(seed ^ 0x9e3779b9);
  x = finalised(x + Math.imul(order, 0x85ebca6b));
  return x >>> 0;
}

function finalised(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

export const millisecondsToNs = (ms: number): number => ms * nsPerMs;
