import type { PluginOptions } from "../harness/plugin.js";
import { loadPlugin } from "../harness/plugin.js";
import type { ModuleSource } from "../harness/source.js";
import type { Sweep } from "./load.js";
import { sweptExchange } from "./load.js";
import type { Estimate } from "./statistics.js";
import { fitLine, median, medianOf } from "./statistics.js";
import type { BenchExchange } from "./subject.js";
import { Subject } from "./subject.js";
import { warmUp } from "./warm-up.js";

/** How a sweep is measured: as the exchange itself is. */
export interface SweepOptions {
  readonly base: BenchExchange;
  readonly streams: number;
  readonly freshState: boolean;
  readonly rounds: number;
  readonly roundMs: number;
  readonly pause: () => Promise<void>;
}

/** How an exchange's time depends on what is sent. */
export interface SweepReport {
  readonly over: Sweep["over"];
  /** Microseconds of an exchange at each value. */
  readonly points: readonly { readonly value: number; readonly us: Estimate }[];
  /** Microseconds that each header, or each byte, adds; and those of an exchange without any: a line fitted in each round. */
  readonly each: Estimate;
  readonly fixed: Estimate;
}

/**
 * Measures all values in turns, there and back, on one plugin: what an instance costs more than another it costs at each of them.
 *
 * @param base The exchange that is varied. @param pause After each round.
 */
export async function sweep(
  source: ModuleSource,
  options: PluginOptions,
  { over, values }: Sweep,
  { base, streams, freshState, rounds, roundMs, pause }: SweepOptions,
): Promise<SweepReport> {
  const plugin = await loadPlugin(source, options);
  const subjects = values.map((value) => Subject.of(plugin, [sweptExchange(base, over, value)], streams));
  const times = subjects.map((subject) => {
    const last = warmUp(subject, freshState, 25, 300, 1500).timeline.at(-1)!;
    return Math.max(5, Math.round((roundMs * 1000) / streams / last));
  });
  const medians: number[][] = subjects.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const inTurn = [...subjects.entries()];
    for (const [i, subject] of round % 2 === 0 ? inTurn : inTurn.toReversed()) {
      subject.fresh();
      subject.sample(20, freshState); // caches are cold after a memory was put back
      medians[i]!.push(median(subject.sample(times[i]!, freshState)));
    }
    await pause();
  }
  plugin.close();
  const lines = Array.from({ length: rounds }, (_, round) =>
    fitLine(values.map((value, i) => [value, medians[i]![round]!])),
  );
  return {
    over,
    points: values.map((value, i) => ({ value, us: medianOf(medians[i]!) })),
    each: medianOf(lines.map(({ slope }) => slope.value)),
    fixed: medianOf(lines.map(({ intercept }) => intercept)),
  };
}
