// Measuring two or more workloads against each other in one run: rounds interleaved, so that a busy machine slows all alike.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Collects what earlier rounds left, above all the memories of guests that began anew: no round pays for another's. */
const collect = /** @type {() => void} */ (runInNewContext("gc"));

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {() => void} [fresh] Puts it back to its beginning, before each round; not timed.
 * @property {(times: number) => void} run Does the work `times` times, and throws when the work did not happen.
 */

/** Median of numbers. @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/**
 * Nanoseconds each workload takes once, round by round.
 *
 * @param {readonly Workload[]} workloads
 * @param {{ rounds?: number, roundMs?: number, warmUpMs?: number, equal?: boolean }} [options] `equal`: the same number of
 *   times for all, where a guest's own state (its collector, its leaks) grows with each.
 * @returns {number[][]} For each workload, its rounds.
 */
export function interleave(workloads, { rounds = 40, roundMs = 25, warmUpMs = 600, equal = false } = {}) {
  const alone = workloads.map(({ run, fresh }) => calibrate(run, fresh, roundMs, warmUpMs));
  const times = equal ? alone.map(() => Math.min(...alone)) : alone;
  /** @type {number[][]} */
  const results = workloads.map(() => []);
  for (let round = 0; round < rounds; round++) {
    workloads.forEach(({ run, fresh }, i) => {
      fresh?.();
      if (fresh !== undefined) collect();
      const n = /** @type {number} */ (times[i]);
      const start = performance.now();
      run(n);
      results[i]?.push(((performance.now() - start) * 1e6) / n);
    });
  }
  return results;
}

/** How often a workload runs in a round, after it has been warmed up. @param {Workload["run"]} run @param {Workload["fresh"]} fresh @param {number} roundMs @param {number} warmUpMs */
function calibrate(run, fresh, roundMs, warmUpMs) {
  let times = 1;
  const end = performance.now() + warmUpMs;
  for (;;) {
    fresh?.();
    const start = performance.now();
    run(times);
    const took = performance.now() - start;
    if (performance.now() > end && took > roundMs / 2) return Math.max(1, Math.round((times * roundMs) / took));
    if (took < roundMs / 2) times *= 2;
  }
}

/**
 * The median over the rounds of a's time divided by b's, and the same of the fastest round of each, which nothing disturbed.
 *
 * @param {number[]} a
 * @param {number[]} b
 */
export function ratio(a, b) {
  return {
    median: median(a.map((value, i) => value / /** @type {number} */ (b[i]))),
    best: Math.min(...a) / Math.min(...b),
  };
}
