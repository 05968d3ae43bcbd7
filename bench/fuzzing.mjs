// What a run of the fuzzer costs: a case made, played in a fresh state, compared with others and checked, to a plain exchange.
import { properties } from "../dist/fuzz/index.js";
import { BlindSearch } from "../dist/fuzz/blind-search.js";
import { Hunt } from "../dist/fuzz/hunt.js";
import { Player } from "../dist/fuzz/player.js";
import { fuzzInWorkers } from "../dist/fuzz/workers.js";

const configuration = { header: "x-filter", value: "on" };

/** @type {import("../dist/fuzz/index.js").FuzzCase} */
const plainCase = {
  exchanges: [
    {
      request: {
        method: "GET",
        path: "/a?b=c",
        authority: "example.com",
        protocol: "HTTP/1.1",
        headers: [
          ["accept", "*/*"],
          ["user-agent", "curl/8"],
          ["accept-encoding", "gzip"],
          ["cookie", "a=b"],
          ["x-request-id", "1"],
        ],
      },
      reply: { status: 200, headers: [["content-type", "text/plain"]], body: [Buffer.from("hello")] },
    },
  ],
  repeat: 1,
  callReply: {},
};

/** Runs of the fuzzer with the default properties, and plain exchanges in a fresh state of the same proxy. @param {string} module */
export async function searchPair(module) {
  const player = await Player.create({ module, configuration }, { budgetMs: 10_000, seed: 1 });
  const hunt = new Hunt(
    player,
    properties.filter(({ byDefault }) => byDefault === true),
  );
  const source = new BlindSearch(1, {}, {});
  return {
    search: {
      /** @param {number} times */
      run(times) {
        const end = source.at + times;
        while (source.at < end) {
          if (source.next(end - source.at, 1000, player, hunt) !== undefined)
            throw new Error("The fixture has a fault");
        }
      },
    },
    plain: {
      /** @param {number} times */
      run(times) {
        for (let left = times; left > 0; left -= 500) {
          player.batch(() => {
            for (let i = 0; i < Math.min(left, 500); i++) player.play(plainCase);
          });
        }
      },
    },
  };
}

/** V8 compiles in threads of its own for the first seconds, and takes a processor from a second worker. */
const warmMs = 4000;

/**
 * Runs a second of two threads, once they are warm, to those of one. Each from its best of several rounds: who else uses a processor takes
 * from a rate and adds to none, and what it takes from one thread alone would count for two.
 *
 * @param {string} module
 * @param {number} rounds
 */
export async function twoSearchers(module, rounds) {
  let [one, two] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    for (const count of round % 2 === 0 ? [1, 2] : [2, 1]) {
      const rate = await warmRate(module, count);
      if (count === 1) one = Math.max(one, rate);
      else two = Math.max(two, rate);
    }
  }
  return two / one;
}

/** @param {string} module @param {number} count */
async function warmRate(module, count) {
  const property = properties.flatMap(({ name, byDefault }) => (byDefault === true ? [name] : []));
  /** @type {import("../dist/fuzz/index.js").FuzzProgress | undefined} */
  let first;
  /** @param {import("../dist/fuzz/index.js").FuzzProgress} progress */
  const onProgress = (progress) => {
    if (progress.elapsedMs > warmMs) first ??= progress;
  };
  const { runs, elapsedMs } = await fuzzInWorkers(
    { module, configuration, property, runs: 1e9, timeMs: 2 * warmMs, onProgress },
    count,
  );
  if (first === undefined) throw new Error("The workers told nothing");
  return (runs - first.runs) / (elapsedMs - first.elapsedMs);
}
