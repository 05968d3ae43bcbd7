/** A value with the range that holds it in 95 of 100 repetitions. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Samples of one round: what disturbs a machine disturbs a whole round, so rounds are what is resampled. */
export type Round = readonly number[];

const resamples = 500;

/** Numbers from 0 to below 1 that are the same in every run: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
  };
}

/** The smallest value that at least this share of the values does not exceed. NaN for none. @param share From 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** The middle value; of an even number of them, the mean of the two. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}

/**
 * Quantiles over the samples of all rounds; their intervals by bootstrap over rounds (percentiles 2.5 and 97.5 of 500
 * resamples with a fixed seed).
 *
 * @param shares From 0 to 1.
 */
export function quantilesOf(rounds: readonly Round[], shares: readonly number[]): Estimate[] {
  const all = rounds.flatMap((round, number) => round.map((value) => ({ value, number })));
  all.sort((a, b) => a.value - b.value);
  const values = Float64Array.from(all, ({ value }) => value);
  const numbers = Uint32Array.from(all, ({ number }) => number);
  const sizes = rounds.map((round) => round.length);
  const weights = new Float64Array(rounds.length).fill(1);
  const found = shares.map((share) => values[Math.max(0, Math.ceil(share * values.length) - 1)] ?? NaN);
  const random = seededRandom(1);
  const drawn: number[][] = shares.map(() => []);
  const ascending = shares.map((share, i) => ({ share, i })).sort((a, b) => a.share - b.share);
  for (let n = 0; n < resamples && rounds.length > 1; n++) {
    weights.fill(0);
    let total = 0;
    for (let i = 0; i < rounds.length; i++) {
      const pick = Math.floor(random() * rounds.length);
      weights[pick]!++;
      total += sizes[pick]!;
    }
    let seen = 0;
    let at = 0;
    for (const { share, i } of ascending) {
      const wanted = Math.max(1, Math.ceil(share * total));
      while (at < values.length && seen < wanted) seen += weights[numbers[at++]!]!;
      drawn[i]!.push(values[at - 1]!);
    }
  }
  return found.map((value, i) => percentiles(drawn[i]!, value));
}

/** The median of values, one for each round, with its interval by bootstrap. */
export function medianOf(perRound: readonly number[]): Estimate {
  return bootstrap(perRound.length, (pick) => median(pick.map((i) => perRound[i]!)));
}

/**
 * The median over rounds of `a` divided by `b` of the same round: both met the same disturbances. The interval is true of rounds
 * that have nothing else in common: an error that several share is not seen.
 */
export function pairedRatio(a: readonly number[], b: readonly number[]): Estimate {
  return medianOf(a.map((value, i) => value / b[i]!));
}

/**
 * The median of `a` divided by that of `b`, of two runs that have nothing in common.
 *
 * @param between Standard deviation of what all rounds of a run share, relative to their median: added to the interval in quadrature.
 */
export function unpairedRatio(a: readonly number[], b: readonly number[], between = 0): Estimate {
  const random = seededRandom(2);
  const draw = (from: readonly number[]): number =>
    median(Array.from(from, () => from[Math.floor(random() * from.length)]!));
  const value = median(a) / median(b);
  const drawn = Array.from({ length: resamples }, () => draw(a) / draw(b));
  const { low, high } = percentiles(drawn, value);
  const shared = 1.96 * Math.SQRT2 * between; // both runs have one
  return {
    value,
    low: value / Math.exp(Math.hypot(Math.log(value / low), shared)),
    high: value * Math.exp(Math.hypot(Math.log(high / value), shared)),
  };
}

/** @param statistic Of the rounds with these indices. */
function bootstrap(rounds: number, statistic: (pick: readonly number[]) => number): Estimate {
  const random = seededRandom(1);
  const indices = Array.from({ length: rounds }, (_, i) => i);
  const drawn = Array.from({ length: resamples }, () => statistic(indices.map(() => Math.floor(random() * rounds))));
  const value = statistic(indices);
  return percentiles(drawn, value);
}

/** What was found, with the middle 95 % of what the resamples gave. */
function percentiles(drawn: readonly number[], value: number): Estimate {
  if (drawn.length === 0) return { value, low: value, high: value };
  return { value, low: Math.min(value, quantile(drawn, 0.025)), high: Math.max(value, quantile(drawn, 0.975)) };
}

/** How far values scatter around their median, relative to it: 1.4826 times the median deviation, as a normal's sigma. */
export function relativeSpread(values: readonly number[]): number {
  const middle = median(values);
  return (1.4826 * median(values.map((value) => Math.abs(value - middle)))) / middle;
}

/** Least squares: `y = intercept + slope * x`; the slope's interval from its standard error and Student's t. */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): { intercept: number; slope: Estimate } {
  const n = points.length;
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / n;
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)];
  const sxx = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / sxx;
  const intercept = my - slope * mx;
  const residual = points.reduce((sum, [x, y]) => sum + (y - intercept - slope * x) ** 2, 0);
  const t =
    [Infinity, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228][Math.max(0, n - 2)] ?? 2.1;
  const half = n > 2 ? t * Math.sqrt(residual / (n - 2) / sxx) : Infinity;
  return { intercept, slope: { value: slope, low: slope - half, high: slope + half } };
}
