// The table of `npm run bench`: what was measured against which goal.

/**
 * @typedef {object} Row
 * @property {string} what
 * @property {number | undefined} value Undefined: skipped, for the reason in `note`.
 * @property {number} goal
 * @property {string} unit `x` for a ratio.
 * @property {boolean} atLeast The goal is to be reached from above.
 * @property {string} note
 * @property {number} [best] Of the fastest rounds: what tells a figure that is far from one that was disturbed.
 * @property {string} [farBecause] Known to be more than twice its goal, and why: printed, and no failure of the short run.
 */

/** @type {Row[]} */
export const table = [];

/** A figure that is to be at most the goal. @param {string} what @param {number | { median: number, best: number }} value @param {number} goal @param {string} unit @param {string} [note] @param {string} [farBecause] */
export function atMost(what, value, goal, unit, note = "", farBecause = undefined) {
  const figures = typeof value === "number" ? { value } : { value: value.median, best: value.best };
  table.push({ what, ...figures, goal, unit, atLeast: false, note, ...(farBecause && { farBecause }) });
}

/** A figure that is to be at least the goal. @param {string} what @param {number | { median: number, best: number }} value @param {number} goal @param {string} unit @param {string} [note] */
export function atLeast(what, value, goal, unit, note = "") {
  const figures = typeof value === "number" ? { value } : { value: value.median, best: value.best };
  table.push({ what, ...figures, goal, unit, atLeast: true, note });
}

/** A figure that cannot be measured here. @param {string} what @param {number} goal @param {string} unit @param {string} why */
export function skip(what, goal, unit, why) {
  table.push({ what, value: undefined, goal, unit, atLeast: false, note: why });
}

/** @param {number} ns */
export function us(ns) {
  return `${(ns / 1000).toFixed(2)} µs`;
}

/** Prints the table. @returns {boolean} Is a figure twice as bad as its goal? */
export function print() {
  let reached = 0;
  let far = false;
  for (const { what, value, best = value, goal, unit, atLeast: up, note, farBecause } of table) {
    const ok = value !== undefined && (up ? value >= goal : value <= goal);
    if (ok) reached++;
    else if (best !== undefined && farBecause === undefined && (up ? best < goal / 2 : best > 2 * goal)) far = true;
    const missed = value === undefined ? "skipped" : "NOT reached";
    const shown = value?.toFixed(unit === "x" || value < 10 ? 2 : 0) ?? "-";
    console.log(
      `${what.padEnd(58)} ${shown.padStart(6)} ${unit.padEnd(3)} goal ${up ? ">=" : "<="} ${String(goal).padEnd(4)} ${unit.padEnd(3)} ${(ok ? "reached" : missed).padEnd(12)} ${note}${!ok && farBecause ? `; known: ${farBecause}` : ""}`.trimEnd(),
    );
  }
  const measured = table.filter(({ value }) => value !== undefined).length;
  console.log(`${reached} of ${measured} goals reached`);
  return far;
}
