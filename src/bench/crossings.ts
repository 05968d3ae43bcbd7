import type { HostProcess } from "../host/process.js";
import type { Round } from "./statistics.js";
import type { Subject } from "./subject.js";

type AnyFunction = (...args: never[]) => unknown;
export type CrossingKind = "callback" | "hostcall";

/** Time that went by in one function of either side, without what it called on the other side. */
export interface CrossingTimes {
  readonly kind: CrossingKind;
  readonly name: string;
  calls: number;
  /** Microseconds of each call, by round; the clock's own price is in them until `takeOff`. */
  readonly rounds: number[][];
  /** How many measured calls each of them made, in the same order. */
  readonly children: number[][];
}

interface Frame {
  readonly owner: CrossingTimes;
  self: number;
  children: number;
}

/**
 * Measures each crossing of the border between host and guest: what passes between two crossings belongs to the function
 * that was crossed into. The price of looking at the clock is measured first and taken off.
 */
export class CrossingMeter {
  readonly functions = new Map<string, CrossingTimes>();
  on = false;
  private readonly _stack: Frame[] = [];
  private _last = 0;
  private _inside = 0;
  private _outside = 0;

  constructor() {
    this._calibrate();
  }

  /** Links the subject's module anew, with every crossing measured; its state stays. */
  attach(subject: Subject): void {
    const { plugin } = subject;
    const state = plugin.snapshot();
    const process: HostProcess = plugin.vm.process;
    process.tap = (kind, name, target) => this.wrap(kind, name, target);
    plugin.vm.replaceInstance();
    plugin.restore(state);
  }

  wrap<F>(kind: CrossingKind, name: string, target: F): F {
    const key = `${kind} ${name}`;
    let owner = this.functions.get(key);
    if (owner === undefined) this.functions.set(key, (owner = { kind, name, calls: 0, rounds: [], children: [] }));
    const times = owner;
    const call = target as AnyFunction;
    const measured = (...args: never[]): unknown => {
      if (!this.on) return call(...args);
      this._enter(times);
      try {
        return call(...args);
      } finally {
        this._leave();
      }
    };
    return measured as F;
  }

  /** A new round begins. */
  round(): void {
    for (const one of this.functions.values()) {
      one.rounds.push([]);
      one.children.push([]);
    }
  }

  private _enter(owner: CrossingTimes): void {
    const now = performance.now();
    const top = this._stack.at(-1);
    if (top !== undefined) {
      top.self += now - this._last;
      top.children++;
    }
    this._stack.push({ owner, self: 0, children: 0 });
    this._last = performance.now();
  }

  private _leave(): void {
    const now = performance.now();
    const { owner, self, children } = this._stack.pop()!;
    owner.calls++;
    owner.rounds.at(-1)?.push((self + now - this._last) * 1000);
    owner.children.at(-1)?.push(children);
    this._last = performance.now();
  }

  /** Forgets what was measured; the functions stay linked. */
  clear(): void {
    for (const one of this.functions.values()) {
      one.rounds.length = 0;
      one.children.length = 0;
      one.calls = 0;
    }
  }

  /** Takes the clock's price off every sample. @param slowedUs By what an exchange was slower. @param exchanges How many there were. */
  takeOff(slowedUs: number, exchanges: number): void {
    let calls = 0;
    for (const one of this.functions.values()) calls += one.calls;
    const each = Math.max(0, (slowedUs * exchanges) / calls);
    const inside = (each * this._inside) / (this._inside + this._outside);
    const outside = each - inside;
    for (const { rounds, children } of this.functions.values()) {
      rounds.forEach((round, r) => round.forEach((us, i) => (round[i] = us - inside - children[r]![i]! * outside)));
    }
  }

  /** What an empty function costs that is measured, inside of itself and in its caller. */
  private _calibrate(): void {
    let sink = 0;
    const inner = this.wrap("hostcall", "(inner)", (n: number) => (sink += n));
    const calls = 200;
    const outer = this.wrap("callback", "(outer)", () => {
      for (let i = 0; i < calls; i++) inner(i);
    });
    this.on = true;
    for (let i = 0; i < 60; i++) {
      if (i % 20 === 0) this.round(); // the last twenty are compiled
      outer();
    }
    this.on = false;
    const last = (name: string): number => {
      const values = this.functions
        .get(name)!
        .rounds.at(-1)!
        .toSorted((a, b) => a - b);
      return values[values.length >> 1] ?? 0;
    };
    this._inside = last("hostcall (inner)");
    this._outside = last("callback (outer)") / calls;
    this.functions.clear();
  }
}

/** Mean microseconds per exchange of each round, in all functions of one kind, or those named: 0 where the module has none of it. */
export function perExchange(
  meter: CrossingMeter,
  kind: CrossingKind,
  exchanges: number,
  names?: readonly string[],
): number[] {
  const all = [...meter.functions.values()];
  const sums = Array.from({ length: Math.max(1, ...all.map(({ rounds }) => rounds.length)) }, () => 0);
  for (const one of all) {
    if (one.kind !== kind || names?.includes(one.name) === false) continue;
    one.rounds.forEach((round: Round, i) => {
      sums[i]! += round.reduce((sum, value) => sum + value, 0);
    });
  }
  return sums.map((sum) => sum / exchanges);
}
