import type { PluginOptions } from "../harness/plugin.js";
import type { ModuleSource } from "../harness/source.js";
import type { Sweep } from "./load.js";
import { sweptExchange } from "./load.js";
import type { Estimate } from "./statistics.js";
import { fitLine, median, medianOf } from "./statistics.js";
import { Subject } from "./subject.js";
import { warmUp } from "./warm-up.js";

/** How an exchange's time depends on what is sent. */
export interface SweepReport {
  readonly over: Sweep["over"];
  /** Microseconds of an exchange at each value. */
  readonly points: readonly { readonly value: number; readonly us: Estimate }[];
  /** Microseconds that each header, or each byte, adds; and those of an exchange without any: a line fitted in each round. */
  readonly each: Estimate;
  readonly fixed: Estimate;
}

/** Measures all values in turns, each on a plugin of its own. */
export async function sweep(
  source: ModuleSource,
  options: PluginOptions,
  { over, values }: Sweep,
  rounds: number,
  roundMs: number,
): Promise<SweepReport> {
  const subjects = await Promise.all(
    values.map((value) => Subject.load(source, options, [sweptExchange(over, value)], 1)),
  );
  const times = subjects.map((subject) => {
    const last = warmUp(subject, false, 25, 300, 1500).timeline.at(-1)!;
    return Math.max(5, Math.round((roundMs * 1000) / last));
  });
  const medians: number[][] = subjects.map(() => []);
  for (let round = 0; round < rounds; round++) {
    subjects.forEach((subject, i) => {
      subject.fresh();
      subject.sample(5);
      medians[i]!.push(median(subject.sample(times[i]!)));
    });
    await new Promise(setImmediate);
  }
  for (const subject of subjects) subject.close();
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
