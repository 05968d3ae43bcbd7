import type { WarmUp } from "./report.js";
import { median } from "./statistics.js";
import type { Subject } from "./subject.js";

/** Pieces that must agree, and how far. */
const window = 6;
const tolerance = 0.04;

/**
 * Whether the last pieces stay the same: the median of the last six is not lower than that of the six before by more than
 * 4 %. V8's tiers make times fall in steps; noise moves them both ways.
 */
export function isSteady(timeline: readonly number[]): boolean {
  if (timeline.length < 2 * window) return false;
  const last = median(timeline.slice(-window));
  const before = median(timeline.slice(-2 * window, -window));
  return Math.abs(last / before - 1) <= tolerance;
}

/** Runs the subject until its times no longer fall, or for `mostMs`. @param pieceMs Length of a piece. */
export function warmUp(subject: Subject, freshState: boolean, pieceMs = 25, leastMs = 300, mostMs = 3000): WarmUp {
  const timeline: number[] = [];
  const start = performance.now();
  let exchanges = 0;
  for (;;) {
    const samples: number[] = [];
    const end = performance.now() + pieceMs;
    if (!freshState) subject.fresh();
    do samples.push(...subject.sample(10, freshState));
    while (performance.now() < end);
    exchanges += samples.length;
    timeline.push(median(samples));
    const ms = performance.now() - start;
    const steady = isSteady(timeline);
    if ((steady && ms >= leastMs) || ms >= mostMs) return { exchanges, ms, steady, timeline };
  }
}
