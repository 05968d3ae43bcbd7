import type { ColdCosts } from "./cold.js";
import type { Counts } from "./counts.js";
import type { CrossingKind } from "./crossings.js";
import type { Machine } from "./machine.js";
import type { MemoryGrowth } from "./memory-growth.js";
import type { OwnAllocations } from "./own-allocations.js";
import type { Estimate } from "./statistics.js";
import type { SweepReport } from "./sweep.js";
import type { ThresholdResult } from "./thresholds.js";

/** Distribution of a time, in microseconds; intervals by bootstrap over rounds. */
export interface Distribution {
  readonly median: Estimate;
  /** p50, p90, p95, p99, p99.9; of whole exchanges those of thresholds too. With several streams in flight a sample is their mean. */
  readonly percentiles: Readonly<Record<string, Estimate>>;
  readonly max: number;
  readonly samples: number;
}

/** A callback or a hostcall: time in it, without what it called on the other side. */
export interface FunctionCost extends Distribution {
  readonly kind: CrossingKind;
  readonly name: string;
  readonly callsPerExchange: number;
}

export interface WarmUp {
  /** Exchanges made until times stayed the same. */
  readonly exchanges: number;
  readonly ms: number;
  /** False: they still changed when its time was over. */
  readonly steady: boolean;
  /** Median microseconds of each piece of it, in order. */
  readonly timeline: readonly number[];
}

export interface Noise {
  /** Median microseconds of the constant workload. */
  readonly constantUs: number;
  /** How far its rounds scatter, relative to their median. */
  readonly spread: number;
  /** Time of an exchange divided by that of the constant workload. */
  readonly toConstant: Estimate;
  /** Why a comparison by this run is not to be trusted; undefined: it is. */
  readonly tooNoisy: string | undefined;
}

/** New time divided by old time: over 1 is slower. */
export interface Comparison {
  readonly with: string;
  readonly ratio: Estimate;
  readonly verdict: "slower" | "faster" | "no difference seen";
  /** What to know about it. */
  readonly note: string | undefined;
}

/** What was sent, and how. */
export interface Load {
  readonly exchanges: number;
  readonly streams: number;
  readonly state: "reused" | "fresh";
  /** Of the exchanges, with their bodies: two runs with the same sent the same. */
  readonly sha256: string;
}

/** What `bench` found. Times are in microseconds of this machine's Node, and no latency in Envoy. */
export interface BenchReport {
  readonly schema: 1;
  readonly module: { readonly name: string; readonly sha256: string; readonly size: number };
  readonly machine: Machine;
  readonly load: Load;
  readonly warmUp: WarmUp;
  /** A whole exchange: from opening the stream until it is over. */
  readonly exchange: Distribution;
  /** Median of each round, in order. */
  readonly rounds: readonly number[];
  /** Microseconds of an exchange inside of the guest, in hostcalls, and in the proxy around them; measured apart. */
  readonly guest: Estimate;
  readonly host: Estimate;
  /** Microseconds of an exchange to create its stream context and to end it: `proxy_on_context_create`, `_log`, `_done`, `_delete`. */
  readonly stream: Estimate;
  /** Microseconds that the clock added to an exchange while these were measured, and that their intervals hold. */
  readonly clockUs: number;
  readonly functions: readonly FunctionCost[];
  readonly counts: Counts;
  /** Undefined where no name in the module tells which function its allocator is. */
  readonly ownAllocations: OwnAllocations | undefined;
  readonly memory: MemoryGrowth;
  readonly cold: ColdCosts;
  readonly noise: Noise;
  readonly against: Comparison | undefined;
  readonly baseline: Comparison | undefined;
  readonly sweeps: readonly SweepReport[];
  readonly thresholds: readonly ThresholdResult[];
}
