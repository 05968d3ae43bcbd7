import type { EngineExports, EngineModule } from "./engine.js";
import { CounterKind } from "./counters.js";
import { instrument } from "./instrument.js";
import type { ModuleInfo } from "./module-types.js";
import { ModuleWriter } from "./module-writer.js";

/** How much of a module has run: what was reached, and all there is. */
export interface CoverageCounts {
  readonly functions: { readonly reached: number; readonly all: number };
  /** Branches taken and not taken, arms of `if` and `br_table`, bodies of loops. */
  readonly edges: { readonly reached: number; readonly all: number };
}

/** By counter, a bit each, the first the lowest of the first byte: which ran, and which stand at the entry of a function. */
export interface ReachedCode {
  readonly counters: number;
  readonly reached: Uint8Array;
  readonly entries: Uint8Array;
}

/** What several runs of the same module reached together. */
export function reachedTogether(parts: readonly ReachedCode[]): CoverageCounts {
  const [first] = parts;
  const all = { functions: { reached: 0, all: 0 }, edges: { reached: 0, all: 0 } };
  for (let i = 0; i < (first?.counters ?? 0); i++) {
    const isSet = (bits: Uint8Array): boolean => ((bits[i >> 3]! >> (i & 7)) & 1) === 1;
    const counts = isSet(first!.entries) ? all.functions : all.edges;
    counts.all++;
    if (parts.some(({ reached }) => isSet(reached))) counts.reached++;
  }
  return all;
}

/** What was noted: edges, function entries among them, that never ran before, by number; and how often a loop made more rounds. */
export interface News {
  readonly edges: ReadonlySet<number>;
  readonly rounds: number;
}

/** Rounds of a loop that count as something new each; beyond, powers of two do. */
const eachRound = 32;
const mostRounds = 1 << 16;

/**
 * Which code of a module ran, and how many rounds its loops made at most: handed to a plugin's options it sees all of its VMs.
 *
 * It belongs to one module.
 */
export class Coverage {
  /** While it is set, what is passed is not noted, and told again the next time. */
  paused = false;
  /** New edges go on being told of, at a call of the host each time, until `settle`: for `reaches`. */
  holdsNews = false;
  /** Numbers that the module compares something with, in the order of its code. */
  compared: readonly (number | bigint)[] = [];
  private _kinds: readonly CounterKind[] = [];
  /** By counter: the count at which it tells something new; 0 when nothing is left. */
  private _next = new Uint32Array(0);
  /** Edges and entries that were noted since `take`; and those before, which are still told of so that `reaches` sees them. */
  private _fresh = new Set<number>();
  private _taken: ReadonlySet<number> = new Set();
  /** What `reaches` waits for. */
  private _awaited: Set<number> | undefined;
  private _rounds = 0;
  /** Function entries, and the other counters. */
  private _all: readonly [number, number] = [0, 0];
  private readonly _reached: [number, number] = [0, 0];
  private _table = "";
  private _listener: unknown;

  /** The module with counters. `originalOffset` leads back from offsets in its code. */
  instrument(
    bytes: Uint8Array,
    info: ModuleInfo,
  ): { readonly bytes: Uint8Array; readonly originalOffset: (offset: number) => number } {
    const { bytes: counted, kinds, table, compared, originalOffset } = instrument(bytes, info);
    this._kinds = kinds;
    this._next = new Uint32Array(kinds.length).fill(1);
    const entries = kinds.filter((kind) => kind === CounterKind.entry).length;
    this._all = [entries, kinds.length - entries];
    this._table = table;
    this.compared = compared;
    return { bytes: counted, originalOffset };
  }

  /** Listens to an instance of that module. */
  listenTo(exports: EngineExports): void {
    this._listener ??= asGuestFunction((counter, count) => this._passed(counter, count));
    (exports[this._table] as { set(index: number, value: unknown): void }).set(0, this._listener);
  }

  /** Whether `take` would answer something. */
  get hasNews(): boolean {
    return this._fresh.size + this._rounds > 0;
  }

  /** What was noted since this was asked last. */
  take(): News | undefined {
    if (!this.hasNews) return undefined;
    const [edges, rounds] = [this._fresh, this._rounds];
    this._taken = edges;
    this._fresh = new Set();
    this._rounds = 0;
    return { edges, rounds };
  }

  /** What `take` gave last is dealt with. */
  settle(): void {
    this._taken = new Set();
  }

  /** Whether `work` passes all of these edges, which must be of the last that `take` gave, with `holdsNews`. Notes nothing. */
  reaches(edges: ReadonlySet<number>, work: () => void): boolean {
    const awaited = new Set(edges);
    this._awaited = awaited;
    try {
      work();
    } finally {
      this._awaited = undefined;
    }
    return awaited.size === 0;
  }

  counts(): CoverageCounts {
    const [functions, edges] = this._all;
    const [reachedFunctions, reachedEdges] = this._reached;
    return { functions: { reached: reachedFunctions, all: functions }, edges: { reached: reachedEdges, all: edges } };
  }

  /** What was reached, for those who join it with what others reached. */
  reached(): ReachedCode {
    const { _kinds: kinds, _next: next } = this;
    const size = Math.ceil(kinds.length / 8);
    const [reached, entries] = [new Uint8Array(size), new Uint8Array(size)];
    for (let i = 0; i < kinds.length; i++) {
      if (next[i] !== 1) reached[i >> 3]! |= 1 << (i & 7);
      if (kinds[i] === CounterKind.entry) entries[i >> 3]! |= 1 << (i & 7);
    }
    return { counters: kinds.length, reached, entries };
  }

  private _passed(counter: number, count: number): number {
    if (this._awaited !== undefined) {
      this._awaited.delete(counter);
      return count;
    }
    if (this.paused) return count;
    const known = this._next[counter]!;
    const isLoop = this._kinds[counter] === CounterKind.loop;
    // an instance that was made later asks again for what is known
    if (known !== count) return this._isHeld(counter) ? count : known;
    const next = (this._next[counter] = isLoop ? countAfter(count) : 0);
    if (count > 1) {
      this._rounds++;
    } else {
      this._fresh.add(counter);
      this._reached[this._kinds[counter] === CounterKind.entry ? 0 : 1]++;
    }
    return this._isHeld(counter) ? count : next;
  }

  private _isHeld(counter: number): boolean {
    return this.holdsNews && (this._fresh.has(counter) || this._taken.has(counter));
  }
}

function countAfter(count: number): number {
  if (count < eachRound) return count + 1;
  return count < mostRounds ? count * 2 : 0;
}

let forwarder: EngineModule | undefined;

/** A table takes functions of modules only: one that hands on to ours. */
function asGuestFunction(report: (counter: number, count: number) => number): unknown {
  if (forwarder === undefined) {
    const writer = new ModuleWriter();
    writer.export("report", "function", writer.importFunction("host", "report", ["i32", "i32"], ["i32"]));
    forwarder = new WebAssembly.Module(writer.finish() as BufferSource);
  }
  return new WebAssembly.Instance(forwarder as WebAssembly.Module, { host: { report } }).exports["report"];
}
