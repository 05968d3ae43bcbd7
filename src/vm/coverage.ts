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
  /** Numbers that the module compares something with, in the order of its code. */
  compared: readonly (number | bigint)[] = [];
  private _kinds: readonly CounterKind[] = [];
  /** By counter: the count at which it tells something new; 0 when nothing is left. */
  private _next = new Uint32Array(0);
  private _edges = 0;
  private _rounds = 0;
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
    this._table = table;
    this.compared = compared;
    return { bytes: counted, originalOffset };
  }

  /** Listens to an instance of that module. */
  listenTo(exports: EngineExports): void {
    this._listener ??= asGuestFunction((counter, count) => this._passed(counter, count));
    (exports[this._table] as { set(index: number, value: unknown): void }).set(0, this._listener);
  }

  /** Whether something was noted since this was asked last: edges that never ran before, and loops that made more rounds. */
  take(): { readonly edges: number; readonly rounds: number } | undefined {
    const [edges, rounds] = [this._edges, this._rounds];
    if (edges + rounds === 0) return undefined;
    this._edges = this._rounds = 0;
    return { edges, rounds };
  }

  counts(): CoverageCounts {
    const reached = [0, 0];
    const all = [0, 0];
    for (const [i, kind] of this._kinds.entries()) {
      const which = kind === CounterKind.entry ? 0 : 1;
      all[which]!++;
      if (this._next[i] !== 1) reached[which]!++;
    }
    return { functions: { reached: reached[0]!, all: all[0]! }, edges: { reached: reached[1]!, all: all[1]! } };
  }

  private _passed(counter: number, count: number): number {
    if (this.paused) return count;
    const known = this._next[counter]!;
    // an instance that was made later asks again for what is known
    if (known !== count) return known;
    if (count === 1) this._edges++;
    else this._rounds++;
    return (this._next[counter] = this._kinds[counter] === CounterKind.loop ? countAfter(count) : 0);
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
