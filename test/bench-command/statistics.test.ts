// Made-up samples, whose answers theory knows.
import { describe, expect, test } from "vitest";
import {
  fitLine,
  median,
  medianOf,
  pairedRatio,
  quantilesOf,
  relativeSpread,
  seededRandom,
  unpairedRatio,
} from "../../src/bench/statistics.js";

/** Normal numbers by Box and Muller. */
function normal(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

describe("quantilesOf()", () => {
  test("of 1 to 1000 in any order are 500, 900, 990, 999", () => {
    const rounds = Array.from({ length: 10 }, (_, r) => Array.from({ length: 100 }, (_, i) => 1 + r + 10 * i));
    const found = quantilesOf(rounds, [0.5, 0.9, 0.99, 0.999]).map(({ value }) => value);
    expect(found).toEqual([500, 900, 990, 999]);
  });

  test("constant samples have an interval of one point", () => {
    expect(quantilesOf([[3, 3], [3, 3], [3]], [0.5])).toEqual([{ value: 3, low: 3, high: 3 }]);
  });

  test("the interval of a median holds the true one in about 95 of 100 repetitions", () => {
    let held = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const next = normal(seed);
      const rounds = Array.from({ length: 40 }, () => Array.from({ length: 10 }, next));
      const { low, high } = quantilesOf(rounds, [0.5])[0]!;
      if (low <= 0 && 0 <= high) held++;
    }
    // binomial with p = 0.95: outside of 88 to 100 fewer than once in 300
    expect(held).toBeGreaterThanOrEqual(88);
  });
});

test("median(): the middle, or the mean of the two in the middle", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("medianOf(): the interval of a normal's median shrinks with the root of the rounds", () => {
  const width = (rounds: number): number => {
    const { low, high } = medianOf(Array.from({ length: rounds }, normal(7)));
    return high - low;
  };
  // theory: 2 * 1.96 * sqrt(pi / 2 / n)
  expect(width(400)).toBeGreaterThan(0.5 * 2 * 1.96 * Math.sqrt(Math.PI / 800));
  expect(width(400)).toBeLessThan(1.8 * 2 * 1.96 * Math.sqrt(Math.PI / 800));
});

test("pairedRatio(): what disturbs both of a round leaves the ratio alone", () => {
  const disturbed = Array.from({ length: 30 }, (_, i) => 10 + (i % 7) * 5);
  const found = pairedRatio(
    disturbed.map((value) => value * 1.1),
    disturbed,
  );
  for (const one of Object.values(found)) expect(one).toBeCloseTo(1.1, 10);
});

/** How many of 200 repetitions have an interval that holds 1. @param estimate With numbers of their own. */
function holdsOne(estimate: (next: () => number) => { low: number; high: number }): number {
  const next = normal(11);
  const held = Array.from({ length: 200 }, () => estimate(next)).filter(({ low, high }) => low <= 1 && 1 <= high);
  return held.length;
}

/** Rounds with noise of 0.3 %, and an error of `sigma` that so many in a row share. */
function rounds(next: () => number, count: number, sigma: number, alike: number): number[] {
  let shared = 0;
  return Array.from({ length: count }, (_, i) => {
    if (i % alike === 0) shared = sigma * next();
    return 1 + shared + 0.003 * next();
  });
}

// binomial of 200 with p = 0.95: outside of 180 to 199 once in 300
describe("the interval holds the truth in about 95 of 100 repetitions", () => {
  const one = Array.from({ length: 40 }, () => 1);

  test.each([0.001, 0.005, 0.02])("of a paired ratio, when each start has an error of %d and one round", (sigma) => {
    expect(holdsOne((next) => pairedRatio(rounds(next, 40, sigma, 1), one))).toBeGreaterThanOrEqual(180);
  });

  test("but not when four rounds share a start: so each has its own", () => {
    expect(holdsOne((next) => pairedRatio(rounds(next, 40, 0.005, 4), one))).toBeLessThan(165);
  });

  test("of two runs, when each has an error of its own that is known", () => {
    const run = (next: () => number): number[] => rounds(next, 40, 0.03, 40);
    const held = holdsOne((next) => unpairedRatio(run(next), run(next), 0.03));
    expect(held).toBeGreaterThanOrEqual(180);
    expect(held).toBeLessThan(200);
    expect(holdsOne((next) => unpairedRatio(run(next), run(next)))).toBeLessThan(100);
  });
});

test("unpairedRatio(): of two runs with a tenth between them", () => {
  const next = normal(3);
  const then = Array.from({ length: 40 }, () => 10 + 0.1 * next());
  const now = Array.from({ length: 40 }, () => 11 + 0.1 * next());
  const { low, high } = unpairedRatio(now, then);
  expect(low).toBeLessThan(1.1);
  expect(high).toBeGreaterThan(1.1);
  expect(high - low).toBeLessThan(0.03);
});

test("relativeSpread(): of normal numbers, their sigma over their mean", () => {
  const next = normal(5);
  expect(relativeSpread(Array.from({ length: 4000 }, () => 100 + 5 * next()))).toBeCloseTo(0.05, 2);
});

describe("fitLine()", () => {
  test("points on a line give it back, without doubt", () => {
    const { intercept, slope } = fitLine([1, 10, 50, 100].map((x) => [x, 3 + 0.5 * x]));
    expect(intercept).toBeCloseTo(3, 10);
    expect(slope.value).toBeCloseTo(0.5, 10);
    expect(slope.high - slope.low).toBeLessThan(1e-9);
  });

  test("two points leave its doubt without bounds", () => {
    expect(fitLine([[1, 1], [2, 2]]).slope).toEqual({ value: 1, low: -Infinity, high: Infinity }); // prettier-ignore
  });
});
