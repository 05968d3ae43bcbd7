// What coverage costs a fuzzer: the same cases played with counters and without.
import { Coverage } from "../dist/fuzz/index.js";
import { fuzzCase } from "../dist/fuzz/arbitraries.js";
import { Player } from "../dist/fuzz/player.js";
import fc from "fast-check";

/** Cases that are played in turn. Those that the client leaves, or that are played many times over, cost something else. */
const cases = fc
  .sample(fuzzCase(), { seed: 7, numRuns: 300 })
  .filter(({ repeat }) => repeat === 1)
  .slice(0, 200);

/** A workload that plays them. @param {string} module @param {object} configuration @param {boolean} counted */
async function playing(module, configuration, counted) {
  const player = await Player.create(
    { module, configuration, ...(counted && { coverage: new Coverage() }) },
    { budgetMs: 10_000, seed: 1 },
  );
  let at = 0;
  return {
    /** @param {number} times */
    run(times) {
      let played = 0;
      for (let left = times; left > 0; left -= 100) {
        player.batch(() => {
          for (let i = 0; i < Math.min(left, 100); i++, played++) {
            player.play(/** @type {(typeof cases)[number]} */ (cases[at++ % cases.length]));
          }
        });
      }
      if (played !== times) throw new Error("Measured cases that were cut off");
    },
  };
}

/** With counters, and without. @param {string} module */
export async function coveragePair(module) {
  const configuration = { header: "x-filter", value: "on" };
  return { on: await playing(module, configuration, true), off: await playing(module, configuration, false) };
}
