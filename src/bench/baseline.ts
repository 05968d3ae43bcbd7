import { HarnessError } from "../errors.js";
import { readNamedFile } from "../harness/source.js";
import type { Machine } from "./machine.js";
import { difference } from "./machine.js";
import type { Comparison, Load } from "./report.js";
import { compared } from "./compare.js";
import { unpairedRatio } from "./statistics.js";

/** What is kept of a run, to compare later ones with. */
export interface Baseline {
  readonly kind: "pwh-bench-baseline";
  readonly schema: 2;
  readonly module: string;
  readonly machine: Machine;
  readonly load: Load;
  /** Sha256 of the plugin's configuration. */
  readonly configuration: string;
  /** Median microseconds of an exchange, by round, and of the constant workload in the same rounds. */
  readonly rounds: readonly number[];
  readonly constant: readonly number[];
}

/** @throws {HarnessError} FILE_UNREADABLE; OPTION_INVALID for what is no baseline, one of another version, or of another load than `load`. */
export async function readBaseline(file: string, load: Load): Promise<Baseline> {
  const refuse = (why: string): never => {
    throw new HarnessError("OPTION_INVALID", `Cannot use ${file} as a baseline: ${why}; make one with --save-baseline`);
  };
  const text = Buffer.from(await readNamedFile(file)).toString();
  let value: Partial<Baseline>;
  try {
    value = JSON.parse(text) as Partial<Baseline>;
  } catch {
    return refuse("it is no JSON");
  }
  if (value?.kind !== "pwh-bench-baseline") return refuse("pwh bench did not write it");
  if (value.schema !== 2) return refuse(`its schema is ${JSON.stringify(value.schema)}, and this pwh reads 2`);
  const numbers = (list: unknown): boolean =>
    Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === "number" && one > 0);
  if (!numbers(value.rounds) || !numbers(value.constant) || value.rounds!.length !== value.constant!.length) {
    return refuse("its rounds are not two lists of as many numbers");
  }
  const { cpu, platform, node } = value.machine ?? {};
  if (![cpu, platform, node].every((one) => typeof one === "string"))
    return refuse("it does not say on what machine it was made");
  if (typeof value.load?.sha256 !== "string") return refuse("it does not say what was sent");
  const told = ({ exchanges, streams, state }: Load): string =>
    `${exchanges} exchange${exchanges === 1 ? "" : "s"}, ${streams} in flight, ${state} state`;
  const [then, now] = [told(value.load), told(load)];
  if (then !== now) return refuse(`it was made with ${then}, and this run has ${now}`);
  if (value.load.sha256 !== load.sha256) return refuse("other requests or answers were sent");
  return value as Baseline;
}

/**
 * How far medians of runs of one module scatter, relative to them: a process lays out its memory and tiers up its code as no other does.
 * Of eight runs each, 1 to 4 % for seven fixtures, so that bootstrap intervals over rounds missed 1 in most pairs (RATIONALE).
 */
const betweenRuns = 0.03;

/** On another machine or Node, times mean nothing beside each other: their ratios to the constant workload do, roughly. */
export function againstBaseline(
  file: string,
  baseline: Baseline,
  { machine, rounds, constant, configuration }: Baseline,
): Comparison {
  const other = difference(machine, baseline.machine);
  const configured = configuration === baseline.configuration ? "" : "; the plugin's configuration was another";
  if (other === undefined) {
    const note = `two runs of the same differ by ${betweenRuns * 100} % or so, which its interval holds; --against runs both together`;
    return compared(file, unpairedRatio(rounds, baseline.rounds, betweenRuns), note + configured);
  }
  const scaled = (times: readonly number[], by: readonly number[]): number[] => times.map((time, i) => time / by[i]!);
  return compared(
    file,
    unpairedRatio(scaled(rounds, constant), scaled(baseline.rounds, baseline.constant), betweenRuns),
    `another machine or Node: ${other}; compared are ratios to the constant workload, and what two machines differ by in these its interval does not hold${configured}`,
  );
}
