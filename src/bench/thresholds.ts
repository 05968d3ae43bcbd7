import { didYouMean } from "../abi/nearest.js";
import { HarnessError } from "../errors.js";
import type { Estimate } from "./statistics.js";
import type { BenchReport } from "./report.js";

/** A limit in the style of k6: `p(95)<50us`, `ratio<1.1`, `memory_slope==0`. */
export interface Threshold {
  readonly text: string;
  readonly metric: string;
  readonly operator: Operator;
  /** In microseconds, bytes, or plain. */
  readonly limit: number;
}

/** `undecided`: the limit lies within the interval, so that the noise is too large to tell. */
export type Verdict = "passed" | "failed" | "undecided";

export interface ThresholdResult {
  readonly threshold: string;
  readonly verdict: Verdict;
  readonly measured: Estimate;
}

type Operator = "<" | "<=" | ">" | ">=" | "==" | "!=";
type Unit = "time" | "bytes" | "count" | "ratio";

const exact = (value: number): Estimate => ({ value, low: value, high: value });
const micros = ({ value, low, high }: Estimate): Estimate => ({
  value: value * 1000,
  low: low * 1000,
  high: high * 1000,
});

/** What can be limited besides `p(N)`. */
const metrics: Readonly<Record<string, { unit: Unit; of: (report: BenchReport) => Estimate | undefined }>> = {
  med: { unit: "time", of: ({ exchange }) => exchange.median },
  max: { unit: "time", of: ({ exchange }) => exact(exchange.max) },
  guest: { unit: "time", of: ({ guest }) => guest },
  host: { unit: "time", of: ({ host }) => host },
  ratio: { unit: "ratio", of: ({ against, baseline }) => (against ?? baseline)?.ratio },
  constant_ratio: { unit: "ratio", of: ({ noise }) => noise.toConstant },
  memory_slope: { unit: "bytes", of: ({ memory }) => memory.slope },
  hostcalls: { unit: "count", of: ({ counts }) => exact(counts.hostcalls) },
  bytes_copied: { unit: "bytes", of: ({ counts }) => exact(counts.bytesCopied) },
  allocations: { unit: "count", of: ({ counts }) => exact(counts.allocations) },
  allocated_bytes: { unit: "bytes", of: ({ counts }) => exact(counts.allocatedBytes) },
  own_allocations: { unit: "count", of: ({ ownAllocations: own }) => own && exact(own.calls) },
  own_allocated_bytes: { unit: "bytes", of: ({ ownAllocations: own }) => own && exact(own.bytes) },
  log_lines: { unit: "count", of: ({ counts }) => exact(counts.logLines) },
  log_bytes: { unit: "bytes", of: ({ counts }) => exact(counts.logBytes) },
  compile: { unit: "time", of: ({ cold }) => micros(cold.compileMs) },
  vm_start: { unit: "time", of: ({ cold }) => micros(cold.vmStartMs) },
  configure: { unit: "time", of: ({ cold }) => micros(cold.configureMs) },
  first_exchange: { unit: "time", of: ({ cold }) => exact(cold.firstExchangeMs * 1000) },
  stream: { unit: "time", of: ({ stream }) => stream },
};

const units: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  time: { ns: 0.001, us: 1, µs: 1, ms: 1000, s: 1_000_000 },
  bytes: { b: 1, kb: 1024, mb: 1024 * 1024 },
  count: {},
  ratio: { x: 1 },
};

/** @throws {HarnessError} OPTION_INVALID, saying which part of it cannot be read. */
export function parseThreshold(text: string): Threshold {
  const refuse = (why: string): never => {
    throw new HarnessError("OPTION_INVALID", `Cannot use threshold ${JSON.stringify(text)}: ${why}`);
  };
  const example = "write it as p(95)<50us, ratio<1.1 or memory_slope==0";
  const found = /^\s*([a-z_]+(?:\([^)]*\))?)\s*(<=|>=|==|!=|<|>|=)\s*(\S.*?)\s*$/.exec(text);
  if (found === null) return refuse(`it is no metric, operator and limit; ${example}`);
  const [, metric, operator, limit] = found as unknown as [string, string, string, string];
  if (operator === "=") return refuse("equal is ==");
  const percentile = /^p\(([^)]*)\)$/.exec(metric)?.[1];
  if (percentile !== undefined && !(/^\d+(\.\d+)?$/.test(percentile) && +percentile > 0 && +percentile < 100)) {
    return refuse("a percentile lies between 0 and 100, as in p(95) or p(99.9)");
  }
  if (percentile === undefined && !Object.hasOwn(metrics, metric)) {
    const names = Object.keys(metrics);
    return refuse(`there is no metric "${metric}"${didYouMean(metric, names)}: there are p(N), ${names.join(", ")}`);
  }
  const unit = percentile === undefined ? metrics[metric]!.unit : "time";
  const number = /^(-?\d+(?:\.\d+)?)\s*([a-zµ]*)$/i.exec(limit);
  if (number === null) return refuse(`"${limit}" is no number`);
  const factors = units[unit];
  const suffix = number[2]!.toLowerCase();
  if (suffix !== "" && !Object.hasOwn(factors, suffix)) {
    const known = Object.keys(factors);
    return refuse(`${metric} has no unit "${number[2]}"${known.length > 0 ? `: it has ${known.join(", ")}` : ""}`);
  }
  if (suffix === "" && unit === "time" && Number(number[1]) !== 0) {
    return refuse(`${metric} is a time and "${limit}" has no unit: us, ms, ns or s`);
  }
  return {
    text: text.trim(),
    metric,
    operator: operator as Operator,
    limit: Number(number[1]) * (factors[suffix] ?? 1),
  };
}

/** 95 of `p(95)`; undefined for another metric. */
export function percentileOf(metric: string): number | undefined {
  const found = /^p\((.*)\)$/.exec(metric);
  return found === null ? undefined : Number(found[1]);
}

/**
 * Fails only what the whole interval breaks, and passes only what all of it keeps.
 * An equality passes when the interval holds the limit: no measurement can prove it.
 *
 * @throws {HarnessError} OPTION_INVALID when the report has nothing to compare with the limit.
 */
export function judge({ text, metric, operator, limit }: Threshold, report: BenchReport): ThresholdResult {
  const percentile = percentileOf(metric);
  const measured =
    percentile === undefined ? metrics[metric]!.of(report) : report.exchange.percentiles[`p${percentile}`];
  if (measured === undefined) throw unjudged({ text, metric });
  return { threshold: text, verdict: verdictOf(measured, operator, limit), measured };
}

/** The error for a limit of what this run does not know. */
export function unjudged({ text, metric }: Pick<Threshold, "text" | "metric">): HarnessError {
  const why = metric.startsWith("own_")
    ? "no function name in the module tells which is its allocator, or it has no globals; build it with its name section"
    : "there is nothing to compare with; give --against or --baseline";
  return new HarnessError("OPTION_INVALID", `Cannot judge ${text}: ${why}`);
}

export function verdictOf({ low, high }: Estimate, operator: Operator, limit: number): Verdict {
  const decided = (all: boolean, none: boolean): Verdict => (all ? "passed" : none ? "failed" : "undecided");
  switch (operator) {
    case "<":
      return decided(high < limit, low >= limit);
    case "<=":
      return decided(high <= limit, low > limit);
    case ">":
      return decided(low > limit, high <= limit);
    case ">=":
      return decided(low >= limit, high < limit);
    case "==":
      return low <= limit && limit <= high ? "passed" : "failed";
    case "!=":
      return low <= limit && limit <= high ? (low === high ? "failed" : "undecided") : "passed";
  }
}
